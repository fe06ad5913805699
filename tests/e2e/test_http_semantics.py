"""RFC 9110 and 9112 as a client and an upstream see them through the gateway."""

import hashlib
import random
import re
import time

import pytest

from conftest import gateways, origins
from support import behaviours as does
from support.client import Truncated, chunked, request
from support.gateway import SANITIZED, route
from support.origin import ok
from support.wait import until


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """One gateway for the module: everything goes to one origin."""
    with origins() as new_origin, gateways(tmp_path_factory.mktemp("http")) as start:
        origin = new_origin()
        gateway = start([route("all", origin)])
        gateway.origin = origin
        yield gateway


@pytest.fixture(scope="module")
def trusting(tmp_path_factory):
    """A gateway that takes its peers' word."""
    with origins() as new_origin, gateways(tmp_path_factory.mktemp("trusting")) as start:
        origin = new_origin()
        everybody = ["127.0.0.0/8"]
        gateway = start([route("all", origin)], trust={"forwarded": everybody, "requestId": everybody})
        gateway.origin = origin
        yield gateway


# ---- connections

def test_keep_alive_reuses_both_connections(site):
    path = "/keep-alive"
    with site.client() as client:
        for _ in range(5):
            answer = client.ask(path)
            assert answer.status == 200 and not answer.closes
    seen = site.origin.seen(path)
    assert len(seen) == 5 and len({r.connection for r in seen}) == 1


def test_connection_close_is_honoured(site):
    with site.client() as client:
        assert client.ask("/close", headers={"Connection": "close"}).closes
        client.expect_closed()


def test_pipelined_requests_are_answered_in_order(site):
    for i in range(8):
        site.origin.on(f"/pipe/{i}", does.delay(0.05 if i % 3 == 0 else 0, ok(f"answer {i}".encode())))
    with site.client() as client:
        client.send(b"".join(request(f"/pipe/{i}") for i in range(8)))
        assert [client.response().body for i in range(8)] == [f"answer {i}".encode() for i in range(8)]


def test_pipelined_bodies_are_kept_apart(site):
    site.origin.on("/pipe-echo", does.echo_body)
    with site.client() as client:
        client.send(request("/pipe-echo", "POST", body=b"first") +
                    request("/pipe-echo", "POST", {"Transfer-Encoding": "chunked"}) + chunked(b"sec", b"ond") +
                    request("/pipe-echo", "POST", body=b"third"))
        assert [client.response().body for _ in range(3)] == [b"first", b"second", b"third"]


def test_a_request_in_single_bytes(site):
    site.origin.on("/bytes", does.echo_body)
    with site.client() as client:
        for byte in request("/bytes", "POST", {"Transfer-Encoding": "chunked"}) + chunked(b"ab", b"c"):
            client.send(bytes([byte]))
        assert client.response().body == b"abc"


def test_empty_lines_before_a_request_are_skipped(site):
    with site.client() as client:
        assert client.send(b"\r\n\r\n" + request("/empty-line")).response().status == 200


def test_half_closed_client_gets_its_answer_or_counts_as_gone(site):
    with site.client() as client:
        client.send(request("/half", headers={"Connection": "close"}))
        answer = client.response()
        client.half_close()
    assert answer.status == 200


def test_http10_is_closed_unless_it_asks(site):
    with site.client() as client:
        answer = client.ask("/1.0", version="1.0")
        assert answer.status == 200 and answer.closes
        client.expect_closed()
    with site.client() as client:
        for _ in range(2):
            answer = client.ask("/1.0k", version="1.0", headers={"Connection": "keep-alive"})
            assert answer.headers.get("connection") == "keep-alive"
    assert {r.version for r in site.origin.seen("/1.0")} == {"1.1"}


def test_http10_gets_no_chunks(site):
    site.origin.on("/1.0/chunks", does.chunks(b"abc", b"def"))
    with site.client() as client:
        answer = client.ask("/1.0/chunks", version="1.0", headers={"Connection": "keep-alive"})
        assert (answer.framing, answer.body) == ("close", b"abcdef")


# ---- bodies

