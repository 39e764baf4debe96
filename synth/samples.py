"""Sampled sound as data: zones as their authors wrote them, regions as a voice reads them.

A `Zone` says which recording sounds for which keys and velocities; files (`sfz`, `soundfont`,
`sample_folder`) are read into zones. `build` turns zones into a `SampleSet` of regions at the
engine's sample rate: each has a head that is read once and, if it lasts while a key is held, a loop
that is read round and round from the very frame at which the head ends.

Audio is float32 [shape=(frames, channels)], full scale 1. Velocities are those of MIDI, 1..127.
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from ..music.errors import FileFormatError, MissingPartError, SegueError
from ..music.stems import scan_audio
from .pyo_host import Samples

log = logging.getLogger(__name__)

MAX_SET_BYTES = 256 * 2**20
MAX_LAYERS = 4  # regions that one note may sound at once
MIN_HEAD_FRAMES = 64
MIN_LOOP_FRAMES = 4096  # shorter ones are stored finer, so that reading between frames is clean
RING_MARGIN_FRAMES = 512
SEAM_SECONDS = 0.02
LONG_LOOP_SEAMS = 10
START_FADE_SECONDS = 0.0006
END_FADE_SECONDS = 0.004


@dataclass(frozen=True)
class Clip:
    """One recording in memory."""

    frames: Samples  # [shape=(frames, channels)]
    sample_rate: int
    loop: tuple[int, int] | None = None  # as the file itself says: first frame, first frame after


@dataclass(frozen=True)
class Extent:
    """What is known of a recording without its sound."""

    frames: int
    sample_rate: int
    channels: int
    loop: tuple[int, int] | None = None  # as `Clip.loop`


@dataclass(frozen=True)
class Zone:
    """One recording, where it sounds and how, as its author wrote it.

    `load` gives the recording, `probe` its extent, having found that it can be loaded; both raise
    SegueError. Zones with equal `key` share them.
    """

    place: str  # for messages: file and line, or preset and sample
    key: str  # names the recording
    load: Callable[[], Clip]
    low_pitch: int = 0
    high_pitch: int = 127
    low_velocity: int = 1
    high_velocity: int = 127
    root_pitch: float = 60.0  # at which the recording sounds as it is
    tune_semitones: float = 0.0  # added to what is heard
    tracking: float = 1.0  # semitones heard per semitone asked for; 0 for drums
    start_frame: int = 0
    end_frame: int | None = None  # first frame after; None: to the end
    loop: tuple[int, int] | None = None  # frames of the recording: first, first after
    loops: bool | None = None  # None: as the recording itself says
    one_shot: bool = False  # rings to its end however short the note
    gain_db: float = 0.0
    pan: float = 0.0  # -1 left .. 1 right
    attack_seconds: float = 0.001
    hold_seconds: float = 0.0
    decay_seconds: float = 0.0  # from full to `sustain`, straight in decibels
    sustain: float = 1.0  # share of full level, 0..1
    release_seconds: float = 0.1  # to -100 dB, straight in decibels
    turn: int = 0  # round robin: plays at this turn ..
    turns: int = 1  # .. of so many
    choke: int = 0  # notes of one choke group cut each other short; 0: none
    probe: Callable[[], Extent] | None = None

    def extent(self) -> Extent:
        """The extent of the recording; SegueError if it cannot be loaded."""
        if self.probe is not None:
            return self.probe()
        clip = self.load()
        return Extent(len(clip.frames), clip.sample_rate, clip.frames.shape[1], clip.loop)

    def ratio(self, pitch: float) -> float:
        """How much faster than it was recorded it is read for a pitch."""
        semitones = self.tracking * (pitch - self.root_pitch) + self.tune_semitones
        return float(2.0 ** (semitones / 12.0))


@dataclass(frozen=True)
class Region:
    """A zone with its audio at the engine's rate."""

    zone: Zone
    head: Samples  # [shape=(frames, channels)], read once
    guard: Samples  # [shape=(channels,)], the sound right after the head
    loop: Samples | None = None  # [shape=(frames, channels)], goes on where the head ends
    loop_frames: float = 0.0  # how long the loop lasts at its own pitch, in the engine's frames
    loop_entry: float = 0.0  # how far into the loop the head ends, in the engine's frames

    @property
    def bytes(self) -> int:
        """Memory of its audio."""
        return self.head.nbytes + (self.loop.nbytes if self.loop is not None else 0)


