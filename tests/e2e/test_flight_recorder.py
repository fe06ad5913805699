"""The flight recorder: every error and refusal is found by its id and is what the access log says, also after a
kill -9; nothing secret is in its files; filters, live tail, the panel; it stays within its bytes."""

import json
import os
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest

from support.gateway import BINARY, SLOW, route
from support.origin import ok
from support.ports import free_port
from support.wait import until

CARD = "4111111111111111"
SECRETS = ["hunter2", "eyJhbGciOi", "sessionsecret", CARD, "4111-1111-1111-1111", "4111 1111 1111 1111"]


@pytest.fixture
def flight(gateway, tmp_path):
    """Starts a gateway with a console and a recorder of its own."""
    def start(routes, recorder=None, **more):
        console = free_port()
        telemetry = {"flightRecorder": {"path": str(tmp_path / "flight"), "flushMs": 50, "sampleRate": 1, **(recorder or {})}}
        gate = gateway(routes, spec={"console": {"port": console}}, telemetry=telemetry, **more)
        gate.console, gate.flight_path = console, tmp_path / "flight"
        return gate
    return start


def glassgate(*args, timeout=30, env=None):
    return subprocess.run([str(BINARY), *map(str, args)], capture_output=True, text=True, timeout=timeout * SLOW,
                          env={**os.environ, "COLUMNS": "120", **(env or {})})


def url(gate):
    return f"http://127.0.0.1:{gate.console}"


