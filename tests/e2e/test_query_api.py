"""Prometheus' HTTP API over the built-in store, with the clients it is there for: Debian's Prometheus
(the same samples in both, the same questions to both; as remote-write sender; as federation scraper),
promtool, what Grafana's datasource sends, and `glassgate query`."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

from dashboard_queries import dashboard_queries
from support.console import console_of, shifted
from support.gateway import route
from support.ports import free_port
from support.promql import STALE, Prometheus, Series, difference, prometheus
from support.promql_expressions import UNORDERED, expressions
from support.promql_samples import START_MS, samples
from support.wait import until


@contextlib.contextmanager
def watching(folder, config, *flags):
    """Debian's Prometheus with that configuration."""
    folder.mkdir(exist_ok=True)
    (folder / "prometheus.yml").write_text(json.dumps(config))
    port = free_port()
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}", *flags], stdout=log, stderr=subprocess.STDOUT)
    try:
        server = Prometheus(port)
        until(server.ready, lambda: (folder / "prometheus.log").read_text(), timeout=60)
        server.process = process
        yield server
    finally:
        process.terminate()
        process.wait(30)


def value(server, expression):
    result = server.answer({"query": expression})["data"]["result"]
    return float(result[0]["value"][1]) if result else None


# ---- the same samples in both

