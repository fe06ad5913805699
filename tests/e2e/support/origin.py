"""Origin: an upstream server whose every byte is the test's. It keeps what it received, and
answers as told: by the next entry of its script, else by path, else 200.

    origin.on("/slow", delay(0.2))
    origin.script(rst(), ok(b"second try"))
    origin.requests[0].raw          # the head and body, as they came
"""

import re
import socket
import threading
from dataclasses import dataclass, field

from .http1 import Headers, ProtocolError, Reader, Truncated, read_chunked, read_headers, reset
from .wait import until


@dataclass
class Request:
    method: str
    target: str
    version: str
    headers: Headers
    connection: int              # which accepted connection, from 0
    head: bytes = b""            # as it came
    body: bytes = b""            # decoded
    trailers: Headers = field(default_factory=Headers)
    complete: bool = False       # the body, too, has been read

    @property
    def path(self):
        return self.target.split("?")[0]


class Gone(Exception):
    """A behaviour has ended the connection."""


class Exchange:
    """One request being answered; what behaviours work with."""

    def __init__(self, origin, sock, reader, request):
        self.origin, self.sock, self.reader, self.request = origin, sock, reader, request

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            raise Gone from None

    def read_body(self):
        """Reads the whole body, having said 100 Continue if that was asked for."""
        if self.request.complete:
            return self.request.body
        if (self.request.headers.get("expect") or "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        read_body(self.reader, self.request)
        return self.request.body

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        raise Gone

    def rst(self):
        reset(self.sock)
        raise Gone

    def wait(self, seconds):
        """Waits, but not beyond the origin's end."""
        self.origin.stopping.wait(seconds)

    def wait_for_peer(self):
        """Until the gateway closes (or the origin stops)."""
        self.sock.settimeout(0.05)
        while not self.origin.stopping.is_set():
            try:
                if not self.sock.recv(65536):
                    break
            except socket.timeout:
                continue
            except OSError:
                break
        raise Gone


def read_request(reader, connection):
    """None at the end of the connection."""
    while not reader.ahead:
        if not reader.more():
            return None
    line = reader.line()
    match = re.fullmatch(rb"(\S+) (\S+) HTTP/(1\.[01])", line)
    if not match:
        raise ProtocolError(f"the gateway sent the request line {line!r}")
    headers = read_headers(reader)
    head = line + b"\r\n" + b"".join(f"{n}: {v}\r\n".encode("latin-1") for n, v in headers) + b"\r\n"
    return Request(match[1].decode(), match[2].decode("latin-1"), match[3].decode(), headers, connection, head)


def read_body(reader, request):
    encoding, length = request.headers.get("transfer-encoding"), request.headers.get("content-length")
    if encoding is not None:
        if length is not None or encoding != "chunked":
            raise ProtocolError(f"the gateway sent {request.headers}")
        request.body, request.trailers = read_chunked(reader)
    elif length is not None:
        request.body = reader.exactly(int(length))
    request.complete = True


def ok(body=b"ok", status=200, headers=(), reason="OK"):
    """Reads the request, answers, keeps the connection."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    head = f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in pairs)
    if status not in (204, 304) and not any(n.lower() in ("content-length", "transfer-encoding") for n, _ in pairs):
        head += f"Content-Length: {len(body)}\r\n"

    def behave(ex):
        ex.read_body()
        ex.send(head.encode("latin-1") + b"\r\n" + (b"" if ex.request.method == "HEAD" else body))
    return behave


class Origin:
    def __init__(self, host="127.0.0.1", port=0, default=None):
        self.lock = threading.Condition()
        self.requests = []           # heads received, in order
        self.accepted = 0
        self.problems = []           # what the gateway sent that is not HTTP
        self.stopping = threading.Event()
        self.default = default or ok()
        self._by_path, self._script, self._open = {}, [], {}
        self._threads = []
        self.listener = socket.create_server((host, port), backlog=512)
        self.host, self.port = self.listener.getsockname()[:2]
        self._accepter = threading.Thread(target=self._accept, daemon=True)
        self._accepter.start()

    # ---- what tests say
    def on(self, path, behaviour):
        self._by_path[path] = behaviour
        return self

    def script(self, *behaviours):
        with self.lock:
            self._script += behaviours
        return self

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def seen(self, path):
        with self.lock:
            return [r for r in self.requests if r.path == path]

    def last(self, path):
        """The newest request for the path, complete."""
        return until(lambda: (self.seen(path) or [None])[-1], lambda: f"the origin sees {path}; it saw "
                     f"{[r.path for r in self.requests]}")

    @property
    def open_connections(self):
        with self.lock:
            return len(self._open)

    def close_idle(self):
        """Closes every connection from the server's side."""
        with self.lock:
            for sock in list(self._open.values()):
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def kill(self):
        """From now on connections are refused."""
        self.stopping.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.close_idle()
        self._accepter.join(5)

    # ---- how it works
    def _accept(self):
        while not self.stopping.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                number = self.accepted
                self.accepted += 1
                self._open[number] = sock
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _choose(self, request):
        with self.lock:
            self.requests.append(request)
            self.lock.notify_all()
            if self._script:
                return self._script.pop(0)
        return self._by_path.get(request.path, self.default)

    def _serve(self, sock, number):
        reader = Reader(sock)
        try:
            while True:
                request = read_request(reader, number)
                if request is None:
                    break
                self._choose(request)(Exchange(self, sock, reader, request))
                if not request.complete and ("content-length" in request.headers or "transfer-encoding" in request.headers):
                    break   # the rest of the body would be taken for a request
        except (Gone, Truncated, OSError):
            pass
        except ProtocolError as e:
            self.problems.append(str(e))
        finally:
            with self.lock:
                self._open.pop(number, None)
            try:
                sock.close()
            except OSError:
                pass