@dataclass(frozen=True, eq=False)
class SampleSet:
    """One sampled instrument, ready to be played."""

    name: str
    sample_rate: int
    regions: tuple[Region, ...]

    @property
    def bytes(self) -> int:
        """Memory of all its audio; what regions share counts once."""
        return sum({id(region.head): region.bytes for region in self.regions}.values())

    @property
    def stereo(self) -> bool:
        """Whether left and right differ."""
        return any(r.head.shape[1] > 1 or r.zone.pan for r in self.regions)

    @property
    def lowest(self) -> int:
        """Lowest pitch that has a region of its own; lower ones use the nearest."""
        return min(region.zone.low_pitch for region in self.regions)

    @property
    def highest(self) -> int:
        """Highest pitch that has a region of its own; higher ones use the nearest."""
        return max(region.zone.high_pitch for region in self.regions)

    @cached_property
    def layers(self) -> int:
        """The most regions that one note sounds at once."""
        return max(  # ranges overlap most where one of them begins
            len(self.choose(pitch, velocity, turn))
            for pitch in {r.zone.low_pitch for r in self.regions}
            for velocity in {r.zone.low_velocity for r in self.regions}
            for turn in range(max(region.zone.turns for region in self.regions))
        )

    def choose(self, pitch: float, velocity: int, turn: int = 0) -> list[Region]:
        """The regions that sound for a note, `MAX_LAYERS` at most and at least one.

        :param pitch: MIDI pitch; one that no region has goes to the nearest that has one
        :param velocity: 1..127; likewise
        :param turn: how many notes of this pitch came before, for round robin
        """
        column = self._columns[min(max(round(pitch), 0), 127)]
        away = min(_outside(velocity, r.zone.low_velocity, r.zone.high_velocity) for r in column)
        fit = [
            r
            for r in column
            if _outside(velocity, r.zone.low_velocity, r.zone.high_velocity) == away
        ]
        playing = [r for r in fit if turn % r.zone.turns == r.zone.turn]
        return (playing or fit[:1])[:MAX_LAYERS]

    @cached_property
    def _columns(self) -> list[list[Region]]:
        """For each pitch 0..127 the regions that have it, or else the nearest."""
        columns = []
        for pitch in range(128):
            far = [_outside(pitch, r.zone.low_pitch, r.zone.high_pitch) for r in self.regions]
            columns.append(
                [r for r, d in zip(self.regions, far, strict=True) if d == min(far)],
            )
        return columns


def _outside(value: float, low: float, high: float) -> float:
    return max(low - value, value - high, 0.0)


