"""The pitch of one instrument over time, fast: offline for a whole recording, or block by block.

`pitch.track_pitch` follows a voice closely; this follows any instrument, through its room and the
notes that still ring when the next begins, at some hundred times real time. The network `f0` (see
`training.train_f0`) says which third of a semitone sounds; the peaks of its harmonics say the
cents. Without onnxruntime there is YIN (`method="yin"`; A. de Cheveigné and H. Kawahara, JASA 111,
2002), which needs nothing and is told a note that rings on for longer.

Conventions: a value each 10 ms, time i / 100 exactly; pitch in Hz, 0 where nothing sounds.
"""

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...music.errors import UnknownNameError, check_range
from ..networks import load_network
from ..spectra import RATE, Floats, to_mono
from .pitch_spectrum import (
    FRAMES_PER_SECOND,
    LONG,
    LOW_HZ,
    PITCHES,
    band_hz,
    centre,
    frames_in,
    long_magnitudes,
    pitch_spectra,
    refined,
)
from .voice import PitchTrack

METHODS = ("net", "yin")
HIGH_HZ = 2_093.0
"""The highest pitch that is found; the lowest is `pitch_spectrum.LOW_HZ`."""

EDGE = 20
"""Frames on either side that the networks of pitch look at."""

_AT_ONCE = 300  # frames of a whole recording that are looked at together
_STREAMED = 10  # the same of a stream
_VOICED = 0.42  # probability from which something sounds
_FLOOR = 3e-4  # RMS below which nothing does
_LOWEST_YIN_HZ = 55.0
_YIN_WINDOW = 1024
_YIN_DIP = 0.15  # a dip of the normalised difference so deep is a period
_YIN_VOICED = 0.25  # one deeper than this is at least a tone

Frames = Callable[[Floats, int, int, int], tuple[Floats, Floats]]


def track_f0(
    samples: NDArray[np.floating],
    sample_rate: int,
    *,
    method: str = "net",
    low_hz: float = LOW_HZ,
    high_hz: float = HIGH_HZ,
) -> PitchTrack:
    """The pitch of a recording of one instrument, a value each 10 ms.

    Silence gives a track that is never voiced. Raises SegueError for samples that are not finite,
    RangeError for a range of pitch beyond 27.5 to 2093 Hz or narrower than a fifth.
    """
    decide = _decider(method, low_hz, high_hz)
    sound = to_mono(samples, sample_rate)
    count = frames_in(len(sound))
    hz, confidence = np.zeros(count), np.zeros(count)
    for start in range(0, count, _AT_ONCE):
        stop = min(start + _AT_ONCE, count)
        hz[start:stop], confidence[start:stop] = decide(sound, start, stop, 0)
    return PitchTrack(np.arange(count) / FRAMES_PER_SECOND, hz, confidence)


