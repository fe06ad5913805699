"""The policies, by what they let through."""

import base64
import select
import threading
import time

import pytest

from support import behaviours as does
from support.client import request
from support.gateway import route
from support.origin import ok
from support.wait import until

BY_HEADER = {"client-id": {"sources": [{"header": "client_id"}]}}
LABELS = {"route": "all", "method": "GET", "path": "/*"}


def test_rate_limit_is_exact_over_all_workers(gateway, origin):
    gate = gateway([route("all", origin, policies=[BY_HEADER, {"rate-limit": {"key": "client.id", "limit": "100/min"}}])], workers=2)
    statuses, lock, start = [], threading.Lock(), threading.Barrier(16)

    def run():
        with gate.client() as client:
            start.wait()
            mine = [client.ask("/", headers={"client_id": "mob-4f7a"}).status for _ in range(20)]
        with lock:
            statuses.extend(mine)
    threads = [threading.Thread(target=run) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(statuses) == 320
    assert (statuses.count(200), statuses.count(429)) == (100, 220)
    assert len(origin.requests) == 100
    metrics = gate.metrics()
    gate.until_metric("flex_rate_limit_exceeded", 220, **LABELS)
    gate.until_metric("flex_requests_total", 320, **LABELS)
    gate.until_metric("flex_client_rate_limit_exceeded_total", 220, client_id="mob-4f7a")
    gate.until_metric("flex_client_requests_total", 320, client_id="mob-4f7a")
    gate.until_metric("flex_policy_verdicts_total", 100, route="all", policy="rate-limit", reason="pass")
    assert metrics.sum("flex_requests_errors_total") == 0
    gate.until_access(220, response__ending="rate_limited", response__status=429)
    assert gate.access(response__ending="rate_limited")[0]["client.id"] == "mob-4f7a"


def test_rate_limit_headers(gateway, origin):
    gate = gateway([route("all", origin, policies=[{"rate-limit": {"key": "address", "limit": "3/min", "exposeHeaders": True}}])])
    answers = [gate.ask("/") for _ in range(4)]
    assert [a.status for a in answers] == [200, 200, 200, 429]
    assert [a.headers.get("x-ratelimit-limit") for a in answers] == ["3"] * 4
    assert [a.headers.get("x-ratelimit-remaining") for a in answers] == ["2", "1", "0", "0"]
    resets = [int(a.headers.get("x-ratelimit-reset")) for a in answers]
    assert all(0 < r <= 60_000 for r in resets)
    assert 1 <= int(answers[3].headers.get("retry-after")) <= 60
    assert "retry-after" not in answers[2].headers
    assert answers[3].body and b"error" in answers[3].body
    with gate.client() as client:   # being limited costs nobody the connection
        assert not client.ask("/").closes and client.ask("/").status == 429


def test_retry_after_is_there_without_exposed_headers(gateway, origin):
    gate = gateway([route("all", origin, policies=[{"rate-limit": {"key": "route", "limit": "1/min", "exposeHeaders": False}}])])
    first, second = gate.ask("/"), gate.ask("/")
    assert (first.status, second.status) == (200, 429)
    assert "retry-after" in second.headers
    assert not any(n.lower().startswith("x-ratelimit") for n, _ in list(first.headers) + list(second.headers))


def test_the_window_ends(gateway, origin):
    gate = gateway([route("all", origin, policies=[{"rate-limit": {"key": "route", "limit": "2/s"}}])])
    assert [gate.ask("/").status for _ in range(3)] == [200, 200, 429]
    until(lambda: gate.ask("/").status == 200, "a new window", every=0.05)


def test_keys_are_counted_apart(gateway, origin):
    gate = gateway([route("all", origin, policies=[{"rate-limit": {"key": "header:X-Tenant", "limit": "1/min"}}])])
    assert gate.ask("/", headers={"X-Tenant": "a"}).status == 200
    assert gate.ask("/", headers={"X-Tenant": "b"}).status == 200
    assert gate.ask("/", headers={"X-Tenant": "a"}).status == 429


def test_keys_are_bounded(gateway, origin):
    """Beyond maxKeys all further keys share one window: nobody goes unlimited."""
    gate = gateway([route("all", origin, policies=[{"rate-limit": {"key": "header:X", "limit": "1/min", "maxKeys": 100}}])])
    with gate.client() as client:
        statuses = [client.ask("/", headers={"X": str(i)}).status for i in range(1000)]
    assert statuses.count(429) > 500


def test_rate_limit_event(gateway, origin):
    gate = gateway([route("all", origin, policies=[BY_HEADER, {"rate-limit": {"key": "client.id", "limit": "1/min"}}])])
    for _ in range(2):
        gate.ask("/", headers={"client_id": "mob-4f7a"})
    event = gate.until_event("rate_limit_exceeded")[0]
    assert event["client_id"] == "mob-4f7a" and event["route"] == "all"


# ---- circuit breaker

def breaker(gateway, origin, timeout_ms=300, **settings):
    return gateway([route("all", "up", policies=[{"circuit-breaker": {"consecutiveFailures": 5, "openMs": 500, **settings}}])],
                   upstreams=[{"name": "up", "targets": [{"url": origin.url}], "timeoutMs": timeout_ms, "retries": {"attempts": 0}}])


STATE = {"route": "all", "upstream": "up"}


def test_breaker_opens_probes_and_closes(gateway, origin):
    gate = breaker(gateway, origin, openMs=2000)
    assert gate.metrics().value("flex_circuit_breaker_state", **STATE) == 0
    origin.default = ok(b"no", 500)
    assert [gate.ask("/").status for _ in range(5)] == [500] * 5
    opened = time.monotonic()
    gate.until_event("circuit_breaker_open")   # a moment after the answer that caused it
    answer = gate.ask("/")
    assert answer.status == 503
    line = gate.record(answer)
    assert (line["response.ending"], line["response.origin"], line["upstream.attempts"]) == ("circuit_open", "gateway", 0)
    assert gate.metrics().value("flex_circuit_breaker_state", **STATE) == 2
    event = gate.until_event("circuit_breaker_open")[0]
    assert event["route"] == "all" and event["consecutive_failures"] == 5
    assert gate.metrics().value("flex_requests_errors_total", **LABELS) == 6

    # After its time one probe goes through, and its failure opens again.
    seen = len(origin.requests)
    until(lambda: gate.ask("/").status == 500, "a probe", every=0.02)
    assert time.monotonic() - opened > 0.4
    assert gate.ask("/").status == 503 and len(origin.requests) == seen + 1

    origin.default = ok()
    until(lambda: gate.ask("/").status == 200, "a good probe", every=0.05)
    gate.until_metric("flex_circuit_breaker_state", 0, **STATE)
    gate.until_event("circuit_breaker_closed")
    assert [gate.ask("/").status for _ in range(10)] == [200] * 10


def test_breaker_lets_one_probe_through(gateway, origin):
    gate = breaker(gateway, origin, timeout_ms=5000, halfOpenProbes=1)
    origin.default = ok(b"no", 500)
    for _ in range(5):
        gate.ask("/")
    origin.default = does.delay(2)
    seen = len(origin.requests)
    statuses = []

    def probed():
        with gate.client() as probe:
            probe.send(request("/"))
            until(lambda: len(origin.requests) > seen or select.select([probe.sock], [], [], 0)[0], "an answer or a probe")
            if len(origin.requests) == seen:
                return False
            assert gate.ask("/").status == 503    # while the probe is under way
            assert gate.metrics().value("flex_circuit_breaker_state", **STATE) == 1
            statuses.append(probe.response().status)
            return True
    until(probed, "half-open", every=0.05)
    assert statuses == [200] and len(origin.requests) == seen + 1
    assert gate.ask("/").status == 200


def test_breaker_counts_only_what_is_consecutive_and_the_upstreams(gateway, origin):
    gate = breaker(gateway, origin)
    # One connection: what two workers see at the same moment has no order.
    with gate.client() as client:
        for _ in range(4):
            origin.script(*[ok(b"no", 500)] * 4 + [ok()])
            assert [client.ask("/").status for _ in range(5)] == [500] * 4 + [200]
    origin.default = ok(b"not here", 404)
    assert [gate.ask("/").status for _ in range(10)] == [404] * 10
    assert not gate.events("circuit_breaker_open")


def test_breaker_counts_timeouts(gateway, origin):
    origin.default = does.hang()
    gate = breaker(gateway, origin, consecutiveFailures=2, openMs=10_000)
    assert [gate.ask("/").status for _ in range(2)] == [504, 504]
    gate.until_event("circuit_breaker_open")
    assert gate.ask("/").status == 503
    gate.until_event("upstream_timeout")


# ---- client-id, response-timeout

SOURCES = {"client-id": {"sources": [{"header": "client_id"}, {"query": "client_id"}, {"basic": True}], "nameHeader": "user-agent"}}


@pytest.mark.parametrize("target,headers,expected", [
    ("/", {"client_id": "from-header"}, "from-header"),
    ("/?a=b&client_id=from-query", {}, "from-query"),
    ("/", {"Authorization": "Basic " + base64.b64encode(b"from-basic:secret").decode()}, "from-basic"),
    ("/?client_id=second", {"client_id": "first"}, "first"),
])
def test_client_id_sources(gateway, origin, target, headers, expected):
    gate = gateway([route("all", origin, policies=[SOURCES])])
    answer = gate.ask(target, headers={**headers, "User-Agent": "app/7"})
    assert answer.status == 200
    line = gate.record(answer)
    assert (line["client.id"], line["client.name"]) == (expected, "app/7")
    gate.until_metric("flex_client_requests_total", 1, client_id=expected)
    assert "secret" not in gate.log_path.read_text()


def test_client_id_required(gateway, origin):
    gate = gateway([route("all", origin, policies=[{"client-id": {"sources": [{"header": "client_id"}], "required": True}}])])
    answer = gate.ask("/")
    assert answer.status == 401 and not origin.requests
    line = gate.record(answer)
    assert (line["response.ending"], line["response.origin"]) == ("auth_failed", "client")
    gate.until_metric("flex_auth_failures_total", 1, **LABELS)
    gate.until_event("auth_failed")
    assert gate.ask("/", headers={"client_id": "x"}).status == 200


def test_client_id_not_required(gateway, origin):
    gate = gateway([route("all", origin, policies=[BY_HEADER])])
    assert gate.ask("/").status == 200


def test_client_labels_are_bounded(gateway, origin):
    gate = gateway([route("all", origin, policies=[BY_HEADER])], telemetry={"clients": {"limit": 10}})
    with gate.client() as client:
        for i in range(60):
            client.ask("/", headers={"client_id": f"c{i}"})
    gate.until_metric("flex_client_requests_total", 60)
    series = gate.metrics().select("flex_client_requests_total")
    assert len(series) <= 11
    assert gate.metrics().value("flex_client_requests_total", client_id="other") >= 50


def test_response_timeout(gateway, origin):
    origin.default = does.hang()
    gate = gateway([route("all", origin, policies=[{"response-timeout": {"timeoutMs": 200}}])])
    answer = gate.ask("/")
    line = gate.record(answer)
    assert answer.status == 504
    assert (line["response.ending"], line["response.origin"]) == ("upstream_timeout", "upstream")
    assert 150 < line["response.duration_ms"] < 1500
    event = gate.until_event("upstream_timeout")[0]
    assert event["route"] == "all"


def test_policy_outcomes(gateway, origin):
    gate = gateway([route("all", origin, policies=[BY_HEADER, {"rate-limit": {"key": "client.id", "limit": "1/min"}}])])
    passed, limited = (gate.record(gate.ask("/", headers={"client_id": "c"})) for _ in range(2))
    assert [(o["policy"], o["verdict"], o["reason"]) for o in passed["policy.outcomes"]] == [
        ("client-id", "pass", "pass"), ("rate-limit", "pass", "pass")]
    refused = limited["policy.outcomes"][1]
    assert refused["verdict"] == "reply" and refused["reason"] != "pass"
    assert all(o["ms"] >= 0 for o in limited["policy.outcomes"])
