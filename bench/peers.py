"""The proxies under test and how each does the same work by its own means.

A peer is started for one feature row (see FEATURES) in front of one origin and knows how to be
stopped. All of them forward the same headers: X-Request-Id, traceparent, X-Forwarded-For.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FEATURES = ("bare", "metrics", "log", "traces", "all", "all+limit")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port: int, process: subprocess.Popen, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}")
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nobody listens on {port}")


class Peer:
    name = ""
    features: tuple[str, ...] = FEATURES

    def __init__(self, directory: pathlib.Path, origin_port: int, feature: str, workers: int = 1, cpus: str = "0"):
        self.port = free_port()
        self.directory = directory
        self.origin_port = origin_port
        self.feature = feature
        self.workers = workers
        directory.mkdir(parents=True, exist_ok=True)
        self.log_path = directory / "access.log"
        with open(directory / "output", "wb") as output:  # what it says when it does not start
            self.process = subprocess.Popen(["taskset", "-c", cpus, *self.command()], stdout=output, stderr=output,
                                            env={**os.environ, "HOME": str(directory), "XDG_CONFIG_HOME": str(directory),
                                                 "XDG_DATA_HOME": str(directory)})
        try:
            wait_for_port(self.port, self.process)
        except RuntimeError as error:
            raise RuntimeError(f"{self.name}: {error}: {(directory / 'output').read_text()}") from error

    @property
    def metrics(self) -> bool:
        return self.feature in ("metrics", "all", "all+limit")

    @property
    def log(self) -> bool:
        return self.feature in ("log", "all", "all+limit")

    @property
    def traces(self) -> bool:
        return self.feature in ("traces", "all", "all+limit")

    @property
    def limit(self) -> bool:
        return self.feature == "all+limit"

    def command(self) -> list[str]:
        raise NotImplementedError

    def pids(self) -> list[int]:
        """The process and its children: nginx and HAProxy work in the latter."""
        found = [self.process.pid]
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == self.process.pid:
                found.append(int(entry.name))
        return found

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.log_path.exists():
            self.log_path.unlink()


class Glassgate(Peer):
    name = "glassgate"
    binary = ROOT / "build" / "release" / "glassgate"

    def command(self) -> list[str]:
        policies = ""
        if self.limit:
            policies = """
      policies:
        - client-id: {sources: [{header: client_id}]}
        - rate-limit: {key: client.id, limit: 1000000/s}
        - circuit-breaker: {consecutiveFailures: 5, openMs: 500}"""
        self.metrics_port = free_port()
        output = f"{{type: file, path: {self.log_path}}}"
        text = f"""apiVersion: gateway.mulesoft.com/v1alpha1
kind: Gateway
metadata: {{name: bench}}
spec:
  workers: {self.workers}
  listeners: [{{name: public, address: "http://127.0.0.1:{self.port}"}}]
  routes:
    - id: bench
      path: ["/*"]
      upstream: {{url: "http://127.0.0.1:{self.origin_port}"}}{policies}
  telemetry:
    metrics: {{enabled: {str(self.metrics).lower()}, address: "127.0.0.1", port: {self.metrics_port}}}
    tracing: {{enabled: {str(self.traces).lower()}, exporter: otlp, endpoint: "http://127.0.0.1:{COLLECTOR_PORT}", protocol: http, sampleRate: 0.05}}
    logging:
      enabled: {str(self.log).lower()}
      format: json
      fields: [request.timestamp, request.id, request.method, request.path, response.status, response.bytes,
               response.duration_ms, request.remoteAddress, request.userAgent, upstream.address,
               upstream.first_byte_ms, client.id]
      outputs: [{output}]
"""
        path = self.directory / "gateway.yaml"
        path.write_text(text)
        return [str(self.binary), "run", "-c", str(path)]


class Nginx(Peer):
    name = "nginx"
    features = ("bare", "metrics", "log", "all", "all+limit")

    def command(self) -> list[str]:
        log = "access_log off;"
        if self.log:
            log = f"access_log {self.log_path} json buffer=64k flush=1s;"
        status = "location = /nginx_status { stub_status; }" if self.metrics else ""
        zone = limit = ""
        if self.limit:
            zone = "limit_req_zone $http_client_id zone=clients:10m rate=1000000r/s;"
            limit = "limit_req zone=clients burst=1000000 nodelay;"
        path = self.directory / "nginx.conf"
        path.write_text(f"""
daemon off; master_process on; worker_processes {self.workers}; pid {self.directory}/pid; error_log stderr error;

