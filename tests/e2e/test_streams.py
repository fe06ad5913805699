"""Long streams: interim records while they live, exactly one final one, their lifetime apart from their latency.
And the way from HTTP/1.1 to HTTP/2 on a plain connection."""

import base64
import struct
import threading

import h2.events
import pytest

from support import behaviours as does
from support import websocket as ws
from support.gateway import route
from support.h2peer import H2Client, H2Server
from support.http1 import read_head
from support.wait import until

OFTEN = {"interimRecordMs": 150}
EVENTS = [b"data: %d\n\n" % n for n in range(8)]


class Opening:
    """An origin that goes on when told: a response of chunks, then its end."""

    def __init__(self, content_type=b"text/event-stream"):
        self.content_type, self.go_on, self.finish = content_type, threading.Semaphore(0), False

    def __call__(self, ex):
        ex.read_body()
        ex.send(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % self.content_type)
        while not self.finish and not ex.origin.stopping.is_set():
            ex.send(b"5\r\nevent\r\n")
            self.go_on.acquire(timeout=20)
        ex.send(b"0\r\n\r\n")

    def end(self):
        self.finish = True
        self.go_on.release()


def check_interim(gate, kind, count=2, **final):
    """`count` interim lines and more, then one final line; the metrics know one exchange."""
    lines = gate.interim()
    assert len(lines) >= count
    for line in lines:
        assert line["response.ending"] is None and line["response.origin"] is None and line["interim"] is True
        assert line["response.status"] == final.get("response.status", 200) and line["upstream.name"]
    for key in ("response.bytes", "request.bytes", "response.duration_ms"):
        values = [line[key] for line in lines]
        assert values == sorted(values), f"{key} goes back: {values}"
    last, = gate.access()
    assert {key: last[key] for key in final} == final
    assert {line["request.id"] for line in lines} == {last["request.id"]}
    metrics = gate.metrics()
    assert metrics.sum("flex_requests_total") == metrics.sum("flex_exchanges_total") == 1
    if kind:
        assert metrics.sum("flex_stream_lifetime_seconds_count", kind=kind) == 1
        lifetime = metrics.sum("flex_stream_lifetime_seconds_sum", kind=kind)
        assert lifetime >= 0.3 > metrics.sum("flex_request_duration_ms_sum") / 1000, "the lifetime is in the latency"
    else:
        assert metrics.sum("flex_stream_lifetime_seconds_count") == 0
        assert metrics.sum("flex_request_duration_ms_sum") / 1000 >= 0.3


