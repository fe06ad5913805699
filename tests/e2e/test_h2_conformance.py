"""RFC 9113 and RFC 7541, case by case, against the real binary: what a conforming server must refuse, and how; and
what it must bear. The cases follow the sections of the RFCs, as the suites for HTTP/2 servers do."""

import struct

import pytest

from conftest import gateways, origins
from support import behaviours as does
from support.gateway import route
from support.h2peer import H2Client
from support.h2raw import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PREFACE, PRIORITY,
                           PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, WITH_PRIORITY, Raw, block, data, frame, headers,
                           integer, ping, request, rst, settings, text, window)

OPEN = headers(1, request("/hold", "POST"), end=False)          # stream 1 is open
ENDED = headers(1, request("/hold"))                            # half-closed (remote), its answer is to come
GOOD = headers(1, request())
TRAILERS = ("x-trailer", "value")


def priority(stream, on, weight=15, exclusive=False):
    return frame(PRIORITY, 0, stream, struct.pack(">IB", on | (1 << 31 if exclusive else 0), weight))


def continued(stream, payload, *, end=True, kinds=(CONTINUATION,)):
    """A header block in two frames, with something between them if need be."""
    half = len(payload) // 2
    return headers(stream, payload[:half], end=end, whole=False) + \
        b"".join(frame(k, END_HEADERS, stream, payload[half:]) if k == CONTINUATION else k for k in kinds)


def without(name):
    fields = [(":method", "GET"), (":scheme", "http"), (":authority", "localhost"), (":path", "/")]
    return block(*(f for f in fields if f[0] != name))


PROTOCOL, FLOW, SIZE = "connection PROTOCOL_ERROR", "connection FLOW_CONTROL_ERROR", "connection FRAME_SIZE_ERROR"
COMPRESSION, CLOSED = "connection COMPRESSION_ERROR", "connection STREAM_CLOSED"
BAD = "stream PROTOCOL_ERROR"
POST = "/echo", "POST"

