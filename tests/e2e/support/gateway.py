"""Gateway: the real binary under test, started with a configuration of the test's, watched while it
runs, and audited at its end (laws.py)."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import yaml

from .client import RawClient, ask
from .metrics import Metrics, fetch
from .ports import free_port
from .wait import until

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path(os.environ.get("GLASSGATE_BIN", ROOT / "build" / "release" / "glassgate")).resolve()
SANITIZED = next((kind for kind in ("asan", "tsan") if f"/{kind}/" in str(BINARY)), None)
SLOW = 5 if SANITIZED else 1        # how much more patience a sanitizer build gets

# What the tests look at. The log has exactly these keys, in this order.
FIELDS = [
    "request.id", "request.timestamp", "request.method", "request.path", "request.query", "request.host",
    "request.scheme", "request.protocol", "request.bytes", "request.remoteAddress", "request.userAgent",
    "response.status", "response.bytes", "response.duration_ms", "response.ending", "response.origin",
    "route.id", "route.path", "api.name", "client.id", "client.name", "policy.outcomes", "upstream.name",
    "upstream.address", "upstream.attempts", "upstream.connect_ms", "upstream.first_byte_ms", "trace.id",
    "span.id", "gateway.name", "gateway.mode",
]


def document(routes, *, port, admin, console=0, log=None, upstreams=(), listeners=None, limits=None, timeouts=None,
             trust=None, workers=2, drain_ms=5000, logging=None, metrics=None, tracing=None, name="e2e",
             spec=None, telemetry=None):
    """A configuration with the tests' defaults."""
    public = {"name": "public", "address": f"http://127.0.0.1:{port}"}
    for key, value in (("limits", limits), ("timeouts", timeouts), ("trust", trust)):
        if value:
            public[key] = value
    outputs = [{"type": "stdout"}] + ([{"type": "file", "path": str(log)}] if log else [])
    whole = {
        "workers": workers, "drainMs": drain_ms,
        "listeners": listeners or [public],
        "routes": routes,
        "console": {"address": "127.0.0.1", "port": console},
        "telemetry": {
            "metrics": {"enabled": True, "address": "127.0.0.1", "port": admin, "path": "/metrics", **(metrics or {})},
            "logging": {"format": "json", "level": "info", "fields": FIELDS, "outputs": outputs, **(logging or {})},
            **({"tracing": tracing} if tracing else {}),
            **(telemetry or {}),
        },
        **({"upstreams": list(upstreams)} if upstreams else {}),
        **(spec or {}),
    }
    return {"apiVersion": "gateway.mulesoft.com/v1alpha1", "kind": "Gateway", "metadata": {"name": name}, "spec": whole}


def route(id, upstream, path="/*", **more):
    """A route; `upstream`: a name, or something with a url (an Origin)."""
    if hasattr(upstream, "url"):
        upstream = {"url": upstream.url}
    return {"id": id, "path": path if isinstance(path, list) else [path], "upstream": upstream, **more}


