"""The built-in store: what it costs the data plane; what it holds a sample in; how fast it answers, beside
Debian's Prometheus and VictoriaMetrics with the same samples in the same run.

The three servers share the cores of the rest; each has them alone while it is asked."""
import contextlib
import http.client
import json
import pathlib
import random
import struct
import subprocess
import sys
import time
import urllib.parse

import processes
import statistics_of as stat
from measure import Load, SliceFailed, load_command, slice_of
from proxies import ROOT
from proxies.glassgate import Glassgate, WithStore

sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from dashboard_queries import dashboard_queries  # noqa: E402

QUANTILE = "histogram_quantile(0.99, sum by (le, route) (rate(flex_request_duration_ms_bucket[5m])))"
EDGES = ("1", "2", "5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "10000", "+Inf")
ROUTES, SECONDS = 100, 2100      # 30 minutes, and the 5 before that the first rate looks back
ASKED = 7
WATCHED_S = 75
SLICE_S = 4


# ---- the data plane

def cost(bench) -> None:
    """Slices with and without, one after the other, at 70 % of what it takes."""
    with bench.proxy(Glassgate, "all") as proxy:
        saturated = slice_of(bench, proxy, Load(64))
    load = Load(64, round(saturated["rps"] * 0.7, -2))
    results = {kind: [] for kind in (Glassgate, WithStore)}
    for number in range(bench.rounds):
        for kind in results if number % 2 == 0 else reversed(results):
            try:
                with bench.proxy(kind, "all") as proxy:
                    results[kind].append(slice_of(bench, proxy, load, SLICE_S))
            except (SliceFailed, RuntimeError) as why:
                bench.report.failed(f"{kind.__name__} at {load}", why)
                results[kind].append(None)
    more = [100 * (b["us"] / a["us"] - 1) for a, b in zip(*results.values()) if a and b]
    bench.report.table((f"{load}", "CPU µs/request", "p99 ms"),
                       [[name, stat.spread(stat.values(slices, "us")), stat.spread(stat.values(slices, "p99_ms"), 3)]
                        for name, slices in zip(("without the store", "with it"), results.values())])
    bench.report.say(f"The store costs {stat.spread(more, 2)} % of CPU a request (its own thread included).")
    bench.report.keep("store_cost", {kind.__name__: slices for kind, slices in results.items()})


# ---- the library: one core, no HTTP

def micro(bench) -> None:
    program = ROOT / "build" / "release" / "bin" / "bench_store"
    done = subprocess.run(["taskset", "-c", str(min(bench.cores.of_proxy(1))), program, "--benchmark_format=json",
                           "--benchmark_filter=BM_Append|quantile_of_routes$|BM_Visit"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"bench_store: {done.stderr.strip()[-300:]}")
    lines = []
    for b in json.loads(done.stdout)["benchmarks"]:
        rate = b.get("items_per_second") or b.get("samples/s") or 0
        lines.append([b["name"], f"{b['cpu_time']:,.2f} {b['time_unit']}", f"{rate / 1e6:,.1f}" if rate else ""])
    bench.report.table(("one core", "CPU time", "million samples/s"), lines)


# ---- beside others

class Endpoint:
    """Whatever speaks Prometheus' HTTP API."""

    def __init__(self, name, port):
        self.name, self.port = name, port

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{self.name} answered {answer.status}: {content[:200]}")
        return content

    def ask(self, expression, start, end, step) -> tuple[float, int]:
        """(milliseconds, series)"""
        form = {"query": expression, "start": start, "end": end, "step": step, "nocache": 1}
        before = time.perf_counter()
        content = self.request("POST", "/api/v1/query_range", urllib.parse.urlencode(form),
                               {"Content-Type": "application/x-www-form-urlencoded"})
        took = 1e3 * (time.perf_counter() - before)
        return took, len(json.loads(content)["data"]["result"])


class Server(Endpoint):
    """One of our own, until it is stopped."""

    def __init__(self, name, port, command, cpus, folder):
        super().__init__(name, port)
        self.log = open(folder / f"{name}.log", "wb")
        self.process = processes.start(command, cpus, stdout=self.log, stderr=self.log, cwd=folder)
        processes.wait_for_port(port, self.process, 30)

    def stop(self) -> None:
        processes.stop(self.process)
        self.log.close()


@contextlib.contextmanager
def servers(bench, folder, scraped=0):
    folder.mkdir(exist_ok=True)
    cpus, running = bench.cores.of_rest(), []
    scrape = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
              "scrape_configs": [{"job_name": "flex-gateway", "static_configs": [{"targets": [f"127.0.0.1:{scraped}"]}]}]}
    (folder / "prometheus.yml").write_text(json.dumps(scrape if scraped else {}))
    try:
        port = processes.free_port()
        running.append(Server("prometheus", port, [
            "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/prometheus",
            f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
            "--enable-feature=native-histograms"], cpus, folder))
        port = processes.free_port()
        running.append(Server("victoria-metrics", port, [
            "victoria-metrics", f"-storageDataPath={folder}/victoria", f"-httpListenAddr=127.0.0.1:{port}",
            "-search.latencyOffset=0s", *([f"-promscrape.config={folder}/prometheus.yml"] if scraped else [])], cpus, folder))
        yield running
    finally:
        for server in running:
            server.stop()


@contextlib.contextmanager
def glassgate_alone(bench, folder):
    """Without traffic: a store that is written to and asked."""
    port, metrics, console = (processes.free_port() for _ in range(3))
    (folder / "gateway.yaml").write_text(f"""apiVersion: gateway.mulesoft.com/v1alpha1
kind: Gateway
metadata: {{name: bench}}
spec:
  workers: 1
  listeners: [{{name: public, address: "http://127.0.0.1:{port}"}}]
  console: {{port: {console}}}
  telemetry:
    metrics: {{address: 127.0.0.1, port: {metrics}}}
    logging: {{enabled: false}}
    store: {{memoryMaxBytes: 1073741824}}
""")
    server = Server("glassgate", console, [Glassgate.binary, "run", "--no-watch", "-c", folder / "gateway.yaml"],
                    bench.cores.of_rest(), folder)
    try:
        yield server
    finally:
        server.stop()


def varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def part(number: int, payload: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(payload)) + payload


def unpacked_snappy(data: bytes) -> bytes:
    pieces = [varint(len(data))]
    for at in range(0, len(data), 60):
        piece = data[at:at + 60]
        pieces.append(bytes([(len(piece) - 1) << 2]) + piece)
    return b"".join(pieces)


def requests_of(now: int) -> list:
    """Remote-write requests of five routes each: buckets of a latency histogram, a second apart."""
    rng, times = random.Random(1), [varint((now - SECONDS + s) * 1000) for s in range(SECONDS)]
    out, body = [], b""
    for route in range(ROUTES):
        counts = [0] * len(EDGES)
        samples = [[] for _ in EDGES]
        for s in range(SECONDS):
            seen = 0
            for i in range(len(EDGES)):
                seen += rng.randrange(8)
                counts[i] += seen
                samples[i].append(part(2, b"\x09" + struct.pack("<d", counts[i]) + b"\x10" + times[s]))
        for i, le in enumerate(EDGES):
            labels = {"__name__": "flex_request_duration_ms_bucket", "job": "bench", "le": le, "method": "GET",
                      "path": f"/service-{route}", "route": f"route-{route}"}
            names = b"".join(part(1, part(1, k.encode()) + part(2, v.encode())) for k, v in sorted(labels.items()))
            body += part(1, names + b"".join(samples[i]))
        if route % 5 == 4:
            out.append(unpacked_snappy(body))
            body = b""
    return out


def write_all(server, requests) -> tuple[float, float]:
    """(seconds, CPU seconds)"""
    headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
               "X-Prometheus-Remote-Write-Version": "0.1.0"}
    cpu, before = processes.cpu_ns([server.process.pid]), time.perf_counter()
    for request in requests:
        server.request("POST", "/api/v1/write", request, headers)
    return time.perf_counter() - before, (processes.cpu_ns([server.process.pid]) - cpu) / 1e9


