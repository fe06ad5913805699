#!/usr/bin/env python3
"""./dev bench: what a request costs, against peers doing the same work in the same run.

  ./dev bench            the main table: all rows of features, saturated and at 12,000 requests/s
  ./dev bench SECTION    one section (several may be named)
  ./dev bench full       every section; also draws docs/benchmarks.svg
  ./dev bench micro      the micro benchmarks

The proxy has one core to itself; the load generator and the origin have another. Figures are the
proxy's CPU time (scheduler's nanoseconds of all its threads and processes) for each completed
request. Rounds are interleaved. Trust the ratios. Everything is also written to build/bench/.
"""
import argparse
import importlib
import os
import pathlib
import signal
import sys
import tempfile

import machine
import plot
from measure import Bench
from proxies import FEATURES, PROXIES, ROOT
from proxies.glassgate import Glassgate
from report import Report

SECTIONS = ("headers", "main", "telemetry", "connections", "bodies", "rates", "workers", "syscalls", "memory",
            "scrape", "plan", "handshakes", "h2", "idle_tls", "streams", "store")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", default=["main"], metavar="SECTION", help=", ".join((*SECTIONS, "full")))
    parser.add_argument("--peers", nargs="+", default=list(PROXIES), choices=list(PROXIES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.2, help="length of a slice")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build" / "bench", help="folder of the results")
    parser.add_argument("--plot", type=pathlib.Path, help="draw the main table into this SVG")
    main = parser.add_argument_group("of the main table")
    main.add_argument("--features", nargs="+", default=list(FEATURES), choices=FEATURES)
    main.add_argument("--connections", type=int, default=64)
    main.add_argument("--rate", type=float, default=12000)
    main.add_argument("--path", default="/", choices=["/", "/16k", "/1m"])
    chosen = parser.parse_args()
    if chosen.sections == ["full"]:
        chosen.sections = list(SECTIONS)
        chosen.plot = chosen.plot or ROOT / "docs" / "benchmarks.svg"
    if unknown := set(chosen.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(unknown)}; there are: {', '.join((*SECTIONS, 'full'))}")
    return chosen


def run_section(bench: Bench, name: str, chosen) -> None:
    section = importlib.import_module(f"sections.{name}")
    more = {}
    if name == "main":
        more = {"features": chosen.features, "connections": chosen.connections, "rate": chosen.rate, "path": chosen.path}
    try:
        section.run(bench, **more)
    except (RuntimeError, OSError) as why:  # a proxy that does not start, a tool that is missing
        bench.report.failed(f"section {name}", why)


def main() -> int:
    chosen = options()
    machine.isolate()
    machine.prepare()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cores = machine.Cores()
    report = Report(chosen.output)
    report.head(machine.head(cores, Glassgate.binary))
    os.sched_setaffinity(0, cores.of_rest())
    stolen, ticks = machine.steal_ticks()
    with tempfile.TemporaryDirectory(prefix="glassgate-bench-") as scratch:
        bench = Bench(pathlib.Path(scratch), report, cores, chosen.rounds, chosen.seconds, chosen.peers)
        try:
            bench.start()
            for name in chosen.sections:
                run_section(bench, name, chosen)
        finally:
            bench.stop()
    now_stolen, now_ticks = machine.steal_ticks()
    report.say(f"\nThe hypervisor took {100 * (now_stolen - stolen) / max(1, now_ticks - ticks):.1f} % of the run.")
    status = report.finish()
    if chosen.plot and "main" in report.data:
        chosen.plot.write_text(plot.svg(report.data))
        print(f"written: {chosen.plot}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
