"""What Glassgate's own telemetry costs: everything on against everything off, and the policies on top.

The same few cells more often than in the main table, because the difference is small."""
import statistics_of as stat
import tables
from measure import Cell, Load, as_data, interleave

CELLS = [Cell("glassgate", feature) for feature in ("bare", "all", "all+limit")]
LOADS = [Load(64), Load(64, 12000)]


def run(bench) -> None:
    results = interleave(bench, CELLS, LOADS, 2 * bench.rounds)
    bench.report.title(f"Everything on against everything off ({2 * bench.rounds} rounds)")
    bare, everything, limit = CELLS
    lines = []
    for load in LOADS:
        off, on, limited = (results[cell, load] for cell in (bare, everything, limit))
        more = [a["us"] - b["us"] for a, b in zip(limited, on) if a and b]
        lines.append([load, *(stat.spread(stat.values(results[cell, load], "us")) for cell in CELLS),
                      tables.ratio_cell(on, off), stat.spread(more, 2)])
    bench.report.table(("load", "off µs/request", "on (all)", "all+limit", "on / off", "limit, client id, breaker: µs more"),
                       lines)
    bench.report.keep("telemetry", as_data(results))
