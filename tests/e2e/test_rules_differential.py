"""`glassgate rules check` and `test` against Debian's promtool, on the same files: the same verdicts
on the shipped rules and on files that are wrong on purpose; the same alerts, labels and annotations,
text for text, for every template function; the same state machine."""

import re
import shutil
import subprocess

import pytest
import yaml
from support.gateway import BINARY, ROOT

SHIPPED = [ROOT / "alerts" / "calibrated.yml", ROOT / "alerts" / "watchdog.yml",
           ROOT / "examples" / "retailco" / "alerts.yml"]
TESTS = sorted((ROOT / "tests" / "promtool").glob("*.test.yml"))


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    assert done.returncode in (0, 1, 2), done.stdout + done.stderr        # 2: a file is not there
    return done.returncode == 0, done.stdout + done.stderr


def both(what, path):
    theirs, their_text = run(shutil.which("promtool"), *(("check", "rules") if what == "check" else ("test", "rules")), path)
    ours, our_text = run(BINARY, "rules", what, path)
    assert ours == theirs, f"promtool says {theirs}:\n{their_text}\nglassgate says {ours}:\n{our_text}"
    return ours, their_text, our_text


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_shipped_rules_check_alike(path):
    assert both("check", path)[0]


@pytest.mark.parametrize("path", TESTS, ids=lambda p: p.name)
def test_shipped_rule_tests_pass_alike(path):
    assert both("test", path)[0]


def test_a_shipped_test_that_expects_something_else_fails_alike(tmp_path):
    for path in TESTS:
        document = yaml.safe_load(path.read_text())
        document["rule_files"] = [str((path.parent / name).resolve()) for name in document["rule_files"]]
        document["tests"] = document["tests"][:4]
        for test in document["tests"]:
            for case in test.get("alert_rule_test", []):
                case["exp_alerts"] = [{"exp_labels": {"no": "such"}}]
        wrong = tmp_path / path.name
        wrong.write_text(yaml.safe_dump(document))
        passed, theirs, ours = both("test", wrong)
        assert not passed and got_alerts(ours) == got_alerts(theirs)


def got_alerts(text):
    """What the tools say they got: alert, time, labels, annotations."""
    return sorted((alert, at, re.sub(r"\s+", " ", got)) for alert, at, got in re.findall(
        r"alertname: (\S+), time: (\S+), \n\s+exp:\[.*?\], \n\s+got:(\[\]|\[.*?^\s+\])\s*$", text, re.S | re.M))


# ---- rule files ----