def quantile(bench, scratch) -> None:
    now = int(time.time())
    requests = requests_of(now)
    samples = ROUTES * len(EDGES) * SECONDS
    lines, kept = [], {}
    scratch.mkdir(exist_ok=True)
    with glassgate_alone(bench, scratch) as ours, servers(bench, scratch) as others:
        for server in (ours, *others):
            empty = processes.memory_kib([server.process.pid])
            wall, cpu = write_all(server, requests)
            time.sleep(2)        # VictoriaMetrics shows what it got after a second
            took = []
            for _ in range(ASKED):
                ms, series = server.ask(QUANTILE, now - 1800, now - 1, 1)
                took.append(ms)
            if series != ROUTES:
                raise RuntimeError(f"{server.name}: {series} series")
            grown = processes.memory_kib([server.process.pid]) - empty
            kept[server.name] = {"write_s": wall, "write_cpu_s": cpu, "ms": took, "grown_kib": grown}
            lines.append([server.name, f"{samples / cpu / 1e6:.2f}", stat.spread(took), f"{grown / 1024:,.0f}"])
    bench.report.title(f"{samples / 1e6:.1f} million samples by remote write, and a quantile of {ROUTES} routes over 30 minutes at 1 s")
    bench.report.table(("", "million samples/s of CPU taken in", "query ms", "memory grown by MiB"), lines)
    bench.report.keep("store_quantile", kept)


def dashboards(bench, scratch) -> None:
    """The gateway under some traffic, scraped by both each second; then every query of the dashboards."""
    substitutions = {"__rate_interval": "5s", "__interval": "1s", "__range": "1m"}
    queries = dashboard_queries(substitutions)
    lines, kept = [], {}
    with bench.proxy(WithStore, "all") as proxy, servers(bench, scratch, proxy.metrics_port) as others:
        ours = Endpoint("glassgate", proxy.console_port)
        load = processes.start(load_command(proxy.port, Load(16, 500), "--seconds", WATCHED_S), bench.cores.of_rest(),
                               stdout=subprocess.DEVNULL)
        load.wait()
        end = int(time.time()) - 2
        for server in (ours, *others):
            totals, silent = [], 0
            for _ in range(3):
                each = [server.ask(q.expr, end - 60, end, 1) for q in queries]
                totals.append(sum(ms for ms, _ in each))
                silent = sum(1 for _, series in each if not series)
            pids = proxy.pids() if server is ours else [server.process.pid]
            kept[server.name] = {"ms": totals, "silent": silent, "memory_kib": processes.memory_kib(pids)}
            lines.append([server.name, stat.spread(totals), len(queries) - silent,
                          f"{kept[server.name]['memory_kib'] / 1024:,.0f}"])
    bench.report.title(f"All {len(queries)} queries of the dashboards, one after the other, over a minute at 1 s")
    bench.report.table(("", "ms for all", "with data", "memory MiB (glassgate: proxy and all)"), lines)
    bench.report.keep("store_dashboards", kept)


def run(bench) -> None:
    bench.report.title("The built-in store")
    cost(bench)
    scratch = pathlib.Path(bench.scratch)
    for step in (lambda: micro(bench), lambda: quantile(bench, scratch / "quantile"),
                 lambda: dashboards(bench, scratch / "dashboards")):
        try:
            step()
        except (RuntimeError, OSError) as why:
            bench.report.failed("the store", why)
