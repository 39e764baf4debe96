"""Pieces of the corpus as the network of notes learns from them: levels, targets, variations.

Levels are kept as bytes (0.4 dB each), and varied as levels: louder, softer, another tone colour,
noise, another pitch, two pieces at once.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...music.files import write_whole
from ..notes.note_spectrum import (
    BANDS_PER_SEMITONE,
    FRAME_SECONDS,
    LONG_BANDS,
    LOWEST_MIDI,
    PITCHES,
    SHORT_BANDS,
    note_spectrum,
)
from ..spectra import Floats, to_mono

ONSET, SOUNDING, OFFSET, VELOCITY = range(4)
"""Rows of the targets, as of the network's outputs."""
SPREAD = 2.0
"""Frames over which the target of an onset falls from 1 to 0."""

_BYTES_PER_LEVEL = 250.0
_DECIBEL = 0.01  # as a level
_SAME_SECONDS = 0.03  # the same pitch on two instruments is one note
_BANDS = LONG_BANDS + SHORT_BANDS


@dataclass(frozen=True)
class Piece:
    """One recording: levels [shape=(frames, bands)] as bytes, notes [on, off, pitch, velocity]."""

    name: str
    family: str
    levels: NDArray[np.uint8]
    notes: NDArray[np.float64]


def load_pieces(folder: Path, cache: Path, known: frozenset[str] = frozenset()) -> Iterator[Piece]:
    """Pieces of a part of the corpus that have notes; their levels are kept in `cache`.

    :param known: names of those that are not wanted again
    """
    import soundfile

    for path in sorted(folder.glob("*.json")):
        if path.stem in known:
            continue
        label = json.loads(path.read_text())
        sound_path, kept = path.with_suffix(".flac"), cache / folder.name / f"{path.stem}.npy"
        if not label["notes"] or not sound_path.exists():
            continue
        if not kept.exists():
            samples, rate = soundfile.read(sound_path, dtype="float32")
            levels = np.concatenate(note_spectrum(to_mono(samples, rate)), axis=1)
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_whole(kept, np.round(levels * _BYTES_PER_LEVEL).astype(np.uint8).tobytes())
        stored = np.frombuffer(kept.read_bytes(), np.uint8).reshape(-1, _BANDS)
        yield Piece(path.stem, label["family"], stored, heard_notes(label["notes"]))


def heard_notes(notes: list[list[float]]) -> NDArray[np.float64]:
    """Notes as a listener counts them: the same pitch starting at once is one, the longest."""
    kept: list[list[float]] = []
    last: dict[int, list[float]] = {}
    for onset, offset, midi, velocity, *_ in sorted(notes):
        pitch = int(midi) - LOWEST_MIDI
        if not 0 <= pitch < PITCHES or offset - onset < 0.02:
            continue
        twin = last.get(pitch)
        if twin is not None and onset - twin[0] < _SAME_SECONDS:
            twin[1], twin[3] = max(twin[1], offset), max(twin[3], velocity / 127.0)
            continue
        last[pitch] = [onset, offset, pitch, velocity / 127.0]
        kept.append(last[pitch])
    return np.array(kept).reshape(-1, 4)


def make_targets(notes: NDArray[np.float64], start: int, frames: int) -> Floats:
    """Targets [shape=(4, frames, PITCHES)] of the frames from `start` on.

    An onset is a triangle about its time, so that the network can tell times between frames; a note
    that is struck again before its end has no offset there.
    """
    target = np.zeros((4, frames, PITCHES), np.float32)
    on, off = notes[:, 0] / FRAME_SECONDS - start, notes[:, 1] / FRAME_SECONDS - start
    inside = (off > -SPREAD) & (on < frames + SPREAD)
    rows = list(zip(on[inside], off[inside], notes[inside, 2].astype(int), strict=True))
    for begin, end, pitch in rows:
        first, last = max(0, round(begin)), max(round(begin) + 1, int(np.ceil(end)))
        target[SOUNDING, first : max(0, last), pitch] = 1.0
    for (begin, end, pitch), velocity in zip(rows, notes[inside, 3], strict=True):
        _triangle(target[ONSET, :, pitch], begin)
        at = slice(max(0, int(begin) - 1), max(0, int(begin) + 3))
        target[VELOCITY, at, pitch] = velocity
        after = int(np.ceil(end))
        if not (0 <= after < frames and target[SOUNDING, after, pitch]):
            _triangle(target[OFFSET, :, pitch], end)
    return target


