"""One exchange over every pair of protocols, client and upstream, with real peers: curl and nginx."""

import os
import shutil
import subprocess
import time

import pytest

from support.certificates import Authority
from support.gateway import FIELDS, SLOW, route
from support.ports import free_port
from support.wait import until

CLIENTS = {
    "h1": ("http", ["--http1.1"]),
    "h1 over TLS": ("https", ["--http1.1"]),
    "h2c": ("http", ["--http2-prior-knowledge"]),
    "h2 over TLS": ("https", ["--http2"]),
}
UPSTREAMS = ["h1", "h1s", "h2c", "h2s"]
TLS_FIELDS = ["tls.version", "tls.cipher", "tls.clientCertSubject", "tls.clientCertSerial", "tls.clientCertSan",
              "tls.clientCertFingerprint", "tls.serverName", "grpc.status"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def site(authority):
    return authority.issue("site", "/CN=localhost", "DNS:localhost,IP:127.0.0.1")


@pytest.fixture(scope="module")
def nginx(authority, site, tmp_path_factory):
    """An origin that speaks all four: what it was asked comes back in the body."""
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    (folder / "big").write_bytes(b"x" * 300_000)
    ports = {"h1": free_port(), "h2c": free_port(), "tls": free_port()}
    echo = 'location /echo { default_type text/plain; return 200 "$request_method $server_protocol $http_x_forwarded_proto\\n"; } ' \
           f"location /big {{ alias {folder}/big; }} location /post {{ proxy_pass http://127.0.0.1:{ports['h1']}/echo; }}"
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(f"""daemon off; worker_processes 1; pid {folder}/pid; error_log stderr error; {user}
events {{}}
http {{ access_log off; client_max_body_size 100m; {temporary}
  server {{ listen 127.0.0.1:{ports['h1']}; {echo} }}
  server {{ listen 127.0.0.1:{ports['h2c']} http2; {echo} }}
  server {{ listen 127.0.0.1:{ports['tls']} ssl http2; ssl_certificate {site[0]}; ssl_certificate_key {site[1]}; {echo} }}
}}
""")
    process = subprocess.Popen([shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-c", str(folder / "nginx.conf"), "-p", str(folder)],
                               stderr=subprocess.DEVNULL)
    for port in ports.values():
        until(lambda p=port: subprocess.run(["bash", "-c", f"true < /dev/tcp/127.0.0.1/{p}"], capture_output=True).returncode == 0,
              "nginx listens")
    yield ports
    process.terminate()
    process.wait()


class Site:
    """A gateway with a plain and a TLS listener."""

    def __init__(self, gateway, authority, certificate, routes, *, tls=None, public=None, **settings):
        self.authority, self.plain, self.secure = authority, free_port(), free_port()
        chain, key = map(str, certificate)
        listeners = [{"name": "plain", "address": f"http://127.0.0.1:{self.plain}", **(public or {})},
                     {"name": "secure", "address": f"https://127.0.0.1:{self.secure}",
                      "tls": {"certificates": [{"certificate": chain, "key": key}], **(tls or {})}, **(public or {})}]
        self.gate = gateway(routes, listeners=listeners, logging={"fields": FIELDS + TLS_FIELDS}, **settings)

    def curl(self, scheme, path, *options, host="localhost"):
        """(exit status, HTTP version, status, body)"""
        port = self.plain if scheme == "http" else self.secure
        done = subprocess.run(["curl", "-s", "--max-time", str(10 * SLOW), "--cacert", str(self.authority.pem), "-w",
                               "\n%{http_version} %{http_code}", *map(str, options), f"{scheme}://{host}:{port}{path}"],
                              capture_output=True, text=True)
        body, _, last = done.stdout.rpartition("\n")
        version, _, status = last.partition(" ")
        return done.returncode, version, int(status or 0), body

    def line(self, number=0):
        return self.gate.until_access(number + 1)[number]


def upstreams_of(nginx, authority):
    trust = {"trustedCa": [str(authority.pem)]}
    return {"h1": {"url": f"http://127.0.0.1:{nginx['h1']}"},
            "h1s": {"url": f"https://localhost:{nginx['tls']}", "tls": trust},
            "h2c": {"url": f"http://127.0.0.1:{nginx['h2c']}", "protocol": "http2"},
            "h2s": {"url": f"https://localhost:{nginx['tls']}", "protocol": "auto", "tls": trust}}


@pytest.fixture
def pairs(gateway, authority, site, nginx):
    routes = [route(name, upstream, f"/{name}/*", stripPrefix=f"/{name}")
              for name, upstream in upstreams_of(nginx, authority).items()]
    return Site(gateway, authority, site, routes)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_pair(pairs, client, upstream, tmp_path):
    scheme, options = CLIENTS[client]
    spoken = "HTTP/2.0" if upstream.startswith("h2") else "HTTP/1.1"
    version = "2" if client.startswith("h2") else "1.1"
    body_file = tmp_path / "body"
    body_file.write_bytes(b"y" * 500_000)
    for _ in range(2):     # a fresh upstream connection, and one that is used again
        assert pairs.curl(scheme, f"/{upstream}/echo", *options) == (0, version, 200, f"GET {spoken} {scheme}\n")
    code, _, status, body = pairs.curl(scheme, f"/{upstream}/big", *options)
    assert (code, status, len(body)) == (0, 200, 300_000)
    code, _, status, body = pairs.curl(scheme, f"/{upstream}/post", *options, "--data-binary", f"@{body_file}")
    assert (code, status, body.split()[0]) == (0, 200, "POST")
    code, _, status, body = pairs.curl(scheme, f"/{upstream}/post", *options, "-H", "Transfer-Encoding: chunked", "-T", body_file, "-X", "POST") \
        if version == "1.1" else pairs.curl(scheme, f"/{upstream}/post", *options, "-T", body_file, "-X", "POST")
    assert (code, status, body.split()[0]) == (0, 200, "POST")
    code, _, status, body = pairs.curl(scheme, f"/{upstream}/echo", *options, "-I")
    assert (code, status) == (0, 200)
    pairs.line(5)
    lines = pairs.gate.access()
    assert {line["response.ending"] for line in lines} == {"completed"}
    assert {line["request.protocol"] for line in lines} == {"HTTP/2" if version == "2" else "HTTP/1.1"}
    # Each worker's lines are in order; those of two workers may pass each other.
    assert sorted(line["request.bytes"] for line in lines) == [0, 0, 0, 0, 500_000, 500_000]
    assert 300_000 in {line["response.bytes"] for line in lines}
    assert {line["tls.version"] for line in lines} == ({"TLSv1.3"} if scheme == "https" else {None})


def test_h2c_upgrade(pairs):
    assert pairs.curl("http", "/h1/echo", "--http2") == (0, "2", 200, "GET HTTP/1.1 http\n")


def test_many_streams_over_few_connections(pairs):
    """1,000 requests over one client connection each, 100 at a time, to one HTTP/2 upstream connection."""
    tool = shutil.which("h2load")
    done = subprocess.run([tool, "-n", "3000", "-c", "2", "-m", "100", f"http://127.0.0.1:{pairs.plain}/h2c/echo"],
                          capture_output=True, text=True)
    assert "3000 succeeded, 0 failed" in done.stdout, done.stdout
    pairs.gate.until_metric("flex_requests_total", 3000, route="h2c")
    opened = pairs.gate.metrics().sum("flex_upstream_connections")
    assert 1 <= opened <= 2 * 40, opened


# ---- certificates -------------------------------------------------------------------------------

def test_a_client_certificate_is_checked_and_recorded(gateway, authority, site, nginx):
    pay = authority.issue("pay", "/C=DE/O=Bank/CN=payments", "DNS:payments.bank.internal")
    other = authority.issue("other", "/C=DE/O=Bank/CN=other", "DNS:other.bank.internal")
    late = authority.issue("late", "/CN=late", "DNS:late", days=-1)
    gone = authority.issue("gone", "/CN=gone", "DNS:gone")
    stranger = Authority(authority.folder / "stranger", "Stranger").issue("s", "/CN=payments,O=Bank,C=DE", "DNS:payments.bank.internal")
    crl = authority.revoke(gone[0])
    upstream = {"url": f"http://127.0.0.1:{nginx['h1']}"}
    site_ = Site(gateway, authority, site,
                 [route("pay", upstream, "/echo", clientCertificates={"allow": ["dn:CN=payments,O=Bank,C=DE"]})],
                 tls={"clientCertificates": {"mode": "required", "trustedCa": [str(authority.pem)], "crl": [str(crl)]}})

    def ask(pair):
        options = ["--cert", pair[0], "--key", pair[1]] if pair else []
        return site_.curl("https", "/echo", *options)
    assert ask(pay)[2] == 200
    assert ask(other)[2] == 403
    for pair, reason in ((None, "no_certificate"), (late, "certificate_expired"), (gone, "certificate_revoked"), (stranger, "unknown_ca")):
        assert ask(pair)[2] == 0
        event = until(lambda r=reason: [e for e in site_.gate.events("tls_handshake_failed") if e["reason"] == r], f"event {reason}")
        assert event[0]["listener"] == "secure"
    assert site_.curl("http", "/echo")[2] == 403       # the plain listener knows no certificates
    lines = site_.gate.until_access(response__status=200)
    assert lines[0]["tls.clientCertSubject"] == "CN=payments,O=Bank,C=DE"
    assert lines[0]["tls.clientCertSan"] == "payments.bank.internal"
    assert len(lines[0]["tls.clientCertFingerprint"]) == 64
    assert lines[0]["tls.serverName"] == "localhost"
    assert site_.gate.metrics().sum("flex_connection_endings_total", ending="tls_handshake_failed") == 4


@pytest.mark.parametrize("fault", ["wrong host", "wrong CA", "expired"])
def test_an_upstream_certificate_that_is_not_good(gateway, authority, site, nginx, fault, tmp_path):
    stranger = Authority(tmp_path / "stranger", "Stranger")
    if fault == "expired":
        chain, key = authority.issue("old", "/CN=localhost", "DNS:localhost", days=-1)
    elif fault == "wrong CA":
        chain, key = stranger.issue("x", "/CN=localhost", "DNS:localhost")
    else:
        chain, key = authority.issue("elsewhere", "/CN=elsewhere", "DNS:elsewhere")
    port = free_port()
    server = subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-cert", str(chain), "-key", str(key), "-quiet"],
                              stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: subprocess.run(["bash", "-c", f"true < /dev/tcp/127.0.0.1/{port}"], capture_output=True).returncode == 0, "s_server listens")
        site_ = Site(gateway, authority, site, [route("a", {"url": f"https://localhost:{port}", "tls": {"trustedCa": [str(authority.pem)]}})])
        assert site_.curl("http", "/")[2] == 502
        line = site_.line()
        assert line["response.ending"] == "upstream_tls_failed"
        assert site_.gate.metrics().sum("flex_upstream_attempts_total", result="tls_failed") >= 1
    finally:
        server.kill()
        server.wait()


def test_a_certificate_is_replaced_without_closing_connections(gateway, authority, nginx, tmp_path):
    first = authority.issue("first", "/CN=first", "DNS:localhost")
    second = authority.issue("second", "/CN=second", "DNS:localhost")
    used = (tmp_path / "used.pem", tmp_path / "used.key")
    for source, target in zip(first, used):
        shutil.copy(source, target)
    site_ = Site(gateway, authority, used, [route("a", {"url": f"http://127.0.0.1:{nginx['h1']}"})], watch=True)

    def subject():
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{site_.secure}", "-servername", "localhost"],
                              input="", capture_output=True, text=True)
        return next((line for line in done.stdout.splitlines() if line.startswith("subject=")), "")
    assert "first" in subject()
    kept = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{site_.secure}", "-quiet"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    kept.stdin.write(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n")
    kept.stdin.flush()
    assert kept.stdout.readline().startswith(b"HTTP/1.1 200")
    for source, target in zip(reversed(second), reversed(used)):
        fresh = target.with_suffix(".new")
        shutil.copy(source, fresh)
        fresh.rename(target)
    until(lambda: "second" in subject(), "the new certificate is served")
    kept.stdin.write(b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    kept.stdin.close()
    assert kept.stdout.read().count(b"HTTP/1.1 200") == 1      # over the connection that was there before
    kept.wait()


def test_a_bad_certificate_keeps_the_running_plan(gateway, authority, nginx, tmp_path):
    good = authority.issue("good", "/CN=good", "DNS:localhost")
    site_ = Site(gateway, authority, good, [route("a", {"url": f"http://127.0.0.1:{nginx['h1']}"})])
    cut = tmp_path / "cut.pem"
    cut.write_text(good[0].read_text()[:200])
    site_.gate.spec["listeners"][1]["tls"]["certificates"][0]["certificate"] = str(cut)
    site_.gate.write_config()
    site_.gate.signal(1)
    until(lambda: site_.gate.events("config_rejected"), "config_rejected")
    assert site_.curl("https", "/echo")[2] == 200


# ---- gRPC ---------------------------------------------------------------------------------------

def test_grpc(gateway, authority, site):
    grpc = pytest.importorskip("grpc")
    from concurrent.futures import ThreadPoolExecutor
    raw = lambda value: value     # noqa: E731  messages are bytes

    class Handler(grpc.GenericRpcHandler):
        def service(self, call):
            def unary(request, context):
                if request == b"fail":
                    context.abort(grpc.StatusCode.UNAVAILABLE, "not today")
                if request == b"mine":
                    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
                if request == b"slow":
                    time.sleep(3)
                return b"<" + request + b">"
            kinds = {"/t.T/Unary": grpc.unary_unary_rpc_method_handler(unary, raw, raw),
                     "/t.T/Down": grpc.unary_stream_rpc_method_handler(lambda r, c: (b"%d" % i for i in range(int(r))), raw, raw),
                     "/t.T/Up": grpc.stream_unary_rpc_method_handler(lambda it, c: b"%d" % sum(len(m) for m in it), raw, raw),
                     "/t.T/Both": grpc.stream_stream_rpc_method_handler(lambda it, c: (b"<" + m + b">" for m in it), raw, raw)}
            return kinds.get(call.method)
    server = grpc.server(ThreadPoolExecutor(8), handlers=[Handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        site_ = Site(gateway, authority, site, [route("g", {"url": f"http://127.0.0.1:{port}", "protocol": "http2"})])
        credentials = grpc.ssl_channel_credentials(authority.pem.read_bytes())
        for channel in (grpc.insecure_channel(f"127.0.0.1:{site_.plain}"), grpc.secure_channel(f"localhost:{site_.secure}", credentials)):
            with channel:
                assert channel.unary_unary("/t.T/Unary")(b"a", timeout=10) == b"<a>"
                assert list(channel.unary_stream("/t.T/Down")(b"50", timeout=10)) == [b"%d" % i for i in range(50)]
                assert channel.stream_unary("/t.T/Up")(iter([b"x" * 30_000] * 10), timeout=10) == b"300000"
                assert list(channel.stream_stream("/t.T/Both")(iter([b"a", b"b", b"c"]), timeout=10)) == [b"<a>", b"<b>", b"<c>"]
                for request, code in ((b"fail", grpc.StatusCode.UNAVAILABLE), (b"mine", grpc.StatusCode.NOT_FOUND)):
                    with pytest.raises(grpc.RpcError) as failed:
                        channel.unary_unary("/t.T/Unary")(request, timeout=10)
                    assert failed.value.code() == code
                with pytest.raises(grpc.RpcError) as failed:
                    channel.unary_unary("/t.T/Unary")(b"slow", timeout=0.3)
                assert failed.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        site_.line(13)
        statuses = sorted(str(line["grpc.status"]) for line in site_.gate.access())
        assert statuses.count("0") == 8 and statuses.count("14") == 2 and statuses.count("5") == 2, statuses
        # UNAVAILABLE inside a 200 is an error; NOT_FOUND is not; a deadline that passed is one, or the client left first.
        errors = site_.gate.metrics().sum("flex_requests_errors_total")
        assert 2 <= errors <= 4, errors
    finally:
        server.stop(None)
