"""Processes of a run: pinned to cores, and gone when the run is gone, however that ends."""
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(command, cpus, **options) -> subprocess.Popen:
    """Like Popen; the process runs on the given cores and gets SIGTERM when we end in any way."""
    def in_child():
        os.sched_setaffinity(0, cpus)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return subprocess.Popen([str(word) for word in command], preexec_fn=in_child, **options)


def stop(process: subprocess.Popen, seconds: float = 10) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: bench.local\r\nConnection: close\r\n\r\n")
            return s.recv(12).startswith(b"HTTP/1.1 2")
    except OSError:
        return False


def wait_for_answer(port: int, process: subprocess.Popen, seconds: float = 20) -> None:
    """Until a request gets a 2xx. That it listens is too early: nginx does before it has workers."""
    wait_for_port(port, process, seconds)
    deadline = time.monotonic() + seconds
    while not answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"it listens, but a request gets no 2xx within {seconds} s")
        time.sleep(0.005)


def wait_for_port(port: int, process: subprocess.Popen, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"it ended with status {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise RuntimeError(f"nobody listens on its port after {seconds} s")


def family(pid: int) -> list[int]:
    """The process and its children: nginx and HAProxy work in the latter."""
    found = [pid]
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        if parent == pid:
            found.append(int(entry.name))
    return found


def memory_kib(pids, key: str = "Pss") -> int:
    """Pss counts a page that several processes share once in total; Rss counts it in each."""
    kib = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(key + ":"):
                kib += int(line.split()[1])
    return kib


def cpu_ns(pids) -> int:
    """Of processes with all their threads, those that have ended included."""
    cpuclock_sched = 2
    return sum(time.clock_gettime_ns((~pid << 3) | cpuclock_sched) for pid in pids)


def cpu_ns_by_thread(pids) -> dict[int, int]:
    used = {}
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            try:
                used[int(task.name)] = int((task / "schedstat").read_text().split()[0])
            except OSError:
                pass  # a thread that has just ended
    return used
