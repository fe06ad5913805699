"""Rules, Prometheus and Alertmanager configuration, and every query of the dashboards, judged by
the tools of those who will read them: promtool and amtool."""

import re
import shutil
import subprocess

import pytest
import yaml

from dashboard_queries import ROOT, all_panels, dashboard_queries, dashboards

RETAILCO = ROOT / "examples" / "retailco"
PRODUCTION = RETAILCO / "alerts.yml"
CALIBRATED = ROOT / "alerts" / "calibrated.yml"
WATCHDOG = ROOT / "alerts" / "watchdog.yml"
PROMTOOL_TESTS = sorted((ROOT / "tests" / "promtool").glob("*.test.yml"))

# The five rules as the monitoring guide gives them, white space aside.
GUIDE = {
    "HighErrorRate": (
        "(rate(flex_requests_errors_total[5m]) / rate(flex_requests_total[5m])) > 0.05",
        "2m", {"severity": "critical", "team": "platform"}),
    "LatencySLABreach": (
        "histogram_quantile(0.99, rate(flex_request_duration_ms_bucket[5m]) ) > 500",
        "3m", {"severity": "critical"}),
    "RateLimitStorm": (
        "rate(flex_rate_limit_exceeded[5m]) / rate(flex_requests_total[5m]) > 0.20",
        "5m", {"severity": "warning"}),
    "AuthFailureSpike": ("rate(flex_auth_failures_total[5m]) > 50", "1m", {"severity": "warning"}),
    "GatewayPodDown": ('up{job="flex-gateway"} == 0', "30s", {"severity": "info"}),
}

TELEMETRY = {
    "metrics": {"enabled": True, "port": 9090, "path": "/metrics"},
    "tracing": {"enabled": True, "exporter": "otlp", "endpoint": "http://jaeger:4317",
                "sampleRate": 0.05},
    "logging": {"format": "json", "level": "info",
                "fields": ["request.id", "request.path", "request.method", "response.status",
                           "response.duration_ms", "client.id", "jwt.sub", "jwt.org_id"]},
}