# The samples end well before the gateway begins to sample itself: no query sees both.
SHIFT_S = (int(time.time()) - 4500 - START_MS // 1000) // 300 * 300
START = START_MS // 1000 + SHIFT_S


def moved(expression):
    """Times in an expression (`@ 1600001200`) move with the samples."""
    return re.sub(r"\b16000\d{5}\b", lambda m: str(int(m[0]) + SHIFT_S), expression)


@pytest.fixture(scope="module")
def both(tmp_path_factory, module_gateway):
    assert shutil.which("prometheus"), "prometheus is not installed"
    made = shifted(samples(), SHIFT_S * 1000)
    with prometheus(tmp_path_factory.mktemp("theirs")) as theirs:
        ours = console_of(module_gateway([]))
        for server in (theirs, ours):
            server.write(made)
        yield theirs, ours


def compare(both, requests):
    theirs, ours = both
    found = []
    for request in requests:
        ordered = "start" in request or not UNORDERED.search(request["query"])
        if said := difference(theirs.answer(request), ours.answer(request), ordered):
            found.append(f"{request}\n    {said}")
    assert not found, f"{len(found)} of {len(requests)} differ\n" + "\n".join(found[:40])


@pytest.mark.timeout(300)
def test_the_same_answers_at_a_time(both):
    compare(both, [{"query": moved(e), "time": str(START + 1200)} for e in expressions()])


@pytest.mark.timeout(300)
def test_the_same_answers_over_a_range(both):
    compare(both, [{"query": moved(e), "start": str(START + 600), "end": str(START + 1200), "step": "30"}
                   for e in expressions()])


def test_the_same_series_and_labels(both):
    theirs, ours = both
    window = {"start": str(START), "end": str(START + 3000)}
    questions = [("labels", []), ("labels", [("match[]", "requests_total")]),
                 ("labels", [("match[]", "requests_total"), ("match[]", "temperature")]),
                 ("label/job/values", []), ("label/__name__/values", []), ("label/__name__/values", [("match[]", '{job="api"}')]),
                 ("label/nothing/values", []), ("label/bad-name/values", []),
                 ("series", [("match[]", "requests_total")]), ("series", [("match[]", '{__name__=~"t.*"}'), ("match[]", "step")]),
                 ("series", []), ("series", [("match[]", "{")]), ("series", [("match[]", '{a=~".*"}')]),
                 ("series", [("match[]", "up"), ("start", "x")]), ("labels", [("end", "yesterday")]),
                 ("query_exemplars", [("query", "up(")]), ("query_exemplars", [("query", "1")]),
                 ("query_exemplars", [("query", "sum(up)"), ("start", "2"), ("end", "1")]),
                 ("query_exemplars", [("query", "sum(up)")]),
                 ("format_query", [("query", "sum(up)by(job)")]), ("format_query", [("query", "sum(")]),
                 ("query", []), ("query", [("query", "up"), ("timeout", "x")]),
                 ("query_range", [("query", "up")]), ("query_range", [("query", "up"), ("start", "1"), ("end", "100000"), ("step", "1")]),
                 ("metadata", [("limit", "x")])]
    differ = []
    for path, parameters in questions:
        more = [(k, v) for k, v in window.items() if k not in dict(parameters) and "query" not in path]
        answers = []
        for server in (theirs, ours):
            url = f"{server.url}/api/v1/{path}?" + urllib.parse.urlencode(parameters + more)
            try:
                with urllib.request.urlopen(url, timeout=30) as response:
                    answers.append((response.status, response.read().decode()))
            except urllib.error.HTTPError as error:
                answers.append((error.code, error.read().decode()))
        if answers[0] != answers[1]:
            differ.append(f"{path} {parameters}\n    {answers[0]}\n    {answers[1]}")
    assert not differ, "\n".join(differ)


# ---- promtool

def promtool(*arguments, expected=0):
    done = subprocess.run(["promtool", "query", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == expected, done
    return done.stdout


def test_promtool_asks(gateway, origin):
    gate = gateway([route("all", origin)])
    console = console_of(gate)
    for _ in range(3):
        assert gate.ask("/x").status == 200
    console.until_number('sum(flex_requests_total{route="all"})', 3)
    assert re.search(r'^\{\} => 3 @\[', promtool("instant", console.url, 'sum(flex_requests_total{route="all"})'))
    end = int(time.time())
    assert re.search(r"^\{\} =>\n(\d @\[\d+\]\n)*3 @\[\d+\]\n", promtool(
        "range", f"--start={end - 2}", f"--end={end}", "--step=1s", console.url, 'sum(flex_requests_total{route="all"})'))
    assert "flex_store_series" in promtool("series", "--match=flex_store_series", console.url)
    assert promtool("labels", console.url, "job").split() == ["flex-gateway"]
    assert promtool("instant", console.url, "up(", expected=1) == ""


# ---- Prometheus as a sender and as a scraper

@pytest.mark.timeout(180)
def test_prometheus_writes_to_it(gateway, origin, tmp_path):
    """What a Prometheus scrapes arrives by remote write: nothing fails, staleness included, metadata too."""
    gate = gateway([route("all", origin)])
    console = console_of(gate)
    sender_port = free_port()
    config = {"global": {"scrape_interval": "1s"},
              "scrape_configs": [
                  {"job_name": "gateway", "static_configs": [{"targets": [f"127.0.0.1:{gate.admin}"]}]},
                  {"job_name": "nobody", "static_configs": [{"targets": [f"127.0.0.1:{sender_port}"]}]}],
              "remote_write": [{"url": f"{console.url}/api/v1/write", "send_exemplars": True, "send_native_histograms": True,
                                "metadata_config": {"send_interval": "1s"}}]}
    with watching(tmp_path / "sender", config, "--enable-feature=native-histograms,exemplar-storage") as sender:
        gate.ask("/x")
        console.until_number('up{job="gateway"}', 1)
        console.until_number('up{job="nobody"}', 0)
        console.until_number('sum(flex_requests_total{job="gateway",route="all"})', 1)
        # What it knows by its own sampler and what came the long way are the same.
        console.until_number('flex_requests_total{job="flex-gateway",route="all",method="GET"} - ignoring(job, instance) '
                             'flex_requests_total{job="gateway",route="all",method="GET"}', 0)
        assert console.number('histogram_count(sum(flex_request_duration_seconds{job="gateway",route="all"}))') == 1
        until(lambda: "prometheus_build_info" not in console.data("metadata") and "flex_requests_total" in console.data("metadata"),
              "metadata arrives")
        sent = 'prometheus_remote_storage_{}_total'
        samples_sent = until(lambda: urllib.request.urlopen(f"{sender.url}/metrics").read().decode(), "its metrics")
        failed = re.findall(rf"^{sent.format('samples_failed')}{{.*}} (\S+)$", samples_sent, re.M)
        dropped = re.findall(rf"^{sent.format('samples_dropped')}{{.*}} (\S+)$", samples_sent, re.M)
        assert failed == ["0"] and set(dropped) <= {"0"}, samples_sent
        # A target that is taken out ends its series at once, not after five minutes.
        config["scrape_configs"][1]["static_configs"][0]["targets"] = ["127.0.0.1:1"]
        (tmp_path / "sender" / "prometheus.yml").write_text(json.dumps(config))
        sender.process.send_signal(signal.SIGHUP)
        until(lambda: console.number(f'up{{job="nobody",instance="127.0.0.1:{sender_port}"}}') is None, "staleness arrives", timeout=60, every=0.2)


@pytest.mark.timeout(180)
def test_prometheus_federates(gateway, origin, tmp_path):
    gate = gateway([route("all", origin)])
    console = console_of(gate)
    gate.ask("/x")
    console.until_number('sum(flex_requests_total{route="all"})', 1)
    config = {"global": {"scrape_interval": "1s"},
              "scrape_configs": [{"job_name": "federate", "honor_labels": True, "metrics_path": "/federate",
                                  "params": {"match[]": ['{__name__=~"flex_requests_total|up"}', "flex_store_series"]},
                                  "static_configs": [{"targets": [f"127.0.0.1:{gate.console}"]}]}]}
    with watching(tmp_path / "fleet", config) as fleet:
        until(lambda: value(fleet, 'sum(flex_requests_total{job="flex-gateway",route="all"})') == 1, "it is there", timeout=30)
        assert value(fleet, 'up{job="federate"}') == 1
        assert value(fleet, 'up{job="flex-gateway",instance="e2e"}') == 1
        assert value(fleet, "scrape_samples_scraped") > 10


# ---- Grafana

def test_what_grafana_sends(gateway, origin):
    """Requests as its Prometheus datasource makes them (version 9 to 11): health check, label browser,
    panels, exemplars; through a browser or its proxy."""
    gate = gateway([route("all", origin)])
    console = console_of(gate)
    gate.ask("/x")
    console.until_number('sum(flex_requests_total{route="all"})', 1)
    end = int(time.time())
    form = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "gzip",
            "User-Agent": "Grafana/10.4.2", "X-Dashboard-Uid": "a", "X-Panel-Id": "1", "Origin": "http://grafana.example"}

    def post(path, **parameters):
        data = urllib.parse.urlencode([(k, v) for k, value in parameters.items()
                                       for v in (value if isinstance(value, list) else [value])]).encode()
        status, headers, body = console.request(f"/api/v1/{path}", data, {k: v for k, v in form.items() if k != "Accept-Encoding"})
        assert status == 200, body
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["Content-Type"] == "application/json"
        return json.loads(body)["data"]

    build = console.data("status/buildinfo")
    assert tuple(map(int, build["version"].split("."))) >= (2, 37, 0) and "features" not in build
    assert post("query", query="1+1", time=end)["result"][1] == "2"                      # "Save & test"
    assert "flex_requests_total" in console.data("label/__name__/values", start=end - 3600, end=end)
    assert "route" in post("labels", start=end - 3600, end=end, **{"match[]": "flex_requests_total"})
    assert "all" in console.data("label/route/values", start=end - 3600, end=end, **{"match[]": "flex_requests_total"})
    assert post("series", start=end - 3600, end=end, **{"match[]": 'flex_requests_total{route="all"}'})
    assert console.data("metadata")["flex_request_duration_seconds"][0]["type"] == "histogram"
    assert console.data("rules") == {"groups": []} or console.data("rules")["groups"]
    panel = post("query_range", query='sum by (route) (rate(flex_requests_total{route=~".*"}[1m]))', start=end - 900, end=end, step=15)
    assert panel["resultType"] == "matrix" and panel["result"]
    assert post("query", query="topk(3, flex_requests_total)", time=f"{end}.123")["resultType"] == "vector"
    assert isinstance(post("query_exemplars", query="flex_request_duration_seconds_bucket", start=end - 900, end=end), list)
    status, headers, _ = console.request("/api/v1/query_range", method="OPTIONS", headers=form)
    assert status == 204 and "POST" in headers["Access-Control-Allow-Methods"]


def test_exemplars_lead_to_traces(gateway, origin, collector):
    gate = gateway([route("all", origin)], tracing={"enabled": True, "endpoint": collector.grpc, "sampleRate": 1})
    console = console_of(gate)
    answer = gate.ask("/x")
    now = time.time()
    [found] = until(lambda: [s for s in console.data("query_exemplars", query='flex_request_duration_seconds{route="all"}',
                                                    start=now - 60, end=now + 60) if s["exemplars"]], "an exemplar", timeout=30)
    assert found["exemplars"][0]["labels"]["trace_id"] == answer.id
    assert found["seriesLabels"]["__name__"] == "flex_request_duration_seconds"


# ---- what must hold

def test_a_heavy_query_stops_with_its_client(gateway, origin):
    gate = gateway([route("all", origin)])
    console = console_of(gate)
    heavy = "count_over_time((sum(rate({__name__=~'.+'}[2h])))[100y:1s])"
    for _ in range(2):
        with pytest.raises(OSError):
            urllib.request.urlopen(f"{console.url}/api/v1/query?" + urllib.parse.urlencode({"query": heavy}), timeout=0.5).read()
    assert console.number("1") == 1
    answer = console.answer({"query": heavy, "timeout": "50ms"})
    assert answer["status"] == "error" and answer["errorType"] in ("timeout", "execution"), answer


def test_credentials_keep_strangers_out(gateway, origin, binary):
    printed = subprocess.run([binary, "password"], input="s3cret\n", capture_output=True, text=True, check=True).stdout.strip()
    token, hashed = (line.split()[1] for line in
                     subprocess.run([binary, "password", "--token"], capture_output=True, text=True, check=True).stdout.splitlines())
    credentials = [{"name": "ann", "role": "operator", "password": printed}, {"name": "grafana", "token": hashed}]
    console_port = free_port()
    gate = gateway([route("all", origin)],
                   spec={"console": {"address": "0.0.0.0", "port": console_port, "credentials": credentials}})
    url = f"http://127.0.0.1:{console_port}"

    def ask(*arguments):
        return subprocess.run([binary, "query", f"--url={url}", *arguments, "up"], capture_output=True, text=True, timeout=60)
    until(lambda: ask("--user=ann:s3cret").stdout.startswith("up{"), "samples", timeout=30)
    assert ask(f"--token={token}").returncode == 0
    for wrong in ([], ["--user=ann:secret"], ["--user=bob:s3cret"], ["--token=x"]):
        refused = ask(*wrong)
        assert refused.returncode == 2 and "credentials" in refused.stderr, refused
    status = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Authorization: Bearer {token}",
                             "--data-binary", "x", f"{url}/api/v1/write"], capture_output=True, text=True).stdout
    assert status == "403"      # a viewer does not write
    assert gate.ask("/x").status == 200


