"""The built-in store in the gateway: what survives a kill, damage, a restart; its limits; where it lives."""

import signal
import time

from support.console import console_of
from support.gateway import SLOW, route
from support.metrics import fetch
from support.wait import until

FLUSH_MS = 500


def start(gateway, origin, folder, *, wait=True, arguments=(), **store):
    settings = {"flushMs": FLUSH_MS, **({"path": str(folder)} if folder else {}), **store}
    return gateway([route("all", origin)], telemetry={"store": settings}, wait=wait, arguments=arguments)


def samples(console, expression, begin, end):
    """{time: value} of the one series, as stored: a range selector at one time."""
    result = console.data("query", query=f"{expression}[{int(end - begin) + 1}s]", time=end)["result"]
    return {t: float(v) for series in result for t, v in series["values"]}


REQUESTS = 'flex_requests_total{route="all",method="GET",path="/*"}'


def test_a_kill_costs_at_most_the_last_flush(gateway, origin, tmp_path):
    first = start(gateway, origin, tmp_path / "store")
    console, began = console_of(first), time.time()
    for _ in range(5):
        assert first.ask("/x").status == 200
    console.until_number(REQUESTS, 5)
    until(lambda: time.time() > began + 4, "some seconds of samples", timeout=30)
    known = samples(console, REQUESTS, began - 5, time.time())
    killed = time.time()
    first.kill()
    assert len(known) >= 3

    second = start(gateway, origin, tmp_path / "store")
    console = console_of(second)
    found = samples(console, REQUESTS, began - 5, killed + 1)
    safe = {t: v for t, v in known.items() if t < killed - FLUSH_MS / 1000 - 1 * SLOW}
    assert safe and {t: found.get(t) for t in safe} == safe
    assert console.number("flex_store_corrupt_blocks_total") == 0
    assert console.number("flex_store_quarantined_segments_total") == 0


def test_a_restart_continues_the_history(gateway, origin, tmp_path):
    first = start(gateway, origin, tmp_path / "store")
    began = time.time()
    console = console_of(first)
    for _ in range(7):
        first.ask("/x")
    console.until_number(REQUESTS, 7)
    assert first.stop() == 0
    stopped = time.time()
    second = start(gateway, origin, tmp_path / "store")
    console = console_of(second)
    second.ask("/x")
    console.until_number(REQUESTS, 1)
    history = samples(console, REQUESTS, began - 2, time.time())
    assert 7 in history.values() and 1 in history.values()
    assert max(t for t, v in history.items() if v == 7) <= stopped + 1
    # The counter began anew, and rate functions know.
    assert console.number(f"resets({REQUESTS}[10m])") == 1
    assert console.number(f"last_over_time({REQUESTS}[10m])") == 1
    # Between the two lives it was not there: its series had ended in order.
    assert console.vector(REQUESTS, at=stopped + 0.001) == [] or stopped + 0.001 > min(t for t, v in history.items() if v < 7)


def test_damage_is_put_aside_and_told(gateway, origin, tmp_path):
    folder = tmp_path / "store"
    first = start(gateway, origin, folder)
    console = console_of(first)
    first.ask("/x")
    console.until_number(REQUESTS, 1)
    assert first.stop() == 0
    segments = sorted((p for p in folder.rglob("*") if p.is_file() and p.stat().st_size > 1000), key=lambda p: p.stat().st_size)
    assert segments, list(folder.rglob("*"))
    damaged = segments[-1]
    content = bytearray(damaged.read_bytes())
    content[-200:] = bytes(b ^ 0x5A for b in content[-200:])       # the index is at the end
    damaged.write_bytes(content)

    second = start(gateway, origin, folder)
    console = console_of(second)
    console.until_number("flex_store_quarantined_segments_total + flex_store_corrupt_blocks_total", lambda n: n >= 1)
    assert list((folder / "quarantine").iterdir())
    assert console.data("status/runtimeinfo")["corruptionCount"] >= 1
    assert second.ask("/x").status == 200
    console.until_number(REQUESTS, 1)


def test_series_beyond_the_cap_are_refused_and_counted(gateway, origin):
    gate = start(gateway, origin, None, maxSeries=1000)
    console = console_of(gate)
    from support.promql import Series
    now = int(time.time()) * 1000
    for at in range(0, 2000, 500):
        try:
            console.write([Series({"__name__": "many", "i": str(i)}, [(now, 1.0)]) for i in range(at, at + 500)])
        except OSError as refused:
            assert refused.code == 400 and b"no room" in refused.read()
    console.until_number("flex_store_series_overflow_total", lambda n: n > 0)
    assert console.number("flex_store_series") <= 1000
    assert console.number("count(many)") < 2000
    assert gate.ask("/x").status == 200


def test_where_it_lives(gateway, origin, tmp_path):
    nowhere = start(gateway, origin, None)
    console = console_of(nowhere)
    assert console.number("flex_store_disk_limit_bytes") == 0
    assert console.data("status/flags")["storage.tsdb.path"] == ""
    by_argument = start(gateway, origin, None, arguments=[f"--state-dir={tmp_path}/state"])
    console_of(by_argument)
    assert (tmp_path / "state" / "store").is_dir()
    by_systemd = gateway([route("all", origin)], env={"STATE_DIRECTORY": f"{tmp_path}/systemd:{tmp_path}/other"})
    console_of(by_systemd)
    assert (tmp_path / "systemd" / "store").is_dir()
    # One directory, one gateway.
    other = start(gateway, origin, tmp_path / "state" / "store", wait=False)
    assert other.wait() == 2
    assert "store" in other.complaints()
    other.expected_exit, other.audited = 2, False


def test_settings_that_need_a_restart_say_so(gateway, origin):
    gate = start(gateway, origin, None)
    console_of(gate)
    gate.document["spec"]["telemetry"]["store"]["maxSeries"] = 5000
    gate.write_config()
    gate.signal(signal.SIGHUP)
    rejected, = gate.until_event("config_rejected")
    assert "spec.telemetry.store" in rejected["reason"] and "restart" in rejected["reason"]


def test_it_can_be_switched_off(gateway, origin):
    gate = gateway([route("all", origin)], telemetry={"store": {"enabled": False}}, spec={"console": {"enabled": False}})
    assert gate.ask("/x").status == 200
    assert b"flex_store_" not in fetch(gate.admin)[2]
