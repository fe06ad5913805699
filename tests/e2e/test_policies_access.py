"""Policies that look at who asks, at headers, at bodies and at bursts."""

import base64
import hashlib
import json
import subprocess
import sys
import threading
import time

import pytest

from support import behaviours as does
from support.client import Truncated, chunked, request
from support.gateway import route
from support.origin import ok


# ---- who may ask

def reason_of(gate, answer, index=0):
    return gate.record(answer)["policy.outcomes"][index]["reason"]


def test_basic_auth(gateway, origin):
    hashed = subprocess.run(["openssl", "passwd", "-6", "secret"], capture_output=True, text=True, check=True).stdout.strip()
    gate = gateway([route("all", origin, policies=[{"basic-auth": {"users": {"ann": hashed.replace("$", "$$")}, "realm": "shop"}}])])

    def ask(user):
        return gate.ask("/", headers={"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {})
    for _ in range(3):
        answer = ask("ann:secret")
        assert answer.status == 200 and gate.record(answer)["client.id"] == "ann"
    for user, reason in (("ann:wrong", "bad_credentials"), ("bob:secret", "bad_credentials"), (None, "missing_credentials")):
        answer = ask(user)
        assert (answer.status, json.loads(answer.body)) == (401, {"error": "Unauthorized"})
        assert answer.headers.get("www-authenticate") == 'Basic realm="shop", charset="UTF-8"'
        assert reason_of(gate, answer) == reason
    assert len(origin.requests) == 3 and "authorization" not in origin.requests[0].headers
    assert "secret" not in gate.log_path.read_text()


def test_passwords_hold_up_nobody_else(gateway, origin):
    """Thousands of wrong passwords with an expensive hash: other routes do not feel them."""
    hashed = subprocess.run([sys.executable, "-c", "import crypt;print(crypt.crypt('x', crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=4096)))"],
                            capture_output=True, text=True, check=True).stdout.strip()
    gate = gateway([route("locked", origin, path="/locked", policies=[{"basic-auth": {"users": {"ann": hashed.replace("$", "$$")}}}]),
                    route("open", origin, path="/open")], workers=1)
    stop, statuses = threading.Event(), set()

    def guess(n):
        while not stop.is_set():
            user = base64.b64encode(f"ann:{n}{time.monotonic_ns()}".encode()).decode()
            statuses.add(gate.ask("/locked", headers={"Authorization": "Basic " + user}).status)
    guessers = [threading.Thread(target=guess, args=(n,)) for n in range(8)]
    for g in guessers:
        g.start()
    try:
        with gate.client() as client:
            took = []
            for _ in range(300):
                began = time.monotonic()
                assert client.ask("/open").status == 200
                took.append(time.monotonic() - began)
    finally:
        stop.set()
        for g in guessers:
            g.join()
    assert statuses <= {401, 503}
    assert sorted(took)[len(took) // 2] < 0.1      # one comparison alone takes longer than this


def test_api_key(gateway, origin):
    key = "mobile-0123456789abcdef"
    gate = gateway([route("all", origin, policies=[{"api-key": {"keys": [
        {"client": "mobile", "key": key}, {"client": "web", "sha256": hashlib.sha256(b"web-0123456789abcdef").hexdigest()}]}}])])
    for value, client in ((key, "mobile"), ("web-0123456789abcdef", "web")):
        answer = gate.ask("/", headers={"X-API-Key": value})
        assert answer.status == 200 and gate.record(answer)["client.id"] == client
    answer = gate.ask("/", headers={"X-API-Key": "guess-0123456789abcdef"})
    assert (answer.status, json.loads(answer.body)) == (401, {"error": "Unauthorized"})
    assert reason_of(gate, answer) == "unknown_key"
    assert reason_of(gate, gate.ask("/")) == "missing_key"
    assert "x-api-key" not in origin.requests[0].headers
    assert key not in gate.log_path.read_text()


def test_ip_lists(gateway, origin):
    gate = gateway([route("in", origin, path="/in", policies=[{"ip-allowlist": {"ips": ["127.0.0.0/8", "::1"]}}]),
                    route("out", origin, path="/out", policies=[{"ip-blocklist": {"ips": ["127.0.0.1"]}}]),
                    route("hop", origin, path="/hop", policies=[{"ip-allowlist": {"ips": ["192.0.2"], "trustedHops": 1}}])])
    assert gate.ask("/in").status == 200
    answer = gate.ask("/out")
    assert (answer.status, json.loads(answer.body)) == (403, {"error": "Forbidden"})
    line = gate.record(answer)
    assert (line["response.ending"], line["policy.outcomes"][0]["reason"]) == ("policy_refused", "address_blocked")
    assert gate.ask("/hop", headers={"X-Forwarded-For": "192.0.2.7"}).status == 200
    assert reason_of(gate, gate.ask("/hop", headers={"X-Forwarded-For": "192.0.2.7, 10.0.0.1"})) == "address_not_allowed"
    assert reason_of(gate, gate.ask("/hop")) == "address_unknown"


def test_access_block(gateway, origin):
    gate = gateway([route("all", origin, policies=[{"access-block": {"status": 503, "message": "Back at six"}}])])
    answer = gate.ask("/")
    assert (answer.status, json.loads(answer.body)) == (503, {"error": "Back at six"})
    assert reason_of(gate, answer) == "access_blocked" and not origin.requests


# ---- headers

def test_cors(gateway, origin):
    origin.default = ok(b"ok", headers={"Access-Control-Allow-Origin": "https://evil.example", "Vary": "Accept"})
    gate = gateway([route("all", origin, policies=[{"cors": {"origins": ["https://shop.example"], "methods": ["PUT"], "headers": ["x-a"]}}])])
    asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-a"}
    answer = gate.ask("/", "OPTIONS", headers=asks)
    assert answer.status == 204 and not answer.body and not origin.requests
    assert answer.headers.get("access-control-allow-origin") == "https://shop.example"
    assert answer.headers.get("access-control-allow-methods") == "PUT"
    assert answer.headers.get("access-control-allow-headers") == "x-a"
    line = gate.record(answer)
    assert (line["response.ending"], line["response.origin"], line["policy.outcomes"][0]["reason"]) == ("completed", "gateway", "preflight")
    answer = gate.ask("/", "OPTIONS", headers={**asks, "Origin": "https://evil.example"})
    assert answer.status == 204 and answer.headers.get("access-control-allow-origin") is None
    answer = gate.ask("/", headers={"Origin": "https://shop.example"})
    assert answer.status == 200 and answer.headers.get("access-control-allow-origin") == "https://shop.example"
    assert answer.headers.get("vary") == "Accept, Origin"
    answer = gate.ask("/", headers={"Origin": "https://evil.example"})
    assert answer.status == 200 and answer.headers.get("access-control-allow-origin") is None


def test_header_injection_and_removal(gateway, origin):
    origin.default = ok(b"ok", headers={"Server": "secret/1.0", "X-Keep": "1"})
    gate = gateway([route("all", origin, policies=[
        {"header-injection": {"request": {"X-Zone": "edge"}, "response": {"X-Frame-Options": "DENY"}}},
        {"header-removal": {"request": ["X-Debug", "x-in-.*"], "response": ["Server"]}}])])
    answer = gate.ask("/", headers={"X-Zone": "client", "X-Debug": "1", "X-In-A": "2", "X-Other": "3"})
    sent = origin.requests[0].headers
    assert [sent.get(n) for n in ("x-zone", "x-debug", "x-in-a", "x-other")] == ["edge", None, None, "3"]
    assert [answer.headers.get(n) for n in ("x-frame-options", "server", "x-keep")] == ["DENY", None, "1"]


def test_stream_idle_timeout(gateway, origin):
    origin.default = does.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "hang")
    gate = gateway([route("all", origin, policies=[{"stream-idle-timeout": {"timeoutMs": 200}}])])
    with gate.client() as client:
        client.send(request("/"))
        with pytest.raises(Truncated):
            client.response()
    gate.until_access(1, response__ending="upstream_body_timeout")


# ---- traffic

def test_several_windows(gateway, origin):
    gate = gateway([route("all", origin, policies=[{"rate-limit": {"key": "address", "limits": ["3/hour", "2/min"]}}])])
    answers = [gate.ask("/") for _ in range(4)]
    assert [a.status for a in answers] == [200, 200, 429, 429]
    assert [a.headers.get("x-ratelimit-limit") for a in answers] == ["2"] * 4
    assert int(answers[3].headers.get("retry-after")) <= 60


def test_spike_control_smooths_a_burst(gateway, origin):
    gate = gateway([route("all", origin, policies=[{"spike-control": {
        "maximumRequests": 5, "timePeriodInMilliseconds": 300, "delayTimeInMillis": 100, "delayAttempts": 10, "queuingLimit": 100}}])],
        workers=1)
    statuses, lock, start = [], threading.Lock(), threading.Barrier(15)

    def run():
        with gate.client() as client:
            start.wait()
            status = client.ask("/").status
        with lock:
            statuses.append(status)
    threads = [threading.Thread(target=run) for _ in range(15)]
    began = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert statuses == [200] * 15
    assert time.monotonic() - began >= 0.5      # three windows' worth: two must have ended


def test_spike_control_refuses_what_does_not_fit(gateway, origin):
    gate = gateway([route("all", origin, policies=[{"spike-control": {"maximumRequests": 1, "timePeriodInMilliseconds": 60000}}])])
    assert gate.ask("/").status == 200
    answer = gate.ask("/")
    assert (answer.status, json.loads(answer.body)) == (429, {"error": "Too Many Requests"})
    line = gate.record(answer)
    assert (line["response.ending"], line["policy.outcomes"][0]["reason"]) == ("rate_limited", "spike_refused")


def test_a_client_that_leaves_the_queue(gateway, origin):
    gate = gateway([route("all", origin, policies=[{"spike-control": {
        "maximumRequests": 1, "timePeriodInMilliseconds": 60000, "delayTimeInMillis": 10000, "queuingLimit": 1}}])], workers=1)
    assert gate.ask("/").status == 200
    client = gate.client()
    client.send(request("/"))
    gate.until_metric("flex_exchanges_active", 1)
    client.reset()
    gate.until_access(1, response__ending="client_abort")
    assert len(origin.requests) == 1


# ---- bodies

JSON = {"Content-Type": "application/json"}
LIMITED = {"json-threat-protection": {"maxContainerDepth": 3, "maxStringValueLength": 10}}


@pytest.mark.parametrize("body,reason", [
    (b'{"a": [1, {"b": "c"}]}', None), (b'[[[[]]]]', "too_deep"), (b'["0123456789x"]', "string_too_long"),
    (b'{"a": 1,}', "malformed_json"), (b'{"a": 1', "malformed_json"),
])
def test_json_threat_protection(gateway, origin, body, reason):
    gate = gateway([route("all", origin, policies=[LIMITED])])
    for data in (body, chunked(body[:3], body[3:])):
        with gate.client() as client:
            extra = {} if data is body else {"Transfer-Encoding": "chunked"}
            answer = client.send(request("/", "POST", {**JSON, **extra}, data)).response("POST")
        if reason is None:
            assert answer.status == 200 and origin.last("/").body == body
            continue
        assert (answer.status, json.loads(answer.body)) == (400, {"error": "Bad Request"})
        line = gate.record(answer)
        outcome = line["policy.outcomes"][0]
        assert (line["response.ending"], outcome["verdict"], outcome["reason"]) == ("policy_refused", "reply", reason)
        gate.until_metric("flex_policy_verdicts_total", lambda n: n >= 1, route="all", policy="json-threat-protection", reason=reason)
    if reason is not None:
        assert not any(r.complete for r in origin.requests)
    answer = gate.ask("/", "POST", headers={"Content-Type": "text/plain"}, body=b"[[[[")
    assert answer.status == 200


def test_a_long_json_body_is_looked_at_as_it_passes(gateway, origin):
    gate = gateway([route("all", origin, policies=[LIMITED])])
    good = b"[" + b",".join([b'{"n":1}'] * 200_000) + b"]"
    answer = gate.ask("/", "POST", headers=JSON, body=good)
    assert answer.status == 200 and origin.last("/").body == good
    seen = len(origin.requests)
    bad = good[:-1] + b",[[[[1]]]]]"
    with gate.client() as client:
        client.send(request("/", "POST", JSON, bad))
        answer = client.response("POST")
    assert answer.status == 400
    assert gate.record(answer)["response.ending"] == "policy_refused"
    assert not any(r.complete for r in origin.requests[seen:])
    assert gate.ask("/").status == 200


@pytest.mark.parametrize("size", [1, 300_000])
def test_json_bodies_over_http2(gateway, origin, size):
    gate = gateway([route("all", origin, policies=[LIMITED])])

    def post(body):
        done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "-H", "Content-Type: application/json", "--data-binary", "@-",
                               "-w", "\n%{http_code} %{http_version}", f"http://127.0.0.1:{gate.port}/"],
                              input=body, capture_output=True, timeout=60)
        return done.stdout.decode().rsplit("\n", 1)[-1]
    good = b"[" + b",".join([b'{"n":1}'] * size) + b"]"
    assert post(good) == "200 2" and origin.last("/").body == good
    seen = len(origin.requests)
    assert post(good[:-1] + b",[[[[1]]]]]") == "400 2"
    assert not any(r.complete for r in origin.requests[seen:])
    line = gate.until_access(1, response__status=400)[0]
    assert (line["response.ending"], line["policy.outcomes"][0]["reason"]) == ("policy_refused", "too_deep")
    assert post(good) == "200 2"
