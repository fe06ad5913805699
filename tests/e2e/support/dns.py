"""A name server on the loopback address whose answers the test changes."""

import socket
import struct
import threading


class NameServer:
    """names: {"name": ["127.0.0.1"]}; [] is "no such name", None is silence."""

    def __init__(self):
        self.names, self.asked = {}, []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def env(self):
        return {"GLASSGATE_DNS_SERVERS": f"127.0.0.1:{self.port}"}

    def stop(self):
        self.sock.close()

    def _serve(self):
        while True:
            try:
                query, peer = self.sock.recvfrom(4096)
                if answer := self._answer(query):
                    self.sock.sendto(answer, peer)
            except OSError:   # stopped
                return

    def _answer(self, query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind, = struct.unpack(">H", query[at + 1:at + 3])
        question = query[12:at + 5]
        name = ".".join(labels).lower()
        self.asked.append((name, kind))
        addresses = self.names.get(name, [])
        if addresses is None:
            return None
        code = 3 if not addresses else 0
        wanted = [a for a in addresses if (":" in a) == (kind == 28)] if kind in (1, 28) else []
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, 4 if kind == 1 else 16) +
                           socket.inet_pton(socket.AF_INET if kind == 1 else socket.AF_INET6, a) for a in wanted)
        return query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(wanted), 0, 0) + question + records
