"""The audit log of a running gateway: what is in it, that nothing is missing, and what happens when it cannot be kept."""

import json
import os
import random
import signal
import subprocess
import threading
import time

import pytest

from support import audit
from support.gateway import SLOW, route
from support.load import Load
from support.rsyslog import RSYSLOGD, Rsyslog
from support.wait import until

CARD = "4111111111111111"


def audited(origin, path="/v1/payments/*", before=(), after=(), **settings):
    return route("payments-api", origin, path, policies=[*before, {"audit-log": settings}, *after])


def of_request(folder, request_id):
    return [r for r in audit.all_records(folder) if r.get("request.id") == request_id]


def until_records(folder, count, *types, timeout=20):
    return until(lambda: (found := audit.of_type(folder, *types)) and len(found) >= count and found,
                 lambda: f"{count} of {types}; there are {[r['type'] for r in audit.all_records(folder)][-20:]}", timeout=timeout * SLOW)


# ---- content

def test_a_request_is_opened_and_closed(gateway, origin, tmp_path):
    gate = gateway([audited(origin)], telemetry=audit.settings(tmp_path))
    answer = gate.ask("/v1/payments/17?amount=20&note=x", "POST", body=b"{}", headers={"User-Agent": "till/3"})
    assert answer.status == 200
    until_records(tmp_path, 1, "request.closed")
    opened, closed = of_request(tmp_path, answer.id)
    assert (opened["type"], closed["type"]) == ("request.opened", "request.closed")
    for record in (opened, closed):
        assert record["request.method"] == "POST" and record["request.path"] == "/v1/payments/17"
        assert record["request.remoteAddress"] == "127.0.0.1" and record["request.remotePort"] > 0
        assert record["route.id"] == "payments-api" and record["gateway.name"] == "e2e"
        assert record["request.query"] == "amount=***&note=***" and record["request.userAgent"] == "till/3"
    assert "response.status" not in opened
    assert closed["response.status"] == 200 and closed["response.ending"] == "completed"
    assert closed["event.outcome"] == "success" and closed["response.duration_ms"] >= 0
    assert [p["policy"] for p in closed["policy.outcomes"]] == ["audit-log"]
    metrics = gate.metrics()
    assert metrics.sum("flex_audit_records_total", destination="local") >= 3
    assert metrics.sum("flex_audit_last_checkpoint_timestamp_seconds", destination="local") > 1e9
    assert metrics.value("flex_audit_available") == 1
    gate.stop()
    audit.both_verify(tmp_path)
    types = [r["type"] for r in audit.all_records(tmp_path)]
    assert types[:3] == ["segment.opened", "log.started", "admin.gateway_started"]
    assert types[-2:] == ["admin.gateway_stopped", "log.stopped"]


def test_no_card_number_and_no_token(gateway, origin, tmp_path):
    gate = gateway([audited(origin)], telemetry=audit.settings(tmp_path))
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
    gate.ask(f"/v1/payments/{CARD}?card={CARD}", headers={
        "User-Agent": f"till 4111-1111-1111-1111 Bearer {token}", "Authorization": f"Bearer {token}", "Cookie": "session=secret99"})
    gate.ask(f"/v1/payments/4%31{10 * '1'}%31111", headers={"User-Agent": "5500 0000 0000 0004"})
    until_records(tmp_path, 2, "request.closed")
    text = "".join(json.dumps(r) for r in audit.all_records(tmp_path))
    for secret in (CARD, "4111-1111", "111111111", "5500 0000 0000 0004", token, "secret99"):
        assert secret not in text
    assert "************1111" in text