def test_the_console_is_not_open_to_the_network_by_itself(binary, tmp_path, gateway, origin):
    gate = gateway([route("all", origin)], wait=False, spec={"console": {"address": "0.0.0.0", "port": 0}})
    assert gate.wait() == 1
    assert "the console would listen on 0.0.0.0 and let everybody in" in gate.complaints()
    gate.expected_exit, gate.audited = 1, False


def test_the_command_line_asks_a_running_gateway(gateway, origin, binary):
    gate = gateway([route("all", origin)])
    console = console_of(gate)

    def query(*arguments):
        return subprocess.run([binary, "query", f"--url={console.url}", *arguments], capture_output=True, text=True, timeout=60)
    assert re.fullmatch(r'up\{instance="e2e", job="flex-gateway"\} => 1 @\[[0-9.]+\]\n', query("up").stdout)
    end = int(time.time())
    out = query("flex_config_generation", f"--start={end - 2}", f"--end={end}", "--step=1s").stdout
    assert out.startswith('flex_config_generation{instance="e2e", job="flex-gateway"} =>\n1 @['), out
    assert json.loads(query("--json", "1 + 1").stdout)["data"]["result"][1] == "2"
    assert "scalar: 2 @[" in query("1 + 1").stdout
    wrong = query("sum by (")
    assert wrong.returncode == 1 and wrong.stderr.splitlines()[-1].strip() == "^"
    assert query("up * on() group_left() (up or vector(1))", f"--time={end}").returncode in (0, 1)
    nobody = subprocess.run([binary, "query", f"--url=http://127.0.0.1:{free_port()}", "up"], capture_output=True, text=True)
    assert nobody.returncode == 2 and "no answer from" in nobody.stderr


