"""One worker against two, and how evenly two share the work.

Where the machine has only two cores, two workers share them with the load generator and the origin:
requests per second then say little, CPU per request still does. "Implied scaling" is what two workers
would get done on two cores of their own: 2 x the CPU per request of one / that of two."""
import statistics_of as stat
from measure import Cell, Load, as_data, interleave

NAMES = ("nginx", "glassgate", "haproxy")
LOADS = [Load(64), Load(256)]


def cells_of(proxies) -> list[Cell]:
    return [Cell(name, "all+limit" if name == "glassgate" else "all", workers)
            for name in NAMES if name in proxies for workers in (1, 2)]


def shares(one_slice, workers: int) -> list[float]:
    """Of the CPU of the busiest threads, as many as there are workers."""
    used = sorted((thread["ns"] for thread in one_slice["threads"]), reverse=True)[:workers]
    return [ns / sum(used) for ns in used]


def line_of(cell: Cell, load: Load, results) -> list:
    slices = stat.good(results[cell, load])
    one = results[Cell(cell.proxy, cell.feature, 1), load]
    line = [cell.proxy, cell.feature, load.connections, cell.workers, stat.spread(stat.values(slices, "us")),
            f"{stat.middle(slices, 'rps') / 1000:.1f}", f"{stat.middle(slices, 'p99_ms'):.2f}"]
    if cell.workers == 1:
        return line + ["", ""]
    scaling = [cell.workers * ratio for ratio in stat.ratios(one, results[cell, load])]
    busiest = [100 * shares(one_slice, cell.workers)[0] for one_slice in slices]
    return line + [stat.spread(scaling, 2), stat.spread(busiest, 0) + " %"]


def run(bench) -> None:
    cells = cells_of(bench.proxies)
    results = interleave(bench, cells, LOADS)
    bench.report.title(f"One worker and two, saturated ({bench.rounds} rounds of {bench.seconds} s)")
    if bench.cores.shared(2):
        bench.report.say("Two workers share their two cores with the load generator and the origin.\n")
    lines = [line_of(cell, load, results) for load in LOADS for cell in cells if stat.good(results[cell, load])]
    bench.report.table(("proxy", "row", "connections", "workers", "CPU µs/request", "krps", "p99 ms", "implied scaling",
                        "share of the busier worker (50 % is even)"), lines)
    bench.report.keep("workers", as_data(results))
