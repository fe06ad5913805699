"""The incident on the real stack: Debian's Prometheus and Alertmanager watch the gateway while it
happens. The guide's rules fire, on the right routes; PagerDuty is called and called off; every panel
of the dashboard has data.

The demo runs twice as fast as the incident and is short, so minutes in rules, dashboards and routing are
scaled down by one factor. Nothing else about them is changed. (RateLimitStorm stays silent, as it
should: at the real rates the limits refuse less than a fifth of a route. promtool's rule tests make
it fire.)
"""

import http.server
import json
import re
import signal
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pytest
import yaml
from dashboard_queries import ROOT, dashboard_queries
from support.gateway import BINARY, SLOW
from support.ports import free_port
from support.wait import until

RETAILCO = ROOT / "examples" / "retailco"
SPEED = 2
SCALE = "0.3"
FACTOR = 40           # 5m becomes 7.5s, 30s becomes 750ms
_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def scaled(duration):
    number, unit = re.fullmatch(r"(\d+)([smhd])", duration).groups()
    return f"{max(int(number) * _UNITS_MS[unit] // FACTOR, 1)}ms"


def scaled_expression(text):
    """Ranges, subquery steps and offsets; nothing else."""
    text = re.sub(r"\[(\d+[smhd])(?::(\d+[smhd]))?\]",
                  lambda m: f"[{scaled(m[1])}{':' + scaled(m[2]) if m[2] else ''}]", text)
    return re.sub(r"offset (-?)(\d+[smhd])", lambda m: f"offset {m[1]}{scaled(m[2])}", text)


class PagerDuty:
    """Takes Events API v2 as PagerDuty would."""

    def __init__(self):
        self.events = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(202)
                self.end_headers()
                self.wfile.write(b'{"status":"success","message":"Event processed"}')

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v2/enqueue"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, action):
        return [e for e in self.events if e["event_action"] == action]


class Prometheus:
    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def api(self, path, **parameters):
        with urllib.request.urlopen(f"{self.base}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as a:
            return json.load(a)["data"]

    def ready(self):
        try:
            return urllib.request.urlopen(f"{self.base}/-/ready", timeout=2).status == 200
        except OSError:
            return False

    def now(self, expression):
        return self.api("query", query=expression)["result"]

    def over(self, expression, start, end):
        return self.api("query_range", query=expression, start=start, end=end, step="0.5")["result"]

    def firing(self, name):
        return [a["labels"] for a in self.api("alerts")["alerts"]
                if a["state"] == "firing" and a["labels"]["alertname"] == name]


@pytest.fixture
def processes():
    started = []
    yield started
    for process in reversed(started):
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def write_configuration(tmp_path, metrics_port, alertmanager_port, pager):
    rules = yaml.safe_load((RETAILCO / "alerts.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"], rule["for"] = scaled_expression(rule["expr"]), scaled(rule["for"])
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(rules))

    prometheus = yaml.safe_load((RETAILCO / "prometheus.yml").read_text())
    prometheus["global"] |= {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "250ms"}
    prometheus["rule_files"] = [str(tmp_path / "alerts.yml")]
    prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{alertmanager_port}"]
    job, = prometheus["scrape_configs"]
    job["static_configs"][0]["targets"] = [f"127.0.0.1:{metrics_port}"]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(prometheus))

    manager = yaml.safe_load((RETAILCO / "alertmanager.yml").read_text())
    manager["global"] = {"pagerduty_url": pager.url}
    manager["route"] |= {"group_wait": "100ms", "group_interval": "500ms"}
    for receiver in manager["receivers"]:
        receiver.pop("slack_configs", None)
        receiver.pop("email_configs", None)
        for target in receiver.get("pagerduty_configs", []):
            del target["routing_key_file"]
            target["routing_key"] = "0123456789abcdef0123456789abcdef"
    (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(manager))