def api(gate, path, **parameters):
    query = urllib.parse.urlencode(parameters)
    try:
        with urllib.request.urlopen(f"{url(gate)}{path}" + (f"?{query}" if query else ""), timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def shown(gate, id):
    """The record of that id, once it is there."""
    def found():
        status, body = api(gate, f"/api/exchanges/{id}")
        return body["records"][0] if status == 200 else None
    return until(found, lambda: f"a record of {id}", timeout=20 * SLOW)


def mix(gate, origin):
    """Answers of every kind: good, refused by us, refused by the upstream, failed."""
    answers = [gate.ask("/shop/1"), gate.ask("/nowhere"), gate.ask("/limited"), gate.ask("/limited"), gate.ask("/gone"),
               gate.ask("/shop/1", "DELETE"), gate.ask("/limited")]
    return [answer for answer in answers if answer.id]


def mixed_routes(origin):
    dead = {"url": f"http://127.0.0.1:{free_port()}"}
    return [route("shop", origin, path="/shop/*", methods=["GET"]),
            route("limited", origin, path="/limited", policies=[{"rate-limit": {"key": "address", "limit": "1/h"}}]),
            {"id": "gone", "path": ["/gone"], "upstream": dead}]


def test_every_answer_is_found_by_its_id_and_is_its_log_line(flight, origin):
    gate = flight(mixed_routes(origin))
    answers = mix(gate, origin)
    statuses = {answer.status for answer in answers}
    assert {200, 404, 429, 405} <= statuses and statuses & {502, 503}
    for answer in answers:
        line, record = gate.record(answer), shown(gate, answer.id)
        assert record["line"] == line
        assert (record["status"], record["id"]) == (answer.status, answer.id)
        printed = glassgate("show", answer.id, "--url", url(gate))
        assert printed.returncode == 0, printed.stderr
        raw, = [l for l in gate.log_path.read_text().splitlines() if f'"request.id":"{answer.id}"' in l]
        assert printed.stdout.splitlines()[-1] == raw


def test_errors_and_refusals_are_kept_whatever_the_sample(flight, origin):
    gate = flight(mixed_routes(origin), recorder={"sampleRate": 0, "slowerThanMs": 0})
    answers = mix(gate, origin)
    for answer in answers:
        if answer.status >= 400:
            assert shown(gate, answer.id)["kept"] == ("error" if answer.status >= 500 else "refused")
    good = [answer for answer in answers if answer.status == 200]
    assert good and all(api(gate, f"/api/exchanges/{answer.id}")[0] == 404 for answer in good)
    gate.until_metric("flex_telemetry_records_total", len(good), sink="flight-recorder", outcome="sampled_out")
    gate.until_metric("flex_telemetry_records_total", len(answers) - len(good), sink="flight-recorder", outcome="delivered")


def test_a_killed_gateways_files_still_answer(flight, origin):
    gate = flight(mixed_routes(origin))
    answers = mix(gate, origin)
    lines = {answer.id: gate.record(answer) for answer in answers}
    for answer in answers:
        shown(gate, answer.id)
    gate.audited = False
    gate.kill()
    for answer in answers:
        found = glassgate("show", answer.id, "--dir", gate.flight_path, "--json")
        assert found.returncode == 0, found.stderr
        assert json.loads(found.stdout)["records"][0]["line"] == lines[answer.id]
    tail = glassgate("tail", "--dir", gate.flight_path, "--where", "response.status>=400", "--json")
    records = [json.loads(line) for line in tail.stdout.splitlines()]
    # Records of two workers may pass each other on their way.
    assert sorted(r["id"] for r in records if r["kind"] == "exchange") == sorted(a.id for a in answers if a.status >= 400)
    nobody = glassgate("show", "f" * 32, "--dir", gate.flight_path)
    assert nobody.returncode == 1 and "no record of" in nobody.stderr
    # The next process goes on where this one was killed.
    gate.spawn()
    until(gate.is_ready, lambda: f"ready again\n{gate.complaints()}", timeout=30 * SLOW)
    gate.expected_exit = 0
    assert shown(gate, answers[0].id)["line"] == lines[answers[0].id]


def test_nothing_secret_is_in_the_files(flight, origin):
    gate = flight([route("all", origin)], logging={
        "fields": ["request.id", "request.query", "request.path", "request.headers.authorization", "request.headers.cookie",
                   "request.headers.x-note"], "redactQuery": False})
    answer = gate.ask(f"/pay/{CARD}?api_key=hunter2&token=hunter2&access_token=eyJhbGciOi&card={CARD}&page=2", headers={
        "Authorization": "Bearer eyJhbGciOi.x.y", "Cookie": "sid=sessionsecret",
        "X-Note": "card 4111-1111-1111-1111 and 4111 1111 1111 1111", "User-Agent": f"agent {CARD}", "Host": "gateway.test"})
    record = shown(gate, answer.id)
    assert record["line"] == gate.record(answer)
    assert "page=2" in record["query"]
    # Enough more that blocks are written, too; they are compressed, so what is decoded is looked at as well.
    for i in range(600):
        gate.ask(f"/pay/{CARD}?token=hunter2&i={i}", headers={"Authorization": "Bearer eyJhbGciOi.x.y", "Cookie": "sid=sessionsecret"})
    gate.until_metric("flex_telemetry_records_total", 601, sink="flight-recorder", outcome="delivered")
    raw = b"".join(path.read_bytes() for path in gate.flight_path.iterdir() if path.is_file())
    decoded = glassgate("tail", "--url", url(gate), "--json", "--limit", 10000).stdout
    assert len(decoded.splitlines()) >= 601
    for secret in SECRETS:
        assert secret.encode() not in raw, secret
        assert secret not in decoded, secret


def test_filters_times_and_pages(flight, origin):
    gate = flight(mixed_routes(origin))
    answers = mix(gate, origin)
    for answer in answers:
        shown(gate, answer.id)
    def ids(**parameters):
        status, body = api(gate, "/api/exchanges", **parameters)
        assert status == 200, body
        return [r["id"] for r in body["records"] if r["kind"] == "exchange"]
    limited = [a.id for a in answers if a.status == 429]
    assert ids(where="response.status=429") == limited[::-1]
    assert ids(where="policy.outcomes=rate_limited or response.status in (405)") == [a.id for a in answers if a.status in (429, 405)][::-1]
    assert ids(where='request.path~"^/limited$" and not response.status=429', last="5m") == [a.id for a in answers if a.status == 200][1:]
    assert ids(where="response.status=429", to="1h") == []
    status, page = api(gate, "/api/exchanges", where="kind=exchange", limit=2)
    assert page["more"] and len(page["records"]) == 2
    rest = ids(where="kind=exchange", before=page["next"])
    assert [r["id"] for r in page["records"]] + rest == [a.id for a in answers][::-1]
    status, body = api(gate, "/api/exchanges", where="response.statsu>=500")
    assert status == 400 and body["column"] == 1 and "did you mean \"response.status\"" in body["error"]
    wrong = glassgate("tail", "--url", url(gate), "--where", "response.status>=")
    assert wrong.returncode == 1 and wrong.stderr.splitlines()[-1].endswith("^")


def test_tail_follows_what_happens(flight, origin):
    gate = flight(mixed_routes(origin), recorder={"sampleRate": 0})
    before = gate.ask("/nowhere")
    shown(gate, before.id)
    process = subprocess.Popen([str(BINARY), "tail", "--follow", "--last", "10m", "--json", "--url", url(gate), "--where",
                                "response.status>=400 or route.id=shop"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seen = []
    try:
        # line by line: the thread appends as they come
        reader = threading.Thread(target=lambda: [seen.append(json.loads(line)) for line in process.stdout], daemon=True)
        reader.start()
        until(lambda: any(r.get("id") == before.id for r in seen), lambda: f"the past request; seen {seen}", timeout=20 * SLOW)
        failing, good = gate.ask("/gone"), gate.ask("/shop/1")
        until(lambda: {failing.id, good.id} <= {r.get("id") for r in seen}, lambda: f"the live requests; seen {seen}", timeout=20 * SLOW)
        assert [r.get("id") for r in seen].count(failing.id) == 1
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, process.stderr.read()


def test_it_stays_within_its_bytes_and_counts_everything(flight, origin):
    gate = flight([route("all", origin)], recorder={"maxBytes": 1 << 20})
    highest = 0
    total = 0
    for _ in range(24):
        with gate.client() as client:
            for i in range(500):
                client.ask(f"/item/{os.urandom(24).hex()}?x={i}", headers={"User-Agent": os.urandom(32).hex()})
        total += 500
        size = sum(p.stat().st_size for p in gate.flight_path.iterdir() if p.is_file())
        highest = max(highest, size)
    gate.until_metric("flex_telemetry_records_total", total, sink="flight-recorder", outcome="delivered")
    assert highest <= 1 << 20
    metrics = gate.metrics()
    assert 0 < metrics.sum("flex_flight_recorder_records") < total, "the oldest are gone"
    assert metrics.sum("flex_flight_recorder_bytes") <= 1 << 20


def test_a_reload_loses_no_record(flight, origin):
    gate = flight(mixed_routes(origin))
    first = gate.ask("/nowhere")
    recorder = gate.spec["telemetry"]["flightRecorder"]
    recorder["sampleRate"] = 0
    gate.reload()
    good, bad = gate.ask("/shop/1"), gate.ask("/nowhere/2")
    for answer in (first, bad):
        assert shown(gate, answer.id)["line"] == gate.record(answer)
    assert api(gate, f"/api/exchanges/{good.id}")[0] == 404
    recorder["enabled"] = False
    gate.reload()
    assert api(gate, "/api/exchanges")[0] == 404
    recorder["enabled"] = True
    gate.reload()
    assert shown(gate, first.id)["id"] == first.id


def test_top_draws_a_running_gateway(flight, origin):
    gate = flight(mixed_routes(origin))
    for _ in range(5):
        mix(gate, origin)
    def picture():
        top = glassgate("top", "--once", "--url", url(gate), "--width", 100, "--height", 36)
        assert top.returncode == 0, top.stderr
        return top.stdout if "GET /limited" in top.stdout else None
    text = until(picture, "the endpoints are in the picture", timeout=20 * SLOW)
    for part in ("Flex Gateway Overview · e2e", "Req / sec", "Error Rate", "P99 Latency", "Rate Limit Hits", "Endpoint", "Live error log"):
        assert part in text, text
    assert re.search(r"GET /gone .*DEGRADED", text), text
    status, overview = api(gate, "/api/overview")
    assert status == 200 and overview["rate_limit"]["hits"] >= 5
    assert {row["endpoint"] for row in overview["routes"]} >= {"GET /limited", "GET /gone"}


def test_commands_say_what_is_wrong(tmp_path):
    nowhere = f"http://127.0.0.1:{free_port()}"
    for command in (["show", "abc"], ["tail"], ["tail", "--follow"], ["top", "--once"]):
        answer = glassgate(*command, "--url", nowhere)
        assert answer.returncode == 2, command
        assert f"no gateway answers at {nowhere}" in answer.stderr
    answer = glassgate("show", "abc", "--dir", tmp_path)
    assert answer.returncode == 2 and "holds no files of a flight recorder" in answer.stderr
