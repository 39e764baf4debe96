"""Parts made of a voice: its pitch shifted, its formants kept.

Time-domain pitch-synchronous overlap-add (E. Moulines and F. Charpentier, "Pitch-synchronous
waveform processing techniques for text-to-speech synthesis using diphones", Speech Communication 9,
1990). Marks are set a period apart; windowed pieces of two periods round them are laid out again at
the periods of the new pitch. The spectrum of a piece, and with it the vowel, stays as it was.

A mark is set where the energy of a period is, by a loop that follows the phase of the fundamental:
the projection of one period on its first harmonic. So a pitch that is late or a little wrong does
no harm.

Conventions: samples are float [shape=(frames,)], mono, full scale 1; pitch in Hz, 0 where nothing
is sung. Pieces without pitch pass at their own place, as they are.
"""

import math
from bisect import bisect_left, bisect_right

import numpy as np
from numpy.typing import NDArray

from ..music.errors import SegueError, check_range

FloatArray = NDArray[np.float64]

LEAST_RATIO, LARGEST_RATIO = 0.5, 2.0
"""Shifts by more than an octave sound like nobody."""

_UNVOICED_HZ = 200.0  # pieces of 10 ms where nothing is sung
_FASTEST_CORRECTION = 0.25  # of a mark, in periods
_MEMORY_SECONDS = 0.05  # over which the place of the energy in a period is averaged
_TAPS = 8  # of the filter that reads between samples
_FRACTIONS = 256  # places between samples that it knows


