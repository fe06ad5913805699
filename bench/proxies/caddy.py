"""Caddy: its metrics and its JSON log. It has no limiter of its own, so no row with a limit."""
from proxies.proxy import Proxy


class Caddy(Proxy):
    name = "caddy"
    features = ("bare", "metrics", "log", "all")

    def environment(self) -> dict[str, str]:
        return {"GOMAXPROCS": str(self.setup.workers)}

    def command(self) -> list:
        log = f"log {{\n output file {self.log_path}\n format json\n }}" if self.log else ""
        metrics = "servers {\n metrics\n }" if self.metrics else ""
        path = self.directory / "Caddyfile"
        path.write_text(f"""
{{
  admin off
  auto_https off
  {metrics}
}}
http://:{self.port} {{
  bind 127.0.0.1
  {log}
  request_header X-Request-Id {{http.request.uuid}}
  request_header traceparent 00-{{http.request.uuid}}-0000000000000001-00
  header X-Request-Id {{http.request.uuid}}
  reverse_proxy 127.0.0.1:{self.setup.origin_port} {{
    transport http {{
      keepalive_idle_conns_per_host 2000
      keepalive_idle_conns 2000
    }}
  }}
}}
""")
        return ["/usr/bin/caddy", "run", "--config", path, "--adapter", "caddyfile"]
