"""Spans, as an OpenTelemetry collector decodes them."""

import pytest

from support import behaviours as does
from support.client import request
from support.gateway import route
from support.laws import imbalance
from support.metrics import fetch
from support.origin import ok
from support.otlp import CLIENT, SERVER
from support.ports import free_port
from support.wait import until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PROTOCOLS = ["grpc", "http"]


def tracing(collector, protocol="http", **more):
    return {"enabled": True, "exporter": "otlp", "endpoint": collector.endpoint(protocol), "protocol": protocol,
            "sampleRate": 1, "flushMs": 50, **more}


def by_kind(spans):
    return [s for s in spans if s["kind"] == SERVER], [s for s in spans if s["kind"] == CLIENT]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_span_and_a_client_span_per_attempt(gateway, new_origin, collector, protocol):
    bad, good = new_origin(default=does.rst()), new_origin()
    gate = gateway([route("shop", "up", "/api/products/:id", policies=[{"rate-limit": {"key": "route", "limit": "100/min"}}])], workers=1,
                   upstreams=[{"name": "up", "targets": [{"url": bad.url}, {"url": good.url}]}],
                   tracing=tracing(collector, protocol, serviceName="retail", resourceAttributes={"deployment.environment": "test"},
                                   headers={"x-tenant": "retail"}))
    answer = gate.ask("/api/products/7?x=1", headers={"User-Agent": "tests/1"})
    assert answer.status == 200 and gate.record(answer)["upstream.attempts"] == 2
    (server,), clients = by_kind(collector.trace(answer.id, 3))
    assert server["name"] == "GET /api/products/:id"
    assert server["parentSpanId"] == "" and server["spanId"] == gate.record(answer)["span.id"]
    attributes = server["attributes"]
    expected = {"http.request.method": "GET", "url.path": "/api/products/7", "url.scheme": "http",
                "http.route": "/api/products/:id", "http.response.status_code": 200, "user_agent.original": "tests/1",
                "server.address": "gateway.test", "client.address": "127.0.0.1", "flex.ending": "completed", "flex.origin": "upstream"}
    assert {k: attributes.get(k) for k in expected} == expected
    assert server["resource"]["service.name"] == "retail" and server["resource"]["deployment.environment"] == "test"
    assert collector.requests()["headers"]["x-tenant"] == "retail"
    assert "flex.policy" in [e["name"] for e in server["events"]]
    assert server["status"]["code"] == 0
    clients.sort(key=lambda s: int(s["start"]))
    assert [c["parentSpanId"] for c in clients] == [server["spanId"]] * 2
    assert [c["attributes"]["flex.attempt.result"] for c in clients] == ["reset", "response"]
    assert [c["status"]["code"] for c in clients] == [2, 0]
    assert clients[1]["attributes"]["http.request.resend_count"] == 1
    for span in clients:
        assert int(server["start"]) <= int(span["start"]) <= int(span["end"]) <= int(server["end"])
    # What the upstreams were told is these spans.
    for origin, span in ((bad, clients[0]), (good, clients[1])):
        sent = origin.last("/api/products/7").headers
        assert sent.get("traceparent") == f"00-{answer.id}-{span['spanId']}-01"
        assert sent.get("b3") == f"{answer.id}-{span['spanId']}-1"


