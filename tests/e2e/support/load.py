"""Keep-alive clients in a process of their own, so that they and the test do not share a lock.

    with Load(port, clients=8, path="/x") as load: ...
    load.result    # {"requests": N, "failed": [...], "connections": N, "statuses": {"200": N}}
"""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

PAUSE = 0.002   # between two requests of a client: the machine is to be busy, not full


class Load:
    def __init__(self, port, clients=8, path="/", header=None):
        self.command = [sys.executable, "-m", "support.load", str(port), str(clients), path] + ([header] if header else [])
        self.result = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, cwd=Path(__file__).resolve().parents[1], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "under way\n"
        return self

    def __exit__(self, *_):
        out, _ = self.process.communicate(timeout=30)
        self.result = json.loads(out)


def main(port, clients, path, header=None):
    from .client import RawClient, request
    data = request(path, headers=dict([header.split(": ", 1)]) if header else {})
    stop, lock, begun = threading.Event(), threading.Lock(), threading.Semaphore(0)
    statuses, failed, counts = Counter(), [], Counter()

    def run():
        client, told = None, False
        while not stop.is_set():
            if client is None:
                client = RawClient(port, timeout=20)
                counts["connections"] += 1
            try:
                answer = client.send(data).response()
            except (AssertionError, OSError) as e:
                with lock:
                    failed.append(repr(e)[:300])
                client = None
                continue
            with lock:
                statuses[answer.status] += 1
                counts["requests"] += 1
            if not told:
                begun.release()
                told = True
            if answer.closes:
                client.close()
                client = None
            time.sleep(PAUSE)
        if client:
            client.close()
    threads = [threading.Thread(target=run, daemon=True) for _ in range(clients)]
    for t in threads:
        t.start()
    for _ in threads:
        begun.acquire()
    print("under way", flush=True)
    sys.stdin.read()
    stop.set()
    for t in threads:
        t.join(25)
    print(json.dumps({"requests": counts["requests"], "connections": counts["connections"], "failed": failed,
                      "statuses": {str(k): v for k, v in statuses.items()}}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
