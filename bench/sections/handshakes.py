"""TLS handshakes for each second of the proxy's CPU: 1.3 and 1.2, full and resumed, one after another.

Each is a TCP connection, a handshake and its end; no request. The client takes its sessions from a ticket."""
import json

import processes
import statistics_of as stat
from measure import ROOT, SliceFailed
from proxies.protocols import KINDS, chosen

TOOL = ROOT / "build" / "bench" / "tls_load"
ROWS = [("1.3", False), ("1.3", True), ("1.2", False), ("1.2", True)]


def said_by_tool(bench, *arguments, seconds: float) -> dict:
    process = processes.start([TOOL, *arguments], bench.cores.of_rest(), stdout=-1, stderr=-1, text=True)
    try:
        out, err = process.communicate(timeout=seconds + 30)
    finally:
        processes.stop(process)
    if process.returncode != 0:
        raise SliceFailed(err.strip())
    return json.loads(out)


def measure(bench, name: str, version: str, resumed: bool) -> dict:
    with bench.proxy(KINDS[name], "all") as proxy:
        arguments = ["--port", proxy.tls_port, "--version", version, "--resume", int(resumed)]
        said_by_tool(bench, *arguments, "--seconds", 0.2, seconds=1)
        before = processes.cpu_ns(proxy.pids())
        result = said_by_tool(bench, *arguments, "--seconds", bench.seconds, seconds=bench.seconds)
        used = processes.cpu_ns(proxy.pids()) - before
    result["per_cpu_second"] = result["handshakes"] / (used / 1e9)
    return result


def run(bench) -> None:
    results: dict[str, list] = {}
    for round_number in range(bench.rounds):
        for version, resumed in ROWS:
            for name in chosen(bench) if round_number % 2 == 0 else reversed(chosen(bench)):
                row = f"{version} {'resumed' if resumed else 'full'}"
                try:
                    result = measure(bench, name, version, resumed)
                except RuntimeError as why:
                    bench.report.failed(f"handshakes {row} of {name}", why)
                    result = None
                results.setdefault(f"{row}|{name}", []).append(result)
    say(bench, results)
    bench.report.keep("handshakes", results)


def say(bench, results) -> None:
    names = chosen(bench)
    bench.report.title(f"TLS handshakes per second of the proxy's CPU, one worker ({bench.rounds} rounds of {bench.seconds} s)")
    lines = []
    for version, resumed in ROWS:
        row = f"{version} {'resumed' if resumed else 'full'}"
        ours = results.get(f"{row}|glassgate", [])
        lines.append([row] + [stat.spread(stat.values(results[f"{row}|{n}"], "per_cpu_second"), 0) for n in names] +
                     [stat.spread(stat.ratios(ours, results[f"{row}|{n}"], "per_cpu_second"), 2) for n in names if n != "glassgate"])
    bench.report.table(["TLS", *names, *(f"Glassgate / {n}" for n in names if n != "glassgate")], lines)
