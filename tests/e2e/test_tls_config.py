"""What the configuration of TLS, health checks and refusals promises, kept by the running gateway."""

import contextlib
import http.server
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from support.certificates import Authority
from support.gateway import BINARY, FIELDS, SLOW, route
from support.metrics import fetch
from support.ports import free_port
from support.wait import until

CHECK = {"intervalMs": 50, "timeoutMs": 2000, "healthyThreshold": 1, "unhealthyThreshold": 2}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def site(authority):
    return authority.issue("site", "/CN=localhost", "DNS:localhost,IP:127.0.0.1")


def secure(certificate, *, name="secure", tls=None, **more):
    """A listener with TLS, and its port."""
    port = free_port()
    chain, key = map(str, certificate)
    return port, {"name": name, "address": f"https://127.0.0.1:{port}",
                  "tls": {"certificates": [{"certificate": chain, "key": key}], **(tls or {})}, **more}


def curl(port, authority, path="/", *options):
    """(exit status, status, body)"""
    done = subprocess.run(["curl", "-s", "--max-time", str(10 * SLOW), "--cacert", str(authority.pem), "-w", "\n%{http_code}",
                           *map(str, options), f"https://localhost:{port}{path}"], capture_output=True, text=True)
    body, _, status = done.stdout.rpartition("\n")
    return done.returncode, int(status or 0), body


def not_after(certificate):
    """Unix time."""
    text = subprocess.run(["openssl", "x509", "-in", str(certificate), "-noout", "-enddate"], capture_output=True, text=True).stdout
    return ssl.cert_time_to_seconds(text.strip().removeprefix("notAfter="))


def replace(target, source):
    fresh = target.with_suffix(".new")
    shutil.copy(source, fresh)
    fresh.rename(target)


# ---- check --------------------------------------------------------------------------------------

def check(folder, text, **environment):
    path = folder / "gateway.yaml"
    path.write_text(text)
    done = subprocess.run([str(BINARY), "check", "--explain", "-c", str(path)], capture_output=True, text=True,
                          env={**os.environ, **environment})
    return done.returncode, done.stdout + done.stderr


DOCUMENT = """apiVersion: gateway.mulesoft.com/v1alpha1
kind: Gateway
metadata: {name: bank}
spec:
  listeners:
    - name: secure
      address: "https://127.0.0.1:8443"
      tls:
        certificates: [{certificate: site.pem, key: $SITE_KEY}]
        minVersion: "1.3"
        ciphers: [TLS_AES_256_GCM_SHA384]
        clientCertificates: {mode: optional, trustedCa: ca.pem}
  routes:
    - {id: pay, path: /pay, upstream: {url: "https://pay.internal", tls: {trustedCa: ca.pem}}}
"""


def test_check_explains_what_is_served_and_a_key_may_be_text(tmp_path, authority, site):
    shutil.copy(site[0], tmp_path / "site.pem")
    shutil.copy(authority.pem, tmp_path / "ca.pem")
    status, said = check(tmp_path, DOCUMENT, SITE_KEY=site[1].read_text())
    assert status == 0, said
    for part in ("listener secure: https://127.0.0.1:8443", "tls: 1.3, ciphers TLS_AES_256_GCM_SHA384", "localhost; subject CN=localhost",
                 "EC P-256", "issuer CN=Test CA", "client certificates: optional, 1 trusted CA source",
                 "target https://pay.internal:443", "verified with 1 trusted CA source"):
        assert part in said, said
    assert re.search(r"valid until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \((29|30) days left\)", said)
    assert "PRIVATE KEY" not in said


def test_check_tells_every_mistake_at_its_place(tmp_path, authority, site):
    shutil.copy(site[0], tmp_path / "site.pem")
    (tmp_path / "ca.pem").write_text(authority.pem.read_text()[:100])
    other = authority.issue("other", "/CN=other", "DNS:other")
    text = DOCUMENT.replace('"1.3"', '"1.4"').replace("SHA384", "SHA348").replace("mode: optional", "mode: optinal")
    status, said = check(tmp_path, text, SITE_KEY=other[1].read_text())
    assert status == 1
    lines = text.splitlines()
    for word, message in (("$SITE_KEY", "does not belong to the certificate"), ('"1.4"', "unknown TLS version"),
                          ("TLS_AES_256", "did you mean 'TLS_AES_256_GCM_SHA384'"), ("optinal", "did you mean 'optional'"),
                          ("ca.pem}\n", "cut short")):
        number = next(i for i, line in enumerate(lines) if word in line + "\n")
        place = f"gateway.yaml:{number + 1}:{lines[number].index(word.strip()[:6]) + 1}: error: "
        assert any(place in line and message in line for line in said.splitlines()), (place, message, said)
    assert "PRIVATE KEY" not in said