def test_refused_requests(gateway, origin, tmp_path):
    """Before the audit-log and behind it, on the route and on others: no failed authentication is missing."""
    required = {"client-id": {"sources": [{"header": "client_id"}], "required": True}}
    gate = gateway([route("first", origin, "/first", policies=[required, {"audit-log": {}}]),
                    route("behind", origin, "/behind", policies=[{"audit-log": {}}, required]),
                    route("other", origin, "/other", policies=[required]), route("open", origin, "/open")],
                   telemetry=audit.settings(tmp_path))
    answers = {path: gate.ask(path) for path in ("/first", "/behind", "/other")}
    assert {a.status for a in answers.values()} == {401}
    assert gate.ask("/open").status == 200
    known = gate.ask("/behind", headers={"client_id": "shop-7"})
    assert known.status == 200
    until(lambda: len(audit.of_type(tmp_path, "auth.failed")) == 2 and len(of_request(tmp_path, known.id)) == 2, "the records")
    assert [r["type"] for r in of_request(tmp_path, answers["/behind"].id)] == ["request.refused"]
    for path in ("/first", "/other"):
        record, = of_request(tmp_path, answers[path].id)
        assert record["type"] == "auth.failed" and record["request.path"] == path
    for path in answers:
        record, = of_request(tmp_path, answers[path].id)
        assert record["response.status"] == 401 and record["event.outcome"] == "failure"
        assert record["response.ending"] == "auth_failed" and record["request.remoteAddress"] == "127.0.0.1"
        assert record["policy.outcomes"][-1]["reason"] == "missing_client_id"
    assert [r["client.id"] for r in of_request(tmp_path, known.id)] == ["shop-7", "shop-7"]
    gate.stop()
    audit.both_verify(tmp_path)


def test_only_failures_when_not_always(gateway, origin, tmp_path):
    gate = gateway([audited(origin, always=False, path="/*") | {"bodyBytes": 1000}], telemetry=audit.settings(tmp_path))
    assert gate.ask("/ok").status == 200
    refused = gate.ask("/x", "POST", body=b"x" * 2000)
    assert refused.status == 413
    gate.stop()
    requests = [r for r in audit.all_records(tmp_path) if r["type"].startswith("request.")]
    assert all(r["response.status"] == 413 for r in requests)
    audit.both_verify(tmp_path)


def test_a_dead_upstream_is_a_failure(gateway, tmp_path):
    from support.ports import free_port
    gate = gateway([route("payments-api", "dead", "/*", policies=[{"audit-log": {}}])],
                   upstreams=[{"name": "dead", "targets": [{"url": f"http://127.0.0.1:{free_port()}"}]}],
                   telemetry=audit.settings(tmp_path))
    answer = gate.ask("/x")
    assert answer.status == 503
    until_records(tmp_path, 1, "request.closed")
    opened, closed = of_request(tmp_path, answer.id)
    assert closed["response.ending"] == "upstream_connect_failed" and closed["event.outcome"] == "failure"


def test_reloads_and_reads_are_recorded(gateway, origin, tmp_path):
    gate = gateway([audited(origin)], telemetry=audit.settings(tmp_path))
    gate.spec["drainMs"] = 4000
    gate.spec["routes"][0]["path"] = ["/v2/payments/*"]
    gate.reload()
    applied, = until_records(tmp_path, 1, "admin.config_applied")
    assert applied["config.before"] != applied["config.after"] and len(applied["config.diff_sha256"]) == 64
    assert applied["config.lines_added"] >= 1 and "/v2/payments/*" in applied["config.diff"]
    gate.spec["routes"][0]["patth"] = "x"
    gate.write_config()
    gate.signal(signal.SIGHUP)
    rejected, = until_records(tmp_path, 1, "admin.config_rejected")
    assert "patth" in rejected["reason"] and rejected["event.outcome"] == "failure"
    del gate.spec["routes"][0]["patth"]
    done = audit.glassgate("show", tmp_path / "audit", "--where", "type=admin.config_applied")
    assert done.returncode == 0 and "admin.config_applied" in done.stdout and not done.stderr
    read, = until_records(tmp_path, 1, "audit.read")
    assert read["command"] == "show" and "type=admin.config_applied" in read["detail"] and read["user.uid"] == os.getuid()