RULE = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n"
FILES = {
    "good": RULE,
    "empty": "",
    "no groups": "groups: []\n",
    "unknown key": RULE + "    fro: 1m\n",
    "unknown group key": "groups:\n- name: g\n  intervall: 1m\n",
    "no name": "groups:\n- rules: []\n",
    "same name": "groups:\n- name: g\n- name: g\n",
    "bad interval": "groups:\n- name: g\n  interval: 1x\n",
    "limit": "groups:\n- name: g\n  limit: 5\n  interval: 1m30s\n",
    "bad limit": "groups:\n- name: g\n  limit: many\n",
    "for": RULE + "    for: 1h30m\n    keep_firing_for: 5m\n",
    "bad for": RULE + "    for: 1.5m\n",
    "bad keep": RULE + "    keep_firing_for: soon\n",
    "no expr": "groups:\n- name: g\n  rules:\n  - alert: A\n",
    "bad expr": RULE.replace("up", "up =="),
    "type error": RULE.replace("up", "rate(up)"),
    "both": RULE + "    record: x\n",
    "neither": "groups:\n- name: g\n  rules:\n  - expr: up\n",
    "record": "groups:\n- name: g\n  rules:\n  - record: a:b\n    expr: up\n    labels: {a: 1, b: true, c: null}\n",
    "bad record name": "groups:\n- name: g\n  rules:\n  - record: a b\n    expr: up\n",
    "record with for": "groups:\n- name: g\n  rules:\n  - record: a\n    expr: up\n    for: 1m\n",
    "record with annotations": "groups:\n- name: g\n  rules:\n  - record: a\n    expr: up\n    annotations: {b: c}\n",
    "label name": RULE + "    labels: {a-b: c}\n",
    "label __name__": RULE + "    labels: {__name__: c}\n",
    "annotation name": RULE + "    annotations: {'a b': c}\n",
    "annotation __name__": RULE + "    annotations: {__name__: c}\n",
    "label list": RULE + "    labels: {a: [c]}\n",
    "duplicates": RULE + "  - alert: A\n    expr: up == 1\n",
    "duplicates with other labels": RULE + "  - alert: A\n    expr: up\n    labels: {a: b}\n",
    "not yaml": "groups: [\n",
    "not a map": "- a\n",
    "expr a number": RULE.replace("up", "1"),
    "anchors": "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    labels: &l {a: b}\n  - alert: B\n    expr: up\n    labels: *l\n",
    "space in alert": RULE.replace("alert: A", "alert: A b"),
    "key twice": RULE + "    expr: down\n",
}
for number, template in enumerate([
        "{{ $value }}", "{{ $labels.a }}{{ .Value }}", "{{ foo }}", "{{ $x }}", "{{ if }}a{{ end }}", "{{ if true }}", "{{ end }}",
        "{{ $value", "{{ \"a }}", "{{ (1 }}", "{{ 1) }}", "{{ 1 | 2 }}", "{{ 12x }}", "{{ break }}", "{{}}", "{{ | }}",
        "{{ . | }}", "{{ $value := 1 }}{{ $value }}", "{{ range $i, $v := query \"up\" }}{{ $i }}{{ end }}{{ $i }}",
        "{{ template \"x\" }}", "{{ define \"x\" }}a{{ end }}", "{{/* c */}}", "{{/* c }}", "{{- 1 -}}", "{{ 'a' }}", "{{ '' }}",
        "{{ nil }}", "{{ 0x1F }}", "{{ .a.b.c }}", "{{ .a..b }}", "{{ a:b }}", "{{ $a = 1 }}", "{{ else }}",
        "{{ if true }}a{{ else if false }}b{{ else }}c{{ end }}", "{{ range }}{{ end }}", "{{ with $x := 1 }}{{ $x }}{{ end }}",
        "{{ printf \"%d\" 1 2 3 }}", "{{ toUpper 1 }}", "{{ \"a\" \"b\" }}", "{{ 1 + 2 }}", "{{ a.b }}", "}}", "{{ {{ }}", "{{ $ }}",
        "{{ (query \"up\").x }}", "{{ query \"up\" | first | value | humanize }}", "{{ \"\\q\" }}", "{{ `a\nb` }}", "{{ !true }}"]):
    FILES[f"template {number}: {template}"] = yaml.safe_dump({"groups": [{"name": "g", "rules": [
        {"alert": "A", "expr": "up", "annotations": {"x": template}}]}]})


@pytest.mark.parametrize("text", FILES.values(), ids=FILES.keys())
def test_rule_files_are_judged_alike(text, tmp_path):
    path = tmp_path / "rules.yml"
    path.write_text(text)
    both("check", path)


# ---- templates ----