def start_watchers(tmp_path, processes, metrics_port, pager):
    alertmanager_port, prometheus_port = free_port(), free_port()
    write_configuration(tmp_path, metrics_port, alertmanager_port, pager)
    processes.append(subprocess.Popen(
        ["prometheus-alertmanager", f"--config.file={tmp_path}/alertmanager.yml", f"--storage.path={tmp_path}/am",
         f"--web.listen-address=127.0.0.1:{alertmanager_port}", "--cluster.listen-address="],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    log = open(tmp_path / "prometheus.log", "wb")
    processes.append(subprocess.Popen(
        ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/tsdb",
         f"--web.listen-address=127.0.0.1:{prometheus_port}", "--rules.alert.resend-delay=500ms",
         "--enable-feature=native-histograms,exemplar-storage"], stdout=log, stderr=log))
    prometheus = Prometheus(prometheus_port)
    until(prometheus.ready, "Prometheus is ready", timeout=30 * SLOW, every=0.1)
    return prometheus


def start_demo(processes):
    demo = subprocess.Popen([str(BINARY), "demo", "--plain", "--listen", "--speed", str(SPEED), "--scale", SCALE,
                             "--port", "0", "--metrics-port", "0"], stdout=subprocess.PIPE, text=True)
    processes.append(demo)
    for line in demo.stdout:
        if found := re.search(r"metrics http://127\.0\.0\.1:(\d+)/metrics +console http://127\.0\.0\.1:(\d+)", line):
            threading.Thread(target=demo.stdout.read, daemon=True).start()
            return demo, int(found[1]), int(found[2])
    raise AssertionError("the demo did not say where its metrics are")


def test_the_incident_as_prometheus_and_pagerduty_see_it(tmp_path, processes):
    pager = PagerDuty()
    began = time.time()
    demo, metrics_port, console_port = start_demo(processes)
    prometheus = start_watchers(tmp_path, processes, metrics_port, pager)

    until(lambda: prometheus.firing("HighErrorRate"), "HighErrorRate fires", timeout=40 * SLOW, every=0.1)
    until(lambda: prometheus.firing("LatencySLABreach"), "LatencySLABreach fires", timeout=40 * SLOW, every=0.1)
    until(lambda: pager.of("trigger"), "PagerDuty is called", timeout=20 * SLOW, every=0.1)
    until(lambda: not prometheus.firing("HighErrorRate"), "the hotfix helps", timeout=60 * SLOW, every=0.1)
    called = pager.of("trigger")[0]
    until(lambda: any(e["dedup_key"] == called["dedup_key"] for e in pager.of("resolve")),
          lambda: f"PagerDuty is called off: {pager.events}", timeout=60 * SLOW, every=0.1)
    assert called["routing_key"] == "0123456789abcdef0123456789abcdef"
    assert called["payload"]["severity"] == "critical" and "product" in called["payload"]["summary"]

    ended = time.time()
    fired = {(r["metric"]["alertname"], r["metric"].get("route"), r["metric"].get("path"))
             for r in prometheus.over('ALERTS{alertstate="firing"}', began, ended)}
    assert ("HighErrorRate", "product-catalog", "/api/products") in fired
    assert ("LatencySLABreach", "product-catalog", "/api/products") in fired
    assert {route for name, route, _ in fired if name == "HighErrorRate"} <= {"product-catalog", "product-details"}
    assert not [f for f in fired if f[0] in ("AuthFailureSpike", "GatewayPodDown")], fired
    assert not [f for f in fired if f[1] in ("cart", "checkout", "health")], fired

    check_numbers(prometheus)
    check_panels(prometheus, began, ended)
    # The gateway's own store answers the same, with nothing beside it.
    built_in = Prometheus(console_port)
    check_numbers(built_in)
    check_panels(built_in, began, ended)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(30 * SLOW) == 0
    until(lambda: prometheus.firing("GatewayPodDown"), "GatewayPodDown fires", timeout=20 * SLOW, every=0.1)


def check_numbers(prometheus):
    """Prometheus sees the reconciliation identity, and both kinds of histogram."""
    def both():
        return [float(prometheus.now(f"sum({family})")[0]["value"][1])
                for family in ("flex_exchanges_total", "flex_requests_total")]
    # Traffic goes on: a request may end between the reading of one family and the other.
    until(lambda: (seen := both()) and seen[0] == seen[1] > 0, lambda: f"the identity holds: {both()}", timeout=20, every=0.2)
    labels = '{route="product-catalog",path="/api/products"}'
    classic = prometheus.now(f"histogram_quantile(0.5, flex_request_duration_ms_bucket{labels})")
    native = prometheus.now(f"histogram_quantile(0.5, flex_request_duration_seconds{labels})")
    assert classic and native
    assert float(native[0]["value"][1]) * 1000 == pytest.approx(float(classic[0]["value"][1]), rel=0.6)


def check_panels(prometheus, began, ended):
    silent = []
    for query in dashboard_queries({"__rate_interval": "7500ms", "__interval": "500ms", "__range": "30s"}):
        if query.may_be_empty:
            continue
        # Some look back or ahead: then the answer is for a moment before or after the run.
        if not prometheus.over(scaled_expression(query.expr), began - 100, ended + 100):
            silent.append((query.title, query.expr))
    assert silent == []
