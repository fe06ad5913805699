"""Flex Gateway's documents, beside a Gateway document that says where telemetry goes: routes, bindings, reloads."""

import collections

import pytest

from support.client import RawClient, ask, request
from support.flex import Site, api, binding, doc, limits, service
from support.gateway import SLOW
from support.ports import free_port
from support.wait import until


@pytest.fixture
def site(gateway):
    return lambda documents, **kw: Site(gateway, documents, **kw)


# ---- routes -------------------------------------------------------------------------------------

def test_captures_destination_paths_methods_headers_and_hosts(site, new_origin):
    origin, port = new_origin(), free_port()
    tell = lambda name: f"{origin.url}/{name}"   # the address's own path says which service it was
    found = site([api("catalog", f"http://127.0.0.1:{port}/shop", {
        "products": service(tell("products"), ([{"path": "/products(/.*)?", "methods": "GET|HEAD"}], "/v2/products")),
        "cart": service(tell("cart"), ([{"path": "(/cart.*)", "headers": {"x-channel": "web|app"}}], None),
                        ([{"path": "/basket/(.*)"}], "/")),
        "pairs": service(tell("pairs"), ([{"path": "/a(/x.*)/b(/y.*)"}, {"path": "/only", "host": r"api\.example\.com"}], None)),
        "writes": service(tell("writes"), ([{"path": "/products/.*", "methods": "POST|PURGE"}], None)),
    })])

    def target(path, method="GET", **kw):
        answer = ask(port, path, method, **kw)
        return origin.requests[-1].target if answer.status == 200 else answer.status

    assert target("/shop/products/7?q=/a/b") == "/products/v2/products/7?q=/a/b"
    assert target("/shop/products") == "/products/v2/products"
    assert target("/shop/products/../products/%37") == "/products/v2/products/7"   # as it is routed
    assert target("/shop/products/7", "POST") == "/writes/products/7"
    assert target("/shop/products/7", "PURGE") == "/writes/products/7"
    assert target("/shop/products/7", "DELETE") == 404                  # as Flex: no route
    assert target("/shop/cart/9", headers={"X-Channel": "app"}) == "/cart/cart/9"
    assert target("/shop/cart/9", headers={"X-Channel": "application"}) == 404
    assert target("/shop/cart/9") == 404
    assert target("/shop/basket/9") == "/cart/9"
    assert target("/shop/a/x1/b/y2") == "/pairs/x1/y2"
    assert target("/shop/only", host="API.example.com:8080") == "/pairs/only"
    assert target("/shop/only", host="api-example.com") == 404
    assert target("/products/7") == 404 and target("/shopping/products") == 404 and target("/shop") == 404
    line, *_ = found.gate.until_access(upstream__name="catalog.products")
    assert line["route.id"] == "catalog.products" and line["api.name"] == "catalog"
    assert line["route.path"] == "/shop/products(/.*)?"
    metrics = found.gate.metrics()
    assert metrics.sum("flex_requests_total", route="catalog.products", path="/shop/products(/.*)?", method="GET") == 3
    assert metrics.sum("flex_requests_total", route="catalog.cart#2", path="/shop/basket/(.*)") == 1
    # There from the start, at zero.
    assert ("HEAD" in {dict(labels)["method"] for labels in
                       metrics.select("flex_requests_total", route="catalog.products")})


def test_rewriting_does_not_leave_the_root(site, origin):
    port = free_port()
    site([api("odd", f"http://127.0.0.1:{port}", {"all": service(origin, ([{"path": "/in/(.)/(.*)"}], None))})])
    assert ask(port, "/in/a/b/c").status == 200 and origin.requests[-1].target == "/ab/c"
    assert ask(port, "/in/-/x").status == 200
    answer = ask(port, "/in/%2e/x")                       # a dot segment is resolved before any rule
    assert answer.status == 404
    assert ask(port, "/in/./x").status == 404


def test_several_apis_on_one_port_and_one_api_over_the_whole_of_another(site, new_origin):
    origin, shared, own = new_origin(), free_port(), free_port()
    to = lambda name: {"only": service(f"{origin.url}/{name}")}
    site([api("one", f"http://127.0.0.1:{shared}/one", to("one")), api("two", f"http://127.0.0.1:{shared}/two/v2", to("two")),
          api("whole", f"http://127.0.0.1:{own}", to("whole"))])

    def chosen(port, path):
        answer = ask(port, path)
        return origin.requests[-1].target if answer.status == 200 else answer.status
    assert chosen(shared, "/one/x") == "/one/x" and chosen(shared, "/one") == "/one/"
    assert chosen(shared, "/two/v2/x") == "/two/x"
    assert chosen(shared, "/two/x") == 404 and chosen(shared, "/") == 404
    assert chosen(own, "/one/x") == "/whole/one/x" and chosen(own, "/") == "/whole/"


