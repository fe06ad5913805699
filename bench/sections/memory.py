"""What an idle keep-alive connection costs: 10,000 of them, each after one request.

The kernel's memory for sockets is not in it; it is the same for all. "Before" is after a moment of
traffic, so that what a first request sets up is not counted as growth."""
import json
import subprocess
import time

import processes
import statistics_of as stat
from measure import Load, SliceFailed, load_command, slice_of

NAMES = ("nginx", "glassgate", "haproxy")
IDLE = 10000
ROUNDS = 3


class Idle:
    """Connections that have asked once and stay, for the length of a `with`."""

    def __init__(self, bench, port: int):
        self.command = load_command(port, Load(IDLE), "--idle", 1)
        self.cpus = bench.cores.of_rest()

    def __enter__(self) -> None:
        self.process = processes.start(self.command, self.cpus, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise

    def wait(self) -> None:
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(10)
            raise SliceFailed(f"the load generator could not make {IDLE} connections: {self.process.stderr.read().strip()}")
        said = json.loads(line)
        if said["errors"]:
            raise SliceFailed(f"{said['errors']} of {IDLE} connections got no answer, the first: {said['first_error']}")

    def __exit__(self, *_) -> None:
        processes.stop(self.process)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


def settled_kib(pids, key: str) -> int:
    """Once it has not changed for half a second, or after five."""
    last, since = processes.memory_kib(pids, key), time.monotonic()
    deadline = since + 5
    while time.monotonic() - since < 0.5 and time.monotonic() < deadline:
        time.sleep(0.1)
        now = processes.memory_kib(pids, key)
        if now != last:
            last, since = now, time.monotonic()
    return last


def measure(bench, name: str) -> dict:
    with bench.proxy(name, "all", connections=IDLE + 500) as proxy:
        slice_of(bench, proxy, Load(64), 0.5)
        pids = proxy.pids()
        before = settled_kib(pids, "Pss")
        with Idle(bench, proxy.port):
            held, whole = settled_kib(pids, "Pss"), processes.memory_kib(pids, "Rss")
        after = settled_kib(pids, "Pss")
    return {"before_kib": before, "held_kib": held, "rss_kib": whole, "after_kib": after,
            "bytes_each": (held - before) * 1024 / IDLE}


def run(bench) -> None:
    names = [name for name in NAMES if name in bench.proxies]
    results = {name: [] for name in names}
    for _ in range(min(ROUNDS, bench.rounds)):
        for name in names:
            try:
                results[name].append(measure(bench, name))
            except RuntimeError as why:
                bench.report.failed(f"memory of {name}", why)
    bench.report.title(f"{IDLE:,} idle keep-alive connections, row all, one worker")
    mib = lambda slices, key: f"{stat.middle(slices, key) / 1024:.1f}"  # noqa: E731
    lines = [[name, mib(slices, "before_kib"), mib(slices, "held_kib"), stat.spread(stat.values(slices, "bytes_each"), 0),
              mib(slices, "rss_kib"), mib(slices, "after_kib")] for name, slices in results.items() if slices]
    bench.report.table(("proxy", "PSS before, MiB", "PSS with them, MiB", "bytes of growth for each", "RSS of all, MiB",
                        "PSS when they are gone, MiB"), lines)
    bench.report.say("nginx and HAProxy allocate part of it at the start, for as many connections as they are configured for.")
    bench.report.keep("memory", results)
