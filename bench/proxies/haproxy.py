"""HAProxy: its Prometheus exporter, a JSON log-format into a ring in memory, a stick table.

One random id is request id and trace id: cheaper than its usual unique-id and a second one."""
import shutil

import processes
from proxies.proxy import Proxy

LOG_FORMAT = (
    """'{"timestamp":"%T","request.id":"%ID","request.method":"%HM","request.path":"%HPO","response.status":%ST,"""
    """"response.bytes":%B,"response.duration_ms":%Ta,"request.remoteAddress":"%ci","""
    """"request.userAgent":"%[capture.req.hdr(0)]","upstream.address":"%si:%sp","upstream.first_byte_ms":%Tr,"""
    """"client.id":"%[capture.req.hdr(1)]"}'""")
LOG = f"""  log ring@requests local0
  log-format {LOG_FORMAT}
  http-request capture req.hdr(User-Agent) len 64
  http-request capture req.hdr(client_id) len 64
"""
RING = "ring requests\n  format raw\n  maxlen 2000\n  size 1048576\n"
TABLE = "backend clients\n  stick-table type string len 64 size 100k expire 60s store http_req_rate(60s)\n"
LIMIT = """  http-request track-sc0 req.hdr(client_id) table clients
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100000000 }
"""


class Haproxy(Proxy):
    name = "haproxy"
    features = ("bare", "metrics", "log", "all", "all+limit")

    def exporter(self) -> str:
        return f"""frontend stats
  bind 127.0.0.1:{processes.free_port()}
  http-request use-service prometheus-exporter if {{ path /metrics }}
""" if self.metrics else ""

    def command(self) -> list:
        path = self.directory / "haproxy.cfg"
        path.write_text(f"""
global
  nbthread {self.setup.workers}
  maxconn {self.setup.connections}
  no strict-limits
{RING if self.log else ""}
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  timeout http-keep-alive 600s
  option http-keep-alive
frontend public
  bind 127.0.0.1:{self.port} backlog 4096
  unique-id-format %[uuid,regsub(-,,g)]
  unique-id-header X-Request-Id
  http-request set-header traceparent 00-%[unique-id]-0000000000000001-00
  http-request set-header X-Forwarded-Proto http
  http-response set-header X-Request-Id %[unique-id]
  option forwardfor
{LOG if self.log else ""}{LIMIT if self.limit else ""}  default_backend origin
{TABLE if self.limit else ""}
backend origin
  http-reuse always
  server o 127.0.0.1:{self.setup.origin_port} pool-max-conn 2000
{self.exporter()}
""")
        return [shutil.which("haproxy", path="/usr/sbin:/usr/bin") or "haproxy", "-db", "-f", path]
