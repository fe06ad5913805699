"""Every query of the dashboards, as Grafana would send it.

    for query in dashboard_queries(substitutions={"route": ".*"}):
        start, end, step = query.window(now)
        prometheus.query_range(query.expr, start, end, step)
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = ROOT / "dashboards"

# What Grafana puts in for a variable: "All" of a template variable is its allValue, `.*`.
DEFAULTS = {
    "cluster": ".*",
    "gateway_id": ".*",
    "route": ".*",
    "__rate_interval": "1m",
    "__interval": "15s",
    "__range": "30m",
}

_OFTEN_ABSENT = {
    "flex_telemetry_spool_bytes", "flex_tls_handshake_failures_total", "flex_connection_endings_total",
    "flex_certificate_expiry_timestamp_seconds", "flex_grpc_responses_total",
}

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")
_OFFSET = re.compile(r"offset\s+(\d+)([smhdw])")
_SUBQUERY = re.compile(r"\[\d+[smhdw]:(\d+)([smhdw])\]")


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)([smhdw])", text).groups()
    return int(number) * _UNITS[unit]


@dataclass(frozen=True)
class Query:
    dashboard: str    # file name
    where: str        # "panel", "annotation" or "variable"
    title: str        # of the panel, the annotation or the variable
    ref: str          # refId of the target
    datasource: str   # "prometheus" or "loki"
    expr: str         # variables substituted
    instant: bool
    min_step: int     # seconds; 0: the caller's
    range: int        # seconds the panel shows

    @property
    def history(self):
        """Seconds that the data must have existed before the query can answer."""
        offsets = [int(n) * _UNITS[u] for n, u in _OFFSET.findall(self.expr)]
        steps = [int(n) * _UNITS[u] for n, u in _SUBQUERY.findall(self.expr)]
        return max([0] + offsets + steps)

    @property
    def may_be_empty(self):
        """No result is a good answer: nothing to mark in the graphs, no alert, no sink that spools,
        no connection given up; or nobody speaks that protocol. Every other query must answer
        where there is traffic, also those that hide what stands still (`> 0`)."""
        return (self.where == "annotation" or self.expr.startswith("ALERTS{")
                or not _OFTEN_ABSENT.isdisjoint(self.families))

    @property
    def families(self):
        """Names of the metric families asked for, in order."""
        return list(dict.fromkeys(re.findall(r"\b(?:flex|process)_\w+|\bup\b|\bALERTS\b", self.expr)))

    def window(self, now, step=15):
        """(start, end, step) of the range query, aligned to the step as Grafana does it."""
        step = max(step, self.min_step)
        if self.instant:
            return now, now, step
        return (now - self.range) // step * step, now // step * step, step


def substitute(expr, values=None):
    values = {**DEFAULTS, **(values or {})}

    def value(match):
        name = match.group(1) or match.group(2)
        if name not in values:
            raise KeyError(f"no value for the variable ${name} in {expr!r}")
        return values[name]

    return _VARIABLE.sub(value, expr)


def all_panels(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])   # of a collapsed row


def dashboards(folder=DASHBOARDS):
    return {path.name: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(folder.glob("*.json"))}


def dashboard_queries(substitutions=None, folder=DASHBOARDS, datasource="prometheus"):
    """The queries of panels and annotations to `datasource`; None: to any."""
    found = []
    for name, dashboard in dashboards(folder).items():
        shown = seconds(dashboard["time"]["from"].removeprefix("now-"))
        for panel in all_panels(dashboard):
            for target in panel.get("targets", []):
                found.append(Query(
                    dashboard=name, where="panel", title=panel["title"], ref=target["refId"],
                    datasource=target["datasource"]["type"],
                    expr=substitute(target["expr"], substitutions),
                    instant=bool(target.get("instant")),
                    min_step=seconds(target.get("interval") or panel.get("interval") or "0s"),
                    range=seconds(panel["timeFrom"]) if panel.get("timeFrom") else shown))
        for annotation in dashboard["annotations"]["list"]:
            if "expr" in annotation:
                found.append(Query(
                    dashboard=name, where="annotation", title=annotation["name"], ref="A",
                    datasource=annotation["datasource"]["type"],
                    expr=substitute(annotation["expr"], substitutions),
                    instant=False, min_step=seconds(annotation.get("step", "0s")), range=shown))
    return [q for q in found if datasource is None or q.datasource == datasource]


if __name__ == "__main__":
    for q in dashboard_queries(datasource=None):
        print(f"# {q.dashboard}: {q.title} [{q.ref}] history={q.history}s may_be_empty={q.may_be_empty}")
        print(q.expr, end="\n\n")