def build(name: str, zones: Sequence[Zone], sample_rate: int) -> SampleSet:
    """The zones with their audio at `sample_rate`.

    A recording that is missing or broken is replaced by that of the nearest zone, with a logged
    warning. Raises SegueError if none is left, and when the set would take more memory than
    `MAX_SET_BYTES`.
    """
    regions: list[Region] = []
    lost: list[tuple[Zone, SegueError]] = []
    clips: dict[str, Clip | SegueError] = {}
    made: dict[tuple[object, ...], Region] = {}
    size = 0
    for zone in zones:
        if zone.key not in clips:
            clips[zone.key] = _load(zone)
        clip = clips[zone.key]
        if isinstance(clip, SegueError):
            lost.append((zone, clip))
            continue
        loops = zone.loops if zone.loops is not None else zone.loop or clip.loop
        cut = (zone.key, zone.start_frame, zone.end_frame, bool(loops), zone.loop)
        if cut not in made:
            _check_size(name, size + clip.frames.nbytes * sample_rate // clip.sample_rate)
            made[cut] = cut_region(zone, clip, sample_rate)
            size += made[cut].bytes
        regions.append(replace(made[cut], zone=zone))
    if not regions:
        reason = f": {lost[0][1]}" if lost else ""
        raise SegueError(f"{name} has no sample that can be played{reason}")
    regions += [_substitute(zone, error, regions) for zone, error in lost]
    return SampleSet(name, sample_rate, tuple(regions))


def _check_size(name: str, size: int) -> None:
    if size > MAX_SET_BYTES:
        raise SegueError(
            f"{name} takes more than {MAX_SET_BYTES // 2**20} MB; use shorter samples, fewer "
            "velocity layers or fewer round robins"
        )


def _load(zone: Zone) -> Clip | SegueError:
    try:
        return zone.load()
    except SegueError as error:
        return error


def _substitute(zone: Zone, error: SegueError, regions: Sequence[Region]) -> Region:
    """The nearest region, played for the keys and velocities of a lost zone."""

    def distance(region: Region) -> tuple[float, float, bool]:
        other = region.zone
        louder = other.low_velocity + other.high_velocity - zone.low_velocity - zone.high_velocity
        return abs(other.root_pitch - zone.root_pitch), abs(louder), other.turn != zone.turn

    nearest = min(regions, key=distance)
    log.warning("%s; %s sounds instead", error, nearest.zone.place)
    taken = replace(
        nearest.zone,
        low_pitch=zone.low_pitch,
        high_pitch=zone.high_pitch,
        low_velocity=zone.low_velocity,
        high_velocity=zone.high_velocity,
        turn=zone.turn,
        turns=zone.turns,
    )
    return replace(nearest, zone=taken)


def cut_region(zone: Zone, clip: Clip, sample_rate: int) -> Region:
    """Cut a recording as a zone says, and bring it to the sample rate.

    Raises as `check_cut`.
    """
    end, loop = check_cut(zone, len(clip.frames), clip.loop)
    frames = clip.frames[zone.start_frame : end]
    if loop is None:
        return _once(zone, frames, clip.sample_rate, sample_rate)
    inside = loop[0] - zone.start_frame, loop[1] - zone.start_frame
    return _looped(zone, frames, inside, clip.sample_rate, sample_rate)


def check_cut(
    zone: Zone, total: int, own_loop: tuple[int, int] | None
) -> tuple[int, tuple[int, int] | None]:
    """The frame at which a zone ends its recording, and the loop that it plays.

    Raises SegueError for a start, end or loop that lies outside of the recording.

    :param total: frames of the recording
    :param own_loop: that the recording itself names
    """
    end = total if zone.end_frame is None else zone.end_frame
    if not 0 <= zone.start_frame < end <= total:
        raise SegueError(
            f"{zone.place}: plays frames {zone.start_frame} to {end} of a sample of {total}; "
            "give a start and an end inside of the sample"
        )
    loop = zone.loop or own_loop if zone.loops is not False else None
    if loop is not None and not zone.start_frame <= loop[0] < loop[1] <= end:
        raise SegueError(
            f"{zone.place}: loops frames {loop[0]} to {loop[1]}, but plays {zone.start_frame} to "
            f"{end} of a sample of {total}; give a loop inside of these, or loop_mode=no_loop"
        )
    return end, loop


def _once(zone: Zone, frames: Samples, rate: int, sample_rate: int) -> Region:
    """A region without a loop; its last milliseconds fade, so that the end is silent."""
    head = resample(frames, rate, sample_rate)
    head = np.pad(head, ((0, max(MIN_HEAD_FRAMES - len(head), 0)), (0, 0)))
    _fade_in(head, sample_rate)
    fade = min(round(END_FADE_SECONDS * sample_rate), len(head) // 2)
    head[-fade:] *= 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, fade, dtype=np.float32))[:, None]
    return Region(zone, head, np.zeros(head.shape[1], np.float32))


