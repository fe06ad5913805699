"""1,000 HTTP/2 streams over 10 connections, 16 KiB each: whether some wait for the others.

Fair is what is alike: the 99th percentile and the last against the median, and Jain's index over all."""
import statistics

import statistics_of as stat
from measure import SliceFailed
from proxies.protocols import KINDS, chosen
from sections.h2 import done, h2load

CONNECTIONS, STREAMS, REQUESTS = 10, 100, 10_000


def measure(bench, name: str) -> dict:
    with bench.proxy(KINDS[name], "all") as proxy:
        log = proxy.directory / "h2load.log"
        shape = ["-c", CONNECTIONS, "-m", STREAMS, "-w", 20, "-W", 24]
        done(h2load(bench, proxy, "h2c", *shape, "-n", 1000, path="/16k"))
        done(h2load(bench, proxy, "h2c", *shape, "-n", REQUESTS, f"--log-file={log}", path="/16k"))
        ms = sorted(int(line.split()[2]) / 1000 for line in log.read_text().splitlines())
    if len(ms) != REQUESTS:
        raise SliceFailed(f"h2load's log has {len(ms)} of {REQUESTS} requests")
    middle = statistics.median(ms)
    return {"median_ms": middle, "p99": ms[int(0.99 * REQUESTS)] / middle, "last": ms[-1] / middle,
            "jain": sum(ms) ** 2 / (REQUESTS * sum(x * x for x in ms))}


def run(bench) -> None:
    results: dict[str, list] = {}
    for _ in range(bench.rounds):
        for name in chosen(bench):
            try:
                result = measure(bench, name)
            except RuntimeError as why:
                bench.report.failed(f"streams of {name}", why)
                result = None
            results.setdefault(name, []).append(result)
    bench.report.title(f"1,000 streams over {CONNECTIONS} HTTP/2 connections, 16 KiB each, one worker ({bench.rounds} rounds)")
    lines = [[name] + [stat.spread(stat.values(slices, key), 2) for key in ("median_ms", "p99", "last", "jain")]
             for name, slices in results.items()]
    bench.report.table(("proxy", "median, ms", "99th / median", "last / median", "Jain's index"), lines)
    bench.report.keep("streams", results)
