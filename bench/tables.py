"""The tables that several sections share."""
import statistics_of as stat
from measure import Cell, Load, Results
from proxies import FEATURES, PROXIES

COLUMNS = ("row", "proxy", "CPU µs/request", "user", "sys", "krps", "core %", "p50 ms", "p99 ms", "p99.9 ms", "PSS MiB")


def requests(report, results: Results, cells: list[Cell], load: Load) -> None:
    """A line for each cell. Where the client asked the origin too: what the proxy adds."""
    base = results.get((Cell("direct"), load))
    columns = COLUMNS + (("added p50 µs", "added p99 µs") if base else ())
    lines = []
    for cell in cells:
        slices = results.get((cell, load))
        if not slices:
            continue
        if not stat.good(slices):
            lines.append(["" if cell.proxy in ("l4", "direct") else cell.feature, cell.proxy, "failed"] + [""] * (len(columns) - 3))
            continue
        lines.append(line_of(cell, slices) + (added(slices, base) if base else []))
    report.table(columns, lines)


def line_of(cell: Cell, slices) -> list[str]:
    latency = [f"{stat.middle(slices, key):.3f}" for key in ("p50_ms", "p99_ms", "p999_ms")]
    rate = f"{stat.middle(slices, 'rps') / 1000:.1f}"
    if cell.proxy == "direct":
        return ["", "direct", "", "", "", rate, "", *latency, ""]
    us, user = stat.middle(slices, "us"), stat.user_share(slices)
    return ["" if cell.proxy == "l4" else cell.feature, cell.proxy, stat.spread(stat.values(slices, "us")),
            f"{us * user:.1f}", f"{us * (1 - user):.1f}", rate, f"{100 * stat.middle(slices, 'busy'):.0f}", *latency,
            f"{stat.middle(slices, 'pss_kib') / 1024:.1f}"]


def added(slices, base) -> list[str]:
    """Against the slice of the same round without a proxy."""
    return [f"{1000 * stat.median(both):.0f}" if (both := [a[key] - b[key] for a, b in zip(slices, base) if a and b]) else ""
            for key in ("p50_ms", "p99_ms")]


def ratios(report, results: Results, load: Load) -> None:
    peers = [name for name in PROXIES if name not in ("glassgate", "direct")
             and any(cell.proxy == name and at == load for cell, at in results)]
    ours = [f for f in FEATURES if (Cell("glassgate", f), load) in results]
    columns = ["row", *peers] + [f"Glassgate {f}" for f in ("bare", "all") if f in ours]
    lines = []
    for feature in ours:
        us = results[Cell("glassgate", feature), load]
        line = [feature]
        for name in peers:
            line.append(ratio_cell(us, results.get((Cell(name, "bare" if name == "l4" else feature), load))))
        line += [ratio_cell(us, results[Cell("glassgate", base), load]) if base != feature else ""
                 for base in ("bare", "all") if base in ours]
        lines.append(line)
    if "all+limit" in ours:
        us = results[Cell("glassgate", "all+limit"), load]
        lines.append(["all+limit against their all"] +
                     [ratio_cell(us, results.get((Cell(name, "all"), load))) for name in peers] + [""] * (len(columns) - 1 - len(peers)))
    report.table(columns, lines)


def ratio_cell(ours, theirs) -> str:
    return stat.spread(stat.ratios(ours, theirs), 2) if theirs else ""
