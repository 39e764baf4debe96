"""Mixing a voice, its parts and a band, and the last stage that brings them to -16 LUFS."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...analysis.sound.audio import find_clicks, true_peak
from ...analysis.sound.loudness import loudness_curve
from ...synth.master import Limiter
from ...synth.sinks import FileSink
from ..sounding.sound import SAMPLE_RATE

Samples = NDArray[np.float32]  # [shape=(frames, 2)]

VOICE_LUFS = -20.0
"""Loudness of the voice in the mix, before the last stage; the others are set against it."""

TARGET_LUFS, CEILING_DB = -16.0, -1.2

_PASSES = 3  # the limiter takes some loudness, which is given back
_NEAR_LU = 0.1
_MASTER_BLOCK = 16_384
_PIECE_FRAMES = 60 * SAMPLE_RATE  # measured at once: an hour of sound must fit into memory
_OVERLAP_FRAMES = SAMPLE_RATE // 10
_ABSOLUTE_GATE_LUFS, _RELATIVE_GATE_LU = -70.0, -10.0  # of ITU-R BS.1770


def loudness_lufs(sound: NDArray[np.floating]) -> float:
    """Integrated loudness, as `analysis.sound.audio.integrated_loudness`, a minute at a time."""
    windows = [loudness_curve(piece, SAMPLE_RATE).momentary_lufs for piece in _pieces(sound)]
    heard = np.concatenate(windows)
    heard = heard[heard >= _ABSOLUTE_GATE_LUFS]
    if not len(heard):
        return float("-inf")
    heard = heard[heard >= _mean_lufs(heard) + _RELATIVE_GATE_LU]
    return _mean_lufs(heard)


def _mean_lufs(windows: NDArray[np.float64]) -> float:
    return float(10.0 * np.log10(np.mean(10.0 ** (windows / 10.0))))


def peak_and_clicks(sound: Samples) -> tuple[float, int]:
    """True peak in dB and the number of clicks, a minute at a time."""
    pieces = _pieces(sound)
    peak = max(true_peak(piece, SAMPLE_RATE) for piece in pieces)
    frames = set()
    for number, piece in enumerate(pieces):
        found = find_clicks(piece, SAMPLE_RATE)
        first = 0 if number == 0 else _OVERLAP_FRAMES // 2  # the cut itself is no click
        last = len(piece) if number == len(pieces) - 1 else len(piece) - _OVERLAP_FRAMES // 2
        frames |= {number * _PIECE_FRAMES + at for at in found.tolist() if first <= at < last}
    return peak, len(frames)


def _pieces(sound: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    """Stretches of a minute that overlap by a tenth of a second, none very short."""
    starts = range(0, max(len(sound) - 10 * _OVERLAP_FRAMES, 1), _PIECE_FRAMES)
    ends = [start + _PIECE_FRAMES + _OVERLAP_FRAMES for start in starts]
    ends[-1] = len(sound)
    return [sound[start:end] for start, end in zip(starts, ends, strict=True)]


def gain_to(stem: NDArray[np.floating], target_lufs: float) -> float:
    """The factor that brings a stem to a loudness; 1 for silence."""
    loudness = loudness_lufs(stem)
    return 10 ** ((target_lufs - loudness) / 20) if np.isfinite(loudness) else 1.0


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
