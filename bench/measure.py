"""Slices and rounds: the way every figure of the tables is taken.

A slice is a second or so of load on one freshly started proxy. A round is one slice of each cell of a
table, one right after the other; rounds run forwards and backwards by turns, so that a machine that
drifts drifts under all of them. A ratio is always of two slices of one round.
"""
import dataclasses
import json
import pathlib
import shutil
import subprocess

import processes
from machine import Cores
from origin import Origin
from proxies import PROXIES, ROOT, Proxy, Setup
from report import Report

LOAD = ROOT / "build" / "bench" / "load"
HEADERS = ("Accept: */*", "client_id: bench-client", "Accept-Encoding: identity", "X-Padding: " + "p" * 200)


class SliceFailed(RuntimeError):
    """This slice measured nothing; the text says why."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A line of a table."""
    proxy: str
    feature: str = "bare"
    workers: int = 1

    def __str__(self) -> str:
        return f"{self.proxy} {self.feature}" + (f" {self.workers} workers" if self.workers > 1 else "")


@dataclasses.dataclass(frozen=True)
class Load:
    connections: int = 64
    rate: float = 0                  # 0: as much as it takes
    path: str = "/"
    spread: int = 1                  # so many paths in turn: {} in the path is the number

    def __str__(self) -> str:
        rate = f"{self.rate:,.0f} requests/s" if self.rate else "saturated"
        return f"{rate}, {self.connections:,} connections, {self.path}"


@dataclasses.dataclass
class Bench:
    """A run: where its parts are, how long its slices are, and what it has to say."""
    scratch: pathlib.Path
    report: Report
    cores: Cores
    rounds: int
    seconds: float
    proxies: list[str]
    origin: Origin = None
    collector: subprocess.Popen = None
    collector_port: int = 0
    started: int = 0                 # proxies so far, for their directories

    def start(self) -> None:
        self.origin = Origin(self.scratch / "origin", self.cores.of_rest())
        self.collector_port = processes.free_port()
        self.collector = processes.start(["/usr/bin/python3", ROOT / "bench" / "collector.py", self.collector_port],
                                         self.cores.of_rest())
        processes.wait_for_port(self.collector_port, self.collector)

    def stop(self) -> None:
        for part in (self.origin, self.collector):
            if isinstance(part, subprocess.Popen):
                processes.stop(part)
            elif part is not None:
                part.stop()

    def proxy(self, kind: str | type[Proxy], feature: str = "bare", workers: int = 1, **setup) -> "Running":
        kind = PROXIES[kind] if isinstance(kind, str) else kind
        self.started += 1
        directory = self.scratch / f"{self.started}-{kind.name}-{feature}"
        setup = {"cpus": self.cores.of_proxy(workers), "origin_port": self.origin.port, **setup}
        return Running(kind, Setup(directory, collector_port=self.collector_port, feature=feature, workers=workers,
                                   **setup))


class Running:
    """A proxy for the length of a `with`: stopped whatever happens inside, its files removed."""

    def __init__(self, kind: type[Proxy], setup: Setup):
        self.kind, self.setup = kind, setup

    def __enter__(self) -> Proxy:
        self.running = self.kind(self.setup)
        return self.running

    def __exit__(self, *_) -> None:
        self.running.stop()
        shutil.rmtree(self.setup.directory, ignore_errors=True)


def load_command(port: int, load: Load, *more) -> list:
    command = [LOAD, "--port", port, "--connections", load.connections, "--path", load.path,
               "--spread", load.spread]
    for header in HEADERS:
        command += ["--header", header]
    if load.rate:
        command += ["--rate", load.rate]
    return [*command, *more]


def run_load(command, cpus, seconds: float) -> dict:
    """The generator's one line; SliceFailed when it got errors, or nothing at all."""
    process = processes.start(command, cpus, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as late:
        raise SliceFailed(f"the load generator was not done after {seconds:.0f} s") from late
    finally:
        processes.stop(process)
    if process.returncode not in (0, 1) or not out.strip():
        raise SliceFailed(f"the load generator ended with {process.returncode}: {err.strip()}")
    result = json.loads(out)
    if result["errors"]:
        raise SliceFailed(f"{result['errors']} requests failed, the first with: {result['first_error']}")
    return result


def slice_of(bench: Bench, proxy: Proxy, load: Load, seconds: float = 0, cpus=None) -> dict:
    """One measured slice on a running proxy."""
    seconds = seconds or bench.seconds
    pids = proxy.pids()
    watch = [word for pid in pids for word in ("--watch", pid)]
    command = load_command(proxy.port, load, "--seconds", seconds, "--warmup", 0.3, *watch)
    result = run_load(command, cpus or bench.cores.of_rest(proxy.setup.workers), seconds + 30)
    if not result["requests"]:
        raise SliceFailed(f"no request was answered in {seconds} s")
    if load.rate and result["unsent"] > load.rate * 0.05:
        raise SliceFailed(f"it cannot hold {load.rate:,.0f} requests/s: {result['unsent']} were still unsent at the end")
    ns = sum(thread["ns"] for thread in result["threads"])
    if proxy.measured and not ns:
        raise SliceFailed("its processes used no CPU: not the ones that were watched")
    result["us"] = ns / 1e3 / result["requests"]
    result["busy"] = ns / 1e9 / result["seconds"]
    result["user_ticks"] = sum(thread["user"] for thread in result["threads"])
    result["system_ticks"] = sum(thread["system"] for thread in result["threads"])
    result["pss_kib"] = processes.memory_kib(pids)
    return result


Results = dict[tuple[Cell, Load], list]  # a slice for each round; None: it failed


def interleave(bench: Bench, cells: list[Cell], loads, rounds: int = 0) -> Results:
    """Each cell in each round; `loads` is the same for all, or is asked for each cell."""
    results: Results = {}
    for round_number in range(rounds or bench.rounds):
        for cell in cells if round_number % 2 == 0 else reversed(cells):
            of_cell = loads(cell) if callable(loads) else loads
            for load, result in zip(of_cell, slices_of_cell(bench, cell, of_cell)):
                results.setdefault((cell, load), []).append(result)
    return results


def slices_of_cell(bench: Bench, cell: Cell, loads) -> list:
    results = []
    try:
        with bench.proxy(cell.proxy, cell.feature, cell.workers) as proxy:
            for load in loads:
                try:
                    results.append(slice_of(bench, proxy, load))
                except SliceFailed as why:
                    bench.report.failed(f"{cell}, {load}", why)
                    results.append(None)
    except (RuntimeError, OSError) as why:
        bench.report.failed(str(cell), why)
    return results + [None] * (len(loads) - len(results))


def as_data(results: Results) -> list[dict]:
    return [{"proxy": cell.proxy, "feature": cell.feature, "workers": cell.workers, "connections": load.connections,
             "rate": load.rate, "path": load.path, "slices": slices} for (cell, load), slices in results.items()]
