"""Alerting without a Prometheus: rules over the gateway's own store, and everybody who is told.

The condition of the tests' rule is made and ended by traffic: requests for a path that does not
exist. Times are short; nothing else about rules and routing is."""

import json
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
import yaml
from support.gateway import BINARY, SLOW, Gateway
from support.receivers import Alertmanager, Endpoint, MailServer
from support.wait import until
from test_incident import RETAILCO, SCALE, SPEED, scaled, scaled_expression

RULES = {"groups": [{"name": "test", "interval": "200ms", "rules": [
    {"record": "job:none:rate", "expr": 'sum by (route) (rate(flex_requests_total{route="none"}[4s]))'},
    {"alert": "Strays", "expr": "job:none:rate > 0.5", "for": "1s",
     "labels": {"severity": "critical"},
     "annotations": {"summary": "{{ $value | printf \"%.0f\" | len }} <strays> on {{ $labels.route }}"}},
]}]}
ROUTE = {"groupBy": ["alertname"], "groupWaitMs": 100, "groupIntervalMs": 300}


class Strays:
    """Requests nobody has a route for, until it is stopped."""

    def __init__(self, gateway):
        self.gateway, self.on = gateway, threading.Event()
        self.ended = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended:
            if self.on.wait(0.1):
                try:
                    self.gateway.ask("/nowhere")
                except OSError:
                    pass                # it is being restarted
                time.sleep(0.05)

    def stop(self):
        self.ended = True
        self.thread.join(10)


class Scene:
    def __init__(self, folder, origin):
        self.folder, self.origin = folder, origin
        self.rules = folder / "rules.yml"
        self.write_rules(RULES)
        self.closing = []

    def write_rules(self, rules):
        fresh = self.folder / "rules.new"
        fresh.write_text(yaml.safe_dump(rules))
        fresh.rename(self.rules)

    def gateway(self, *, watch=False, arguments=(), **alerting):
        alerting = {"rules": [str(self.rules)], "path": str(self.folder / "alerts"), "resendDelayMs": 500,
                    "runbookUrl": "https://wiki/{alertname}", **alerting}
        routes = [{"id": "good", "path": ["/good"], "upstream": {"url": "http://127.0.0.1:9"}}]
        gateway = Gateway(self.folder / "gw", routes, watch=watch, arguments=arguments, telemetry={"alerting": alerting})
        gateway.audited = False         # killed and restarted at will
        self.closing.append(lambda: gateway.running and gateway.stop())
        gateway.start()
        strays = Strays(gateway)
        self.closing.append(strays.stop)
        return gateway, strays

    def add(self, thing):
        self.closing.append(thing.stop)
        return thing


@pytest.fixture
def scene(tmp_path):
    made = Scene(tmp_path, None)
    yield made
    for close in reversed(made.closing):
        close()


def api(gateway, path, method="GET", body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.console}{path}", method=method,
                                     data=None if body is None else json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
        return json.loads(text) if text else None


def alerts(gateway):
    return api(gateway, "/api/v1/alerts")["data"]["alerts"]


def firing(gateway):
    return [a for a in alerts(gateway) if a["state"] == "firing"]


def wait(condition, what, timeout=30):
    return until(condition, what, timeout=timeout * SLOW, every=0.05)


def of(bodies, key, value):
    return [b for b in bodies if b.get(key) == value]


