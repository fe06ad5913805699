"""Flex Gateway's settings and policies: thresholds, probes, tracing, what `check` says."""

import collections

import pytest
import yaml

from support.client import RawClient, ask, request
from support.flex import Site, api, binding, doc, limits, service
from support.gateway import SLOW
from support.ports import free_port
from support.wait import until


@pytest.fixture
def site(gateway):
    return lambda documents, **kw: Site(gateway, documents, **kw)


# ---- limits of Services, probes, tracing, policies ----------------------------------------------

def test_thresholds_hold_over_all_workers(site, new_origin):
    from support.behaviours import delay
    origin, port = new_origin(), free_port()
    origin.on("/slow", delay(1.5))
    found = site([doc("Configuration", "breaker", {"circuitBreaker": {"thresholds": {"maxRequests": 3}}},
                      version="gateway.mulesoft.com/v1beta1"),
                  api("a", f"http://127.0.0.1:{port}", {"only": service(origin)})], workers=2)
    clients = [RawClient(port) for _ in range(10)]
    for client in clients:
        client.send(request("/slow"))
    statuses = collections.Counter(client.response().status for client in clients)
    for client in clients:
        client.close()
    assert statuses == {200: 3, 503: 7}
    assert found.gate.ending_count("upstream_overflow", "gateway") == 7
    assert ask(port, "/after").status == 200          # the places are free again


def test_connections_are_counted_too(site, new_origin):
    from support.behaviours import delay
    origin, port = new_origin(), free_port()
    origin.on("/slow", delay(1))
    site([doc("Service", "s", {"address": origin.url}), api("a", f"http://127.0.0.1:{port}"),
          binding("r", "route", {"destinationRef": {"name": "s"}}, "a"),
          binding("b", "circuit-breaker-flex", {"thresholds": {"maxConnections": 2}}, "s", kind="Service")], workers=2)
    for _ in range(2):    # what was given back can be taken again
        clients = [RawClient(port) for _ in range(6)]
        for client in clients:
            client.send(request("/slow", headers={"Connection": "close"}))
        statuses = collections.Counter(client.response().status for client in clients)
        assert statuses[200] in (1, 2) and statuses[200] + statuses[503] == 6, statuses
        for client in clients:
            client.close()


def test_probes_on_a_port_of_their_own(site, origin):
    from support.metrics import fetch
    port, probes = free_port(), free_port()
    found = site([doc("Configuration", "p", {"probe": {"enabled": True, "port": probes}}),
                  api("a", f"http://127.0.0.1:{port}", {"only": service(origin)})], watch=True)
    assert fetch(probes, "/probes/readiness?allowEnvoyErrors=true")[0] == 200
    assert fetch(probes, "/probes/liveness")[0] == 200
    assert fetch(probes, "/metrics")[0] == 404
    before = found.gate.generation()
    found.write("apis.yaml", [api("a", f"http://127.0.0.1:{port}", {"only": service(origin)})])
    until(lambda: found.gate.generation() > before, "a reload", timeout=20 * SLOW)
    with pytest.raises(OSError):
        fetch(probes, "/probes/liveness")


def test_tracing_samples_and_labels(site, origin, collector):
    port = free_port()
    tracing = {"provider": {"type": "opentelemetry", "properties": {
                   "address": f"http://127.0.0.1:{collector.http}", "serviceType": "http", "serviceName": "edge-gw"}},
               "sampling": {"client": 100, "random": 0, "overall": 100},
               "labels": [{"name": "site", "type": "environment", "keyName": "SITE", "defaultValue": "none"},
                          {"name": "kind", "type": "literal", "keyName": "edge"},
                          {"name": "client", "type": "requestHeader", "keyName": "Client_Id", "defaultValue": "anon"}]}
    site([doc("Configuration", "t", {"tracing": tracing}, version="gateway.mulesoft.com/v1beta1"),
          api("a", f"http://127.0.0.1:{port}", {"only": service(origin)})], env={"SITE": "north"})
    plain = ask(port, "/plain")
    forced = ask(port, "/forced", headers={"x-client-trace-id": "1", "client_id": "c7"})
    nobody = ask(port, "/nobody", headers={"x-client-trace-id": "1"})
    labels = lambda answer: {k: v for k, v in next(s for s in collector.trace(answer.id, 2) if s["kind"] == 2)["attributes"].items()
                             if k in ("site", "kind", "client")}
    assert labels(forced) == {"site": "north", "kind": "edge", "client": "c7"}
    assert labels(nobody) == {"site": "north", "kind": "edge", "client": "anon"}
    assert not [s for s in collector.spans() if s["traceId"] == plain.id]


