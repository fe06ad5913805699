"""Fixed rates, open loop: 12,000/s, and 30 % and 70 % of what the slowest proxy can take in this run.

Latency counts from when a request was due, and "direct" is the same client asking the origin itself:
the difference is what a proxy adds. Caddy saturates below these rates and is left out."""
import statistics_of as stat
from measure import Cell, Load, as_data, interleave
from sections import everything

SHARES = (0.3, 0.7)
FIXED = 12000


def saturation(bench, cells: list[Cell]) -> float:
    results = interleave(bench, [cell for cell in cells if cell.proxy != "direct"], [Load(64)], 2)
    found = {cell.proxy: stat.middle(slices, "rps") for (cell, _), slices in results.items() if stat.good(slices)}
    if not found:
        raise RuntimeError("no proxy could be saturated")
    bench.report.say("Saturation, requests/s: " + ", ".join(f"{name} {rps:,.0f}" for name, rps in found.items()) + ".")
    return min(found.values())


def run(bench) -> None:
    cells = [cell for cell in everything.cells_of(bench.proxies) if cell.proxy != "caddy"]
    bench.report.title("Fixed rates")
    slowest = saturation(bench, cells)
    shares = {share: Load(64, round(slowest * share, -2)) for share in SHARES}
    loads = [Load(64, FIXED), *shares.values()]
    if FIXED > slowest * 0.95:
        bench.report.say(f"{FIXED:,}/s is left out: the slowest proxy saturates at {slowest:,.0f}/s.")
        loads = loads[1:]
    results = interleave(bench, cells, loads)
    for load in loads:
        share = next((f" ({100 * s:.0f} % of the slowest proxy's saturation)" for s, at in shares.items() if at == load), "")
        everything.say(bench, results, load, f"{load}{share}, one worker ({bench.rounds} rounds of {bench.seconds} s)")
    bench.report.keep("rates", as_data(results))
