"""WebSocket over every pair of protocols: HTTP/1.1's Upgrade and HTTP/2's extended CONNECT (RFC 8441), plain and
over TLS, with real peers: python3-websockets and python3-h2."""

import asyncio
import socket
import ssl
import struct
import threading

import h2.events
import pytest
import websockets

from support import websocket as ws
from support.certificates import Authority
from support.gateway import route
from support.h2peer import EXTENDED_CONNECT, H2Client, H2Server
from support.http1 import Reader, read_head
from support.ports import free_port
from support.wait import until

CLIENTS = ["h1", "h1s", "h2c", "h2s"]
UPSTREAMS = ["h1", "h1s", "h2c", "h2s"]
HANDSHAKE = (b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def site(authority):
    return authority.issue("site", "/CN=localhost", "DNS:localhost,IP:127.0.0.1")


def server_context(site, alpn):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, site))
    context.set_alpn_protocols([alpn])
    return context


def echo_stream(connection, id, event):
    """An HTTP/2 upstream: accepts, and answers frames. /bye: ends its side after the first bytes."""
    if isinstance(event, h2.events.RequestReceived):
        fields = dict(event.headers)
        if fields[":path"] == "/no":
            connection.respond(id, 403, [("content-length", "2")])
            connection.send(id, b"no", end=True)
        elif fields.get(":protocol") == "websocket":
            connection.state[id] = ws.Echo()
            connection.respond(id, 200, [("sec-websocket-protocol", "chat")] if "sec-websocket-protocol" in fields else [])
        else:
            connection.respond(id, 400, end=True)
    elif isinstance(event, h2.events.DataReceived):
        echo = connection.state[id]
        out = echo.feed(event.data)
        if out:
            connection.send(id, out, end=echo.closed)
    elif isinstance(event, h2.events.StreamEnded) and id in connection.state and not connection.state[id].closed:
        connection.send(id, end=True)


@pytest.fixture(scope="module")
def upstreams(site):
    allowed = {EXTENDED_CONNECT: 1}
    made = {"h1": ws.EchoServer(), "h1s": ws.EchoServer(server_context(site, "http/1.1")),
            "h2c": H2Server(echo_stream, settings=allowed),
            "h2s": H2Server(echo_stream, settings=allowed, ssl_context=server_context(site, "h2"))}
    yield made
    for server in made.values():
        server.stop()


class Site:
    """A gateway with a plain and a TLS listener, and a route to each upstream."""

    def __init__(self, gateway, authority, site, upstreams, **more):
        self.authority, self.plain, self.secure = authority, free_port(), free_port()
        chain, key = map(str, site)
        listeners = [{"name": "plain", "address": f"http://127.0.0.1:{self.plain}"},
                     {"name": "secure", "address": f"https://127.0.0.1:{self.secure}",
                      "tls": {"certificates": [{"certificate": chain, "key": key}]}}]
        routes = []
        for name, server in upstreams.items():
            scheme = "https" if name.endswith("s") else "http"
            settings = {"url": f"{scheme}://localhost:{server.port}", "connectTimeoutMs": 5000, **more}
            if name.startswith("h2"):
                settings["protocol"] = "http2"
            if scheme == "https":
                settings["tls"] = {"trustedCa": [str(authority.pem)]}
            routes.append(route(name, settings, f"/{name}/*", stripPrefix=f"/{name}"))
        self.gate = gateway(routes, listeners=listeners)

    def h2(self, client="h2c", **more):
        return H2Client(self.secure if client == "h2s" else self.plain, self.authority if client == "h2s" else None, **more)

    def raw(self, path):
        """A socket that has sent the handshake."""
        sock = socket.create_connection(("127.0.0.1", self.plain), timeout=10)
        sock.sendall(HANDSHAKE % path.encode())
        return sock

    def line(self):
        return self.gate.until_access(1)[0]


async def talk_h1(site, path, secure):
    context = None
    if secure:
        context = ssl.create_default_context(cafile=str(site.authority.pem))
    url = f"ws{'s' if secure else ''}://localhost:{site.secure if secure else site.plain}{path}"
    async with websockets.connect(url, ssl=context, max_size=None, compression=None, subprotocols=["chat"]) as socket_:
        assert socket_.subprotocol == "chat"
        await socket_.send("hello")
        assert await socket_.recv() == "hello"
        await socket_.send(b"x" * 200_000)
        assert await socket_.recv() == b"x" * 200_000
        await (await socket_.ping(b"are you there"))
        await socket_.send(["in ", "pieces"])
        assert await socket_.recv() == "in pieces"
    assert socket_.close_code == 1000


