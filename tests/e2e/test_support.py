"""The tools of these tests, tested against each other: what the gateway is judged by."""

import socket

import pytest

from support import behaviours
from support.client import RawClient, ask, chunked, request
from support.http1 import ProtocolError, Truncated
from support.metrics import Metrics
from support.origin import ok
from support.wait import until


def test_a_plain_answer(origin):
    answer = ask(origin.port, "/a?b=c", headers={"X-One": "1"})
    assert (answer.status, answer.body, answer.framing) == (200, b"ok", "length")
    seen, = origin.seen("/a")
    assert seen.head == b"GET /a?b=c HTTP/1.1\r\nHost: gateway.test\r\nX-One: 1\r\n\r\n"


def test_bodies_and_trailers_both_ways(origin):
    origin.on("/chunks", behaviours.chunks(b"ab", b"c", trailers=[("X-Sum", "3")]))
    with RawClient(origin.port) as client:
        client.send(request("/chunks", "POST", {"Transfer-Encoding": "chunked"}))
        client.send(chunked(b"hello ", b"world", trailers=[("X-End", "yes")]))
        answer = client.response()
    assert (answer.body, answer.trailers) == (b"abc", [("X-Sum", "3")])
    seen = origin.last("/chunks")
    assert (seen.body, seen.trailers, seen.complete) == (b"hello world", [("X-End", "yes")], True)


def test_100_continue(origin):
    answer = ask(origin.port, "/", "POST", headers={"Expect": "100-continue"}, body=b"abc")
    assert [i.status for i in answer.interim] == [100]
    assert origin.last("/").body == b"abc"


@pytest.mark.parametrize("how", ["close", "rst"])
def test_a_broken_body_is_seen_as_broken(origin, how):
    origin.on("/", behaviours.send(behaviours.GOOD_HEAD + b"x" * 10, how))
    with pytest.raises(Truncated) as broken:
        ask(origin.port, "/")
    assert broken.value.reset == (how == "rst")


@pytest.mark.parametrize("sent", [
    b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", b"HTTP/1.1 200 OK\nA: b\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
])
def test_what_is_not_http_is_an_error(origin, sent):
    origin.on("/", behaviours.send(sent, "close"))
    with pytest.raises(ProtocolError):
        ask(origin.port, "/")


def test_an_idle_origin_connection_is_closed_and_a_killed_origin_refuses(new_origin):
    origin = new_origin()
    with RawClient(origin.port) as client:
        client.ask("/")
        origin.close_idle()
        client.expect_closed()
    origin.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", origin.port))


def test_script_before_path_before_default(origin):
    origin.on("/", ok(b"path")).script(ok(b"first"), ok(b"second"))
    assert [ask(origin.port, "/").body for _ in range(3)] == [b"first", b"second", b"path"]


def test_metrics_are_parsed_strictly():
    metrics = Metrics('# TYPE a counter\na{x="1",y="q\\"\\\\"} 2\na{x="2",y="z"} 3\n')
    assert metrics.sum("a") == 5 and metrics.value("a", x="2") == 3 and metrics.value("a", y='q"\\') == 2
    for bad in ('a 1\n', '# TYPE a counter\na 1\na 1\n', '# TYPE a counter\na{x=1} 1\n', '# TYPE a counter\na{x="1" y="2"} 1\n'):
        with pytest.raises(AssertionError):
            Metrics(bad)


def test_until_reports_what_it_waited_for():
    with pytest.raises(AssertionError, match="pigs fly"):
        until(lambda: False, "pigs fly", timeout=0.01)
