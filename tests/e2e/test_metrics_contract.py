"""The metrics contract and its traps, against the running gateway."""

import gzip
import re
import shutil
import subprocess

import pytest

from support import behaviours as does
from support.client import request
from support.gateway import route
from support.metrics import Metrics, fetch
from support.origin import ok
from support.wait import until

FIRST_FIVE = ["flex_requests_total", "flex_requests_errors_total", "flex_rate_limit_exceeded", "flex_auth_failures_total"]
ROUTES = {"catalog": (["/api/products", "/api/products/:id"], ["GET"]), "cart": (["/api/cart/*"], ["GET", "POST"])}
TEXT = {"Accept": "text/plain;version=0.0.4"}
OPEN_METRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
PROTOBUF = {"Accept": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"}


@pytest.fixture
def gate(gateway, origin):
    return gateway([route(id, origin, paths, methods=methods, policies=[{"rate-limit": {"key": "route", "limit": "5/min"}}])
                    for id, (paths, methods) in ROUTES.items()])


def test_ratio_families_carry_identical_label_sets(gate):
    gate.ask("/api/products")
    gate.ask("/nowhere", "BREW")
    gate.until_metric("flex_requests_total", 2)
    metrics = gate.metrics()
    sets = {name: set(metrics.select(name)) for name in FIRST_FIVE}
    sets["flex_request_duration_ms_count"] = set(metrics.select("flex_request_duration_ms_count"))
    assert len({frozenset(s) for s in sets.values()}) == 1
    for labels in sets["flex_requests_total"]:
        assert set(dict(labels)) == {"route", "method", "path"}
    assert any(dict(l)["route"] == "none" and dict(l)["method"] == "OTHER" for l in sets["flex_requests_total"])


def test_every_configured_series_is_there_at_zero(gate):
    metrics = gate.metrics()
    for id, (paths, methods) in ROUTES.items():
        for path in paths:
            for method in methods:
                for name in FIRST_FIVE + ["flex_request_duration_ms_count", "flex_request_duration_ms_sum"]:
                    assert metrics.select(name, route=id, path=path, method=method) != {}, (name, id, path, method)
                    assert metrics.value(name, route=id, path=path, method=method) == 0


def test_rate_limit_exceeded_keeps_its_name_in_every_format(gate):
    for _ in range(6):
        gate.ask("/api/products")
    gate.until_metric("flex_rate_limit_exceeded", 1)
    text = fetch(gate.admin, headers=TEXT)[2].decode()
    open_metrics = fetch(gate.admin, headers=OPEN_METRICS)[2].decode()
    line = 'flex_rate_limit_exceeded{route="catalog",method="GET",path="/api/products"} 1'
    assert line in text.splitlines()
    assert line in open_metrics.splitlines()
    assert "# TYPE flex_rate_limit_exceeded unknown" in open_metrics.splitlines()
    raw = fetch(gate.admin, headers=PROTOBUF)[2]
    assert b"\x18flex_rate_limit_exceeded" in raw and b"flex_rate_limit_exceeded_total" not in raw


def test_formats_are_negotiated(gate):
    assert fetch(gate.admin, headers=TEXT)[1]["content-type"].startswith("text/plain; version=0.0.4")
    status, headers, body = fetch(gate.admin, headers=OPEN_METRICS)
    assert headers["content-type"].startswith("application/openmetrics-text; version=1.0.0") and body.endswith(b"# EOF\n")
    assert fetch(gate.admin, headers=PROTOBUF)[1]["content-type"].startswith("application/vnd.google.protobuf")
    assert fetch(gate.admin)[1]["content-type"].startswith("text/plain")


def test_promtool_finds_one_name_to_talk_about(gate):
    gate.ask("/api/products")
    tool = shutil.which("promtool")
    assert tool, "promtool is not installed (Debian: prometheus)"
    done = subprocess.run([tool, "check", "metrics"], input=fetch(gate.admin)[2], capture_output=True)
    said = (done.stdout + done.stderr).decode().splitlines()
    # The one name that is older than the rule, and may not change.
    assert said == ["flex_request_duration_ms metric names should not contain abbreviated units"]


def test_openmetrics_parses_with_an_official_parser(gate):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    gate.ask("/api/products")
    families = list(parser.text_string_to_metric_families(fetch(gate.admin, headers=OPEN_METRICS)[2].decode()))
    assert {"flex_requests", "flex_rate_limit_exceeded", "flex_request_duration_ms"} <= {f.name for f in families}


def test_exemplars_carry_the_trace_id(gateway, origin, collector):
    gate = gateway([route("all", origin)], tracing={"enabled": True, "endpoint": collector.endpoint("http"), "protocol": "http",
                                                    "sampleRate": 1, "flushMs": 50})
    answer = gate.ask("/")
    until(lambda: answer.id.encode() in fetch(gate.admin, headers=OPEN_METRICS)[2], "the exemplar appears")
    text = fetch(gate.admin, headers=OPEN_METRICS)[2].decode()
    assert re.search(r'flex_request_duration_\w+_bucket\{.*\} \S+ # \{trace_id="%s"' % answer.id, text)


def test_edges_of_the_rules_are_there(gate):
    edges = {dict(l)["le"] for l in gate.metrics().select("flex_request_duration_ms_bucket", route="catalog", path="/api/products")}
    assert {"500", "5000", "+Inf"} <= edges


def test_native_histograms_do_not_replace_the_classic_ones(gate):
    gate.ask("/api/products")
    raw = fetch(gate.admin, headers=PROTOBUF)[2]
    assert b"flex_request_duration_ms" in raw and b"flex_request_duration_seconds" in raw


def test_4xx_and_499_are_no_errors_and_5xx_are(gateway, origin):
    origin.on("/404", ok(status=404)).on("/500", ok(status=500)).on("/hang", does.hang()).on("/cut", does.send(does.GOOD_HEAD, "close"))
    gate = gateway([route("all", origin)])
    gate.ask("/404")
    gate.ask("/x", headers={"Expect": "x"})
    with gate.client() as client:
        client.send(request("/hang"))
        until(lambda: origin.seen("/hang"), "it arrives")
    gate.until_metric("flex_exchanges_total", 1, ending="client_abort")
    assert gate.metrics().sum("flex_requests_errors_total") == 0
    gate.ask("/500")
    gate.until_metric("flex_requests_errors_total", 1)
    with pytest.raises(AssertionError):
        gate.ask("/cut")
    gate.until_metric("flex_requests_errors_total", 2)


def test_durations_of_upgraded_exchanges_are_split(gateway, origin):
    origin.on("/ws", does.upgrade_echo())
    gate = gateway([route("all", origin)])
    with gate.client() as client:
        client.send(request("/ws", headers={"Connection": "Upgrade", "Upgrade": "websocket"}))
        assert client.response().status == 101
        client.expect_silence(0.6)
    gate.until_metric("flex_stream_lifetime_seconds_count", 1, route="all", kind="websocket")
    metrics = gate.metrics()
    assert metrics.sum("flex_request_duration_ms_sum") < 500
    assert metrics.sum("flex_stream_lifetime_seconds_sum") >= 0.6


def test_event_streams_are_split_too(gateway, origin):
    origin.on("/sse", does.chunks(b"data: 1\n\n", b"data: 2\n\n", headers=[("Content-Type", "text/event-stream")], pause=0.3))
    gate = gateway([route("all", origin)])
    assert gate.ask("/sse").status == 200
    gate.until_metric("flex_stream_lifetime_seconds_count", 1, route="all", kind="sse")
    assert gate.metrics().sum("flex_request_duration_ms_sum") < 300


def test_gauges_of_what_is_open(gate, origin):
    origin.default = does.delay(0.5)
    with gate.client() as client:
        gate.until_metric("flex_connections", 1, listener="public")
        client.send(request("/api/products"))
        gate.until_metric("flex_exchanges_active", 1, listener="public")
        assert client.response().status == 200
        gate.until_metric("flex_exchanges_active", 0, listener="public")
    gate.until_metric("flex_connections", 0, listener="public")
    gate.until_metric("flex_connection_endings_total", 1, listener="public", ending="client_closed")


def test_what_the_gateway_says_about_itself(gate):
    metrics = gate.metrics()
    for name in ("flex_config_generation", "flex_config_last_reload_successful", "flex_build_info", "process_cpu_seconds_total",
                 "process_resident_memory_bytes", "process_open_fds", "flex_series", "flex_series_limit"):
        assert metrics.sum(name) > 0, name
    assert metrics.value("flex_series_overflow_total") == 0
    assert metrics.value("process_resident_memory_bytes") == pytest.approx(gate.rss_bytes(), rel=0.3)


def test_series_are_counted_as_exposed(gate):
    gate.ask("/api/products")
    metrics = gate.metrics()
    assert metrics.value("flex_series") == len(metrics.samples)


def test_endpoint(gate):
    plain = fetch(gate.admin)
    head = fetch(gate.admin, method="HEAD")
    assert (head[0], head[2]) == (200, b"") and int(head[1]["content-length"]) > 1000
    status, headers, body = fetch(gate.admin, headers={"Accept-Encoding": "gzip"})
    assert headers["content-encoding"] == "gzip" and len(body) < len(plain[2])
    Metrics(gzip.decompress(body).decode())
    assert fetch(gate.admin, "/healthz")[::2] == (200, b"ok\n")
    assert fetch(gate.admin, "/readyz")[::2] == (200, b"ready\n")
    assert fetch(gate.admin, "/nothing")[0] == 404
    assert fetch(gate.admin, method="POST")[0] == 405


def test_the_scrape_answers_while_every_worker_is_busy(gate, origin):
    origin.default = does.hang()
    clients = [gate.client() for _ in range(4)]
    for client in clients:
        client.send(request("/api/products"))
    gate.until_metric("flex_exchanges_active", 4)
    for client in clients:
        client.close()


def test_upstream_families(gate, origin):
    with gate.client() as client:
        client.ask("/api/products")
        client.ask("/api/cart/1")
        client.ask("/api/products")
    gate.until_metric("flex_upstream_attempts_total", 3, target=origin.address, result="response")
    metrics = gate.metrics()
    assert metrics.sum("flex_upstream_reuse_total") >= 1
    assert metrics.sum("flex_upstream_connections") >= 1
    assert metrics.sum("flex_upstream_duration_seconds_count") == 3


def test_metrics_can_be_switched_off(gateway, origin):
    gate = gateway([route("all", origin)], metrics={"enabled": False})
    gate.audited = False
    assert fetch(gate.admin)[0] == 404
    assert fetch(gate.admin, "/healthz")[0] == 200