def test_everybody_is_told_directly_and_told_when_it_is_over(scene):
    endpoint, mail = scene.add(Endpoint()), scene.add(MailServer())
    receiver = {"name": "all",
                "webhook": [{"url": endpoint.url + "/hook?key=1", "bearerToken": "tok", "headers": {"X-A": "b"}}],
                "pagerduty": {"routingKey": "0123456789abcdef0123456789abcdef", "url": endpoint.url + "/pd"},
                "slack": {"url": endpoint.url + "/slack", "channel": "#ops"},
                "teams": {"url": endpoint.url + "/teams"},
                "email": {"smarthost": mail.address, "from": "gw@example.com", "to": ["ops@example.com", "b@example.com"],
                          "username": "gw", "password": "secret", "tls": "none"}}
    gateway, strays = scene.gateway(receivers=[receiver], route={"receiver": "all", **ROUTE},
                                    externalUrl="http://console.example")
    strays.on.set()
    for path in ("/hook?key=1", "/pd", "/slack", "/teams"):
        wait(lambda: endpoint.bodies(path), f"{path} is told")
    wait(lambda: mail.mails, "a mail comes")
    check_webhook(endpoint)
    check_pagerduty(endpoint.bodies("/pd")[0])
    check_slack(endpoint.bodies("/slack")[0])
    check_teams(endpoint.bodies("/teams")[0])
    check_mail(*mail.mails[0])

    strays.on.clear()
    wait(lambda: of(endpoint.bodies("/hook?key=1"), "status", "resolved"), "the webhook hears it is over")
    over = wait(lambda: of(endpoint.bodies("/pd"), "event_action", "resolve"), "PagerDuty is called off")
    assert over[0]["dedup_key"] == endpoint.bodies("/pd")[0]["dedup_key"]
    wait(lambda: any(b["attachments"][0]["color"] == "good" for b in endpoint.bodies("/slack")), "Slack hears it")
    wait(lambda: any(m[2]["Subject"].startswith("[RESOLVED]") for m in mail.mails), "the mail says so")
    gateway.until_metric("flex_alert_notifications_total", lambda v: v >= 10, outcome="sent")
    metrics = gateway.metrics()
    assert metrics.sum("flex_alert_notifications_total", outcome="dropped") == 0
    assert metrics.sum("flex_rule_evaluation_failures_total") == 0
    rows = api(gateway, "/api/v1/notifications")["data"]["rows"]
    assert {r["integration"] for r in rows} == {"all/webhook[0]", "all/pagerduty[0]", "all/slack[0]", "all/teams[0]",
                                                "all/email[0]"}
    history = api(gateway, "/api/v1/alert_history?rule=Strays")["data"]["rows"]
    moves = [(r["before"], r["after"]) for r in reversed(history)]
    assert moves[:3] == [("inactive", "pending"), ("pending", "firing"), ("firing", "inactive")]


def check_webhook(endpoint):
    _, headers, body = next(t for t in endpoint.taken if t[0] == "/hook?key=1")
    assert headers["Authorization"] == "Bearer tok" and headers["X-A"] == "b"
    alert, = body.pop("alerts")
    assert body == {
        "receiver": "all", "status": "firing", "groupLabels": {"alertname": "Strays"}, "version": "4",
        "commonLabels": {"alertname": "Strays", "route": "none", "severity": "critical"},
        "commonAnnotations": {"summary": alert["annotations"]["summary"]}, "truncatedAlerts": 0,
        "externalURL": "http://console.example", "groupKey": '{}:{alertname="Strays"}'}
    assert alert["status"] == "firing" and alert["endsAt"] == "0001-01-01T00:00:00Z"
    assert alert["labels"] == {"alertname": "Strays", "route": "none", "severity": "critical"}
    assert alert["annotations"]["runbook_url"] == "https://wiki/Strays"
    assert alert["generatorURL"] == "http://console.example/graph?g0.expr=job%3Anone%3Arate+%3E+0.5&g0.tab=1"
    assert len(alert["fingerprint"]) == 16


def check_pagerduty(body):
    payload = body.pop("payload")
    assert {k: v for k, v in body.items() if k not in ("dedup_key", "links")} == {
        "routing_key": "0123456789abcdef0123456789abcdef", "event_action": "trigger", "client": "Glassgate",
        "client_url": "http://console.example/alerts?alertname=Strays&route=none"}
    assert len(body["dedup_key"]) == 64
    assert body["links"] == [{"href": "https://wiki/Strays", "text": "Runbook"},
                             {"href": "http://console.example/alerts?alertname=Strays&route=none", "text": "Console"}]
    assert payload["severity"] == "critical" and payload["class"] == "Strays" and payload["component"] == "none"
    assert payload["summary"].startswith("[FIRING:1] Strays (none critical): ")
    assert payload["custom_details"]["num_firing"] == "1"


def check_slack(body):
    attachment, = body["attachments"]
    assert body["channel"] == "#ops" and attachment["color"] == "danger"
    assert attachment["title"] == "[FIRING:1] Strays (none critical)"
    assert "&lt;strays&gt; on none" in attachment["text"] and "<https://wiki/Strays|Runbook>" in attachment["text"]


