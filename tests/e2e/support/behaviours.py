"""What an origin can do to a gateway."""

import time

from .origin import Gone, ok

GOOD_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


def delay(seconds, then=None):
    then = then or ok()

    def behave(ex):
        ex.read_body()
        ex.wait(seconds)
        then(ex)
    return behave


def hang():
    """Takes the request and says nothing."""
    def behave(ex):
        ex.read_body()
        ex.wait_for_peer()
    return behave


def send(data, then="keep", read_body=True):
    """`data` as it is, then: keep, close, rst, hang."""
    def behave(ex):
        if read_body:
            ex.read_body()
        if data:
            ex.send(data)
        if then == "close":
            ex.close()
        if then == "rst":
            time.sleep(0.02)   # a RST destroys what the peer has not read yet
            ex.rst()
        if then == "hang":
            ex.wait_for_peer()
    return behave


def rst():
    return send(b"", "rst")


def close():
    return send(b"", "close")


def pieces(*parts, pause=0.01, then="keep"):
    """Parts with a pause between them."""
    def behave(ex):
        ex.read_body()
        for part in parts:
            ex.send(part)
            time.sleep(pause)
        if then == "close":
            ex.close()
    return behave


def chunks(*parts, trailers=(), headers=(), pause=0):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
    head += b"".join(f"{n}: {v}\r\n".encode() for n, v in headers) + b"\r\n"

    def behave(ex):
        ex.read_body()
        ex.send(head)
        for part in parts:
            ex.send(b"%x\r\n%b\r\n" % (len(part), part))
            if pause:
                ex.wait(pause)
        ex.send(b"0\r\n" + b"".join(f"{n}: {v}\r\n".encode() for n, v in trailers) + b"\r\n")
    return behave


def endless(block=b"x" * 65536, length=1 << 40):
    """A body that goes on as long as somebody takes it; counts in behave.sent."""
    def behave(ex):
        ex.read_body()
        ex.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
        while not ex.origin.stopping.is_set():
            ex.send(block)
            behave.sent += len(block)
    behave.sent = 0
    return behave


def upgrade_echo(protocol="websocket"):
    """101, then every byte comes back."""
    def behave(ex):
        ex.send(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: {protocol}\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n".encode())
        try:
            while True:
                if ex.reader.ahead:
                    got, ex.reader.ahead = ex.reader.ahead, b""
                else:
                    got = ex.sock.recv(65536)
                if not got:
                    break
                ex.send(got)
        except OSError:
            pass
        raise Gone
    return behave


def echo_body(ex):
    """Sends the request's body back."""
    body = ex.read_body()
    ok(body)(ex)
