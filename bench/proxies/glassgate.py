"""Glassgate: metrics, JSON access log to a file, 5 % of traces by OTLP over HTTP; client id, rate
limit and circuit breaker in the row with a limit."""
import processes
from proxies.proxy import ROOT, Proxy

POLICIES = """
      policies:
        - client-id: {sources: [{header: client_id}]}
        - rate-limit: {key: client.id, limit: 1000000/s}
        - circuit-breaker: {consecutiveFailures: 5, openMs: 500}"""
FIELDS = """[request.timestamp, request.id, request.method, request.path, response.status, response.bytes,
               response.duration_ms, request.remoteAddress, request.userAgent, upstream.address,
               upstream.first_byte_ms, client.id]"""


class Glassgate(Proxy):
    name = "glassgate"
    binary = ROOT / "build" / "release" / "glassgate"
    store = False                    # nobody else in the tables keeps a history of itself

    def routes(self) -> str:
        policies = POLICIES if self.limit else ""
        return f"""
    - id: bench
      path: ["/*"]
      upstream: {{url: "http://127.0.0.1:{self.setup.origin_port}"}}{policies}"""

    def document(self) -> str:
        self.metrics_port, self.console_port = processes.free_port(), processes.free_port()
        truth = {True: "true", False: "false"}
        return f"""apiVersion: gateway.mulesoft.com/v1alpha1
kind: Gateway
metadata: {{name: bench}}
spec:
  workers: {self.setup.workers}
  listeners: [{{name: public, address: "http://127.0.0.1:{self.port}", limits: {{connections: {self.setup.connections}}}}}]
  routes:{self.routes()}
  console: {{enabled: {truth[self.store]}, port: {self.console_port}}}
  telemetry:
    store: {{enabled: {truth[self.store]}}}
    seriesLimit: 2000000
    metrics: {{enabled: {truth[self.metrics]}, address: "127.0.0.1", port: {self.metrics_port}}}
    tracing:
      enabled: {truth[self.traces]}
      exporter: otlp
      endpoint: "http://127.0.0.1:{self.setup.collector_port}"
      protocol: http
      sampleRate: 0.05
    logging:
      enabled: {truth[self.log]}
      format: json
      fields: {FIELDS}
      outputs: [{{type: file, path: {self.log_path}}}]
"""

    def command(self) -> list:
        path = self.directory / "gateway.yaml"
        path.write_text(self.document())
        return [self.binary, "run", "-c", path]


class ManyRoutes(Glassgate):
    """With a number of routes beside the one that takes the traffic."""
    count, methods = 0, "GET"

    def routes(self) -> str:
        upstream = f'{{url: "http://127.0.0.1:{self.setup.origin_port}"}}'
        many = "".join(f"""
    - {{id: route-{i}, path: ["/service-{i}/items/:id"], methods: [{self.methods}], upstream: origin}}""" for i in range(self.count))
        return super().routes() + many + f"""
  upstreams:
    - {{name: origin, targets: [{upstream}]}}"""


class WithStore(Glassgate):
    """The built-in store samples once a second, and the console is there to be asked."""
    store = True


def with_routes(count: int, methods: str = "GET") -> type[ManyRoutes]:
    return type("ManyRoutes", (ManyRoutes,), {"count": count, "methods": methods})
