"""Notes of many voices: which pitches sound, from when to when, and how loud.

A small network (`models/notes.json` says what it learned from) hears onsets and held keys on a
pitch scale; `note_decoder` makes notes of them. Any instruments, drums beside them do no harm, but
are not notes here.

Conventions: sound as in `spectra`; pitches as MIDI note numbers, 21 to 108; time in seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError, check_range
from ..networks import Network, load_network
from ..spectra import RATE, Floats, frame_count, to_mono
from .note_decoder import NoteDecoder, NoteEvent, as_rows
from .note_spectrum import FRAME_SECONDS, HOP, LONG_WINDOW, LOWEST_MIDI, PITCHES, note_spectrum

CONTEXT = 18
"""Frames before and after one that the network looks at."""

_AT_ONCE = 256  # frames: fits the cache
_LIVE_FRAMES = 8  # that are heard at once when listening
_IN_TUNE_CENTS = 8.0  # that the network does not mind


@dataclass(frozen=True)
class NotePosteriors:
    """What was heard in each frame; probabilities 0 to 1, column i is MIDI pitch 21 + i.

    :param times_seconds: centres of the frames [shape=(n,)]
    :param onset: 1 where a note begins, falling within two frames [shape=(n, 88)]
    :param frame: that the pitch is held [shape=(n, 88)]
    :param offset: as onset, where it is let go [shape=(n, 88)]
    :param velocity: of the note that begins, meaningful at onsets [shape=(n, 88)]
    """

    times_seconds: NDArray[np.float64]
    onset: Floats
    frame: Floats
    offset: Floats
    velocity: Floats

    @property
    def pitches(self) -> NDArray[np.int64]:
        """MIDI numbers of the columns."""
        return np.arange(LOWEST_MIDI, LOWEST_MIDI + PITCHES)


@dataclass(frozen=True)
class HeardNotes:
    """Notes by onset, each array [shape=(n,)]; velocity and confidence 0 to 1."""

    onset_seconds: NDArray[np.float64]
    offset_seconds: NDArray[np.float64]
    pitch: NDArray[np.int64]  # MIDI
    velocity: NDArray[np.float64]
    confidence: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.pitch)


def note_posteriors(mono: Floats, tuning_cents: float = 0.0) -> NotePosteriors:
    """What the network hears in mono sound at RATE (`to_mono` makes it).

    :param tuning_cents: of the music against A4 = 440 Hz, -50 to 50
    """
    parts = list(_hear(mono, tuning_cents))
    heard = np.concatenate(parts, axis=1) if parts else np.zeros((4, 0, PITCHES), np.float32)
    times = np.arange(heard.shape[1], dtype=np.float64) * FRAME_SECONDS
    return NotePosteriors(times, heard[0], heard[1], heard[2], heard[3])


def find_notes(
    samples: NDArray[np.floating], sample_rate: int, tuning_cents: float | None = None
) -> HeardNotes:
    """The notes of a recording [shape=(frames,) or (frames, channels)].

    Errors as of `to_mono`; MissingPartError without onnxruntime.

    :param tuning_cents: of the music against A4 = 440 Hz, -50 to 50; None: found by `tuning`
    """
    mono = to_mono(samples, sample_rate)
    if tuning_cents is None:
        tuning_cents = _tuning(mono)
    decoder = NoteDecoder()
    events: list[NoteEvent] = []
    for heard in _hear(mono, tuning_cents):
        events += decoder.push(heard)
    return _gathered(events + decoder.finish())


def notes_from(posteriors: NotePosteriors) -> HeardNotes:
    """The notes in what was heard before."""
    decoder = NoteDecoder()
    heard = np.stack([posteriors.onset, posteriors.frame, posteriors.offset, posteriors.velocity])
    return _gathered(decoder.push(heard) + decoder.finish())


def _gathered(events: list[NoteEvent]) -> HeardNotes:
    onset, offset, pitch, velocity, confidence = as_rows(events).T
    return HeardNotes(onset, offset, pitch.astype(np.int64), velocity, confidence)


def _tuning(mono: Floats) -> float:
    """Cents that are worth attention."""
    from ..pitch.tuning import find_tuning

    found = find_tuning(mono, RATE).cents
    return found if abs(found) >= _IN_TUNE_CENTS else 0.0


def _hear(mono: Floats, tuning_cents: float) -> Iterator[Floats]:
    """The network's outputs [shape=(4, frames, PITCHES)], part by part."""
    count = frame_count(len(mono), HOP)
    for start in range(0, count, _AT_ONCE):
        stop = min(start + _AT_ONCE, count)
        yield _hear_frames(load_network("notes"), mono, (start, stop, count), tuning_cents)


