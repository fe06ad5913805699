"""The three formats of /metrics, judged by those who will read them: promtool, Python's OpenMetrics
parser, and a Prometheus that scrapes protobuf with native histograms.

What they read is written by unit_telemetry from a scripted registry (scripted_test.cc)."""

import contextlib
import http.server
import json
import math
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

ROOT = Path(__file__).resolve().parents[2]
SELECTOR = '{route="product-catalog",method="GET",path="/api/products"}'
CONTENT_TYPES = {
    "text": "text/plain; version=0.0.4; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "protobuf": "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                "encoding=delimited",
}


def unit_telemetry():
    build = os.environ.get("GLASSGATE_BUILD")
    if not build and os.environ.get("GLASSGATE_BIN"):
        build = Path(os.environ["GLASSGATE_BIN"]).parent
    return Path(build or ROOT / "build" / "release") / "bin" / "unit_telemetry"


@pytest.fixture(scope="module")
def expositions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("expositions")
    program = unit_telemetry()
    assert program.exists(), f"{program} is not built"
    subprocess.run([program, "--gtest_filter=Scripted.*"], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "GLASSGATE_EXPOSITION_DIR": str(folder)})
    return folder


def samples_of(families):
    """{(name, labels): value} of every sample."""
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def same(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


# --- promtool ---------------------------------------------------------------------------------------

def test_promtool_has_nothing_to_say_but_what_the_contract_demands(expositions):
    assert shutil.which("promtool"), "promtool is not installed (Debian: prometheus)"
    done = subprocess.run(["promtool", "check", "metrics"], capture_output=True, text=True,
                          input=(expositions / "metrics.txt").read_text("utf-8"))
    said = (done.stdout + done.stderr).splitlines()
    # The name is the monitoring guide's, milliseconds and abbreviation included.
    assert [line for line in said if not line.startswith("flex_request_duration_ms ")] == []
    assert done.returncode in (0, 3), said   # 3: the lint above


# --- OpenMetrics ------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def openmetrics(expositions):
    return list(parse_openmetrics((expositions / "metrics.openmetrics").read_text("utf-8")))


def test_openmetrics_types(openmetrics):
    types = {family.name: family.type for family in openmetrics}
    assert types["flex_rate_limit_exceeded"] == "unknown"
    assert types["flex_requests"] == "counter"
    assert types["flex_requests_errors"] == "counter"
    assert types["flex_request_duration_ms"] == "histogram"
    assert types["flex_request_duration_seconds"] == "histogram"
    assert types["flex_connections"] == "gauge"
    assert all(family.documentation for family in openmetrics)


def test_openmetrics_says_what_text_says(openmetrics, expositions):
    text = samples_of(parse_text((expositions / "metrics.txt").read_text("utf-8")))
    text = {k: v for k, v in text.items() if not k[0].startswith("process_")}
    found = {k: v for k, v in samples_of(openmetrics).items() if not k[0].startswith("process_")}
    assert len(text) > 500

    def plain(key):   # le="500.0" is le="500"
        return key[0], tuple((n, str(float(v)) if n == "le" else v) for n, v in key[1])

    found = {plain(k): v for k, v in found.items()}
    text = {plain(k): v for k, v in text.items()}
    assert found.keys() == text.keys()
    assert [k for k in text if not same(text[k], found[k])] == []


def test_openmetrics_exemplars(openmetrics):
    carriers = {}
    for family in openmetrics:
        for sample in family.samples:
            if sample.exemplar:
                carriers.setdefault(family.name, []).append(sample)
    assert list(carriers) == ["flex_request_duration_seconds"]
    assert len(carriers["flex_request_duration_seconds"]) >= 3
    for sample in carriers["flex_request_duration_seconds"]:
        assert set(sample.exemplar.labels) == {"trace_id"}
        assert len(sample.exemplar.labels["trace_id"]) == 32
        assert 0 < sample.exemplar.value <= float(sample.labels["le"])
        assert float(sample.exemplar.timestamp) > 1.7e9


def test_label_values_survive(openmetrics):
    labels = [s.labels for f in openmetrics for s in f.samples]
    assert {"client_id": 'a "b" \\ c\nd'} in labels
    assert {"route": 'quoted "route" \\ with\nnewline', "upstream": "cart"} in labels


# --- a real Prometheus ------------------------------------------------------------------------------

@contextlib.contextmanager
def serving(folder, exposition, accepts):
    """Serves one format at /metrics; notes the Accept headers."""
    body = (folder / {"text": "metrics.txt"}.get(exposition, f"metrics.{exposition}")).read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            accepts.append(self.headers.get("Accept", ""))
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPES[exposition])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()


