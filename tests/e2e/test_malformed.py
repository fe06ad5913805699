"""What a smuggler, a fuzzer or a broken client sends: refused with a precise reason, the connection
closed, nothing of it upstream, and every refusal in metrics and log."""

import json

import pytest

from conftest import gateways, origins
from support import behaviours as does
from support.client import chunked, request
from support.gateway import route
from support.wait import until

HOST = b"Host: a\r\n"


def post(fields, body=b""):
    return b"POST /reached HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


# name: (bytes, status, detail)
SMUGGLING = {
    "two lengths": (post(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd"), 400, "conflicting Content-Length"),
    "same length twice": (post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"), 400, "repeated Content-Length"),
    "list of lengths": (post(b"Content-Length: 3, 3\r\n", b"abc"), 400, "bad Content-Length"),
    "signed length": (post(b"Content-Length: +3\r\n", b"abc"), 400, "bad Content-Length"),
    "negative length": (post(b"Content-Length: -1\r\n"), 400, "bad Content-Length"),
    "hexadecimal length": (post(b"Content-Length: 0x3\r\n", b"abc"), 400, "bad Content-Length"),
    "huge length": (post(b"Content-Length: 99999999999999999999\r\n"), 400, "bad Content-Length"),
    "empty length": (post(b"Content-Length:\r\n"), 400, "bad Content-Length"),
    "length and chunked": (post(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 400,
                           "Content-Length with Transfer-Encoding"),
    "chunked and length": (post(b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", b"0\r\n\r\n"), 400,
                           "Content-Length with Transfer-Encoding"),
    "chunked twice": (post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 400,
                      "bad Transfer-Encoding"),
    "chunked, chunked": (post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"), 400, "bad Transfer-Encoding"),
    "chunked, identity": (post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"), 400, "bad Transfer-Encoding"),
    "xchunked": (post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), 400, "bad Transfer-Encoding"),
    "quoted chunked": (post(b'Transfer-Encoding: "chunked"\r\n', b"0\r\n\r\n"), 400, "bad Transfer-Encoding"),
    "chunked with vertical tab": (post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"), 400, "control byte"),
    "gzip, chunked": (post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), 501, "unsupported Transfer-Encoding"),
    "chunked in 1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "Transfer-Encoding in HTTP/1.0"),
    "obs-fold": (post(b"X: a\r\n b\r\n"), 400, "folded field line"),
    "obs-fold with tab": (post(b"X: a\r\n\tb\r\n"), 400, "folded field line"),
    "space before colon": (post(b"Content-Length : 3\r\n", b"abc"), 400, "space before colon"),
    "tab before colon": (post(b"Transfer-Encoding\t: chunked\r\n"), 400, "space before colon"),
    "no colon": (post(b"Nonsense\r\n"), 400, "field line without colon"),
    "empty name": (post(b": x\r\n"), 400, "empty field name"),
    "bad name": (post(b"X(y): x\r\n"), 400, "bad byte in field name"),
    "bare LF": (b"GET / HTTP/1.1\nHost: a\n\n", 400, "line ends in a bare LF"),
    "bare LF in a field": (b"GET / HTTP/1.1\r\nHost: a\r\nX: y\nContent-Length: 3\r\n\r\n", 400, "line ends in a bare LF"),
    "bare CR in a value": (post(b"X: a\rb\r\n"), 400, "CR without LF"),
    "NUL in a value": (post(b"X: a\x00b\r\n"), 400, "NUL byte"),
    "NUL in the target": (b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "NUL byte"),
    "control byte": (post(b"X: a\x01b\r\n"), 400, "control byte"),
    "DEL": (post(b"X: a\x7fb\r\n"), 400, "control byte"),
    "encoded NUL": (b"GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad request target"),
    "space in the target": (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad request target"),
    "fragment": (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad request target"),
    "no slash": (b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad request target"),
    "asterisk of GET": (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad request target"),
    "userinfo": (b"GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad request target"),
    "other scheme": (b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad request target"),
    "bad method": (b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad method"),
    "leading space": (b" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "white space before the request line"),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400, "bad HTTP version"),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "unsupported HTTP version"),
    "HTTP/1.1x": (b"GET / HTTP/1.1x\r\nHost: a\r\n\r\n", 400, "bad HTTP version"),
    "http/1.1": (b"GET / http/1.1\r\nHost: a\r\n\r\n", 400, "bad HTTP version"),
    "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)), 400, "bad method"),
    "noise": (b"\xde\xad\xbe\xef" * 8, 400, "bad method"),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400, "Host is missing"),
    "two Hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "Host is repeated"),
    "bad Host": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "bad Host"),
    "Host with userinfo": (b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "bad Host"),
    "Host with a list": (b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "bad Host"),
    "Host port": (b"GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400, "bad Host"),
    "path above the root": (b"GET /a/../../b HTTP/1.1\r\nHost: a\r\n\r\n", 400, None),
    "encoded path above the root": (b"GET /%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n", 400, None),
}

CHUNKS = {
    "bad size": (b"xyz\r\n", "bad chunk size"),
    "signed size": (b"+3\r\nabc\r\n0\r\n\r\n", "bad chunk size"),
    "0x size": (b"0x3\r\nabc\r\n0\r\n\r\n", "bad chunk size"),
    "empty size": (b"\r\nabc\r\n", "bad chunk size"),
    "size with space": (b"3 \r\nabc\r\n0\r\n\r\n", "bad chunk size"),
    "bare LF after size": (b"3\nabc\r\n0\r\n\r\n", "line ends in a bare LF"),
    "overflowing size": (b"10000000000000003\r\nabc", "chunk size too large"),
    "longer than it says": (b"3\r\nabcd\r\n0\r\n\r\n", "chunk does not end in CRLF"),
    "LF after data": (b"3\r\nabc\n0\r\n\r\n", "chunk does not end in CRLF"),
    "control in extension": (b"3;a=\x01\r\nabc\r\n0\r\n\r\n", "bad chunk extension"),
    "endless extension": (b"3;" + b"a" * 5000 + b"\r\nabc\r\n0\r\n\r\n", "bad chunk extension"),
    "bad trailer": (b"0\r\nno colon\r\n\r\n", "bad trailer field"),
    "trailer with bare LF": (b"0\r\nA: b\n\r\n", "line ends in a bare LF"),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with origins() as new_origin, gateways(tmp_path_factory.mktemp("malformed")) as start:
        origin = new_origin()
        gateway = start([route("all", origin), route("small", origin, "/small", bodyBytes=1000)],
                        limits={"headerBytes": 8192, "headerCount": 20, "uriBytes": 2048},
                        timeouts={"headerMs": 400, "bodyMs": 400, "idleMs": 30_000})
        gateway.origin = origin
        yield gateway


def refused(site, data, ending="malformed_request", method="GET", origin="client"):
    """Sends; the answer, after checking that the connection is closed and the refusal counted and
    logged once."""
    count, before = site.ending_count(ending, origin), len(site.access(response__ending=ending))
    with site.client() as client:
        client.send(data)
        answer = client.response(method)
        assert answer.closes
        client.half_close()
        client.expect_closed()
    site.until_metric("flex_exchanges_total", count + 1, ending=ending, origin=origin)
    line = site.until_access(before + 1, response__ending=ending)[-1]
    assert line["response.status"] == answer.status and line["response.origin"] == "client"
    # Whoever sent it, it came from somewhere, and the answer names it.
    assert line["request.remoteAddress"] == "127.0.0.1"
    assert line["request.id"] and answer.id == line["request.id"]
    return answer, line


def reason(answer):
    """What the answer says was wrong."""
    assert answer.headers.get("content-type") == "application/json"
    return json.loads(answer.body)["error"]


@pytest.mark.parametrize("name", SMUGGLING)
def test_smuggling(site, name):
    data, status, detail = SMUGGLING[name]
    sent = len(site.origin.requests)
    answer, _ = refused(site, data)
    assert answer.status == status
    assert len(site.origin.requests) == sent, "it reached the upstream"
    if detail:
        assert reason(answer) == detail


@pytest.mark.parametrize("name", CHUNKS)
def test_bad_chunks(site, name):
    body, detail = CHUNKS[name]
    site.origin.on("/chunky", does.echo_body)
    answer, _ = refused(site, request("/chunky", "POST", {"Transfer-Encoding": "chunked"}) + body)
    assert answer.status == 400
    assert reason(answer) == detail
    assert not any(r.complete for r in site.origin.seen("/chunky")), "the upstream took it for a whole request"


def test_nothing_after_a_refusal_is_a_request(site):
    hidden = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
    refused(site, post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n") + hidden)
    assert not site.origin.seen("/hidden")


def test_the_answer_survives_a_client_that_goes_on_sending(site):
    with site.client() as client:
        client.send(b"GET / HTTP/9.9\r\nHost: a\r\n\r\n" + b"x" * 200_000)
        assert client.response().status == 505


# ---- limits

def test_uri_too_long(site):
    answer, _ = refused(site, request("/" + "a" * 3000), "uri_too_long")
    assert answer.status == 414


def test_uri_too_long_is_seen_before_its_end(site):
    answer, _ = refused(site, b"GET /" + b"a" * 4000, "uri_too_long")
    assert answer.status == 414


def test_header_section_too_large(site):
    answer, _ = refused(site, request("/", headers={"X": "a" * 9000}), "header_too_large")
    assert answer.status == 431


def test_header_section_too_large_is_seen_before_its_end(site):
    answer, _ = refused(site, request("/", headers={"X": "a" * 50_000})[:-4], "header_too_large")
    assert answer.status == 431


def test_too_many_fields(site):
    answer, _ = refused(site, request("/", headers=[(f"X-{i}", "a") for i in range(20)]), "header_too_large")
    assert answer.status == 431
    assert site.ask("/", headers=[(f"X-{i}", "a") for i in range(19)]).status == 200


def test_body_too_large_by_length(site):
    answer, _ = refused(site, request("/small", "POST", {"Content-Length": "1001"}) + b"x" * 10, "body_too_large")
    assert answer.status == 413
    assert site.ask("/small", "POST", body=b"x" * 1000).status == 200
    assert len(site.origin.seen("/small")) == 1


def test_body_too_large_by_chunks(site):
    answer, _ = refused(site, request("/small", "POST", {"Transfer-Encoding": "chunked"}) + chunked(b"x" * 600, b"y" * 600),
                        "body_too_large")
    assert answer.status == 413


# ---- deadlines

def test_header_deadline(site):
    answer, line = refused(site, b"GET /slow HTTP/1.1\r\nHost: a\r\n", "client_header_timeout")
    assert answer.status == 408
    assert 350 < line["response.duration_ms"] < 3000


def test_header_deadline_is_not_put_off_by_single_bytes(site):
    """Slowloris: a byte now and then does not keep the connection."""
    with site.client() as client:
        client.send(b"GET /loris HTTP/1.1\r\nHost: a\r\nX: ")
        client.sock.settimeout(0.1)

        def answered():
            try:
                client.send(b"a")
                return client.reader.more()
            except TimeoutError:
                return False
        until(answered, "the answer")
        assert client.reader.ahead.startswith(b"HTTP/1.1 408")


def test_body_deadline(site):
    answer, line = refused(site, request("/slow-body", "POST", {"Content-Length": "10"}) + b"abc", "client_body_timeout")
    assert answer.status == 408
    assert line["request.bytes"] == 3


def test_body_deadline_is_between_reads(site):
    site.origin.on("/steady", does.echo_body)
    with site.client() as client:
        client.send(request("/steady", "POST", {"Content-Length": "6"}))
        for byte in b"abcdef":
            client.send(bytes([byte]))
            client.sock.settimeout(0.15)   # 6 x 150 ms, each below the deadline
            with pytest.raises(TimeoutError):
                client.sock.recv(1)
            if byte == b"e"[0]:
                break
        client.sock.settimeout(5)
        client.send(b"f")
        assert client.response().body == b"abcdef"


def test_idle_connections_are_closed_silently(gateway, origin):
    gate = gateway([route("all", origin)], timeouts={"idleMs": 200})
    with gate.client() as client:
        assert client.ask("/").status == 200
        client.expect_closed(timeout=3)
    with gate.client() as client:
        client.expect_closed(timeout=3)   # not a byte of a request
    gate.until_metric("flex_connection_endings_total", 2, listener="public", ending="idle_timeout")
    assert gate.metrics().sum("flex_exchanges_total") == 1


def test_connection_limit(gateway, origin):
    gate = gateway([route("all", origin)], workers=1, limits={"connections": 3})
    clients = [gate.client() for _ in range(3)]
    assert all(c.ask("/").status == 200 for c in clients)
    with gate.client() as extra:
        extra.expect_closed()
    gate.until_metric("flex_connection_endings_total", 1, listener="public", ending="limit_exceeded")
    for client in clients:
        client.close()


def test_requests_per_connection(gateway, origin):
    gate = gateway([route("all", origin)], limits={"requestsPerConnection": 3})
    with gate.client() as client:
        assert [client.ask("/").closes for _ in range(3)] == [False, False, True]
        client.expect_closed()


def test_a_client_that_stops_taking_the_response(gateway, origin):
    origin.on("/big", does.endless())
    gate = gateway([route("all", origin)], timeouts={"writeMs": 300})
    with gate.client(receive_buffer=4096) as client:
        client.send(request("/big"))
        line, = gate.until_access(request__path="/big")
    assert (line["response.ending"], line["response.origin"]) == ("client_write_timeout", "client")
    assert gate.metrics().sum("flex_requests_errors_total") == 0