TEMPLATES = [
    *[f"{{{{ $value | {f} }}}}" for f in ("humanize", "humanize1024", "humanizeDuration", "humanizePercentage",
                                          "humanizeTimestamp", "print", "printf \"%.3f\"", "printf \"%8.2e|\"", "printf \"%g\"",
                                          "printf \"%d\"", "printf \"%+v\"", "printf \"%q\"", "html", "js", "urlquery")],
    "{{ $value }}", "{{ $labels.job }} of {{ $labels.instance }}", "{{ .Labels.nothing }}|", "{{ $externalLabels.site }}",
    "{{ $externalURL }}", "{{ $labels.job | title }} {{ toUpper $labels.job }} {{ toLower \"ÄÖ\" }}",
    "{{ reReplaceAll \"(.*)-(.*)\" \"$2:${1}\" $labels.instance }}", "{{ reReplaceAll \"a*\" \"-\" \"baac\" }}",
    "{{ if match \"^we.*\" $labels.job }}y{{ else }}n{{ end }}", "{{ if gt $value 100.0 }}big{{ else if gt $value 1.0 }}mid{{ else }}small{{ end }}",
    "{{ range query \"other\" }}{{ .Labels.k }}={{ .Value }};{{ end }}", "{{ range query \"other\" | sortByLabel \"k\" }}{{ label \"k\" . }}{{ end }}",
    "{{ with query \"other{k='b'}\" }}{{ . | first | value | humanize }}{{ end }}", "{{ with query \"none\" }}x{{ else }}none{{ end }}",
    "{{ query \"none\" | first | value }}", "{{ query \"sum(\" }}", "{{ toUpper 1 }}", "{{ printf \"%s %d %v\" \"a\" 1 }}",
    "{{ printf \"%d %%\" 5 }}{{ printf \"%x %X %o %b %c %U\" 255 255 8 5 65 65 }}", "{{ printf \"%5d|%-5d|%05d|% d|%+d\" 42 42 42 42 42 }}",
    "{{ printf \"%10s|%-10s|%.2s|%q\" \"abc\" \"abc\" \"abc\" \"a\\\"b\" }}", "{{ printf \"%t %v\" true false }}", "{{ printf \"%z\" 1 }}",
    "{{ printf \"%!\" }}", "{{ printf \"%\" }}", "{{ printf \"a\" 1 \"b\" }}", "{{ printf \"%6.2f|%-8.3f|%08.3f\" 3.14159 2.5 1.5 }}",
    "{{ printf \"%e %E %g %G\" 123456789.0 0.00001 1e21 1e-7 }}", "{{ printf \"%T %T %T\" 1 1.5 \"a\" }}", "{{ printf \"%*d\" 5 1 }}",
    "{{ 1 }} {{ 1.5 }} {{ 1e3 }} {{ 0x10 }} {{ 'a' }} {{ true }} {{ \"s\" }} {{ `r` }}", "{{ 1e6 | print }} {{ 1e20 }} {{ 1.0e21 }} {{ 0.00001 }}",
    "{{ humanize 0.0 }} {{ humanize 999999.0 }} {{ humanize -1234.5 }} {{ humanize \"1e5\" }} {{ humanize 5 }}",
    "{{ humanizeDuration 0.001 }} {{ humanizeDuration 59.9 }} {{ humanizeDuration 3599.0 }} {{ humanizeDuration 1e6 }} {{ humanizeDuration -100.0 }}",
    "{{ humanizePercentage 0.12345 }} {{ humanizePercentage 1.0 }} {{ humanize1024 1048576.0 }} {{ humanize1024 -5000.0 }}",
    "{{ humanizeTimestamp 1435065584.128 }} {{ humanizeTimestamp 0.0 }} {{ humanizeTimestamp 1e30 }} {{ toTime 1435065584.128 }}",
    "{{ len $labels.job }} {{ index $labels \"job\" }} {{ slice \"abcdef\" 1 3 }} {{ len (query \"other\") }}",
    "{{ eq 1 1 }} {{ eq \"a\" \"b\" \"a\" }} {{ ne 1 2 }} {{ lt 1 2 }} {{ le \"a\" \"b\" }} {{ gt 1.5 1.0 }} {{ ge 2 3 }} {{ not true }}",
    "{{ and 1 0 2 }} {{ or 0 \"\" 3 }} {{ and true \"x\" }}", "{{ eq 1 1.0 }}", "{{ lt $value 5 }}", "{{ print 1 2 \"a\" \"b\" 3 4 }}|{{ println 1 \"a\" }}",
    "{{ stripPort \"host.example:9090\" }} {{ stripDomain \"host.example:9090\" }} {{ stripDomain \"10.0.0.1:9\" }} {{ stripPort \"[::1]:80\" }}",
    "{{ graphLink \"up == 1\" }} {{ tableLink \"up{a='b'}\" }}", "{{ parseDuration \"1h30m\" }}", "{{ safeHtml \"<b>\" }}",
    "{{ $x := 1 }}{{ range query \"other\" }}{{ $x = .Value }}{{ end }}{{ $x }}", "{{ define \"t\" }}[{{ . }}]{{ end }}{{ template \"t\" 5 }}",
    "{{ template \"none\" }}", "{{ define \"u\" }}{{ .arg0 }}/{{ .arg1 }}{{ end }}{{ template \"u\" (args 1 \"x\") }}",
    "a {{- 1 -}} b {{/* c */ -}} d", "{{ .Nothing }}", "{{ range $k, $v := $labels }}{{ $k }}:{{ $v }},{{ end }}", "{{ range 5 }}{{ end }}",
    "{{ range query \"other\" }}{{ if eq .Labels.k \"b\" }}{{ break }}{{ end }}{{ .Labels.k }}{{ end }}",
    "{{ range query \"other\" }}{{ if eq .Labels.k \"b\" }}{{ continue }}{{ end }}{{ .Labels.k }}{{ end }}", "{{ strvalue (query \"other\" | first) }}|",
    "{{ printf \"%v\" $labels }}", "{{ $labels }}", "{{ query \"1\" | first | value }}", "{{ (query \"other\" | first).Value }}",
    "{{ title \"a-b c_d é\" }}", "{{ index (query \"other\") 0 | value }}", "{{ index (query \"other\") 9 }}", "{{ humanize true }}", "{{ toUpper }}",
    "{{ .Value.x }}", "{{ $value.x }}", "{{ \"a\" | printf \"%s-%s\" \"b\" }}", "{{ html \"<a href='x'>&\" }} {{ js \"it's <b>\" }}",
]
VALUES = "0 1 0.5 1234567 -0.00012 1e-9 123456789012 59 61 3700 90061 1e21 NaN Inf -Inf 1435065584.128 0.1"


