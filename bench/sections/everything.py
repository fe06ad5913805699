"""Cells of the sections that vary the load: everything on for Glassgate, policies included, against the
peers with their metrics, log and the same headers."""
import tables
from measure import Cell, Load, Results
from proxies import PROXIES


def cells_of(proxies) -> list[Cell]:
    return [cell_of(name) for name in PROXIES if name in proxies]


def cell_of(name: str) -> Cell:
    if name == "glassgate":
        return Cell(name, "all+limit")
    return Cell(name, "bare" if name in ("l4", "direct") else "all")


def say(bench, results: Results, load: Load, title: str = "") -> None:
    """The table of one load and one line of ratios."""
    cells = [cell for cell in cells_of(bench.proxies) if (cell, load) in results]
    bench.report.title(title or f"{load}, one worker ({bench.rounds} rounds of {bench.seconds} s)")
    tables.requests(bench.report, results, cells, load)
    ours = results.get((cell_of("glassgate"), load))
    peers = [cell for cell in cells if cell.proxy not in ("glassgate", "direct")]
    if ours and peers:
        bench.report.table(["Glassgate all+limit / it", *(cell.proxy for cell in peers)],
                           [["CPU", *(tables.ratio_cell(ours, results[cell, load]) for cell in peers)]])
