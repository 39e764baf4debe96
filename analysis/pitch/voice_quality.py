"""How well a shifted voice keeps to its pitch and its vowel.

The vowel is the spectral envelope: the low part of the real cepstrum (A. V. Oppenheim and R. W.
Schafer, "From frequency to quefrency: a history of the cepstrum", IEEE Signal Processing Magazine
21, 2004), below the period of every voice that is compared.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .voice import FloatArray, PitchTrack, hz_at, track_pitch

_WINDOW_SECONDS, _HOP_SECONDS = 0.04, 0.02
_LIFTER_SECONDS = 0.0012  # shorter than a period of 800 Hz
_BAND_HZ = (200.0, 5000.0)
_LAGS_SECONDS = np.arange(-0.012, 0.0121, 0.001)  # a part may be late by a period or two
_STEADY_SECONDS = 0.04  # the pitch must stand so long on both sides


@dataclass(frozen=True)
class ShiftQuality:
    """What a part measures against the voice that it was made of."""

    pitch_error_cents: float  # mean, over the frames where both are voiced
    pitch_error_p95_cents: float
    lag_seconds: float  # of the part, found by the least error
    voiced_share: float  # of the voice's voiced frames: the part is voiced too
    envelope_difference_db: float  # RMS over 200 to 5000 Hz, levels set equal


def shift_quality(
    voice: NDArray[np.floating],
    part: NDArray[np.floating],
    sample_rate: int,
    track: PitchTrack,
    ratios: FloatArray,
    where: NDArray[np.bool_] | None = None,
) -> ShiftQuality:
    """Measure a part on its own.

    :param voice: samples [shape=(n,)]; as long as `part`
    :param track: pitch of the voice
    :param ratios: of the part's pitch to the voice's at the track's times [shape=(len(track),)]
    :param where: hops that count [len(track)]; default: all that are voiced
    """
    heard = track_pitch(part, sample_rate)
    counted = track.voiced if where is None else track.voiced & where
    best = None
    for lag in _LAGS_SECONDS.tolist():
        hz = hz_at(heard, track.times_seconds + lag)
        both = counted & (hz > 0.0)
        if not both.any():
            continue
        cents = np.abs(1200.0 * np.log2(hz[both] / (track.hz[both] * ratios[both])))
        found = (float(np.mean(cents)), float(np.percentile(cents, 95)), lag, float(both.sum()))
        best = found if best is None else min(best, found)
    if best is None:
        return ShiftQuality(np.inf, np.inf, 0.0, 0.0, np.inf)
    return ShiftQuality(
        *best[:3],
        voiced_share=best[3] / float(counted.sum()),
        envelope_difference_db=envelope_difference(voice, part, sample_rate, track),
    )


def envelope_difference(
    voice: NDArray[np.floating], part: NDArray[np.floating], sample_rate: int, track: PitchTrack
) -> float:
    """RMS difference in dB of the two envelopes, over frames well inside of voiced stretches."""
    envelopes = [_envelopes(np.asarray(sound, np.float64), sample_rate) for sound in (voice, part)]
    times = np.arange(len(envelopes[0]), dtype=np.float64) * _HOP_SECONDS
    edges = (-_STEADY_SECONDS, 0.0, _STEADY_SECONDS)
    steady = np.all([hz_at(track, times + edge) > 0.0 for edge in edges], axis=0)
    if not steady.any():
        return float("inf")
    difference = (envelopes[1] - envelopes[0])[steady]
    difference -= difference.mean(axis=1, keepdims=True)
    return float(np.sqrt(np.square(difference).mean()))


def _envelopes(sound: FloatArray, sample_rate: int) -> FloatArray:
    """Smooth spectra in dB over `_BAND_HZ` [shape=(frames, bins)]."""
    half = round(_WINDOW_SECONDS * sample_rate / 2)
    hop = round(_HOP_SECONDS * sample_rate)
    frames = sliding_window_view(np.pad(sound, half), 2 * half)[::hop] * np.hanning(2 * half)
    level = np.log(np.abs(np.fft.rfft(frames, axis=1)) + 1e-6)
    cepstrum = np.fft.irfft(level, axis=1)
    kept = round(_LIFTER_SECONDS * sample_rate)
    cepstrum[:, kept : 2 * half - kept + 1] = 0.0
    hz = np.arange(half + 1) * sample_rate / (2 * half)
    band = (hz >= _BAND_HZ[0]) & (hz <= _BAND_HZ[1])
    return np.asarray(np.fft.rfft(cepstrum, axis=1).real[:, band] * 20.0 / np.log(10.0))
