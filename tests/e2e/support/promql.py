"""Two engines side by side: Debian's Prometheus and `glassgate query`, over the same samples."""

import contextlib
import json
import math
import struct
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

from .gateway import BINARY
from .ports import free_port
from .wait import until

STALE = object()        # the value of a sample that ends a series
STALE_BITS = struct.pack("<Q", 0x7FF0000000000002)


@dataclass
class Histogram:
    """A native histogram with absolute integer counts; `positive` and `negative` are runs of buckets
    as (index of the first, counts)."""
    schema: int
    sum: float
    positive: tuple = (1, ())
    negative: tuple = (1, ())
    zero_count: int = 0
    zero_threshold: float = 0.001

    @property
    def count(self):
        return self.zero_count + sum(self.positive[1]) + sum(self.negative[1])


@dataclass
class Series:
    labels: dict
    samples: list = field(default_factory=list)     # (milliseconds, float | STALE | Histogram)


# As text, for `glassgate query --file`.

def _quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _value_text(value):
    if value is STALE:
        return "stale"
    if isinstance(value, Histogram):
        counts = [" ".join(map(str, side[1])) for side in (value.positive, value.negative)]
        return (f"{{{{schema:{value.schema} sum:{value.sum!r} count:{value.count} z_bucket:{value.zero_count} "
                f"z_bucket_w:{value.zero_threshold!r} offset:{value.positive[0]} buckets:[{counts[0]}] "
                f"n_offset:{value.negative[0]} n_buckets:[{counts[1]}]}}}}")
    return repr(float(value))


def open_metrics(all_series):
    lines = []
    for series in all_series:
        labels = ",".join(f"{k}={_quoted(v)}" for k, v in series.labels.items() if k != "__name__")
        name = series.labels["__name__"] + (f"{{{labels}}}" if labels else "")
        lines += [f"{name} {_value_text(value)} {ms // 1000}.{ms % 1000:03}" for ms, value in series.samples]
    return "\n".join([*lines, "# EOF\n"])


# As a remote-write request, for Prometheus: protobuf, in snappy's form without compression.

def _varint(number):
    out = bytearray()
    number &= (1 << 64) - 1
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _zigzag(number):
    return _varint(number << 1 ^ number >> 63)


def _field(number, wire, payload):
    return _varint(number << 3 | wire) + payload


def _bytes(number, payload):
    return _field(number, 2, _varint(len(payload)) + payload)


def _double(number, value):
    return _field(number, 1, struct.pack("<d", value))


def _runs(spans_field, deltas_field, run):
    first, counts = run
    if not counts:
        return b""
    span = _field(1, 0, _zigzag(first)) + _field(2, 0, _varint(len(counts)))
    deltas = [b - a for a, b in zip((0, *counts), counts)]
    return _bytes(spans_field, span) + _bytes(deltas_field, b"".join(map(_zigzag, deltas)))


def _histogram(ms, h):
    return (_field(1, 0, _varint(h.count)) + _double(3, h.sum) + _field(4, 0, _zigzag(h.schema))
            + _double(5, h.zero_threshold) + _field(6, 0, _varint(h.zero_count)) + _runs(8, 9, h.negative)
            + _runs(11, 12, h.positive) + _field(15, 0, _varint(ms)))


def _time_series(labels, samples):
    out = b"".join(_bytes(1, _bytes(1, k.encode()) + _bytes(2, v.encode())) for k, v in sorted(labels.items()))
    for ms, value in samples:
        if isinstance(value, Histogram):
            out += _bytes(4, _histogram(ms, value))
        else:
            bits = STALE_BITS if value is STALE else struct.pack("<d", value)
            out += _bytes(2, _field(1, 1, bits) + _field(2, 0, _varint(ms)))
    return _bytes(1, out)


def _snappy(data):
    out = _varint(len(data))
    for at in range(0, len(data), 60):
        piece = data[at:at + 60]
        out += bytes([(len(piece) - 1) << 2]) + piece
    return out