# (section, what, frames behind preface and SETTINGS, what becomes of stream 1)
CASES = [
    # ---- what must be borne
    ("5.1", "a request", GOOD, "200"),
    ("5.1", "WINDOW_UPDATE, PRIORITY and RST_STREAM on half-closed (remote)", ENDED + window(1, 10) + priority(1, 3) + rst(1) + headers(3, request()), "200@3"),
    ("5.1", "PRIORITY on a closed stream", GOOD + priority(1, 0) + headers(3, request()), "200@3"),
    ("6.1", "DATA, several", headers(1, request(*POST), end=False) + data(1, b"a") + data(1, b"b", end=True), "200"),
    ("6.1", "DATA with padding", headers(1, request(*POST), end=False) + frame(DATA, PADDED | END_STREAM, 1, b"\x03abc\0\0\0"), "200"),
    ("6.1", "DATA of 2^14 bytes", headers(1, request(*POST), end=False) + data(1, b"x" * 16384, end=True), "200"),
    ("6.2", "HEADERS with padding", frame(HEADERS, PADDED | END_STREAM | END_HEADERS, 1, b"\x05" + request() + b"\0" * 5), "200"),
    ("6.2", "HEADERS with priority", frame(HEADERS, WITH_PRIORITY | END_STREAM | END_HEADERS, 1, struct.pack(">IB", 0, 255) + request()), "200"),
    ("6.2", "HEADERS with padding and priority", frame(HEADERS, PADDED | WITH_PRIORITY | END_STREAM | END_HEADERS, 1, b"\x02" + struct.pack(">IB", 0, 255) + request() + b"\0\0"), "200"),
    ("6.3", "PRIORITY before the stream is opened", priority(1, 0, 255) + GOOD, "200"),
    ("6.3", "PRIORITY, exclusive", priority(1, 0, exclusive=True) + GOOD, "200"),
    ("6.3", "PRIORITY on a stream that comes later", priority(1, 7) + GOOD, "200"),
    ("6.5", "SETTINGS of everything", settings((1, 100), (2, 0), (3, 10), (4, 65536), (5, 16384), (6, 1000)) + GOOD, "200"),
    ("6.5.2", "SETTINGS that nobody knows", settings((0xFF, 1), (0x1234, 0xFFFFFFFF)) + GOOD, "200"),
    ("6.5.3", "SETTINGS_INITIAL_WINDOW_SIZE twice", settings((4, 100), (4, 1 << 20)) + GOOD, "200"),
    ("6.10", "CONTINUATION", continued(1, request()), "200"),
    ("6.10", "CONTINUATION, several", headers(1, request()[:3], whole=False) + frame(CONTINUATION, 0, 1, request()[3:9]) + frame(CONTINUATION, END_HEADERS, 1, request()[9:]), "200"),
    ("8.1", "trailers", headers(1, request(*POST), end=False) + data(1, b"a") + headers(1, block(TRAILERS)), "200"),
    ("8.1.1", "a length that fits", headers(1, request(*POST, ("content-length", "2")), end=False) + data(1, b"ab", end=True), "200"),
    ("8.2.2", "TE: trailers", headers(1, request("/", "GET", ("te", "trailers"))), "200"),
    ("8.2.3", "Cookie in crumbs", headers(1, request("/", "GET", ("cookie", "a=1"), ("cookie", "b=2"))), "200"),
    ("8.3.1", "Host in place of :authority", headers(1, without(":authority") + block(("host", "a"))), "200"),
    ("8.3.1", "OPTIONS *", headers(1, request("*", "OPTIONS")), "200"),
    ("4.1", "a frame of an unknown type", frame(0x42, 0xFF, 1, b"whatever") + frame(0x77, 0, 0) + GOOD, "200"),
    ("4.1", "undefined flags", frame(PING, 0xFE, 0, b"12345678") + frame(HEADERS, END_STREAM | END_HEADERS | 0xD2, 1, request()), "200"),
    ("4.1", "the reserved bit", frame(HEADERS, END_STREAM | END_HEADERS, 1 | 1 << 31, request()), "200"),
    ("7", "GOAWAY with an unknown code", frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0xFF)) + GOOD, "200"),
    ("7", "RST_STREAM with an unknown code", OPEN + rst(1, 0xFFFF) + headers(3, request()), "200@3"),
    ("9.1.1", "PRIORITY_UPDATE (RFC 9218)", frame(0x10, 0, 0, struct.pack(">I", 1) + b"u=2") + GOOD, "200"),
    # ---- frames
    ("3.4", "another preface", None, "connection"),
    ("4.2", "a frame larger than announced", headers(1, request(*POST), end=False) + data(1, b"x" * 16385, end=True), SIZE),
    ("4.2", "HEADERS larger than announced", headers(1, request() + block(("x", "y" * 17000))), SIZE),
    ("4.3", "a block that cannot be decoded", headers(1, request() + b"\x40\x01"), COMPRESSION),
    ("4.3", "PRIORITY within a block", continued(1, request(), kinds=(priority(1, 0), CONTINUATION)), PROTOCOL),
    ("4.3", "another stream's HEADERS within a block", headers(1, request()[:5], whole=False) + headers(3, request()), PROTOCOL),
    ("5.5", "an unknown frame within a block", continued(1, request(), kinds=(frame(0x42, 0, 0, b"x"), CONTINUATION)), PROTOCOL),
    # ---- states of streams
    ("5.1", "DATA on idle", data(1, b"x", end=True), PROTOCOL),
    ("5.1", "RST_STREAM on idle", rst(1), PROTOCOL),
    ("5.1", "WINDOW_UPDATE on idle", window(1, 100), PROTOCOL),
    ("5.1", "CONTINUATION on idle", frame(CONTINUATION, END_HEADERS, 1, request()), PROTOCOL),
    ("5.1", "DATA on half-closed (remote)", ENDED + data(1, b"x", end=True), CLOSED),
    ("5.1", "HEADERS on half-closed (remote)", ENDED + headers(1, request()), CLOSED),
    ("5.1", "CONTINUATION on half-closed (remote)", ENDED + frame(CONTINUATION, END_HEADERS, 1, request()), PROTOCOL),
    ("5.1", "DATA behind RST_STREAM", OPEN + rst(1) + data(1, b"x"), "stream STREAM_CLOSED"),
    ("5.1", "HEADERS behind RST_STREAM", OPEN + rst(1) + headers(1, request()), "stream STREAM_CLOSED"),
    ("5.1", "CONTINUATION behind RST_STREAM", OPEN + rst(1) + frame(CONTINUATION, END_HEADERS, 1, request()), PROTOCOL),
    ("5.1.1", "a stream of an even number", headers(2, request()), PROTOCOL),
    ("5.1.1", "a stream of a smaller number", headers(5, request("/hold")) + headers(3, request()), PROTOCOL),
    ("5.3.1", "a stream that depends on itself", frame(HEADERS, WITH_PRIORITY | END_STREAM | END_HEADERS, 1, struct.pack(">IB", 1, 0) + request()), (BAD, PROTOCOL)),
    ("5.4.1", "the connection is closed behind GOAWAY", ping(b"short"), SIZE),
    # ---- each frame
    ("6.1", "DATA on stream 0", data(0, b"x"), PROTOCOL),
    ("6.1", "DATA with too much padding", headers(1, request(*POST), end=False) + frame(DATA, PADDED, 1, b"\x05abc"), PROTOCOL),
    ("6.2", "HEADERS on stream 0", headers(0, request()), PROTOCOL),
    ("6.2", "HEADERS with too much padding", frame(HEADERS, PADDED | END_HEADERS | END_STREAM, 1, b"\xff" + request()), PROTOCOL),
    ("6.3", "PRIORITY on stream 0", priority(0, 1), PROTOCOL),
    ("6.3", "PRIORITY of another length", frame(PRIORITY, 0, 1, b"abcd"), SIZE),
    ("6.4", "RST_STREAM on stream 0", rst(0), PROTOCOL),
    ("6.4", "RST_STREAM of another length", OPEN + frame(RST_STREAM, 0, 1, b"abc"), SIZE),
    ("6.5", "SETTINGS ACK with payload", frame(SETTINGS, ACK, 0, b"\0\0\0\0\0\0"), SIZE),
    ("6.5", "SETTINGS on a stream", frame(SETTINGS, 0, 1, struct.pack(">HI", 3, 1)), PROTOCOL),
    ("6.5", "SETTINGS of another length", frame(SETTINGS, 0, 0, b"\0\3\0"), SIZE),
    ("6.5.2", "SETTINGS_ENABLE_PUSH of 2", settings((2, 2)), PROTOCOL),
    ("6.5.2", "SETTINGS_INITIAL_WINDOW_SIZE beyond 2^31-1", settings((4, 1 << 31)), FLOW),
    ("6.5.2", "SETTINGS_MAX_FRAME_SIZE below 2^14", settings((5, 16383)), PROTOCOL),
    ("6.5.2", "SETTINGS_MAX_FRAME_SIZE beyond 2^24-1", settings((5, 1 << 24)), PROTOCOL),
    ("6.6", "PUSH_PROMISE by a client", OPEN + frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + request()), PROTOCOL),
    ("6.7", "PING on a stream", frame(PING, 0, 1, b"12345678"), PROTOCOL),
    ("6.7", "PING of another length", frame(PING, 0, 0, b"1234567"), SIZE),
    ("6.8", "GOAWAY on a stream", frame(GOAWAY, 0, 1, b"\0" * 8), PROTOCOL),
    ("6.9", "WINDOW_UPDATE of 0 for the connection", window(0, 0), PROTOCOL),
    ("6.9", "WINDOW_UPDATE of 0 for a stream", OPEN + window(1, 0), ("stream PROTOCOL_ERROR", PROTOCOL)),
    ("6.9", "WINDOW_UPDATE of another length", frame(WINDOW_UPDATE, 0, 0, b"abc"), SIZE),
    ("6.9.1", "a connection's window beyond 2^31-1", window(0, (1 << 31) - 1) * 2, FLOW),
    ("6.9.1", "a stream's window beyond 2^31-1", OPEN + window(1, (1 << 31) - 1) * 2, "stream FLOW_CONTROL_ERROR"),
    ("6.10", "CONTINUATION behind END_HEADERS", headers(1, request(*POST), end=False) + frame(CONTINUATION, END_HEADERS, 1, block(("a", "b"))), PROTOCOL),
    ("6.10", "CONTINUATION on stream 0", headers(1, request()[:5], whole=False) + frame(CONTINUATION, END_HEADERS, 0, request()[5:]), PROTOCOL),
    ("6.10", "CONTINUATION behind DATA", headers(1, request(*POST), end=False) + data(1, b"x") + frame(CONTINUATION, END_HEADERS, 1, block(("a", "b"))), PROTOCOL),
    # ---- messages
    ("8.1", "HEADERS in the middle that end nothing", headers(1, request(*POST), end=False) + headers(1, block(TRAILERS), end=False), BAD),
    ("8.1", "pseudo-header field in trailers", headers(1, request(*POST), end=False) + headers(1, block((":method", "GET"))), BAD),
    ("8.1.1", "more than content-length", headers(1, request(*POST, ("content-length", "1")), end=False) + data(1, b"ab", end=True), BAD),
    ("8.1.1", "more than content-length in all", headers(1, request(*POST, ("content-length", "3")), end=False) + data(1, b"ab") + data(1, b"cd", end=True), BAD),
    ("8.1.1", "less than content-length", headers(1, request(*POST, ("content-length", "3")), end=False) + data(1, b"ab", end=True), BAD),
    ("8.1.1", "content-length without a body", headers(1, request(*POST, ("content-length", "3"))), BAD),
    ("8.1.1", "two content-lengths", headers(1, request(*POST, ("content-length", "1"), ("content-length", "2")), end=False) + data(1, b"a", end=True), BAD),
    ("8.1.1", "a content-length that is none", headers(1, request(*POST, ("content-length", "+1")), end=False) + data(1, b"a", end=True), BAD),
]
for name in (b"X-Upper", b"x y", b"x:y", b"", b"x\0y", b"x\x7f", b"x\xe4"):
    CASES.append(("8.2.1", f"a field named {name}", headers(1, request() + block((name, "1"))), BAD))
