"""The spectra in which the beat networks listen, the same for training, files and live sound.

Fifty frames a second: mel bands of a short window show attacks; at half that rate, semitone bands
of a long window show changes of harmony. Both are compressed as log(1 + x).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..networks import load_network
from ..spectra import RATE, Floats, frame_count, log_bank, mel_bank, spectrum_product

FRAME_RATE = 50
HOP = RATE // FRAME_RATE
WINDOW, LONG_WINDOW = 1024, 4096
MEL_BANDS, SEMITONES = 64, 60

LIVE_STEP = 4
"""Frames that are heard at once live."""

LIVE_LATE = 2
"""Rows of semitones by which live sound shows them late: their window is so much longer."""

LIVE_SAMPLES = LONG_WINDOW // 2 + 2 * HOP * LIVE_LATE + (LIVE_STEP - 1) * HOP + WINDOW // 2
"""Samples of which live sound shows `LIVE_STEP` mel frames and half as many of semitones."""

TEMPO_CLASSES = 40.0 * 2.0 ** (np.arange(81) / 30.0)
"""Centres in bpm of the tempo classes: 40 to 254, each 2.3 % above the one before."""

CHUNK = 60 * FRAME_RATE
"""Frames that the network hears at once in a file."""

_AROUND = 10 * FRAME_RATE  # frames that it hears before and after them
_LEAD = 10  # frames of sound that a window may reach beyond them; even
_SILENT = 1e-4  # peak below which there is nothing to hear
_LOW_HZ, _HIGH_HZ = 30.0, 10_500.0
_LOWEST_SEMITONE_HZ = 55.0
_USUAL_RMS = 0.1  # to which the level is brought
_MEL_SCALE, _SEMITONE_SCALE = 20_000.0, 200.0  # what makes usual sound 10 to 100 before the log


@dataclass(frozen=True)
class BeatSpectra:
    """Compressed spectra of a sound."""

    mel: Floats  # [shape=(n, MEL_BANDS)], row i centred on i / FRAME_RATE seconds
    semitones: Floats  # [shape=((n + 1) // 2, SEMITONES)], row i on 2 * i / FRAME_RATE


def beat_spectra(mono: Floats, gain: float | None = None) -> BeatSpectra:
    """The spectra of mono sound at `RATE`; without a gain, its level is brought to the usual."""
    if gain is None:
        gain = level_gain(mono)
    mel = spectrum_product(mono, WINDOW, HOP, _mel_bank())
    semitones = spectrum_product(mono, LONG_WINDOW, 2 * HOP, _semitone_bank())
    count = frame_count(len(mono), HOP)
    return BeatSpectra(
        np.log1p(mel[:count] * np.float32(gain * _MEL_SCALE)),
        np.log1p(semitones[: (count + 1) // 2] * np.float32(gain * _SEMITONE_SCALE)),
    )


def live_spectra(sound: Floats, gain: float) -> BeatSpectra:
    """The next mel frames and rows of semitones, the latter `LIVE_LATE` behind the former.

    :param sound: samples [shape=(LIVE_SAMPLES,)], of which the next step starts
        LIVE_STEP * HOP later
    """
    last = LIVE_SAMPLES - WINDOW
    short = [sound[last - back * HOP :][:WINDOW] for back in reversed(range(LIVE_STEP))]
    long = [sound[2 * row * HOP :][:LONG_WINDOW] for row in range(LIVE_STEP // 2)]
    mel = np.abs(np.fft.rfft(short * hann(WINDOW))).astype(np.float32) @ _mel_bank()
    spectrum = np.abs(np.fft.rfft(long * hann(LONG_WINDOW))).astype(np.float32)
    semitones = spectrum @ _semitone_bank()
    return BeatSpectra(
        np.log1p(mel * np.float32(gain * _MEL_SCALE)),
        np.log1p(semitones * np.float32(gain * _SEMITONE_SCALE)),
    )


def _mel_bank() -> Floats:
    return mel_bank(WINDOW, MEL_BANDS, _LOW_HZ, _HIGH_HZ)


def _semitone_bank() -> Floats:
    return log_bank(LONG_WINDOW, _LOWEST_SEMITONE_HZ, SEMITONES, 12)


@lru_cache(maxsize=4)
def hann(window: int) -> Floats:
    """Periodic Hann window whose sum makes a full-scale sine 1."""
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    return np.asarray(2.0 * shape / shape.sum(), np.float32)


def level_gain(mono: Floats) -> float:
    """What brings the RMS of a sound to the usual; 1 for silence."""
    rms = float(np.sqrt(np.mean(np.square(mono, dtype=np.float64)))) if len(mono) else 0.0
    return _USUAL_RMS / rms if rms > 1e-6 else 1.0


@dataclass(frozen=True)
class BeatChances:
    """What the network makes of a sound, `FRAME_RATE` frames a second."""

    beats: Floats  # [shape=(n,)] chance of a beat in each frame
    downbeats: Floats  # [n] of a downbeat
    onsets: Floats  # [n] of anything that begins
    tempo: Floats  # [shape=(chunks, len(TEMPO_CLASSES))] chance of each class in each chunk
    chunk_frames: int = CHUNK

    @property
    def seconds(self) -> float:
        """Length of what was heard."""
        return len(self.beats) / FRAME_RATE


def hear_beats(mono: Floats) -> BeatChances:
    """Run the network over mono sound at `RATE`, a minute at a time with what lies around it."""
    if not len(mono) or float(np.abs(mono).max()) < _SILENT:
        none = np.zeros(frame_count(len(mono), HOP), np.float32)
        return BeatChances(none, none, none, np.zeros((0, len(TEMPO_CLASSES)), np.float32))
    network = load_network("beats")
    gain = level_gain(mono)
    count = frame_count(len(mono), HOP)
    frames = np.empty((3, count), np.float32)
    tempo = []
    for start in range(0, count, CHUNK):
        stop = min(start + CHUNK, count)
        first, last = max(0, start - _AROUND), min(count, stop + _AROUND)
        lead = min(first, _LEAD)
        spectra = beat_spectra(mono[(first - lead) * HOP : (last + _LEAD) * HOP], gain)
        heard, classes = network.run(
            mel=spectra.mel[None, lead : lead + last - first],
            semitones=spectra.semitones[None, lead // 2 : (lead + last - first + 1) // 2],
        )
        frames[:, start:stop] = _logistic(heard[0, :, start - first : stop - first])
        weights = np.exp(classes[0] - classes[0].max())
        tempo.append(weights / weights.sum())
    return BeatChances(frames[0], frames[1], frames[2], np.array(tempo, np.float32))


def _logistic(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-x)), np.float32)
