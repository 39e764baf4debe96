"""Chords and key while the sound comes in, block by block, at a steady cost.

Each step of 186 ms the network hears the last seconds anew and a forward filter over the moves of
`chord_decoder` keeps what is known; each answer is given with a short look-ahead.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError, check_range
from ...music.theory import Chord, Key
from ..spectra import RATE, Floats
from .chord_decoder import CLASSES, shipped_moves
from .chords import chord_of
from .chroma import HOP, WINDOWS, fine_spectrum, in_tune, loudness_for_offset, offset_of
from .harmony_frames import FRAME_SECONDS, run_network
from .key import KEYS, softmax

STEP = 4  # frames from one answer to the next

_SPAN = 64  # frames that the network hears at once
_TRUST = 0.5  # as `chord_decoder` trusts each frame
_CHANGE = 1.0  # nats that a change costs beyond what its rarity does
_TUNING_KEPT = 0.99  # share of what is known of the tuning that stays at each step
_KEY_KEPT = 0.99  # the same of the key: half after 13 seconds
_REACH = max(WINDOWS) // 2  # samples on either side of a frame


@dataclass(frozen=True)
class HeardHarmony:
    """What is heard at a time."""

    seconds: float  # the time that is told of, from the first sample
    chord: Chord | None
    confidence: float  # 0..1: probability of the chord
    key: Key | None
    key_confidence: float  # 0..1
    posterior: Floats  # [shape=(CLASSES,)] probability of each class, see `chord_decoder`


class ChordFollower:
    """Hears chords and key block by block; how the sound is cut into blocks does not matter.

    :param sample_rate: 8000 to 192000 Hz
    :param look_ahead_seconds: what the network may hear after the time that it tells of, 0 to 2
    """

    def __init__(self, sample_rate: int, *, look_ahead_seconds: float = 0.28) -> None:
        check_range("sample rate in Hz", sample_rate, 8_000, 192_000)
        check_range("look_ahead_seconds", look_ahead_seconds, 0.0, 2.0)
        self.sample_rate = int(sample_rate)
        self._resample = _resampler(self.sample_rate)
        self._ahead = round(look_ahead_seconds / FRAME_SECONDS)
        self._moves = shipped_moves()
        rate = min(0.5, self._moves.change_rate * FRAME_SECONDS)
        self._ways = np.exp(self._moves.change) * (rate * np.exp(-_CHANGE))
        np.fill_diagonal(self._ways, 1.0 - rate)
        self._pending = np.zeros(_REACH, np.float32)  # from the first sample of the next frame on
        self._received = 0  # samples of the analysis's rate
        self._fine = np.zeros((0, 0, 0), np.float32)  # the last frames
        self._frames = 0  # heard so far
        self._told = 0  # frames that were told of
        self._tuning = np.zeros(0)
        self._chances = np.full(CLASSES, 1.0 / CLASSES)
        self._keys, self._key_weight = np.zeros(len(KEYS)), 0.0

    @property
    def latency_seconds(self) -> float:
        """How long after its time an answer is given at the latest, not counting the block."""
        return _REACH / RATE + (self._ahead + STEP) * FRAME_SECONDS

    def push(self, block: NDArray[np.floating]) -> tuple[HeardHarmony, ...]:
        """Take the next samples [shape=(n,) or (n, channels)]; the answers that are ready."""
        samples = np.asarray(block, np.float32)
        if samples.ndim == 2:
            samples = samples.mean(axis=1)
        if samples.ndim != 1:
            raise SegueError(f"a block has the shape {samples.shape}; give (n,) or (n, channels)")
        if not np.isfinite(samples).all():
            raise SegueError("a block has samples that are not finite; mend what sends them")
        return self._take(self._resample(samples, False))

    def finish(self) -> tuple[HeardHarmony, ...]:
        """The answers that are left; nothing comes after."""
        told = list(self._take(self._resample(np.zeros(0, np.float32), True)))
        end = self._received / RATE
        while self._told * FRAME_SECONDS < end:
            told += self._take(np.zeros(HOP * STEP, np.float32))
        return tuple(answer for answer in told if answer.seconds < end)

    def _take(self, samples: Floats) -> tuple[HeardHarmony, ...]:
        self._received += len(samples)
        self._pending = np.concatenate([self._pending, samples])
        told = []
        needed = 2 * _REACH + (STEP - 1) * HOP
        while len(self._pending) >= needed:
            rows = fine_spectrum(self._pending[:needed])[_REACH // HOP : _REACH // HOP + STEP]
            self._pending = self._pending[STEP * HOP :]
            told += self._hear(rows)
        return tuple(told)

    def _hear(self, rows: Floats) -> list[HeardHarmony]:
        """The answers that the next frames allow."""
        self._fine = rows if not self._frames else np.concatenate([self._fine, rows])[-_SPAN:]
        self._frames += len(rows)
        loudness = loudness_for_offset(rows)
        self._tuning = loudness + (_TUNING_KEPT * self._tuning if len(self._tuning) else 0.0)
        ready = self._frames - self._ahead - self._told
        if ready < STEP:
            return []
        tuned = in_tune(self._fine, offset_of(self._tuning))
        chord, bass, _, key = run_network(tuned)
        first = len(tuned) - self._ahead - ready
        answers = []
        for start in range(max(first, 0), first + ready - STEP + 1, STEP):
            taken = slice(start, start + STEP)
            answers.append(self._answer(chord[taken], bass[taken], key[taken]))
        return answers

    def _answer(self, chord: Floats, bass: Floats, key: Floats) -> HeardHarmony:
        for logs in chord:
            known = (self._chances @ self._ways) * np.exp(_TRUST * logs)
            self._chances = known / known.sum()
        best = int(self._chances.argmax())
        weight = float(np.abs(key).sum() > 0)
        self._keys = _KEY_KEPT * self._keys + weight * key.mean(axis=0)
        self._key_weight = _KEY_KEPT * self._key_weight + weight
        seconds = (self._told + (STEP - 1) / 2) * FRAME_SECONDS
        self._told += STEP
        found: Key | None = None
        sure = 0.0
        if self._key_weight > 0:
            chances = softmax(self._keys / self._key_weight)
            found, sure = KEYS[int(chances.argmax())], float(chances.max())
        return HeardHarmony(
            seconds,
            chord_of(best, bass.mean(axis=0)),
            float(self._chances[best]),
            found,
            sure,
            self._chances.astype(np.float32),
        )


def _resampler(sample_rate: int) -> Callable[[Floats, bool], Floats]:
    """Takes blocks and whether they are the last, gives them at the rate of the ears."""
    if sample_rate == RATE:
        return lambda block, last: block
    import soxr

    stream = soxr.ResampleStream(sample_rate, RATE, 1, dtype="float32")
    return lambda block, last: np.asarray(stream.resample_chunk(block, last=last), np.float32)
