"""Free loopback ports, outside the range from which the kernel takes the ports of outgoing
connections, so that nobody gets one between the choice and its use."""

import os
import random
import socket

_given = set()
_random = random.Random(os.getpid())


def free_port():
    for _ in range(1000):
        port = _random.randrange(12000, 32000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise AssertionError("no free port on the loopback address")
