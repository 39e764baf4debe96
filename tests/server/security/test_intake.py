"""Requests that wait: bounded for each client, served in turns; floods end no server."""

import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest
import zmq

from segue.client import Client
from segue.server.security import intake as intake_module
from segue.server.security.guard import Guard
from segue.server.security.intake import Intake
from segue.server.security.limits import Limits


@pytest.fixture
def sockets() -> Iterator[tuple[Intake, zmq.Socket, list[zmq.Socket]]]:
    """An intake, its ROUTER, and three clients."""
    context = zmq.Context()
    guard = Guard(context)
    router = context.socket(zmq.ROUTER)
    guard.protect(router)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    guard.start()
    clients = [context.socket(zmq.DEALER) for _ in range(3)]
    for client in clients:
        client.connect(f"tcp://127.0.0.1:{port}")
    yield Intake(guard, Limits(burst=1_000_000)), router, clients
    guard.close()
    for one in (router, *clients):
        one.close(0)
    context.term()


def read_all(intake: Intake, router: zmq.Socket) -> list[bytes]:
    """Take in what comes, then the order in which it is served."""
    while router.poll(200):
        intake.read(router)
    served = []
    while (asked := intake.next()) is not None:
        served.append(asked.frames[1])
    return served


def test_clients_are_served_in_turns_each_in_its_order(sockets) -> None:
    intake, router, (flooder, calm, other) = sockets
    for number in range(100):
        flooder.send(b"f%d" % number)
    for number in range(3):
        calm.send(b"c%d" % number)
        other.send(b"o%d" % number)
    served = read_all(intake, router)
    for turn in range(3):
        names = {name[:1] for name in served[3 * turn : 3 * turn + 3]}
        assert names == {b"f", b"c", b"o"}
    assert [name for name in served if name[:1] == b"f"] == [b"f%d" % n for n in range(100)]
    assert not intake


def test_what_waits_is_bounded(sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "MAX_WAITING", 10)
    intake, router, (flooder, calm, _) = sockets
    for number in range(50):
        flooder.send(b"f%d" % number)
        calm.send(b"c") if number < 5 else None
    served = read_all(intake, router)
    assert [name for name in served if name[:1] == b"f"] == [b"f%d" % n for n in range(10)]
    assert served.count(b"c") == 5 and intake.lost == 40
    intake._bytes_a_client = 1000
    for _ in range(3):
        flooder.send(bytes(800))
    assert len(read_all(intake, router)) == 1 and intake.lost == 42
    flooder.send(bytes(5000))  # one may always wait
    assert len(read_all(intake, router)) == 1
    assert not intake._bytes and not intake._all_bytes


GREETING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL" + b"\0" * 48
READY = b"\4\x1c\5READY\x0bSocket-Type\0\0\0\6DEALER"
MESSAGE, PING = b"\0\5hello", b"\4\7\4PING\0\0"


def test_a_flood_that_ends_with_a_reset_ends_no_server(tmp_path) -> None:
    """libzmq aborts when a ping follows more than the mark allows, and then a reset."""
    from segue.server.serving.launch import ServerProcess

    with ServerProcess(folder=tmp_path) as process, Client(process.endpoint) as music:
        host, port = process.endpoint.removeprefix("tcp://").split(":")
        for _ in range(3):
            with socket.create_connection((host, int(port)), timeout=5) as flood:
                flood.sendall(GREETING + READY)
                heard = b""
                while b"READY" not in heard:
                    heard += flood.recv(4096)
                for _ in range(100):
                    flood.sendall((MESSAGE + PING) * 100)
                flood.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            assert music.ping()[0] < 2.0
        assert process.end() == 0


STALLED = f"""
import socket, struct, time, zmq
from segue.server.security.guard import Guard
context = zmq.Context()
guard = Guard(context)
router = context.socket(zmq.ROUTER)
guard.protect(router)
port = router.bind_to_random_port("tcp://127.0.0.1")
guard.start()
flood = socket.create_connection(("127.0.0.1", port))
flood.sendall({GREETING + READY!r})
heard = b""
while b"READY" not in heard:
    heard += flood.recv(4096)
for _ in range(200):
    flood.sendall({MESSAGE + PING!r} * 100)
flood.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
flood.close()
count = 0
while router.poll(500):
    router.recv_multipart()
    count += 1
print(count)
"""


def test_a_server_that_stands_still_outlives_a_flood() -> None:
    done = subprocess.run([sys.executable, "-c", STALLED], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1000  # what lay beyond any usual mark was taken in