# ---- while it runs ------------------------------------------------------------------------------

def test_the_end_of_certificates_is_a_metric_and_follows_the_files(gateway, new_origin, authority, tmp_path):
    used = tmp_path / "used.pem", tmp_path / "used.key"
    first = authority.issue("first", "/CN=first", "DNS:localhost")
    second = authority.issue("second", "/CN=second", "DNS:localhost", days=10)
    mine = authority.issue("mine", "/CN=gateway", "URI:spiffe://bank/gateway", days=20)
    for source, target in zip(first, used):
        shutil.copy(source, target)
    port, listener = secure(used)
    upstream = {"name": "pay", "url": "https://127.0.0.1:1", "tls": {"trustedCa": str(authority.pem), "certificate": str(mine[0]), "key": str(mine[1])}}
    gate = gateway([route("a", new_origin()), route("b", "pay", "/pay")], listeners=[listener], watch=True,
                   upstreams=[upstream])
    family = "flex_certificate_expiry_timestamp_seconds"

    def ends(listener):
        return gate.metrics().sum(family, listener=listener)
    text = fetch(gate.admin)[2].decode()
    assert f'{family}{{listener="secure",name="localhost"}}' in text
    assert f'{family}{{listener="pay",name="spiffe://bank/gateway"}}' in text
    assert (ends("secure"), ends("pay")) == (not_after(first[0]), not_after(mine[0]))
    assert curl(port, authority)[1] == 200
    # Half of a pair does not fit, half a file is none: the plan stays, and says so.
    replace(used[1], second[1])
    gate.until_event("config_rejected")
    assert "does not belong" in gate.events("config_rejected")[-1]["reason"]
    assert curl(port, authority)[1] == 200
    assert ends("secure") == not_after(first[0])
    replace(used[0], second[0])
    gate.until_metric(family, not_after(second[0]), listener="secure")
    assert curl(port, authority)[1] == 200
    (tmp_path / "half").write_text(second[0].read_text()[:200])
    before = len(gate.events("config_rejected"))
    replace(used[0], tmp_path / "half")
    gate.until_event("config_rejected", before + 1)
    assert curl(port, authority)[1] == 200


class TicketClient:
    """openssl s_client with and without a session."""

    def __init__(self, port, folder):
        self.port, self.folder = port, folder

    def run(self, *options):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-servername", "localhost", "-tls1_2",
                               *map(str, options)], input="", capture_output=True, text=True)
        return done.stdout

    def fresh(self, name):
        """A new session in a file, and which key sealed its ticket."""
        path = self.folder / name
        assert "New, TLSv1.2" in self.run("-sess_out", path)
        text = subprocess.run(["openssl", "sess_id", "-in", str(path), "-text", "-noout"], capture_output=True, text=True).stdout
        return path, re.search(r"TLS session ticket:\n\s+0000 - ([0-9a-f -]{47})", text)[1]

    def resumes(self, path):
        said = self.run("-sess_in", path)
        assert "New, TLSv1.2" in said or "Reused, TLSv1.2" in said, said
        return "Reused, TLSv1.2" in said


def test_ticket_keys_change_by_themselves_and_old_tickets_are_good_for_two_periods(gateway, new_origin, site, tmp_path):
    period_s = 3
    port, listener = secure(site, tls={"sessionTickets": {"rotateMs": period_s * 1000}})
    gate = gateway([route("a", new_origin())], listeners=[listener])
    client = TicketClient(port, tmp_path)
    for attempt in range(3):      # on a machine that stands still a ticket may be too old when its turn comes
        began = time.monotonic()
        ticket, key = client.fresh("first")
        got = time.monotonic()
        assert client.resumes(ticket) or time.monotonic() - began > 2 * period_s - 1
        until(lambda: client.fresh("next")[1] != key, "another key seals", timeout=4 * period_s * SLOW, every=0.05)
        resumed = client.resumes(ticket)
        if resumed:
            break
        assert time.monotonic() - began > 2 * period_s - 1, "a ticket under the key before must be good"
    assert resumed
    until(lambda: not client.resumes(ticket), "the old ticket is refused", timeout=6 * period_s * SLOW, every=0.1)
    assert time.monotonic() - got > 2 * period_s - 2
    assert gate.generation() == 1
    counted = gate.until_metric("flex_tls_connections_total", lambda n: n >= 2, listener="secure", version="TLSv1.2", resumed="true")
    assert counted + gate.metrics().sum("flex_tls_connections_total", resumed="false") <= gate.metrics().sum("flex_connections_total")


