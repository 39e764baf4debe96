import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from segue.server.security.keys import KeyFolder
from segue.server.serving.server import Server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers on free ports, their loops in threads, and ends them."""
    running: list[tuple[Server, threading.Thread]] = []

    def start(**options: object) -> Server:
        folder = tmp_path / "served"
        folder.mkdir(exist_ok=True)
        served = Server(0, folder=folder, **options)
        thread = threading.Thread(target=served.run)
        thread.start()
        running.append((served, thread))
        return served

    yield start
    for served, thread in running:
        served.stop()
        thread.join(20)
        served.close()


@pytest.fixture
def keys(tmp_path: Path) -> KeyFolder:
    """A new folder of keys."""
    return KeyFolder(tmp_path / "keys", make=True)