for value in (b"a\0b", b"a\nb", b"a\rb", b" a", b"a ", b"\ta"):
    CASES.append(("8.2.1", f"a value {value}", headers(1, request() + block(("x", value))), BAD))
for field in (("connection", "close"), ("keep-alive", "1"), ("proxy-connection", "close"), ("transfer-encoding", "chunked"),
              ("upgrade", "websocket"), ("te", "gzip"), ("te", "trailers, gzip")):
    CASES.append(("8.2.2", f"{field[0]}: {field[1]}", headers(1, request("/", "GET", field)), BAD))
for name in (":method", ":scheme", ":path"):
    CASES.append(("8.3.1", f"no {name}", headers(1, without(name)), BAD))
    value = {":method": "GET", ":scheme": "http", ":path": "/"}[name]
    CASES.append(("8.3.1", f"{name} twice", headers(1, block((name, value)) + request()), BAD))
CASES += [
    ("8.3", "an unknown pseudo-header field", headers(1, block((":test", "x")) + request()), BAD),
    ("8.3", "a response's pseudo-header field", headers(1, block((":status", "200")) + request()), BAD),
    ("8.3", "a pseudo-header field behind a field", headers(1, without(":path") + block(("x", "y"), (":path", "/"))), BAD),
    ("8.3.1", "an empty :path", headers(1, request("")), BAD),
    ("8.3.1", "a :path that is none", headers(1, request("no-slash")), BAD),
    ("8.3.1", "an absolute :path", headers(1, request("http://b/")), BAD),
    ("8.3.1", "a :path with a space", headers(1, request("/a b")), BAD),
    ("8.3.1", "a :path with a line end", headers(1, request("/a\r\nx: y")), BAD),
    ("8.3.1", "an empty :method", headers(1, request("/", "")), BAD),
    ("8.3.1", "a :method with a space", headers(1, request("/", "GE T")), BAD),
    ("8.3.1", "another host than :authority", headers(1, request("/", "GET", ("host", "other"))), BAD),
    ("8.3.1", "userinfo in :authority", headers(1, request("/", authority="user@a")), BAD),
    ("8.5", "CONNECT with :path", headers(1, request("/", "CONNECT")), BAD),
    ("8441 4", ":protocol without CONNECT", headers(1, block((":protocol", "websocket")) + request()), BAD),
    # ---- RFC 7541
    ("7541 2.3.3", "an index beyond the tables", headers(1, request() + integer(200, 7, 0x80)), COMPRESSION),
    ("7541 4.2", "a size update at the end of a block", headers(1, request() + b"\x20"), COMPRESSION),
    ("7541 5.2", "Huffman padding of more than 7 bits", headers(1, request() + b"\0" + text("x") + b"\x84\xff\xff\xff\xff"), COMPRESSION),
    ("7541 5.2", "Huffman padding of zeros", headers(1, request() + b"\0" + text("x") + b"\x81\x18"), COMPRESSION),
    ("7541 6.1", "index 0", headers(1, request() + b"\x80"), COMPRESSION),
    ("7541 6.3", "a table larger than announced", headers(1, integer(1 << 20, 5, 0x20) + request()), COMPRESSION),
    ("7541 6", "every kind of field", headers(1, b"\x82\x86\x84" + b"\x41" + text("localhost") + b"\x40" + text("x-a") + text("1") + b"\x10" + text("x-b") + text("2") + b"\x0f\x2b" + text("agent")), "200"),
]


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    with origins() as new_origin, gateways(tmp_path_factory.mktemp("h2")) as start:
        origin = new_origin()
        origin.on("/hold", does.hang()).on("/echo", does.echo_body)
        gate = start([route("a", origin)], workers=1, drain_ms=300)
        gate.audited = False       # some requests are still under way when their connection has been given up
        yield gate


