"""RawClient: one connection to the gateway, bytes under the test's control."""

import socket

from .http1 import Reader, Truncated, read_response, reset


def request(path="/", method="GET", headers=(), body=b"", host="gateway.test", version="1.1"):
    """The bytes of a request. `headers`: dict or pairs. A body gets its Content-Length."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    names = {name.lower() for name, _ in pairs}
    lines = [f"{method} {path} HTTP/{version}"]
    if host is not None and "host" not in names:
        lines.append(f"Host: {host}")
    lines += [f"{name}: {value}" for name, value in pairs]
    if body and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(*parts, trailers=()):
    out = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in parts)
    return out + b"0\r\n" + b"".join(f"{n}: {v}\r\n".encode() for n, v in trailers) + b"\r\n"


class RawClient:
    def __init__(self, port, timeout=10, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self.sock)

    @property
    def port(self):
        return self.sock.getsockname()[1]

    def send(self, data):
        self.sock.sendall(data)
        return self

    def response(self, method="GET", on_data=None):
        return read_response(self.reader, method, on_data)

    def ask(self, path="/", method="GET", **kw):
        return self.send(request(path, method, **kw)).response(method)

    def expect_closed(self, timeout=5):
        """The gateway ends the connection, and sends nothing more before."""
        self.sock.settimeout(timeout)
        assert self.reader.ahead == b"", f"more came: {self.reader.ahead[:200]!r}"
        try:
            got = self.sock.recv(65536)
        except ConnectionResetError:
            return
        except socket.timeout:
            raise AssertionError("the connection is still open") from None
        assert got == b"", f"more came: {got[:200]!r}"

    def expect_silence(self, seconds):
        self.sock.settimeout(seconds)
        try:
            got = self.sock.recv(65536)
        except socket.timeout:
            return
        raise AssertionError(f"expected nothing, got {got[:200]!r}")

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        reset(self.sock)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ask(port, path="/", method="GET", **kw):
    """One request on a connection of its own."""
    with RawClient(port) as client:
        return client.ask(path, method, **kw)


__all__ = ["RawClient", "Truncated", "ask", "chunked", "request"]