def test_services_and_route_bindings_with_weights(site, new_origin):
    stable, canary, other, port = new_origin(), new_origin(), new_origin(), free_port()
    ref = lambda name: {"destinationRef": {"name": name}}
    found = site([
        doc("Service", "stable", {"address": stable.url}), doc("Service", "canary", {"address": canary.url}),
        doc("Service", "other", {"address": other.url}), api("orders", f"http://127.0.0.1:{port}/orders"),
        binding("special", "route", {"destinationPath": "/special", **ref("other")}, "orders", rules=[{"path": "/s(/.*)"}]),
        binding("split", "route-weighted", {"routes": [{"weight": 90, "destinationPath": "/", **ref("stable")},
                                                       {"weight": 10, "destinationPath": "/new", **ref("canary")}]},
                "orders", rules=[{"path": "(/.*)"}]),
    ])
    with RawClient(port) as client:
        for i in range(400):
            assert client.ask(f"/orders/{i}").status == 200
        assert client.ask("/orders/s/1").status == 200
    assert [r.target for r in other.requests] == ["/special/1"]
    counts = len(stable.requests), len(canary.requests)
    assert sum(counts) == 400 and 8 <= counts[1] <= 90, counts          # 40 expected; odds of leaving this below 1e-8
    assert all(r.target.startswith("/new/") for r in canary.requests)
    assert not any(r.target.startswith("/new") for r in stable.requests)
    metrics = found.gate.metrics()
    assert metrics.sum("flex_upstream_attempts_total", upstream="canary") == counts[1]
    assert metrics.sum("flex_requests_total", route="orders.split", path="/orders(/.*)") == 400


# ---- policies -----------------------------------------------------------------------------------

def test_a_limit_is_shared_by_all_routes_of_its_api_and_of_no_other(site, origin):
    port = free_port()
    services = {"a": service(origin, ([{"path": "/a"}], None)), "b": service(origin, ([{"path": "/b"}, {"path": "/c"}], None))}
    site([api("first", f"http://127.0.0.1:{port}/first", services), api("second", f"http://127.0.0.1:{port}/second", services),
          binding("limit", "rate-limiting-flex", limits(3), "first"), binding("limit2", "rate-limiting-flex", limits(3), "second")])
    answers = [ask(port, f"/first/{path}") for path in "abca"]
    assert [a.status for a in answers] == [200, 200, 200, 429]
    assert [a.headers.get("x-ratelimit-remaining") for a in answers] == ["2", "1", "0", "0"]
    assert answers[3].headers.get("x-ratelimit-limit") == "3"
    assert b'"error": "Too Many Requests"' in answers[3].body or b'"error":"Too Many Requests"' in answers[3].body
    assert ask(port, "/second/a").status == 200


def test_bindings_by_selector_with_rules_and_in_order(site, origin):
    port = free_port()
    one = {"all": service(origin)}
    by_header = "#[attributes.headers['client_id']]"
    found = site([
        api("web", f"http://127.0.0.1:{port}/web", one, labels={"team": "shop", "tier": "gold"}),
        api("app", f"http://127.0.0.1:{port}/app", one, labels={"team": "shop"}),
        api("ops", f"http://127.0.0.1:{port}/ops", one),
        # Written first, runs second.
        binding("limit", "rate-limiting-flex", limits(2, key=by_header), {"kind": "Selector", "selector":
                {"kind": "ApiInstance", "labels": {"team": "shop"}}}, order=20, rules=[{"methods": "POST"}, {"path": "/search/.*"}]),
        binding("who", "client-id-enforcement", {"credentialsOriginHasHttpBasicAuthenticationHeader": "customExpression",
                "clientIdExpression": by_header}, {"kind": "Selector", "selector": {"kind": "ApiInstance",
                "labels": {"team": "shop", "tier": "gold"}}}, order=10),
    ])
    statuses = lambda path, method, count, **kw: [ask(port, path, method, **kw).status for _ in range(count)]
    known = {"headers": {"client_id": "c1"}}
    assert statuses("/web/x", "GET", 4, **known) == [200] * 4            # no rule takes it
    assert statuses("/web/x", "POST", 2, **known) == [200] * 2
    assert statuses("/web/search/x", "GET", 1, **known) == [429]         # one limit, whichever rule
    assert statuses("/web/x", "POST", 1, headers={"client_id": "c2"}) == [200]
    assert statuses("/web/x", "GET", 1) == [401]
    assert statuses("/app/x", "POST", 3, **known) == [200, 200, 429]     # a limit of its own
    assert statuses("/ops/x", "POST", 5) == [200] * 5
    line = found.gate.until_access(api__name="web", response__status=429)[0]
    assert [step["policy"] for step in line["policy.outcomes"]] == ["client-id", "rate-limit"]
    line = found.gate.until_access(api__name="web", request__method="GET", response__status=200)[0]
    assert [step["policy"] for step in line["policy.outcomes"]] == ["client-id"]   # not meant, not run
    line = found.gate.until_access(api__name="web", response__status=401)[0]
    assert [step["policy"] for step in line["policy.outcomes"]] == ["client-id"]