@pytest.fixture(scope="module")
def bystander(gate):
    """Another client of the same worker: nothing of this is any of its business."""
    with H2Client(gate.port) as peer:
        yield peer


@pytest.mark.parametrize("case", CASES, ids=[f"{section} {what}" for section, what, _, _ in CASES])
def test_case(gate, bystander, case):
    _, _, frames, expected = case
    with Raw(gate.port, preface=PREFACE if frames is not None else None) as raw:
        raw.send(frames if frames is not None else b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + settings())
        if expected == "connection":
            assert raw.outcome() in (PROTOCOL, "closed")
            return
        expected = (expected,) if isinstance(expected, str) else expected
        stream = int(expected[0].partition("@")[2] or 1)
        assert raw.outcome(stream) in {e.partition("@")[0] for e in expected}
        if not any(e.startswith("connection") for e in expected) and "GOAWAY" not in case[1]:
            assert raw.alive()
            assert raw.ask(stream + 100) == "200"
    assert bystander.ask("/").status == 200


def test_ping_and_settings_are_answered(gate):
    with Raw(gate.port) as raw:
        assert raw.until(SETTINGS) and raw.until(SETTINGS, flags=ACK)
        raw.send(ping(b"abcdefgh"), ping(b"ignored!", ACK), settings((3, 5)), ping(b"the last"))
        assert raw.until(PING)[1:] == (ACK, 0, b"abcdefgh")
        assert raw.until(PING)[3] == b"the last"          # an answer is not answered
        assert sum(kind == SETTINGS and flags & ACK for kind, flags, _, _ in raw.seen) == 2