def test_policies_by_the_names_and_settings_of_flex_gateway(site, new_origin, tmp_path):
    origin, port = new_origin(), free_port()

    def policy(name, **config):
        return {"policyRef": {"name": name, "namespace": "default"}, "config": config}

    def one(name, *policies):
        return api(name, f"http://127.0.0.1:{port}/{name}", {"only": service(origin)}, policies)
    secret = "0123456789abcdef0123456789abcdef"
    site([
        one("basic", policy("http-basic-authentication-flex", username="ann", password="s3cret")),
        one("here", policy("ip-allowlist-flex", ips=["127.0.0.0/8"])),
        one("there", policy("ip-allowlist-flex", ips=["10.0.0.0/8"], ipExpression="#[attributes.headers['x-forwarded-for']]")),
        one("blocked", policy("ip-blocklist-flex", ips=["127.0.0.1"])),
        one("headers", policy("header-injection-flex", inboundHeaders=[{"key": "x-zone", "value": "edge"}], outboundHeaders=[]),
            policy("header-removal-flex", inboundHeaders=["x-secret"], outboundHeaders=[])),
        one("json", policy("json-threat-protection-flex", maxContainerDepth=2, maxArrayElementCount=3)),
        one("spike", policy("spike-control-flex", maximumRequests=1, timePeriodInMilliseconds=60_000, queuingLimit=0)),
        one("pages", policy("http-basic-authentication-flex", username="ann", password="s3cret"),   # CORS comes first all the same
            policy("cors-flex", publicResource=False, supportCredentials=True, originGroups=[{
                "origins": ["https://shop.test"], "accessControlMaxAge": 60, "headers": ["x-a"], "exposedHeaders": [],
                "allowedMethods": [{"methodName": "PUT", "isAllowed": True}, {"methodName": "DELETE", "isAllowed": False}]}])),
        one("token", policy("jwt-validation-flex", signingMethod="hmac", signingKeyLength=256, textKey=secret,
                            jwtOrigin="httpBearerAuthenticationHeader", jwtKeyOrigin="text", validateAudClaim=True,
                            mandatoryAudClaim=True, supportedAudiences="orders, carts", mandatoryExpClaim=False,
                            skipClientIdValidation=True, validateCustomClaim=True,
                            mandatoryCustomClaims=[{"key": "tier", "value": "#['gold']"}])),
    ])
    status = lambda path, method="GET", **kw: ask(port, path, method, **kw).status
    import base64
    basic = {"Authorization": "Basic " + base64.b64encode(b"ann:s3cret").decode()}
    assert status("/basic/x", headers=basic) == 200 and status("/basic/x") == 401
    assert status("/here/x") == 200 and status("/blocked/x") == 403
    assert status("/there/x", headers={"X-Forwarded-For": "10.1.2.3"}) == 200 and status("/there/x") == 403
    assert status("/headers/x", headers={"x-secret": "1", "x-zone": "forged"}) == 200
    sent = origin.requests[-1].headers
    assert sent.get("x-zone") == "edge" and sent.get("x-secret") is None
    body = {"headers": {"Content-Type": "application/json"}}
    assert status("/json/x", "POST", body=b"[1,2,3]", **body) == 200
    assert status("/json/x", "POST", body=b"[1,2,3,4]", **body) == 400
    assert status("/json/x", "POST", body=b"[[[1]]]", **body) == 400
    assert [status("/spike/x"), status("/spike/x")] == [200, 429]
    asks = lambda method: ask(port, "/pages/x", "OPTIONS", headers={"Origin": "https://shop.test", "Access-Control-Request-Method": method})
    assert asks("PUT").headers.get("access-control-allow-methods") == "PUT"
    assert asks("PUT").headers.get("access-control-allow-origin") == "https://shop.test"
    assert status("/pages/x") == 401

    import hashlib
    import hmac
    import json
    encode = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def bearer(**claims):
        text = encode(b'{"alg":"HS256"}') + "." + encode(json.dumps(claims).encode())
        return {"Authorization": "Bearer " + text + "." + encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}
    assert status("/token/x", headers=bearer(aud="carts", tier="gold")) == 200
    assert status("/token/x", headers=bearer(aud="carts", tier="tin")) == 401
    assert status("/token/x", headers=bearer(aud="else", tier="gold")) == 401
    assert status("/token/x") == 400


def test_check_says_what_would_happen_to_a_request(binary, tmp_path):
    import subprocess
    path = tmp_path / "apis.yaml"
    rule = {"path": "/products(/.*)?", "methods": "GET|HEAD"}
    path.write_text(yaml.safe_dump_all([api("catalog", "http://0.0.0.0:8081/shop", {"products": service("http://products:3000", ([rule], "/v2"))}),
                                        binding("limit", "rate-limiting-flex", limits(5), "catalog", rules=[{"headers": {"x-slow": "yes"}}])]))

    def check(*options):
        done = subprocess.run([binary, "check", str(path), *options], capture_output=True, text=True)
        return done.returncode, done.stdout or done.stderr
    assert check("--request", "GET http://any:8081/shop/./products/7?a=1", "-H", "X-Slow: yes") == (0, """listener: 0.0.0.0:8081
path: /shop/products/7
api: catalog, base /shop
route: catalog.products, path /shop/products(/.*)?
captured: '/7'
policy 1: rate-limit 5/600s
upstream: catalog.products
  GET http://products:3000/v2/7?a=1
""")
    code, text = check("--request", "GET http://any:8081/shop/products")
    assert code == 0 and "not run: rate-limit 5/600s, whose rules do not take this request\n" in text
    assert check("--request", "POST http://any:8081/shop/products") == (0, "listener: 0.0.0.0:8081\nroute: none; answered 404\n")
    assert check("--request", "GET http://any:9/x") == (1, "glassgate: nothing listens for http on port 9: http on 8081\n")
    assert check("--request", "http://any:8081/x")[0] == 1
    assert check("--request", "GET http://any:8081/x", "-H", "broken")[0] == 1
    assert check("--request", "GET http://any:8081/x", "-H", "a: b\r\n\r\nGET /")[0] == 1


def test_the_usual_variable_is_a_document_stream(gateway, origin):
    port = free_port()
    found = Site(gateway, [], env={"FLEX_CONFIG": yaml.safe_dump(api("from-variable", f"http://127.0.0.1:{port}", {"only": service(origin)}))})
    assert ask(port, "/x").status == 200
    assert found.gate.until_access(api__name="from-variable")
