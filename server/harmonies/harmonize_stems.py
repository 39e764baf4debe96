"""The stems of a harmonised voice: the parts it sings itself, those of a choir, and the band."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...analysis.pitch.voice import PitchTrack, hz_at
from ...analysis.pitch.voice_quality import ShiftQuality, shift_quality
from ...music.events import Channel, Events
from ...synth.engine import Engine
from ...synth.pitch_shift import PitchShifter
from ...synth.render import OFFLINE_BLOCK_FRAMES, end_frame, render_array, render_blocks
from ..performing.expression import Players
from ..sounding.sound import SAMPLE_RATE, session_channels
from .harmonize_mix import VOICE_LUFS, add, gain_to, pan
from .harmony_plan import Course, Plan, choir_events
from .voice_file import Samples

Progress = Callable[[float, str], None]
"""Called with the share that is done, 0 to 1, and what comes now."""

SOUNDS = ("choir", "shifted", "both")

CHOIR = "choir"
"""The instrument that sings the choir."""

PANS = (-0.45, 0.45, 0.0)
"""Where the first, second and third part stand."""

BREATH_GAIN = 0.25
"""Of consonants and breath in the shifted parts; they would pile up."""

_DELAYS_SECONDS = (0.011, 0.017, 0.023)  # nobody sings at the very same time
_MARGIN_SECONDS = 0.08  # round a note, where its slides belong to it
_CHOIR_UNDER_SHIFTED_DB = -4.0
_PIECE_FRAMES = SAMPLE_RATE * 4
_SOFTEST, _LOUDEST = 0.3, 0.85  # velocities of the choir


@dataclass(frozen=True)
class Levels:
    """Loudness of the stems in dB, against a voice at 0."""

    voice_db: float = 0.0
    parts_db: float = -5.0  # of all parts together
    band_db: float = -5.0


class Stems:
    """Makes the stems of one output and puts them together.

    :param samples: the voice [shape=(frames,)]; it begins at frame 0 of every stem
    :param track: its pitch
    """

    def __init__(
        self,
        samples: Samples,
        track: PitchTrack,
        course: Course,
        plan: Plan,
        *,
        seed: int = 0,
        tell: Progress = lambda share, what: None,
    ) -> None:
        self._samples, self._track = samples, track
        self._course, self._plan = course, plan
        self._seed, self._tell = seed, tell
        self._sung: Samples | None = None
        self.choir_notes = 0

    def mix(self, sound: str, levels: Levels, band_at_seconds: float | None) -> Samples:
        """All stems at their levels [shape=(frames, 2)].

        :param sound: of the parts, one of `SOUNDS`
        :param band_at_seconds: where in the cue the recording begins; None: no band
        """
        voice = pan(self._samples, 0.0)
        gain = gain_to(voice, VOICE_LUFS + levels.voice_db)
        mix = add(np.zeros((0, 2), np.float32), voice, gain)
        parts_lufs = VOICE_LUFS + levels.parts_db
        if sound != "choir":
            self._tell(0.35, "shifting the voice")
            shifted = self._shifted()
            mix = add(mix, shifted, gain_to(shifted, parts_lufs))
        if sound != "shifted":
            self._tell(0.5, "the choir sings")
            choir = self._choir()
            under_db = _CHOIR_UNDER_SHIFTED_DB if sound == "both" else 0.0
            mix = add(mix, choir, gain_to(choir, parts_lufs + under_db))
        if band_at_seconds is not None:
            self._tell(0.65, "the band plays")
            band = render_band(self._course, band_at_seconds, len(self._samples), self._seed)
            mix = add(mix, band, gain_to(band, VOICE_LUFS + levels.band_db))
        return mix

    def quality(self) -> list[ShiftQuality]:
        """Of each shifted part on its own, against the voice; none without shifted parts."""
        if self._sung is None:
            return []
        times = self._track.times_seconds
        ratios, sung = self._plan.ratios(times), self._plan.sung(times)
        return [
            shift_quality(self._samples, part, SAMPLE_RATE, self._track, ratio, sung)
            for part, ratio in zip(self._sung, ratios, strict=True)
        ]

    def _shifted(self) -> Samples:
        """The parts that the voice sings itself, panned apart."""
        parts = self._sung = sing_parts(self._samples, self._track, self._plan)
        late = round(max(_DELAYS_SECONDS) * SAMPLE_RATE)
        stem = np.zeros((parts.shape[1] + late, 2), np.float32)
        for number, part in enumerate(parts):
            delay = round(_DELAYS_SECONDS[number] * SAMPLE_RATE)
            place = PANS[number] if self._plan.parts > 1 else PANS[0] / 2
            stem[delay : delay + len(part)] += pan(part, place)
        return stem

    def _choir(self) -> Samples:
        """The parts as a choir sings them."""
        events = choir_events(self._plan, velocities(self._samples, self._plan), SAMPLE_RATE)
        self.choir_notes = len(events)
        return render_array(events, [Channel("choir", CHOIR, reverb=0.4)], seed=self._seed)


def render_band(course: Course, at_seconds: float, frames: int, seed: int = 0) -> Samples:
    """A cue without its melody, as long as a voice and what rings on [shape=(n, 2)].

    :param at_seconds: where in the course it begins
    :param frames: no note begins later
    """
    events = band_events(course, at_seconds, SAMPLE_RATE)
    events = events[events["at_frame"] < frames]
    blocks: list[Samples] = []
    with band_engine(course, block_frames=OFFLINE_BLOCK_FRAMES, seed=seed) as engine:
        engine.schedule(events)
        render_blocks(engine, end_frame(events), blocks.append)
    return np.concatenate(blocks) if blocks else np.zeros((0, 2), np.float32)


def band_engine(
    course: Course,
    *,
    sample_rate: int = SAMPLE_RATE,
    block_frames: int,
    seed: int = 0,
    gain_db: float = 0.0,
) -> Engine:
    """An engine with a cue's layers, room, echo in tempo and side chains.

    The cue's own loudness is left out: a band is as loud as the voice lets it be.
    """
    cue = course.cue
    engine = Engine(
        session_channels(cue)[: len(cue.layers)],
        mix=replace(cue.mix, loudness_lufs=None),
        sample_rate=sample_rate,
        block_frames=block_frames,
        seed=seed,
        gain_db=gain_db,
    )
    engine.control("master.tempo", course.bpm)
    return engine


def band_events(course: Course, at_seconds: float, sample_rate: int) -> Events:
    """The notes of a cue without its melody as its players perform them, on its layers' channels.

    :param at_seconds: the time in the course that is frame 0; what began before is left out
    """
    silent = [at for at, layer in enumerate(course.cue.layers) if layer.role == "melody"]
    players = Players(course.cue, sample_rate)
    beats = [bar.start_beats for bar in course.bars]
    beats.append(beats[-1] + course.bars[-1].beats)
    starts = [round((course.seconds(beat) - at_seconds) * sample_rate) for beat in beats]
    events = np.concatenate(
        [
            players.play(bar, start, end)
            for bar, (start, end) in zip(course.bars, pairwise(starts), strict=True)
        ]
    )
    return events[(events["at_frame"] >= 0) & ~np.isin(events["channel"], silent)]


def velocities(samples: Samples, plan: Plan) -> NDArray[np.float64]:
    """How loud the choir sings each stretch, from the voice's level [shape=(stretches,)]."""
    edges = [
        (round(s.start_seconds * SAMPLE_RATE), round(s.end_seconds * SAMPLE_RATE))
        for s in plan.stretches
    ]
    level = np.array([math.sqrt(np.square(samples[start:end]).mean()) for start, end in edges])
    share = level / max(float(np.percentile(level, 90)), 1e-9)
    return np.clip(_LOUDEST * share**0.6, _SOFTEST, _LOUDEST)


def sing_parts(samples: Samples, track: PitchTrack, plan: Plan) -> Samples:
    """Each part as the voice sings it, in time with the voice [shape=(parts, frames)]."""
    shifter = PitchShifter(SAMPLE_RATE, plan.parts)
    late = shifter.latency_frames
    total = len(samples) + late
    parts = np.zeros((plan.parts, total), np.float32)
    padded = np.pad(samples, (0, late))
    for start in range(0, total, _PIECE_FRAMES):
        end = min(start + _PIECE_FRAMES, total)
        times = np.arange(start, end) / SAMPLE_RATE
        hz = hz_at(track, times)
        gain = np.where((hz > 0.0) & plan.sung(times, _MARGIN_SECONDS), 1.0, BREATH_GAIN)
        parts[:, start:end] = shifter.push(
            padded[start:end], hz, plan.ratios(times), np.tile(gain, (plan.parts, 1))
        )
    return parts[:, late:]
