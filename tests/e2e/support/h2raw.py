"""HTTP/2 frames made by hand: what a library would not send, and how the gateway takes it."""

import select
import socket
import ssl
import struct

import hpack

from .gateway import SLOW
from .h2peer import tls_client

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 1, 1, 4, 8, 32
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CODES = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
         "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
         "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"]


def frame(kind, flags=0, stream=0, payload=b"", *, length=None):
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value, bits, first=0):
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out, value = bytes([first | most]), value - most
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def text(value):
    value = value if isinstance(value, bytes) else value.encode("latin-1")
    return integer(len(value), 7) + value


def block(*fields):
    """A header block that changes no table: literals without indexing, not Huffman coded."""
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


def request(path="/", method="GET", *more, authority="localhost", scheme="http"):
    return block((":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *more)


def headers(stream, payload, *, end=True, whole=True, flags=0):
    return frame(HEADERS, (END_STREAM if end else 0) | (END_HEADERS if whole else 0) | flags, stream, payload)


def data(stream, payload=b"", *, end=False):
    return frame(DATA, END_STREAM if end else 0, stream, payload)


def rst(stream, code=8):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def settings(*entries):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *entry) for entry in entries))


def window(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def ping(payload=b"12345678", flags=0):
    return frame(PING, flags, 0, payload)


class Raw:
    def __init__(self, port, *, authority=None, preface=PREFACE, entries=(), receive_buffer=None):
        """Has sent the preface and SETTINGS, and acknowledges the gateway's when it reads them."""
        if authority:
            self.sock = tls_client(port, authority)
        else:
            self.sock = socket.socket()
            if receive_buffer:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.sock.settimeout(10 * SLOW)
            self.sock.connect(("127.0.0.1", port))
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ahead, self.seen, self.decoder, self.closed = b"", [], hpack.Decoder(), False
        self.status = {}
        if preface is not None:
            self.send(preface, settings(*entries))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, *frames):
        """False when the gateway has closed."""
        try:
            self.sock.sendall(b"".join(frames))
        except OSError:
            return False
        return True

    def next(self, timeout=5):
        """(type, flags, stream, payload), or None at the end."""
        while len(self.ahead) < 9 or len(self.ahead) < 9 + int.from_bytes(self.ahead[:3], "big"):
            pending = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()
            if not pending and not select.select([self.sock], [], [], timeout * SLOW)[0]:
                raise AssertionError(f"nothing came for {timeout * SLOW} s; before: {self.seen[-5:]}")
            try:
                got = self.sock.recv(65536)
            except OSError:
                got = b""
            if not got:
                self.closed = True
                return None
            self.ahead += got
        size = int.from_bytes(self.ahead[:3], "big")
        whole, self.ahead = self.ahead[:9 + size], self.ahead[9 + size:]
        kind, flags, stream, payload = whole[3], whole[4], int.from_bytes(whole[5:9], "big") & 0x7FFFFFFF, whole[9:]
        if kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK))
        if kind == HEADERS:
            fields = dict(self.decoder.decode(payload))
            self.status[stream] = int(fields.get(":status", 0)) or self.status.get(stream)
        self.seen.append((kind, flags, stream, len(payload)))
        return kind, flags, stream, payload

    def until(self, kind, *, flags=0, stream=None):
        """The next frame of that kind; None at the end of the connection."""
        while (got := self.next()) is not None:
            if got[0] == kind and got[1] & flags == flags and stream in (None, got[2]):
                return got
        return None

    def outcome(self, stream=1):
        """What becomes of it: "200" (whole), "stream CODE", "connection CODE" or "closed". A response that is followed
        by RST_STREAM counts as that; NO_ERROR only tells to stop."""
        while (got := self.next()) is not None:
            kind, flags, id, payload = got
            if kind == RST_STREAM and id == stream:
                code = CODES[int.from_bytes(payload[:4], "big")]
                return str(self.status[stream]) if code == "NO_ERROR" else f"stream {code}"
            if kind == GOAWAY and (code := int.from_bytes(payload[4:8], "big")) != 0:
                while self.next() is not None:     # and the connection is closed behind it
                    pass
                return f"connection {CODES[code]}"
            if kind in (DATA, HEADERS) and id == stream and flags & END_STREAM:
                return str(self.status[stream])
        return "closed"

    def ask(self, stream, path="/", **more):
        self.send(headers(stream, request(path, **more)))
        return self.outcome(stream)

    def alive(self):
        """Answers a PING."""
        self.send(ping(b"alive???"))
        got = self.until(PING, flags=ACK)
        return got is not None and got[3] == b"alive???"