@pytest.mark.parametrize("client", ["h1", "h2"])
def test_server_sent_events(gateway, origin, client):
    events = Opening()
    origin.on("/events", events)
    gate = gateway([route("a", origin)], telemetry=OFTEN)
    if client == "h1":
        with gate.client() as peer:
            peer.send(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            assert read_head(peer.reader).status == 200
            assert peer.reader.exactly(10) == b"5\r\nevent\r\n"         # at once, not when there is more
            until(lambda: len(gate.interim()) >= 2, "two interim lines")
            events.end()
            assert peer.reader.exactly(5) == b"0\r\n\r\n"
    else:
        with H2Client(gate.port) as peer:
            id = peer.request("/events")
            peer.until(lambda: peer.streams[id].data == b"event")
            until(lambda: len(gate.interim()) >= 2, "two interim lines")
            events.end()
            assert peer.whole(id).reset is None
    gate.until_access(1)
    check_interim(gate, "sse", **{"response.ending": "completed", "response.status": 200})


@pytest.mark.parametrize("client, kind", [("h1", None), ("h2", "h2stream")])
def test_a_response_without_end_is_a_stream_on_h2(gateway, origin, client, kind):
    """On HTTP/1.1 it is a slow response: its latency is all of it. Either way it is told of meanwhile."""
    opening = Opening(b"application/octet-stream")
    origin.on("/feed", opening)
    gate = gateway([route("a", origin)], telemetry=OFTEN)
    if client == "h1":
        with gate.client() as peer:
            peer.send(b"GET /feed HTTP/1.1\r\nHost: a\r\n\r\n")
            until(lambda: len(gate.interim()) >= 2, "two interim lines")
            opening.end()
            assert peer.response().body == b"event"
    else:
        with H2Client(gate.port) as peer:
            id = peer.request("/feed")
            until(lambda: len(gate.interim()) >= 2, "two interim lines")
            opening.end()
            assert peer.whole(id).data == b"event"
    gate.until_access(1)
    check_interim(gate, kind, **{"response.ending": "completed"})


def test_a_websocket(gateway, origin):
    origin.on("/ws", does.upgrade_echo())
    gate = gateway([route("a", origin)], telemetry=OFTEN)
    with gate.client() as peer:
        peer.send(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                  b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        assert read_head(peer.reader).status == 101
        frame = ws.encode(ws.TEXT, b"hello", mask=True)
        peer.send(frame)
        assert peer.reader.exactly(len(frame)) == frame
        until(lambda: len(gate.interim()) >= 2, "two interim lines")
    gate.until_access(1)
    check_interim(gate, "websocket", **{"response.ending": "upgraded", "response.status": 101, "response.bytes": 11})
    assert gate.interim()[0]["response.bytes"] == 11


def test_grpc(gateway):
    go_on = threading.Event()

    def handler(connection, id, event):
        if isinstance(event, h2.events.RequestReceived):
            connection.respond(id, 200, [("content-type", "application/grpc")])

            def rest():
                go_on.wait(20)
                with connection.lock:
                    connection.connection.send_headers(id, [("grpc-status", "0")], end_stream=True)
                    connection.flush()
            threading.Thread(target=rest, daemon=True).start()
    server = H2Server(handler)
    try:
        gate = gateway([route("a", {"url": f"http://127.0.0.1:{server.port}", "protocol": "http2"})], telemetry=OFTEN)
        with H2Client(gate.port) as peer:
            id = peer.request("/t.T/Watch", "POST", [("content-type", "application/grpc"), ("te", "trailers")], b"\0\0\0\0\0")
            until(lambda: len(gate.interim()) >= 8, "interim lines for longer than a second")
            go_on.set()
            assert dict(peer.whole(id).trailers) == {"grpc-status": "0"}
        gate.until_access(1)
        check_interim(gate, "grpc", 8, **{"response.ending": "completed"})
    finally:
        server.stop()


def test_none_when_switched_off_and_none_of_what_is_short(gateway, origin):
    origin.on("/events", does.chunks(*EVENTS, headers=[("Content-Type", "text/event-stream; charset=utf-8")], pause=0.02))
    gate = gateway([route("a", origin)], telemetry={"interimRecordMs": 0})
    assert gate.ask("/events").body == b"".join(EVENTS)
    brief = gateway([route("a", origin)])
    assert brief.ask("/events").body == b"".join(EVENTS)
    for gate in (gate, brief):
        gate.until_access(1)
        assert gate.interim() == []
        assert gate.metrics().sum("flex_stream_lifetime_seconds_count", kind="sse") == 1


def test_a_reload_and_a_drain_leave_it_its_time(gateway, origin):
    events = Opening()
    origin.on("/events", events)
    gate = gateway([route("a", origin)], telemetry=OFTEN)
    gate.audited = False        # it ends while the gateway drains
    with H2Client(gate.port) as peer:
        id = peer.request("/events")
        peer.head(id)
        gate.spec["routes"] = [route("b", origin, "/other/*")]
        gate.reload()
        events.go_on.release()
        peer.until(lambda: peer.streams[id].data == b"eventevent")
        gate.signal(15)
        gate.until_event("gateway_draining")
        peer.until(lambda: peer.goaway is not None)
        events.end()
        assert peer.whole(id).reset is None
        while peer.pump():
            pass
    assert gate.wait() == 0
    final, = gate.access()
    assert final["response.ending"] == "completed" and final["route.id"] == "a"


# ---- Upgrade: h2c -------------------------------------------------------------------------------

def settings(*entries, cut=0):
    payload = b"".join(struct.pack(">HI", *entry) for entry in entries)
    return base64.urlsafe_b64encode(payload[:len(payload) - cut]).rstrip(b"=")


def upgrade(value, more=b""):
    return (b"GET /up HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            b"HTTP2-Settings: %b\r\n%b\r\n" % (value, more))


@pytest.mark.parametrize("value", [settings((3, 100)), settings((4, 1 << 20), (5, 1 << 14)), b"", settings((0x99, 7))])
def test_h2c_by_upgrade(gateway, origin, value):
    gate = gateway([route("a", origin)])
    with gate.client() as peer:
        peer.send(upgrade(value))
        head = read_head(peer.reader)
        assert (head.status, head.headers.get("upgrade")) == (101, "h2c")
        frame = peer.reader.exactly(9)
        assert frame[3] == 4, "SETTINGS come first"
    assert origin.last("/up").headers.get("http2-settings") is None


@pytest.mark.parametrize("value, more", [
    (settings((3, 100), cut=1), b""),               # no whole entries
    (b"AAMAAABk!", b""),                            # not base64url
    (b"AAMAAABkA", b""),                            # of a length that no encoder writes
    (settings((2, 2)), b""),                        # ENABLE_PUSH is 0 or 1
    (settings((4, 1 << 31)), b""),                  # a window beyond 2^31-1
    (settings((5, 100)), b""),                      # a frame size below 2^14
    (settings((3, 100)), b"HTTP2-Settings: AAMAAABk\r\n"),   # twice
])
def test_a_bad_upgrade_is_no_upgrade(gateway, origin, value, more):
    """RFC 7540 §3.2.1: the server must not upgrade. The request is answered in HTTP/1.1, and the connection goes on."""
    gate = gateway([route("a", origin)])
    with gate.client() as peer:
        for _ in range(2):
            peer.send(upgrade(value, more))
            assert peer.response().status == 200
    assert {line["request.protocol"] for line in gate.until_access(2)} == {"HTTP/1.1"}
