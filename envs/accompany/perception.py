"""What an online accompanist knows before a frame sounds; the same in training and live.

The melody up to the last frame, the own chords, and the place in the bar. Numbers come in blocks of
twelve, one for each pitch class, and then plain ones: transposing all music turns every block and
changes nothing else, which is what `network` builds on.
"""

import numpy as np
from numpy.typing import NDArray

from ...music.theory import NAMES
from .chords import CHORDS, CLASSES, NONE, QUALITIES, Ints
from .songs import FRAMES_PER_BEAT, REST

Floats = NDArray[np.float32]

WINDOW = 4
"""Frames back to which the sounding pitch class is told one by one."""

HALF_LIVES_BEATS = (1.0, 4.0, 16.0)
"""Of the memories of what has sounded, each a share of the pitch classes."""

MELODY_BLOCKS = (
    *(f"sounding_{back}" for back in range(1, WINDOW + 1)),
    "onset",
    *(f"heard_{beats:g}_beats" for beats in HALF_LIVES_BEATS),
)
OWN_BLOCKS = NONE // CLASSES
BLOCKS = len(MELODY_BLOCKS) + OWN_BLOCKS
PLACES = 12
BARS = (4, 6, 8)
MELODY_PLAIN = ("rest", "pitch", "note_age")
METER = (
    *(f"place_{place}" for place in range(PLACES)),
    *(f"bar_{frames}" for frames in BARS),
    "bar_other",
)
OWN_PLAIN = ("none", "begun", "held")
PLAIN_SIZE = len(MELODY_PLAIN) + len(METER) + len(OWN_PLAIN)

OBSERVATION = (
    *(f"{block}_{name}" for block in MELODY_BLOCKS for name in NAMES),
    *(f"own_{name}{quality}" for quality in QUALITIES for name in NAMES),
    *MELODY_PLAIN,
    *METER,
    *OWN_PLAIN,
)
SIZE = len(OBSERVATION)

MELODY_SIZE = len(MELODY_BLOCKS) * CLASSES
OWN_END = BLOCKS * CLASSES
"""Melody blocks end at MELODY_SIZE, those of the own chord here; the plain numbers follow."""

_MIDDLE_PITCH, _PITCH_SPREAD = 66.0, 24.0
_KEEP = np.array([0.5 ** (1.0 / (beats * FRAMES_PER_BEAT)) for beats in HALF_LIVES_BEATS])
_EYE = np.eye(CLASSES, dtype=np.float32)


def _log_age(frames: NDArray[np.int64]) -> Floats:
    return np.asarray(np.log2(1.0 + frames) / 7.0, np.float32)


class MelodyMemory:
    """What n players have been heard to play, frame by frame."""

    def __init__(self, n: int) -> None:
        self._window = np.zeros((n, WINDOW, CLASSES), np.float32)
        self._onset = np.zeros((n, CLASSES), np.float32)
        self._heard = np.zeros((n, len(HALF_LIVES_BEATS), CLASSES), np.float32)
        self._pitch = np.full(n, _MIDDLE_PITCH, np.float32)
        self._rest = np.ones(n, np.float32)
        self._age = np.zeros(n, np.int64)

    def hear(self, pitch: Ints, onset: NDArray[np.bool_]) -> None:
        """A frame has sounded: MIDI pitches or REST [shape=(n,)], and where a note began."""
        sounds = pitch != REST
        now = _EYE[pitch % CLASSES] * sounds[:, None]
        self._window[:, 1:] = self._window[:, :-1].copy()
        self._window[:, 0] = now
        self._onset = now * onset[:, None]
        self._heard = (self._heard * _KEEP[:, None] + now[:, None]).astype(np.float32)
        self._pitch = np.where(sounds, pitch, self._pitch).astype(np.float32)
        changed = onset | (self._rest != ~sounds)
        self._age = np.where(changed, 0, self._age + 1)
        self._rest = (~sounds).astype(np.float32)

    def blocks(self) -> Floats:
        """Numbers for each pitch class [shape=(n, MELODY_SIZE)]."""
        total = np.maximum(self._heard.sum(-1, keepdims=True), 1e-6)
        parts = (self._window, self._onset[:, None], self._heard / total)
        return np.concatenate(parts, 1).reshape(len(self._rest), MELODY_SIZE)

    def plain(self) -> Floats:
        """Rest, pitch and age of the note [shape=(n, 3)]."""
        height = (self._pitch - _MIDDLE_PITCH) / _PITCH_SPREAD
        return np.stack([self._rest, height, _log_age(self._age)], 1)


def meter_features(place: Ints, bar: Ints) -> Floats:
    """Where the coming frame lies in its bar [shape=(..., len(METER))], one-hot."""
    told = np.zeros((*np.shape(place), len(METER)), np.float32)
    np.put_along_axis(told, np.minimum(place, PLACES - 1)[..., None], 1.0, -1)
    kind = np.full(np.shape(bar), PLACES + len(BARS))
    for number, frames in enumerate(BARS):
        kind[np.asarray(bar) == frames] = PLACES + number
    np.put_along_axis(told, kind[..., None], 1.0, -1)
    return told


_OWN = np.zeros((CHORDS + 1, OWN_BLOCKS * CLASSES), np.float32)
_OWN[np.arange(NONE), np.arange(NONE)] = 1.0

BEGINNING = CHORDS
"""Stands for the last chord before there is one."""


def own_blocks(last: Ints) -> Floats:
    """The last chord one-hot, a block for each quality [shape=(..., 108)]."""
    return _OWN[last]


def own_plain(last: Ints, held: Ints) -> Floats:
    """No chord, begun, and for how many frames the chord is held [shape=(..., 3)]."""
    parts = [last == NONE, last != BEGINNING, _log_age(held)]
    return np.stack([np.asarray(part, np.float32) for part in parts], -1)


def melody_features(melody: Ints, onset: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """What was known of clips [shape=(n, frames)] before each of their frames: blocks and plain."""
    n, frames = melody.shape
    memory = MelodyMemory(n)
    blocks = np.empty((n, frames, MELODY_SIZE), np.float32)
    plain = np.empty((n, frames, len(MELODY_PLAIN)), np.float32)
    for at in range(frames):
        blocks[:, at], plain[:, at] = memory.blocks(), memory.plain()
        memory.hear(melody[:, at], onset[:, at])
    return blocks, plain


def frames_held(chords: Ints) -> Ints:
    """How long each frame's chord has sounded by its end, frames, of clips [shape=(n, frames)]."""
    held = np.ones(chords.shape, np.int64)
    for at in range(1, chords.shape[1]):
        held[:, at] += np.where(chords[:, at] == chords[:, at - 1], held[:, at - 1], 0)
    return held


def observations(blocks: Floats, plain: Floats, meter: Floats, last: Ints, held: Ints) -> Floats:
    """Whole observations [shape=(..., SIZE)] from their parts, each [shape=(..., size)]."""
    return np.concatenate([blocks, own_blocks(last), plain, meter, own_plain(last, held)], -1)
