"""The PROXY protocol, versions 1 and 2: in from HAProxy and from bytes made by hand, out to nginx and to a socket."""

import os
import shutil
import socket
import ssl
import struct
import subprocess

import pytest

from support.certificates import Authority
from support.gateway import route
from support.h2peer import H2Client
from support.http1 import Reader, read_response
from support.ports import free_port
from support.wait import until

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REQUEST = b"GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def v2(client="203.0.113.7", port=4711, *, command=1, tlvs=b"", to="192.0.2.1"):
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    addresses = socket.inet_pton(family, client) + socket.inet_pton(family, "::1" if ":" in client else to) + struct.pack(">HH", port, 443)
    if command == 0:
        addresses = b""
    body = addresses + tlvs
    kind = 0 if command == 0 else 0x21 if family == socket.AF_INET6 else 0x11
    return SIGNATURE + bytes([0x20 | command, kind]) + struct.pack(">H", len(body)) + body


def tlv(kind, value):
    return struct.pack(">BH", kind, len(value)) + value


def v1(client="203.0.113.7", port=4711):
    family, to = ("TCP6", "::1") if ":" in client else ("TCP4", "192.0.2.1")
    return f"PROXY {family} {client} {to} {port} 443\r\n".encode()


class Site:
    def __init__(self, gateway, origin, *, trusted=("127.0.0.0/8",), certificate=None, **listener):
        self.port = free_port()
        listener = {"name": "front", "address": f"http{'s' if certificate else ''}://127.0.0.1:{self.port}",
                    "proxyProtocol": {"from": list(trusted)}, **listener}
        if certificate:
            chain, key = map(str, certificate)
            listener["tls"] = {"certificates": [{"certificate": chain, "key": key}], **listener.get("tls", {})}
        self.gate = gateway([route("a", origin)], listeners=[listener])
        self.origin = origin

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def ask(self, *pieces):
        with self.connect() as sock:
            for piece in pieces:
                sock.sendall(piece)
            return read_response(Reader(sock))

    def refused(self, data, *, half_close=False):
        """It is closed without an answer, and the ending says why."""
        with self.connect() as sock:
            sock.sendall(data)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
            try:
                assert sock.recv(100) == b""
            except ConnectionResetError:
                pass

    def until_refused(self, count=1):
        self.gate.until_metric("flex_connection_endings_total", count, ending="proxy_protocol_error")
        assert self.gate.metrics().sum("flex_exchanges_total") == len(self.gate.access())


@pytest.fixture
def site(gateway, origin):
    return Site(gateway, origin)


