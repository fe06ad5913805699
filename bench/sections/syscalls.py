"""System calls and heap allocations per request in steady state."""
import counting
from proxies import PROXIES

NAMES = ("glassgate", "nginx", "haproxy", "l4")
SHOWN = 0.005  # calls per request below which a name is summed up as "other"


def by_name(calls: dict[str, float]) -> str:
    big = {name: n for name, n in calls.items() if n >= SHOWN}
    other = sum(calls.values()) - sum(big.values())
    return ", ".join(f"{name} {n:.2f}" for name, n in sorted(big.items(), key=lambda item: -item[1])) + \
        (f", other {other:.3f}" if abs(other) >= 0.0005 else "")


def system_calls_of(bench, name: str, feature: str) -> list:
    lines = []
    for connections in (64, 1):
        with bench.proxy(name, feature) as proxy:
            worker = counting.busiest_thread(bench, proxy)
            calls = counting.system_calls(bench, proxy, [worker], connections)
            lines.append([name, feature, "its worker", connections, f"{sum(calls.values()):.2f}", by_name(calls)])
            others = [tid for tid in counting.processes.cpu_ns_by_thread(proxy.pids()) if tid != worker]
            if name == "glassgate" and connections == 64:
                calls = counting.system_calls(bench, proxy, others, connections)
                lines.append([name, feature, "all its other threads", connections, f"{sum(calls.values()):.2f}", by_name(calls)])
    return lines


def allocations_of(bench, name: str, feature: str) -> list:
    counts = counting.Allocations(bench.scratch / f"allocations-{name}-{feature}")
    with bench.proxy(name, feature, environment=counts.environment()) as proxy:
        worker = counting.busiest_thread(bench, proxy)
        own, others = counting.allocations(bench, proxy, counts, worker)
    return [name, feature, f"{own:.3f}", f"{others:.3f}"]


def features_of(name: str) -> list[str]:
    return ["bare", "all+limit"] if name == "glassgate" else PROXIES[name].features[-1:]


def run(bench) -> None:
    names = [name for name in NAMES if name in bench.proxies]
    bench.report.title("System calls per request")
    lines = [line for name in names for feature in features_of(name) for line in system_calls_of(bench, name, feature)]
    bench.report.table(("proxy", "row", "who", "connections", "calls per request", "by name"), lines)
    bench.report.title("Heap allocations per request, 64 connections")
    counts = [allocations_of(bench, name, feature) for name in names if name != "l4" for feature in features_of(name)]
    bench.report.table(("proxy", "row", "its worker", "all its other threads"), counts)
    bench.report.say("malloc, calloc, realloc and their aligned kin; nginx and HAProxy have pools of their own above them.")
    bench.report.keep("syscalls", {"calls": lines, "allocations": counts})