def _looped(
    zone: Zone, frames: Samples, loop: tuple[int, int], rate: int, sample_rate: int
) -> Region:
    """A region with a loop, cut where the head's last frame falls on a frame of the engine."""
    step = sample_rate / rate
    first, body = seamless(frames, *loop, rate)
    lead = frames[:first]
    if len(lead) * step < MIN_HEAD_FRAMES:  # too short to be read on its own: loop some before
        passes = math.ceil((MIN_HEAD_FRAMES / step - len(lead)) / len(body))
        lead = np.concatenate([lead, np.tile(body, (passes, 1))])
    margin = np.tile(body, (math.ceil(1024 / len(body)), 1))
    source = np.concatenate([lead, margin])
    cut = math.ceil(len(lead) * step - 1e-9)
    head = resample(source, rate, sample_rate)[: cut + 1].copy()
    _fade_in(head, sample_rate)
    exact = len(body) * step
    count = math.ceil(exact - 1e-9)
    if count < MIN_LOOP_FRAMES:
        count *= math.ceil(MIN_LOOP_FRAMES / count)
    ring = resample_ring(body, count)
    return Region(zone, head[:cut], head[cut], ring, exact, cut - len(lead) * step)


def _fade_in(head: Samples, sample_rate: int) -> None:
    """Let a sound that begins at once rise within half a millisecond, in place."""
    fade = min(round(START_FADE_SECONDS * sample_rate), len(head) // 2)
    head[:fade] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(fade, dtype=np.float32) / fade)[:, None]


