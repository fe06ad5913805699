"""Reload: at once, whole or not at all, and nobody notices."""

import time

import pytest
import yaml

from support import behaviours as does
from support.client import RawClient, ask, request
from support.gateway import SANITIZED, route
from support.load import Load
from support.metrics import Metrics
from support.origin import ok
from support.ports import free_port
from support.wait import until


def test_200_reloads_under_load(gateway, origin, record_property):
    limit = {"rate-limit": {"key": "client.id", "limit": "1000000/min"}}
    by_header = {"client-id": {"sources": [{"header": "client_id"}]}}
    gate = gateway([route("all", origin, policies=[by_header, limit])], workers=2)
    gate.ask("/", headers={"client_id": "load"})
    took, before = [], gate.metrics().counters()
    with Load(gate.port, clients=8, path="/load", header="client_id: load") as load:
        for i in range(200):
            limit["rate-limit"]["limit"] = f"{1_000_000 + i}/min"
            if i % 3 == 0:   # routes come and go beside it
                gate.spec["routes"][1:] = [route("extra", origin, f"/extra/{i}/*")]
            took.append(gate.reload())
            if i % 4:
                continue
            now = gate.metrics().counters()
            gone = {key for key in before if key not in now}
            assert all(dict(labels).get("route") == "extra" for _, labels in gone), f"series vanished: {gone}"
            back = {key: (before[key], now[key]) for key in before if key in now and now[key] < before[key]}
            assert not back, f"went backwards at reload {i}: {back}"
            before = now
    result = load.result
    assert result["failed"] == [] and set(result["statuses"]) == {"200"}
    assert result["connections"] == 8, "a connection was closed that need not be"
    assert result["requests"] > 200
    assert gate.generation() == 201
    gate.until_metric("flex_requests_total", result["requests"] + 1, route="all")
    event_ms = [e["took_ms"] for e in gate.until_event("config_applied", 200)]
    took.sort()
    text = f"reload until seen: median {took[100] * 1e3:.0f} ms, worst {took[-1] * 1e3:.0f} ms; by its event: worst {max(event_ms)} ms; " \
           f"{result['requests']} requests"
    record_property("reload", text)
    print(text)
    assert took[100] < (0.5 if not SANITIZED else 5)   # 0.1 is the promise; a busy machine is no fault


def test_upstream_connections_survive_a_reload(gateway, origin):
    gate = gateway([route("all", origin, policies=[{"rate-limit": {"key": "route", "limit": "100/min"}}])], workers=1)
    gate.ask("/")
    for i in range(3):
        gate.spec["routes"][0]["policies"][0]["rate-limit"]["limit"] = f"{200 + i}/min"
        gate.reload()
        gate.ask("/")
    assert origin.accepted == 1


def test_a_limit_goes_on_counting_over_a_reload(gateway, origin):
    policies = [{"rate-limit": {"key": "route", "limit": "10/min"}}]
    gate = gateway([route("all", origin, policies=policies)])
    assert [gate.ask("/").status for _ in range(6)] == [200] * 6
    policies[0]["rate-limit"]["limit"] = "8/min"     # the incident's hotfix
    gate.reload()
    assert [gate.ask("/").status for _ in range(4)] == [200, 200, 429, 429]
    event, = gate.until_event("rate_limit_config_updated")
    assert (event["old_limit"], event["new_limit"], event["route"]) == ("10/min", "8/min", "all")


def test_an_exchange_under_way_ends_under_its_own_plan(gateway, new_origin):
    old, new = new_origin(default=does.delay(0.5, ok(b"old"))), new_origin(default=ok(b"new"))
    gate = gateway([route("before", old)])
    with gate.client() as client:
        client.send(request("/"))
        until(lambda: old.requests, "it is under way")
        gate.spec["routes"] = [route("after", new)]
        gate.reload()
        assert gate.ask("/").body == b"new"
        answer = client.response()
        assert answer.body == b"old" and not answer.closes
        assert client.ask("/").body == b"new"     # the same connection, the new plan
    assert gate.record(answer)["route.id"] == "before"


def test_a_bad_reload_changes_nothing_and_is_loud(gateway, origin):
    gate = gateway([route("all", origin)])
    good = gate.config_path.read_text()
    for bad, said in [("spec: [", "gateway.yaml:"), (good.replace("kind: Gateway", "kind: Gatway"), "Gateway"),
                      (good.replace("limit", "limit") + "\nextra: 1\n", "extra"),
                      (good.replace("upstream:", "upstraem:"), "upstream")]:
        events = len(gate.events("config_rejected"))
        gate.write_config(bad)
        gate.signal(1)
        gate.until_event("config_rejected", events + 1)
        assert said in gate.complaints()
        metrics = gate.metrics()
        assert metrics.value("flex_config_last_reload_successful") == 0
        assert metrics.value("flex_config_generation") == 1
        assert gate.ask("/").status == 200
    assert gate.events("config_rejected")[0]["reason"]
    gate.reload()
    assert gate.metrics().value("flex_config_last_reload_successful") == 1
    assert gate.ask("/").status == 200


def test_a_reload_that_cannot_be_carried_out_is_taken_back(gateway, origin, new_origin):
    """A port that is taken is found only while applying."""
    gate = gateway([route("all", origin)])
    taken = new_origin()
    gate.spec["listeners"].append({"name": "second", "address": f"http://127.0.0.1:{taken.port}"})
    gate.spec["routes"][0]["path"] = ["/changed"]
    gate.write_config()
    gate.signal(1)
    gate.until_event("config_rejected")
    assert gate.ask("/").status == 200
    assert gate.metrics().select("flex_connections", listener="second") == {}
    assert not gate.metrics().select("flex_requests_total", path="/changed")


