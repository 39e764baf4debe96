"""What happens to a rendered clip on its way to the ear: rooms, desks, tape, noise, small files."""

import io
import random
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..spectra import RATE, Floats

Sound = NDArray[np.float64]


def process(rng: random.Random, mono: Floats) -> tuple[Floats, list[str]]:
    """A clip as it might be found, and the names of what was done to it.

    A third stays clean. Nothing moves the direct sound by more than a few samples. The peak is at
    -30 to 0 dB of full scale.
    """
    names: list[str] = []
    sound = np.asarray(mono, np.float64)
    sound = sound / max(1e-9, float(np.abs(sound).max()))
    if rng.random() > 1 / 3:
        for chance, name, effect in _CHAIN:
            if rng.random() < chance:
                sound = effect(rng, sound)
                sound = sound / max(1e-9, float(np.abs(sound).max()))
                names.append(name)
    level = -30.0 * rng.random() ** 2
    sound = sound * 10 ** (level / 20) * 0.98
    return np.asarray(sound, np.float32), names


def _noise_source(rng: random.Random, size: int) -> Sound:
    return np.random.default_rng(rng.getrandbits(32)).standard_normal(size)


def _room(rng: random.Random, sound: Sound) -> Sound:
    """Early echoes and a tail of noise that falls exponentially, darker with time."""
    from scipy.signal import fftconvolve, lfilter

    decay = rng.uniform(0.15, 1.4)
    size = int(decay * RATE)
    tail = _noise_source(rng, size) * 10 ** (-3.0 * np.arange(size) / size)
    dark = rng.uniform(0.2, 0.8)
    tail = lfilter([1 - dark], [1, -dark], tail)
    gap = int(rng.uniform(0.004, 0.03) * RATE)
    tail[:gap] = 0.0
    for _ in range(rng.randint(2, 8)):
        tail[min(size - 1, int(rng.uniform(0.004, 0.06) * RATE))] += rng.uniform(-4.0, 4.0)
    tail *= rng.uniform(0.1, 0.8) / np.sqrt(np.square(tail).sum())
    tail[0] = 1.0
    return np.asarray(fftconvolve(sound, tail)[: len(sound)])


def _tilt(rng: random.Random, sound: Sound) -> Sound:
    """Up to 6 dB an octave between lows and highs, and a bell or two."""
    spectrum = np.fft.rfft(sound)
    hz = np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE), 20.0)
    decibels = rng.uniform(-3.0, 3.0) * np.log2(hz / 800.0)
    for _ in range(rng.randint(0, 3)):
        centre, width = np.exp(rng.uniform(np.log(60), np.log(8000))), rng.uniform(0.3, 1.5)
        bell = np.exp(-np.square(np.log2(hz / centre) / width))
        decibels = decibels + rng.uniform(-9.0, 9.0) * bell
    return np.asarray(np.fft.irfft(spectrum * 10 ** (np.clip(decibels, -24, 12) / 20), len(sound)))


def _filtered(rng: random.Random, sound: Sound, kind: str, hz: float) -> Sound:
    from scipy.signal import butter, sosfilt

    return np.asarray(sosfilt(butter(rng.randint(1, 3), hz, kind, fs=RATE, output="sos"), sound))


def _low_pass(rng: random.Random, sound: Sound) -> Sound:
    return _filtered(rng, sound, "low", float(np.exp(rng.uniform(np.log(2500), np.log(9000)))))


def _high_pass(rng: random.Random, sound: Sound) -> Sound:
    return _filtered(rng, sound, "high", float(np.exp(rng.uniform(np.log(40), np.log(250)))))


def _saturated(rng: random.Random, sound: Sound) -> Sound:
    drive = 10 ** (rng.uniform(0.0, 16.0) / 20)
    if rng.random() < 0.4:
        return np.clip(sound * drive, -1.0, 1.0)
    return np.tanh(sound * drive)


def _compressed(rng: random.Random, sound: Sound) -> Sound:
    """A compressor that follows the level within 5 to 200 ms."""
    from scipy.signal import lfilter

    hold = np.exp(-1.0 / (rng.uniform(0.005, 0.2) * RATE))
    level = np.sqrt(np.maximum(lfilter([1 - hold], [1, -hold], np.square(sound)), 1e-8))
    threshold, ratio = rng.uniform(0.02, 0.2), rng.uniform(2.0, 8.0)
    over = np.maximum(level / threshold, 1.0)
    return np.asarray(sound * over ** (1.0 / ratio - 1.0))


def _noisy(rng: random.Random, sound: Sound) -> Sound:
    noise = _noise_source(rng, len(sound))
    colour = rng.choice((0.0, 0.5, 1.0))
    if colour:
        spectrum = np.fft.rfft(noise)
        hz = np.maximum(np.fft.rfftfreq(len(noise), 1 / RATE), 20.0)
        noise = np.fft.irfft(spectrum * hz**-colour, len(noise))
    if rng.random() < 0.2:
        noise = noise + noise.std() * np.sin(
            2 * np.pi * rng.choice((50, 60)) / RATE * np.arange(len(noise))
        )
    power = np.square(sound).mean()
    share = 10 ** (-rng.uniform(15.0, 45.0) / 20)
    return np.asarray(sound + noise * share * np.sqrt(power / np.square(noise).mean()))


def _narrow(rng: random.Random, sound: Sound) -> Sound:
    """Through 11025 Hz and back."""
    import soxr

    small = soxr.resample(sound, RATE, 11_025)
    back = soxr.resample(small, 11_025, RATE)[: len(sound)]
    return np.asarray(np.pad(back, (0, len(sound) - len(back))))


def _lossy(rng: random.Random, sound: Sound) -> Sound:
    """Through a small Ogg Vorbis file and back."""
    import soundfile

    memory = io.BytesIO()
    level = rng.uniform(0.6, 1.0)
    with soundfile.SoundFile(
        memory, "w", RATE, 1, format="OGG", subtype="VORBIS", compression_level=level
    ) as file:
        for start in range(0, len(sound), 8192):
            file.write(np.asarray(sound[start : start + 8192], np.float32) * 0.9)
    memory.seek(0)
    back = soundfile.read(memory, dtype="float64")[0][: len(sound)]
    return np.asarray(np.pad(back, (0, len(sound) - len(back))))


_CHAIN: tuple[tuple[float, str, Callable[[random.Random, Sound], Sound]], ...] = (
    (0.40, "room", _room),
    (0.50, "tilt", _tilt),
    (0.20, "low-pass", _low_pass),
    (0.20, "high-pass", _high_pass),
    (0.25, "compression", _compressed),
    (0.20, "saturation", _saturated),
    (0.35, "noise", _noisy),
    (0.10, "11 kHz", _narrow),
    (0.25, "vorbis", _lossy),
)