events {{ worker_connections 8000; multi_accept on; }}
http {{
  log_format json escape=json '{{"timestamp":"$time_iso8601","request.id":"$request_id","request.method":"$request_method","request.path":"$uri","response.status":$status,"response.bytes":$body_bytes_sent,"response.duration_ms":$request_time,"request.remoteAddress":"$remote_addr","request.userAgent":"$http_user_agent","upstream.address":"$upstream_addr","upstream.first_byte_ms":"$upstream_header_time","client.id":"$http_client_id"}}';
  {log} {zone}
  client_body_temp_path {self.directory}/b; proxy_temp_path {self.directory}/p; fastcgi_temp_path {self.directory}/f;
  uwsgi_temp_path {self.directory}/u; scgi_temp_path {self.directory}/s;
  keepalive_requests 1000000000; keepalive_timeout 600s; tcp_nodelay on;
  upstream origin {{ server 127.0.0.1:{self.origin_port}; keepalive 1024; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{self.port} reuseport backlog=4096;
    {status}
    location / {{
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; {limit}
      proxy_set_header X-Request-Id $request_id; proxy_set_header traceparent "00-$request_id-0000000000000001-00";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto http;
      proxy_set_header Host $http_host; add_header X-Request-Id $request_id;
    }}
  }}
}}
""")
        return [shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx", "-c", str(path), "-p", str(self.directory)]


class Haproxy(Peer):
    name = "haproxy"
    features = ("bare", "metrics", "log", "all", "all+limit")

    def command(self) -> list[str]:
        ring = log = ""
        if self.log:
            ring = "ring requests\n  format raw\n  maxlen 2000\n  size 1048576\n"
            log = """  log ring@requests local0
  log-format '{"timestamp":"%T","request.id":"%ID","request.method":"%HM","request.path":"%HPO","response.status":%ST,"response.bytes":%B,"response.duration_ms":%Ta,"request.remoteAddress":"%ci","request.userAgent":"%[capture.req.hdr(0)]","upstream.address":"%si:%sp","upstream.first_byte_ms":%Tr,"client.id":"%[capture.req.hdr(1)]"}'
  http-request capture req.hdr(User-Agent) len 64
  http-request capture req.hdr(client_id) len 64
"""
        exporter = ""
        if self.metrics:
            exporter = f"frontend stats\n  bind 127.0.0.1:{free_port()}\n  http-request use-service prometheus-exporter if {{ path /metrics }}\n"
        limit = table = ""
        if self.limit:
            table = "backend clients\n  stick-table type string len 64 size 100k expire 60s store http_req_rate(60s)\n"
            limit = """  http-request track-sc0 req.hdr(client_id) table clients
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 100000000 }
"""
        path = self.directory / "haproxy.cfg"
        path.write_text(f"""
global
  nbthread {self.workers}
  maxconn 8000
{ring}
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  timeout http-keep-alive 600s
  option http-keep-alive
frontend public
  bind 127.0.0.1:{self.port}
  unique-id-format %{{+X}}o%ci%cp%fi%fp%Ts%rt%pid
  unique-id-header X-Request-Id
  http-request set-header traceparent 00-%[uuid,regsub(-,,g)]-0000000000000001-00
  http-response set-header X-Request-Id %[unique-id]
  option forwardfor
{log}{limit}  default_backend origin
{table}
backend origin
  http-reuse always
  server o 127.0.0.1:{self.origin_port} pool-max-conn 2000
{exporter}
""")
        return [shutil.which("haproxy", path="/usr/sbin:/usr/bin") or "haproxy", "-db", "-f", str(path)]


class Caddy(Peer):
    name = "caddy"
    features = ("bare", "metrics", "log", "all")

    def command(self) -> list[str]:
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
  header X-Request-Id {{http.request.uuid}}
  reverse_proxy 127.0.0.1:{self.origin_port} {{
    transport http {{
      keepalive_idle_conns_per_host 2000
      keepalive_idle_conns 2000
    }}
  }}
}}
""")
        os.environ["GOMAXPROCS"] = str(self.workers)
        return ["/usr/bin/caddy", "run", "--config", str(path), "--adapter", "caddyfile"]


class L4(Peer):
    name = "l4"
    features = ("bare",)
    binary = ROOT / "build" / "bench" / "l4_forward"

    def command(self) -> list[str]:
        return [str(self.binary), str(self.port), str(self.origin_port)]


class Origin:
    """nginx with answers of three sizes from memory, on the load generator's side of the machine."""

    def __init__(self, directory: pathlib.Path, cpus: str = "1"):
        self.port = free_port()
        directory.mkdir(parents=True, exist_ok=True)
        for name, size in (("16k", 16 << 10), ("1m", 1 << 20)):
            (directory / name).write_bytes(b"x" * size)
        small = "x" * 200
        path = directory / "origin.conf"
        path.write_text(f"""
daemon off; worker_processes 1; pid {directory}/pid; error_log stderr error; 
events {{ worker_connections 8000; multi_accept on; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; tcp_nodelay on; sendfile on; open_file_cache max=10;
  client_body_temp_path {directory}/b; proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f;
  uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    location = / {{ default_type text/plain; return 200 "{small}"; }}
    location / {{ root {directory}; }}
  }}
}}
""")
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
        self.process = subprocess.Popen(["taskset", "-c", cpus, nginx, "-c", str(path), "-p", str(directory)])
        wait_for_port(self.port, self.process)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


PEERS: dict[str, type[Peer]] = {p.name: p for p in (Glassgate, Nginx, Haproxy, Caddy, L4)}
COLLECTOR_PORT = free_port()