class Prometheus:
    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"

    def ready(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"{self.url}/-/ready", timeout=5).status == 200

    def write(self, all_series):
        """Several requests, since a histogram and a number of one series do not share one."""
        for kind in (False, True):
            request = b"".join(
                _time_series(series.labels, samples) for series in all_series
                if (samples := [s for s in series.samples if isinstance(s[1], Histogram) == kind]))
            headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
                       "X-Prometheus-Remote-Write-Version": "0.1.0"}
            urllib.request.urlopen(urllib.request.Request(
                f"{self.url}/api/v1/write", _snappy(request), headers), timeout=60).read()

    def answer(self, request):
        """The API's answer to a request as `glassgate query --batch` takes it."""
        if "format" in request:
            path, form = "format_query", {"query": request["format"]}
        else:
            path, form = "query_range" if "start" in request else "query", request
        data = urllib.parse.urlencode(form).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}", data, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            return json.load(error)


@contextlib.contextmanager
def prometheus(folder):
    """Without a target: it knows what is written to it."""
    (folder / "prometheus.yml").write_text("{}")
    port = free_port()
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
             "--enable-feature=native-histograms", "--storage.tsdb.retention.time=100y"],
            stdout=log, stderr=subprocess.STDOUT)
    try:
        server = Prometheus(port)
        until(server.ready, lambda: (folder / "prometheus.log").read_text())
        yield server
    finally:
        process.terminate()
        process.wait(30)


def glassgate_answers(file, requests):
    done = subprocess.run([BINARY, "query", f"--file={file}", "--batch=-"], capture_output=True, text=True,
                          input="".join(json.dumps(r) + "\n" for r in requests), timeout=600)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# Comparing answers.

REL = 1e-9
# Sums of terms of opposite sign round differently around zero: 1e-9 of nothing is nothing.
ABS = 1e-12


def same_number(a, b):
    x, y = float(a), float(b)
    if math.isnan(x) or math.isnan(y) or math.isinf(x) or math.isinf(y):
        return a == b
    return math.isclose(x, y, rel_tol=REL, abs_tol=ABS)


def same_point(a, b):
    if a[0] != b[0]:
        return False
    if isinstance(a[1], str) and isinstance(b[1], str):
        return same_number(a[1], b[1])
    if isinstance(a[1], str) or isinstance(b[1], str):
        return False
    x, y = a[1].get("buckets", []), b[1].get("buckets", [])
    return (same_number(a[1]["count"], b[1]["count"]) and same_number(a[1]["sum"], b[1]["sum"])
            and len(x) == len(y)
            and all(p[0] == q[0] and all(map(same_number, p[1:], q[1:])) for p, q in zip(x, y)))


def _points(entry):
    return {kind: [entry[kind]] if kind in ("value", "histogram") else entry[kind]
            for kind in ("value", "histogram", "values", "histograms") if kind in entry}


def difference(theirs, ours, ordered=True):
    """Nothing, or what differs between two answers of the API."""
    if theirs["status"] != ours["status"]:
        return f"status: {json.dumps(theirs)[:400]} | {json.dumps(ours)[:400]}"
    if theirs["status"] == "error":
        kinds = theirs["errorType"], ours["errorType"]
        return None if kinds[0] == kinds[1] else f"errorType: {theirs} | {ours}"
    a, b = theirs["data"], ours["data"]
    if a["resultType"] != b["resultType"]:
        return f"type: {a['resultType']} | {b['resultType']}"
    if a["resultType"] == "string":
        return None if a["result"] == b["result"] else f"{a} | {b}"
    if a["resultType"] == "scalar":
        return None if same_point(a["result"], b["result"]) else f"{a} | {b}"
    x, y = a["result"], b["result"]
    if not ordered:
        x, y = (sorted(r, key=lambda e: sorted(e["metric"].items())) for r in (x, y))
    if [e["metric"] for e in x] != [e["metric"] for e in y]:
        return f"series: {[e['metric'] for e in x]} | {[e['metric'] for e in y]}"
    for p, q in zip(x, y):
        left, right = _points(p), _points(q)
        if left.keys() != right.keys():
            return f"{p['metric']}: {list(left)} | {list(right)}"
        for kind in left:
            if len(left[kind]) != len(right[kind]):
                return f"{p['metric']}: {len(left[kind])} points | {len(right[kind])}"
            for i, j in zip(left[kind], right[kind]):
                if not same_point(i, j):
                    return f"{p['metric']}: {i} | {j}"
    return None