def test_namespaces_keep_names_apart_and_fall_back_for_what_is_built_in(site, new_origin):
    red, blue, port = new_origin(), new_origin(), free_port()
    both = []
    for space, origin in (("red", red), ("blue", blue)):
        both += [doc("Service", "backend", {"address": origin.url}, namespace=space),
                 api("orders", f"http://127.0.0.1:{port}/{space}", namespace=space),
                 binding("to-it", "route", {"destinationRef": {"name": "backend"}}, "orders", namespace=space)]
    both.append(binding("limit", "rate-limiting-flex", limits(1), "orders", namespace="red"))
    found = site(both)
    assert ask(port, "/red/x").status == 200 and ask(port, "/red/x").status == 429
    assert ask(port, "/blue/x").status == 200 and ask(port, "/blue/x").status == 200
    assert len(red.requests) == 1 and len(blue.requests) == 2
    assert found.gate.until_access(api__name="red/orders", upstream__name="red/backend")


# ---- services and settings ----------------------------------------------------------------------

def test_timeouts_of_a_configuration_and_of_a_policy_on_a_service(site, new_origin):
    from support.behaviours import delay
    slow, port = new_origin(), free_port()
    slow.on("/slow", delay(8))
    found = site([
        doc("Configuration", "t", {"timeouts": {"upstreamResponseSeconds": 60}}),
        doc("Service", "patient", {"address": slow.url}), doc("Service", "hasty", {"address": slow.url}),
        api("a", f"http://127.0.0.1:{port}/a"), binding("ra", "route", {"destinationRef": {"name": "hasty"}}, "a"),
        binding("rt", "response-timeout-flex", {"timeout": 1}, "hasty", kind="Service"),
    ])
    answer = ask(port, "/a/slow")
    assert answer.status == 504
    assert found.gate.record(answer)["response.ending"] == "upstream_timeout"


def test_variables_expand_and_flex_variables_count(site, origin):
    port = free_port()
    found = site([api("v", f"http://127.0.0.1:{port}/$BASE", {"only": service("${ORIGIN}")},
                      policies=[{"policyRef": {"name": "rate-limiting-flex"}, "config":
                                 {"rateLimits": [{"maximumRequests": "$LIMIT", "timePeriodInMilliseconds": 600000}]}}])],
                 env={"BASE": "from-outside", "ORIGIN": origin.url, "LIMIT": "2", "FLEX_REWRITE_HOST_HEADER": "false"})
    assert [ask(port, "/from-outside/x", host="kept.test").status for _ in range(3)] == [200, 200, 429]
    assert origin.requests[-1].headers.get("host") == "kept.test"
    assert found.gate.complaints() == ""


def test_tls_of_a_port(site, origin, tmp_path):
    import subprocess

    from support.certificates import Authority
    authority = Authority(tmp_path / "ca")
    pem, key = authority.issue("site", "/CN=localhost", "DNS:localhost,IP:127.0.0.1")
    client, client_key = authority.issue("client", "/CN=client", "DNS:client.test")
    port = free_port()
    one = {"only": service(origin)}
    found = site([api("a", f"https://127.0.0.1:{port}/a", one), api("b", f"https://127.0.0.1:{port}/b", one),
                  binding("tls", "tls", {"requireClientCertificate": True, "trustedCA": authority.pem.read_text(),
                          "certificate": {"crt": pem.read_text(), "key": key.read_text()}, "alpn": ["h2", "http/1.1"],
                          "minversion": "1.2", "maxversion": "1.3"}, "a")])

    def curl(path, *options):
        done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{http_version}", "--max-time",
                               str(10 * SLOW), "--cacert", str(authority.pem), *options, f"https://127.0.0.1:{port}{path}"],
                              capture_output=True, text=True)
        return done.stdout
    identity = ["--cert", str(client), "--key", str(client_key)]
    assert curl("/a/x", *identity) == "200 2" and curl("/b/x", *identity) == "200 2"
    assert curl("/b/x", "--http1.1", *identity) == "200 1.1"
    assert curl("/a/x").startswith("000")
    assert found.gate.until_access(api__name="b", request__scheme="https")


# ---- the folder ---------------------------------------------------------------------------------