def same_error(text):
    """An error's words after its place: Go's and ours differ in how they count columns."""
    return re.sub(r"__alert_(\w+):\d+:\d+", r"__alert_\1", text)


def test_templates_expand_alike(tmp_path):
    rules = [{"alert": f"T{i}", "expr": 'm{job="web-app"}', "annotations": {"t": text}, "labels": {"l": "{{ $value | humanize }}"}}
             for i, text in enumerate(TEMPLATES)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    count = len(VALUES.split())
    cases = [{"eval_time": f"{minute}m", "alertname": f"T{i}", "exp_alerts": [{"exp_labels": {"no": "such"}}]}
             for minute in range(count) for i in range(len(TEMPLATES))]
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": [{
        "interval": "1m", "external_labels": {"site": "a"}, "external_url": "http://gw.example:9090/base",
        "input_series": [{"series": 'm{job="web-app", instance="one-two"}', "values": VALUES},
                         *({"series": f'other{{k="{k}"}}', "values": f"{v}x{count}"} for k, v in (("a", 1), ("b", 2), ("c", 3)))],
        "alert_rule_test": cases}]}))
    passed, theirs, ours = both("test", tmp_path / "test.yml")
    theirs, ours = got_alerts(theirs), got_alerts(ours)
    assert not passed and len(theirs) == len(cases)
    different = {}
    for a, b in zip(theirs, ours, strict=True):
        if same_error(a[2]) != same_error(b[2]) or a[:2] != b[:2]:
            different.setdefault(TEMPLATES[int(a[0][1:])], f"\n    promtool  {a[1]} {a[2]}\n    glassgate {b[1]} {b[2]}")
    assert not different, "".join(f"\n{text!r}{what}" for text, what in different.items())


# ---- the state machine ----

def test_states_move_alike(tmp_path):
    """for, keep_firing_for, limit, gaps, recording rules used by later rules, ALERTS and its stale markers."""
    rules = [{"record": "twice", "expr": "sum by (job) (m) * 2", "labels": {"x": "y"}},
             {"alert": "Now", "expr": "twice > 10"},
             {"alert": "For", "expr": "twice > 10", "for": "2m", "labels": {"severity": "page"}},
             {"alert": "Keep", "expr": "m > 5", "keep_firing_for": "3m", "for": "1m"},
             {"alert": "Again", "expr": 'ALERTS{alertname="For", alertstate="firing"} == 1'},
             {"alert": "Absent", "expr": "absent(m)", "for": "3m"},
             {"alert": "Template", "expr": "m > 5", "labels": {"level": "{{ if gt $value 9.0 }}high{{ else }}low{{ end }}"}}]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    values = "1 9 9 1 9 9 9 9 1 1 _ _ _ _ _ _ _ _ 12 9 12 stale 9 9 _ 9 9 9 9 1 1 1 1"
    minutes = len(values.split()) + 6
    names = [r["alert"] for r in rules if "alert" in r]
    alerts = [{"eval_time": f"{m}m", "alertname": n, "exp_alerts": [{"exp_labels": {"no": "such"}}]}
              for m in range(minutes) for n in names]
    queries = [{"expr": e, "eval_time": f"{m}m", "exp_samples": [{"labels": "no", "value": 1}]}
               for m in range(minutes) for e in ("ALERTS", "ALERTS_FOR_STATE", "twice", "count_over_time(ALERTS[10m])")]
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [{
        "interval": "1m", "input_series": [{"series": 'm{job="a", i="1"}', "values": values},
                                           {"series": 'm{job="b", i="2"}', "values": "7x5 _x5 7x30"}],
        "alert_rule_test": alerts, "promql_expr_test": queries}]}))
    passed, theirs, ours = both("test", tmp_path / "test.yml")
    assert not passed and got_alerts(ours) == got_alerts(theirs) and len(got_alerts(ours)) == len(alerts)
    assert got_samples(ours) == got_samples(theirs) and len(got_samples(ours)) == len(queries)