class Gateway:
    def __init__(self, folder, routes, *, watch=False, env=None, arguments=(), **settings):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.admin, self.console = free_port(), free_port(), free_port()
        self.log_path = self.folder / "access.log"
        self.config_path = self.folder / "gateway.yaml"
        self.served_path = None      # a folder instead of the file
        self.document = document(routes, port=self.port, admin=self.admin, console=self.console,
                                 log=self.log_path, **settings)
        self.watch = watch
        self.arguments = list(arguments)     # more for `glassgate run`
        self.env = {**os.environ, **(env or {})}
        self.process = None
        self.audited = True          # by laws.py at the end; a test may say no and check for itself
        self.exact_log = True        # every exchange is in the log
        self.expected_exit = 0

    # ---- life
    def write_config(self, text=None):
        """As a careful editor does: whole or not at all."""
        fresh = self.config_path.with_suffix(".new")
        fresh.write_text(text if text is not None else yaml.safe_dump(self.document, sort_keys=False))
        fresh.rename(self.config_path)

    def spawn(self):
        self.write_config()
        command = [BINARY, "run", "-c", self.served_path or self.config_path] + ([] if self.watch else ["--no-watch"]) + self.arguments
        self.stdout_path, self.stderr_path = self.folder / "stdout", self.folder / "stderr"
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            env=self.env, cwd=self.folder)
        return self

    def start(self):
        self.spawn()
        until(self.is_ready, lambda: f"the gateway is ready\n{self.complaints()}", timeout=30 * SLOW)
        return self

    def is_ready(self):
        assert self.process.poll() is None, f"the gateway ended with {self.process.returncode}\n{self.complaints()}"
        try:
            return fetch(self.admin, "/readyz")[0] == 200
        except OSError:
            return False

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=30):
        return self.process.wait(timeout * SLOW)

    def stop(self, timeout=30):
        """SIGTERM; the exit status."""
        if self.running:
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        if self.running:
            self.process.kill()
        self.expected_exit = -signal.SIGKILL
        return self.wait()

    def complaints(self):
        return self.stderr_path.read_text(errors="replace")[-4000:] if self.process else ""

    # ---- traffic
    def client(self, **kw):
        return RawClient(self.port, **kw)

    def ask(self, path="/", method="GET", **kw):
        return ask(self.port, path, method, **kw)

    # ---- observation
    def metrics(self):
        return Metrics.scrape(self.admin)

    def until_metric(self, name, expected, timeout=20, **labels):
        """Waits until the sum of these series is `expected` (a number, or a test on it)."""
        test = expected if callable(expected) else lambda value: value == expected
        seen = []

        def reached():
            seen.append(self.metrics().sum(name, **labels))
            return test(seen[-1])
        until(reached, lambda: f"{name}{labels} is {expected}; it was {seen[-1]}", timeout=timeout * SLOW, every=0.02)
        return seen[-1]

    def ending_count(self, ending, origin=None):
        return self.metrics().sum("flex_exchanges_total", ending=ending, **({"origin": origin} if origin else {}))

    def lines(self, path=None):
        """Every line of the log so far, decoded. A half line at the end is not one yet."""
        try:
            text = Path(path or self.log_path).read_bytes()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text[:text.rfind(b"\n") + 1].splitlines()]

    def access(self, path=None, **wanted):
        """Access lines whose keys (dots as __) have these values."""
        wanted = {key.replace("__", "."): value for key, value in wanted.items()}
        return [line for line in self.lines(path) if "event" not in line and "interim" not in line
                and all(line.get(k) == v for k, v in wanted.items())]

    def interim(self, path=None):
        """Interim lines of long streams."""
        return [line for line in self.lines(path) if "interim" in line]

    def events(self, kind=None, path=None):
        return [line for line in self.lines(path) if "event" in line and kind in (None, line["event"])]

    def until_access(self, count=1, timeout=20, **wanted):
        return until(lambda: (found := self.access(**wanted)) and len(found) >= count and found,
                     lambda: f"{count} access lines with {wanted}; the last: {self.access()[-3:]}", timeout=timeout * SLOW)

    def until_event(self, kind, count=1, timeout=20):
        return until(lambda: (found := self.events(kind)) and len(found) >= count and found,
                     lambda: f"event {kind} ({count}); there are {[e['event'] for e in self.events()]}",
                     timeout=timeout * SLOW)

    def record(self, response, timeout=20):
        """The access line of that response."""
        assert response.id, f"no X-Request-Id in {response.headers}"
        line, = self.until_access(request__id=response.id, timeout=timeout)
        return line

    def rss_bytes(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    # ---- configuration
    @property
    def spec(self):
        return self.document["spec"]

    def generation(self):
        _, _, body = fetch(self.admin)
        return int(re.search(rb"^flex_config_generation (\d+)$", body, re.MULTILINE)[1])

    def reload(self, timeout=20):
        """Applies self.document as it is now; seconds until it was in force."""
        before = self.generation()
        self.write_config()
        began = time.monotonic()
        if not self.watch:
            self.signal(signal.SIGHUP)
        until(lambda: self.generation() > before, lambda: f"the reload is applied\n{self.complaints()}",
              timeout=timeout * SLOW, every=0.002)
        return time.monotonic() - began
