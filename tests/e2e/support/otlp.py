"""The mock OTLP collector (otlp/mock_collector.mjs), which decodes with OpenTelemetry's own schema."""

import json
import subprocess
import urllib.request
from pathlib import Path

from .wait import until

HERE = Path(__file__).resolve().parents[1]
SERVER, CLIENT = 2, 3   # SpanKind


class Collector:
    def __init__(self):
        self.process = subprocess.Popen(["node", str(HERE / "otlp" / "mock_collector.mjs")], cwd=HERE,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        ports = json.loads(self.process.stdout.readline())
        self.grpc, self.http, self.control = ports["grpc"], ports["http"], ports["control"]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(5)

    def _control(self, method, path, body=None):
        wanted = urllib.request.Request(f"http://127.0.0.1:{self.control}{path}", method=method,
                                        data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(wanted, timeout=5) as answer:
            return json.load(answer)

    def spans(self):
        return self._control("GET", "/spans")

    def requests(self):
        return self._control("GET", "/requests")

    def behave(self, mode, **more):
        self._control("POST", "/behaviour", {"mode": mode, **more})

    def reset(self):
        self.behave("ok")
        self._control("DELETE", "/spans")

    def endpoint(self, protocol):
        return f"http://127.0.0.1:{self.grpc if protocol == 'grpc' else self.http}"

    def trace(self, trace_id, spans=1, timeout=30):
        """The spans of a trace, once there are so many."""
        return until(lambda: (found := [s for s in self.spans() if s["traceId"] == trace_id]) and len(found) >= spans and found,
                     lambda: f"{spans} spans of trace {trace_id}; there are {[(s['traceId'], s['name']) for s in self.spans()]}",
                     timeout=timeout, every=0.05)
