"""Audio stems: recorded loops, made ready to run with the music.

`Stem.load` brings a file to the engine's rate, closes the seam of the loop and finds the onsets
that time-stretching must not smear. `stem_player.StemPlayer` plays it.
"""

import logging
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..music.errors import FileFormatError, SegueError, check_range
from ..music.stems import BPM_RANGE, SHORT_BEATS, read_audio_info, whole_beats
from .samples import resample

FloatArray = NDArray[np.float32]

SEAM_SECONDS = 0.02  # of audio beyond the loop that is blended into its start
END_SECONDS = 0.004  # of the end that fades where an attack follows
ATTACK_SECONDS = 0.002  # a loop whose first onset comes by then begins with an attack
ONSET_GAP_SECONDS = 0.03  # two onsets are at least so far apart
_ONSET_RISE = 2.5  # energy of a hop by the most in the gap before it
_ONSET_FLOOR = 1e-7  # energy of a hop by the loudest one, below which nothing is an onset
_HOP_SECONDS = 0.001
_FIRST_HOPS = 5  # that decide whether a loop begins with an attack
_STEADY_SECONDS, _STEADY_DB = 0.05, 3.0  # of steady sound, the level moves less from one to another
_STEADY_ONSETS = 0.25  # a second at most
_SMOOTH_STEP = 2.0  # a seam's step by the steps around it, up to which it is not touched
_STEP_FRAMES = 64  # on either side of the seam
_MARGIN_SECONDS = 0.02  # beyond which a resampler does not hear

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Stem:
    """A loop at the engine's rate."""

    frames: FloatArray  # [shape=(n, 2)], the loop once
    beats: float  # that it lasts, in quarter notes
    sample_rate: int  # Hz
    onsets: NDArray[np.int64]  # frames of attacks, in rising order [shape=(m,)]
    steady: bool  # sustained sound without a pulse

    @classmethod
    def load(
        cls, path: str | Path, sample_rate: int, bpm: float, beats: float | None = None
    ) -> "Stem":
        """A stem from a wav, flac or ogg file of any rate, mono or stereo.

        :param sample_rate: of the engine, in Hz
        :param bpm: tempo of the recording in quarter notes a minute, 20..400
        :param beats: length of the loop; default: as many whole beats as the file holds
        :raises SegueError: there is no such file, or it is shorter than the loop or than one beat
        :raises FileFormatError: the file is damaged or of another format
        """
        check_range("bpm of a stem", bpm, *BPM_RANGE)
        info = read_audio_info(path)
        held = info.beats(bpm)
        wanted = whole_beats(held) if beats is None else beats
        if not 1 <= wanted <= held + SHORT_BEATS:
            raise SegueError(
                f"{path} holds {held:.2f} beats at {bpm:g} bpm, the loop needs "
                f"{max(wanted, 1):g}; correct bpm or beats, or take a longer file"
            )
        audio = _at_rate(_read(path), info.sample_rate, sample_rate)
        length = round(wanted * 60.0 / bpm * sample_rate)
        return cls.of_audio(audio, length, wanted, sample_rate)

    @classmethod
    def of_audio(cls, audio: FloatArray, length: int, beats: float, sample_rate: int) -> "Stem":
        """A stem of audio [shape=(n, 2)] whose first `length` frames are the loop."""
        missing = max(length - len(audio), 0)
        whole = np.concatenate([audio, np.zeros((missing, 2), np.float32)]) if missing else audio
        onsets = find_onsets(whole[:length], sample_rate)
        attack = len(onsets) > 0 and bool(onsets[0] <= ATTACK_SECONDS * sample_rate)
        frames = close_seam(whole, length, sample_rate, attack=attack)
        return cls(frames, beats, sample_rate, onsets, is_steady(frames, onsets, sample_rate))

    @classmethod
    def silent(cls, beats: float, sample_rate: int) -> "Stem":
        """What stands in for a stem that cannot be loaded."""
        frames = np.zeros((sample_rate, 2), np.float32)
        return cls(frames, beats, sample_rate, np.zeros(0, np.int64), steady=True)

    @property
    def frames_per_beat(self) -> float:
        """Frames of a beat at the stem's own tempo."""
        return len(self.frames) / self.beats

    def read(self, start: int, count: int) -> FloatArray:
        """`count` frames [shape=(count, 2)] from a frame on, round the loop; not to be changed."""
        first = start % len(self.frames)
        if first + count <= len(self.frames):
            return self.frames[first : first + count]
        return np.take(self.frames, np.arange(first, first + count), axis=0, mode="wrap")


