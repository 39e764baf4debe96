"""Sound input: blocks with the times at which they were heard, from a JACK graph or a recording."""

import threading
import time
from collections import deque
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .jack_client import open_jack_client

CLIENT_NAME = "segue-listener"
BLOCK_SECONDS = 0.02  # of a recording
MOST_WAITING = 2048
"""Of an input that nobody reads, the newest blocks are kept."""


class HeardBlock(NamedTuple):
    """A piece of sound that came in."""

    seconds: float  # of its first sample, on the clock of the input
    samples: NDArray[np.float32]  # [shape=(frames,)], full scale 1


class RecordingIn:
    """A recording, heard as time goes on: its own time is that of whoever takes from it."""

    live = False

    def __init__(self, samples: NDArray[np.floating], sample_rate: int) -> None:
        sound = np.asarray(samples, np.float32)
        self._sound = sound.mean(axis=1) if sound.ndim == 2 else sound
        self.sample_rate = int(sample_rate)
        self._block = max(round(BLOCK_SECONDS * sample_rate), 1)
        self._at = 0

    def take(self, until_seconds: float) -> list[HeardBlock]:
        """What has come up to a time since the last call, oldest first."""
        end = min(int(until_seconds * self.sample_rate), len(self._sound))
        found = []
        while self._at + self._block <= end:
            block = self._sound[self._at : self._at + self._block]
            found.append(HeardBlock(self._at / self.sample_rate, block))
            self._at += self._block
        return found

    def close(self) -> None:
        """Nothing is open."""


class JackIn:
    """A JACK client with one input, `sound`, that is joined to the sound card's first capture.

    Raises MissingPartError where JACK-Client or a JACK server is missing.
    """

    live = True

    def __init__(self) -> None:
        self._client: Any = open_jack_client(
            CLIENT_NAME, use="live listeners", instead="give a recording"
        )
        self.sample_rate = int(self._client.samplerate)
        self._port = self._client.inports.register("sound")
        self._blocks: deque[HeardBlock] = deque(maxlen=MOST_WAITING)
        self._lock = threading.Lock()
        self._client.set_process_callback(self._process)
        self._client.activate()
        captures = self._client.get_ports(is_audio=True, is_output=True, is_physical=True)
        if captures:
            self._client.connect(captures[0], self._port)

    def take(self, until_seconds: float = 0.0) -> list[HeardBlock]:
        """What has come since the last call, oldest first, by `time.monotonic`."""
        with self._lock:
            found = list(self._blocks)
            self._blocks.clear()
        return found

    def close(self) -> None:
        """Leave the graph. Twice is allowed."""
        if self._client is not None:
            self._client.deactivate()
            self._client.close()
            self._client = None

    def _process(self, frames: int) -> None:
        now = time.monotonic()
        block = HeardBlock(now - frames / self.sample_rate, self._port.get_array().copy())
        with self._lock:
            self._blocks.append(block)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


SoundIn = RecordingIn | JackIn