def test_windows_are_respected(gate):
    """RFC 9113 §6.9: no byte more than allowed, also when the window is made smaller under way."""
    with Raw(gate.port, entries=[(4, 1)]) as raw:
        raw.send(headers(1, request("/echo", "POST"), end=False), data(1, b"abcdef", end=True))
        assert raw.until(DATA, stream=1)[3] == b"a"
        assert raw.alive()
        raw.send(settings((4, 3)))                        # two more
        assert raw.until(DATA, stream=1)[3] == b"bc"
        raw.send(settings((4, 0)), window(1, 3))          # now it is -3: still nothing
        assert raw.alive()
        assert raw.seen[-1][0] == PING
        raw.send(window(1, 3))
        rest = b""
        while len(rest) < 3:
            rest += raw.until(DATA, stream=1)[3]
        assert rest == b"def"


def test_more_streams_than_announced(gate):
    with Raw(gate.port) as raw:
        raw.send(b"".join(headers(1 + 2 * n, request("/hold")) for n in range(105)))
        refused = [raw.until(RST_STREAM) for _ in range(5)]
        assert {int.from_bytes(got[3], "big") for got in refused} <= {7, 1}      # REFUSED_STREAM: try again later
        assert sorted(got[2] for got in refused) == [201 + 2 * n for n in range(5)]
        assert raw.alive()
