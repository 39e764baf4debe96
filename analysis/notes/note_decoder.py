"""From what the network of notes heard to notes: where each begins, how long it is held.

A note begins at a peak of its pitch's onset probability and ends where the probability that it is
held, less that of an offset, falls below a threshold, or where the pitch is struck again. Both
times lie between frames: an onset's by the triangle that the network was taught (Q. Kong et al.,
"High-resolution piano transcription with pedals by regressing onset and offset times", IEEE TASLP
29, 2021), an end by the line between two frames.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..spectra import Floats
from .note_spectrum import FRAME_SECONDS, LOWEST_MIDI, PITCHES

AHEAD = 3
"""Frames after one that must be known to decide whether a note begins in it."""


@dataclass(frozen=True)
class Thresholds:
    """Probabilities from 0 to 1, tuned on the validation part of the corpus."""

    onset: float = 0.35  # of a peak that begins a note
    held: float = 0.4  # of a note that goes on, less that of an offset


@dataclass(frozen=True)
class NoteEvent:
    """A note that begins (`offset_seconds` is None) or has ended."""

    onset_seconds: float
    offset_seconds: float | None
    pitch: int  # MIDI
    velocity: float  # 0..1
    confidence: float  # 0..1


class NoteDecoder:
    """Notes from the frames of `heard` [shape=(4, frames, PITCHES)], however they are cut."""

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        self._thresholds = thresholds or Thresholds()
        self._first = 0  # frame of the first kept one
        self._kept = np.zeros((4, 0, PITCHES), np.float32)
        self._open: dict[int, NoteEvent] = {}
        self._begun: dict[int, int] = {}  # frames

    def push(self, heard: Floats) -> list[NoteEvent]:
        """Take the next frames; what began and ended in those that are now decided, in order."""
        heard = heard.copy()
        heard[1] -= heard[2]
        if not self._kept.shape[1]:  # nothing sounds before the first frame
            heard = np.concatenate([np.zeros((4, 1, PITCHES), np.float32), heard], axis=1)
            self._first -= 1
        self._kept = np.concatenate([self._kept, heard], axis=1)
        return self._decide(self._kept.shape[1] - AHEAD)

    def finish(self) -> list[NoteEvent]:
        """What is left: notes that still sound end with the last frame."""
        if not self._kept.shape[1]:
            return []
        self._kept = np.pad(self._kept, ((0, 0), (0, AHEAD), (0, 0)))
        end = self._first + self._kept.shape[1] - AHEAD
        events = self._decide(self._kept.shape[1] - AHEAD)
        return events + [self._ended(pitch, float(end)) for pitch in sorted(self._open)]

    def _decide(self, stop: int) -> list[NoteEvent]:
        """Events of the kept frames from the second one up to `stop`."""
        if stop <= 1:
            return []
        onset, held = self._kept[0], self._kept[1]
        here = onset[1:stop]
        peaks = (here >= self._thresholds.onset) & (here > onset[: stop - 1])
        peaks &= here >= onset[2 : stop + 1]
        goes_on = np.maximum(held[2 : stop + 1], held[3 : stop + 2]) >= self._thresholds.held
        peaks &= goes_on
        falls = (held[1:stop] < self._thresholds.held) & (held[: stop - 1] >= self._thresholds.held)
        events: list[NoteEvent] = []
        frames, pitches = np.nonzero(peaks | falls)
        for frame, pitch in zip((frames + 1).tolist(), pitches.tolist(), strict=True):
            if falls[frame - 1, pitch]:
                events += self._fall(frame, pitch)
            if peaks[frame - 1, pitch]:
                events += self._peak(frame, pitch)
        self._kept = self._kept[:, stop - 1 :]
        self._first += stop - 1
        return events

    def _peak(self, frame: int, pitch: int) -> list[NoteEvent]:
        before, at, after = self._kept[0, frame - 1 : frame + 2, pitch].tolist()
        slope = max(at - min(before, after), 1e-6)
        onset = frame + self._first + 0.5 * (after - before) / slope
        events = [self._ended(pitch, onset)] if pitch in self._open else []
        velocity = float(self._kept[3, frame, pitch])
        begun = NoteEvent(max(onset, 0.0) * FRAME_SECONDS, None, pitch + LOWEST_MIDI, velocity, at)
        self._open[pitch], self._begun[pitch] = begun, frame + self._first
        return [*events, begun]

    def _fall(self, frame: int, pitch: int) -> list[NoteEvent]:
        """The end of a note; what falls while one begins belongs to the note before."""
        if pitch not in self._open or frame + self._first < self._begun[pitch] + 2:
            return []
        before, at = self._kept[1, frame - 1 : frame + 1, pitch].tolist()
        share = (before - self._thresholds.held) / max(before - at, 1e-6)
        return [self._ended(pitch, frame - 1 + share + self._first)]

    def _ended(self, pitch: int, end: float) -> NoteEvent:
        note = self._open.pop(pitch)
        offset = max(end * FRAME_SECONDS, note.onset_seconds + 0.5 * FRAME_SECONDS)
        return NoteEvent(note.onset_seconds, offset, note.pitch, note.velocity, note.confidence)


def decode(heard: Floats, thresholds: Thresholds | None = None) -> NDArray[np.float64]:
    """All notes by onset: rows of onset, offset (seconds), MIDI pitch, velocity, confidence."""
    decoder = NoteDecoder(thresholds)
    return as_rows(decoder.push(heard) + decoder.finish())


def as_rows(events: list[NoteEvent]) -> NDArray[np.float64]:
    """The ended notes among events, by onset, then pitch [shape=(n, 5)]."""
    rows = [
        (note.onset_seconds, note.offset_seconds, note.pitch, note.velocity, note.confidence)
        for note in events
        if note.offset_seconds is not None
    ]
    return np.array(sorted(rows), np.float64).reshape(-1, 5)
