"""HTTP/2 peers by python3-h2: a client that waits for what it wants, and a server that answers as told."""

import select
import socket
import ssl
import threading

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from .gateway import SLOW
from .wait import until

EXTENDED_CONNECT = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL


def tls_client(port, authority, alpn=("h2",), name="localhost"):
    context = ssl.create_default_context(cafile=str(authority.pem))
    context.set_alpn_protocols(list(alpn))
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10 * SLOW), server_hostname=name)


def announce(connection, settings):
    """In the first SETTINGS frame, which is of what holds already."""
    connection.local_settings.update(settings)
    connection.local_settings.acknowledge()


class Stream:
    def __init__(self):
        self.headers, self.interim, self.trailers = None, [], None
        self.data, self.ended, self.reset = b"", False, None

    @property
    def status(self):
        return int(dict(self.headers)[":status"])

    def header(self, name):
        return dict(self.headers).get(name)


class H2Client:
    def __init__(self, port, authority=None, *, settings=None, consume=True):
        """`authority`: over TLS. `settings`: ours, before the preface. `consume`: give windows back as bytes come."""
        self.sock = tls_client(port, authority) if authority else \
            socket.create_connection(("127.0.0.1", port), timeout=10 * SLOW)
        self.scheme = "https" if authority else "http"
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        if settings:
            announce(self.connection, settings)
        self.streams, self.closed, self.consume = {}, False, consume
        self.goaway = None       # (last stream, code)
        self.ahead = b""
        self.connection.initiate_connection()
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def flush(self):
        data = self.connection.data_to_send()
        if data:
            try:
                self.sock.sendall(data)
            except OSError:
                self.closed = True

    def request(self, path="/", method="GET", headers=(), body=None, end=True, authority="localhost"):
        """The id of a new stream."""
        fields = [(":method", method), (":scheme", self.scheme), (":authority", authority), (":path", path), *headers]
        return self.open(fields, body, end)

    def open(self, fields, body=None, end=True):
        id = self.connection.get_next_available_stream_id()
        self.streams[id] = Stream()
        self.connection.send_headers(id, fields, end_stream=end and body is None)
        self.flush()
        if body is not None:
            self.send(id, body, end)
        return id

    def send(self, id, data=b"", end=False):
        """All of it, as the windows allow."""
        while True:
            window = min(self.connection.local_flow_control_window(id), self.connection.max_outbound_frame_size)
            part = data[:window]
            data = data[len(part):]
            self.connection.send_data(id, part, end_stream=end and not data)
            self.flush()
            if not data:
                return
            while self.connection.local_flow_control_window(id) == 0:
                assert self.pump(), "the gateway closed"

    def pump(self, timeout=10):
        """Takes in what comes next. False: the end."""
        if self.closed:
            return False
        if not (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()):
            if not select.select([self.sock], [], [], timeout * SLOW)[0]:
                raise AssertionError(f"nothing came for {timeout * SLOW} s")
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return False
        for event in self.connection.receive_data(self.without_goaway(data)):
            self.take(event)
        self.flush()
        return True

    def without_goaway(self, data):
        """The library takes GOAWAY for the end of everything; streams under way go on."""
        self.ahead += data
        whole = b""
        while len(self.ahead) >= 9 and len(self.ahead) >= (size := 9 + int.from_bytes(self.ahead[:3], "big")):
            frame, self.ahead = self.ahead[:size], self.ahead[size:]
            if frame[3] == 7:
                self.goaway = (int.from_bytes(frame[9:13], "big"), int.from_bytes(frame[13:17], "big"))
            else:
                whole += frame
        return whole

    def take(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if stream is None:
            return
        if isinstance(event, h2.events.ResponseReceived):
            stream.headers = event.headers
        elif isinstance(event, h2.events.InformationalResponseReceived):
            stream.interim.append(event.headers)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.trailers = event.headers
        elif isinstance(event, h2.events.DataReceived):
            stream.data += event.data
            if self.consume and event.flow_controlled_length:
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            stream.reset = event.error_code

    def until(self, condition, what="what was waited for"):
        """Until it holds; fails when the connection ends before."""
        while not condition():
            assert self.pump(), f"the connection ended before {what}; GOAWAY {self.goaway}"

    def head(self, id):
        stream = self.streams[id]
        self.until(lambda: stream.headers is not None or stream.reset is not None, "the response head")
        return stream

    def whole(self, id):
        stream = self.streams[id]
        self.until(lambda: stream.ended or stream.reset is not None, "the end of the response")
        return stream

    def ask(self, path="/", **more):
        return self.whole(self.request(path, **more))

    def settings_known(self):
        self.until(lambda: h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL in self.connection.remote_settings or
                   self.connection.remote_settings.max_header_list_size, "SETTINGS")

    def websocket(self, path, headers=(("sec-websocket-version", "13"),), authority="localhost"):
        """The id of a stream of RFC 8441."""
        self.settings_known()
        return self.open([(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", self.scheme),
                          (":authority", authority), (":path", path), *headers], end=False)


class H2Server:
    """Answers by `handler(server, id, event)`, called for each event of a stream, on the connection's own thread."""

    def __init__(self, handler, *, ssl_context=None, settings=None):
        self.handler, self.ssl_context, self.settings = handler, ssl_context, settings or {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.requests, self.connections, self.stopping = [], [], False
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def stop(self):
        self.stopping = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            connection.end()
        self.thread.join(10)

    def _accept(self):
        while not self.stopping:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            connection = H2ServerConnection(self, sock)
            self.connections.append(connection)
            threading.Thread(target=connection.run, daemon=True).start()


class H2ServerConnection:
    def __init__(self, server, sock):
        self.server, self.sock, self.state, self.waiting = server, sock, {}, {}
        self.lock = threading.RLock()
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))

    def end(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def run(self):
        try:
            if self.server.ssl_context:
                self.sock = self.server.ssl_context.wrap_socket(self.sock, server_side=True)
            announce(self.connection, self.server.settings)
            self.connection.initiate_connection()
            self.flush()
            while data := self.sock.recv(65536):
                with self.lock:
                    for event in self.connection.receive_data(data):
                        self.take(event)
                    self.flush()
        except (OSError, h2.exceptions.ProtocolError):
            pass
        finally:
            self.sock.close()

    def flush(self):
        data = self.connection.data_to_send()
        if data:
            self.sock.sendall(data)

    def take(self, event):
        id = getattr(event, "stream_id", None)
        if isinstance(event, h2.events.RequestReceived):
            self.server.requests.append(dict(event.headers))
        if isinstance(event, h2.events.DataReceived) and event.flow_controlled_length:
            self.connection.acknowledge_received_data(event.flow_controlled_length, id)
        if isinstance(event, h2.events.WindowUpdated):
            for waiting in [id] if id else list(self.waiting):
                self.drain(waiting)
        if isinstance(event, h2.events.StreamReset):
            self.waiting.pop(id, None)
        if id:
            self.server.handler(self, id, event)

    def respond(self, id, status=200, headers=(), end=False):
        self.connection.send_headers(id, [(":status", str(status)), *headers], end_stream=end)

    def send(self, id, data=b"", end=False):
        """Now or when the windows allow."""
        before, _ = self.waiting.get(id, (b"", False))
        self.waiting[id] = before + data, end
        self.drain(id)

    def drain(self, id):
        data, end = self.waiting.pop(id, (None, False))
        if data is None:
            return
        while True:
            window = min(self.connection.local_flow_control_window(id), self.connection.max_outbound_frame_size)
            part, data = data[:window], data[window:]
            if part or (end and not data):
                self.connection.send_data(id, part, end_stream=end and not data)
            if not data or not window:
                break
        if data:
            self.waiting[id] = data, end


def until_seen(server, count=1):
    return until(lambda: len(server.requests) >= count and server.requests, f"the HTTP/2 upstream sees {count} requests")
