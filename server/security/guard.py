"""The door of a process: who may connect (ZAP, ZeroMQ's RFC 27), and who it is that asks.

With keys, sockets speak CURVE to the clients of a folder of keys. Without, they speak to anybody
on this machine, but no more to the ancient versions of ZMTP for which any bytes are a message.
"""

import logging
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import zmq
from zmq.utils import z85

from ...music.errors import SegueError
from .keys import KeyFolder, read_clients
from .rights import RIGHTS

log = logging.getLogger(__name__)

ZAP_ADDRESS = "inproc://zeromq.zap.01"
DOMAIN = "segue"
REREAD_SECONDS = 1.0
TELL_SECONDS = 10.0  # between two lines of the log about clients that were refused
KEEP_ALIVE = (
    (zmq.TCP_KEEPALIVE, 1),
    (zmq.TCP_KEEPALIVE_IDLE, 3),  # seconds
    (zmq.TCP_KEEPALIVE_INTVL, 1),
    (zmq.TCP_KEEPALIVE_CNT, 3),
)
MOST_DESCRIPTORS = 16_384
SPARE_DESCRIPTORS = 128  # kept free of clients, for files and sessions


class Guest(NamedTuple):
    """Who asks."""

    name: str
    rights: str


LOCAL_GUEST, STRANGER = Guest("", "admin"), Guest("", "")
OWN_GUEST = Guest("server", "admin")  # no client can be called so


class Roll:
    """The clients of a folder of keys by their public keys, read again when the list changes.

    :param own_key: public key of the server's own processes, which are `admin`
    """

    def __init__(self, path: Path, own_key: str) -> None:
        self._path, self._own = path, {own_key: OWN_GUEST} if own_key else {}
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] = ()
        self._read_at = -REREAD_SECONDS
        self._guests: dict[str, Guest] = {}

    def find(self, public_key: str) -> Guest | None:
        """The client with this key, None if there is none (any more)."""
        if time.monotonic() - self._read_at > REREAD_SECONDS:
            with self._lock:
                self._reread()
        return self._guests.get(public_key)

    def _reread(self) -> None:
        self._read_at = time.monotonic()
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
            if stamp == self._stamp:
                return
            known = read_clients(self._path).clients
            self._stamp = stamp
        except FileNotFoundError:  # nobody has keys yet
            known = {}
        except (OSError, SegueError) as error:
            log.error("nobody is let in: %s", error)
            self._stamp, known = (), {}
        by_key = {
            one.public_key: Guest(name, one.rights if one.rights in RIGHTS else "")
            for name, one in known.items()
        }
        self._guests = by_key | self._own


class Guard:
    """Answers for a context who may connect to its sockets.

    :param keys: None: anybody who reaches the sockets is `admin`
    :param own_key: public key of the server's own processes

    Make it, `protect` the sockets before they are bound, `start` it; `close` it before the context.
    """

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        keys: KeyFolder | None = None,
        *,
        own_key: str = "",
    ) -> None:
        self.keys = keys
        self._roll = Roll(keys.clients_path, own_key) if keys else None
        self._zap, self._inside, self._end = (
            context.socket(kind) for kind in (zmq.REP, zmq.PAIR, zmq.PAIR)
        )
        for socket in (self._zap, self._inside, self._end):
            socket.setsockopt(zmq.LINGER, 0)
        self._zap.bind(ZAP_ADDRESS)
        self._inside.bind(f"inproc://guard-{id(self)}")
        self._end.connect(f"inproc://guard-{id(self)}")
        self._refusals, self._told_at = 0, -TELL_SECONDS
        self._thread = threading.Thread(target=self._run, name="segue-guard", daemon=True)

    def protect(self, socket: "zmq.Socket[bytes]") -> None:
        """Let only those connect to a socket who may; call it before `bind`.

        No mark for what is received, and no heartbeats of our own (`security.intake` says why):
        clients send them, and a peer whose machine is gone is told by TCP.
        """
        for option, number in ((zmq.RCVHWM, 0), (zmq.HEARTBEAT_IVL, 0), *KEEP_ALIVE):
            socket.setsockopt(option, number)
        socket.setsockopt_string(zmq.ZAP_DOMAIN, DOMAIN)
        if self.keys is not None:
            socket.curve_secretkey = self.keys.server.secret_key.encode()
            socket.curve_server = True

    def start(self) -> None:
        """Begin to answer; those who connect earlier wait for it."""
        self._thread.start()

    def receive(self, socket: "zmq.Socket[bytes]") -> tuple[list[bytes], Guest]:
        """The next message and who sent it; `zmq.Again` if there is none."""
        if self._roll is None:
            return socket.recv_multipart(zmq.NOBLOCK), LOCAL_GUEST
        frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
        guest = self._roll.find(str(frames[-1].get("User-Id")))  # None: revoked meanwhile
        return [frame.bytes for frame in frames], guest or STRANGER

    def close(self) -> None:
        """End the thread. Nobody can connect any more; who is connected stays."""
        if self._thread.is_alive():
            self._end.send(b"")
            self._thread.join()
        for socket in (self._zap, self._inside, self._end):
            socket.close(0)

    def _run(self) -> None:
        poller = zmq.Poller()
        poller.register(self._zap, zmq.POLLIN)
        poller.register(self._inside, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if self._inside in ready:
                return
            frames = self._zap.recv_multipart()
            user, refused = self._judge(frames[5:])
            status = [b"400", refused.encode()] if refused else [b"200", b"OK"]
            if refused:
                self._tell(frames[3].decode(), refused)
            self._zap.send_multipart([b"1.0", frames[1], *status, user.encode(), b""])

    def _tell(self, address: str, refused: str) -> None:
        """Log who was refused, now and then: strangers who try again and again fill no disk."""
        self._refusals += 1
        if time.monotonic() - self._told_at > TELL_SECONDS:
            self._told_at = time.monotonic()
            log.warning("refused %d so far, now %s: %s", self._refusals, address, refused)

    def _judge(self, proof: list[bytes]) -> tuple[str, str]:
        """The client's name to ZeroMQ, and why it is refused if it is."""
        if not _room():
            return "", "too many connections"
        if self._roll is None:
            return "", ""
        if proof[0] != b"CURVE":
            return "", "no keys"
        public_key = z85.encode(proof[1]).decode()
        return public_key, "" if self._roll.find(public_key) else "unknown keys"


def _room() -> bool:
    """Whether file descriptors are left for another connection: the lowest free one tells."""
    try:
        probe = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return False
    os.close(probe)
    return probe < _descriptors() - SPARE_DESCRIPTORS


def use_all_descriptors() -> None:
    """Let this process and those it starts have as many connections as the system allows."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(MOST_DESCRIPTORS, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _descriptors() -> int:
    try:
        import resource
    except ImportError:  # not a Unix: its own limits are far off
        return MOST_DESCRIPTORS
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