def test_a_folder_is_watched(site, new_origin):
    first, second, port = new_origin(), new_origin(), free_port()
    found = site([api("a", f"http://127.0.0.1:{port}/a", {"only": service(first)})], watch=True)
    gate = found.gate
    gate.audited = False    # the series of an API that is taken away go with it, and what they counted
    assert ask(port, "/a/x").status == 200 and ask(port, "/b/x").status == 404

    def reloaded(write):
        before = gate.generation()
        write()
        until(lambda: gate.generation() > before, lambda: f"a reload\n{gate.complaints()}", timeout=20 * SLOW)
    with RawClient(port) as held:
        assert held.ask("/a/1").status == 200
        reloaded(lambda: found.write("more.yaml", [api("b", f"http://127.0.0.1:{port}/b", {"only": service(second)})]))
        assert held.ask("/b/x").status == 200 and len(second.requests) == 1
        reloaded(lambda: (found.folder / "more.yaml").unlink())
        assert held.ask("/b/x").status == 404 and held.ask("/a/2").status == 200
    # A mistake keeps what runs.
    found.write("more.yaml", [binding("lost", "rate-limiting-flex", limits(1), "nobody")])
    event, = gate.until_event("config_rejected")
    assert "more.yaml:8:" in event["reason"] and "no ApiInstance 'nobody'" in event["reason"]
    assert ask(port, "/a/x").status == 200


def test_limits_go_on_over_a_reload(site, origin):
    port = free_port()
    one = api("a", f"http://127.0.0.1:{port}/a", {"only": service(origin)})
    found = site([one, binding("limit", "rate-limiting-flex", limits(3), "a")], watch=True)
    assert [ask(port, "/a/x").status for _ in range(2)] == [200, 200]
    before = found.gate.generation()
    found.write("apis.yaml", [one, binding("limit", "rate-limiting-flex", limits(4), "a")])
    until(lambda: found.gate.generation() > before, "a reload", timeout=20 * SLOW)
    assert [ask(port, "/a/x").status for _ in range(3)] == [200, 200, 429]
    event, = found.gate.until_event("rate_limit_config_updated")
    assert event["old_limit"] == "3/600s" and event["new_limit"] == "4/600s" and event["route"] == "a.only"


# ---- beside a Gateway document ------------------------------------------------------------------

def test_a_gateways_routes_and_apis_on_one_listener(gateway, new_origin):
    native, flex, own_port = new_origin(), new_origin(), free_port()
    found = Site(lambda routes, **kw: gateway([{"id": "rest", "path": ["/*"], "upstream": {"url": native.url}}], **kw), [],
                 listeners=True, watch=True)
    gate = found.gate
    before = gate.generation()
    found.write("apis.yaml", [api("inside", f"http://127.0.0.1:{gate.port}/inside", {"only": service(flex, ([{"path": "/x"}], None))}),
                              api("whole", f"http://127.0.0.1:{gate.port}", {"only": service(flex)}),
                              api("apart", f"http://127.0.0.1:{own_port}/apart", {"only": service(flex)})])
    until(lambda: gate.generation() > before, lambda: f"a reload\n{gate.complaints()}", timeout=20 * SLOW)
    who = lambda port, path: {"status": ask(port, path).status, "native": len(native.requests), "flex": len(flex.requests)}
    assert who(gate.port, "/inside/x") == {"status": 200, "native": 0, "flex": 1}
    assert who(gate.port, "/inside/y") == {"status": 404, "native": 0, "flex": 1}     # the API owns its base
    assert who(gate.port, "/other") == {"status": 200, "native": 1, "flex": 1}        # the Gateway's routes come before /
    assert who(own_port, "/apart/x") == {"status": 200, "native": 1, "flex": 2}
    assert who(own_port, "/other") == {"status": 404, "native": 1, "flex": 2}         # and are not served on ports of APIs


def test_metrics_and_log_of_requests_no_rule_takes(site, origin):
    port = free_port()
    found = site([api("a", f"http://127.0.0.1:{port}/a", {"only": service(origin, ([{"path": "/x"}], None))})])
    answer = ask(port, "/a/none")
    assert answer.status == 404
    line = found.gate.record(answer)
    assert line["response.ending"] == "no_route" and line.get("route.id") in (None, "none")
    assert found.gate.metrics().sum("flex_requests_total", route="none") == 1


def test_pipelined_and_repeated_requests_reuse_state(site, origin):
    """Captured paths of one exchange do not show in the next."""
    port = free_port()
    site([api("a", f"http://127.0.0.1:{port}", {"deep": service(origin, ([{"path": "/deep(/.*)", "methods": "POST"}], "/d")),
                                                "all": service(origin)})])
    with RawClient(port) as client:
        client.send(request("/deep/a/b/c", "POST", body=b"x") + request("/y") + request("/deep/z", "POST", body=b"z"))
        assert [client.response("POST").status, client.response().status, client.response("POST").status] == [200] * 3
    assert [r.target for r in origin.requests] == ["/d/a/b/c", "/y", "/d/z"]
    assert collections.Counter(r.body for r in origin.requests) == {b"x": 1, b"": 1, b"z": 1}
