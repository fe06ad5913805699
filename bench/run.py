#!/usr/bin/env python3
"""./dev bench: what a request costs, against peers doing the same work in the same run.

The proxy has core 0 to itself; the load generator and the origin have core 1. Figures are the
proxy's CPU time (scheduler's nanoseconds of all its threads and children) for each completed
request. Rounds are interleaved: every proxy once, then every proxy again, so that a machine that
drifts drifts under all of them. Trust the ratios.
"""
import argparse
import http.server
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import threading
import time

import peers

LOAD = peers.ROOT / "build" / "bench" / "load"


def cpu_ns(pids):
    """(total ns by the scheduler, user ticks, system ticks) of all threads."""
    total = user = system = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            try:
                total += int((task / "schedstat").read_text().split()[0])
                fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
                user += int(fields[11])
                system += int(fields[12])
            except OSError:
                pass
    return total, user, system


def rss_kib(pids):
    kib = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kib += int(line.split()[1])
    return kib


class Collector:
    """Takes OTLP over HTTP and forgets it, so that spans have somewhere to go."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", peers.COLLECTOR_PORT), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def slice_of(peer, arguments, path, rate):
    """One measured slice: load for some seconds, CPU before and after."""
    command = ["taskset", "-c", "1", str(LOAD), "--port", str(peer.port), "--connections", str(arguments.connections),
               "--seconds", str(arguments.seconds), "--warmup", "0.3", "--path", path, "--header", "client_id: bench-client",
               "--header", "Accept-Encoding: identity", "--header", "X-Padding: " + "p" * 200]
    if rate:
        command += ["--rate", str(rate)]
    pids = peer.pids()
    load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    time.sleep(0.4)
    before, began = cpu_ns(pids), time.monotonic()
    time.sleep(arguments.seconds - 0.3)
    after, took = cpu_ns(pids), time.monotonic() - began
    result = json.loads(load.communicate()[0])
    requests = result["rps"] * took
    ticks = 1e6 / os.sysconf("SC_CLK_TCK")
    result["us"] = (after[0] - before[0]) / 1e3 / requests
    result["user_us"] = (after[1] - before[1]) * ticks / requests
    result["sys_us"] = (after[2] - before[2]) * ticks / requests
    result["rss_kib"] = rss_kib(pids)
    return result


def measure(arguments):
    rows = {}
    with tempfile.TemporaryDirectory(prefix="glassgate-bench-") as scratch:
        scratch = pathlib.Path(scratch)
        origin = peers.Origin(scratch / "origin")
        Collector()
        cells = [(name, feature) for feature in arguments.features for name in arguments.peers
                 if feature in peers.PEERS[name].features]
        try:
            for round_number in range(arguments.rounds):
                for name, feature in cells:
                    peer = peers.PEERS[name](scratch / f"{name}-{feature}-{round_number}", origin.port, feature,
                                             arguments.workers, arguments.cpus)
                    try:
                        result = slice_of(peer, arguments, arguments.path, arguments.rate)
                    finally:
                        peer.stop()
                    rows.setdefault((feature, name), []).append(result)
        finally:
            origin.stop()
    return rows


def spread(values, digits=1):
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"


def table(rows, arguments):
    load = f"{arguments.rate} requests/s" if arguments.rate else "saturated"
    print(f"\n{load}, {arguments.connections} connections, {arguments.path}, {arguments.workers} worker(s), "
          f"{arguments.rounds} rounds of {arguments.seconds} s\n")
    print("| row | proxy | CPU us/request | user | sys | krps | p50 ms | p99 ms | p99.9 ms | PSS MiB | glassgate / it |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for (feature, name), results in rows.items():
        pick = lambda key: [r[key] for r in results]  # noqa: E731
        ours = rows.get((feature, "glassgate")) or rows.get(("all", "glassgate"))
        if name == "l4":
            ours = rows.get((arguments.features[-1], "glassgate"))
        ratio = ""
        if ours and name != "glassgate":
            ratio = spread([a["us"] / b["us"] for a, b in zip(ours, results)], 2)
        errors = sum(pick("errors"))
        print(f"| {feature} | {name}{f' ({errors} errors)' if errors else ''} | {spread(pick('us'))} | "
              f"{statistics.median(pick('user_us')):.1f} | {statistics.median(pick('sys_us')):.1f} | "
              f"{statistics.median(pick('rps')) / 1000:.1f} | {statistics.median(pick('p50_ms')):.3f} | "
              f"{statistics.median(pick('p99_ms')):.3f} | {statistics.median(pick('p999_ms')):.3f} | "
              f"{statistics.median(pick('rss_kib')) / 1024:.1f} | {ratio} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="+", default=list(peers.PEERS), choices=list(peers.PEERS))
    parser.add_argument("--features", nargs="+", default=["bare", "all", "all+limit"], choices=peers.FEATURES)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--path", default="/", choices=["/", "/16k", "/1m"])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--cpus", default="0")
    parser.add_argument("--json", help="also write every slice to this file")
    arguments = parser.parse_args()
    rows = measure(arguments)
    table(rows, arguments)
    if arguments.json:
        flat = [{"feature": f, "proxy": n, "slices": r} for (f, n), r in rows.items()]
        pathlib.Path(arguments.json).write_text(json.dumps(flat, indent=1))


main()