def talk_h2(site, path, client):
    with site.h2(client) as peer:
        id = peer.websocket(path, [("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat")])
        stream = peer.head(id)
        assert (stream.status, stream.header("sec-websocket-protocol")) == (200, "chat")
        assert stream.header("sec-websocket-accept") is None and stream.header("upgrade") is None
        decoder, seen = ws.Decoder(), []

        def frames(count):
            peer.until(lambda: seen.extend(decoder.feed(stream.data)) or setattr(stream, "data", b"") or len(seen) >= count)
            return [seen.pop(0) for _ in range(count)]
        peer.send(id, ws.encode(ws.TEXT, b"hello", mask=True))
        assert frames(1) == [(ws.TEXT, b"hello")]
        peer.send(id, ws.encode(ws.BINARY, b"x" * 100_000, mask=True))
        peer.send(id, ws.encode(ws.PING, b"p", mask=True))
        data = b""
        while len(data) < 100_000:     # a server may cut what it sends into frames of its own
            (opcode, part), = frames(1)
            data += part if opcode in (ws.BINARY, ws.CONTINUATION) else b""
        assert data == b"x" * 100_000 and frames(1) == [(ws.PONG, b"p")]
        peer.send(id, ws.encode(ws.CLOSE, (1000).to_bytes(2, "big"), mask=True))
        assert frames(1)[0][0] == ws.CLOSE
        peer.send(id, end=True)
        peer.whole(id)
        assert stream.reset is None


@pytest.mark.parametrize("client", CLIENTS)
def test_every_pair(gateway, authority, site, upstreams, client):
    site_ = Site(gateway, authority, site, upstreams)
    for name in UPSTREAMS:
        if client.startswith("h1"):
            asyncio.run(talk_h1(site_, f"/{name}/chat", client == "h1s"))
        else:
            talk_h2(site_, f"/{name}/chat", client)
    lines = site_.gate.until_access(4)
    assert {line["response.ending"] for line in lines} == {"upgraded"}
    assert {line["response.status"] for line in lines} == {101 if client.startswith("h1") else 200}
    assert all(line["request.bytes"] > 100_000 and line["response.bytes"] > 100_000 for line in lines)
    metrics = site_.gate.metrics()
    assert metrics.sum("flex_stream_lifetime_seconds_count", kind="websocket") == 4
    # Latency is the time to the head, the lifetime stands apart.
    assert metrics.sum("flex_request_duration_ms_count") == 4


def test_the_upstream_of_an_h2_client_gets_a_handshake_of_its_own(gateway, authority, site, upstreams):
    site_ = Site(gateway, authority, site, upstreams)
    keys = []
    for _ in range(2):
        before = len(upstreams["h1"].seen)
        with site_.h2() as peer:
            id = peer.websocket("/h1/key", [("sec-websocket-version", "13"), ("sec-websocket-key", "mine"), ("origin", "http://a")])
            assert peer.head(id).status == 200
        path, headers = until(lambda: upstreams["h1"].seen[before:], "the upstream's handler has begun")[0]
        assert path == "/key" and headers["Origin"] == "http://a" and headers["Upgrade"] == "websocket"
        keys.append(headers["Sec-WebSocket-Key"])
    assert len(set(keys)) == 2 and all(len(key) == 24 for key in keys)
    until_endings(site_, "client_abort", 2)


def until_endings(site_, ending, count):
    site_.gate.until_metric("flex_exchanges_total", count, ending=ending)


# ---- refusals -----------------------------------------------------------------------------------

def test_an_upstream_that_refuses(gateway, authority, site, upstreams):
    """/no of the HTTP/2 upstream; the HTTP/1.1 one knows no subprotocol and says 400 to a bad version."""
    site_ = Site(gateway, authority, site, upstreams)
    with site_.h2() as peer:
        stream = peer.whole(peer.websocket("/h2c/no"))
        assert (stream.status, stream.data) == (403, b"no")
        assert peer.ask("/h2c/plain").status == 400       # the connection goes on
    with site_.raw("/h2c/no") as sock:
        assert read_head(Reader(sock)).status == 403


