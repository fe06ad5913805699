"""What a record in the audit log costs: a route without one against async, group (2 ms) and
beforeReply, saturated and at 70 % of what the slowest of them takes.

The log lies in the scratch folder, so the cost of a sync is that of the disk there."""
import statistics_of as stat
from measure import Load, SliceFailed, slice_of
from proxies.glassgate import Glassgate

MODES = ("none", "async", "group", "beforeReply")
SHARE = 0.7


def audited(mode: str) -> type[Glassgate]:
    class Audited(Glassgate):
        def routes(self) -> str:
            policy = "" if mode == "none" else f"\n      policies: [{{audit-log: {{durable: {mode}}}}}]"
            return super().routes() + policy

        def document(self) -> str:
            log = "" if mode == "none" else f"""
    audit: {{directory: {self.directory}/audit, key: {self.directory}/audit-key.pem, roomBytes: 67108864}}"""
            return super().document().rstrip("\n") + log + "\n"
    return Audited


def rounds(bench, load: Load) -> dict[str, list]:
    found = {mode: [] for mode in MODES}
    for turn in range(bench.rounds):
        for mode in MODES if turn % 2 == 0 else reversed(MODES):
            try:
                with bench.proxy(audited(mode)) as proxy:
                    found[mode].append(slice_of(bench, proxy, load))
            except (SliceFailed, RuntimeError) as why:
                bench.report.failed(f"audit {mode}, {load}", why)
                found[mode].append(None)
    return found


def say(bench, load: Load, found: dict[str, list]) -> None:
    bench.report.title(f"Audit log: {load} ({bench.rounds} rounds of {bench.seconds} s)")
    lines = []
    for mode in MODES:
        more_us = [100 * (a["us"] / b["us"] - 1) for a, b in zip(found[mode], found["none"]) if a and b]
        more_ms = [a["p99_ms"] - b["p99_ms"] for a, b in zip(found[mode], found["none"]) if a and b]
        lines.append([mode, *(stat.spread(stat.values(found[mode], key), digits) for key, digits in
                             (("rps", 0), ("us", 1), ("p50_ms", 2), ("p99_ms", 2))),
                      "" if mode == "none" else stat.spread(more_us, 0), "" if mode == "none" else stat.spread(more_ms, 2)])
    bench.report.table(("durable", "requests/s", "µs/request", "p50 ms", "p99 ms", "CPU: % more", "p99: ms more"), lines)


def run(bench) -> None:
    saturated = rounds(bench, Load(64))
    say(bench, Load(64), saturated)
    least = min(stat.middle([s for s in found if s], "rps") for found in saturated.values() if any(found))
    load = Load(64, round(least * SHARE, -2))
    steady = rounds(bench, load)
    say(bench, load, steady)
    bench.report.keep("audit", {"saturated": saturated, str(load): steady})
