"""Host, listener, path and method to a route; what is no route is counted, too."""

import pytest

from conftest import gateways, origins
from support.gateway import route
from support.origin import ok
from support.ports import free_port

ROUTES = {   # id: (paths, more)
    "exact": (["/api/products"], {}),
    "param": (["/api/products/:id"], {}),
    "brace": (["/api/carts/{id}/items"], {}),
    "special": (["/api/products/special"], {}),
    "star": (["/api/*"], {}),
    "get-only": (["/methods"], {"methods": ["GET"]}),
    "put-only": (["/methods"], {"methods": ["PUT", "DELETE"]}),
    "post-of-param": (["/mixed/:id"], {"methods": ["POST"]}),
    "get-of-literal": (["/mixed/one"], {"methods": ["GET"]}),
    "host": (["/hosts/*"], {"hosts": ["www.shop.test"]}),
    "wildcard": (["/hosts/*"], {"hosts": ["*.shop.test"]}),
    "deep-wildcard": (["/hosts/*"], {"hosts": ["*.eu.shop.test"]}),
    "any-host": (["/hosts/*"], {}),
    "only-host": (["/only"], {"hosts": ["only.test"]}),
    "strip": (["/strip/v1/*"], {"stripPrefix": "/strip/v1"}),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Every route's upstream says its route's name, by the URL's own path."""
    with origins() as new_origin, gateways(tmp_path_factory.mktemp("routing")) as start:
        origin = new_origin()
        routes = [route(id, {"url": f"{origin.url}/to/{id}"}, paths, **more) for id, (paths, more) in ROUTES.items()]
        gateway = start(routes)
        gateway.origin = origin
        yield gateway


def chosen(site, path, method="GET", host="any.test"):
    answer = site.ask(path, method, host=host)
    if answer.status != 200:
        return answer.status
    target = site.origin.requests[-1].target
    assert target.startswith("/to/")
    return target.split("/")[2]


@pytest.mark.parametrize("path,expected", [
    ("/api/products", "exact"),
    ("/api/products?x=/../y", "exact"),
    ("/api/products/17", "param"),
    ("/api/products/special", "special"),
    ("/api/products/special/", "star"),
    ("/api/carts/9/items", "brace"),
    ("/api/carts/9", "star"),
    ("/api/products/17/reviews", "star"),
    ("/api/", "star"),
    ("/api", "star"),
    ("/api/x/../products", "exact"),          # what is routed is what is sent
    ("/api/%70roducts", "exact"),
    ("/api/./products/17", "param"),
    ("/API/products", 404),                   # paths have case
    ("/", 404), ("/apis", 404), ("/api.", 404),
])
def test_path_precedence(site, path, expected):
    assert chosen(site, path) == expected


@pytest.mark.parametrize("host,expected", [
    ("www.shop.test", "host"), ("WWW.Shop.Test", "host"), ("www.shop.test:8080", "host"),
    ("m.shop.test", "wildcard"), ("a.eu.shop.test", "deep-wildcard"), ("shop.test", "any-host"),
    ("www.shop.test.evil", "any-host"), ("[::1]:80", "any-host"),
])
def test_host_precedence(site, host, expected):
    assert chosen(site, "/hosts/x", host=host) == expected


def test_a_host_without_this_path_falls_back(site):
    assert chosen(site, "/api/products", host="www.shop.test") == "exact"
    assert chosen(site, "/only", host="other.test") == 404


@pytest.mark.parametrize("path,method,expected", [
    ("/methods", "GET", "get-only"), ("/methods", "PUT", "put-only"), ("/methods", "DELETE", "put-only"),
    ("/methods", "POST", 405), ("/methods", "BREW", 405),
    ("/mixed/one", "GET", "get-of-literal"), ("/mixed/one", "POST", "post-of-param"), ("/mixed/two", "GET", 405),
])
def test_methods(site, path, method, expected):
    assert chosen(site, path, method) == expected


def test_405_names_what_is_allowed(site):
    answer = site.ask("/methods", "POST")
    assert answer.status == 405
    assert sorted(answer.headers.get("allow").split(", ")) == ["DELETE", "GET", "PUT"]
    line = site.record(answer)
    assert (line["response.ending"], line["response.origin"]) == ("method_not_allowed", "client")


def test_404_is_counted_and_logged_under_route_none(site):
    before = site.metrics().value("flex_requests_total", route="none", method="GET", path="none")
    answer = site.ask("/nowhere")
    assert answer.status == 404
    line = site.record(answer)
    assert (line["response.ending"], line["response.origin"], line["route.id"]) == ("no_route", "client", "none")
    site.until_metric("flex_requests_total", lambda v: v > before, route="none", method="GET")
    with site.client() as client:   # a wrong path costs nobody the connection
        assert [client.ask("/nowhere").closes, client.ask("/api/products").status] == [False, 200]


def test_unknown_methods_are_one_label(site):
    assert chosen(site, "/api/brew", "BREW") == "star"
    assert site.origin.requests[-1].method == "BREW"
    site.until_metric("flex_requests_total", 1, route="star", method="OTHER", path="/api/*")


def test_the_pattern_is_the_label_and_the_field(site):
    line = site.record(site.ask("/api/products/4711"))
    assert (line["route.id"], line["route.path"], line["request.path"]) == ("param", "/api/products/:id", "/api/products/4711")
    assert site.metrics().select("flex_requests_total", path="/api/products/:id")
    assert not site.metrics().select("flex_requests_total", path="/api/products/4711")


def test_strip_prefix(site):
    site.ask("/strip/v1/orders/7?x=1")
    assert site.origin.requests[-1].target == "/to/strip/orders/7?x=1"
    site.ask("/strip/v1")
    assert site.origin.requests[-1].target in ("/to/strip/", "/to/strip")


def test_listeners(gateway, new_origin):
    inner, outer = new_origin(default=ok(b"inner")), new_origin(default=ok(b"outer"))
    second = free_port()
    gate = gateway([route("outer", outer), route("inner", inner, listeners=["private"])], listeners=[
        {"name": "public", "address": f"http://127.0.0.1:{free_port()}"},
        {"name": "private", "address": f"http://127.0.0.1:{second}"}])
    gate.port = int(gate.spec["listeners"][0]["address"].rsplit(":")[-1])
    assert gate.ask("/").body == b"outer"
    gate.port = second
    assert gate.ask("/").body == b"inner"
    gate.until_metric("flex_connections_total", 1, listener="private")
    gate.until_metric("flex_connections_total", 1, listener="public")
