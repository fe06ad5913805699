"""Starting, stopping, dying, and the exit statuses."""

import json
import signal
import socket
import subprocess
import time

import pytest
import yaml

from support import behaviours as does
from support.client import Truncated, ask, request
from support.gateway import BINARY, ROOT, SLOW, document, route
from support.laws import imbalance
from support.load import Load
from support.metrics import fetch
from support.origin import ok
from support.ports import free_port
from support.wait import until


def glassgate(*command, timeout=20):
    return subprocess.run([str(BINARY), *map(str, command)], capture_output=True, text=True, timeout=timeout * SLOW)


def refused(port):
    try:
        ask(port, "/")
    except (ConnectionError, Truncated):   # Truncated: accepted, and closed before a byte was read
        return True
    return False


# ---- stopping

def test_sigterm_lets_open_requests_finish(gateway, origin):
    origin.on("/slow", does.delay(1.0, ok(b"finished")))
    gate = gateway([route("all", origin)])
    idle = gate.client()
    assert idle.ask("/").status == 200
    with gate.client() as client:
        client.send(request("/slow"))
        until(lambda: origin.seen("/slow"), "it is under way")
        gate.signal(signal.SIGTERM)
        until(lambda: fetch(gate.admin, "/readyz")[0] == 503, "not ready any more")
        assert fetch(gate.admin, "/healthz")[0] == 200
        idle.expect_closed()
        until(lambda: refused(gate.port), "new connections are refused")
        metrics = gate.metrics()
        answer = client.response()
        assert answer.body == b"finished" and answer.closes
    assert gate.wait() == 0
    assert gate.access(request__path="/slow")[0]["response.ending"] == "completed"
    assert metrics.value("flex_exchanges_active", listener="public") == 1
    assert [e["event"] for e in gate.events()][-2:] == ["gateway_draining", "gateway_stopped"]
    idle.close()


def test_the_drain_deadline_cuts_off(gateway, origin):
    origin.on("/hang", does.hang()).on("/stream", does.endless(length=10**12)).on("/ws", does.upgrade_echo())
    gate = gateway([route("all", origin)], drain_ms=500)
    with gate.client() as waiting, gate.client() as sending, gate.client() as streaming, gate.client() as socketed:
        waiting.send(request("/hang"))
        sending.send(request("/upload", "POST", {"Content-Length": "1000"}) + b"abc")
        streaming.send(request("/stream"))
        socketed.send(request("/ws", headers={"Connection": "Upgrade", "Upgrade": "websocket"}))
        assert socketed.response().status == 101
        until(lambda: origin.seen("/hang") and origin.seen("/upload") and origin.seen("/stream"), "all are under way")
        began = time.monotonic()
        gate.signal(signal.SIGTERM)
        answer = waiting.response()
        assert answer.status == 503 and answer.closes
        assert sending.response().status == 503
        with pytest.raises(Truncated):
            streaming.response()
        socketed.expect_closed()
        assert gate.wait() == 0
    assert 0.4 < time.monotonic() - began < 4 * SLOW
    endings = {line["request.path"]: (line["response.ending"], line["response.origin"]) for line in gate.access()}
    assert endings == {p: ("shutdown", "gateway") for p in ("/hang", "/upload", "/stream", "/ws")}


def test_stopping_loses_no_record(gateway, origin):
    """Everything answered before SIGTERM and during the drain is in the log at the end."""
    gate = gateway([route("all", origin)])
    with Load(gate.port, clients=4) as load:
        gate.until_metric("flex_requests_total", lambda v: v > 200)
        gate.signal(signal.SIGTERM)
        gate.wait()
        # The clients now meet a closed port; only what they got counts.
    assert load.result["requests"] <= len(gate.access()) <= load.result["requests"] + 4
    assert len(gate.access()) == len(gate.access(path=gate.stdout_path))


def test_no_answered_request_is_refused_while_draining(gateway, origin):
    """A rolling update: nobody who was let in is turned away."""
    gate = gateway([route("all", origin)])
    with Load(gate.port, clients=6) as load:
        gate.until_metric("flex_requests_total", lambda v: v > 100)
        gate.signal(signal.SIGTERM)
        assert gate.wait() == 0
    assert set(load.result["statuses"]) == {"200"}
    refused = [f for f in load.result["failed"] if "Refused" not in f and "closed inside a line" not in f]
    assert refused == [], refused[:5]


def test_a_second_signal_ends_at_once(gateway, origin):
    origin.default = does.hang()
    gate = gateway([route("all", origin)], drain_ms=30_000)
    gate.audited = False
    with gate.client() as client:
        client.send(request("/"))
        until(lambda: origin.requests, "it is under way")
        gate.signal(signal.SIGTERM)
        until(lambda: fetch(gate.admin, "/readyz")[0] == 503, "draining")
        gate.signal(signal.SIGTERM)
        gate.expected_exit = -signal.SIGTERM
        assert gate.wait(3) == -signal.SIGTERM


def test_sigint_is_a_stop_too(gateway, origin):
    gate = gateway([route("all", origin)])
    gate.signal(signal.SIGINT)
    assert gate.wait() == 0


