"""Helpers for the tests of the voice."""

from collections.abc import Callable

import numpy as np
import pytest

from segue.music.events import EVENT, Events

Row = tuple[int, int, float, float, int]  # at_frame, duration_frames, pitch, velocity, channel


@pytest.fixture
def events() -> Callable[..., Events]:
    """Events from rows of (at_frame, duration_frames, pitch, velocity, channel)."""

    def make(*rows: Row) -> Events:
        return np.array(list(rows), dtype=EVENT)

    return make


@pytest.fixture
def band() -> Callable[..., Events]:
    """Melody, pad, bass, arpeggio and drums at velocity about 0.6: (channel numbers 0 to 4)."""

    def make(seconds: float, sample_rate: int = 48_000) -> Events:
        beat = sample_rate * 60 / 110
        chords = [(57, 60, 64), (53, 57, 60), (48, 55, 64), (55, 59, 62)]
        melody = [76, 74, 72, 79, 77, 76, 72, 71]
        rows: list[Row] = []

        def add(beats: float, length: float, pitch: int, velocity: float, channel: int) -> None:
            rows.append((int(beats * beat), int(length * beat), pitch, velocity, channel))

        for step in range(int(seconds * sample_rate / beat)):
            chord = chords[step // 4 % 4]
            add(step, 0.9, melody[step % 8], 0.6, 0)
            if step % 4 == 0:
                for pitch in chord:
                    add(step, 3.9, pitch, 0.6, 1)
            for half in (0, 0.5):
                add(step + half, 0.45, chord[0] - (24 if chord[0] > 52 else 12), 0.6, 2)
                add(step + half, 0.1, 42, 0.6 - 0.3 * half, 4)
            for quarter in range(4):
                pitch = chord[(step * 4 + quarter) % 3] + 12
                add(step + quarter / 4, 0.25, pitch, 0.65 if quarter == 0 else 0.55, 3)
            add(step, 0.1, 36 if step % 2 == 0 else 38, 0.6, 4)
            if step % 16 == 0:
                add(step, 0.1, 49, 0.6, 4)
        return np.array(rows, dtype=EVENT)

    return make