def seamless(frames: Samples, first: int, after: int, rate: int) -> tuple[int, Samples]:
    """A loop that goes round without a jump: its first frame, and its frames.

    A seam that bends the wave no more than the loop itself does is left alone. Elsewhere the end is
    cross-faded into what comes before the start, at the power of what is mixed: straight where the
    two are alike, towards equal power where they are not. A long loop that has nothing before its
    start gives up its own first milliseconds for that.
    """
    body = np.array(frames[first:after], dtype=np.float32)
    bend = np.abs(np.diff(np.concatenate([body, body[:2]]), n=2, axis=0)).max(axis=1)
    if len(body) < 4 or bend[-2:].max() <= bend[:-2].max():
        return first, body
    seam = round(SEAM_SECONDS * rate)
    if first < seam and len(body) > LONG_LOOP_SEAMS * seam:
        body, first = body[seam - first :], seam
    fade = min(seam, first, len(body) // 2)
    if fade < 2:
        return first, body
    ending, before = body[-fade:], frames[first - fade : first]
    energy = float(np.sqrt(np.sum(ending**2) * np.sum(before**2)))
    alike = float(np.clip(np.sum(ending * before) / energy, 0.0, 1.0)) if energy > 0 else 1.0
    rise = (np.arange(1, fade + 1, dtype=np.float32) / fade)[:, None]
    fall = 1.0 - rise
    power = np.sqrt(rise**2 + fall**2 + 2.0 * alike * rise * fall)
    body[-fade:] = (ending * fall + before * rise) / power
    return first, body


def resample(frames: Samples, rate: int, sample_rate: int) -> Samples:
    """Audio at another sample rate; the first frame stays the first [shape=(frames, channels)]."""
    if rate == sample_rate:
        return frames
    try:
        import soxr
    except ImportError as error:
        raise MissingPartError(
            f"samples at {rate} Hz cannot be brought to {sample_rate} Hz without soxr ({error}); "
            "install it with: pip install soxr"
        ) from error
    return np.asarray(soxr.resample(frames, rate, sample_rate), np.float32)


def resample_ring(ring: Samples, count: int) -> Samples:
    """One period of an endless sound as `count` frames [shape=(count, channels)]."""
    size = len(ring)
    if count == size:
        return ring
    if size >= MIN_LOOP_FRAMES:
        turns = np.concatenate([ring, ring, ring[:RING_MARGIN_FRAMES]])
        return resample(turns, size, count)[count : 2 * count]
    spectrum = np.fft.rfft(ring.astype(np.float64), axis=0)
    if size % 2 == 0 and count > size:
        spectrum[-1] *= 0.5  # the middle bin stands for both of its sides
    period = np.fft.irfft(spectrum, count, axis=0) * (count / size)
    return np.asarray(period, np.float32)


def low_pass(clip: Clip, cutoff_hz: float, loop: tuple[int, int] | None) -> Clip:
    """The recording through a low-pass of 12 dB an octave without delay; its loop stays a loop."""
    margin = round(8.0 * clip.sample_rate / cutoff_hz)

    def filtered(frames: Samples) -> Samples:
        size = _fft_size(len(frames) + margin)
        hz = np.fft.rfftfreq(size, 1.0 / clip.sample_rate)
        gain = (1.0 / np.sqrt(1.0 + (hz / cutoff_hz) ** 4)).astype(np.float32)
        spectrum = np.fft.rfft(frames, size, axis=0) * gain[:, None]
        return np.asarray(np.fft.irfft(spectrum, size, axis=0)[: len(frames)], np.float32)

    def around(body: Samples) -> Samples:
        """Frames of a ring from `margin` before its start to `margin` after its end."""
        return body[np.arange(-margin, len(body) + margin) % len(body)]

    if loop is None:
        return Clip(filtered(clip.frames), clip.sample_rate, clip.loop)
    first, after = loop
    body = around(clip.frames[first:after])
    head = filtered(np.concatenate([clip.frames[:first], body[margin:]]))[:first]
    turn = filtered(body)[margin : margin + after - first]
    rest = filtered(clip.frames)[after:]
    return Clip(np.concatenate([head, turn, rest]), clip.sample_rate, clip.loop)


def _fft_size(least: int) -> int:
    """A size that is quick to transform, little above `least`."""
    power = 1 << (least - 1).bit_length()
    return min(size for size in (power, power * 3 // 4, power * 5 // 8) if size >= least)


def read_clip(path: Path, place: str) -> Clip:
    """A sound file of any kind soundfile reads, one or two channels; SegueError if it cannot be."""
    import soundfile

    _check_file(path, place)
    try:
        with soundfile.SoundFile(path) as file:
            _check_length(path, place, file.frames, file.channels)
            frames = file.read(dtype="float32", always_2d=True)[:, :2]
            rate = file.samplerate
    except (soundfile.SoundFileError, OSError) as error:
        raise FileFormatError(
            f"{place}: {path} cannot be read as sound ({error}); give a WAV, FLAC or OGG file"
        ) from error
    if not len(frames):
        raise FileFormatError(f"{place}: {path} holds no sound; leave it out or record it again")
    if not np.isfinite(frames).all():
        raise FileFormatError(f"{place}: {path} has samples that are not numbers; export it again")
    return Clip(frames, rate, _wave_loop(path, len(frames)))


def probe_clip(path: Path, place: str) -> Extent:
    """The extent of a sound file that `read_clip` could read, and whose end is there.

    Raises SegueError for any other.
    """
    _check_file(path, place)
    try:
        info = scan_audio(path)
    except SegueError as error:
        raise FileFormatError(f"{place}: {error}") from error
    _check_length(path, place, info.frames, info.channels)
    loop = _wave_loop(path, info.frames)
    return Extent(info.frames, info.sample_rate, info.channels, loop)


def _check_file(path: Path, place: str) -> None:
    if not path.is_file():
        raise SegueError(f"{place}: there is no sample {path}; check its name and folder")


def _check_length(path: Path, place: str, frames: int, channels: int) -> None:
    if frames * 4 * min(channels, 2) > MAX_SET_BYTES:
        raise SegueError(f"{place}: {path} is too long for a sample; play it as a stem")


def _wave_loop(path: Path, frames: int) -> tuple[int, int] | None:
    """The first loop that a WAV file's `smpl` chunk names, if it lies inside of the sample."""
    from ..music.riff import wave_loop

    loop = wave_loop(path)
    if loop is None:
        return None
    if not 0 <= loop[0] < loop[1] <= frames:
        log.warning("%s names a loop outside of its sound; it plays without one", path)
        return None
    return loop