def got_samples(text):
    """expr, time, and the samples as (labels, value)."""
    out = []
    for expr, at, got in re.findall(r'expr: (".*?"), time: (\S+),\s*\n\s+exp: .*\n\s+got: (.*)', text):
        samples = re.findall(r'(?:([a-zA-Z_:][\w:]*)?)\{(.*?)\} ([-+.\dEeINaf]+)', got)
        plain = []
        for name, labels, value in samples:
            pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels))
            if name:
                pairs["__name__"] = name
            plain.append((tuple(sorted(pairs.items())), float(value)))
        out.append((expr, at, tuple(sorted(plain))))
    return sorted(out)


TEST = {"rule_files": ["rules.yml"], "tests": [{"interval": "1m", "input_series": [{"series": "m", "values": "1x10"}],
                                                "alert_rule_test": [{"eval_time": "1m", "alertname": "A", "exp_alerts": [{"exp_labels": {}}]}]}]}


def changed(**changes):
    """The test, with these keys of its only group (None: gone) changed; `file_`: of the file."""
    document = yaml.safe_load(yaml.safe_dump(TEST))
    for key, value in changes.items():
        into, key = (document, key[5:]) if key.startswith("file_") else (document["tests"][0], key)
        if value is None:
            into.pop(key, None)
        else:
            into[key] = value
    return document


CASES = {
    "good": changed(),
    "no rule file": changed(file_rule_files=["none.yml"]),
    "a pattern that matches nothing": changed(file_rule_files=["none*.yml"], alert_rule_test=None),
    "unknown key": changed(intervall="1m"),
    "bad series": changed(input_series=[{"series": "m{", "values": "1"}]),
    "bad values": changed(input_series=[{"series": "m", "values": "1+"}]),
    "bad time": changed(alert_rule_test=[{"eval_time": "soon", "alertname": "A"}]),
    "no alertname": changed(alert_rule_test=[{"eval_time": "1m"}]),
    "order twice": changed(file_group_eval_order=["g", "g"]),
    "order": changed(file_group_eval_order=["g"]),
    "between two evaluations": changed(alert_rule_test=[{"eval_time": "90s", "alertname": "A", "exp_alerts": [{"exp_labels": {}}]}]),
    "other interval": changed(file_evaluation_interval="30s", interval="15s"),
    "no interval": changed(interval=None),
    "alertname given": changed(alert_rule_test=[{"eval_time": "1m", "alertname": "A", "exp_alerts": [{"exp_labels": {"alertname": "A"}}]}]),
    "fires once, expected twice": changed(alert_rule_test=[{"eval_time": "1m", "alertname": "A", "exp_alerts": [{"exp_labels": {}}] * 2}]),
    "not expected": changed(alert_rule_test=[{"eval_time": "1m", "alertname": "A", "exp_alerts": []}]),
    "no such alert": changed(alert_rule_test=[{"eval_time": "1m", "alertname": "B", "exp_alerts": []}]),
    "label too many": changed(alert_rule_test=[{"eval_time": "1m", "alertname": "A", "exp_alerts": [{"exp_labels": {"a": "b"}}]}]),
    "annotation too many": changed(alert_rule_test=[{"eval_time": "1m", "alertname": "A", "exp_alerts": [{"exp_annotations": {"a": "b"}}]}]),
    "expression": changed(promql_expr_test=[{"expr": "m", "eval_time": "5m", "exp_samples": [{"labels": "m", "value": 1}]}]),
    "expression wrong": changed(promql_expr_test=[{"expr": "m", "eval_time": "5m", "exp_samples": [{"labels": "m", "value": 2}]}]),
    "expression broken": changed(promql_expr_test=[{"expr": "m +", "eval_time": "5m"}]),
    "expression, bad labels": changed(promql_expr_test=[{"expr": "m", "eval_time": "5m", "exp_samples": [{"labels": "m{", "value": 1}]}]),
    "a scalar": changed(promql_expr_test=[{"expr": "1 + 1", "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": 2}]}]),
    "nothing expected, nothing got": changed(promql_expr_test=[{"expr": "none", "eval_time": "5m"}]),
    "NaN is never equal": changed(promql_expr_test=[{"expr": "m * NaN", "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": float("nan")}]}]),
    "infinity is": changed(promql_expr_test=[{"expr": "m * Inf", "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": float("inf")}]}]),
    "beyond the last sample": changed(promql_expr_test=[{"expr": "m", "eval_time": "40m", "exp_samples": []}]),
}


@pytest.mark.parametrize("document", CASES.values(), ids=CASES.keys())
def test_rule_tests_are_judged_alike(document, tmp_path):
    (tmp_path / "rules.yml").write_text(RULE.replace("up", "m == 1"))
    (tmp_path / "test.yml").write_text(yaml.safe_dump(document))
    both("test", tmp_path / "test.yml")