def _hear_frames(
    network: Network, mono: Floats, frames: tuple[int, int, int], tuning_cents: float
) -> Floats:
    """Outputs of the frames from start to stop of so many, with what lies around them."""
    start, stop, count = frames
    low, high = max(0, start - CONTEXT), min(count, stop + CONTEXT)
    reach = LONG_WINDOW // 2 // HOP  # frames that a window reaches over
    first = max(0, low - reach)
    sound = mono[first * HOP : (high - 1 + reach) * HOP + 1]
    if not sound.any():
        return np.zeros((4, stop - start, PITCHES), np.float32)
    long, short = (
        levels[low - first : high - first] for levels in note_spectrum(sound, tuning_cents)
    )
    (heard,) = network.run(long=long[None], short=short[None])
    return heard[0, :, start - low : stop - low]


class NoteListener:
    """Notes while they sound: push mono blocks of any size, in order.

    Each note is told twice: when it begins (`offset_seconds` is None) and when it has ended. The
    size of the blocks does not change what is told. Raises SegueError for samples that are not mono
    or not finite.

    :param sample_rate: 8000 to 192000 Hz
    :param tuning_cents: of the music against A4 = 440 Hz, -50 to 50
    """

    def __init__(self, sample_rate: int, tuning_cents: float = 0.0) -> None:
        check_range("sample rate in Hz", sample_rate, 8_000, 192_000)
        self.tuning_cents = check_range("tuning in cents", tuning_cents, -50.0, 50.0)
        self.sample_rate = int(sample_rate)
        self._network = load_network("notes")
        self._resampler = None
        if sample_rate != RATE:
            import soxr

            self._resampler = soxr.ResampleStream(sample_rate, RATE, 1, dtype="float32")
        self._sound = np.zeros(0, np.float32)  # from frame `_first` on
        self._first = self._told = 0  # frames
        self._decoder = NoteDecoder()

    @property
    def latency_seconds(self) -> float:
        """How long after its time a begin or an end is told at the latest, without the block."""
        frames = CONTEXT + _LIVE_FRAMES + 3
        return frames * FRAME_SECONDS + LONG_WINDOW / 2 / RATE + 0.05

    def push(self, block: NDArray[np.floating]) -> list[NoteEvent]:
        """Take the next samples [shape=(n,)]; notes that began or ended and are now decided."""
        samples = np.asarray(block, dtype=np.float32)
        if samples.ndim != 1:
            raise SegueError(f"a block has the shape {samples.shape}; give mono samples (frames,)")
        if not np.isfinite(samples).all():
            raise SegueError("a block has NaN or infinite samples; mend the sound")
        return self._take(samples, last=False)

    def finish(self) -> list[NoteEvent]:
        """What was not decided yet; nothing comes after."""
        events = self._take(np.zeros(0, np.float32), last=True)
        return events + self._decoder.finish()

    def _take(self, samples: Floats, last: bool) -> list[NoteEvent]:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=last)
        self._sound = np.concatenate([self._sound, samples])
        length = self._first * HOP + len(self._sound)
        known = (length - LONG_WINDOW // 2) // HOP + 1  # frames whose windows are full
        count = frame_count(length, HOP) if last else known
        events: list[NoteEvent] = []
        while self._told < count:
            stop = self._told + _LIVE_FRAMES
            if not last and stop + CONTEXT > count:
                break
            events += self._hear(min(stop, count), count)
        return events

    def _hear(self, stop: int, count: int) -> list[NoteEvent]:
        """Hear the frames up to `stop` of `count`, and forget the sound that is done with."""
        first = self._first
        start, stop, count = self._told - first, stop - first, count - first
        heard = _hear_frames(self._network, self._sound, (start, stop, count), self.tuning_cents)
        self._told = stop + first
        spare = max(0, start - (CONTEXT + LONG_WINDOW // HOP))
        self._sound = self._sound[spare * HOP :]
        self._first += spare
        return self._decoder.push(heard)