def load_or_silence(
    path: str | Path, sample_rate: int, bpm: float, beats: float | None = None
) -> Stem:
    """As `Stem.load`; a stem that cannot be loaded is silent, and the log says why."""
    try:
        return Stem.load(path, sample_rate, bpm, beats)
    except SegueError as error:
        _log.warning("a stem stays silent: %s", error)
        return Stem.silent(beats or 1.0, sample_rate)


def _read(path: str | Path) -> FloatArray:
    """All frames [shape=(n, 2)] at the file's own rate; what is not finite becomes 0."""
    import soundfile

    try:
        audio, _ = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise FileFormatError(
            f"{path} cannot be read as audio ({error}); save it as wav, flac or ogg"
        ) from error
    np.nan_to_num(audio, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return np.ascontiguousarray(np.broadcast_to(audio, (len(audio), 2)))


def _at_rate(audio: FloatArray, rate: int, sample_rate: int) -> FloatArray:
    """Audio at another sample rate, without the ringing of the silence before and after it.

    At both ends it is led on by its own image turned upside down, which has no edge there; the
    ringing of an edge would be taken for an attack.
    """
    if rate == sample_rate:
        return audio
    least = rate // math.gcd(rate, sample_rate)  # frames that become a whole number of frames
    margin = least * math.ceil(min(_MARGIN_SECONDS * rate, len(audio) - 1) / least)
    led = np.pad(audio, ((margin, margin), (0, 0)), mode="reflect", reflect_type="odd")
    first, count = margin * sample_rate // rate, round(len(audio) * sample_rate / rate)
    return resample(led, rate, sample_rate)[first : first + count]


def close_seam(audio: FloatArray, length: int, sample_rate: int, *, attack: bool) -> FloatArray:
    """The first `length` frames of audio as a loop [shape=(length, 2)] without a click.

    Audio beyond the loop rings on into the loop's start: under it if the loop begins with an
    attack, which then stays sharp, else cross-faded with it at constant power. Without such audio,
    the end fades before an attack, or else is led to the start's level and slope by the start's own
    mirror image. A seam that is as smooth as the audio around it is left alone.

    :param attack: the loop begins with an onset
    """
    loop = audio[:length].copy()
    count = min(round(SEAM_SECONDS * sample_rate), length // 4)
    beyond = audio[length : length + count]
    if len(beyond) == 0 and _is_smooth(loop):
        return loop
    if len(beyond):
        fall = fade_out(len(beyond))
        start = loop[: len(beyond)]
        if attack:
            start += fall * beyond
        else:
            start[:] = mixed(beyond, start, fall, correlation(beyond, start))
    elif attack:
        count = min(round(END_SECONDS * sample_rate), count)
        loop[length - count :] *= fade_out(count)
    else:
        mirror = (2.0 * loop[0] - loop[1 : count + 1])[::-1]
        end = loop[length - count :]
        end[:] = mixed(end, mirror, fade_out(count), correlation(end, mirror))
    return loop


def _is_smooth(loop: FloatArray) -> bool:
    """Whether the step from the end to the start is like the steps on either side of it."""
    near = np.concatenate([loop[-_STEP_FRAMES:], loop[:_STEP_FRAMES]])
    steps = np.abs(np.diff(near, axis=0))
    seam = steps[len(loop[-_STEP_FRAMES:]) - 1].copy()
    steps[len(loop[-_STEP_FRAMES:]) - 1] = 0.0
    return bool((seam <= _SMOOTH_STEP * steps.max(axis=0) + 1e-6).all())


@lru_cache(maxsize=64)
def fade_out(count: int) -> FloatArray:
    """A raised cosine from 1 down to 0 [shape=(count, 1)]; not to be changed."""
    ramp = 0.5 + 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(count, 1))
    return ramp.astype(np.float32)[:, None]


def mixed(old: FloatArray, new: FloatArray, fall: FloatArray, likeness: float) -> FloatArray:
    """Two signals [shape=(n, 2)] in a cross-fade of constant power.

    :param fall: the share of the old one, 0..1 [shape=(n, 1)]
    :param likeness: their correlation, 0..1; like signals add up in amplitude, unlike in power
    """
    rise = 1.0 - fall
    power = fall * fall + rise * rise + (2.0 * likeness) * fall * rise
    blend: FloatArray = (fall * old + rise * new) / np.sqrt(power)
    return blend


def correlation(one: FloatArray, other: FloatArray) -> float:
    """Normalised correlation of two signals of equal shape, not below 0."""
    power = float(np.vdot(one, one)) * float(np.vdot(other, other))
    return max(float(np.vdot(one, other)) / np.sqrt(power), 0.0) if power > 1e-18 else 0.0


def find_onsets(loop: FloatArray, sample_rate: int) -> NDArray[np.int64]:
    """Frames of the attacks in a loop [shape=(n, 2)], exact to about a millisecond.

    The energy of the signal differenced twice, in hops of a millisecond, rises at an attack above
    all that it was in the gap before; the pulses of a low tone do not, nor do beating tones. The
    frame is the first in the hop's neighbourhood whose difference reaches a third of the largest.
    """
    hop = max(round(_HOP_SECONDS * sample_rate), 1)
    gap = round(ONSET_GAP_SECONDS / _HOP_SECONDS)
    bends = np.abs(np.diff(loop, 2, axis=0)).max(axis=1, initial=0.0)
    bends = np.concatenate([np.zeros(2, np.float32), bends])
    hops = len(bends) // hop
    if hops <= gap:
        return np.zeros(0, np.int64)
    energy = np.square(bends[: hops * hop]).reshape(hops, hop).sum(axis=1)
    around = np.concatenate([energy[-gap:], energy])
    before = np.lib.stride_tricks.sliding_window_view(around, gap)[:hops].max(axis=1)
    floor = _ONSET_FLOOR * energy.max()
    onsets: list[int] = []
    if energy[:_FIRST_HOPS].max() > max(_ONSET_RISE * energy[-gap:].max(), floor):
        onsets.append(0)  # the seam's own bend hides where in these hops it is
    for at in np.flatnonzero(energy > np.maximum(_ONSET_RISE * before, floor)):
        low = max(int(at) * hop - hop, 0)
        near = bends[low : low + 4 * hop]
        frame = low + int(np.argmax(near >= near.max() / 3.0))
        if not onsets or frame - onsets[-1] >= gap * hop:
            onsets.append(frame)
    return np.array(onsets, np.int64)


def is_steady(loop: FloatArray, onsets: NDArray[np.int64], sample_rate: int) -> bool:
    """Whether a loop [shape=(n, 2)] is sustained: few onsets, and a level that hardly moves."""
    size = round(_STEADY_SECONDS * sample_rate)
    parts = len(loop) // size
    if parts < 2 or len(onsets) > _STEADY_ONSETS * len(loop) / sample_rate:
        return False
    power = np.square(loop[: parts * size]).reshape(parts, -1).mean(axis=1)
    level_db = 10.0 * np.log10(np.maximum(power, 1e-4 * power.max()) + 1e-12)
    return bool(np.quantile(np.abs(np.diff(level_db)), 0.95) < _STEADY_DB)