class PitchShifter:
    """Shifts a voice into some parts, block by block; how it is cut into blocks does not matter.

    What comes out is late by `latency_frames`. Raises RangeError for options out of range,
    SegueError for arrays of the wrong shape or with values that are not finite.

    :param sample_rate: 8000 to 192000 Hz
    :param parts: 1 to 8
    :param low_hz: lowest pitch of the voice, 40 to 500; the higher, the less latency
    """

    def __init__(self, sample_rate: int, parts: int = 1, *, low_hz: float = 65.0) -> None:
        check_range("sample rate in Hz", sample_rate, 8_000, 192_000)
        check_range("number of parts", parts, 1, 8)
        check_range("low_hz", low_hz, 40.0, 500.0)
        self.parts, self._rate = int(parts), int(sample_rate)
        self._longest = math.ceil(sample_rate / low_hz)
        # a piece reaches one period back, is read up to 1.5 ahead of its middle
        self.latency_frames = math.ceil(2.5 * self._longest) + _TAPS
        kept = 3 * self._longest + self.latency_frames
        self._start = -kept  # position of the first sample kept
        self._voice = np.zeros(kept)
        self._hz = np.zeros(kept)
        self._ratios = np.ones((parts, kept))
        self._gains = np.zeros((parts, kept))
        self._marks = _Marks(self._rate, float(-kept + self._longest))
        self._next = [float(-kept + 2 * self._longest)] * parts  # where each part's next piece goes
        self._out = np.zeros((parts, kept))

    def push(
        self,
        voice: NDArray[np.floating],
        hz: NDArray[np.floating],
        ratios: NDArray[np.floating],
        gains: NDArray[np.floating] | None = None,
    ) -> FloatArray:
        """Take the next samples; as many of each part [shape=(parts, n)].

        :param voice: samples [shape=(n,)]
        :param hz: pitch at each sample [n]
        :param ratios: of the new pitch to the old one [parts, n], 0.5 to 2; 1 where nothing is sung
        :param gains: of each part [parts, n]; default 1
        """
        new = self._checked(voice, hz, ratios, gains)
        self._voice = np.concatenate([self._voice, new[0]])
        self._hz = np.concatenate([self._hz, new[1]])
        self._ratios = np.concatenate([self._ratios, new[2]], axis=1)
        self._gains = np.concatenate([self._gains, new[3]], axis=1)
        frames = len(new[0])
        self._out = np.concatenate([self._out, np.zeros((self.parts, frames))], axis=1)
        end = self._start + len(self._voice)
        self._marks.extend(self._voice, self._hz, self._start, end - self._longest // 2 - 1)
        for part in range(self.parts):
            self._lay(part, end - math.ceil(1.5 * self._longest) - _TAPS)
        first = end - frames - self.latency_frames - self._start
        done = self._out[:, first : first + frames].copy()
        self._forget(frames)
        return done

    def _checked(
        self,
        voice: NDArray[np.floating],
        hz: NDArray[np.floating],
        ratios: NDArray[np.floating],
        gains: NDArray[np.floating] | None,
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        frames = len(voice)
        shapes = ((frames,), (frames,), (self.parts, frames), (self.parts, frames))
        arrays = [
            np.asarray(array, dtype=np.float64)
            for array in (voice, hz, ratios, np.ones(shapes[3]) if gains is None else gains)
        ]
        for name, array, shape in zip(
            ("voice", "hz", "ratios", "gains"), arrays, shapes, strict=True
        ):
            if array.shape != shape:
                raise SegueError(f"{name} of a shift has the shape {array.shape}; give {shape}")
            if not np.isfinite(array).all():
                raise SegueError(f"{name} of a shift has NaN or infinite values; give numbers")
        lowest = self._rate / self._longest
        arrays[1] = np.where(arrays[1] > 0.0, np.clip(arrays[1], lowest, self._rate / 8), 0.0)
        arrays[2] = np.where(arrays[1] > 0.0, np.clip(arrays[2], LEAST_RATIO, LARGEST_RATIO), 1.0)
        return arrays[0], arrays[1], arrays[2], arrays[3]

    def _lay(self, part: int, until: int) -> None:
        """Lay the pieces of a part out whose middles come before `until`."""
        places, periods = self._marks.places, self._marks.periods
        at = self._next[part]
        while at < until:
            here = int(at) - self._start
            ratio = self._ratios[part, here]
            number = bisect_left(places, at)
            if number and (number == len(places) or at - places[number - 1] < places[number] - at):
                number -= 1
            gain = self._gains[part, here] / math.sqrt(ratio)
            if gain > 0.0:
                self._add(part, at, places[number], periods[number], gain)
            at += periods[number] / ratio
        self._next[part] = at

    def _add(self, part: int, at: float, mark: float, period: float, gain: float) -> None:
        """Add the piece round `mark`, a period to each side, at another place."""
        first, last = math.ceil(at - period), math.floor(at + period)
        window = 0.5 + 0.5 * np.cos(np.pi / period * (np.arange(first, last + 1) - at))
        source = first + mark - at
        whole = math.floor(source)
        begin = whole - (_TAPS // 2 - 1) - self._start
        piece = self._voice[begin : begin + last - first + _TAPS]
        sound = np.convolve(piece, _BETWEEN[round((source - whole) * _FRACTIONS)], "valid")
        begin = first - self._start
        self._out[part, begin : begin + len(sound)] += gain * window * sound

    def _forget(self, frames: int) -> None:
        self._start += frames
        self._voice = self._voice[frames:]
        self._hz = self._hz[frames:]
        self._ratios = self._ratios[:, frames:]
        self._gains = self._gains[:, frames:]
        self._out = self._out[:, frames:]
        self._marks.forget(min(self._next) - 2 * self._longest)


class _Marks:
    """Where the periods of a voice are: `places` and, for each, the `periods` before it.

    :param start: place of the first mark
    """

    def __init__(self, sample_rate: int, start: float) -> None:
        self._rate = sample_rate
        self.places = [start]
        self.periods = [sample_rate / _UNVOICED_HZ]
        self._energy = 0j  # mean over past periods, by phase

    def extend(self, voice: FloatArray, hz: FloatArray, start: int, until: int) -> None:
        """Set marks before `until` in a voice that begins at `start`."""
        skipped = int(self.places[-1]) - start
        voice, hz, start = voice[skipped:], hz[skipped:], start + skipped
        phase = np.cumsum(2.0 * np.pi / self._rate * np.where(hz > 0.0, hz, _UNVOICED_HZ))
        turn = np.exp(-1j * phase)
        first = np.concatenate([[0j], np.cumsum(voice * turn)])
        energy = np.concatenate([[0j], np.cumsum(np.square(voice) * turn.conj())])
        while True:
            last = self.places[-1]
            pitch = hz[int(last) - start]
            period = self._rate / (pitch or _UNVOICED_HZ)
            at = last + period
            if at + period / 4 >= until:
                return
            if pitch:
                at -= self._late(at - start, period, phase, first, energy)
            self.places.append(at)
            self.periods.append(at - last if pitch else period)

    def _late(
        self,
        at: float,
        period: float,
        phase: FloatArray,
        first: NDArray[np.complex128],
        energy: NDArray[np.complex128],
    ) -> float:
        """How far behind the energy of its period a mark at `at` would be, in samples."""
        here = int(at)
        low, high = round(at - period / 2), round(at + period / 2)
        harmonic = first[high] - first[low]
        size = abs(harmonic)
        if size < 1e-9:
            return 0.0
        harmonic /= size
        weight = period / (_MEMORY_SECONDS * self._rate)
        self._energy += weight * ((energy[high] - energy[low]) * harmonic - self._energy)
        angle = phase[here] + (at - here) * 2.0 * math.pi / period
        turned = np.exp(1j * angle) * harmonic * self._energy.conjugate()
        late = math.atan2(turned.imag, turned.real) / (2.0 * math.pi) * period
        return min(max(late, -_FASTEST_CORRECTION * period), _FASTEST_CORRECTION * period)

    def forget(self, before: float) -> None:
        """Drop the marks before a place, but for the last one."""
        drop = max(bisect_right(self.places, before) - 1, 0)
        del self.places[:drop], self.periods[:drop]


def _between(fraction: float) -> FloatArray:
    """Windowed sinc that reads `fraction` of a sample on, for `convolve` [shape=(_TAPS,)]."""
    at = np.arange(_TAPS) - (_TAPS // 2 - 1) - fraction
    taps = np.sinc(at) * np.cos(np.pi * at / (_TAPS + 1)) ** 2
    return np.asarray((taps / taps.sum())[::-1])


_BETWEEN = [_between(step / _FRACTIONS) for step in range(_FRACTIONS + 1)]


def shift_pitch(
    voice: NDArray[np.floating],
    sample_rate: int,
    hz: NDArray[np.floating],
    ratios: NDArray[np.floating],
    gains: NDArray[np.floating] | None = None,
    *,
    low_hz: float = 65.0,
) -> FloatArray:
    """All of a voice at once, in time with it; arrays and errors as for `PitchShifter.push`."""
    ratios = np.asarray(ratios, dtype=np.float64)
    parts = len(ratios) if ratios.ndim == 2 else 1
    shifter = PitchShifter(sample_rate, parts, low_hz=low_hz)
    late = shifter.latency_frames
    first = shifter.push(voice, hz, ratios, gains)
    rest = np.zeros(late)
    last = shifter.push(rest, rest, np.ones((parts, late)))
    return np.concatenate([first, last], axis=1)[:, late:]