@pytest.mark.parametrize("answer, status", [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage", 502),         # no switch: a 2xx would say that there is one
    (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: wrong\r\n\r\n", 502),
    (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 502),
    (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302),
])
def test_an_answer_that_an_h2_client_must_not_take_for_a_websocket(gateway, origin, answer, status):
    origin.script(lambda ex: ex.send(answer))
    gate = gateway([route("a", origin)])
    with H2Client(gate.port) as peer:
        assert peer.whole(peer.websocket("/")).status == status
    line, = gate.until_access(1)
    assert line["response.ending"] == ("upstream_malformed" if status == 502 else "completed")


@pytest.mark.parametrize("header, status", [(b"Sec-WebSocket-Version: 8", 426), (b"Sec-WebSocket-Key: short", 400)])
def test_a_handshake_that_cannot_be_carried_over(gateway, authority, site, upstreams, header, status):
    site_ = Site(gateway, authority, site, upstreams)
    name = header.split(b":")[0]
    with socket.create_connection(("127.0.0.1", site_.plain), timeout=10) as sock:
        lines = [header if line.startswith(name) else line for line in (HANDSHAKE % b"/h2c/").split(b"\r\n")]
        sock.sendall(b"\r\n".join(lines))
        response = read_head(Reader(sock))
        assert response.status == status
        assert response.headers.get("sec-websocket-version") == ("13" if status == 426 else None)
    assert site_.line()["response.ending"] == "malformed_request"


def test_an_h2_upstream_without_extended_connect(gateway):
    server = H2Server(echo_stream)
    try:
        gate = gateway([route("a", {"url": f"http://127.0.0.1:{server.port}", "protocol": "http2"})])
        with gate.client() as client:
            client.send(HANDSHAKE % b"/x")
            assert client.response().status == 502
        line, = gate.until_access(1)
        assert (line["response.ending"], server.requests) == ("upstream_malformed", [])
    finally:
        server.stop()


# ---- the end of it ------------------------------------------------------------------------------

def test_an_idle_one_ends(gateway, authority, site, upstreams):
    site_ = Site(gateway, authority, site, upstreams, streamIdleTimeoutMs=300)
    with site_.raw("/h1/") as sock:
        reader = Reader(sock)
        assert read_head(reader).status == 101
        assert reader.rest() == b""
    with site_.h2() as peer:
        stream = peer.whole(peer.websocket("/h2c/"))
        assert stream.status == 200
    until_endings(site_, "upgraded", 2)


def test_it_survives_a_reload(gateway, authority, site, upstreams):
    """Also one that takes its route and upstream away."""
    site_ = Site(gateway, authority, site, upstreams)
    with site_.h2() as peer, site_.raw("/h2c/") as sock:
        ids = [peer.websocket("/h1/"), peer.websocket("/h2c/")]
        reader = Reader(sock)
        assert read_head(reader).status == 101
        for id in ids:
            assert peer.head(id).status == 200
        site_.gate.spec["routes"] = [r for r in site_.gate.spec["routes"] if r["id"] == "h1s"]
        site_.gate.reload()
        for id in ids:
            peer.send(id, ws.encode(ws.TEXT, b"still", mask=True))
            peer.until(lambda i=id: peer.streams[i].data == ws.encode(ws.TEXT, b"still"))
        sock.sendall(ws.encode(ws.TEXT, b"there", mask=True))
        assert reader.exactly(7) == ws.encode(ws.TEXT, b"there")
        assert peer.ask("/h1/").status == 404
        for id in ids:
            peer.send(id, ws.encode(ws.CLOSE, b"", mask=True), end=True)
            peer.whole(id)
    until_endings(site_, "upgraded", 3)
    # Series of routes that are gone are shown for a few scrapes only, and the waiting above has used them up: from
    # then on the sums over routes no longer agree with those over endings.
    site_.gate.audited = False


def half_closing_origin(first):
    """Who ends its side first: `client` or `upstream`. The other still says something."""
    def behave(ex):
        ex.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
        if first == "upstream":
            ex.send(b"last words")
            ex.sock.shutdown(socket.SHUT_WR)
        got = b""
        while part := ex.sock.recv(65536):
            got += part
        behave.got = got
        if first == "client":
            ex.send(b"heard: " + got)
        ex.close()
    behave.got = None
    return behave


@pytest.mark.parametrize("first", ["client", "upstream"])
def test_each_side_may_end_alone(gateway, origin, first):
    behaviour = half_closing_origin(first)
    origin.on("/raw", behaviour)
    gate = gateway([route("a", origin)])
    with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as sock:
        sock.sendall(b"GET /raw HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
        reader = Reader(sock)
        assert read_head(reader).status == 101
        if first == "upstream":
            assert reader.rest() == b"last words"
        sock.sendall(b"one more thing")
        sock.shutdown(socket.SHUT_WR)
        assert reader.rest() == (b"heard: one more thing" if first == "client" else b"")
    until(lambda: behaviour.got == b"one more thing", "the origin has it")
    line, = gate.until_access(1)
    assert (line["response.ending"], line["request.bytes"]) == ("upgraded", 14)


@pytest.mark.parametrize("who, ending", [("client", "client_abort"), ("upstream", "upstream_body_reset")])
def test_what_breaks_off_is_no_end_in_order(gateway, origin, who, ending):
    go = threading.Event()

    def behave(ex):
        ex.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
        if who == "client":
            ex.wait_for_peer()
        go.wait(10)
        ex.rst()
    origin.on("/raw", behave)
    gate = gateway([route("a", origin)])
    with socket.create_connection(("127.0.0.1", gate.port), timeout=10) as sock:
        sock.sendall(b"GET /raw HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
        assert read_head(Reader(sock)).status == 101
        go.set()
        if who == "client":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
    line, = gate.until_access(1)
    assert line["response.ending"] == ending


def test_many_at_once_over_one_connection(gateway, authority, site, upstreams):
    site_ = Site(gateway, authority, site, upstreams)
    with site_.h2() as peer:
        ids = [peer.websocket(f"/{'h1' if n % 2 else 'h2c'}/") for n in range(60)]
        for id in ids:
            assert peer.head(id).status == 200
        for id in ids:
            peer.send(id, ws.encode(ws.TEXT, b"%d" % id, mask=True))
        peer.until(lambda: all(peer.streams[id].data == ws.encode(ws.TEXT, b"%d" % id) for id in ids))
        for id in ids:
            peer.send(id, ws.encode(ws.CLOSE, b"", mask=True), end=True)
        for id in ids:
            peer.whole(id)
    until_endings(site_, "upgraded", 60)