def test_siblings_are_scraped(gateway, origin):
    """up, staleness when one fails, its own labels kept aside; a reload changes the list."""
    sibling = gateway([route("all", origin)], name="sibling", telemetry={"store": {"enabled": False}})
    job = {"job": "siblings", "targets": [f"127.0.0.1:{sibling.admin}"], "intervalMs": 500}
    gate = gateway([route("all", origin)], telemetry={"store": {"scrape": [job]}})
    console = console_of(gate)
    sibling.ask("/x")
    console.until_number('sum(flex_requests_total{job="siblings",route="all"})', 1)
    instance = f"127.0.0.1:{sibling.admin}"
    assert console.number(f'up{{job="siblings",instance="{instance}"}}') == 1
    assert console.number('scrape_samples_scraped{job="siblings"}') > 100
    assert console.number('scrape_duration_seconds{job="siblings"}') < 5
    targets = {t["scrapePool"]: t for t in console.data("targets")["activeTargets"]}
    assert targets["siblings"]["health"] == "up" and targets["siblings"]["labels"]["instance"] == instance
    assert targets["flex-gateway"]["health"] == "up"
    sibling.stop()
    console.until_number('up{job="siblings"}', 0)
    assert console.vector('flex_requests_total{job="siblings"}') == []
    target, = [t for t in console.data("targets")["activeTargets"] if t["scrapePool"] == "siblings"]
    assert target["health"] == "down" and "connect" in target["lastError"].lower()
    gate.document["spec"]["telemetry"]["store"] = {}
    gate.write_config()
    gate.signal(signal.SIGHUP)
    gate.until_event("config_applied")
    until(lambda: len(console.data("targets")["activeTargets"]) == 1, "the sibling is forgotten")
    until(lambda: console.vector('up{job="siblings"}') == [], "its series end")


