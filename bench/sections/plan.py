"""A plan of 5,000 routes: how long it takes to load and to load again, and its memory.

Series exist from the start whether or not somebody scrapes them. What one costs shows when every
route takes one method more; the rest of a route's memory is the route itself."""
import os
import re
import signal
import subprocess
import time

import processes
import statistics_of as stat
from proxies.glassgate import Glassgate, with_routes
from sections.scrape import series_of

ROUTES = 5000
ROUNDS = 3
APPLIED = re.compile(r'"event":"config_applied".*?"took_ms":(\d+)')


def started(bench, routes: int, methods: str = "GET") -> dict:
    began = time.monotonic()
    with bench.proxy(with_routes(routes, methods), "all") as proxy:
        start_ms = 1000 * (time.monotonic() - began)
        rss_kib = settled_rss_kib(proxy)
        found = {"start_ms": start_ms, "rss_kib": rss_kib, "series": series_of(proxy), "reload_ms": reload_ms(proxy)}
        return {**found, "check_ms": check_ms(proxy)}


def settled_rss_kib(proxy) -> int:
    time.sleep(0.3)
    return processes.memory_kib(proxy.pids(), "Rss")


def reload_ms(proxy) -> float:
    """From SIGHUP to the event that says the plan is in force."""
    began = time.monotonic()
    os.kill(proxy.process.pid, signal.SIGHUP)
    while not (proxy.log_path.exists() and APPLIED.search(proxy.log_path.read_text())):
        if time.monotonic() - began > 20:
            raise RuntimeError("20 s after SIGHUP there is no config_applied event")
        time.sleep(0.002)
    return 1000 * (time.monotonic() - began)


def check_ms(proxy) -> float:
    """`glassgate check` of such a document: reading, diagnostics and compiling, without starting anything."""
    began = time.monotonic()
    subprocess.run([Glassgate.binary, "check", proxy.directory / "gateway.yaml"], check=True, capture_output=True)
    return 1000 * (time.monotonic() - began)


def bytes_between(less: list, more: list, key: str, count: float) -> list[float]:
    return [(b[key] - a[key]) * 1024 / count for a, b in zip(less, more)]


def run(bench) -> None:
    rounds = range(min(ROUNDS, bench.rounds))
    one = [started(bench, 0) for _ in rounds]
    many = [started(bench, ROUTES) for _ in rounds]
    methods = [started(bench, ROUTES, "GET, POST") for _ in rounds]
    pick = lambda runs, key, digits=0: stat.spread(stat.values(runs, key), digits)  # noqa: E731
    bench.report.title(f"A plan of {ROUTES:,} routes")
    bench.report.table(("routes", "methods of each", "series", "start ms", "reload ms", "check ms", "RSS MiB"),
                       [[routes, count, f"{runs[0]['series']:,}", pick(runs, "start_ms"), pick(runs, "reload_ms"),
                         pick(runs, "check_ms"), f"{stat.middle(runs, 'rss_kib') / 1024:.1f}"]
                        for routes, count, runs in ((1, 1, one), (ROUTES + 1, 1, many), (ROUTES + 1, 2, methods))])
    each = (many[0]["series"] - one[0]["series"]) / ROUTES
    series = bytes_between(many, methods, "rss_kib", methods[0]["series"] - many[0]["series"])
    whole = bytes_between(one, many, "rss_kib", ROUTES)
    alone = [a - b * each for a, b in zip(whole, series)]
    bench.report.say(f"For each route {stat.spread(whole, 0)} bytes: {each:.0f} series of {stat.spread(series, 0)} bytes, and "
                     f"{stat.spread(alone, 0)} of its own.")
    bench.report.keep("plan", {"one": one, "many": many, "methods": methods, "bytes_of_a_route": alone,
                               "bytes_of_a_series": series})