@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size", [0, 1, 5, 16383, 16384, 65537, 300_000])
def test_request_and_response_bodies_arrive_whole(site, framing, size):
    path = f"/body/{framing}/{size}"
    body = random.Random(size).randbytes(size)
    site.origin.on(path, does.echo_body)
    with site.client() as client:
        if framing == "length":
            client.send(request(path, "POST", {"Content-Length": str(size)}) + body)
        else:
            client.send(request(path, "POST", {"Transfer-Encoding": "chunked"}))
            client.send(chunked(*[body[i:i + 9000] for i in range(0, size, 9000)]))
        answer = client.response()
        assert answer.body == body
        assert client.ask("/after").status == 200   # the connection is in order
    assert site.origin.last(path).body == body
    line = site.record(answer)
    assert (line["request.bytes"], line["response.bytes"]) == (size, size)


def test_large_bodies_stay_intact(site):
    body = random.Random(1).randbytes(10_000_000)
    site.origin.on("/large", does.echo_body)
    with site.client(timeout=60) as client:
        # Both directions at once: the echo begins when the body is complete.
        client.send(request("/large", "POST", body=body))
        answer = client.response()
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(body).digest()
    assert site.origin.last("/large").headers.get("content-length") == "10000000"


def test_large_chunked_response_stays_intact(site):
    blocks = [random.Random(i).randbytes(50_000 + i) for i in range(200)]
    site.origin.on("/large-chunks", does.chunks(*blocks))
    answer = site.ask("/large-chunks")
    assert answer.framing == "chunked"
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(b"".join(blocks)).digest()


def test_trailers_pass_both_ways(site):
    site.origin.on("/trailers", does.chunks(b"x", trailers=[("X-Sum", "1"), ("Content-Length", "7")]))
    with site.client() as client:
        client.send(request("/trailers", "POST", {"Transfer-Encoding": "chunked", "TE": "trailers"}))
        client.send(chunked(b"body", trailers=[("X-Check", "4"), ("Host", "evil")]))
        answer = client.response()
    assert answer.trailers == [("X-Sum", "1")]        # a framing field is no trailer
    assert site.origin.last("/trailers").trailers == [("X-Check", "4")]
    assert site.origin.last("/trailers").headers.get("te") == "trailers"


def test_content_length_zero_goes_on(site):
    site.ask("/zero", "POST", headers={"Content-Length": "0"})
    assert site.origin.last("/zero").headers.get("content-length") == "0"
    site.ask("/none", "GET")
    assert "content-length" not in site.origin.last("/none").headers


def test_until_close_response_is_framed_anew(site):
    site.origin.on("/until-close", does.send(b"HTTP/1.0 200 OK\r\nX: y\r\n\r\nto the end", "close"))
    with site.client() as client:
        answer = client.ask("/until-close")
        assert (answer.framing, answer.body) == ("chunked", b"to the end")
        assert client.ask("/after").status == 200


def test_head_has_the_length_and_no_body(site):
    site.origin.on("/head", ok(b"12345"))
    with site.client() as client:
        answer = client.ask("/head", "HEAD")
        assert (answer.headers.get("content-length"), answer.body) == ("5", b"")
        assert client.ask("/head").body == b"12345"


@pytest.mark.parametrize("status,headers", [(204, {}), (304, {"ETag": '"a"', "Content-Length": "5"})])
def test_bodiless_statuses(site, status, headers):
    site.origin.on(f"/{status}", ok(b"", status, headers, "Bodiless"))
    with site.client() as client:
        answer = client.ask(f"/{status}")
        assert (answer.status, answer.body, "transfer-encoding" in answer.headers) == (status, b"", False)
        assert client.ask("/after").status == 200


def test_slow_pieces_flow_at_once(site):
    """What the upstream has sent is not held back until there is more."""
    site.origin.on("/drip", does.chunks(b"one", b"two", b"three", pause=0.15))
    arrived = []
    with site.client() as client:
        client.send(request("/drip"))
        client.response(on_data=lambda part: arrived.append((part, time.monotonic())))
    assert [part for part, _ in arrived] == [b"one", b"two", b"three"]
    assert arrived[2][1] - arrived[0][1] > 0.2


# ---- Expect and early answers

def test_100_continue_is_passed_on(site):
    with site.client() as client:
        client.send(request("/continue", "POST", {"Expect": "100-continue", "Content-Length": "3"}))
        assert client.reader.line() == b"HTTP/1.1 100 Continue"
        assert client.reader.line() == b""
        client.send(b"abc")
        assert client.response().status == 200
    assert site.origin.last("/continue").body == b"abc"


