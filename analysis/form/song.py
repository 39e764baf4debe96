"""A recording as one who makes a cue of it sees it: tempo, key, sections that can go round.

Everything is what other modules find; here it is brought onto the bar lines.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError
from ...music.tempo import Meter
from ...music.theory import Chord, Key
from ..harmony.chords import Chords, find_chords
from ..harmony.key import KeyTrack, find_key
from ..rhythm.beats import Beats, find_beats
from ..spectra import RATE, to_mono
from .bar_features import Bars, FloatArray, hear_bars
from .intensity import Intensity, find_intensity
from .loops import Seam, loop_times, measure_seam
from .sections import Form, form_of

LEAST_BARS = 4
"""A recording of fewer bars is no song."""

MOST_SECONDS = 1_800.0
MOST_SECTIONS = 8
"""Of the letters of a form, those that last longest are kept."""

SHORTEST_BARS = 2  # of a section
_STEADY = 0.12  # how far the distances of beats may lie from their median, as a share of it
_SURE = 0.2  # least mean confidence of beats
_SILENT_DB = -60.0
_BAR_SHARE = 0.08  # of a bar's length by which others may differ
_QUIET_DB = 40.0  # below the loudest bar one counts as silent


@dataclass(frozen=True)
class SongSection:
    """A section that can be played round, and how often the recording has it."""

    label: str  # of the form
    start_bar: int  # counted from 0
    bars: int
    start_seconds: float  # just before its first attack
    end_seconds: float
    beats: int
    intensity: float  # 0..1
    chords: tuple[tuple[Chord, ...], ...]  # of each bar
    sharp: bool  # whether it begins with an attack, `loops.EARLY_SECONDS` after its start
    seam: Seam  # of its end with its beginning
    confidence: float  # 0..1
    times: int  # how often sections of this letter come in the recording

    @property
    def bpm(self) -> float:
        """Its tempo in quarter notes a minute."""
        return 60.0 * self.beats / (self.end_seconds - self.start_seconds)


@dataclass(frozen=True)
class Song:
    """What was found in a recording."""

    tempo_bpm: float
    tempo_confidence: float
    meter: Meter
    meter_confidence: float
    key: Key
    key_confidence: float
    form: Form
    sections: tuple[SongSection, ...]  # one for each letter, in the order of first appearance
    order: tuple[int, ...]  # the sections as the recording has them, by their positions
    intensity: Intensity


def study_song(
    samples: NDArray[np.floating], sample_rate: int, name: str = "the recording"
) -> Song:
    """Find the sections of a recording and all that a cue says of them.

    Raises SegueError for a recording that is silent, too short or too long, or has no steady beat.

    :param name: of the recording, for errors
    """
    seconds = len(samples) / sample_rate
    if seconds > MOST_SECONDS:
        raise SegueError(
            f"{name} lasts {seconds / 60:.0f} minutes; cut out what is to become a cue, "
            f"{MOST_SECONDS / 60:g} minutes at most"
        )
    mono = to_mono(samples, sample_rate)
    if not len(mono) or 20 * np.log10(max(float(np.abs(mono).max()), 1e-9)) < _SILENT_DB:
        raise SegueError(f"{name} is silent; give a recording that sounds")
    beats = find_beats(mono, RATE)
    _check_steady(beats, seconds, name)
    bars = hear_bars(mono, beats)
    if len(bars) < LEAST_BARS:
        raise SegueError(
            f"{name} lasts {seconds:.1f} seconds, which is {len(bars)} bars; give {LEAST_BARS} "
            "bars or more"
        )
    form = form_of(bars)
    key = find_key(mono, RATE)
    meter = Meter(beats.meter_beats if beats.meter_beats > 1 else 4, 4)
    intensity = find_intensity(mono, RATE)
    maker = _Sections(mono, bars, meter, find_chords(mono, RATE), _key(key), intensity)
    sections, order = maker.of_form(form)
    return Song(
        tempo_bpm=float(np.median([section.bpm for section in sections])),
        tempo_confidence=beats.tempo_confidence,
        meter=meter,
        meter_confidence=beats.meter_confidence,
        key=_key(key),
        key_confidence=key.confidence,
        form=form,
        sections=sections,
        order=order,
        intensity=intensity,
    )


def _key(found: KeyTrack) -> Key:
    return found.key or Key()


def _check_steady(beats: Beats, seconds: float, name: str) -> None:
    if len(beats) < 4 or len(beats.downbeat_times_seconds) < 2:
        raise SegueError(
            f"{name} has no steady beat ({len(beats)} beats in {seconds:.1f} seconds); give music "
            "with a pulse of some bars, or make stems by hand (docs/cues.md)"
        )
    steps = np.diff(beats.times_seconds)
    middle = float(np.median(steps))
    apart = float(np.median(np.abs(steps - middle))) / middle
    sure = float(beats.confidence.mean())
    if apart > _STEADY or sure < _SURE:
        raise SegueError(
            f"{name} has no steady beat (beats {100 * apart:.0f} % apart from their median, "
            f"confidence {sure:.2f}); give music with a pulse, or make stems by hand (docs/cues.md)"
        )


@dataclass(frozen=True)
class _Sections:
    """Makes the sections of a cue of those of a form."""

    mono: NDArray[np.float32]
    bars: Bars
    meter: Meter
    chords: Chords
    key: Key
    intensity: Intensity

    def of_form(self, form: Form) -> tuple[tuple[SongSection, ...], tuple[int, ...]]:
        """One section for each letter that is kept, and the order of the recording."""
        found: dict[str, list[SongSection]] = {}
        for section in form.sections:
            first, count = self._whole_bars(section.start_bar, section.bars)
            if count >= min(SHORTEST_BARS, len(self.bars)):
                made = self._section(section.label, first, count, section.confidence)
                found.setdefault(section.label, []).append(made)
        lasting = sorted(found, key=lambda label: -sum(one.bars for one in found[label]))
        kept = [label for label in found if label in lasting[:MOST_SECTIONS]]
        if not kept:
            first, count = self._whole_bars(0, len(self.bars))
            kept, found = ["A"], {"A": [self._section("A", first, count, 0.0)]}
        sections = tuple(self._chosen(found[label]) for label in kept)
        order = [kept.index(one.label) for one in form.sections if one.label in kept] or [0]
        return sections, tuple(order)

    def _chosen(self, same: list[SongSection]) -> SongSection:
        """The one of a letter that goes round best, with how often the letter comes."""
        best = max(same, key=lambda one: (one.bars % 2 == 0, one.seam.smoothness, -one.start_bar))
        return SongSection(**{**vars(best), "times": len(same)})

    def _whole_bars(self, first: int, count: int) -> tuple[int, int]:
        """Without what is not a bar, or silent, at either end of a section."""
        lengths = np.diff(self.bars.edges_seconds)
        usual = float(np.median(lengths))
        whole = np.abs(lengths - usual) <= _BAR_SHARE * usual
        kept = whole & (self.bars.level_db > self.bars.level_db.max() - _QUIET_DB)
        last = first + count
        while last - first > 1 and not kept[first]:
            first += 1
        while last - first > 1 and not kept[last - 1]:
            last -= 1
        return first, last - first

    def _section(self, label: str, first: int, count: int, confidence: float) -> SongSection:
        edges = self.bars.edges_seconds
        start, end = loop_times(self.mono, float(edges[first]), float(edges[first + count]))
        inner = edges[first + 1 : first + count] + (start - edges[first])
        seam = measure_seam(self.mono, start, end, inner.tolist())
        return SongSection(
            label=label,
            start_bar=first,
            bars=count,
            start_seconds=start,
            end_seconds=end,
            beats=count * self.meter.numerator,
            intensity=self.intensity.between(start, end),
            chords=tuple(self._chord(edges[bar : bar + 2]) for bar in range(first, first + count)),
            sharp=start != float(edges[first]),
            seam=seam,
            confidence=confidence * (0.5 + 0.5 * seam.smoothness),
            times=1,
        )

    def _chord(self, edges: FloatArray) -> tuple[Chord, ...]:
        """The chord that lasts longest in a bar; the tonic where there is none."""
        starts, ends = self.chords.start_seconds, self.chords.end_seconds
        inside = np.minimum(ends, edges[1]) - np.maximum(starts, edges[0])
        lasting: dict[Chord, float] = {}
        for number in np.flatnonzero(inside > 0).tolist():
            if (chord := self.chords.chords[number]) is not None:
                lasting[chord] = lasting.get(chord, 0.0) + float(inside[number])
        if not lasting:
            third = "m" if self.key.mode in ("aeolian", "dorian", "phrygian") else ""
            return (Chord(self.key.tonic, third),)
        return (max(lasting, key=lambda chord: lasting[chord]),)
