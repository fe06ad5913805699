"""WebSocket frames (RFC 6455 §5) and what answers them, without a socket: for peers over HTTP/2, for which
there is no library here, and a real server for those over HTTP/1.1."""

import asyncio
import os
import threading

import websockets

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def encode(opcode, payload=b"", *, mask=False, fin=True):
    head = bytes([(0x80 if fin else 0) | opcode])
    length = len(payload)
    bit = 0x80 if mask else 0
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += bytes([bit | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + length.to_bytes(8, "big")
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + masked(payload, key)


def masked(payload, key):
    whole = (key * (len(payload) // 4 + 1))[:len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(whole, "big")).to_bytes(len(payload), "big")


class Decoder:
    def __init__(self):
        self.ahead, self.fin = b"", True     # fin: of the frame given out last

    def feed(self, data):
        """(opcode, payload) of every frame that is whole now."""
        self.ahead += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self):
        a = self.ahead
        if len(a) < 2:
            return None
        length, at = a[1] & 0x7F, 2
        extra = {126: 2, 127: 8}.get(length, 0)
        if extra:
            length, at = int.from_bytes(a[2:2 + extra], "big"), 2 + extra
        key = a[at:at + 4] if a[1] & 0x80 else None
        at += 4 if key is not None else 0
        if len(a) < at + length:
            return None
        self.fin, payload, self.ahead = bool(a[0] & 0x80), a[at:at + length], a[at + length:]
        return a[0] & 0x0F, masked(payload, key) if key else payload


class Echo:
    """A server's side: what it says to what has come."""

    def __init__(self):
        self.decoder, self.closed = Decoder(), False

    def feed(self, data):
        out = b""
        for opcode, payload in self.decoder.feed(data):
            self.closed |= opcode == CLOSE
            out += encode(PONG if opcode == PING else opcode, payload, fin=self.decoder.fin)
        return out


class EchoServer:
    """The library's own server, on HTTP/1.1; with `ssl` over TLS."""

    def __init__(self, ssl=None):
        self.seen = []       # (path, headers) of each handshake
        self.loop = asyncio.new_event_loop()
        started = threading.Event()

        async def echo(socket):
            self.seen.append((socket.path, socket.request_headers))
            if socket.path == "/bye":
                await socket.close(4001, "bye")
                return
            async for message in socket:
                await socket.send(message)

        async def serve():
            self.stop_asked = asyncio.Event()
            async with websockets.serve(echo, "127.0.0.1", 0, ssl=ssl, max_size=None, subprotocols=["chat"]) as server:
                self.port = server.sockets[0].getsockname()[1]
                started.set()
                await self.stop_asked.wait()
        self.thread = threading.Thread(target=lambda: self.loop.run_until_complete(serve()), daemon=True)
        self.thread.start()
        assert started.wait(10)

    def stop(self):
        self.loop.call_soon_threadsafe(self.stop_asked.set)
        self.thread.join(10)
        self.loop.close()