def test_the_watched_file_is_enough(gateway, origin):
    gate = gateway([route("all", origin)], watch=True)
    gate.spec["routes"][0]["id"] = "renamed"
    took = gate.reload()
    assert took < 2
    gate.ask("/")
    gate.until_metric("flex_requests_total", 1, route="renamed", method="GET")
    # In place, as an editor without manners does it; and a bad one is told.
    gate.spec["routes"][0]["id"] = "again"
    gate.config_path.write_text(yaml.safe_dump(gate.document))
    until(lambda: gate.metrics().select("flex_requests_total", route="again"), "it is read", every=0.05)
    gate.write_config("nonsense: [")
    gate.until_event("config_rejected")


def test_a_watched_folder(gateway, origin, tmp_path):
    gate = gateway([route("all", origin)], wait=False, watch=True)
    gate.kill()
    gate.expected_exit = 0
    folder = tmp_path / "folder"
    folder.mkdir()
    gate.config_path, gate.served_path = folder / "a.yaml", folder
    gate.start()
    (folder / "b.yaml").write_text("apiVersion: gateway.mulesoft.com/v1alpha1\nkind: Nonsense\nmetadata: {name: x}\n")
    until(lambda: "b.yaml:" in gate.complaints(), lambda: f"the new file is read; {gate.complaints()}")
    (folder / "b.yaml").unlink()
    until(lambda: gate.metrics().value("flex_config_last_reload_successful") == 1, "healed", every=0.05)
    assert gate.ask("/").status == 200


def test_series_of_a_removed_route_vanish_and_others_stay(gateway, origin):
    gate = gateway([route("stays", origin, "/stays"), route("goes", origin, "/goes")])
    gate.ask("/stays")
    gate.ask("/goes")
    gate.until_metric("flex_requests_total", 2)
    exchanges = gate.metrics().sum("flex_exchanges_total")
    gate.spec["routes"].pop()
    gate.reload()
    gate.audited = gate.exact_log = False   # the identity holds for what is there
    until(lambda: not gate.metrics().select("flex_requests_total", route="goes"), "its series are gone", every=0.05)
    metrics = gate.metrics()
    assert not any(dict(labels).get("route") == "goes" for _, labels in metrics.samples)
    assert metrics.value("flex_requests_total", route="stays", method="GET", path="/stays") == 1
    assert metrics.sum("flex_exchanges_total") == exchanges
    assert gate.ask("/goes").status == 404


def test_listeners_come_and_go(gateway, origin):
    gate = gateway([route("all", origin)])
    second = free_port()
    with gate.client() as stays:
        assert stays.ask("/").status == 200
        gate.spec["listeners"].append({"name": "second", "address": f"http://127.0.0.1:{second}"})
        gate.reload()
        assert ask(second, "/").status == 200
        with RawClient(second) as idle, RawClient(second) as busy:
            assert idle.ask("/").status == 200
            origin.on("/slow", does.delay(0.5))
            busy.send(request("/slow"))
            until(lambda: origin.seen("/slow"), "it is under way")
            gate.spec["listeners"].pop()
            gate.reload()
            idle.expect_closed()                 # idle ones end,
            answer = busy.response()             # busy ones after their exchange
            assert answer.status == 200 and answer.closes
            with pytest.raises(ConnectionRefusedError):
                ask(second, "/")
        assert stays.ask("/").status == 200      # the other listener never noticed
    assert gate.metrics().value("flex_connections_total", listener="public") >= 1


def test_the_metrics_port_moves(gateway, origin):
    gate = gateway([route("all", origin)])
    old, new = gate.admin, free_port()
    gate.spec["telemetry"]["metrics"]["port"] = new
    gate.write_config()
    gate.signal(1)
    gate.admin = new
    until(lambda: gate.is_ready(), "the new port answers")
    def the_old_port_is_closed():
        try:
            Metrics.scrape(old)
        except OSError:
            return True
        return False
    until(the_old_port_is_closed, "the old port is closed")
    gate.until_metric("flex_config_generation", 2)


def test_a_change_of_workers_is_refused_with_words(gateway, origin):
    gate = gateway([route("all", origin)], workers=2)
    gate.spec["workers"] = 3
    gate.write_config()
    gate.signal(1)
    assert "restart" in gate.until_event("config_rejected")[0]["reason"]


def test_log_fields_and_files_change_at_a_reload(gateway, origin, tmp_path):
    gate = gateway([route("all", origin)])
    gate.audited = False   # the law of a sink that has gone is over
    gate.record(gate.ask("/one"))
    other = tmp_path / "other.log"
    gate.spec["telemetry"]["logging"]["fields"] = ["request.path"]
    gate.spec["telemetry"]["logging"]["outputs"] = [{"type": "file", "path": str(other)}]
    gate.reload()
    gate.ask("/two")
    line, = until(lambda: gate.access(path=other), "the line in the new file")
    assert [k for k in line if k != "level"] == ["request.path"]
    began = time.monotonic()
    gate.ask("/three")
    until(lambda: len(gate.access(path=other)) == 2, "the next")
    assert time.monotonic() - began < 3
