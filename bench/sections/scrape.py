"""A scrape of 100,000 series: how long it takes, and what it does to traffic.

Traffic goes to all routes in turn, so that none is unchanged since the last scrape. The admin thread
shares the proxy's one core with the worker, which is the worst case."""
import http.client
import time

import processes
import statistics_of as stat
from measure import LOAD, Load, SliceFailed, load_command, run_load, slice_of
from proxies.glassgate import with_routes

SERIES = 100_000
RATE = 12000
PATH = "/service-{}/items/7"
SLICE_S = 3
SCRAPES = 5
FORMATS = {
    "text 0.0.4": "text/plain;version=0.0.4",
    "OpenMetrics": "application/openmetrics-text;version=1.0.0",
    "protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
}


def scrape(port: int, accept: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics", headers={"Accept": accept})
    body = connection.getresponse().read()
    connection.close()
    return body


def series_of(proxy) -> int:
    lines = scrape(proxy.metrics_port, FORMATS["text 0.0.4"]).splitlines()
    return sum(1 for line in lines if line and not line.startswith(b"#"))


def routes_for(bench, series: int) -> int:
    counts = []
    for routes in (0, 100):
        with bench.proxy(with_routes(routes), "all") as proxy:
            counts.append(series_of(proxy))
    return round((series - counts[0]) / ((counts[1] - counts[0]) / 100))


def visit_all(bench, proxy, routes: int) -> None:
    command = load_command(proxy.port, Load(64, 0, PATH, routes), "--requests", 2 * routes, "--seconds", 30, "--warmup", 0)
    run_load(command, bench.cores.of_rest(), 40)


def scrape_ms(bench, proxy, accept: str) -> float:
    """By the load generator: Python needs longer to read an answer than Glassgate to write it."""
    command = [LOAD, "--port", proxy.metrics_port, "--connections", 1, "--requests", 1, "--warmup", 0, "--seconds", 30,
               "--path", "/metrics", "--header", f"Accept: {accept}"]
    return run_load(command, bench.cores.of_rest(), 40)["max_ms"]


def quiet_scrapes(bench, proxy, routes: int) -> list:
    """After requests to all routes, with none on their way: wall time and the process's CPU, by format."""
    lines = []
    for name, accept in FORMATS.items():
        size, took, cpu = len(scrape(proxy.metrics_port, accept)), [], []
        for _ in range(SCRAPES):
            visit_all(bench, proxy, routes)
            time.sleep(0.2)
            before = processes.cpu_ns(proxy.pids())
            took.append(scrape_ms(bench, proxy, accept))
            cpu.append((processes.cpu_ns(proxy.pids()) - before) / 1e6)
        lines.append([name, f"{size / 1e6:.1f}", stat.spread(took), stat.spread(cpu)])
    return lines


class Scraper:
    """A scrape every second, for the length of a `with`."""

    def __init__(self, bench, port: int, seconds: float):
        self.command = [LOAD, "--port", port, "--connections", 1, "--rate", 1, "--warmup", 0, "--path", "/metrics",
                        "--seconds", seconds]
        self.cpus = bench.cores.of_rest()

    def __enter__(self) -> "Scraper":
        self.process = processes.start(self.command, self.cpus, stdout=processes.subprocess.DEVNULL)
        return self

    def __exit__(self, *_) -> None:
        processes.stop(self.process)


def traffic(bench, proxy, load: Load, scraped: bool) -> dict | None:
    try:
        if not scraped:
            return slice_of(bench, proxy, load, SLICE_S)
        with Scraper(bench, proxy.metrics_port, SLICE_S + 5):
            return slice_of(bench, proxy, load, SLICE_S)
    except SliceFailed as why:
        bench.report.failed(f"traffic {'with' if scraped else 'without'} scrapes", why)
        return None


def scrapes_under_traffic(bench, proxy, load: Load) -> dict:
    """Scrapes while traffic goes on: the generator of the scrapes is the one that is measured."""
    background = processes.start(load_command(proxy.port, load, "--seconds", 8), bench.cores.of_rest(),
                                 stdout=processes.subprocess.DEVNULL)
    try:
        command = [LOAD, "--port", proxy.metrics_port, "--connections", 1, "--rate", 1, "--warmup", 0.5,
                   "--path", "/metrics", "--seconds", 5]
        return run_load(command, bench.cores.of_rest(), 40)
    finally:
        processes.stop(background)


def say_traffic(bench, without: list, scraped: list) -> None:
    lines = [[name, *(stat.spread(stat.values(slices, key), 3) for key in ("p50_ms", "p99_ms", "p999_ms", "max_ms")),
              stat.spread(stat.values(slices, "us"))]
             for name, slices in (("no scrape", without), ("a scrape every second", scraped))]
    bench.report.table(("12,000 requests/s", "p50 ms", "p99 ms", "p99.9 ms", "worst ms", "CPU µs/request"), lines)
    moved = [b["p99_ms"] - a["p99_ms"] for a, b in zip(without, scraped) if a and b]
    bench.report.say(f"Scrapes move p99 by {stat.spread(moved, 3)} ms.")


def run(bench) -> None:
    routes = routes_for(bench, SERIES)
    load = Load(64, RATE, PATH, routes)
    without, scraped = [], []
    with bench.proxy(with_routes(routes), "all") as proxy:
        series = series_of(proxy)
        bench.report.title(f"A scrape of {series:,} series ({routes:,} routes)")
        bench.report.table(("format", "MB", "time ms", "CPU ms"), quiet := quiet_scrapes(bench, proxy, routes))
        for number in range(bench.rounds):
            for with_scrapes in (False, True) if number % 2 == 0 else (True, False):
                (scraped if with_scrapes else without).append(traffic(bench, proxy, load, with_scrapes))
        busy = scrapes_under_traffic(bench, proxy, load)
    say_traffic(bench, without, scraped)
    bench.report.say(f"Under that traffic a scrape (text 0.0.4) takes {busy['p50_ms']:.0f} ms, at worst {busy['max_ms']:.0f} ms.")
    bench.report.keep("scrape", {"series": series, "routes": routes, "quiet": quiet, "without": without, "with": scraped,
                                 "under_traffic": busy})
