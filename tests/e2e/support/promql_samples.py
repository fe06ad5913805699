"""Samples with everything in them that a query language may stumble over. The same on every run."""

import math
import random

from .promql import STALE, Histogram, Series

START_MS = 1_600_000_000_000        # a multiple of 10 s, not of a minute
MINUTES = 50
INF = math.inf
NAN = math.nan


def _times(seconds, first=0, last=MINUTES * 60, jitter=0, rng=None):
    return [START_MS + t * 1000 + (rng.randrange(-jitter, jitter + 1) if jitter else 0)
            for t in range(first, last, seconds)]


def _counters(rng):
    out = []
    for job in ("api", "web"):
        for instance in ("0", "1", "2"):
            for code in ("200", "500"):
                value, samples = rng.randrange(1000), []
                for i, ms in enumerate(_times(15, jitter=40, rng=rng)):
                    value += rng.randrange(20) if code == "200" else rng.random() < 0.2
                    if instance == "1" and i in (60, 61, 130):      # resets, two in a row
                        value = rng.randrange(5)
                    samples.append((ms, value))
                labels = {"__name__": "requests_total", "job": job, "instance": instance, "code": code}
                if instance == "2":                                  # a gap without a staleness marker
                    samples = [s for s in samples if not 700_000 < s[0] - START_MS < 1_300_000]
                out.append(Series(labels, samples))
    return out


def _fine_counter(rng):
    value, samples = 0.0, []
    for i, ms in enumerate(_times(1, 600, 1500)):
        value = 0.0 if i % 97 == 96 else value + rng.random() * 10
        samples.append((ms, value))
    return [Series({"__name__": "fine_total", "a": "b"}, samples)]


