"""HTTP/1.1 messages read strictly from a socket, for clients and servers of the tests: what is not
exactly a message is an error, so that a test cannot pass on something malformed."""

import re
import socket
from dataclasses import dataclass, field


class ProtocolError(AssertionError):
    """The peer sent something that is not HTTP."""


class Truncated(AssertionError):
    """The peer closed or reset in the middle of a message; `partial` is what had arrived."""

    def __init__(self, why, partial=b"", reset=False):
        super().__init__(why)
        self.partial = partial
        self.reset = reset


TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*")


class Reader:
    """Bytes of a socket, with what was read ahead."""

    def __init__(self, sock):
        self.sock = sock
        self.ahead = b""
        self.eof = False

    def more(self):
        """Reads once. False at the end; raises Truncated on a reset."""
        try:
            got = self.sock.recv(65536)
        except ConnectionResetError:
            raise Truncated("reset by peer", self.ahead, reset=True) from None
        if not got:
            self.eof = True
            return False
        self.ahead += got
        return True

    def line(self):
        while b"\n" not in self.ahead:
            if not self.more():
                raise Truncated("closed inside a line", self.ahead)
        end = self.ahead.index(b"\n") + 1
        line, self.ahead = self.ahead[:end], self.ahead[end:]
        if not line.endswith(b"\r\n"):
            raise ProtocolError(f"line does not end in CRLF: {line!r}")
        return line[:-2]

    def exactly(self, count):
        parts, left = [], count
        while left:
            if not self.ahead and not self.more():
                raise Truncated(f"closed {left} bytes before the end", b"".join(parts))
            part, self.ahead = self.ahead[:left], self.ahead[left:]
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def rest(self):
        parts = [self.ahead]
        self.ahead = b""
        while self.more():
            parts.append(self.ahead)
            self.ahead = b""
        return b"".join(parts)


class Headers(list):
    """(name, value) pairs as sent, in order."""

    def all(self, name):
        return [v for n, v in self if n.lower() == name.lower()]

    def get(self, name, default=None):
        found = self.all(name)
        if len(found) > 1:
            raise ProtocolError(f"{name} is there {len(found)} times: {found}")
        return found[0] if found else default

    def __contains__(self, name):
        return bool(self.all(name))


def read_headers(reader):
    headers = Headers()
    while line := reader.line():
        match = FIELD.fullmatch(line)
        if not match:
            raise ProtocolError(f"bad field line {line!r}")
        headers.append((match[1].decode(), match[2].decode("latin-1")))
    return headers


def read_chunked(reader, on_data=None):
    """(body, trailers)"""
    parts = []
    try:
        while True:
            line = reader.line()
            size = line.split(b";")[0]
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
                raise ProtocolError(f"bad chunk size {line!r}")
            if int(size, 16) == 0:
                return b"".join(parts), read_headers(reader)
            part = reader.exactly(int(size, 16))
            if on_data:
                on_data(part)
            parts.append(part)
            if reader.line() != b"":
                raise ProtocolError("chunk is longer than it says")
    except Truncated as e:
        raise Truncated(str(e), b"".join(parts) + e.partial, e.reset) from None


@dataclass
class Response:
    status: int
    reason: str
    headers: Headers
    body: bytes = b""
    trailers: Headers = field(default_factory=Headers)
    interim: list = field(default_factory=list)   # 1xx responses before it
    framing: str = "none"                         # none, length, chunked, close

    @property
    def id(self):
        return self.headers.get("x-request-id")

    @property
    def closes(self):
        return "close" in (self.headers.get("connection") or "").lower()


def read_head(reader):
    line = reader.line()
    match = re.fullmatch(rb"HTTP/1\.[01] ([1-9][0-9]{2}) ([^\x00-\x08\x0a-\x1f\x7f]*)", line)
    if not match:
        raise ProtocolError(f"bad status line {line!r}")
    return Response(int(match[1]), match[2].decode("latin-1"), read_headers(reader))


def read_response(reader, method="GET", on_data=None):
    interim = []
    while True:
        response = read_head(reader)
        if response.status >= 200 or response.status == 101:
            break
        interim.append(response)
    response.interim = interim
    encoding = response.headers.get("transfer-encoding")
    length = response.headers.get("content-length")
    if encoding is not None and length is not None:
        raise ProtocolError("Content-Length with Transfer-Encoding")
    if response.status in (101, 204, 304) or response.status < 200 or method == "HEAD":
        if response.status in (101, 204) and (encoding or length):
            raise ProtocolError(f"{response.status} with framing")
        return response
    try:
        if encoding is not None:
            if encoding.lower() != "chunked":
                raise ProtocolError(f"unknown transfer encoding {encoding}")
            response.framing = "chunked"
            response.body, response.trailers = read_chunked(reader, on_data)
        elif length is not None:
            if not re.fullmatch(r"[0-9]+", length):
                raise ProtocolError(f"bad Content-Length {length!r}")
            response.framing = "length"
            response.body = reader.exactly(int(length))
        else:
            response.framing = "close"
            response.body = reader.rest()
    except Truncated as e:
        e.response = response   # its head had arrived
        raise
    return response


def reset(sock):
    """Closes with a RST instead of a FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    sock.close()
