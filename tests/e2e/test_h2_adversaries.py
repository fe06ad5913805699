"""HTTP/2 clients that mean ill or behave badly, frame by frame: each is told so, each has an ending of its own, and the
others of the same worker do not notice. And how HTTP/2 ends in order."""

import signal
import socket
import statistics
import struct
import threading
import time

import pytest

from conftest import gateways, origins
from support import behaviours as does
from support.gateway import SLOW, route
from support.h2peer import H2Client
from support.h2raw import (ACK, CONTINUATION, DATA, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, Raw,
                           block, data, frame, headers, integer, ping, request, rst, settings, text, window)
from support.wait import until

CALM = "connection ENHANCE_YOUR_CALM"


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    with origins() as new_origin, gateways(tmp_path_factory.mktemp("h2")) as start:
        origin = new_origin()
        origin.on("/hold", does.hang()).on("/echo", does.echo_body).on("/big", does.send(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000))
        gate = start([route("a", origin)], workers=1, drain_ms=300, limits={"headerBytes": 8192})
        gate.origin = origin
        yield gate


@pytest.fixture(scope="module")
def bystander(gate):
    with H2Client(gate.port) as peer:
        yield peer


def flood(gate, bystander, frames, rounds=400, *, before=b"", slow_reader=False):
    """What becomes of a connection that sends these again and again. Another client asks meanwhile."""
    waits = []
    with Raw(gate.port, receive_buffer=4096 if slow_reader else None) as raw:
        raw.send(before)
        sender = threading.Thread(target=lambda: all(raw.send(frames(n) if callable(frames) else frames) for n in range(rounds)), daemon=True)
        sender.start()
        while sender.is_alive():
            began = time.monotonic()
            assert bystander.ask("/").status == 200
            waits.append(time.monotonic() - began)
        sender.join()
        outcome = raw.outcome(999_999)
    assert max(waits, default=0) < 2 * SLOW, f"another client waited {max(waits):.2f} s"
    assert bystander.ask("/").status == 200
    return outcome


def stream_id(n):
    return 1 + 2 * n


FLOODS = {
    "h2_rapid_reset": lambda n: headers(stream_id(n), request("/hold")) + rst(stream_id(n)),
    "h2_settings_flood": settings((3, 100)),
    "h2_ping_flood": ping() * 20,
    "h2_priority_flood": frame(2, 0, 1, struct.pack(">IB", 0, 1)) * 10,
    "h2_window_update_flood": window(0, 1) * 10,
    "h2_empty_frame_flood": data(1),
    "h2_overhead_flood": frame(0x77, 0, 0, b"x" * 16000) * 10,
}
BEFORE = {"h2_empty_frame_flood": headers(1, request("/hold", "POST"), end=False)}


@pytest.mark.parametrize("ending", FLOODS)
def test_flood(gate, bystander, ending):
    before = gate.metrics().sum("flex_connection_endings_total", ending=ending)
    outcome = flood(gate, bystander, FLOODS[ending], 2000, before=BEFORE.get(ending, b""))
    assert outcome in (CALM, "closed"), outcome          # our GOAWAY may be lost when it still sends
    gate.until_metric("flex_connection_endings_total", before + 1, ending=ending)


def test_resets_that_the_client_brings_about(gate, bystander):
    """CVE-2025-8671: the client makes the server reset, which must not cost it less."""
    def frames(n):
        return headers(stream_id(n), request("/hold", "POST"), end=False) + window(stream_id(n), 0x7FFFFFFF) * 2
    def given_up():
        return sum(gate.metrics().sum("flex_connection_endings_total", ending=e) for e in
                   ("h2_rapid_reset", "h2_stream_limit", "h2_window_update_flood"))
    before = given_up()
    assert flood(gate, bystander, frames, 1000) in (CALM, "closed")
    until(lambda: given_up() == before + 1, "it is given up")      # for which of them depends on whether our resets are out yet


def test_a_reset_ends_what_it_began(gate):
    """The upstream is not left working for nobody, and the record says whose doing it was."""
    before = gate.ending_count("client_abort")
    with Raw(gate.port) as raw:
        raw.send(headers(1, request("/hold")))
        until(lambda: gate.origin.open_connections and gate.metrics().sum("flex_exchanges_active"), "the request is under way")
        raw.send(rst(1))
        gate.until_metric("flex_exchanges_total", before + 1, ending="client_abort")
        raw.send(headers(3, request("/hold")))
    gate.until_metric("flex_exchanges_total", before + 2, ending="client_abort")     # and so when it closes
    until(lambda: gate.metrics().sum("flex_exchanges_active") == 0, "nothing is under way")


