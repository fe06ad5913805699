"""That all proxies do the same work on headers: what arrives at an origin that writes it down, and
what comes back."""
import http.server
import http.client
import threading

from proxies import PROXIES

WANTED = ("X-Request-Id", "traceparent", "X-Forwarded-For", "X-Forwarded-Proto")


class Witness(http.server.BaseHTTPRequestHandler):
    """An origin that keeps the headers of the last request."""
    protocol_version = "HTTP/1.1"
    seen = None

    def do_GET(self):
        Witness.seen = self.headers
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def ask(port: int):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/", headers={"client_id": "bench-client", "User-Agent": "bench/1.0"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def line_of(bench, name: str, feature: str) -> list:
    with bench.proxy(name, feature, origin_port=bench.witness_port) as proxy:
        answer = ask(proxy.port)
    seen, returned = Witness.seen, answer.headers["X-Request-Id"]
    same = "yes" if returned and returned == seen["X-Request-Id"] else "another one" if returned else "NO"
    if name not in ("l4", "direct") and (not returned or not all(seen[header] for header in WANTED)):
        bench.report.failed(f"headers of {name} {feature}", "it does not forward what the others do")
    size = sum(len(header) + len(value) + 4 for header, value in seen.items())
    return [name, feature, *(seen[header] or "NO" for header in WANTED), same, len(seen), size]


def run(bench) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Witness)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bench.witness_port = server.server_address[1]
    bench.report.title("Headers: what the origin and the client get")
    lines = []
    for name in (n for n in PROXIES if n in bench.proxies and n != "direct"):
        features = PROXIES[name].features
        lines.append(line_of(bench, name, features[-1]))
    bench.report.table(("proxy", "row", *(f"{header} to the origin" for header in WANTED), "X-Request-Id to the client",
                        "headers", "their bytes"), lines)
    server.shutdown()
    bench.report.keep("headers", lines)
