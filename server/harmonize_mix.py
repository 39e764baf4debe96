"""Mixing a voice, its parts and a band, and the last stage that brings them to -16 LUFS."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..analysis.audio import integrated_loudness
from ..synth.master import Limiter
from ..synth.sinks import FileSink
from .sound import SAMPLE_RATE

Samples = NDArray[np.float32]  # [shape=(frames, 2)]

VOICE_LUFS = -20.0
"""Loudness of the voice in the mix, before the last stage; the others are set against it."""

TARGET_LUFS, CEILING_DB = -16.0, -1.2

_PASSES = 3  # the limiter takes some loudness, which is given back
_NEAR_LU = 0.1
_MASTER_BLOCK = 16_384


def gain_to(stem: Samples, loudness_lufs: float) -> float:
    """The factor that brings a stem to a loudness; 1 for silence."""
    loudness = integrated_loudness(stem, SAMPLE_RATE)
    return 10 ** ((loudness_lufs - loudness) / 20) if np.isfinite(loudness) else 1.0


def pan(mono: NDArray[np.floating], position: float) -> Samples:
    """A mono sound at a place between left -1 and right 1, with constant power [shape=(n, 2)]."""
    angle = np.pi / 4 * (1.0 + position)
    sides = np.sqrt(2.0) * np.array([np.cos(angle), np.sin(angle)])
    return np.asarray(mono[:, None] * sides, np.float32)


def add(mix: Samples, stem: Samples, gain: float) -> Samples:
    """The mix with a stem in it, as long as the longer one."""
    if len(stem) > len(mix):
        mix = np.pad(mix, ((0, len(stem) - len(mix)), (0, 0)))
    mix[: len(stem)] += np.float32(gain) * stem
    return mix


def master(mix: Samples) -> Samples:
    """The mix at `TARGET_LUFS`, its true peaks below `CEILING_DB`."""
    gain = gain_to(mix, TARGET_LUFS)
    limited = mix
    for _ in range(_PASSES):
        limited = _limited(mix, gain)
        missing = gain_to(limited, TARGET_LUFS)
        if abs(20 * np.log10(missing)) < _NEAR_LU:
            break
        gain *= missing
    return limited


def _limited(mix: Samples, gain: float) -> Samples:
    limiter = Limiter(SAMPLE_RATE, ceiling_db=CEILING_DB)
    late = limiter.delay_frames
    limited = np.empty_like(mix)
    padded = np.concatenate([mix, np.zeros((late, 2), np.float32)])
    for start in range(0, len(padded), _MASTER_BLOCK):
        block = limiter.process(gain * padded[start : start + _MASTER_BLOCK].astype(np.float64))
        first = max(late - start, 0)
        limited[start + first - late : start + len(block) - late] = block[first:]
    return limited


def write(path: str | Path, sound: Samples) -> None:
    """Write a WAV or FLAC file, whole or not at all."""
    with FileSink(path, SAMPLE_RATE) as sink:
        for start in range(0, len(sound), SAMPLE_RATE):
            sink.write(sound[start : start + SAMPLE_RATE])
