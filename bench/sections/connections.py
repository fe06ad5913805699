"""More connections at once: 256 and 1,000."""
from measure import Load, as_data, interleave
from sections import everything

LOADS = [Load(256), Load(1000)]


def run(bench) -> None:
    cells = [cell for cell in everything.cells_of(bench.proxies) if cell.proxy != "direct"]
    results = interleave(bench, cells, LOADS)
    for load in LOADS:
        everything.say(bench, results, load)
    bench.report.keep("connections", as_data(results))
