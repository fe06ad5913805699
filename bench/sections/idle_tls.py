"""What an idle TLS connection costs: 10,000 of them, each after one request over HTTP/1.1 or HTTP/2."""
import subprocess

import processes
import statistics_of as stat
from measure import SliceFailed
from proxies.protocols import KINDS, chosen
from sections.handshakes import TOOL, said_by_tool
from sections.memory import settled_kib

IDLE = 10_000
ROUNDS = 3
WAYS = {"HTTP/1.1": 0, "HTTP/2": 1}


def measure(bench, name: str, h2: int) -> dict:
    with bench.proxy(KINDS[name], "all", connections=IDLE + 500) as proxy:
        said_by_tool(bench, "--port", proxy.tls_port, "--seconds", 0.3, seconds=1)
        pids = proxy.pids()
        before = settled_kib(pids, "Pss")
        process = processes.start([TOOL, "--port", proxy.tls_port, "--idle", IDLE, "--h2", h2], bench.cores.of_rest(),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            if not process.stdout.readline():
                raise SliceFailed(process.stderr.read().strip())
            held = settled_kib(pids, "Pss")
        finally:
            processes.stop(process)
    return {"before_kib": before, "held_kib": held, "bytes_each": (held - before) * 1024 / IDLE}


def run(bench) -> None:
    results: dict[str, list] = {}
    for _ in range(min(ROUNDS, bench.rounds)):
        for way, h2 in WAYS.items():
            for name in chosen(bench):
                try:
                    result = measure(bench, name, h2)
                except RuntimeError as why:
                    bench.report.failed(f"idle TLS over {way} of {name}", why)
                    result = None
                results.setdefault(f"{way}|{name}", []).append(result)
    bench.report.title(f"{IDLE:,} idle TLS connections, row all, one worker")
    lines = [[*key.split("|"), f"{stat.middle(slices, 'before_kib') / 1024:.1f}", f"{stat.middle(slices, 'held_kib') / 1024:.1f}",
              stat.spread(stat.values(slices, "bytes_each"), 0)] for key, slices in results.items() if stat.good(slices)]
    bench.report.table(("over", "proxy", "PSS before, MiB", "PSS with them, MiB", "bytes of growth for each"), lines)
    bench.report.keep("idle_tls", results)
