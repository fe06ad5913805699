"""Fixtures: gateways and origins that clean up and check after themselves."""

import contextlib
import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from support import laws  # noqa: E402
from support.gateway import BINARY, SANITIZED, Gateway  # noqa: E402
from support.origin import Origin  # noqa: E402


@contextlib.contextmanager
def gateways(folder):
    """A factory of running gateways; each is audited at the end."""
    started, numbers = [], itertools.count()

    def start(routes, *, wait=True, **settings):
        gateway = Gateway(folder / f"gateway{next(numbers)}", routes, **settings)
        started.append(gateway)
        return gateway.start() if wait else gateway.spawn()
    try:
        yield start
        for gateway in started:
            laws.audit(gateway)
    finally:
        for gateway in started:
            if gateway.running:
                gateway.process.kill()
                gateway.process.wait()


@contextlib.contextmanager
def origins():
    made = []

    def start(**kw):
        made.append(Origin(**kw))
        return made[-1]
    try:
        yield start
        problems = [problem for origin in made for problem in origin.problems]
        assert not problems, f"the gateway sent upstream what is not HTTP: {problems}"
    finally:
        for origin in made:
            origin.kill()


@pytest.fixture
def gateway(tmp_path, new_origin):   # origins end after the gateway
    with gateways(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def module_gateway(tmp_path_factory):
    with gateways(tmp_path_factory.mktemp("gateways")) as start:
        yield start


@pytest.fixture
def new_origin():
    with origins() as start:
        yield start


@pytest.fixture
def origin(new_origin):
    return new_origin()


@pytest.fixture(scope="session")
def binary():
    assert BINARY.exists(), f"{BINARY} is not built (./dev build)"
    return BINARY


def pytest_report_header():
    return f"glassgate: {BINARY}" + (f" ({SANITIZED})" if SANITIZED else "")


@pytest.fixture
def names():
    from support.dns import NameServer
    server = NameServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def collector_process():
    from support.otlp import Collector
    process = Collector()
    yield process
    process.stop()


@pytest.fixture
def collector(collector_process):
    collector_process.reset()
    yield collector_process
    collector_process.reset()
