"""What the events socket tells, handed to those in the gateway who follow a session."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from ...client import protocol as p
from .sockets import LoopSocket, ZmqSocket

T = TypeVar("T")
AUDIO = "audio"


@dataclass(frozen=True)
class Told:
    """An event, as JSON and what is needed to pass it on."""

    type: str
    sequence: int
    data: bytes


@dataclass(frozen=True)
class Sound:
    """A block of a session's sound."""

    at_frame: int
    sample_rate: int
    channels: int
    samples: bytes  # float32, interleaved


class _Facts(msgspec.Struct):
    type: str
    sequence: int = 0


class _SoundFacts(msgspec.Struct):
    at_frame: int
    buffer: p.Buffer


_FACTS = msgspec.json.Decoder(_Facts)
_SOUND_FACTS = msgspec.json.Decoder(_SoundFacts)


def read_event(data: bytes) -> Told:
    """An event from its JSON."""
    facts = _FACTS.decode(data)
    return Told(facts.type, facts.sequence, data)


class Followers(Generic[T]):
    """Who wants to be told, by topic."""

    def __init__(self, socket: LoopSocket) -> None:
        self._socket = socket
        self._topics: dict[str, dict[Hashable, Callable[[T], None]]] = {}

    def add(self, topic: str, who: Hashable, tell: Callable[[T], None]) -> None:
        """From now on `tell` is told; once more for the same `who` replaces it."""
        if topic not in self._topics:
            self._topics[topic] = {}
            self._socket.subscribe(topic.encode())
        self._topics[topic][who] = tell

    def remove(self, topic: str, who: Hashable) -> None:
        """Tell no more; nothing happens if it was not told."""
        followers = self._topics.get(topic)
        if followers is None:
            return
        followers.pop(who, None)
        if not followers:
            del self._topics[topic]
            self._socket.unsubscribe(topic.encode())

    def tell(self, topic: str, what: T) -> None:
        for tell in list(self._topics.get(topic, {}).values()):
            tell(what)


class Feeds:
    """Events and sound of the sessions that somebody follows: one SUB for all."""

    def __init__(self, socket: ZmqSocket) -> None:
        self._socket = LoopSocket(socket, self._receive)
        self.events: Followers[Told] = Followers(self._socket)
        self.sound: Followers[Sound] = Followers(self._socket)

    def close(self) -> None:
        self._socket.close()

    def _receive(self, frames: list[bytes]) -> None:
        topic = frames[0].decode()
        if len(frames) == 3:
            facts = _SOUND_FACTS.decode(frames[1])
            channels = facts.buffer.shape[1] if len(facts.buffer.shape) > 1 else 1
            block = Sound(facts.at_frame, facts.buffer.sample_rate, channels, frames[2])
            self.sound.tell(topic, block)
        else:
            self.events.tell(topic.rpartition("/")[0] + "/", read_event(frames[1]))


def events_topic(session: str) -> str:
    """Of all events of a session; '' for those of the server."""
    return f"{p.PROTOCOL_TAG.decode()}/{session}/"


def sound_topic(session: str) -> str:
    """Of a session's sound."""
    return f"{p.PROTOCOL_TAG.decode()}/{AUDIO}/{session}"