def check_teams(body):
    attachment, = body["attachments"]
    card = attachment["content"]
    assert body["type"] == "message" and attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["type"] == "AdaptiveCard" and card["body"][0]["text"] == "[FIRING:1] Strays (none critical)"
    assert [a["title"] for a in card["actions"]] == ["Runbook", "Console"]


def check_mail(sender, recipients, message):
    assert sender == "gw@example.com" and recipients == ["ops@example.com", "b@example.com"]
    assert message["Subject"] == "[FIRING:1] Strays (none critical)"
    assert message["To"] == "ops@example.com, b@example.com"
    plain, html = message.get_body(("plain",)).get_content(), message.get_body(("html",)).get_content()
    assert "<strays> on none" in plain and "https://wiki/Strays" in plain
    assert "&lt;strays&gt; on none" in html


def test_debians_alertmanager_receives_groups_and_resolves(scene):
    hook = scene.add(Endpoint())
    manager = scene.add(Alertmanager(scene.folder / "am", hook))
    gateway, strays = scene.gateway(alertmanagers=[manager.url, "http://127.0.0.1:9"],
                                    externalLabels={"site": "a"})
    strays.on.set()
    wait(lambda: of(hook.bodies("/am"), "status", "firing"), "Alertmanager tells of it")
    body = of(hook.bodies("/am"), "status", "firing")[0]
    assert body["commonLabels"] == {"alertname": "Strays", "route": "none", "severity": "critical", "site": "a"}
    theirs, = manager.alerts()
    ours, = api(gateway, "/api/v2/alerts")
    assert theirs["fingerprint"] == ours["fingerprint"]         # the same number for the same labels
    strays.on.clear()
    wait(lambda: of(hook.bodies("/am"), "status", "resolved"), "and that it is over")
    active = api(gateway, "/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    assert [a["url"] for a in active] == [manager.url + "/api/v2/alerts", "http://127.0.0.1:9/api/v2/alerts"]
    gateway.until_metric("flex_alert_notifications_total", lambda v: v >= 1, outcome="failed",
                         integration="http://127.0.0.1:9/api/v2/alerts")


def test_a_spooled_notification_survives_kill_9(scene):
    endpoint = Endpoint()
    port = endpoint.port
    endpoint.stop()                     # nobody listens
    receiver = {"name": "hook", "webhook": {"url": f"http://127.0.0.1:{port}/x", "timeoutMs": 1000}}
    gateway, strays = scene.gateway(receivers=[receiver], route={"receiver": "hook", **ROUTE})
    strays.on.set()
    gateway.until_metric("flex_alert_notifications_queued", lambda v: v >= 1)
    gateway.until_metric("flex_alert_notifications_total", lambda v: v >= 1, outcome="failed")
    strays.on.clear()
    gateway.kill()
    gateway.expected_exit = 0
    scene.write_rules({"groups": []})   # so that what comes can only be what was spooled
    endpoint = scene.add(Endpoint(port))
    gateway.start()
    first = wait(lambda: endpoint.bodies("/x"), "what was spooled is delivered")[0]
    assert first["status"] == "firing" and first["commonLabels"]["alertname"] == "Strays"


def test_refusals_and_wishes_of_receivers(scene):
    endpoint = scene.add(Endpoint())
    endpoint.answers = [(429, {"Retry-After": "1"}), 503]
    receiver = {"name": "hook", "webhook": {"url": endpoint.url + "/x"}}
    gateway, strays = scene.gateway(receivers=[receiver], route={"receiver": "hook", **ROUTE})
    began = time.monotonic()
    strays.on.set()
    wait(lambda: endpoint.statuses[:1] == [429], "it is told to wait")
    wait(lambda: len(endpoint.taken) >= 1, "and tries again")
    assert endpoint.statuses[:3] == [429, 503, 200] and time.monotonic() - began > 1
    endpoint.answers = [400]
    strays.on.clear()
    gateway.until_metric("flex_alert_notifications_total", 1, outcome="dropped")
    row = api(gateway, "/api/v1/notifications?limit=1")["data"]["rows"][0]
    assert row["outcome"] == "dropped" and row["error"].startswith("status 400")


def test_pending_time_survives_a_restart_and_a_reload(scene):
    slow = json.loads(json.dumps(RULES))
    slow["groups"][0]["rules"][1]["for"] = "6s"
    # What was sampled before the restart is still in the window after it.
    slow["groups"][0]["rules"][0]["expr"] = slow["groups"][0]["rules"][0]["expr"].replace("4s", "30s")
    scene.write_rules(slow)
    gateway, strays = scene.gateway(watch=True, arguments=["--state-dir", str(scene.folder / "state")])
    strays.on.set()
    wait(lambda: [a for a in alerts(gateway) if a["state"] == "pending"], "it is pending")
    began = time.monotonic()
    slow["groups"][0]["rules"].append({"alert": "Other", "expr": "vector(0) > 1"})
    scene.write_rules(slow)
    wait(lambda: len(api(gateway, "/api/v1/rules")["data"]["groups"][0]["rules"]) == 3, "the rule file is reloaded")
    assert [a["state"] for a in alerts(gateway)] == ["pending"]
    before = alerts(gateway)[0]["activeAt"]
    assert gateway.stop() == 0
    gateway.start()
    wait(lambda: alerts(gateway), "it is known again")
    assert alerts(gateway)[0]["activeAt"] >= before
    wait(lambda: firing(gateway), "it fires", timeout=20)
    # Begun anew it could not have been that soon after the start.
    assert time.monotonic() - began < 6 + 6 * SLOW
    history = api(gateway, "/api/v1/alert_history?rule=Strays")["data"]["rows"]
    assert [(r["before"], r["after"]) for r in reversed(history)] == [("inactive", "pending"), ("pending", "firing")]


def test_a_broken_rule_file_is_refused_and_the_old_rules_go_on(scene):
    gateway, strays = scene.gateway(watch=True)
    broken = json.loads(json.dumps(RULES))
    broken["groups"][0]["rules"][1]["expr"] = "job:none:rate >"
    scene.write_rules(broken)
    gateway.until_metric("flex_config_last_reload_successful", 0)
    assert "rules.yml:" in gateway.complaints() and "parse error: unexpected end of input" in gateway.complaints()
    strays.on.set()
    wait(lambda: firing(gateway), "the old rules go on")
    scene.write_rules(RULES)
    gateway.until_metric("flex_config_last_reload_successful", 1)
    done = subprocess.run([str(BINARY), "check", str(gateway.config_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def amtool(gateway, *arguments):
    done = subprocess.run(["amtool", f"--alertmanager.url=http://127.0.0.1:{gateway.console}", *arguments],
                          capture_output=True, text=True)
    assert done.returncode == 0, f"amtool {arguments}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_amtool_works_against_the_gateway(scene):
    endpoint = scene.add(Endpoint())
    gateway, strays = scene.gateway(receivers=[{"name": "hook", "webhook": {"url": endpoint.url}}],
                                    route={"receiver": "hook", **ROUTE})
    strays.on.set()
    wait(lambda: firing(gateway), "it fires")
    wait(lambda: "Strays" in amtool(gateway, "alert", "query"), "amtool sees it")
    silence = amtool(gateway, "silence", "add", "alertname=Strays", "--comment", "known", "--author", "me",
                     "--duration", "1h").strip()
    assert "known" in amtool(gateway, "silence", "query")
    assert "Strays" not in amtool(gateway, "alert", "query")                 # active ones
    assert "Strays" in amtool(gateway, "alert", "query", "--silenced")
    view, = api(gateway, "/api/v2/alerts")
    assert view["status"] == {"inhibitedBy": [], "silencedBy": [silence], "state": "suppressed"}
    gateway.until_metric("flex_alert_silences", 1, state="active")
    assert gateway.stop() == 0
    gateway.start()
    assert silence in amtool(gateway, "silence", "query", "-q")              # kept over a restart
    amtool(gateway, "silence", "expire", silence)
    assert silence not in amtool(gateway, "silence", "query", "-q")
    amtool(gateway, "config", "show")
    with pytest.raises(urllib.error.HTTPError) as refused:
        api(gateway, "/api/v2/silences", "POST", {"matchers": []})
    assert refused.value.code == 400


def test_shipped_rules_are_on_by_default_and_watchdog_fires(scene):
    gateway = Gateway(scene.folder / "plain", [{"id": "a", "path": ["/a"], "upstream": {"url": "http://127.0.0.1:9"}}],
                      telemetry={"alerting": {"evaluationIntervalMs": 500}})
    gateway.audited = False
    scene.closing.append(lambda: gateway.running and gateway.stop())
    gateway.start()
    wait(lambda: [a["labels"]["alertname"] for a in firing(gateway)] == ["Watchdog"], "Watchdog fires, and nothing else")
    names = {r["name"] for g in api(gateway, "/api/v1/rules?type=alert")["data"]["groups"] for r in g["rules"]}
    assert {"HighErrorRate", "LatencySLABreach", "RateLimitStorm", "AuthFailureSpike", "GatewayPodDown",
            "ConfigRejected", "TelemetryUnaccounted", "AuditRefusing", "CertificateExpires"} <= names
    result = api(gateway, '/api/v1/query?query=ALERTS{alertname="Watchdog"}')["data"]["result"]
    assert result[0]["metric"]["alertstate"] == "firing" and result[0]["value"][1] == "1"


# ---- the incident ----

def start_demo(scene):
    demo = subprocess.Popen([str(BINARY), "demo", "--plain", "--listen", "--speed", str(SPEED), "--scale", SCALE,
                             "--port", "0", "--metrics-port", "0", "--keep-config", str(scene.folder / "demo")],
                            stdout=subprocess.PIPE, text=True)

    def stop():
        demo.send_signal(signal.SIGINT)
        demo.wait(30 * SLOW)
    scene.closing.append(stop)
    for line in demo.stdout:
        if found := re.search(r"console http://127\.0\.0\.1:(\d+)", line):
            threading.Thread(target=demo.stdout.read, daemon=True).start()
            return int(found[1])
    raise AssertionError("the demo did not say where its console is")


def test_the_incident_without_a_prometheus(scene):
    """The guide's rules over the gateway's own store, scaled as in test_incident.py, and PagerDuty."""
    pager = scene.add(Endpoint())
    rules = yaml.safe_load((RETAILCO / "alerts.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"], rule["for"] = scaled_expression(rule["expr"]), scaled(rule["for"])
    scene.write_rules(rules)
    alerting = {"rules": [str(scene.rules)], "evaluationIntervalMs": 250, "resendDelayMs": 500,
                "receivers": [{"name": "pager", "pagerduty": {"url": pager.url, "routingKey": "k"}}],
                "route": {"receiver": "pager", **ROUTE}}

    class Demo:
        console = start_demo(scene)
    # Written into the demo's own file, which it changes itself later on.
    path, = (scene.folder / "demo").glob("*.yaml")
    text = path.read_text()
    assert text.count("  telemetry:\n") == 1
    text = text.replace("  telemetry:\n", f"  telemetry:\n    alerting: {json.dumps(alerting)}\n")
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(path)

    def names():
        return {(a["labels"]["alertname"], a["labels"].get("route")) for a in firing(Demo)}
    seen = set()
    wait(lambda: (seen.update(names()), {n for n, _ in seen})[1] >= {"HighErrorRate", "LatencySLABreach"},
         lambda: f"both alerts fire; seen: {seen}", timeout=90)
    triggers = wait(lambda: of(pager.bodies(), "event_action", "trigger"), "PagerDuty is called")
    assert {"HighErrorRate", "LatencySLABreach"} >= {t["payload"]["class"] for t in triggers}
    assert ("HighErrorRate", "product-catalog") in seen or ("HighErrorRate", "product-details") in seen
    wait(lambda: (seen.update(names()), not names())[1], "the hotfix helps", timeout=120)
    keys = {t["dedup_key"] for t in of(pager.bodies(), "event_action", "trigger")}
    wait(lambda: keys <= {b["dedup_key"] for b in of(pager.bodies(), "event_action", "resolve")},
         "PagerDuty is called off", timeout=60)
    assert not [s for s in seen if s[0] in ("AuthFailureSpike", "GatewayPodDown")], seen
