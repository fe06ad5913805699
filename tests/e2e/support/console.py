"""Console: the API on port 9900 of a running gateway, as its clients see it."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request

from .promql import Prometheus
from .wait import until


class Console(Prometheus):
    """Speaks the same API as Prometheus: whatever is asked of one can be asked of the other."""

    def request(self, path, data=None, headers=None, method=None):
        """(status, headers, body)"""
        asked = urllib.request.Request(self.url + path, data, headers or {}, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=60) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def data(self, path, **parameters):
        query = urllib.parse.urlencode([(k, v) for k, value in parameters.items()
                                        for v in (value if isinstance(value, list) else [value])])
        status, _, body = self.request(f"/api/v1/{path}" + (f"?{query}" if query else ""))
        answer = json.loads(body)
        assert status == 200 and answer["status"] == "success", body
        return answer.get("data")

    def vector(self, expression, at=None):
        return self.data("query", query=expression, **({"time": at} if at else {}))["result"]

    def number(self, expression, at=None):
        """The one value; nothing when there is no sample."""
        found = self.vector(expression, at)
        if found and not isinstance(found[0], dict):      # a scalar
            return float(found[1])
        return float(found[0]["value"][1]) if found else None

    def over(self, expression, start, end, step=1):
        return self.data("query_range", query=expression, start=start, end=end, step=step)["result"]

    def until_number(self, expression, test, timeout=30):
        test = test if callable(test) else (lambda wanted: lambda value: value == wanted)(test)
        seen = []

        def reached():
            seen.append(self.number(expression))
            return seen[-1] is not None and test(seen[-1])
        until(reached, lambda: f"{expression}; it was {seen[-1]}", timeout=timeout, every=0.1)
        return seen[-1]

    def up(self):
        try:
            return self.number("up{job='flex-gateway'}") == 1
        except OSError:
            return False


def console_of(gateway):
    console = Console(gateway.console)
    until(console.up, lambda: f"the console answers\n{gateway.complaints()}", timeout=30)
    return console


def shifted(all_series, by_ms):
    for series in all_series:
        series.samples = [(ms + by_ms, value) for ms, value in series.samples]
    return all_series


def now():
    return time.time()
