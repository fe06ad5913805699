"""The name server and the collector of these tests, without the gateway."""

import socket
import struct
import subprocess


def test_name_server(names):
    names.names = {"a.test": ["127.0.0.9"]}
    query = b"\x12\x34" + struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + b"\x01a\x04test\x00" + struct.pack(">HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(query, ("127.0.0.1", names.port))
        answer = sock.recv(512)
        assert answer[:4] == b"\x12\x34\x81\x80" and answer.endswith(b"\x00\x04\x7f\x00\x00\x09")
        sock.sendto(query.replace(b"\x01a", b"\x01b"), ("127.0.0.1", names.port))
        assert sock.recv(512)[3] & 15 == 3


def test_collector(collector):
    assert collector.spans() == []
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "content-type: application/x-protobuf",
                           "--data-binary", "@/dev/null", f"{collector.endpoint('http')}/v1/traces"], capture_output=True, text=True)
    assert done.stdout == "200"
