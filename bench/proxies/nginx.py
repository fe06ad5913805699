"""nginx: stub_status, JSON access_log with a buffer, limit_req. And nginx with Debian's Lua module,
which counts by route into histograms as a gateway has to."""
import os
import pathlib
import shutil

from proxies.proxy import Proxy

MODULES = pathlib.Path("/usr/lib/nginx/modules")
SCRIPT = pathlib.Path(__file__).resolve().parent / "nginx_metrics.lua"
LOG_FORMAT = (
    """'{"timestamp":"$time_iso8601","request.id":"$request_id","request.method":"$request_method","""
    """"request.path":"$uri","response.status":$status,"response.bytes":$body_bytes_sent,"""
    """"response.duration_ms":$request_time,"request.remoteAddress":"$remote_addr","""
    """"request.userAgent":"$http_user_agent","upstream.address":"$upstream_addr","""
    """"upstream.first_byte_ms":"$upstream_header_time","client.id":"$http_client_id"}'""")


def nginx_binary() -> str:
    return shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"


def user_line() -> str:
    """As root its workers would become nobody, who cannot read a directory for our eyes only."""
    return "user root;" if os.geteuid() == 0 else ""


class Nginx(Proxy):
    name = "nginx"
    features = ("bare", "metrics", "log", "all", "all+limit")

    def modules(self) -> str:
        return ""

    def http_part(self) -> str:
        """Of the metrics, in the http block."""
        return ""

    def server_part(self) -> str:
        return "location = /nginx_status { stub_status; }" if self.metrics else ""

    def location_part(self) -> str:
        return ""

    def command(self) -> list:
        log = f"access_log {self.log_path} json buffer=64k flush=1s;" if self.log else "access_log off;"
        zone = limit = ""
        if self.limit:
            zone = "limit_req_zone $http_client_id zone=clients:10m rate=1000000r/s;"
            limit = "limit_req zone=clients burst=1000000 nodelay;"
        path = self.directory / "nginx.conf"
        path.write_text(f"""
{user_line()} {self.modules()}
daemon off; master_process on; worker_processes {self.setup.workers}; pid {self.directory}/pid;
error_log stderr error;
events {{ worker_connections {2 * self.setup.connections}; multi_accept on; }}
http {{
  log_format json escape=json {LOG_FORMAT};
  {log} {zone} {self.http_part()}
  client_body_temp_path {self.directory}/b; proxy_temp_path {self.directory}/p; fastcgi_temp_path {self.directory}/f;
  uwsgi_temp_path {self.directory}/u; scgi_temp_path {self.directory}/s;
  keepalive_requests 1000000000; keepalive_timeout 600s; tcp_nodelay on;
  upstream origin {{ server 127.0.0.1:{self.setup.origin_port}; keepalive 1024; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{self.port} reuseport backlog=4096;
    {self.server_part()}
    location / {{
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; {limit}
      proxy_set_header X-Request-Id $request_id; proxy_set_header traceparent "00-$request_id-0000000000000001-00";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto http;
      proxy_set_header Host $http_host; add_header X-Request-Id $request_id; {self.location_part()}
    }}
  }}
}}
""")
        return [nginx_binary(), "-c", path, "-p", self.directory]


class NginxLua(Nginx):
    """Debian has the module but no Prometheus library for it; see nginx_metrics.lua."""
    name = "nginx-lua"
    features = ("metrics", "all", "all+limit")

    def modules(self) -> str:
        return f"load_module {MODULES}/ndk_http_module.so; load_module {MODULES}/ngx_http_lua_module.so;"

    def http_part(self) -> str:
        return f"""lua_shared_dict metrics 10m; lua_package_path "{SCRIPT.parent}/?.lua;;";
  init_worker_by_lua_block {{ metrics = require("nginx_metrics").start("metrics") }}"""

    def server_part(self) -> str:
        return "location = /metrics { content_by_lua_block { metrics.expose() } }"

    def location_part(self) -> str:
        return """log_by_lua_block { metrics.count("bench", "/") }"""
