import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from segue.client import Client
from segue.server.serving.server import Server
from segue.server.sessions.session import Session


@pytest.fixture
def session() -> Iterator[Session]:
    """A silent session on a manual clock."""
    with Session.open("dungeon", director="table", seed=3) as opened:
        yield opened


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.endpoint) as connected:
        yield connected


@pytest.fixture
def jack_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A dummy server of our own, or a skip."""
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed (Debian: apt install jackd2)")
    name = f"segue-test-{os.getpid()}"
    monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
    options = ["--no-realtime", "-d", "dummy", "-r", "48000", "-p", "1024"]
    server = subprocess.Popen(
        ["jackd", "-n", name, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    yield server
    server.terminate()
    server.wait(10)
    server.stdout.close()


@pytest.fixture
def jack_graph(jack_server: subprocess.Popen[bytes]) -> Any:
    """The package jack, with a server that answers."""
    jack = pytest.importorskip("jack", reason="JACK-Client is missing", exc_type=OSError)
    return _until_it_answers(jack, jack_server)


def _until_it_answers(jack: Any, server: subprocess.Popen[bytes]) -> Any:
    jack.set_error_function(lambda message: None)
    deadline = time.monotonic() + 15.0
    while time.monotonic() < deadline and server.poll() is None:
        try:
            jack.Client("segue-probe", no_start_server=True).close()
        except jack.JackOpenError:
            threading.Event().wait(0.1)
        else:
            return jack
    server.kill()
    pytest.skip("jackd does not run on this machine")
