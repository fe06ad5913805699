"""What to compare with beside other proxies: a forwarder of bytes, and no proxy at all."""
from proxies.proxy import ROOT, Proxy, Setup


class L4(Proxy):
    """The floor of CPU: copies bytes between two sockets."""
    name = "l4"
    features = ("bare",)
    binary = ROOT / "build" / "bench" / "l4_forward"

    def command(self) -> list:
        return [self.binary, self.port, self.setup.origin_port]


class Direct(Proxy):
    """The floor of latency: the client asks the origin itself."""
    name = "direct"
    features = ("bare",)
    measured = False

    def __init__(self, setup: Setup):
        self.setup = setup
        self.port = setup.origin_port

    def pids(self) -> list[int]:
        return []

    def stop(self) -> None:
        pass
