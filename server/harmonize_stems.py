"""The stems of a harmonised voice: the parts it sings itself, those of a choir, and the band."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..analysis.pitch import PitchTrack, hz_at
from ..analysis.voice_quality import ShiftQuality, shift_quality
from ..music.events import Channel, Events
from ..synth.pitch_shift import PitchShifter
from ..synth.render import render_array
from .harmonize_mix import VOICE_LUFS, add, gain_to, pan
from .harmony_plan import Course, Plan, choir_events
from .realise import note_events
from .sound import SAMPLE_RATE, session_channels
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
            band = self._band(band_at_seconds)
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

    def _band(self, at_seconds: float) -> Samples:
        """The cue without its melody, from a time on, as long as the voice."""
        events = band_events(self._course, at_seconds, SAMPLE_RATE)
        events = events[events["at_frame"] < len(self._samples)]
        cue = self._course.cue
        return render_array(events, session_channels(cue)[: len(cue.layers)], seed=self._seed)


def band_events(course: Course, at_seconds: float, sample_rate: int) -> Events:
    """The notes of a cue without its melody, on its layers' channels; a time in it is frame 0."""
    silent = [at for at, layer in enumerate(course.cue.layers) if layer.role == "melody"]
    start = (0.0, -round(at_seconds * sample_rate))
    events = np.concatenate(
        [
            note_events(bar.notes, bar.notes["layer"], start, bar.bpm, sample_rate)
            for bar in course.bars
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
