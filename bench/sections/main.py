"""The main table: what a request costs in every row of features, saturated and at a fixed rate."""
import statistics_of as stat
import tables
from measure import Cell, Load, as_data, interleave
from proxies import FEATURES, PROXIES

RATE = 12000
FLOORS = ("l4", "direct")


def cells_of(proxies, features=FEATURES) -> list[Cell]:
    """By feature, so that those who do the same work are measured next to each other; the floors once,
    beside the last row, which is the one they are compared with."""
    cells = [Cell(name, feature) for feature in features for name in PROXIES
             if name in proxies and name not in FLOORS and feature in PROXIES[name].features]
    return cells + [Cell(name) for name in FLOORS if name in proxies]


def loads_of(cell: Cell, connections: int, rate: float, path: str) -> list[Load]:
    saturated, fixed = Load(connections, 0, path), Load(connections, rate, path)
    if cell.proxy == "direct":
        return [fixed]
    if cell.proxy == "caddy":        # saturates below that rate
        return [saturated]
    return [saturated, fixed]


def run(bench, features=FEATURES, connections: int = 64, rate: float = RATE, path: str = "/") -> None:
    cells = cells_of(bench.proxies, features)
    results = interleave(bench, cells, lambda cell: loads_of(cell, connections, rate, path))
    for load in (Load(connections, 0, path), Load(connections, rate, path)):
        bench.report.title(f"{load}, one worker ({bench.rounds} rounds of {bench.seconds} s)")
        tables.requests(bench.report, results, cells, load)
        bench.report.say("Glassgate's CPU / that of the proxy in the column's head:\n")
        tables.ratios(bench.report, results, load)
    say_notes(bench)
    bench.report.keep("main", as_data(results))


def say_notes(bench) -> None:
    bench.report.say("""- Caddy: no limiter of its own, so no such row; it saturates below the fixed rate.
- nginx's metrics are stub_status: a handful of totals. nginx-lua counts by route into histograms with
  Debian's Lua module; Debian has no Prometheus library for it, so a script does the least such a
  library must do (bench/proxies/nginx_metrics.lua).
- Traces: only Glassgate has them in Debian's packages (Caddy's need a collector by gRPC and are left out,
  to its advantage): "all" is one feature more for Glassgate than for the others.
- HAProxy logs into a ring in memory (cheaper than its UDP), the others into a file.""")