def test_continuation_flood(gate, bystander):
    """CVE-2024-28182: a header block without end."""
    more = frame(CONTINUATION, 0, 1, block(("x", "y" * 50)))
    outcome = flood(gate, bystander, more, 1000, before=headers(1, request(), whole=False))
    assert outcome in (CALM, "closed")
    gate.until_metric("flex_connection_endings_total", 1, ending="h2_continuation_flood")


def test_hpack_bomb(gate, bystander):
    """A field of 4,000 bytes in the table, and then a byte for each time it is meant."""
    entry = b"\x40" + text("x") + text("y" * 3900)
    with Raw(gate.port) as raw:
        raw.send(headers(1, request() + entry + integer(62, 7, 0x80) * 8000))
        assert raw.outcome() in (CALM, "closed")
    gate.until_metric("flex_connection_endings_total", 1, ending="h2_header_bomb")
    assert bystander.ask("/").status == 200


def test_a_header_list_that_is_too_large(gate):
    """Its stream is answered with 431; the connection goes on."""
    with Raw(gate.port) as raw:
        raw.send(headers(1, request() + block(*((f"x-{n}", "y" * 1000) for n in range(12)))))
        assert raw.outcome() == "431"
        raw.send(headers(3, request() + block(*((f"x-{n}", "y") for n in range(200)))))
        assert raw.outcome(3) == "431"
        raw.send(headers(5, request("/" + "x" * 9000)))
        assert raw.outcome(5) in ("414", "431")
        assert raw.ask(7) == "200"


def test_asking_without_reading(gate, bystander):
    """CVE-2019-9517 and its like: answers pile up. What waits is bounded, and in the end the connection is given up."""
    outcome = flood(gate, bystander, lambda n: headers(stream_id(n), request("/missing" * 20)) + ping(), 3000, slow_reader=True)
    assert outcome in (CALM, "closed")
    assert gate.rss_bytes() < 400 << 20


def test_a_window_that_stays_shut(gateway, origin):
    """CVE-2019-9511: it asks for much and takes nothing. The origin is held back, and after a time the stream is given up."""
    endless = does.endless()
    origin.on("/endless", endless)
    gate = gateway([route("a", origin)], listeners=None, timeouts={"writeMs": 600})
    with Raw(gate.port, entries=[(4, 0)]) as raw:
        raw.send(headers(1, request("/endless")), headers(3, request("/endless")))
        assert raw.until(RST_STREAM)[2] in (1, 3)
        assert raw.until(RST_STREAM)[2] in (1, 3)
        assert not any(kind == DATA for kind, *_ in raw.seen)
        raw.send(settings((4, 65535)))
        assert raw.ask(5, "/") == "200"
    assert endless.sent < 20_000_000          # the sockets' buffers, and no more
    lines = gate.until_access(2, response__ending="client_write_timeout")
    assert {line["response.bytes"] for line in lines} == {0}


def test_a_stream_nobody_reads_holds_up_no_other(gate):
    with Raw(gate.port, entries=[(4, 1000)]) as raw:
        raw.send(headers(1, request("/big")))
        assert raw.until(DATA, stream=1)
        for n in range(20):
            assert raw.ask(3 + 2 * n) == "200"
        raw.send(rst(1))
        assert raw.alive()


def test_more_than_the_window_allows(gate):
    with Raw(gate.port) as raw:
        raw.until(SETTINGS)
        raw.send(headers(1, request("/hold", "POST"), end=False), *(data(1, b"x" * 16384) for _ in range(20)))
        assert raw.outcome() in ("stream FLOW_CONTROL_ERROR", "connection FLOW_CONTROL_ERROR", "stream ENHANCE_YOUR_CALM")


def test_a_header_block_that_does_not_end_and_settings_that_are_not_acknowledged(gate, bystander):
    """They wait at most ten seconds; meanwhile they cost a connection and no more."""
    with Raw(gate.port) as raw, socket.create_connection(("127.0.0.1", gate.port)) as silent:
        raw.send(headers(1, request(), whole=False))
        silent.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings())
        assert bystander.ask("/").status == 200
        if SLOW == 1:
            silent.settimeout(15)
            said = b""
            while part := silent.recv(1000):
                said += part
            assert struct.pack(">I", 4) in said          # SETTINGS_TIMEOUT
            assert raw.outcome() in (CALM, "connection SETTINGS_TIMEOUT", "closed")
            gate.until_metric("flex_connection_endings_total", 2, ending="h2_timeout")


