"""Helpers for tests on every floor."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

if TYPE_CHECKING:
    from segue.server.serving.server import Server

FloatArray = NDArray[np.float64]


@pytest.fixture
def server(tmp_path: Path) -> "Iterator[Server]":
    """A server on free ports, its loop in a thread."""
    from segue.server.serving.server import Server

    served = Server(0, folder=tmp_path)
    thread = threading.Thread(target=served.run)
    thread.start()
    yield served
    served.stop()
    thread.join(20)
    served.close()


@pytest.fixture
def sing() -> Callable[..., tuple[FloatArray, FloatArray]]:
    """A vowel sung at a pitch: (samples, Hz at each sample) of MIDI pitches, NaN for silence."""

    def voice(
        midi: FloatArray, sample_rate: int = 48_000, breath: float = 0.002
    ) -> tuple[FloatArray, FloatArray]:
        rng = np.random.default_rng(1)
        sung = np.isfinite(midi)
        hz = np.where(sung, 440.0 * 2.0 ** ((np.nan_to_num(midi, nan=69.0) - 69.0) / 12.0), 0.0)
        turns = np.cumsum(hz) / sample_rate
        sound = np.zeros(len(midi))
        for number in range(1, int(6000.0 / hz[sung].min()) + 1):
            at = number * hz
            level = np.where(sung & (at < 0.45 * sample_rate), _vowel(at) / number**1.2, 0.0)
            sound += level * np.cos(2.0 * np.pi * number * turns + 0.3 * number)
        ramp = np.hanning(round(0.04 * sample_rate))
        gate = np.convolve(np.pad(sung.astype(float), 1)[1:-1], ramp / ramp.sum(), "same") ** 2
        gate *= np.minimum(1.0, np.arange(len(midi)) / len(ramp))
        sound = sound * gate / np.abs(sound).max() * 0.4
        return sound + breath * gate * rng.standard_normal(len(midi)), hz

    return voice


def _vowel(hz: FloatArray) -> FloatArray:
    """Level of an open vowel: four formants."""
    formants = (
        (700.0, 130.0, 1.0),
        (1150.0, 140.0, 0.6),
        (2600.0, 200.0, 0.25),
        (3400.0, 250.0, 0.15),
    )
    return 0.02 + sum(size / (1.0 + ((hz - at) / wide) ** 2) for at, wide, size in formants)
