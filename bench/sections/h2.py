"""HTTP/2 from the client, HTTP/1.1 to the origin: requests for each second of the proxy's CPU, by h2load.

Metrics, log and for Glassgate traces are on (row "all" of the main table)."""
import re
import shutil
import subprocess

import processes
import statistics_of as stat
from measure import SliceFailed
from proxies.protocols import KINDS, chosen

CONNECTIONS, STREAMS = 16, 10
WAYS = ("h2c", "h2 over TLS")


def h2load(bench, proxy, way: str, *arguments, path: str = "/") -> str:
    tool = shutil.which("h2load")
    if tool is None:
        raise SliceFailed("h2load is not installed")
    url = f"http://127.0.0.1:{proxy.h2c_port}{path}" if way == "h2c" else f"https://127.0.0.1:{proxy.tls_port}{path}"
    process = processes.start([tool, *arguments, url], bench.cores.of_rest(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    try:
        out, _ = process.communicate(timeout=120)
    except subprocess.TimeoutExpired as late:
        raise SliceFailed("h2load was not done after 120 s") from late
    finally:
        processes.stop(process)
    return out


def done(out: str) -> int:
    """Requests that succeeded, if all did."""
    found = re.search(r"requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored", out)
    if not found or int(found[3]) or int(found[4]) or not int(found[2]):
        raise SliceFailed(f"h2load: {out[-400:]}")
    return int(found[2])


def measure(bench, name: str, way: str) -> dict:
    with bench.proxy(KINDS[name], "all") as proxy:
        shape = ["-c", CONNECTIONS, "-m", STREAMS, "-H", "client_id: bench-client"]
        done(h2load(bench, proxy, way, *shape, "-n", 2000))
        before = processes.cpu_ns(proxy.pids())
        requests = done(h2load(bench, proxy, way, *shape, "-n", int(15_000 * bench.seconds)))
        used = processes.cpu_ns(proxy.pids()) - before
    return {"requests": requests, "us": used / 1e3 / requests, "per_cpu_second": requests / (used / 1e9)}


def run(bench) -> None:
    names = chosen(bench)
    results: dict[str, list] = {}
    for round_number in range(bench.rounds):
        for way in WAYS:
            for name in names if round_number % 2 == 0 else reversed(names):
                try:
                    result = measure(bench, name, way)
                except RuntimeError as why:
                    bench.report.failed(f"{way} of {name}", why)
                    result = None
                results.setdefault(f"{way}|{name}", []).append(result)
    bench.report.title(f"HTTP/2 to HTTP/1.1, {CONNECTIONS} connections of {STREAMS} streams, one worker ({bench.rounds} rounds)")
    lines = [[way, name, stat.spread(stat.values(results[f"{way}|{name}"], "us")),
              stat.spread(stat.values(results[f"{way}|{name}"], "per_cpu_second"), 0),
              stat.spread(stat.ratios(results.get(f"{way}|glassgate", []), results[f"{way}|{name}"], "us"), 2)]
             for way in WAYS for name in names]
    bench.report.table(("client", "proxy", "CPU µs/request", "requests per CPU-second", "Glassgate's CPU / its"), lines)
    bench.report.keep("h2", results)
