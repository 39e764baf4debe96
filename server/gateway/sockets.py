"""ZeroMQ sockets in an asyncio loop.

The file descriptor of a ZeroMQ socket tells of changes only, and any call may use one up: a socket
is read until it is empty, and looked at again after whatever was done with it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

import zmq

from ..serving.settings import CurveKeys

log = logging.getLogger(__name__)

READ_AT_ONCE = 64  # messages before others have their turn

ZmqContext = zmq.Context["zmq.Socket[bytes]"]
ZmqSocket = zmq.Socket[bytes]


def connect(context: ZmqContext, kind: int, endpoint: str, curve: CurveKeys | None) -> ZmqSocket:
    """A socket of the server's own, connected; it keeps trying."""
    socket = context.socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 1000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3000)
    if "[" in endpoint:
        socket.setsockopt(zmq.IPV6, 1)
    if curve is not None:
        socket.curve_serverkey = curve.server_key.encode()
        socket.curve_publickey = curve.public_key.encode()
        socket.curve_secretkey = curve.secret_key.encode()
    socket.connect(endpoint)
    return socket


class LoopSocket:
    """Hands each message of a socket to a function, in the running loop.

    :param received: is told the frames
    """

    def __init__(self, socket: ZmqSocket, received: Callable[[list[bytes]], None]) -> None:
        self._socket, self._received = socket, received
        self._loop = asyncio.get_running_loop()
        self._fd = socket.fileno()
        self._turn: asyncio.Handle | None = None  # the next reading, if one is due
        self._loop.add_reader(self._fd, self._read)
        self._look()

    def send(self, frames: list[bytes]) -> bool:
        """Send without waiting; whether the message was taken."""
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            return False
        finally:
            self._look()
        return True

    def subscribe(self, topic: bytes) -> None:
        """Take messages of a topic, if this is a SUB that is not closed."""
        if not self._socket.closed:
            self._socket.setsockopt(zmq.SUBSCRIBE, topic)
            self._look()

    def unsubscribe(self, topic: bytes) -> None:
        """Take them no more."""
        if not self._socket.closed:
            self._socket.setsockopt(zmq.UNSUBSCRIBE, topic)
            self._look()

    def close(self) -> None:
        """Close the socket; closing twice is allowed."""
        if self._socket.closed:
            return
        self._loop.remove_reader(self._fd)
        if self._turn is not None:
            self._turn.cancel()
        self._socket.close(0)

    def _look(self) -> None:
        if self._turn is None and int(self._socket.get(zmq.EVENTS)) & zmq.POLLIN:
            self._turn = self._loop.call_soon(self._read)

    def _read(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        for _ in range(READ_AT_ONCE):
            if self._socket.closed:
                return
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                self._received(frames)
            except Exception:  # what one message causes must not stop those after it
                log.exception("a message of %d frames could not be handled", len(frames))
        with contextlib.suppress(zmq.ZMQError):  # closed meanwhile
            self._look()
