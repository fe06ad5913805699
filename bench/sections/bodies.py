"""Bigger answers: 16 KiB and 1 MiB."""
from measure import Load, as_data, interleave
from sections import everything

LOADS = [Load(64, 0, "/16k"), Load(64, 0, "/1m")]


def run(bench) -> None:
    cells = [cell for cell in everything.cells_of(bench.proxies) if cell.proxy != "direct"]
    results = interleave(bench, cells, LOADS)
    for load in LOADS:
        everything.say(bench, results, load)
    bench.report.keep("bodies", as_data(results))