def run(*command):
    tool = shutil.which(command[0])
    assert tool, f"{command[0]} is not installed (Debian: prometheus, prometheus-alertmanager)"
    done = subprocess.run([tool, *map(str, command[1:])], capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules(path):
    return [rule for group in load(path)["groups"] for rule in group["rules"]]


def squeeze(text):
    return " ".join(text.split())


@pytest.mark.parametrize("path", [PRODUCTION, CALIBRATED, WATCHDOG], ids=lambda p: p.name)
def test_rules_are_valid(path):
    run("promtool", "check", "rules", path)


@pytest.mark.parametrize("path", PROMTOOL_TESTS, ids=lambda p: p.name)
def test_rules_fire_and_keep_silent(path):
    run("promtool", "test", "rules", path)


def test_every_alert_has_a_firing_and_a_silent_case():
    fires, silent = set(), set()
    for path in PROMTOOL_TESTS:
        for test in load(path)["tests"]:
            for case in test.get("alert_rule_test", []):
                (fires if case["exp_alerts"] else silent).add(case["alertname"])
                if case["exp_alerts"] and len(test["input_series"]) > 1:
                    silent.add(case["alertname"])   # the other series of the test are the silent case
    alerts = {rule["alert"] for path in (PRODUCTION, CALIBRATED, WATCHDOG) for rule in rules(path) if "alert" in rule}
    assert alerts - fires == set()
    assert alerts - silent == {"Watchdog"}       # it is never silent


def test_the_guides_rules_are_unmodified():
    group, = load(PRODUCTION)["groups"]
    assert group["name"] == "flex-gateway-production"
    found = {r["alert"]: (squeeze(r["expr"]), r["for"], r["labels"]) for r in group["rules"]}
    assert found == GUIDE
    assert group["rules"][0]["annotations"] == {
        "summary": "Error rate {{ $value | humanizePercentage }}",
        "runbook_url": "https://wiki.internal/runbooks/flex-gateway-errors"}


def test_the_guides_telemetry_block_is_unmodified():
    gateway = load(RETAILCO / "gateway.yaml")
    assert gateway["apiVersion"] == "gateway.mulesoft.com/v1alpha1"
    assert gateway["metadata"]["name"] == "retailco-gateway"
    assert gateway["spec"]["telemetry"] == TELEMETRY


def test_every_runbook_is_written():
    written = set(re.findall(r"^## (\S+)$", (ROOT / "alerts" / "runbooks.md").read_text("utf-8"), re.M))
    named = set()
    for rule in rules(PRODUCTION) + rules(CALIBRATED) + rules(WATCHDOG):
        if "alert" in rule:
            url = rule.get("annotations", {}).get("runbook_url")
            assert url or rule in rules(PRODUCTION), f"{rule['alert']} has no runbook_url"
            named |= {url.rsplit("/", 1)[1]} if url else set()
    assert named == written


def test_prometheus_configuration_is_valid(tmp_path):
    text = (RETAILCO / "prometheus.yml").read_text(encoding="utf-8")
    (tmp_path / "rules").mkdir()
    shutil.copy(PRODUCTION, tmp_path / "alerts.yml")
    shutil.copy(CALIBRATED, tmp_path / "rules")
    assert text.count("/etc/prometheus/") == 2
    (tmp_path / "prometheus.yml").write_text(text.replace("/etc/prometheus/", f"{tmp_path}/"))
    output = run("promtool", "check", "config", tmp_path / "prometheus.yml")
    assert f"{len(rules(PRODUCTION))} rules found" in output
    assert f"{len(rules(CALIBRATED))} rules found" in output


def test_alertmanager_configuration_is_valid():
    run("amtool", "check-config", RETAILCO / "alertmanager.yml")


@pytest.mark.parametrize("severity, receiver", [
    ("critical", "platform-pagerduty"), ("warning", "platform-slack"), ("info", "platform-mail")])
def test_who_is_told(severity, receiver):
    told = run("amtool", "config", "routes", "test", f"--config.file={RETAILCO / 'alertmanager.yml'}",
               f"severity={severity}", "route=product-catalog")
    assert told.strip() == receiver


def test_inhibition_names_alerts_that_exist():
    alerts = {r["alert"] for path in (PRODUCTION, CALIBRATED, WATCHDOG) for r in rules(path) if "alert" in r}
    for rule in load(RETAILCO / "alertmanager.yml")["inhibit_rules"]:
        for matcher in rule["source_matchers"] + rule["target_matchers"]:
            name, negated, value = re.fullmatch(r'(\w+)(!?)=~?"(.*)"', matcher).groups()
            if name == "alertname":
                assert any(re.fullmatch(value, alert) for alert in alerts), matcher


def test_the_stack_mounts_what_is_there():
    compose = load(RETAILCO / "docker-compose.monitoring.yml")
    assert {"flex-gateway", "prometheus", "alertmanager", "grafana", "jaeger"} <= set(compose["services"])
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (RETAILCO / source).exists(), f"{name}: {source}"
            elif not source.startswith("/"):
                assert source in compose["volumes"], f"{name}: {source}"


def test_every_dashboard_query_parses(tmp_path):
    queries = dashboard_queries()
    assert len(queries) > 40
    recorded = [{"record": f"dashboard:query:{i}", "expr": query.expr} for i, query in enumerate(queries)]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": recorded}]}))
    assert f"{len(queries)} rules found" in run("promtool", "check", "rules", path)


def test_dashboards_are_well_formed():
    for name, dashboard in dashboards().items():
        assert dashboard["schemaVersion"] == 39, name
        assert dashboard["uid"] and dashboard["id"] is None, name
        known = {v["name"] for v in dashboard["templating"]["list"]}
        panels = list(all_panels(dashboard))
        ids = [p["id"] for p in panels]
        assert len(ids) == len(set(ids)), f"{name}: panel ids are not unique"
        for panel in panels:
            assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
            refs = [t["refId"] for t in panel.get("targets", [])]
            assert len(refs) == len(set(refs)), panel["title"]
            for target in panel.get("targets", []):
                variable = re.fullmatch(r"\$\{(\w+)\}", target["datasource"]["uid"]).group(1)
                assert variable in known, f"{panel['title']}: ${variable}"
        shown = [p["gridPos"] for p in dashboard["panels"]]
        for i, a in enumerate(shown):
            for b in shown[i + 1:]:
                apart = (a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
                         or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"])
                assert apart, f"{name}: panels overlap at {a} and {b}"


def test_the_overview_has_every_panel_of_the_guide():
    overview = dashboards()["flex-gateway-overview.json"]
    assert overview["title"] == "Flex Gateway Overview"
    assert {"datasource", "cluster", "gateway_id", "route"} <= {v["name"] for v in overview["templating"]["list"]}
    kinds = {p["title"]: p["type"] for p in all_panels(overview)}
    for title, kind in {
        "Req / sec": "stat", "Error rate": "stat", "P99 latency (SLA 500 ms)": "stat",
        "Rate limit hits": "stat", "Request rate (req/s)": "timeseries",
        "Error rate (%)": "timeseries", "Latency P50 / P95 / P99 (ms)": "timeseries",
        "Rate limit hits by client, last 5 min": "bargauge",
        "Error rate by hour, last 24 hours (%)": "heatmap",
        "Route performance, last 5 min": "table", "Live error log stream": "logs",
    }.items():
        assert kinds.get(title) == kind, title


FAMILIES = re.compile(r"""
    flex_(requests_total|requests_errors_total|rate_limit_exceeded|auth_failures_total
    |request_duration_ms_bucket|request_duration_seconds|responses_total|exchanges_total
    |client_requests_total|client_rate_limit_exceeded_total|policy_verdicts_total
    |upstream_attempts_total|upstream_duration_seconds(_bucket)?|upstream_connections
    |upstream_reuse_total|circuit_breaker_state|connections|connections_total
    |connection_endings_total|grpc_responses_total|tls_handshake_failures_total
    |certificate_expiry_timestamp_seconds|exchanges_active|stream_lifetime_seconds_bucket|config_generation
    |config_last_reload_successful|config_last_reload_timestamp_seconds|telemetry_records_total
    |telemetry_queue_bytes|telemetry_spool_bytes|audit_records_total|audit_refused_total
    |audit_last_checkpoint_timestamp_seconds|audit_available|series|series_limit|series_overflow_total|build_info
    |alert_notifications_total|alert_notifications_queued|rule_evaluation_failures_total
    |rule_group_iterations_missed_total)
    |process_\w+|up|ALERTS""", re.X)


def test_only_families_of_the_contract_are_asked_for():
    asked = {family for query in dashboard_queries() for family in query.families}
    asked |= {name for path in (PRODUCTION, CALIBRATED, WATCHDOG) for rule in rules(path)
              for name in re.findall(r"(?<![:\w])flex_\w+(?![\w:])", rule["expr"])}
    assert {name for name in asked if not FAMILIES.fullmatch(name)} == set()