def test_refused_connections_are_events(gateway, new_origin):
    port, strict = free_port(), free_port()
    gate = gateway([route("a", new_origin())], listeners=[
        {"name": "narrow", "address": f"http://127.0.0.1:{port}", "limits": {"connections": 1}},
        {"name": "behind", "address": f"http://127.0.0.1:{strict}", "proxyProtocol": {"from": ["127.0.0.1"]}}], workers=1)
    with socket.create_connection(("127.0.0.1", port)) as first:
        first.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert first.recv(100).startswith(b"HTTP/1.1 200")
        for _ in range(30):
            with socket.create_connection(("127.0.0.1", port)) as refused:
                assert refused.recv(10) == b""
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", strict)) as liar:
            liar.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert liar.recv(10) == b""

    def counted(reason):
        return sum(e.get("count", 1) for e in gate.events("connection_refused") if e["reason"] == reason)
    until(lambda: counted("limit_exceeded") == 30 and counted("proxy_protocol_error") == 3,
          lambda: f"33 refusals are told: {gate.events('connection_refused')}", timeout=20 * SLOW)
    lines = gate.events("connection_refused")
    assert len(lines) < 20          # a flood is not as many lines
    assert {(e["listener"], e["client_address"].rpartition(":")[0], e["level"]) for e in lines} == \
        {("narrow", "127.0.0.1", "WARN"), ("behind", "127.0.0.1", "WARN")}
    assert {e["detail"] for e in lines if e["reason"] == "proxy_protocol_error"} == {"not_proxy"}


# ---- health checks ------------------------------------------------------------------------------

class Health:
    """grpc.health.v1 on a port of its own; `answers` by service."""

    def __init__(self, credentials=None):
        grpc = pytest.importorskip("grpc")
        from concurrent.futures import ThreadPoolExecutor
        raw = lambda value: value     # noqa: E731  messages are bytes
        self.answers, self.asked = {b"": 1}, []

        def answer(request, context):
            service = request[2:]
            self.asked.append((service, context.time_remaining()))
            if service not in self.answers:
                context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
            return bytes([8, self.answers[service]])

        class Handler(grpc.GenericRpcHandler):
            def service(self, call):
                if call.method == "/grpc.health.v1.Health/Check":
                    return grpc.unary_unary_rpc_method_handler(answer, raw, raw)
                return grpc.unary_unary_rpc_method_handler(lambda r, c: b"served", raw, raw)
        self.server = grpc.server(ThreadPoolExecutor(4), handlers=[Handler()])
        if credentials:
            self.port = self.server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([credentials]))
        else:
            self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop(None).wait()


def down(gate, reason):
    """Waits until the target is told to be unhealthy for that reason."""
    return until(lambda: [e for e in gate.events("target_unhealthy") if reason in e["reason"]],
                 lambda: f"unhealthy because of {reason}: {gate.events('target_unhealthy')}", timeout=20 * SLOW)


def up(gate, count=1):
    return gate.until_event("target_healthy", count)