class Prometheus:
    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}/api/v1/"

    def ask(self, what, **parameters):
        url = f"{self.base}{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expr):
        return self.ask("query", query=expr)["result"]

    def value(self, expr):
        result, = self.query(expr)
        return float(result["value"][1])

    def wait(self, expr, seconds=60):
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                if self.query(expr):
                    return
            assert time.monotonic() < deadline, f"no answer to {expr}"
            time.sleep(0.2)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def prometheus(folder, target, *features):
    assert shutil.which("prometheus"), "prometheus is not installed"
    (folder / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "flex-gateway",
                            "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}]}))
    port = free_port()
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml",
             f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}",
             *([f"--enable-feature={','.join(features)}"] if features else [])],
            stdout=log, stderr=subprocess.STDOUT)
    try:
        found = Prometheus(port)
        found.wait('up{job="flex-gateway"} == 1')
        yield found
    finally:
        process.terminate()
        process.wait(30)
    complaints = [line for line in (folder / "prometheus.log").read_text().splitlines()
                  if ("level=warn" in line or "level=error" in line) and "SIGTERM" not in line]
    assert complaints == []


def quantile(latencies, q):
    return latencies[min(len(latencies) - 1, int(q * len(latencies)))]


def scraped(tmp_path, expositions, exposition, *features):
    accepts = []
    stack = contextlib.ExitStack()
    port = stack.enter_context(serving(expositions, exposition, accepts))
    return stack, stack.enter_context(prometheus(tmp_path, port, *features)), accepts


def test_native_histograms_through_protobuf(tmp_path, expositions):
    latencies = [int(line) / 1e9 for line in (expositions / "latencies_ns.txt").read_text().split()]
    stack, prom, accepts = scraped(tmp_path, expositions, "protobuf", "native-histograms",
                                   "exemplar-storage")
    with stack:
        assert accepts[0].startswith("application/vnd.google.protobuf")
        # The timeouts of 5003 ms and the refusals of 80 ms are in the same series.
        everything = sorted(latencies + [0.08] * 9 + [5.003] * 3)
        for q in (0.1, 0.5, 0.9, 0.95, 0.99):
            said = prom.value(f"histogram_quantile({q}, flex_request_duration_seconds{SELECTOR})")
            assert said == pytest.approx(quantile(everything, q), rel=0.05), q
        assert prom.value(f"histogram_count(flex_request_duration_seconds{SELECTOR})") == 1012
        assert prom.value(f"histogram_sum(flex_request_duration_seconds{SELECTOR})") == pytest.approx(
            sum(everything), rel=1e-6)
        # The classic family of the rules is there all the same.
        p99 = prom.value(f"histogram_quantile(0.99, flex_request_duration_ms_bucket{SELECTOR})")
        assert 1000 < p99 <= 2500
        exemplars = prom.ask("query_exemplars", query="flex_request_duration_seconds",
                             start=1795770000, end=1795780000)
        assert exemplars, "no exemplars"
        assert all(set(e["labels"]) == {"trace_id"} for x in exemplars for e in x["exemplars"])


@pytest.mark.parametrize("exposition", ["text", "openmetrics", "protobuf"])
def test_every_format_brings_the_same_numbers_into_prometheus(tmp_path, expositions, exposition):
    features = ["native-histograms"] if exposition == "protobuf" else []
    stack, prom, _ = scraped(tmp_path, expositions, exposition, *features)
    expected = samples_of(parse_text((expositions / "metrics.txt").read_text("utf-8")))
    with stack:
        found = {}
        for result in prom.query('{__name__=~"flex_.*"}'):
            labels = dict(result["metric"])
            name = labels.pop("__name__")
            for added in ("job", "instance"):
                labels.pop(added)
            if "le" in labels:
                labels["le"] = str(float(labels["le"]))
            if "value" in result:   # native histograms have no value
                found[name, tuple(sorted(labels.items()))] = float(result["value"][1])
        wanted = {}
        for (name, labels), value in expected.items():
            native = name.rsplit("_", 1)[0].endswith("_seconds") and exposition == "protobuf"
            if name.startswith("flex_") and not native:
                wanted[name, tuple((n, str(float(v)) if n == "le" else v) for n, v in labels)] = value
        assert found.keys() == wanted.keys()
        assert [k for k in wanted if not same(wanted[k], found[k])] == []
        assert prom.value(f"flex_rate_limit_exceeded{SELECTOR}") == 7
        # The guide's ratio rules divide series of identical labels.
        ratio = prom.value(f"flex_requests_errors_total{SELECTOR} / flex_requests_total{SELECTOR}")
        assert ratio == pytest.approx(3 / 1012)
