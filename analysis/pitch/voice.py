"""The pitch of one voice over time: offline for a whole recording, or block by block.

Conventions: samples are float [shape=(frames,)], mono, full scale 1; pitch in Hz; times in seconds
from the first sample, at the middle of what was looked at.

Candidates come from the YIN difference function (A. de Cheveigné and H. Kawahara, "YIN, a
fundamental frequency estimator for speech and music", JASA 111, 2002), each with the share of
thresholds that would choose it, thresholds being spread as a beta distribution (M. Mauch and
S. Dixon, "pYIN", ICASSP 2014). A Viterbi search over the candidates themselves and "no voice" then
finds the smoothest path (as P. Boersma, "Accurate short-term analysis of the fundamental
frequency", IFA Proceedings 17, 1993). Streaming runs the same search with a fixed look-ahead.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...music.errors import SegueError, check_range

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LOW_HZ, HIGH_HZ = 65.0, 1200.0
HOP_SECONDS = 0.005

_WINDOW_SECONDS = 0.024  # over which a period is compared with the next
_CANDIDATES = 6
_SHAPE = 18  # of the beta distribution (2, 18) of thresholds: mean 0.1
_USUAL_HZ = 200.0  # pitch whose period a hop is centred for
_FLOOR = 1e-4  # RMS below which nothing is sung
_JUMP_COST = 12.0  # of a leap by an octave between two hops
_SWITCH_COST = 4.0  # of a voice that begins or ends
_LEAST = 1e-6  # probability of a candidate that no threshold would choose
_SILENCE_WEIGHT = 0.1  # of the thresholds that choose no candidate
_ANALYSIS_HZ = 22_000  # least sample rate at which periods are measured
_CUTOFF_HZ = 2_500.0  # what lies above is noise to the ear for pitch
_CHUNK_SECONDS = 2.0  # analysed at once


@dataclass(frozen=True)
class PitchTrack:
    """Pitch over time, a value each `HOP_SECONDS`."""

    times_seconds: FloatArray  # [shape=(n,)]
    hz: FloatArray  # [n]; 0 where nothing is sung
    confidence: FloatArray  # [n] 0..1: that there is a voice of this pitch

    @property
    def voiced(self) -> BoolArray:
        """Where something is sung [shape=(n,)]."""
        return np.asarray(self.hz > 0.0)

    @property
    def midi(self) -> FloatArray:
        """Pitch as fractional MIDI note numbers [shape=(n,)], NaN where nothing is sung."""
        return hz_to_midi(self.hz)

    def __len__(self) -> int:
        return len(self.times_seconds)


def hz_to_midi(hz: FloatArray) -> FloatArray:
    """Frequencies as fractional MIDI note numbers (A4 = 440 Hz = 69), NaN where not positive."""
    positive = np.where(hz > 0.0, hz, np.nan)
    return np.asarray(69.0 + 12.0 * np.log2(positive / 440.0))


def midi_to_hz(midi: FloatArray) -> FloatArray:
    """Fractional MIDI note numbers as frequencies in Hz."""
    return np.asarray(440.0 * 2.0 ** ((midi - 69.0) / 12.0))


def track_pitch(
    samples: NDArray[np.floating],
    sample_rate: int,
    *,
    low_hz: float = LOW_HZ,
    high_hz: float = HIGH_HZ,
) -> PitchTrack:
    """The pitch of a whole recording; options and errors as for `PitchTracker`."""
    tracker = PitchTracker(
        sample_rate, low_hz=low_hz, high_hz=high_hz, look_ahead_seconds=float("inf")
    )
    return _retimed(join(tracker.push(samples), tracker.finish()))


def _retimed(track: PitchTrack) -> PitchTrack:
    """The track read at its very times: the middle of a comparison depends on the period."""
    voiced = track.voiced
    if not voiced.any():
        return track
    middles = track.times_seconds[voiced] + (1.0 / track.hz[voiced] - 1.0 / _USUAL_HZ) / 2.0
    middles = np.maximum.accumulate(middles)
    log2_hz = np.interp(track.times_seconds[voiced], middles, np.log2(track.hz[voiced]))
    hz = np.zeros(len(track))
    hz[voiced] = 2.0**log2_hz
    return PitchTrack(track.times_seconds, hz, track.confidence)


def join(*tracks: PitchTrack) -> PitchTrack:
    """Tracks one after another as one."""
    return PitchTrack(
        np.concatenate([track.times_seconds for track in tracks]),
        np.concatenate([track.hz for track in tracks]),
        np.concatenate([track.confidence for track in tracks]),
    )


def hz_at(track: PitchTrack, times_seconds: FloatArray) -> FloatArray:
    """Pitch at any times [shape=(n,)] in Hz, glides between hops; 0 where nothing is sung."""
    if not track.voiced.any():
        return np.zeros(len(times_seconds))
    spacing = track.times_seconds[1] - track.times_seconds[0] if len(track) > 1 else HOP_SECONDS
    nearest = np.rint((times_seconds - track.times_seconds[0]) / spacing).astype(np.int64)
    voiced = track.voiced[np.clip(nearest, 0, len(track) - 1)]
    known = track.voiced
    log2_hz = np.interp(times_seconds, track.times_seconds[known], np.log2(track.hz[known]))
    return np.where(voiced, 2.0**log2_hz, 0.0)


class PitchTracker:
    """Follows one voice block by block; how the sound is cut into blocks does not matter.

    A hop is told `latency_seconds` after its time. Raises RangeError for options out of range,
    SegueError for samples that are not mono or not finite.

    :param sample_rate: 8000 to 192000 Hz
    :param low_hz: lowest pitch that is found, 40 to 500
    :param high_hz: highest one, up to an eighth of the sample rate
    :param look_ahead_seconds: what may still come before a hop is decided; inf: all, at `finish`
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        low_hz: float = LOW_HZ,
        high_hz: float = HIGH_HZ,
        look_ahead_seconds: float = 0.03,
    ) -> None:
        check_range("sample rate in Hz", sample_rate, 8_000, 192_000)
        check_range("low_hz", low_hz, 40.0, 500.0)
        high_hz = min(high_hz, sample_rate / 8)
        check_range("high_hz", high_hz, low_hz * 1.5, 4_000.0)
        self.sample_rate = int(sample_rate)
        self._filter = _LowPass(self.sample_rate)
        rate = self._rate = self._filter.rate
        self._hop = round(HOP_SECONDS * rate)
        self._shortest = int(rate / high_hz)
        self._longest = int(rate / low_hz) + 2
        self._window = round(_WINDOW_SECONDS * rate)
        self._size = self._window + self._longest
        before = (self._window + round(rate / _USUAL_HZ)) // 2
        self._after = self._size - before
        self._pending = np.zeros(before)
        self._path = _Path(look_ahead_seconds / HOP_SECONDS)
        self._hops = 0  # told so far

    @property
    def latency_seconds(self) -> float:
        """How long after its time a hop is told at the latest, not counting the block."""
        hops = self._path.look_ahead + 1
        return (self._after + hops * self._hop) / self._rate + self._filter.delay_seconds

    def push(self, block: NDArray[np.floating]) -> PitchTrack:
        """Take the next samples [shape=(n,)]; the hops that are decided now, maybe none."""
        samples = np.asarray(block, dtype=np.float64)
        if samples.ndim != 1:
            raise SegueError(f"a voice has the shape {samples.shape}; give mono samples (frames,)")
        if not np.isfinite(samples).all():
            raise SegueError("a voice has NaN or infinite samples; mend the recording")
        piece = round(_CHUNK_SECONDS * self.sample_rate)
        told = []
        for start in range(0, len(samples), piece):
            told += self._analyse(self._filter.push(samples[start : start + piece]))
        return self._told(told)

    def finish(self) -> PitchTrack:
        """The hops that were not decided yet; nothing comes after."""
        last = np.concatenate([self._filter.finish(), np.zeros(self._after - 1)])
        return self._told(self._analyse(last) + self._path.finish())

    def _analyse(self, samples: FloatArray) -> list[tuple[float, float]]:
        self._pending = np.concatenate([self._pending, samples])
        hops = (len(self._pending) - self._size) // self._hop + 1
        if hops <= 0:
            return []
        frames = sliding_window_view(self._pending, self._size)[:: self._hop][:hops]
        lags, shares = self._candidates(frames)
        told: list[tuple[float, float]] = []
        for log2_hz, share in zip(np.log2(self._rate / lags), shares, strict=True):
            told += self._path.push(log2_hz, share)
        self._pending = self._pending[hops * self._hop :]
        return told

    def _told(self, decided: list[tuple[float, float]]) -> PitchTrack:
        hops = np.arange(self._hops, self._hops + len(decided))
        self._hops += len(decided)
        values = np.array(decided).reshape(-1, 2)
        times = hops * self._hop / self._rate
        return PitchTrack(times, values[:, 0], values[:, 1])

    def _candidates(self, frames: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Periods in samples and their shares of the thresholds, both [shape=(hops, candidates)].

        A dip of the normalised difference is chosen by the thresholds between its own depth and
        that of the deepest dip before it.
        """
        normal = normalised_difference(frames, self._window)
        low, high = self._shortest, self._longest - 1
        inside = normal[:, low:high]
        dips = (inside < normal[:, low - 1 : high - 1]) & (inside <= normal[:, low + 1 : high + 1])
        depth = np.where(dips, np.clip(inside, 0.0, 1.0), 1.0)
        deepest = np.minimum.accumulate(depth, axis=1)
        before = np.concatenate([np.ones((len(depth), 1)), deepest[:, :-1]], axis=1)
        share = np.where(depth < before, _below(before) - _below(depth), 0.0)
        loud = np.square(frames).mean(axis=1) > _FLOOR**2
        best = np.argpartition(-share, _CANDIDATES, axis=1)[:, :_CANDIDATES]
        shares = np.take_along_axis(share, best, axis=1) * loud[:, None]
        lag = best + low
        left, middle, right = (
            np.take_along_axis(normal, lag + step, axis=1) for step in (-1, 0, 1)
        )
        bend = left - 2.0 * middle + right
        shift = np.divide(left - right, 2.0 * bend, out=np.zeros_like(bend), where=bend > 1e-12)
        return lag + np.clip(shift, -0.5, 0.5), shares


def normalised_difference(frames: FloatArray, window: int) -> FloatArray:
    """YIN's cumulative mean normalised difference of each lag [shape=(n, lags)].

    It is 1 at lag 0, near 0 where the first `window` samples come again, about 1 in noise.

    :param frames: [shape=(n, window + lags - 1)]
    :param window: samples that are compared with those later by a lag
    """
    size = 1 << (frames.shape[1] - 1).bit_length()
    lags = frames.shape[1] - window + 1
    spectrum = np.fft.rfft(frames, size)
    start = np.fft.rfft(frames[:, :window], size)
    product = np.fft.irfft(spectrum * start.conj(), size)[:, :lags]
    power = np.concatenate(
        [np.zeros((len(frames), 1)), np.cumsum(np.square(frames), axis=1)], axis=1
    )
    energy = power[:, window : window + lags] - power[:, :lags]
    difference = np.maximum(energy[:, :1] + energy - 2.0 * product, 0.0)
    difference[:, 0] = 0.0
    sums = np.cumsum(difference, axis=1)
    ratio = difference * np.arange(lags)
    return np.asarray(np.divide(ratio, sums, out=np.ones_like(ratio), where=sums > 1e-12))


def _below(threshold: FloatArray) -> FloatArray:
    """Share of the thresholds, beta (2, `_SHAPE`), that lie below one."""
    return np.asarray(1.0 - (1.0 - threshold) ** _SHAPE * (1.0 + _SHAPE * threshold))


class _LowPass:
    """Takes away what lies above `_CUTOFF_HZ`, and samples that are then not needed."""

    def __init__(self, sample_rate: int) -> None:
        self._step = max(1, sample_rate // _ANALYSIS_HZ)
        self.rate = sample_rate / self._step
        self._half = round(1.5 * sample_rate / _CUTOFF_HZ)
        at = np.arange(-self._half, self._half + 1)
        taps = np.sinc(2.0 * _CUTOFF_HZ / sample_rate * at) * np.hanning(len(at) + 2)[1:-1]
        self._taps = taps / taps.sum()
        self._pending = np.zeros(self._half)
        self.delay_seconds = self._half / sample_rate

    def push(self, samples: FloatArray) -> FloatArray:
        """The samples that can be told now [shape=(n,)]."""
        self._pending = np.concatenate([self._pending, samples])
        if len(self._pending) < len(self._taps):
            return np.zeros(0)
        filtered = np.convolve(self._pending, self._taps, "valid")[:: self._step]
        self._pending = self._pending[len(filtered) * self._step :]
        return filtered

    def finish(self) -> FloatArray:
        """What is still to come."""
        return self.push(np.zeros(self._half))


class _Path:
    """Viterbi search over each hop's candidates and one state without voice.

    :param look_ahead: hops that are known before one is decided, may be inf
    """

    def __init__(self, look_ahead: float) -> None:
        self.look_ahead = max(look_ahead, 0.0)
        self._cost = np.zeros(_CANDIDATES + 1)
        self._pitch = np.zeros(_CANDIDATES)
        self._waiting: list[tuple[FloatArray, FloatArray, NDArray[np.intp]]] = []

    def push(self, log2_hz: FloatArray, share: FloatArray) -> list[tuple[float, float]]:
        """Take a hop; (hz, confidence) of the one that is decided by it, if any."""
        voiced = share.sum()
        ways = np.empty((_CANDIDATES + 1, _CANDIDATES + 1))
        ways[:-1, :-1] = _JUMP_COST * np.abs(log2_hz[:, None] - self._pitch)
        ways[-1, :-1] = ways[:-1, -1] = _SWITCH_COST
        ways[-1, -1] = 0.0
        ways += self._cost
        came_from = ways.argmin(axis=1)
        here = np.append(
            -np.log(np.maximum(share, _LEAST)),
            -np.log(max(_SILENCE_WEIGHT * (1.0 - voiced), _LEAST)),
        )
        self._cost = ways.min(axis=1) + here
        self._cost -= self._cost.min()
        self._pitch = log2_hz
        self._waiting.append((log2_hz, share, came_from))
        if len(self._waiting) <= self.look_ahead:
            return []
        state = int(self._cost.argmin())
        for _, _, back in reversed(self._waiting[1:]):
            state = int(back[state])
        return [self._told(self._waiting.pop(0), state)]

    def finish(self) -> list[tuple[float, float]]:
        """All hops that were not decided yet."""
        state = int(self._cost.argmin())
        told = []
        for hop in reversed(self._waiting):
            told.append(self._told(hop, state))
            state = int(hop[2][state])
        self._waiting.clear()
        return told[::-1]

    def _told(
        self, hop: tuple[FloatArray, FloatArray, NDArray[np.intp]], state: int
    ) -> tuple[float, float]:
        log2_hz, share, _ = hop
        if state == _CANDIDATES:
            return 0.0, float(share.sum())
        return float(2.0 ** log2_hz[state]), float(share.sum())