# ---- trailers, and the end in order -------------------------------------------------------------

def test_trailers_both_ways(gateway, origin):
    origin.on("/t", does.chunks(b"body", trailers=[("X-Checksum", "1234"), ("Content-Length", "7")]))
    gate = gateway([route("a", origin)])
    with H2Client(gate.port) as peer:
        id = peer.request("/t", "POST", end=False)
        peer.send(id, b"abc")
        peer.connection.send_headers(id, [("x-sum", "9"), ("host", "evil")], end_stream=True)
        peer.flush()
        stream = peer.whole(id)
        assert stream.data == b"body" and stream.trailers == [("x-checksum", "1234")]
    seen = origin.last("/t")
    assert seen.body == b"abc" and list(seen.trailers) == [("x-sum", "9")]


@pytest.mark.parametrize("why", ["SIGTERM", "the listener goes"])
def test_a_drain_loses_no_request(gateway, origin, why):
    """GOAWAY in two steps: what is on its way meanwhile is answered, what comes later is told that it may try elsewhere."""
    origin.on("/slow", does.delay(0.3))
    gate = gateway([route("a", origin)])
    gate.audited = why != "SIGTERM"
    with Raw(gate.port) as raw:
        raw.send(headers(1, request("/slow")))
        raw.until(SETTINGS, flags=ACK)
        if why == "SIGTERM":
            gate.signal(signal.SIGTERM)
        else:
            gate.spec["listeners"][0]["address"] = f"http://127.0.0.1:{gate.admin + 1}"
            gate.spec["listeners"][0]["name"] = "elsewhere"
            gate.write_config()
            gate.signal(signal.SIGHUP)
        last, code = struct.unpack(">II", raw.until(GOAWAY)[3][:8])
        assert (last, code) == (0x7FFFFFFF, 0)
        raw.send(headers(3, request("/slow")))              # had not seen it yet
        ping_ = raw.until(PING)
        raw.send(ping(ping_[3], ACK))
        last, code = struct.unpack(">II", raw.until(GOAWAY)[3][:8])
        assert (last, code) == (3, 0)
        done = set()
        while len(done) < 2 and (got := raw.next()):
            if got[0] in (DATA, HEADERS) and got[1] & 1:
                done.add(got[2])
        assert done == {1, 3} and raw.status == {1: 200, 3: 200}
        assert raw.next() is None
    if why == "SIGTERM":
        assert gate.wait() == 0
    assert len(gate.until_access(2, response__status=200)) == 2


def test_a_reload_ends_nothing(gateway, origin):
    origin.on("/slow", does.delay(0.3))
    gate = gateway([route("a", origin)])
    with Raw(gate.port) as raw:
        raw.send(headers(1, request("/slow")))
        raw.until(SETTINGS, flags=ACK)
        gate.spec["routes"].append(route("b", origin, "/b"))
        gate.reload()
        assert raw.outcome(1) == "200"
        assert raw.ask(3, "/b") == "200"
        assert not any(kind == GOAWAY for kind, *_ in raw.seen)
    assert {line["route.id"] for line in gate.until_access(2)} == {"a", "b"}


# ---- fairness -----------------------------------------------------------------------------------

def test_a_thousand_streams_over_ten_connections(gateway, origin, capsys):
    """All at once, 32 KB each: nobody's last byte comes much later than another's."""
    origin.on("/x", does.send(b"HTTP/1.1 200 OK\r\nContent-Length: 32768\r\n\r\n" + b"x" * 32768))
    gate = gateway([route("a", {"url": origin.url, "maxConnections": 1000})], workers=1)
    ended = []

    def client():
        with H2Client(gate.port) as peer:
            began = time.monotonic()
            ids = [peer.request("/x") for _ in range(100)]
            while waiting := [id for id in ids if not peer.streams[id].ended]:
                assert peer.pump(30)
                now = time.monotonic() - began
                ended.extend(now for id in waiting if peer.streams[id].ended)
            assert all(len(peer.streams[id].data) == 32768 for id in ids)
    threads = [threading.Thread(target=client) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 * SLOW)
    assert len(ended) == 1000
    ended.sort()
    with capsys.disabled():
        print(f"\n1,000 streams over 10 connections: median {ended[500]:.2f} s, 99th {ended[990]:.2f} s, last {ended[-1]:.2f} s, "
              f"Jain's index {sum(ended) ** 2 / (1000 * sum(t * t for t in ended)):.2f}")
    assert ended[-1] < 4 * statistics.median(ended) + 1
