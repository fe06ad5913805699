"""Upstreams that are dead, hung, broken or lying: the right status for the client, and the same
ending and origin in metrics, log and span."""

import socket
import time
from types import SimpleNamespace

import pytest

from conftest import gateways, origins
from support import behaviours as does
from support.client import Truncated, request
from support.gateway import route
from support.origin import ok
from support.otlp import CLIENT, SERVER
from support.ports import free_port
from support.wait import until

NO_RETRY = {"attempts": 0}
HUGE = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 8000) for i in range(20)) + b"\r\n"
MANY = b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % i for i in range(300)) + b"\r\n"

# name: (behaviour, status or None for a broken transfer, ending, result of the attempt)
FAILURES = {
    "hang before the head": (does.hang(), 504, "upstream_timeout", "timeout"),
    "close before the head": (does.close(), 502, "upstream_reset", "reset"),
    "reset before the head": (does.rst(), 502, "upstream_reset", "reset"),
    "close inside the head": (does.send(b"HTTP/1.1 200 OK\r\nContent-", "close"), 502, "upstream_reset", "reset"),
    "garbage": (does.send(b"\x00\x01SSH-2.0-OpenSSH\r\n", "close"), 502, "upstream_malformed", "malformed"),
    "another protocol": (does.send(b"220 smtp.test ESMTP\r\n", "hang"), 502, "upstream_malformed", "malformed"),
    "bad status": (does.send(b"HTTP/1.1 2x0 OK\r\n\r\n", "close"), 502, "upstream_malformed", "malformed"),
    "two lengths": (does.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "close"), 502,
                    "upstream_malformed", "malformed"),
    "length and chunked": (does.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "close"),
                           502, "upstream_malformed", "malformed"),
    "space before colon": (does.send(b"HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n", "close"), 502,
                           "upstream_malformed", "malformed"),
    "injected field": (does.send(b"HTTP/1.1 200 OK\r\nA: b\rSet-Cookie: x\r\nContent-Length: 0\r\n\r\n", "close"), 502,
                       "upstream_malformed", "malformed"),
    "huge head": (does.send(HUGE, "close"), 502, "upstream_malformed", "malformed"),
    "too many fields": (does.send(MANY, "close"), 502, "upstream_malformed", "malformed"),
    "close mid-body": (does.send(does.GOOD_HEAD + b"x" * 10, "close"), None, "upstream_body_reset", "body_reset"),
    "reset mid-body": (does.send(does.GOOD_HEAD + b"x" * 10, "rst"), None, "upstream_body_reset", "body_reset"),
    "close between chunks": (does.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "close"), None,
                             "upstream_body_reset", "body_reset"),
    "bad chunk": (does.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n", "close"), None,
                  "upstream_body_reset", "body_reset"),
    "hang mid-body": (does.send(does.GOOD_HEAD + b"x" * 10, "hang"), None, "upstream_body_timeout", "body_timeout"),
    "answers 500": (ok(b"their fault", 500), 500, "completed", "response"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory, collector_process):
    with origins() as new_origin, gateways(tmp_path_factory.mktemp("failures")) as start:
        origin = new_origin()
        gateway = start(
            [route("all", "up")],
            upstreams=[{"name": "up", "targets": [{"url": origin.url}], "timeoutMs": 400, "streamIdleTimeoutMs": 400,
                        "retries": NO_RETRY}],
            tracing={"enabled": True, "endpoint": collector_process.endpoint("http"), "protocol": "http", "sampleRate": 0,
                     "keep": {"errors": True}, "flushMs": 100})
        gateway.origin, gateway.collector = origin, collector_process
        yield gateway