def test_body_recording_is_refused(binary, tmp_path):
    document = tmp_path / "gateway.yaml"
    document.write_text("""apiVersion: gateway.mulesoft.com/v1alpha1
kind: Gateway
metadata: {name: x}
spec:
  routes:
    - id: payments-api
      path: ["/*"]
      upstream: {url: "http://127.0.0.1:1"}
      policies: [{audit-log: {always: true, includeRequestBody: true, destination: "sylsog://relay"}}]
""")
    done = subprocess.run([binary, "check", document], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "PCI DSS requirement 3" in done.stderr and "requirement 10" in done.stderr
    assert "unknown scheme" in done.stderr


# ---- crashes

@pytest.mark.parametrize("rounds", [10, pytest.param(100, marks=pytest.mark.skipif(
    "GLASSGATE_LONG" not in os.environ, reason="GLASSGATE_LONG=1 for a hundred rounds"))])
def test_killed_at_random_under_load(gateway, origin, tmp_path, rounds):
    """Every request whose response reached its client has its record, and the log is good each time."""
    choose = random.Random(rounds)
    answered = set()
    gate = gateway([audited(origin)], telemetry=audit.settings(tmp_path, checkpoint={"records": 50, "ms": 200}), wait=False)
    gate.audited = gate.exact_log = False
    for turn in range(rounds):
        if turn:
            gate.spawn()
        until(gate.is_ready, "the gateway is ready", timeout=30 * SLOW)
        stop, lock = threading.Event(), threading.Lock()

        def client():
            while not stop.is_set():
                try:
                    with gate.client(timeout=5) as connection:
                        while not stop.is_set():
                            answer = connection.ask("/v1/payments/1")
                            with lock:
                                answered.add((answer.id, answer.status))
                except (OSError, AssertionError):
                    return
        threads = [threading.Thread(target=client) for _ in range(8)]
        for t in threads:
            t.start()
        enough = len(answered) + choose.randrange(20, 300)
        until(lambda: len(answered) >= enough, "the load is under way", timeout=30 * SLOW)
        gate.process.kill()
        gate.process.wait()
        stop.set()
        for t in threads:
            t.join()
        opened = {r["request.id"] for r in audit.of_type(tmp_path, "request.opened")}
        missing = {request for request, status in answered if status == 200} - opened
        assert not missing, f"round {turn}: {len(missing)} of {len(answered)} answered requests have no record"
    gate.spawn()
    until(gate.is_ready, "the gateway is ready", timeout=30 * SLOW)
    gate.stop()
    audit.both_verify(tmp_path)
    assert len(audit.of_type(tmp_path, "log.recovered")) == rounds
    never_closed = ({r["request.id"] for r in audit.of_type(tmp_path, "request.opened")}
                    - {r["request.id"] for r in audit.of_type(tmp_path, "request.closed")})
    assert len(never_closed) <= 8 * 3 * rounds    # only what was under way, or just over


# ---- the disk

FAULTY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int fails(void) { const char* f = getenv("FAIL_SYNC_WHILE"); return f && access(f, F_OK) == 0; }
int fdatasync(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    if (fails()) { errno = EIO; return -1; }
    return real(fd);
}
"""


def refused_and_recovered(gate, tmp_path, break_it, mend_it):
    """Audited routes refuse while it is broken, others go on; afterwards all is well and recorded."""
    assert gate.ask("/v1/payments/1").status == 200
    break_it()

    def refuses():
        answer = gate.ask("/v1/payments/2")
        assert answer.status in (200, 503)
        return answer.status == 503
    until(refuses, "audited requests are refused", timeout=60 * SLOW)
    assert gate.ask("/open").status == 200
    assert b"Service Unavailable" in gate.ask("/v1/payments/3").body
    gate.until_event("audit_unavailable")
    metrics = gate.metrics()
    assert metrics.sum("flex_audit_refused_total", destination="local") >= 1
    assert metrics.sum("flex_policy_verdicts_total", policy="audit-log", reason="audit_unavailable") >= 1
    mend_it()
    until(lambda: gate.ask("/v1/payments/4").status == 200, "audited requests are served again", timeout=60 * SLOW)
    assert gate.ask("/open").status == 200


def check_nothing_unaudited(gate, origin, tmp_path):
    gate.until_access(1, route__id="payments-api", response__status=200)
    served = [line["request.id"] for line in gate.access(route__id="payments-api", response__status=200)]
    gate.stop()
    opened = {r["request.id"] for r in audit.of_type(tmp_path, "request.opened")}
    assert served and not set(served) - opened
    audit.both_verify(tmp_path)


def test_failing_syncs(gateway, origin, tmp_path):
    source, library, flag = tmp_path / "faulty.c", tmp_path / "faulty.so", tmp_path / "fail-now"
    source.write_text(FAULTY)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    gate = gateway([audited(origin), route("open", origin, "/open")], telemetry=audit.settings(tmp_path),
                   env={"LD_PRELOAD": str(library), "FAIL_SYNC_WHILE": str(flag)})
    refused_and_recovered(gate, tmp_path, flag.touch, flag.unlink)
    resumed, = until_records(tmp_path, 1, "audit.resumed")
    assert resumed["duration_ms"] > 0 and resumed["refused"] >= 1 and "Input/output error" in resumed["reason"]
    check_nothing_unaudited(gate, origin, tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("cannot mount a tmpfs here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def disk_gateway(small_disk, gateway, origin):   # ends before the disk goes
    return gateway([audited(origin), route("open", origin, "/open")],
                   telemetry=audit.settings(small_disk, roomBytes=262144, compress=False))


def test_a_full_disk(small_disk, disk_gateway, origin):
    ballast = small_disk / "ballast"

    def fill():
        file = os.open(ballast, os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(file, b"x" * 4096)
        except OSError:
            os.close(file)
    refused_and_recovered(disk_gateway, small_disk, fill, ballast.unlink)
    check_nothing_unaudited(disk_gateway, origin, small_disk)


def test_a_disk_that_becomes_read_only(small_disk, gateway, origin):
    """What cannot be opened when it starts: the gateway starts all the same, and says why nothing audited is served."""
    folder = small_disk / "audit"
    folder.mkdir()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    gate = gateway([audited(origin), route("open", origin, "/open")],
                   telemetry=audit.settings(small_disk, roomBytes=262144))
    assert gate.ask("/v1/payments/1").status == 503
    assert gate.ask("/open").status == 200
    assert "Read-only file system" in gate.until_event("audit_unavailable")[0]["reason"]
    assert gate.metrics().value("flex_audit_available") == 0
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    until(lambda: gate.ask("/v1/payments/4").status == 200, "audited requests are served", timeout=30 * SLOW)
    check_nothing_unaudited(gate, origin, small_disk)


def test_serve_anyway(gateway, origin, tmp_path):
    (tmp_path / "audit").write_text("no folder")
    gate = gateway([audited(origin, onUnavailable="serve")], telemetry=audit.settings(tmp_path))
    assert gate.ask("/v1/payments/1").status == 200
    assert gate.metrics().sum("flex_audit_refused_total", destination="local") == 1


# ---- destinations

needs_rsyslog = pytest.mark.skipif(RSYSLOGD is None, reason="rsyslogd is not installed")


@pytest.fixture
def rsyslog(tmp_path):
    made = []

    def start(kind, certificate=None):
        made.append(Rsyslog(tmp_path / f"rsyslog-{kind}", kind, certificate))
        return made[-1].start()
    yield start
    for one in made:
        one.kill()


def log_lines(folder):
    return [line.decode() for path in sorted((folder / "audit").glob("audit-*.jsonl")) for line in path.read_bytes().splitlines()]


@needs_rsyslog
@pytest.mark.parametrize("kind", ["udp", "tcp", "tls", "relp"])
def test_every_record_arrives(gateway, origin, tmp_path, rsyslog, kind):
    more, certificate = {}, None
    if kind == "tls":
        from support.certificates import Authority
        authority = Authority(tmp_path / "ca")
        pem, key = authority.issue("relay", "/CN=relay", "IP:127.0.0.1")
        certificate, more = (authority.pem, pem, key), {"tls": {"ca": str(authority.pem)}}
    relay = rsyslog(kind, certificate)
    gate = gateway([audited(origin, destination=relay.url, require="all", durable="beforeReply")],
                   telemetry=audit.settings(tmp_path, checkpoint={"records": 20, "ms": 500}, **more))
    until(lambda: gate.ask("/v1/payments/0").status == 200, "the destination answers")
    for i in range(50):
        assert gate.ask(f"/v1/payments/{i}").status == 200
    gate.until_metric("flex_audit_lag_records", 0, destination=relay.url)
    assert gate.metrics().sum("flex_audit_last_checkpoint_timestamp_seconds", destination=relay.url) > 0
    gate.stop()
    until(lambda: relay.lines("record") == log_lines(tmp_path), "the relay has every record, in order", timeout=30)
    assert set(relay.lines("checkpoint")) <= set(audit.checkpoint_lines(tmp_path / "audit"))
    audit.both_verify(tmp_path, witness=relay.received)


@needs_rsyslog
def test_a_relay_that_is_killed_gets_what_it_missed(gateway, origin, tmp_path, rsyslog):
    """RELP under load, the relay killed and started again: its file and the log reconcile record by record."""
    relay = rsyslog("relp")
    gate = gateway([audited(origin, destination=relay.url)], telemetry=audit.settings(tmp_path))
    with Load(gate.port, clients=4, path="/v1/payments/1") as load:
        for _ in range(3):
            before = len(relay.lines("record"))
            until(lambda: len(relay.lines("record")) > before + 100, "records arrive", timeout=30 * SLOW)
            relay.kill()
            mark = len(audit.of_type(tmp_path, "request.closed"))
            until(lambda: len(audit.of_type(tmp_path, "request.closed")) > mark + 100, "the log goes on", timeout=30 * SLOW)
            relay.start()
    assert not load.result["failed"] and set(load.result["statuses"]) == {"200"}
    gate.until_metric("flex_audit_lag_records", 0, destination=relay.url, timeout=60)
    gate.stop()
    until(lambda: set(relay.lines("record")) == set(log_lines(tmp_path)), "both have the same records", timeout=30)
    audit.both_verify(tmp_path, witness=relay.received)


@needs_rsyslog
def test_one_dead_destination_does_not_stall_the_others(gateway, origin, tmp_path, rsyslog):
    from support.ports import free_port
    relay, dead = rsyslog("tcp"), f"relp://127.0.0.1:{free_port()}"
    gate = gateway([audited(origin, destination=[relay.url, dead], require="any"),
                    audited(origin, path="/all/*", destination=[relay.url, dead], require="all") | {"id": "all"}],
                   telemetry=audit.settings(tmp_path))
    until(lambda: gate.ask("/v1/payments/0").status == 200, "one destination answers")
    began = time.monotonic()
    for i in range(20):
        assert gate.ask(f"/v1/payments/{i}").status == 200
    assert time.monotonic() - began < 5 * SLOW
    assert gate.ask("/all/1").status == 503
    assert gate.metrics().sum("flex_audit_refused_total", destination=dead) >= 1
    gate.stop()
    until(lambda: relay.lines("record") == log_lines(tmp_path), "the living one has every record", timeout=30)


# ---- refused handshakes

def test_a_refused_certificate_is_recorded(gateway, origin, tmp_path):
    from support.certificates import Authority
    from support.ports import free_port
    authority, stranger = Authority(tmp_path / "ca"), Authority(tmp_path / "other", "Other CA")
    site = authority.issue("site", "/CN=localhost", "DNS:localhost,IP:127.0.0.1")
    shop = authority.issue("shop", "/CN=shop 4111111111111111", "DNS:shop")
    mallory = stranger.issue("mallory", "/CN=mallory", "DNS:mallory")
    port = free_port()
    gate = gateway([audited(origin)], telemetry=audit.settings(tmp_path), listeners=[{
        "name": "mtls", "address": f"https://127.0.0.1:{port}",
        "tls": {"certificates": [{"certificate": str(site[0]), "key": str(site[1])}],
                "clientCertificates": {"mode": "required", "trustedCa": [str(authority.pem)]}}}])

    def ask(pem, key):
        return subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", authority.pem, "--cert", pem,
                               "--key", key, f"https://127.0.0.1:{port}/v1/payments/1"], capture_output=True, text=True, check=False)
    assert ask(*shop).stdout == "200"
    assert ask(*mallory).returncode != 0
    record, = until_records(tmp_path, 1, "connection.refused")
    assert record["listener"] == "mtls" and record["connection.remoteAddress"].startswith("127.0.0.1:")
    assert record["event.outcome"] == "failure" and record["reason"]
    opened, = audit.of_type(tmp_path, "request.opened")
    assert opened["tls.clientCertSubject"] == "CN=shop ************1111" and opened["tls.version"] == "TLSv1.3"
    gate.stop()
    audit.both_verify(tmp_path)