@pytest.mark.parametrize("header, client", [
    (v1(), "203.0.113.7"), (v1("2001:db8::7"), "2001:db8::7"),
    (v2(), "203.0.113.7"), (v2("2001:db8::7"), "2001:db8::7"),
    (v2(tlvs=tlv(1, b"h2") + tlv(2, b"shop.test") + tlv(4, b"\0" * 100) + tlv(0xEA, b"custom")), "203.0.113.7"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"), (b"PROXY UNKNOWN whatever it is\r\n", "127.0.0.1"),
    (v2(command=0), "127.0.0.1"), (v2(command=0, tlvs=tlv(4, b"padding")), "127.0.0.1"),
])
def test_the_client_is_who_the_header_says(site, header, client):
    assert site.ask(header + REQUEST).status == 200
    line, = site.gate.until_access(1)
    assert line["request.remoteAddress"] == client
    assert site.origin.last("/who").headers.get("x-forwarded-for") == client


@pytest.mark.parametrize("header", [v1(), v2(tlvs=tlv(2, b"shop.test"))])
def test_in_pieces(site, header):
    assert site.ask(*(bytes([byte]) for byte in header), REQUEST[:3], REQUEST[3:]).status == 200
    assert site.gate.until_access(1)[0]["request.remoteAddress"] == "203.0.113.7"


@pytest.mark.parametrize("data", [
    REQUEST, b"PROXY TCP4 203.0.113.7\r\n", b"PROXY TCP4 203.0.113.7 192.0.2.1 99999 443\r\n", b"PROXY " + b"x" * 200,
    v1().replace(b"\r\n", b"\n") + REQUEST, SIGNATURE + b"\x31\x11\0\0", SIGNATURE + b"\x2f\x11\0\0",
    SIGNATURE + b"\x21\x11\0\x04abcd", v2(tlvs=b"\x02\xff\xff"), v2(tlvs=tlv(3, b"\0\0\0\1")),
    SIGNATURE + b"\x21\x11\xff\xff" + b"\0" * 5000,
])
def test_a_bad_header_or_none(site, data):
    site.refused(data)
    site.until_refused()


@pytest.mark.parametrize("data", [b"", v1()[:-2], v2()[:20], SIGNATURE[:3]])
def test_a_truncated_one(site, data):
    site.refused(data, half_close=True)
    site.until_refused()


@pytest.mark.parametrize("data", [b"", v1()[:-2], v2()[:20]])
def test_one_that_does_not_come(gateway, origin, authority, data):
    chain, key = map(str, authority.issue("late", "/CN=late", "DNS:localhost"))
    site = Site(gateway, origin, certificate=(chain, key), tls={"handshakeTimeoutMs": 200})
    site.refused(data)
    site.until_refused()


def test_from_others_it_is_no_header(gateway, origin):
    """Who is not trusted states nothing: version 1 is a bad request line, version 2 is no HTTP."""
    site = Site(gateway, origin, trusted=["10.0.0.0/8"])
    assert site.ask(REQUEST).status == 200
    assert site.ask(v1() + REQUEST).status == 400
    assert site.ask(v2() + REQUEST).status == 400
    lines = site.gate.until_access(3)
    assert {line["request.remoteAddress"] for line in lines} == {"127.0.0.1"}
    assert [r.headers.get("x-forwarded-for") for r in origin.requests] == ["127.0.0.1"]


# ---- with TLS behind it -------------------------------------------------------------------------

@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue("site", "/CN=localhost", "DNS:localhost,IP:127.0.0.1")


@pytest.mark.parametrize("header", [v1(), v2()])
def test_tls_behind_it(gateway, origin, authority, certificate, header):
    site = Site(gateway, origin, certificate=certificate)
    context = ssl.create_default_context(cafile=str(authority.pem))
    context.set_alpn_protocols(["http/1.1"])
    sock = site.connect()
    sock.sendall(header)
    with context.wrap_socket(sock, server_hostname="localhost") as tls:
        tls.sendall(REQUEST)
        assert read_response(Reader(tls)).status == 200
    line, = site.gate.until_access(1)
    assert (line["request.remoteAddress"], line["request.scheme"]) == ("203.0.113.7", "https")
    site.refused(bytes.fromhex("160301000501000001"))       # a ClientHello without the header
    site.until_refused()


def test_h2c_behind_it(site, monkeypatch):
    connect = socket.create_connection

    def with_header(*args, **kw):
        sock = connect(*args, **kw)
        sock.sendall(v2("198.51.100.9"))
        return sock
    with monkeypatch.context() as patched:
        patched.setattr(socket, "create_connection", with_header)
        peer = H2Client(site.port)
    with peer:
        assert [peer.ask("/who").status for _ in range(3)] == [200] * 3
    assert {line["request.remoteAddress"] for line in site.gate.until_access(3)} == {"198.51.100.9"}


# ---- HAProxy sends, nginx receives --------------------------------------------------------------

def wait_for(port):
    until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "it listens")


@pytest.mark.parametrize("option", ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl-cn", "send-proxy-v2 proxy-v2-options crc32c,unique-id"])
def test_haproxy_in_front(site, tmp_path, option):
    haproxy = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
    if not haproxy:
        pytest.skip("haproxy is not installed")
    port = free_port()
    config = tmp_path / "haproxy.cfg"
    config.write_text(f"""
defaults
  mode tcp
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen front
  bind 127.0.0.1:{port}
  source 127.0.0.1
  server gateway 127.0.0.1:{site.port} {option}
""")
    process = subprocess.Popen([haproxy, "-f", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        with socket.create_connection(("127.0.0.1", port), timeout=10, source_address=("127.0.0.9", 0)) as sock:
            sock.sendall(REQUEST)
            assert read_response(Reader(sock)).status == 200
        line, = site.gate.until_access(request__path="/who")
        assert line["request.remoteAddress"] == "127.0.0.9"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("over_tls", [False, True])
def test_nginx_behind(gateway, authority, certificate, tmp_path, version, over_tls):
    """Each client has its own connection: nobody speaks under another's name."""
    port, tmp_path = free_port(), tmp_path / "nginx"
    tmp_path.mkdir()
    tls = f"ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]};" if over_tls else ""
    temporary = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "nginx.conf").write_text(f"""daemon off; worker_processes 1; pid {tmp_path}/pid; error_log stderr error;
{"user root;" if os.geteuid() == 0 else ""} events {{}}
http {{ access_log off; {temporary}
  server {{ listen 127.0.0.1:{port} {"ssl" if over_tls else ""} proxy_protocol; {tls}
    location / {{ return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_port"; }} }} }}
""")
    process = subprocess.Popen([shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        upstream = {"url": f"http{'s' if over_tls else ''}://localhost:{port}", "sendProxyProtocol": version}
        if over_tls:
            upstream["tls"] = {"trustedCa": [str(authority.pem)]}
        gate = gateway([route("a", upstream)])
        for number in (5, 6, 5):
            with socket.create_connection(("127.0.0.1", gate.port), timeout=10, source_address=(f"127.0.0.{number}", 0)) as sock:
                reader = Reader(sock)
                for _ in range(2):
                    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    said = read_response(reader).body.decode()
                    assert said == f"127.0.0.{number} {sock.getsockname()[1]} {gate.port}"
    finally:
        process.terminate()
        process.wait()