@pytest.mark.parametrize("name", FAILURES)
def test_failure(site, name):
    behaviour, status, ending, result = FAILURES[name]
    path = "/" + name.replace(" ", "-")
    site.origin.on(path, behaviour)
    labels = {"route": "all", "method": "GET", "path": "/*"}
    before = site.metrics()
    with site.client() as client:
        client.send(request(path))
        if status is None:
            with pytest.raises(Truncated) as broken:
                client.response()
            answer = broken.value.response
            assert answer.status == 200
        else:
            answer = client.response()
            assert answer.status == status
        line = site.record(answer)
    assert (line["response.ending"], line["response.origin"]) == (ending, "upstream")
    assert (line["response.status"], line["upstream.attempts"]) == (answer.status, 1)
    assert line["upstream.address"] == site.origin.address
    after = site.metrics()

    def grown(metric, **wanted):
        return after.sum(metric, **wanted) - before.sum(metric, **wanted)
    assert grown("flex_exchanges_total", ending=ending, origin="upstream") == 1
    assert grown("flex_requests_errors_total", **labels) == 1
    assert grown("flex_responses_total", code=str(answer.status), **labels) == 1
    assert grown("flex_upstream_attempts_total", upstream="up", result=result) == 1

    spans = {s["kind"]: s for s in site.collector.trace(answer.id, 2)}
    server, client_span = spans[SERVER], spans[CLIENT]
    assert server["attributes"]["flex.ending"] == ending
    assert server["attributes"]["flex.origin"] == "upstream"
    assert server["status"]["code"] == 2
    assert client_span["parentSpanId"] == server["spanId"]
    assert client_span["attributes"]["flex.attempt.result"] == result
    # After all that the next request is served.
    assert site.ask("/fine").status == 200


def test_refused_connection(gateway):
    gate = gateway([route("all", {"url": f"http://127.0.0.1:{free_port()}"})])
    answer = gate.ask("/")
    line = gate.record(answer)
    assert answer.status == 503
    assert (line["response.ending"], line["response.origin"]) == ("upstream_connect_failed", "upstream")
    assert line["upstream.attempts"] == 3   # the default: two retries, nothing was sent
    gate.until_metric("flex_upstream_attempts_total", 3, result="connect_failed")


