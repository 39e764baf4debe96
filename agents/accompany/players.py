"""Learned accompanists at play, in numpy: n clips at once, or live, frame by frame."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from ...analysis.cards import load_weights
from ...envs.accompany.chords import Ints, chord_of
from ...envs.accompany.clips import Clips
from ...envs.accompany.core import AccompanyCore
from ...envs.accompany.network import Network, draw
from ...envs.accompany.perception import (
    BEGINNING,
    OBSERVATION,
    MelodyMemory,
    melody_features,
    meter_features,
    observations,
)
from ...envs.accompany.prior import TASK
from ...envs.accompany.songs import CLIP_FRAMES, REST
from ...music.errors import FileFormatError, SegueError, check_range
from ...music.theory import Chord

MODELS = Path(__file__).parents[1] / "models"

TEMPERATURE = 0.5
"""At which chords are drawn: chosen on the validation split, the same for all models."""


@lru_cache(maxsize=8)
def load_network(path: Path) -> Network:
    """A network by the path of its card.

    SegueError if there is none, FileFormatError if it is another kind of model or was made for
    another observation.
    """
    if not path.exists():
        raise SegueError(f"there is no accompanist at {path}; train one, or name a shipped one")
    card, weights = load_weights(path)
    if card.task != TASK:
        raise FileFormatError(f"{path} is a model of {card.task!r}; name one of {TASK!r}")
    if card.inputs != OBSERVATION:
        raise FileFormatError(
            f"{path} was trained on another observation than this version gives; train it again"
        )
    return Network(weights)


class NetworkPlayer:
    """Draws chords from a network, for all episodes of a core.

    :param temperature: divides the logits; 1 is as trained, lower is surer
    :param seed: of what it draws
    """

    def __init__(self, network: Network, temperature: float = TEMPERATURE, seed: int = 0) -> None:
        self.network = network
        self.temperature = check_range("temperature", temperature, 1e-3, 100.0)
        self._rng = np.random.default_rng(seed)

    def act(self, core: AccompanyCore) -> Ints:
        if core.frame == 0:
            self._state = self.network.start(core.n)
        seen = core.observe()[:, : len(OBSERVATION)]
        logits, self._state = self.network.step(seen, self._state)
        return draw(logits / self.temperature, self._rng.random(core.n))


class Accompanist:
    """Plays chords to a live melody, an eighth note at a time.

    `chord` is what to play in the coming frame; after it, `hear` what was sung in it.

    :param network: shipped or trained, see `load_network`
    :param bar_frames: eighth notes of a bar
    :param place: eighth notes of the bar that have passed
    :param temperature: as of `NetworkPlayer`
    :param seed: of what is drawn
    """

    def __init__(
        self,
        network: Network,
        *,
        bar_frames: int = 8,
        place: int = 0,
        temperature: float = TEMPERATURE,
        seed: int = 0,
    ) -> None:
        check_range("bar_frames", bar_frames, 1, 64)
        check_range("place", place, 0, bar_frames - 1)
        self.bar_frames = bar_frames
        self.temperature = check_range("temperature", temperature, 1e-3, 100.0)
        self._network = network
        self._state = network.start(1)
        self._memory = MelodyMemory(1)
        self._place = place
        self._last, self._held = BEGINNING, 0
        self._sounding = REST
        self._rng = np.random.default_rng(seed)
        self._choose()

    @property
    def chord(self) -> Chord | None:
        """For the coming frame; None: play nothing."""
        return chord_of(self._last)

    @property
    def number(self) -> int:
        """The same as `envs.accompany.chords` counts chords."""
        return self._last

    def hear(self, pitch: int | None, onset: bool | None = None) -> Chord | None:
        """What the melody did in the frame that is over; returns the chord of the next.

        :param pitch: MIDI pitch, 1..127; None: silence
        :param onset: whether a note began; by default, whether another pitch sounds than before
        """
        heard = REST if pitch is None else int(check_range("pitch", pitch, 1, 127))
        began = heard not in (REST, self._sounding) if onset is None else onset
        self._memory.hear(np.array([heard]), np.array([began]))
        self._sounding = heard
        self._place = (self._place + 1) % self.bar_frames
        self._choose()
        return self.chord

    def _choose(self) -> None:
        meter = meter_features(np.array([self._place]), np.array([self.bar_frames]))
        seen = observations(
            self._memory.blocks(),
            self._memory.plain(),
            meter,
            np.array([self._last]),
            np.array([self._held]),
        )
        logits, self._state = self._network.step(seen, self._state)
        chosen = int(draw(logits / self.temperature, self._rng.random(1))[0])
        self._held = self._held + 1 if chosen == self._last else 1
        self._last = chosen


def play_clips(
    network: Network, clips: Clips, rng: np.random.Generator, temperature: float = 1.0
) -> Ints:
    """The chords that a network draws while it hears clips [shape=(n, frames)]."""
    n = len(clips)
    blocks, plain = melody_features(clips.melody, clips.onset)
    meter = meter_features(clips.place, clips.bar)
    chords = np.empty(clips.melody.shape, np.int64)
    last, held, state = np.full(n, BEGINNING), np.zeros(n, np.int64), network.start(n)
    for at in range(CLIP_FRAMES):
        seen = observations(blocks[:, at], plain[:, at], meter[:, at], last, held)
        logits, state = network.step(seen, state)
        chosen = draw(logits / temperature, rng.random(n))
        held = np.where(chosen == last, held + 1, 1)
        chords[:, at] = last = chosen
    return chords
