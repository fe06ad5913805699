"""Exact counts per request: of system calls with strace, of heap allocations with a preloaded library.

Both run a proxy twice over the same number of connections, with few requests and with many. What both
have in common, connections and the start, cancels out in the difference."""
import re
import shutil
import signal
import struct
import subprocess

import processes
from measure import Load, load_command, run_load
from proxies import ROOT

FEW, MANY = 1000, 5000
COUNTER = ROOT / "build" / "bench" / "count_allocations.so"
SLOT = struct.Struct("qQQ")
SLOTS = 1024


def ask(bench, port: int, connections: int, requests: int) -> None:
    command = load_command(port, Load(connections), "--requests", requests, "--seconds", 120, "--warmup", 0)
    run_load(command, bench.cores.of_rest(), 150)


def busiest_thread(bench, proxy) -> int:
    """The worker: the thread that works when there is work."""
    before = processes.cpu_ns_by_thread(proxy.pids())
    ask(bench, proxy.port, 64, FEW)
    after = processes.cpu_ns_by_thread(proxy.pids())
    return max(after, key=lambda tid: after[tid] - before.get(tid, 0))


def traced(bench, proxy, tids, connections: int, requests: int) -> dict[str, int]:
    """System calls by name that these threads made while so many requests were answered."""
    strace = shutil.which("strace")
    if strace is None:
        raise RuntimeError("strace is not installed")
    table = proxy.directory / "strace"
    who = [word for tid in tids for word in ("-p", tid)]
    process = processes.start([strace, "-c", "-U", "name,calls", "-o", table, *who], bench.cores.of_rest(),
                              stderr=subprocess.PIPE, text=True)
    try:
        for _ in tids:
            line = process.stderr.readline()
            if "attached" not in line:
                raise RuntimeError(f"strace cannot look at it: {line.strip()}")
        ask(bench, proxy.port, connections, requests)
        process.send_signal(signal.SIGINT)
        process.wait(60)
    except subprocess.TimeoutExpired as late:
        raise RuntimeError("strace does not let go") from late
    finally:
        processes.stop(process)
        process.stderr.close()
    return {name: int(calls) for name, calls in re.findall(r"^\s*(\w+)\s+(\d+)\s*$", table.read_text(), re.M)
            if name != "total"}


def system_calls(bench, proxy, tids, connections: int) -> dict[str, float]:
    few = traced(bench, proxy, tids, connections, FEW)
    many = traced(bench, proxy, tids, connections, MANY)
    return {name: (calls - few.get(name, 0)) / (MANY - FEW) for name, calls in many.items()}


class Allocations:
    """The counts that the preloaded library keeps in a file."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(SLOT.size * SLOTS))

    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(COUNTER), "COUNT_ALLOCATIONS": str(self.path)}

    def read(self) -> dict[int, int]:
        data = self.path.read_bytes()
        return {tid: count for tid, count, _ in SLOT.iter_unpack(data) if tid}


def allocations(bench, proxy, counts: Allocations, worker: int) -> tuple[float, float]:
    """(the worker's, all other threads') allocations per request."""
    seen = [counts.read()]
    for requests in (FEW, MANY):
        ask(bench, proxy.port, 64, requests)
        seen.append(counts.read())
    few, many = (
        {tid: count - before.get(tid, 0) for tid, count in after.items()} for before, after in zip(seen, seen[1:]))
    per_request = {tid: (many[tid] - few.get(tid, 0)) / (MANY - FEW) for tid in many}
    own = per_request.pop(worker, 0.0)
    return own, sum(per_request.values())