class F0Tracker:
    """The same block by block; how the sound is cut into blocks does not matter.

    A frame is told at most `latency_seconds` after its time. Raises as `track_f0`, and SegueError
    for blocks that are not (frames,) or (frames, channels).
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        method: str = "net",
        low_hz: float = LOW_HZ,
        high_hz: float = HIGH_HZ,
    ) -> None:
        import soxr

        check_range("sample rate in Hz", sample_rate, 8_000, 192_000)
        self._decide = _decider(method, low_hz, high_hz)
        self._edge = EDGE if method == "net" else 0
        self._resample = soxr.ResampleStream(sample_rate, RATE, 1, "float32")
        self.sample_rate = sample_rate
        self._sound = np.zeros(0, np.float32)
        self._offset = 0  # sample of the recording that `_sound` begins with
        self._told = 0  # frames

    @property
    def latency_seconds(self) -> float:
        """How long after its time a frame is told, not counting the block."""
        waits = self._edge + _STREAMED + LONG / 2 / RATE * FRAMES_PER_SECOND
        return waits / FRAMES_PER_SECOND + 0.03

    def push(self, block: NDArray[np.floating]) -> PitchTrack:
        """Take the next samples; the frames that are decided now, maybe none."""
        mono = to_mono(block, RATE)
        self._sound = np.concatenate([self._sound, self._resample.resample_chunk(mono)])
        told = []
        while self._needed(self._told + _STREAMED) <= self._offset + len(self._sound):
            told.append(self._frames(self._told + _STREAMED))
        return _joined(told)

    def finish(self) -> PitchTrack:
        """The frames that were not decided yet; nothing comes after."""
        rest = self._resample.resample_chunk(np.zeros(0, np.float32), last=True)
        self._sound = np.concatenate([self._sound, rest])
        count = frames_in(self._offset + len(self._sound))
        told = []
        while self._told < count:
            told.append(self._frames(min(self._told + _STREAMED, count)))
        return _joined(told)

    def _needed(self, frame: int) -> int:
        return centre(frame + self._edge) + LONG // 2

    def _frames(self, stop: int) -> PitchTrack:
        start = self._told
        hz, confidence = (
            column.astype(np.float64)
            for column in self._decide(self._sound, start, stop, self._offset)
        )
        self._told = stop
        keep = max(centre(stop - self._edge - 2) - LONG, 0)
        if keep > self._offset:
            self._sound = self._sound[keep - self._offset :]
            self._offset = keep
        return PitchTrack(np.arange(start, stop) / FRAMES_PER_SECOND, hz, confidence)


def pitch_logits(
    network: str, sound: Floats, start: int, stop: int, offset: int = 0
) -> tuple[Floats, Floats, Floats]:
    """What a network of pitch says of frames, and their magnitudes.

    :param offset: which sample of the recording the sound begins with
    :return: logits of pitch [shape=(n, PITCHES)], of whether there is one [n], magnitudes [n, bins]
    """
    # The network takes two frames in a step, counted from an even one of the recording.
    first = (start - EDGE) // 2 * 2
    last = stop + EDGE + (stop + EDGE - first) % 2
    levels, magnitudes = pitch_spectra(sound, first, last, offset)
    pitch, voiced = load_network(network).run(levels=levels[None])
    inside = slice(start - first, stop - first)
    return pitch[0, inside], voiced[0, inside], magnitudes[inside]


def _decider(method: str, low_hz: float, high_hz: float) -> Frames:
    """What finds pitch and confidence of frames [start, stop) of a sound with an offset."""
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    check_range("low_hz", low_hz, LOW_HZ, 1_000.0)
    check_range("high_hz", high_hz, low_hz * 1.5, HIGH_HZ)

    def by_net(sound: Floats, start: int, stop: int, offset: int) -> tuple[Floats, Floats]:
        pitch, voiced, magnitudes = pitch_logits("f0", sound, start, stop, offset)
        outside = (_BAND_HZ < low_hz * 0.98) | (_BAND_HZ > high_hz * 1.02)
        pitch[:, outside] = -1e9
        hz = refined(np.asarray(band_hz(_middles(pitch)), np.float32), magnitudes)
        sure = 1.0 / (1.0 + np.exp(-voiced))
        loud = magnitudes.max(axis=1) > _FLOOR
        return np.where((sure >= _VOICED) & loud, hz, 0.0), np.where(loud, sure, 0.0)

    def by_yin(sound: Floats, start: int, stop: int, offset: int) -> tuple[Floats, Floats]:
        hz, sure = _yin(sound, start, stop, offset, max(low_hz, _LOWEST_YIN_HZ), high_hz)
        return refined(hz, long_magnitudes(sound, start, stop, offset)), sure

    return by_net if method == "net" else by_yin


_BAND_HZ = band_hz(np.arange(float(PITCHES)))


def _middles(pitch: Floats) -> NDArray[np.float64]:
    """The likeliest pitch of each frame as a band, between bands as its neighbours say."""
    best = np.clip(pitch.argmax(axis=1), 1, PITCHES - 2)
    around = best[:, None] + np.arange(-1, 2)
    near = np.take_along_axis(pitch, around, axis=1)
    share = np.exp(near - near.max(axis=1, keepdims=True))
    return np.asarray((share * around).sum(axis=1) / share.sum(axis=1), np.float64)


def _yin(
    sound: Floats, start: int, stop: int, offset: int, low_hz: float, high_hz: float
) -> tuple[Floats, Floats]:
    from scipy.fft import irfft, rfft

    longest, shortest = int(RATE / low_hz) + 2, max(int(RATE / high_hz), 2)
    size = _YIN_WINDOW + longest
    starts = np.arange(start, stop) * RATE // FRAMES_PER_SECOND - offset - size // 2
    padded = np.pad(sound, (max(-int(starts[0]), 0), max(int(starts[-1]) + size - len(sound), 0)))
    frames = sliding_window_view(padded, size)[starts + max(-int(starts[0]), 0)]
    frames = frames.astype(np.float64)
    whole = rfft(frames, 2048 if size <= 2048 else 4096, axis=1)
    head = rfft(frames[:, :_YIN_WINDOW], 2048 if size <= 2048 else 4096, axis=1)
    product = irfft(whole * head.conj(), axis=1)[:, : longest + 1]
    power = np.pad(np.cumsum(np.square(frames), axis=1), ((0, 0), (1, 0)))
    energy = power[:, _YIN_WINDOW:][:, : longest + 1] - power[:, : longest + 1]
    difference = np.maximum(energy[:, :1] + energy - 2.0 * product, 0.0)
    difference[:, 0] = 0.0
    sums = np.cumsum(difference, axis=1)
    ratio = difference * np.arange(longest + 1)
    normal = np.divide(ratio, sums, out=np.ones_like(ratio), where=sums > 1e-9)
    return _periods(normal, shortest, longest, energy[:, 0] > _YIN_WINDOW * _FLOOR**2)


def _periods(
    normal: NDArray[np.float64], shortest: int, longest: int, loud: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Pitch and confidence from normalised differences [shape=(n, lags)]: the first deep dip."""
    inside = normal[:, shortest:longest]
    dips = (inside <= normal[:, shortest - 1 : longest - 1]) & (
        inside <= normal[:, shortest + 1 : longest + 1]
    )
    deep = dips & (inside < _YIN_DIP)
    lag = np.where(deep.any(axis=1), deep.argmax(axis=1), inside.argmin(axis=1)) + shortest
    rows = np.arange(len(normal))
    left, middle, right = (normal[rows, lag + step] for step in (-1, 0, 1))
    bend = left - 2.0 * middle + right
    shift = np.divide(left - right, 2.0 * bend, out=np.zeros(len(normal)), where=bend > 1e-9)
    hz = RATE / (lag + np.clip(shift, -0.5, 0.5))
    voiced = (middle < _YIN_VOICED) & loud
    confidence = np.where(loud, np.clip(1.0 - 2.0 * middle, 0.0, 1.0), 0.0)
    return np.where(voiced, hz, 0.0).astype(np.float32), confidence.astype(np.float32)


def _joined(tracks: list[PitchTrack]) -> PitchTrack:
    if not tracks:
        return PitchTrack(np.zeros(0), np.zeros(0), np.zeros(0))
    columns = zip(*((t.times_seconds, t.hz, t.confidence) for t in tracks), strict=True)
    return PitchTrack(*(np.concatenate(column).astype(np.float64) for column in columns))
