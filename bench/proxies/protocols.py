"""Glassgate, nginx and HAProxy with two more listeners: HTTP/2 without TLS, and TLS with HTTP/2 and HTTP/1.1.

The same certificate (ECDSA P-256) and TLS 1.2 and 1.3 for all; each as its documentation has it otherwise."""
import subprocess

import processes
from proxies.glassgate import Glassgate
from proxies.haproxy import Haproxy
from proxies.nginx import Nginx
from proxies.proxy import Proxy, Setup


class Protocols(Proxy):
    def __init__(self, setup: Setup):
        setup.directory.mkdir(parents=True, exist_ok=True)
        self.h2c_port, self.tls_port = processes.free_port(), processes.free_port()
        self.certificate, self.key = setup.directory / "site.pem", setup.directory / "site.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        self.key, "-out", self.certificate, "-subj", "/CN=localhost", "-days", "30"], check=True, capture_output=True)
        super().__init__(setup)


class GlassgateProtocols(Protocols, Glassgate):
    def document(self) -> str:
        limits = f"limits: {{connections: {self.setup.connections}}}, timeouts: {{idleMs: 600000}}"
        more = f""",
    {{name: h2c, address: "http://127.0.0.1:{self.h2c_port}", {limits}}},
    {{name: tls, address: "https://127.0.0.1:{self.tls_port}", {limits},
      tls: {{certificates: [{{certificate: {self.certificate}, key: {self.key}}}]}}}}]
  routes:"""
        return super().document().replace("]\n  routes:", more, 1)


class NginxProtocols(Protocols, Nginx):
    def server_part(self) -> str:
        return super().server_part() + f"""
    listen 127.0.0.1:{self.h2c_port} http2 backlog=4096; listen 127.0.0.1:{self.tls_port} ssl http2 backlog=4096;
    ssl_certificate {self.certificate}; ssl_certificate_key {self.key}; ssl_protocols TLSv1.2 TLSv1.3;"""


class HaproxyProtocols(Protocols, Haproxy):
    def command(self) -> list:
        command = super().command()
        both = self.directory / "site.both"
        both.write_text(self.certificate.read_text() + self.key.read_text())
        plain = f"  bind 127.0.0.1:{self.port} backlog 4096\n"
        more = (f"  bind 127.0.0.1:{self.h2c_port} proto h2 backlog 4096\n"
                f"  bind 127.0.0.1:{self.tls_port} ssl crt {both} alpn h2,http/1.1 ssl-min-ver TLSv1.2 backlog 4096\n")
        config = self.directory / "haproxy.cfg"
        config.write_text(config.read_text().replace(plain, plain + more, 1))
        return command


# Glassgate between the two, as everywhere.
KINDS: dict[str, type[Protocols]] = {"nginx": NginxProtocols, "glassgate": GlassgateProtocols, "haproxy": HaproxyProtocols}


def chosen(bench) -> list[str]:
    return [name for name in KINDS if name in bench.proxies]