def _gauges(rng):
    out = []
    for room, start in (("attic", 20.0), ("cellar", -3.5), ("hall", 0.25)):
        value, samples = start, []
        for ms in _times(15):
            value += rng.uniform(-1, 1)
            samples.append((ms, value))
        out.append(Series({"__name__": "temperature", "room": room, "building": "a"}, samples))
    odd = [NAN, INF, -INF, 0.0, -0.0, 1e300, -1e300, 3e-308, 1.5, NAN, NAN, 7.0, INF, 3.0]
    for which in ("x", "y"):
        values = [rng.choice(odd) for _ in _times(15)]
        out.append(Series({"__name__": "odd", "which": which}, list(zip(_times(15), values))))
    out.append(Series({"__name__": "all_nan"}, [(ms, NAN) for ms in _times(30)]))
    for i in range(5):      # ties
        out.append(Series({"__name__": "step", "i": str(i), "half": "lo" if i < 3 else "hi"},
                          [(ms, float((k // 20 + i) % 3)) for k, ms in enumerate(_times(15))]))
    out.append(Series({"__name__": "constant", "c": "1"}, [(ms, 42.0) for ms in _times(15)]))
    out.append(Series({"__name__": "limit"}, [(ms, 2.0 + k % 3) for k, ms in enumerate(_times(60))]))
    out.append(Series({"__name__": "big", "n": "1"}, [(ms, 1e15 + k * 1e9) for k, ms in enumerate(_times(15))]))
    out.append(Series({"__name__": "birthday", "who": "ann"},
                      [(ms, 951_782_400.0 + k * 86_400 * 37) for k, ms in enumerate(_times(15))]))
    out.append(Series({"__name__": "birthday", "who": "methuselah"},
                      [(ms, -62e9 + k * 1e7 + 0.5) for k, ms in enumerate(_times(15))]))
    return out


def _comings_and_goings(rng):
    out = []
    stops = [(ms, rng.random()) for ms in _times(15, 0, 900)]
    out.append(Series({"__name__": "short", "life": "ends"}, [*stops, (START_MS + 900_000, STALE)]))
    again = [(ms, rng.random()) for ms in _times(15, 1200, 1800)]
    gap = [(ms, 1.0 + k) for k, ms in enumerate(_times(15, 0, 600))]
    out.append(Series({"__name__": "short", "life": "gap"}, [*gap, (START_MS + 600_000, STALE), *again]))
    out.append(Series({"__name__": "short", "life": "late"}, [(ms, 5.0) for ms in _times(15, 1000)]))
    out.append(Series({"__name__": "short", "life": "once"}, [(START_MS + 777_000, 3.0)]))
    blinks = [(ms, STALE if k % 3 == 2 else float(k)) for k, ms in enumerate(_times(20))]
    out.append(Series({"__name__": "short", "life": "blinks"}, blinks))
    out.append(Series({"__name__": "sparse", "every": "4m"}, [(ms, float(k)) for k, ms in enumerate(_times(240))]))
    out.append(Series({"__name__": "sparse", "every": "6m"}, [(ms, float(k * k)) for k, ms in enumerate(_times(360))]))
    # One name after the other, otherwise the same labels.
    out.append(Series({"__name__": "relay_a", "x": "1"}, [*((ms, 1.0) for ms in _times(15, 0, 600)),
                                                          (START_MS + 600_000, STALE)]))
    out.append(Series({"__name__": "relay_b", "x": "1"}, [(ms, 2.0) for ms in _times(15, 700, 1500)]))
    return out


def _classic_histograms(rng):
    out = []
    edges = ["5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "+Inf"]
    for route in ("catalog", "orders", "checkout"):
        for method in ("GET", "POST"):
            counts = [0] * len(edges)
            columns = [[] for _ in edges]
            for i, ms in enumerate(_times(15)):
                for _ in range(rng.randrange(8)):
                    latency = rng.lognormvariate(4 if route == "catalog" else 5.5, 1.2)
                    for k, edge in enumerate(edges):
                        counts[k] += latency <= float(edge)
                if route == "orders" and i == 100:
                    counts = [0] * len(edges)
                for k, column in enumerate(columns):
                    column.append((ms, float(counts[k])))
            labels = {"route": route, "method": method, "path": f"/api/{route}"}
            for edge, column in zip(edges, columns):
                if route == "checkout" and edge == "250":       # scraped late: not monotonic
                    column = [(ms, max(0.0, v - 3)) for ms, v in column]
                out.append(Series({"__name__": "flex_request_duration_ms_bucket", "le": edge, **labels}, column))
            out.append(Series({"__name__": "flex_request_duration_ms_count", **labels}, columns[-1]))
            out.append(Series({"__name__": "flex_request_duration_ms_sum", **labels},
                              [(ms, v * 123.5) for ms, v in columns[-1]]))
    negative = [("-10", 3), ("-1", 5), ("0", 9), ("1", 9), ("+Inf", 12)]
    out += [Series({"__name__": "depth_bucket", "le": le, "kind": "whole"}, [(ms, float(n)) for ms in _times(30)])
            for le, n in negative]
    out += [Series({"__name__": "depth_bucket", "le": le, "kind": "endless"}, [(ms, float(n)) for ms in _times(30)])
            for le, n in negative[:4]]
    out += [Series({"__name__": "depth_bucket", "le": le, "kind": "twice"}, [(ms, 2.0) for ms in _times(30)])
            for le in ("1", "1.0", "2", "+Inf", "Inf")]
    out += [Series({"__name__": "depth_bucket", "le": le, "kind": "nonsense"}, [(ms, 2.0) for ms in _times(30)])
            for le in ("", "many")]
    out += [Series({"__name__": "depth_bucket", "le": "+Inf", "kind": "single"}, [(ms, 2.0) for ms in _times(30)])]
    return out


def _flex(rng):
    out = []
    for route in ("catalog", "orders", "checkout"):
        labels = {"route": route, "method": "GET", "path": f"/api/{route}"}
        totals = {"flex_requests_total": 0.0, "flex_requests_errors_total": 0.0, "flex_rate_limit_exceeded": 0.0,
                  "flex_auth_failures_total": 0.0}
        columns = {name: [] for name in totals}
        for ms in _times(15):
            totals["flex_requests_total"] += rng.randrange(50)
            totals["flex_requests_errors_total"] += rng.randrange(4)
            totals["flex_rate_limit_exceeded"] += rng.randrange(12)
            totals["flex_auth_failures_total"] += rng.randrange(2)
            for name, value in totals.items():
                columns[name].append((ms, value))
        out += [Series({"__name__": name, **labels}, column) for name, column in columns.items()]
    out.append(Series({"__name__": "up", "job": "flex-gateway", "instance": "a:9090"},
                      [(ms, float(k % 7 != 3)) for k, ms in enumerate(_times(15))]))
    return out


def _native_histograms(rng):
    out = []
    for route, schema in (("catalog", 3), ("orders", 1), ("checkout", 0)):
        counts, negative, zero, total = [0] * 12, [0] * 3, 0, 0.0
        samples = []
        for i, ms in enumerate(_times(15)):
            for _ in range(rng.randrange(6)):
                k = min(11, int(abs(rng.gauss(5, 3))))
                counts[k] += 1
                total += k * 0.7
            zero += rng.random() < 0.3
            if route == "orders":
                negative[rng.randrange(3)] += 1
            if route == "catalog" and i == 90:
                counts, zero, total = [0] * 12, 0, 0.0
            samples.append((ms, Histogram(schema, total, (-2, tuple(counts)),
                                          (1, tuple(negative) if route == "orders" else ()), zero)))
        out.append(Series({"__name__": "native_seconds", "route": route, "pod": "p" + str(schema)}, samples))
    wide = [(ms, Histogram(2, float(k), (1, (k, 2 * k)), zero_count=k, zero_threshold=0.001 if k < 100 else 0.5))
            for k, ms in enumerate(_times(15))]
    out.append(Series({"__name__": "native_seconds", "route": "wider", "pod": "p9"}, wide))
    # Every other one coarser.
    shifting = [(ms, Histogram(2 - k % 2, float(k), (1, (k, k, 3 * k, k)))) for k, ms in enumerate(_times(30))]
    out.append(Series({"__name__": "native_shifting"}, shifting))
    out.append(Series({"__name__": "native_seconds_number", "route": "catalog"}, [(ms, 1.5) for ms in _times(15)]))
    out.append(Series({"__name__": "native_empty"}, [(ms, Histogram(0, 0.0)) for ms in _times(15)]))
    return out


def _labels():
    shapes = [{"__name__": "shape"}, {"__name__": "shape", "a": "1"}, {"__name__": "shape", "a": "1", "b": "2"},
              {"__name__": "shape", "a": "2", "b": "2"}, {"__name__": "shape", "b": "2", "_c": "x y"},
              {"__name__": "shape", "a": "Größe", "b": '"quoted" \\ back'},
              {"__name__": "shape", "A": "upper", "a": "1", "html": "<a href='x'>&</a>"},
              {"__name__": "shape", "a": "1", "b": "2", "c": "3", "d": "4", "e": "5"},
              {"__name__": "with:colon", "a": "1"}, {"__name__": "other_shape", "a": "1", "b": "2"},
              {"__name__": "other_shape", "a": "2", "b": "2"}, {"__name__": "other_shape", "a": "3", "b": "2"},
              {"__name__": "src", "url": "http://host-7.example.com:8080/path?q=1", "n": "007"},
              {"__name__": "src", "url": "ftp://x", "n": "8"}]
    out = [Series(labels, [(ms, float(i + k % 5)) for k, ms in enumerate(_times(15))])
           for i, labels in enumerate(shapes)]
    for a in ("1", "2", "3"):
        for b in ("x", "y"):
            out.append(Series({"__name__": "many", "a": a, "b": b},
                              [(ms, float(int(a) * 10 + k % 4)) for k, ms in enumerate(_times(15))]))
        out.append(Series({"__name__": "one", "a": a, "owner": "team" + a},
                          [(ms, float(int(a) + k % 3)) for k, ms in enumerate(_times(15))]))
    return out


def samples():
    rng = random.Random(42)
    made = (_counters(rng) + _fine_counter(rng) + _gauges(rng) + _comings_and_goings(rng) + _classic_histograms(rng)
            + _flex(rng) + _native_histograms(rng) + _labels())
    return [Series({k: v for k, v in s.labels.items() if v}, s.samples) for s in made]