# ---- the shipped dashboards

@pytest.mark.timeout(180)
def test_dashboards_are_answered_with_data(gateway, origin):
    """Every query of every dashboard is answered; those about traffic there was have something to show."""
    gate = gateway([route("all", origin, path="/api/*")])
    console = console_of(gate)
    for i in range(40):
        gate.ask("/api/x")
        if i % 10 == 9:
            time.sleep(0.3)
    console.until_number('sum(flex_requests_total{route="all"})', 40)
    end = time.time() + 1
    failed, data = [], 0
    queries = dashboard_queries({"__rate_interval": "5s", "__interval": "1s", "__range": "1m"})
    for query in queries:
        parameters = {"query": query.expr, "start": str(end - 60), "end": str(end), "step": "1"}
        answer = console.answer(parameters)
        if answer["status"] != "success":
            failed.append((query.title, query.expr, answer))
        else:
            data += bool(answer["data"]["result"])
    assert not failed, failed
    assert data > len(queries) / 3, f"{data} of {len(queries)} have something to show"


# ---- order of samples

def test_what_remote_write_refuses_is_said(gateway, origin):
    gate = gateway([route("all", origin)])
    console = console_of(gate)
    base = int(time.time() - 600) * 1000
    console.write([Series({"__name__": "w"}, [(base, 1.0), (base + 1000, 2.0)])])
    console.write([Series({"__name__": "w"}, [(base + 1000, 2.0)])])     # the same again: fine
    for again, said in (((base + 1000, 3.0), "another value at a time that is taken"), ((base, 1.0), "older than the newest"),
                        ((base + 10**7, 1.0), "too far in the future")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            console.write([Series({"__name__": "w"}, [again])])
        assert refused.value.code == 400 and said in refused.value.read().decode()
    console.write([Series({"__name__": "w"}, [(base + 2000, STALE)])])
    assert console.vector("w", at=(base + 1500) / 1000) and not console.vector("w", at=(base + 2500) / 1000)


