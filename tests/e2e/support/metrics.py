"""A scrape of the text format 0.0.4, parsed strictly (a repeated series or a sample without its
TYPE is an error)."""

import re
import urllib.request

_SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)')


def parse_labels(text):
    labels, at = {}, 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if not match:
            raise AssertionError(f"bad labels {text!r}")
        if match[1] in labels:
            raise AssertionError(f"label {match[1]} twice in {text!r}")
        labels[match[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), match[2])
        at = match.end()
    return labels


def fetch(port, path="/metrics", headers=None, method="GET"):
    """(status, headers, body) of the admin endpoint."""
    wanted = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(wanted, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.headers, e.read()


class Metrics:
    def __init__(self, text):
        self.text = text
        self.types, self.samples = {}, {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in self.types, f"TYPE of {name} twice"
                self.types[name] = kind
            if not line or line.startswith("#"):
                continue
            match = _SAMPLE.fullmatch(line)
            assert match, f"bad sample {line!r}"
            key = (match[1], frozenset(parse_labels(match[2] or "").items()))
            assert key not in self.samples, f"series twice: {line!r}"
            family = re.sub(r"_(bucket|sum|count)$", "", match[1])
            assert match[1] in self.types or family in self.types, f"no TYPE before {line!r}"
            self.samples[key] = float(match[3])

    @classmethod
    def scrape(cls, port, path="/metrics"):
        status, _, body = fetch(port, path)
        assert status == 200, f"{path}: {status} {body[:200]!r}"
        return cls(body.decode())

    def select(self, name, **labels):
        """{labels: value} of the series of that name with (at least) these labels."""
        wanted = set(labels.items())
        return {key[1]: value for key, value in self.samples.items() if key[0] == name and wanted <= key[1]}

    def value(self, name, **labels):
        """The one series with these labels; 0 if there is none."""
        found = self.select(name, **labels)
        assert len(found) <= 1, f"{name}{labels} is {len(found)} series"
        return next(iter(found.values()), 0.0)

    def sum(self, name, **labels):
        return sum(self.select(name, **labels).values())

    def counters(self):
        """Everything that may only grow."""
        out = {}
        for (name, labels), value in self.samples.items():
            family = re.sub(r"_(bucket|sum|count)$", "", name)
            kind = self.types.get(name) or self.types.get(family)
            if kind in ("counter", "histogram") or name == "flex_rate_limit_exceeded":
                out[name, labels] = value
        return out