def _triangle(row: Floats, centre: float) -> None:
    low, high = max(0, int(np.ceil(centre - SPREAD))), int(np.floor(centre + SPREAD)) + 1
    if high <= 0 or low >= len(row):
        return
    at = np.arange(low, min(high, len(row)))
    row[at] = np.maximum(row[at], 1.0 - np.abs(at - centre) / SPREAD)


class Crops:
    """Endless batches of varied pieces of the pieces.

    :param frames: length of each
    """

    def __init__(self, pieces: list[Piece], frames: int, seed: int) -> None:
        self._pieces = [piece for piece in pieces if len(piece.levels) > frames]
        self._frames = frames
        self._random = np.random.default_rng(seed)
        lengths = np.array([len(piece.levels) for piece in self._pieces], float)
        self._chance = lengths / lengths.sum()

    def batch(self, size: int) -> tuple[Floats, Floats, Floats]:
        """Long levels, short levels and targets of `size` crops."""
        crops = [self._crop() for _ in range(size)]
        levels = np.stack([crop[0] for crop in crops])
        targets = np.stack([crop[1] for crop in crops])
        return levels[..., :LONG_BANDS], levels[..., LONG_BANDS:], targets

    def _crop(self) -> tuple[Floats, Floats]:
        levels, target = self._plain()
        if self._random.random() < 0.15:
            other, added = self._plain()
            levels = _sum(levels, other + _DECIBEL * self._random.uniform(-10.0, 3.0))
            target = np.maximum(target, added)
        levels = levels + _DECIBEL * self._colour()
        if self._random.random() < 0.3:
            levels = _sum(levels, self._noise(len(levels)))
        return np.clip(levels, 0.0, 1.0).astype(np.float32), target

    def _plain(self) -> tuple[Floats, Floats]:
        piece = self._pieces[self._random.choice(len(self._pieces), p=self._chance)]
        start = int(self._random.integers(len(piece.levels) - self._frames))
        levels = piece.levels[start : start + self._frames].astype(np.float32)
        steps = int(self._random.integers(-6, 7)) if self._random.random() < 0.7 else 0
        notes = piece.notes.copy()
        notes[:, 2] += steps
        notes = notes[(notes[:, 2] >= 0) & (notes[:, 2] < PITCHES)]
        long = _moved(levels[:, :LONG_BANDS], steps * BANDS_PER_SEMITONE)
        short = _moved(levels[:, LONG_BANDS:], steps)
        moved = np.concatenate([long, short], axis=1) / _BYTES_PER_LEVEL
        return moved.astype(np.float32), make_targets(notes, start, self._frames)

    def _colour(self) -> Floats:
        """Decibels for every band: one gain, and a bent line over frequency."""
        gain = self._random.uniform(-24.0, 4.0)
        knots = self._random.normal(0.0, 4.0, 6)
        return _over_bands(gain + knots - knots.mean())

    def _noise(self, frames: int) -> Floats:
        """Levels of noise of random loudness and colour [shape=(frames, bands)]."""
        knots = self._random.uniform(0.05, 0.5) + self._random.normal(0.0, 0.05, 6)
        power = self._random.exponential(1.0, (frames, _BANDS)).astype(np.float32)
        ripple: Floats = 10.0 * _DECIBEL * np.log10(power + 1e-3)
        return _over_bands(knots) + ripple


def _over_bands(knots: NDArray[np.float64]) -> Floats:
    """Values between knots over the frequency range, for the bands of both windows."""
    at = np.linspace(0.0, 1.0, len(knots))
    long = np.interp(np.linspace(0.0, 1.0, LONG_BANDS), at, knots)
    short = np.interp(np.linspace(0.0, 1.0, SHORT_BANDS), at, knots)
    return np.concatenate([long, short]).astype(np.float32)


def _moved(levels: Floats, bands: int) -> Floats:
    """Levels moved up by some bands; the outermost one fills what is left free."""
    source = np.clip(np.arange(levels.shape[1]) - bands, 0, levels.shape[1] - 1)
    return levels[:, source]


def _sum(first: Floats, second: Floats) -> Floats:
    """Level of two sounds at once, as if their powers added."""
    high, low = np.maximum(first, second), np.minimum(first, second)
    power = 10.0 ** ((low - high) / (10.0 * _DECIBEL))
    return np.asarray(high + 10.0 * _DECIBEL * np.log10(1.0 + power), np.float32)