def test_kill_9_leaves_no_half_line(gateway, origin):
    gate = gateway([route("all", origin)])
    with Load(gate.port, clients=4) as load:
        gate.until_metric("flex_requests_total", lambda v: v > 1000, timeout=20)
        until(lambda: gate.log_path.exists() and gate.log_path.stat().st_size > 0, "something is logged")
        gate.kill()
    assert load.result["requests"] >= 1000
    data = gate.log_path.read_bytes()
    assert data.endswith(b"\n")
    for line in data.splitlines():
        json.loads(line)


def test_it_starts_again_after_kill_9(gateway, origin):
    gate = gateway([route("all", origin)])
    gate.ask("/")
    gate.kill()
    gate.expected_exit = 0
    lines = len(gate.lines())
    gate.exact_log = False
    gate.start()
    assert gate.ask("/").status == 200
    until(lambda: len(gate.access()) > 0 and len(gate.lines()) > lines, "the log goes on")


def test_the_law_holds_to_the_end(gateway, origin):
    gate = gateway([route("all", origin)])
    with gate.client() as client:
        for _ in range(500):
            client.ask("/")
    until(lambda: imbalance(gate.metrics()) == {}, "all is delivered", every=0.05)
    assert gate.metrics().sum("flex_telemetry_queue_bytes") == 0


# ---- exit statuses

def config(tmp_path, origin_url="http://127.0.0.1:9", **settings):
    path = tmp_path / "gateway.yaml"
    whole = document([route("all", {"url": origin_url})], port=free_port(), admin=free_port(), **settings)
    path.write_text(yaml.safe_dump(whole, sort_keys=False))
    return path, whole


def test_check_good(tmp_path):
    path, _ = config(tmp_path)
    done = glassgate("check", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "good" in done.stdout


@pytest.mark.parametrize("command", [["check"], ["run", "-c"]])
def test_every_mistake_is_told_at_once(tmp_path, command):
    path, whole = config(tmp_path)
    whole["spec"]["routes"][0]["upstraem"] = whole["spec"]["routes"][0].pop("upstream")
    whole["spec"]["drainMs"] = "soon"
    whole["spec"]["listeners"][0]["timeouts"] = {"headerMS": 5}
    whole["spec"]["telemetry"]["logging"]["fields"] = ["request.pth"]
    path.write_text(yaml.safe_dump(whole, sort_keys=False))
    done = glassgate(*command, path)
    assert done.returncode == 1 and done.stdout == ""
    for said in ("upstraem", "upstream", "drainMs", "headerMS", "headerMs", "request.pth", "request.path"):
        assert said in done.stderr, said
    located = [line for line in done.stderr.splitlines() if line.startswith(f"{path}:")]
    assert len(located) >= 4
    for line in located:
        where = line[len(str(path)):].split(":")
        assert where[1].isdigit() and where[2].strip().isdigit(), line


@pytest.mark.parametrize("text,said", [
    ("a: [", "gateway.yaml:"),
    ("apiVersion: gateway.mulesoft.com/v1\nkind: Gateway\nmetadata: {name: x}\n", "v1alpha1"),
    ("apiVersion: gateway.mulesoft.com/v1alpha1\nkind: Gatewey\nmetadata: {name: x}\n", "Gateway"),
    ("apiVersion: gateway.mulesoft.com/v1alpha1\nkind: Gateway\nmetadata: {}\n", "name"),
    ("", "Gateway"),
])
def test_bad_input_is_exit_1(tmp_path, text, said):
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    for command in (["check"], ["run", "-c"]):
        done = glassgate(*command, path)
        assert done.returncode == 1
        assert said in done.stderr


def test_a_missing_file_is_the_users_mistake(tmp_path):
    done = glassgate("check", tmp_path / "nothing.yaml")
    assert done.returncode == 1 and "nothing.yaml" in done.stderr


@pytest.mark.parametrize("which", ["traffic", "metrics"])
def test_a_port_in_use_is_the_environments_fault(tmp_path, which):
    path, whole = config(tmp_path)
    port = (int(whole["spec"]["listeners"][0]["address"].rsplit(":")[-1]) if which == "traffic"
            else whole["spec"]["telemetry"]["metrics"]["port"])
    with socket.create_server(("127.0.0.1", port)):
        done = glassgate("run", "-c", path)
    assert done.returncode == 2
    assert str(port) in done.stderr


def test_a_second_gateway_does_not_take_half_of_the_traffic(gateway, origin, tmp_path):
    """SO_REUSEPORT is for our own workers: another process is told that the port is taken."""
    gate = gateway([route("all", origin)])
    path, whole = config(tmp_path)
    whole["spec"]["listeners"][0]["address"] = f"http://127.0.0.1:{gate.port}"
    path.write_text(yaml.safe_dump(whole))
    try:
        done = glassgate("run", "-c", path)
    except subprocess.TimeoutExpired:
        pytest.fail("a second gateway serves the same port")
    assert done.returncode == 2 and str(gate.port) in done.stderr


@pytest.mark.parametrize("command", [[], ["serve"], ["run"], ["run", "--nonsense"], ["check"]])
def test_a_bad_command_line_is_exit_1(command):
    assert glassgate(*command).returncode == 1


def test_help_and_version_are_exit_0():
    assert glassgate("--help").returncode == 0
    done = glassgate("version")
    assert done.returncode == 0 and done.stdout.startswith("glassgate ")


def test_the_examples_are_good():
    for name in ("full.yaml", "retailco/gateway.yaml"):
        done = glassgate("check", ROOT / "examples" / name)
        assert (done.returncode, done.stderr) == (0, ""), name
