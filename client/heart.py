"""A thread that tells the server which sessions are still wanted."""

import threading

import zmq

from . import protocol as p
from .keys import ClientKeys, use_keys
from .verbs import new_id
from .wire import pack


class Heart:
    """Pings on a socket of its own; it dies with the process, and then the server closes up."""

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        endpoint: str,
        seconds: float,
        keys: ClientKeys | None = None,
    ) -> None:
        self.sessions: tuple[str, ...] = ()
        self._context, self._endpoint, self._seconds = context, endpoint, seconds
        self._keys = keys
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="segue-heart", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()

    def _beat(self) -> None:
        with dealer(self._context, self._endpoint, self._keys) as socket:
            while not self._stopped.wait(self._seconds):
                if not self.sessions:
                    continue
                while socket.poll(0):  # pongs of earlier beats
                    socket.recv_multipart()
                content = p.Ping(sessions=list(self.sessions))
                frames = pack(content, p.Header(id=new_id(), type=content.TYPE))
                try:
                    socket.send_multipart(frames, zmq.NOBLOCK)
                except zmq.Again:
                    continue


def dealer(
    context: "zmq.Context[zmq.Socket[bytes]]",
    endpoint: str,
    keys: ClientKeys | None = None,
    *,
    max_bytes: int = p.MAX_MESSAGE_BYTES,
) -> "zmq.Socket[bytes]":
    """A DEALER that never hangs, connected."""
    socket = context.socket(zmq.DEALER)
    use_keys(socket, keys)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDTIMEO, 1000)
    socket.setsockopt(zmq.RCVTIMEO, 1000)
    socket.setsockopt(zmq.MAXMSGSIZE, max_bytes)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 1000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3000)
    socket.setsockopt(zmq.HEARTBEAT_TTL, 3000)  # the server lets go of us if we fall silent
    socket.connect(endpoint)
    return socket


def reachable(endpoint: str, control: str) -> str:
    """An endpoint that `welcome` tells; of a server on all interfaces, by the way we came."""
    start, _, port = endpoint.rpartition(":")
    if start in ("tcp://0.0.0.0", "tcp://[::]"):
        return f"{control.rpartition(':')[0]}:{port}"
    return endpoint
