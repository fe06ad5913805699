"""The machine of a run: isolation, cores, and the head of the report that says what it was."""
import fcntl
import os
import pathlib
import platform
import re
import resource
import shutil
import socket
import struct
import subprocess
import sys

ISOLATED = "GLASSGATE_BENCH_ISOLATED"
SBIN = "/usr/sbin:/usr/bin:/sbin:/bin"
CONGESTION = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")


def isolate() -> None:
    """Starts this program again in a network namespace of its own, where the system lets us."""
    if ISOLATED in os.environ:
        return
    flags = "-n" if os.geteuid() == 0 else "-rn"
    unshare = shutil.which("unshare", path=SBIN)
    allowed = unshare and subprocess.run([unshare, flags, "true"], capture_output=True).returncode == 0
    os.environ[ISOLATED] = "yes" if allowed else "no"
    if allowed:
        sys.stdout.flush()
        os.execv(unshare, [unshare, flags, sys.executable, *sys.argv])


def prepare() -> None:
    """Loopback up and congestion control set (in our own namespace only); many files allowed."""
    if os.environ.get(ISOLATED) == "yes":
        loopback_up()
        try:
            CONGESTION.write_text("reno")
        except OSError as error:
            print(f"note: congestion control stays as it is: {error}", file=sys.stderr)
    else:
        print("note: no network namespace allowed here; the system's own loopback is used", file=sys.stderr)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(65536, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (65536, max(65536, hard)))
    except (OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def loopback_up() -> None:
    siocgifflags, siocsifflags, iff_up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(s, siocgifflags, request))[1]
        fcntl.ioctl(s, siocsifflags, struct.pack("16sh22x", b"lo", flags | iff_up))


class Cores:
    """Which cores the proxy has and which the rest: load generator, origin, collector, this program."""

    def __init__(self):
        self.all = sorted(os.sched_getaffinity(0))

    def of_proxy(self, workers: int = 1) -> set[int]:
        return set(self.all[:workers])

    def of_rest(self, workers: int = 1) -> set[int]:
        return set(self.all[workers:]) or set(self.all)

    def shared(self, workers: int = 1) -> bool:
        return bool(self.of_proxy(workers) & self.of_rest(workers))


def said_by(command, pattern: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "missing"
    found = re.search(pattern, done.stdout + done.stderr)
    return found.group(1) if found else "unknown"


def versions(glassgate: pathlib.Path) -> dict[str, str]:
    return {
        "Glassgate": said_by([str(glassgate), "version"], r"glassgate\s+(.+)"),
        "nginx": said_by([shutil.which("nginx", path=SBIN) or "nginx", "-v"], r"nginx/(\S+)"),
        "nginx's Lua module": said_by(["dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-http-lua"], r"^([0-9]\S*)"),
        "HAProxy": said_by([shutil.which("haproxy", path=SBIN) or "haproxy", "-v"], r"version (\S+)"),
        "Caddy": said_by(["caddy", "version"], r"^v?(\S+)"),
    }


def cpu_model() -> str:
    found = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return found.group(1) if found else platform.machine()


def head(cores: Cores, glassgate: pathlib.Path) -> dict[str, str]:
    split = f"proxy on core {cores.all[0]}, load generator and origin on {text_of(cores.of_rest())}"
    if cores.shared():
        split = "one core only: proxy, load generator and origin share it"
    private = os.environ.get(ISOLATED) == "yes"
    return {
        "CPU": f"{cpu_model()}, {len(cores.all)} cores; {split}",
        "kernel": platform.release(),
        "network": f"loopback, {'private network namespace' if private else 'NOT isolated'}, "
                   f"congestion control {CONGESTION.read_text().strip()}",
        "load before": f"{os.getloadavg()[0]:.2f} (average of the last minute; more than 0.3 means others were at work)",
        **versions(glassgate),
    }


def text_of(cpus) -> str:
    return "core " + ", ".join(str(cpu) for cpu in sorted(cpus)) if len(cpus) == 1 else \
        "cores " + ", ".join(str(cpu) for cpu in sorted(cpus))


def steal_ticks() -> tuple[int, int]:
    """(stolen by the hypervisor, all) since boot."""
    fields = [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return fields[7], sum(fields[:8])