@pytest.mark.parametrize("over_tls", [False, True], ids=["plain", "TLS"])
def test_grpc_health(gateway, authority, site, over_tls):
    with Health((site[1].read_bytes(), site[0].read_bytes()) if over_tls else None) as health:
        health.answers[b"bank.v1.Payments"] = 1
        upstream = {"url": f"{'https' if over_tls else 'http'}://localhost:{health.port}", "protocol": "http2",
                    "healthCheck": {**CHECK, "type": "grpc", "service": "bank.v1.Payments"},
                    **({"tls": {"trustedCa": str(authority.pem)}} if over_tls else {})}
        gate = gateway([route("g", upstream)])
        until(lambda: len(health.asked) >= 3, "the service is asked about", timeout=20 * SLOW)
        assert {service for service, _ in health.asked} == {b"bank.v1.Payments"}
        assert all(0 < left <= 2 for _, left in health.asked), health.asked       # timeoutMs is the call's deadline
        assert not gate.events("target_unhealthy")
        health.answers[b"bank.v1.Payments"] = 2
        assert down(gate, "NOT_SERVING")[0]["target"] == f"localhost:{health.port}"
        assert gate.ask("/t.T/Call", "POST").status == 503
        health.answers[b"bank.v1.Payments"] = 1
        up(gate)
        until(lambda: gate.ask("/").status != 503, "it serves again", timeout=20 * SLOW)
        del health.answers[b"bank.v1.Payments"]
        down(gate, "grpc status NOT_FOUND")
        health.answers[b"bank.v1.Payments"] = 1
        up(gate, 2)


class HttpsOrigin:
    """Says 200 under a certificate that can be exchanged while it runs."""

    def __init__(self, certificate):
        self.hosts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(handler):
                if handler.path == "/health":
                    self.hosts.append(handler.headers["Host"])
                handler.send_response(200)
                handler.send_header("Content-Length", "2")
                handler.end_headers()
                handler.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(server, request, address):     # on the thread of the connection
                try:
                    with self.context.wrap_socket(request, server_side=True) as secured:
                        server.RequestHandlerClass(secured, address, server)
                except OSError:
                    pass     # the gateway did not like the certificate

            def shutdown_request(server, request):
                server.close_request(request)
        self.use(certificate)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def use(self, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*map(str, certificate))
        self.context = context

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def test_health_over_tls_sees_the_certificate(gateway, authority, site, tmp_path):
    stranger = Authority(tmp_path / "stranger", "Stranger").issue("x", "/CN=localhost", "DNS:localhost")
    late = authority.issue("late-origin", "/CN=localhost", "DNS:localhost", days=-1)
    elsewhere = authority.issue("elsewhere-origin", "/CN=elsewhere", "DNS:elsewhere")
    with HttpsOrigin(site) as origin:
        gate = gateway([route("a", {"url": f"https://localhost:{origin.port}", "healthCheck": {**CHECK, "path": "/health"},
                                    "poolIdleTimeoutMs": 100, "tls": {"trustedCa": str(authority.pem)}})])
        until(lambda: len(origin.hosts) >= 3, "it is checked", timeout=20 * SLOW)
        assert set(origin.hosts) == {f"localhost:{origin.port}"}
        assert gate.ask("/").status == 200
        for times, (certificate, reason) in enumerate(((stranger, "tls: "), (late, "tls: certificate_expired"), (elsewhere, "tls: ")), 1):
            origin.use(certificate)
            until(lambda n=times: len(gate.events("target_unhealthy")) == n, f"{certificate[0].name} is unhealthy", timeout=20 * SLOW)
            assert reason in gate.events("target_unhealthy")[-1]["reason"]
            assert gate.ask("/").status == 503
            origin.use(site)
            up(gate, times)
            until(lambda: gate.ask("/").status == 200, "it serves again", timeout=20 * SLOW)


def test_a_tcp_check_needs_only_the_connect(gateway):
    port = free_port()
    gate = gateway([route("a", {"url": f"http://127.0.0.1:{port}", "healthCheck": {**CHECK, "type": "tcp"}})])
    down(gate, "connect: Connection refused")
    with socket.create_server(("127.0.0.1", port)):
        up(gate)


def test_an_http2_upstream_is_checked_over_http2(gateway, tmp_path):
    """nginx, which says 404 to what it has not."""
    port = free_port()
    tmp_path.chmod(0o755)
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (tmp_path / "nginx.conf").write_text(f"""daemon off; worker_processes 1; pid {tmp_path}/pid; error_log stderr error; {user}
events {{}}
http {{ access_log {tmp_path}/nginx.log; {temporary}
  server {{ listen 127.0.0.1:{port} http2; location = /health {{ return 200 "$server_protocol"; }} location / {{ return 404; }} }} }}
""")
    process = subprocess.Popen([shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)],
                               stderr=subprocess.DEVNULL)
    try:
        until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "nginx listens", timeout=20 * SLOW)
        gate = gateway([route("a", {"url": f"http://127.0.0.1:{port}", "protocol": "http2", "healthCheck": {**CHECK, "path": "/gone"}})])
        down(gate, "status 404")
        gate.spec["routes"][0]["upstream"]["healthCheck"]["path"] = "/health"
        gate.reload()
        assert gate.ask("/health").status == 200
        until(lambda: '"GET /health HTTP/2.0" 200' in (tmp_path / "nginx.log").read_text(), "it is asked", timeout=20 * SLOW)
        assert len(gate.events("target_unhealthy")) == 1
    finally:
        process.terminate()
        process.wait()


