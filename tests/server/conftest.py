import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from segue.client import Client
from segue.server.server import Server
from segue.server.session import Session


@pytest.fixture
def session() -> Iterator[Session]:
    """A silent session on a manual clock."""
    with Session.open("dungeon", director="table", seed=3) as opened:
        yield opened


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server on free ports, its loop in a thread."""
    served = Server(0, folder=tmp_path)
    thread = threading.Thread(target=served.run)
    thread.start()
    yield served
    served.stop()
    thread.join(20)
    served.close()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.endpoint) as connected:
        yield connected