def test_w3c_context_is_continued(gateway, origin, collector):
    gate = gateway([route("all", origin)], tracing=tracing(collector, sampleRate=0))
    answer = gate.ask("/", headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"})
    assert answer.id == TRACE
    (server,), (client,) = by_kind(collector.trace(TRACE, 2))
    assert (server["parentSpanId"], server["traceState"]) == (PARENT, "vendor=1")
    sent = origin.last("/").headers
    assert sent.get("traceparent") == f"00-{TRACE}-{client['spanId']}-01" and sent.get("tracestate") == "vendor=1"


@pytest.mark.parametrize("headers", [
    {"b3": f"{TRACE}-{PARENT}-1"},
    {"X-B3-TraceId": TRACE, "X-B3-SpanId": PARENT, "X-B3-Sampled": "1"},
])
def test_b3_context_is_continued(gateway, origin, collector, headers):
    gate = gateway([route("all", origin)], tracing=tracing(collector, sampleRate=0))
    answer = gate.ask("/", headers=headers)
    assert answer.id == TRACE
    (server,), _ = by_kind(collector.trace(TRACE, 2))
    assert server["parentSpanId"] == PARENT
    sent = origin.last("/").headers
    assert "x-b3-traceid" not in sent and sent.get("traceparent").split("-")[1] == TRACE


def test_a_callers_no_is_honoured(gateway, origin, collector):
    gate = gateway([route("all", origin)], tracing=tracing(collector))
    gate.ask("/", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    assert origin.last("/").headers.get("traceparent").endswith("-00")
    gate.until_metric("flex_telemetry_records_total", 1, sink="otlp_traces", outcome="sampled_out")
    assert collector.spans() == []


@pytest.mark.parametrize("parent", ["", "00-0-0-01", f"00-{'0' * 32}-{PARENT}-01", f"ff-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01-x"])
def test_a_broken_context_begins_a_new_trace(gateway, origin, collector, parent):
    gate = gateway([route("all", origin)], tracing=tracing(collector))
    answer = gate.ask("/", headers={"traceparent": parent})
    assert answer.id != TRACE
    (server,), _ = by_kind(collector.trace(answer.id, 2))
    assert server["parentSpanId"] == ""


def test_sampling_none_and_all(gateway, origin, collector):
    none = gateway([route("all", origin)], tracing=tracing(collector, sampleRate=0))
    every = gateway([route("all", origin)], tracing=tracing(collector, sampleRate=1))
    for gate in (none, every):
        with gate.client() as client:
            for _ in range(50):
                client.ask("/")
    none.until_metric("flex_telemetry_records_total", 50, sink="otlp_traces", outcome="sampled_out")
    every.until_metric("flex_telemetry_records_total", 50, sink="otlp_traces", outcome="delivered")
    servers, clients = by_kind(collector.spans())
    assert (len(servers), len(clients)) == (50, 50)


def test_head_sampling_by_ratio(gateway, origin, collector):
    gate = gateway([route("all", origin)], tracing=tracing(collector, sampleRate=0.2))
    with gate.client() as client:
        for _ in range(1000):
            client.ask("/")
    gate.until_metric("flex_telemetry_records_total", 1000, sink="otlp_traces")
    kept = len(by_kind(collector.spans())[0])
    assert 140 <= kept <= 260     # 200 and 4.7 sigma
    assert gate.metrics().value("flex_telemetry_records_total", sink="otlp_traces", outcome="delivered") == kept


def test_errors_and_slow_requests_are_kept_although_not_sampled(gateway, origin, collector):
    origin.on("/bad", ok(status=500)).on("/slow", does.delay(0.3)).on("/missing", ok(status=404))
    gate = gateway([route("all", origin)], tracing=tracing(collector, sampleRate=0, keep={"errors": True, "slowerThanMs": 250}))
    for path in ("/good", "/missing", "/bad", "/slow"):
        gate.ask(path)
    gate.until_metric("flex_telemetry_records_total", 4, sink="otlp_traces")
    servers, _ = by_kind(until(lambda: (s := collector.spans()) and len(s) >= 4 and s, "the spans", every=0.05))
    assert sorted(s["attributes"]["url.path"] for s in servers) == ["/bad", "/slow"]
    gate.until_metric("flex_telemetry_records_total", 2, sink="otlp_traces", outcome="sampled_out")


def test_requests_that_are_none_have_valid_spans(gateway, origin, collector):
    """A refusal before the head is read is an exchange, too, and its span has a trace."""
    gate = gateway([route("all", origin)], timeouts={"headerMs": 300},
                   tracing=tracing(collector, sampleRate=0, keep={"errors": True, "slowerThanMs": 200}))
    with gate.client() as client:
        client.send(b"GET / HTTP/1.1\r\n")
        assert client.response().status == 408
    span, = until(collector.spans, "the span of the slow refusal", every=0.05)
    assert set(span["traceId"]) != {"0"} and span["traceId"] and set(span["spanId"]) != {"0"} and span["spanId"]
    assert span["attributes"]["flex.ending"] == "client_header_timeout"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_spans_are_sent_in_batches(gateway, origin, collector, protocol):
    gate = gateway([route("all", origin)], tracing=tracing(collector, protocol, flushMs=500, batchSpans=512))
    before = collector.requests()[protocol]
    with gate.client() as client:
        for _ in range(200):
            client.ask("/")
    gate.until_metric("flex_telemetry_records_total", 200, sink="otlp_traces", outcome="delivered")
    assert collector.requests()[protocol] - before <= 10
    assert len(collector.spans()) == 400


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_batch_after_batch_arrives(gateway, origin, collector, protocol):
    """Also the second one, on a connection that has been used, or in spite of that."""
    gate = gateway([route("all", origin)], tracing=tracing(collector, protocol))
    for count in range(1, 5):
        answer = gate.ask("/")
        collector.trace(answer.id, 2)
        gate.until_metric("flex_telemetry_records_total", count, sink="otlp_traces", outcome="delivered")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_dead_collector_costs_counted_spans_and_no_request(gateway, origin, protocol):
    gate = gateway([route("all", origin)], tracing={
        "enabled": True, "endpoint": f"http://127.0.0.1:{free_port()}", "protocol": protocol, "sampleRate": 1, "flushMs": 50,
        "timeoutMs": 300, "queueBytes": 65536})
    with gate.client() as client:
        assert {client.ask("/").status for _ in range(100)} == {200}
    # What the queue cannot hold is lost at once, and said so; the rest after all tries.
    gate.until_metric("flex_telemetry_records_total", lambda v: v > 0, sink="otlp_traces", outcome="lost")
    until(lambda: gate.events("telemetry_lost"), "the loss is an event")
    gate.until_metric("flex_telemetry_records_total", 100, sink="otlp_traces", outcome="lost", timeout=60)
    assert imbalance(gate.metrics()) == {}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_collector_that_is_away_for_a_while_loses_nothing(gateway, origin, collector, protocol):
    gate = gateway([route("all", origin)], tracing=tracing(collector, protocol))
    collector.behave("unavailable")
    answers = [gate.ask("/") for _ in range(5)]
    until(lambda: collector.requests()[protocol] >= 1, "it is tried")
    collector.behave("ok")
    for answer in answers:
        collector.trace(answer.id, 2)
    gate.until_metric("flex_telemetry_records_total", 5, sink="otlp_traces", outcome="delivered")


def test_a_refusal_of_the_collector_is_counted_at_once(gateway, origin, collector):
    collector.behave("error")
    gate = gateway([route("all", origin)], tracing=tracing(collector))
    gate.ask("/")
    gate.until_metric("flex_telemetry_records_total", 1, sink="otlp_traces", outcome="lost")


def test_a_full_queue_is_counted_and_bounded(gateway, origin, collector):
    collector.behave("hang")
    gate = gateway([route("all", origin)], tracing=tracing(collector, queueBytes=65536, timeoutMs=2000))
    with gate.client() as client:
        assert {client.ask("/").status for _ in range(400)} == {200}
    gate.until_metric("flex_telemetry_records_total", lambda v: v > 0, sink="otlp_traces", outcome="lost")
    assert gate.metrics().value("flex_telemetry_queue_bytes", sink="otlp_traces") <= 65536 * 2
    collector.behave("ok")
    until(lambda: imbalance(gate.metrics()) == {}, lambda: f"the law: {imbalance(gate.metrics())}", timeout=20, every=0.1)


def test_stopping_delivers_what_is_queued(gateway, origin, collector):
    gate = gateway([route("all", origin)], tracing=tracing(collector, flushMs=60_000 // 2))
    answers = [gate.ask("/") for _ in range(3)]
    gate.audited = False
    assert gate.stop() == 0
    for answer in answers:
        collector.trace(answer.id, 2)


def test_a_stop_does_not_wait_for_a_hung_collector_forever(gateway, origin, collector):
    collector.behave("hang")
    gate = gateway([route("all", origin)], tracing=tracing(collector, timeoutMs=60_000))
    gate.audited = False
    with gate.client() as client:
        client.send(request("/"))
        assert client.response().status == 200
    until(lambda: fetch(gate.admin)[0] == 200, "it runs")
    assert gate.stop(timeout=9) == 0