# ---- who the client is --------------------------------------------------------------------------

FORGED = 'Hash=00;Subject="CN=forged"'


@pytest.mark.parametrize("mode", [None, "sanitize", "forward", "append", "set", "always-forward", "appendForward", "sanitizeSet"])
def test_x_forwarded_client_cert(gateway, new_origin, authority, site, mode):
    pay = authority.issue("xfcc", "/C=DE/O=Bank/CN=payments", "URI:spiffe://bank/ns/pay,DNS:pay.bank")
    port, listener = secure(site, tls={"clientCertificates": {"mode": "optional", "trustedCa": [str(authority.pem)]}},
                            **({"forwardClientCert": mode} if mode else {}))
    origin = new_origin()
    gateway([route("a", origin)], listeners=[listener])

    def sent(*options):
        before = len(origin.requests)
        assert curl(port, authority, "/", "-H", f"X-Forwarded-Client-Cert: {FORGED}", *options)[1] == 200
        return origin.requests[before].headers.get("x-forwarded-client-cert")
    with_certificate = sent("--cert", pay[0], "--key", pay[1])
    without = sent()
    fingerprint = subprocess.run(["openssl", "x509", "-in", str(pay[0]), "-noout", "-fingerprint", "-sha256"], capture_output=True,
                                 text=True).stdout.strip().partition("=")[2].replace(":", "").lower()
    ours = f'Hash={fingerprint};Subject="CN=payments,O=Bank,C=DE";URI=spiffe://bank/ns/pay'
    assert with_certificate == {None: None, "sanitize": None, "forward": FORGED, "append": f"{FORGED},{ours}", "appendForward": f"{FORGED},{ours}",
                                "set": ours, "sanitizeSet": ours, "always-forward": FORGED}[mode]
    assert without == (FORGED if mode == "always-forward" else None)


@pytest.mark.parametrize("entry", ["dn:CN=payments,O=Bank,C=DE", "dns:pay.bank", "dns:*.bank", "uri:spiffe://bank/ns/pay", "uri:spiffe://bank/*",
                                   "email:pay@bank.example", "ip:192.0.2.7"])
def test_routes_let_in_whom_they_name(gateway, new_origin, authority, site, entry):
    pay = authority.issue("named", "/C=DE/O=Bank/CN=payments",
                          "URI:spiffe://bank/ns/pay,DNS:pay.bank,email:pay@bank.example,IP:192.0.2.7")
    other = authority.issue("another", "/C=DE/O=Bank/CN=payments2",
                            "URI:spiffe://bank2/ns/pay,DNS:pay.bank2,email:pay2@bank.example,IP:192.0.2.8")
    port, listener = secure(site, tls={"clientCertificates": {"mode": "optional", "trustedCa": [str(authority.pem)]}})
    gate = gateway([route("pay", new_origin(), "/pay", clientCertificates={"allow": [entry]}), route("open", new_origin(), "/open")],
                   listeners=[listener], logging={"fields": FIELDS + ["tls.clientCertSubject"]})
    as_pay, as_other = ("--cert", pay[0], "--key", pay[1]), ("--cert", other[0], "--key", other[1])
    assert curl(port, authority, "/pay", *as_pay)[1] == 200
    assert curl(port, authority, "/pay", *as_other)[1] == 403
    assert curl(port, authority, "/pay")[1] == 403
    assert curl(port, authority, "/open")[1] == 200
    refused = gate.until_access(2, response__status=403)
    assert {line["response.ending"] for line in refused} == {"auth_failed"}
    assert {line["tls.clientCertSubject"] for line in refused} == {"CN=payments2,O=Bank,C=DE", None}