@pytest.fixture
def full_backlog():
    """A port that neither accepts nor refuses: its queue is full and SYNs are dropped."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        stuck = []
        for _ in range(8):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
            stuck.append(client)
        yield SimpleNamespace(url="http://127.0.0.1:%d" % listener.getsockname()[1])
        for client in stuck:
            client.close()


def test_connect_timeout(gateway, full_backlog):
    gate = gateway([route("all", "up")], upstreams=[
        {"name": "up", "targets": [{"url": full_backlog.url}], "connectTimeoutMs": 200, "retries": NO_RETRY}])
    answer = gate.ask("/")
    line = gate.record(answer)
    assert answer.status == 504
    assert (line["response.ending"], line["response.origin"]) == ("upstream_connect_timeout", "upstream")
    assert 150 < line["response.duration_ms"] < 1500
    gate.until_metric("flex_upstream_attempts_total", 1, result="connect_timeout")


def test_a_client_that_leaves_while_connecting(gateway, full_backlog):
    gate = gateway([route("all", "up")], upstreams=[
        {"name": "up", "targets": [{"url": full_backlog.url}], "connectTimeoutMs": 10_000}])
    with gate.client() as client:
        client.send(request("/"))
        gate.until_metric("flex_exchanges_active", 1)
    line, = gate.until_access(1)
    assert line["response.ending"] == "client_abort" and line["response.duration_ms"] < 5000


# ---- names

def named(gateway, names, origin, **more):
    up = {"name": "up", "targets": [{"url": f"http://shop.test:{origin.port}"}], "dns": {"refreshMs": 100}, **more}
    return gateway([route("all", "up")], upstreams=[up], env=names.env)


def test_a_name_is_resolved_and_resolved_again(gateway, new_origin, names):
    first = new_origin(default=ok(b"first"))
    second = new_origin(host="127.0.0.2", port=first.port, default=ok(b"second"))
    names.names["shop.test"] = ["127.0.0.1"]
    gate = named(gateway, names, first)
    answer = gate.ask("/")
    assert answer.body == b"first"
    assert first.last("/").headers.get("host") == f"shop.test:{first.port}"
    assert gate.record(answer)["upstream.address"] == first.address
    names.names["shop.test"] = ["127.0.0.2"]
    first.close_idle()
    until(lambda: gate.ask("/").body == b"second", "the new address is used", every=0.05)
    gate.until_event("dns_changed")
    assert second.accepted


def test_a_name_that_does_not_exist(gateway, origin, names):
    gate = named(gateway, names, origin)
    answer = gate.ask("/")
    line = gate.record(answer)
    assert answer.status == 503
    assert (line["response.ending"], line["response.origin"]) == ("upstream_dns_failed", "upstream")
    gate.until_metric("flex_upstream_attempts_total", lambda v: v >= 1, result="dns_failed")
    gate.until_event("dns_failed")
    names.names["shop.test"] = ["127.0.0.1"]   # and heals by itself
    until(lambda: gate.ask("/").status == 200, "the name resolves", every=0.05)


def test_a_silent_name_server_keeps_the_known_addresses(gateway, origin, names):
    names.names["shop.test"] = ["127.0.0.1"]
    gate = named(gateway, names, origin)
    assert gate.ask("/").status == 200
    names.names["shop.test"] = None
    asked = len(names.asked)
    until(lambda: len(names.asked) > asked + 1, "it is asked again", timeout=10)
    assert gate.ask("/").status == 200
    names.names["shop.test"] = []      # and so does one that has forgotten the name
    asked = len(names.asked)
    until(lambda: len(names.asked) > asked + 2, "it is asked again", timeout=20)
    assert gate.ask("/").status == 200


def test_several_addresses_of_a_name_take_turns(gateway, new_origin, names):
    first = new_origin(default=ok(b"1", headers={"Connection": "close"}))
    second = new_origin(host="127.0.0.2", port=first.port, default=ok(b"2", headers={"Connection": "close"}))
    names.names["shop.test"] = ["127.0.0.1", "127.0.0.2"]
    gate = named(gateway, names, first)
    for _ in range(8):
        assert gate.ask("/").status == 200
    assert first.accepted >= 2 and second.accepted >= 2


# ---- retries

def retrying(gateway, targets, **retries):
    return gateway([route("all", "up")], workers=1, upstreams=[
        {"name": "up", "targets": [{"url": t.url} for t in targets], "timeoutMs": 2000, "retries": retries}])


def test_an_idempotent_request_is_tried_again_elsewhere(gateway, new_origin):
    bad, good = new_origin(default=does.rst()), new_origin()
    gate = retrying(gateway, [bad, good])
    answers = [gate.ask("/") for _ in range(4)]
    assert {a.status for a in answers} == {200}
    assert len(bad.requests) >= 1
    retried = [gate.record(a) for a in answers if gate.record(a)["upstream.attempts"] == 2]
    assert retried and retried[0]["response.ending"] == "completed"
    assert gate.metrics().sum("flex_requests_errors_total") == 0
    assert gate.metrics().value("flex_upstream_attempts_total", upstream="up", target=bad.address, result="reset") == len(bad.requests)


@pytest.mark.parametrize("method,sent", [("GET", 3), ("HEAD", 3), ("PUT", 3), ("DELETE", 3), ("OPTIONS", 3), ("POST", 1), ("PATCH", 1)])
def test_only_idempotent_methods_are_repeated(gateway, origin, method, sent):
    origin.on("/", does.rst())
    gate = retrying(gateway, [origin], attempts=2)
    answer = gate.ask("/", method, body=b"abc" if method in ("PUT", "POST", "PATCH") else b"")
    assert answer.status == 502
    assert gate.record(answer)["upstream.attempts"] == sent
    assert len(origin.seen("/")) == sent
    assert all(r.body == (b"abc" if method in ("PUT", "POST", "PATCH") else b"") for r in origin.seen("/"))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_pooled_connection_that_had_been_closed_is_no_failure(gateway, origin, method):
    """The keep-alive race: the upstream closes the connection the moment the request arrives."""
    gate = retrying(gateway, [origin], attempts=1)
    with gate.client() as client:
        for i in range(10):
            assert client.ask("/warm").status == 200
            origin.script(does.rst())
            answer = client.ask(f"/race/{i}", method, body=b"body" if method == "POST" else b"")
            assert answer.status == 200
            assert [r.body for r in origin.seen(f"/race/{i}")] == [b"body" if method == "POST" else b""] * 2


def test_a_post_of_which_an_answer_had_begun_is_not_repeated(gateway, origin):
    gate = retrying(gateway, [origin], attempts=2)
    with gate.client() as client:
        assert client.ask("/warm").status == 200
        origin.script(does.send(b"HTTP/1.1 200 OK\r\nCont", "close"))
        answer = client.ask("/begun", "POST", body=b"order")
        assert answer.status == 502
    assert len(origin.seen("/begun")) == 1, "the order was placed twice"


def test_a_body_that_has_been_streamed_is_not_repeated(gateway, origin):
    origin.on("/", does.rst())
    gate = retrying(gateway, [origin], attempts=2)
    with gate.client() as client:
        client.send(request("/", "PUT", {"Content-Length": "200000"}) + b"x" * 200_000)
        assert client.response().status == 502
    assert len(origin.seen("/")) == 1


def test_answers_are_retried_when_configured(gateway, origin):
    gate = retrying(gateway, [origin], attempts=2, on=["connect-failure", "reset", 503])
    origin.script(ok(b"busy", 503), ok(b"busy", 503))
    answer = gate.ask("/")
    assert (answer.status, answer.body, gate.record(answer)["upstream.attempts"]) == (200, b"ok", 3)
    origin.script(*[ok(b"busy", 503)] * 3)
    assert gate.ask("/").body == b"busy"      # the last answer is the client's
    origin.script(ok(b"busy", 503))
    assert gate.ask("/", "POST").status == 503
    origin.script(ok(b"bad", 502))
    assert gate.ask("/").status == 502        # not listed


def test_answers_are_not_retried_by_default(gateway, origin):
    gate = gateway([route("all", origin)])
    origin.script(ok(b"busy", 503))
    assert gate.ask("/").status == 503


def test_retries_have_a_budget(gateway, origin):
    origin.on("/", does.rst())
    gate = retrying(gateway, [origin], attempts=1, budgetPercent=20, budgetMinPerSecond=1)
    for _ in range(60):
        gate.ask("/")
    assert 60 + 10 <= len(origin.seen("/")) <= 60 + 12   # the floor of ten seconds, or a fifth


def test_connections_to_an_upstream_are_limited(gateway, origin):
    origin.on("/slow", does.delay(0.4))
    gate = gateway([route("all", "up")], workers=1, upstreams=[
        {"name": "up", "targets": [{"url": origin.url}], "maxConnections": 2}])
    clients = [gate.client() for _ in range(3)]
    for client in clients[:2]:
        client.send(request("/slow"))
    until(lambda: len(origin.seen("/slow")) == 2, "two are under way")
    answer = clients[2].ask("/slow")
    assert answer.status == 503
    line = gate.record(answer)
    assert (line["response.ending"], line["response.origin"], line["upstream.attempts"]) == ("upstream_overflow", "gateway", 0)
    assert [c.response().status for c in clients[:2]] == [200, 200]
    gate.until_metric("flex_upstream_connections", 2, upstream="up")
    for client in clients:
        client.close()


# ---- balancing, health, ejection

def balanced(gateway, targets, workers=1, **settings):
    return gateway([route("all", "up")], workers=workers, upstreams=[
        {"name": "up", "targets": [{"url": t.url, **more} for t, more in targets], **settings}])


def test_weighted_round_robin(gateway, new_origin):
    heavy, light = new_origin(), new_origin()
    gate = balanced(gateway, [(heavy, {"weight": 3}), (light, {"weight": 1})])
    with gate.client() as client:
        for _ in range(40):
            assert client.ask("/").status == 200
    assert (len(heavy.requests), len(light.requests)) == (30, 10)
    gate.until_metric("flex_upstream_attempts_total", 30, target=heavy.address, result="response")


def test_least_request_prefers_the_idle_target(gateway, new_origin):
    slow, quick = new_origin(default=does.delay(0.4)), new_origin()
    gate = balanced(gateway, [(slow, {}), (quick, {})], balance="least-request")
    stuck = []
    while not slow.requests:
        stuck.append(gate.client())
        stuck[-1].send(request("/"))
        until(lambda: len(slow.requests) + len(quick.requests) == len(stuck), "it arrives")
    before = len(quick.requests)
    for _ in range(10):
        assert gate.ask("/").status == 200
    assert len(quick.requests) - before == 10
    for client in stuck:
        client.close()


def test_ejection_and_return(gateway, new_origin):
    bad, good = new_origin(default=ok(b"no", 500)), new_origin()
    gate = balanced(gateway, [(bad, {}), (good, {})], outlier={"consecutiveFailures": 3, "ejectMs": 700, "maxEjectedPercent": 50})
    statuses = [gate.ask("/").status for _ in range(20)]
    assert statuses.count(500) == 3 and len(bad.requests) == 3
    event = gate.until_event("target_ejected")[0]
    assert event["target"] == bad.address
    bad.default = ok()
    gate.until_event("target_returned")
    until(lambda: gate.ask("/").status == 200 and len(bad.requests) > 3, "it gets requests again", every=0.05)


def test_not_everything_is_ejected(gateway, origin):
    origin.on("/", ok(b"no", 500))
    gate = balanced(gateway, [(origin, {})], outlier={"consecutiveFailures": 2, "ejectMs": 60_000, "maxEjectedPercent": 50})
    assert [gate.ask("/").status for _ in range(6)] == [500] * 6


def test_everything_ejected_is_503(gateway, origin):
    origin.on("/", ok(b"no", 500))
    gate = balanced(gateway, [(origin, {})], outlier={"consecutiveFailures": 2, "ejectMs": 60_000, "maxEjectedPercent": 100})
    assert [gate.ask("/").status for _ in range(2)] == [500] * 2
    answer = gate.ask("/")
    line = gate.record(answer)
    assert (answer.status, line["response.ending"], line["upstream.attempts"]) == (503, "no_healthy_upstream", 0)
    assert len(origin.seen("/")) == 2


def test_active_health_checks(gateway, new_origin):
    sick, well = new_origin(), new_origin()
    sick.on("/health", ok(b"sick", 503))
    check = {"path": "/health", "intervalMs": 100, "timeoutMs": 500, "healthyThreshold": 2, "unhealthyThreshold": 2}
    gate = balanced(gateway, [(sick, {}), (well, {})], healthCheck=check)
    assert gate.until_event("target_unhealthy")[0]["target"] == sick.address
    before = len([r for r in sick.requests if r.path == "/"])
    for _ in range(6):
        assert gate.ask("/").status == 200
    assert len([r for r in sick.requests if r.path == "/"]) == before
    sick.on("/health", ok())
    gate.until_event("target_healthy")
    until(lambda: gate.ask("/").status == 200 and sick.seen("/"), "it gets requests again")
    # Checks are not requests of clients.
    line_paths = {line["request.path"] for line in gate.access()}
    assert line_paths == {"/"}


def test_no_target_is_healthy(gateway, origin):
    origin.on("/health", does.hang())
    gate = balanced(gateway, [(origin, {})], healthCheck={"path": "/health", "intervalMs": 100, "timeoutMs": 100, "unhealthyThreshold": 1})
    gate.until_event("target_unhealthy")
    answer = gate.ask("/")
    assert answer.status == 503
    assert gate.record(answer)["response.ending"] == "no_healthy_upstream"


def test_an_upstream_that_dies_and_comes_back(gateway, new_origin):
    first = new_origin()
    gate = gateway([route("all", first)])
    with gate.client() as client:
        assert client.ask("/").status == 200
        first.kill()
        assert client.ask("/").status == 503
        again = new_origin(port=first.port)
        assert client.ask("/").status == 200
    assert again.requests


def test_idle_connections_are_given_up(gateway, origin):
    gate = gateway([route("all", "up")], upstreams=[{"name": "up", "targets": [{"url": origin.url}], "poolIdleTimeoutMs": 300}])
    gate.ask("/")
    gate.until_metric("flex_upstream_connections", 1, upstream="up")
    gate.until_metric("flex_upstream_connections", 0, upstream="up")
    until(lambda: origin.open_connections == 0, "the origin sees the close")


def test_the_clock_of_a_slow_request_does_not_run_for_the_upstream(gateway, origin):
    """The response deadline begins when the request is out, not while the client still sends it."""
    gate = gateway([route("all", "up")], upstreams=[{"name": "up", "targets": [{"url": origin.url}], "timeoutMs": 300}])
    with gate.client() as client:
        client.send(request("/", "POST", {"Content-Length": "2"}) + b"a")
        began = time.monotonic()
        client.sock.settimeout(0.6)
        with pytest.raises(TimeoutError):
            client.sock.recv(1)
        assert time.monotonic() - began > 0.5
        client.sock.settimeout(5)
        client.send(b"b")
        assert client.response().status == 200