def test_expect_refused_by_the_upstream(site):
    site.origin.on("/refuse", does.send(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", read_body=False))
    with site.client() as client:
        client.send(request("/refuse", "POST", {"Expect": "100-continue", "Content-Length": "3"}))
        answer = client.response()
        assert answer.status == 417 and answer.closes


def test_unknown_expectation(site):
    answer = site.ask("/expect", headers={"Expect": "the-unexpected"})
    assert answer.status == 417
    assert not site.origin.seen("/expect")


def test_interim_answers_are_passed_on(site):
    site.origin.on("/hints", does.pieces(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n",
                                         b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    answer = site.ask("/hints")
    assert [(i.status, i.headers.get("link")) for i in answer.interim] == [(103, "</a.css>")]
    with site.client() as client:
        assert client.ask("/hints", version="1.0").interim == []


def test_early_answer_reaches_a_client_that_still_sends(site):
    site.origin.on("/early", does.send(b"HTTP/1.1 403 No\r\nContent-Length: 4\r\n\r\nnope", "close", read_body=False))
    with site.client() as client:
        client.send(request("/early", "POST", {"Content-Length": "10000000"}) + b"x" * 1000)
        answer = client.response()
        assert (answer.status, answer.body) == (403, b"nope") and answer.closes
    assert site.record(answer)["response.ending"] == "completed"


# ---- fields

def test_hop_by_hop_fields_are_removed_both_ways(site):
    site.origin.on("/hop", ok(headers={"Connection": "X-Mine, keep-alive", "X-Mine": "1", "Keep-Alive": "timeout=5",
                                       "X-Yours": "2", "Proxy-Connection": "keep-alive"}))
    answer = site.ask("/hop", headers=[
        ("Connection", "close, X-Secret-Hop"), ("X-Secret-Hop", "1"), ("Keep-Alive", "timeout=1"), ("X-Kept", "2"),
        ("Proxy-Connection", "keep-alive"), ("Proxy-Authorization", "Basic eA=="), ("TE", "gzip, trailers;q=0.5")])
    seen = site.origin.last("/hop").headers
    for name in ("connection", "x-secret-hop", "keep-alive", "proxy-connection", "proxy-authorization", "upgrade"):
        assert name not in seen, name
    assert seen.get("x-kept") == "2"
    for name in ("x-mine", "keep-alive", "proxy-connection"):
        assert name not in answer.headers, name
    assert answer.headers.get("x-yours") == "2"


@pytest.mark.parametrize("named", ["Host", "X-Forwarded-For", "Content-Length", "Authorization", "Cookie", "X-Request-Id"])
def test_connection_takes_away_nothing_that_matters(site, named):
    site.origin.on("/named", does.echo_body)
    answer = site.ask("/named", "POST", body=b"body", headers=[
        ("Connection", f"keep-alive, {named}"), ("Authorization", "Bearer x"), ("Cookie", "a=b")])
    assert answer.body == b"body"
    seen = site.origin.last("/named").headers
    assert named in seen


def test_via_is_appended(site):
    site.origin.on("/via", ok(headers={"Via": "1.0 inner"}))
    answer = site.ask("/via", headers={"Via": "1.1 outer"})
    assert site.origin.last("/via").headers.get("via") == "1.1 outer, 1.1 glassgate"
    assert answer.headers.get("via") == "1.0 inner, 1.1 glassgate"


def test_forwarding_fields_of_strangers_are_replaced(site):
    site.ask("/xff", host="shop.test:8080", headers={
        "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil", "Forwarded": "for=6.6.6.6"})
    seen = site.origin.last("/xff").headers
    assert seen.get("x-forwarded-for") == "127.0.0.1"
    assert seen.get("x-forwarded-proto") == "http"
    assert seen.get("x-forwarded-host") == "shop.test:8080"
    assert "forwarded" not in seen
    assert site.until_access(request__path="/xff")[0]["request.remoteAddress"] == "127.0.0.1"


def test_forwarding_fields_of_trusted_peers_are_continued(trusting):
    trusting.ask("/xff", headers={"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop"})
    seen = trusting.origin.last("/xff").headers
    assert seen.get("x-forwarded-for") == "203.0.113.7, 127.0.0.1"
    assert (seen.get("x-forwarded-proto"), seen.get("x-forwarded-host")) == ("https", "shop")
    assert trusting.until_access(request__path="/xff")[0]["request.remoteAddress"] == "203.0.113.7"


def test_upstream_gets_its_own_host_and_the_asked_one_beside(site):
    site.ask("/host", host="shop.test")
    assert site.origin.last("/host").headers.get("host") == site.origin.address


def test_host_can_be_preserved(gateway, origin):
    gate = gateway([route("all", "up")], upstreams=[
        {"name": "up", "targets": [{"url": origin.url}], "hostHeader": "preserve"}])
    gate.ask("/host", host="shop.test:8080")
    assert origin.last("/host").headers.get("host") == "shop.test:8080"


def test_absolute_form_wins_over_host(gateway, origin):
    gate = gateway([route("right", origin, hosts=["right.test"])])
    assert gate.ask("http://right.test/abs?x=1", host="wrong.test").status == 200
    assert origin.last("/abs").target == "/abs?x=1"
    assert gate.ask("http://wrong.test/abs2", host="right.test").status == 404


def test_request_id_is_made_returned_and_forwarded(site):
    answer = site.ask("/id", headers={"X-Request-Id": "mine"})
    assert re.fullmatch("[0-9a-f]{32}", answer.id)
    assert site.origin.last("/id").headers.get("x-request-id") == answer.id
    line = site.record(answer)
    assert line["trace.id"] == answer.id and re.fullmatch("[0-9a-f]{16}", line["span.id"])


def test_request_id_of_a_trusted_peer_is_taken(trusting):
    answer = trusting.ask("/id", headers={"X-Request-Id": "order-4711"})
    assert answer.id == "order-4711"
    assert trusting.origin.last("/id").headers.get("x-request-id") == "order-4711"
    assert re.fullmatch("[0-9a-f]{32}", trusting.record(answer)["trace.id"])


def test_request_id_of_the_upstream_does_not_replace_ours(site):
    site.origin.on("/their-id", ok(headers={"X-Request-Id": "theirs"}))
    answer = site.ask("/their-id")
    assert answer.headers.all("x-request-id") == [answer.id] and answer.id != "theirs"


def test_the_callers_trace_is_the_request_id(site):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = site.ask("/trace", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert answer.id == trace


def test_tracing_off_leaves_the_callers_fields_alone(site):
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    site.ask("/through", headers={"traceparent": parent, "tracestate": "a=b", "b3": "0"})
    seen = site.origin.last("/through").headers
    assert (seen.get("traceparent"), seen.get("tracestate"), seen.get("b3")) == (parent, "a=b", "0")


def test_repeated_fields_stay_repeated(site):
    site.origin.on("/repeat", ok(headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]))
    answer = site.ask("/repeat", headers=[("Accept", "a"), ("Accept", "b")])
    assert answer.headers.all("set-cookie") == ["a=1", "b=2"]
    assert site.origin.last("/repeat").headers.all("accept") == ["a", "b"]


def test_answers_carry_a_date(site):
    site.origin.on("/dated", ok(headers={"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}))
    assert site.ask("/dated").headers.get("date") == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", site.ask("/undated").headers.get("date"))


def test_query_and_path_go_on_byte_for_byte(site):
    site.ask("/p%C3%A4th/a%2Fb//c?q=%20+a&b=[1]")
    assert site.origin.requests[-1].target == "/p%C3%A4th/a%2Fb//c?q=%20+a&b=[1]"


# ---- upgrades

WEBSOCKET = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


def test_websocket_goes_through(site):
    site.origin.on("/ws", does.upgrade_echo())
    with site.client() as client:
        frame = b"\x81\x85\x01\x02\x03\x04" + bytes(b ^ m for b, m in zip(b"hello", b"\x01\x02\x03\x04\x01"))
        client.send(request("/ws", headers=WEBSOCKET) + frame)   # the first frame with the request
        answer = client.response()
        assert answer.status == 101
        assert answer.headers.get("upgrade") == "websocket"
        assert answer.headers.get("connection").lower() == "upgrade"
        assert answer.headers.get("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert client.reader.exactly(len(frame)) == frame
        block = random.Random(2).randbytes(500_000)
        for start in range(0, len(block), 50_000):
            client.send(block[start:start + 50_000])
            assert client.reader.exactly(50_000) == block[start:start + 50_000]
        site.until_metric("flex_exchanges_active", 1, listener="public")
    line, = site.until_access(request__path="/ws")
    assert (line["response.status"], line["response.ending"]) == (101, "upgraded")
    assert line["response.bytes"] == line["request.bytes"] == len(frame) + len(block)
    site.until_metric("flex_stream_lifetime_seconds_count", 1, route="all", kind="websocket")


def test_upgrade_refused_by_the_upstream(site):
    site.origin.on("/no-ws", ok(b"no", 426, {"Upgrade": "websocket", "Connection": "Upgrade"}))
    with site.client() as client:
        answer = client.ask("/no-ws", headers=WEBSOCKET)
        assert (answer.status, answer.body, answer.headers.get("upgrade")) == (426, b"no", "websocket")


@pytest.mark.parametrize("protocol", ["h2c", "HTTP/2.0", "TLS/1.0", "websocket, h2c"])
def test_upgrades_that_would_bypass_routing_are_not_forwarded(site, protocol):
    site.ask("/h2c", headers={"Connection": "Upgrade, HTTP2-Settings", "Upgrade": protocol, "HTTP2-Settings": "AAMAAABk"})
    seen = site.origin.last("/h2c").headers
    assert "upgrade" not in seen and "http2-settings" not in seen and "connection" not in seen


def test_101_that_nobody_asked_for(site):
    site.origin.on("/unasked", does.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "close"))
    answer = site.ask("/unasked")
    assert answer.status == 502
    assert site.record(answer)["response.ending"] == "upstream_malformed"


# ---- backpressure

@pytest.mark.skipif(SANITIZED is not None, reason="a sanitizer's own memory hides the gateway's")
def test_a_client_that_does_not_read_does_not_grow_memory(gateway, origin):
    block = does.endless(length=200_000_000)
    origin.on("/flood", block)
    gate = gateway([route("all", origin)])
    gate.ask("/warm")
    before = gate.rss_bytes()
    with gate.client(receive_buffer=65536) as client:
        client.send(request("/flood"))
        last = [0, 0]

        def stalled():   # the origin cannot send more: every buffer between is full
            last[:] = [last[1], block.sent]
            return block.sent > 0 and last[0] == last[1]
        until(stalled, "the origin is stopped by backpressure", timeout=10, every=0.3)
        assert block.sent < 50_000_000
        assert gate.rss_bytes() - before < 8_000_000
    gate.until_access(request__path="/flood", response__ending="client_abort")


def test_an_upstream_that_does_not_read_stops_the_client(gateway, origin):
    def ignore(ex):
        ex.wait(1)
        ex.read_body()
        ok()(ex)
    origin.on("/ignore", ignore)
    gate = gateway([route("all", origin)])
    gate.ask("/warm")
    before = gate.rss_bytes()
    with gate.client(timeout=30) as client:
        client.send(request("/ignore", "POST", body=b"x" * 30_000_000))
        assert client.response().status == 200
    assert SANITIZED or gate.rss_bytes() - before < 8_000_000
    assert len(origin.last("/ignore").body) == 30_000_000


# ---- clients that leave

def test_a_client_that_leaves_while_the_upstream_thinks_is_499(site):
    site.origin.on("/think", does.hang())
    with site.client() as client:
        client.send(request("/think"))
        until(lambda: site.origin.seen("/think"), "the origin has the request")
    line, = site.until_access(request__path="/think")
    assert (line["response.status"], line["response.ending"], line["response.origin"]) == (499, "client_abort", "client")
    assert line["upstream.attempts"] == 1
    assert site.metrics().value("flex_responses_total", route="all", method="GET", path="/*", code="499") >= 1


def test_a_client_that_resets_mid_body_is_an_abort(site):
    site.origin.on("/mid", does.endless())
    with site.client() as client:
        client.send(request("/mid"))
        client.reader.exactly(1000)
        client.reset()
    line, = site.until_access(request__path="/mid")
    assert line["response.ending"] == "client_abort"


def test_a_request_that_breaks_off_is_an_abort(site):
    with site.client() as client:
        client.send(request("/broken-off", "POST", {"Content-Length": "1000"}) + b"abc")
        until(lambda: site.origin.seen("/broken-off"), "the origin has the head")
    line, = site.until_access(request__path="/broken-off")
    assert (line["response.ending"], line["response.status"]) == ("client_abort", 499)


def test_truncation_is_visible(site):
    site.origin.on("/short", does.send(does.GOOD_HEAD + b"x" * 10, "close"))
    with pytest.raises(Truncated):
        site.ask("/short")


