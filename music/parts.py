"""What each role plays in a bar: melody, harmony, arpeggio, bass and drums as notes.

A stem plays no notes: it runs as recorded.

`PARTS` has a function for each role. All take the same four arguments, whether they use them or
not: a planned bar, the layer, a register (0 low .. 2 high) and a level of activity (1 .. 4, or
`FILL_LEVEL`). They return rows in no order, onsets from the start of the bar; the layer's octave is
not in them yet.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from .cue import Layer
from .patterns import (
    APPROACH,
    CRASH,
    FIFTH,
    LEVELS,
    OCTAVE,
    arpeggio_figure,
    bar_steps,
    bass_figure,
    drum_hits,
)
from .score import ONSET_TOLERANCE_BEATS
from .tempo import Meter
from .voicing import CLASHES, VOICES, Voicing

REGISTERS = 3
"""Low, middle, high."""

FILL_LEVEL = LEVELS
"""The level of a drum layer that plays a fill."""

HARMONY_CENTRE = (54, 60, 66)
ARPEGGIO_CENTRE = (60, 67, 74)
"""The MIDI pitch that voicings keep near, by register."""

_MELODY_SHIFT = (-12, 0, 12)  # semitones, by register
_MELODY_CEILING = 91  # G6: above it a melody is shrill
_LOWEST_BASS = 31  # G1
_STEP_BEATS = 0.25  # the grid of arpeggios and of clashes
_CLASH_BEATS = 0.2  # a shorter overlap with the melody within a step is not heard as a clash
_HELD_BEATS = 0.5  # shorter melody notes pass by a held chord without grating
_VELOCITY = {"melody": 0.8, "track": 0.7, "harmony": 0.5, "arpeggio": 0.5, "bass": 0.7}
_CRASH_VELOCITY = 0.6
_HARMONY_VOICES = ((), (0, 2), (0, 1, 2), (0, 1, 2, 3), (0, 1, 2, 3))  # voices by level

Row = tuple[float, float, int, float]
"""(onset_beats, duration_beats, pitch, velocity) of a note."""

Rows = list[Row]


class Span(NamedTuple):
    """A chord's place in its bar."""

    onset_beats: float
    beats: float
    bass: int  # pitch class
    classes: tuple[int, ...]  # pitch classes from the root up


@dataclass(frozen=True)
class PlannedBar:
    """A bar in one mode: what its layers are built on."""

    meter: Meter
    groove: str
    opens: bool  # first bar of its section
    spans: tuple[Span, ...]
    next_bass: int  # pitch class under the chord after the bar
    scale: frozenset[int]  # pitch classes of the mode
    melody: Rows
    tracks: dict[str, Rows]  # of the theme file, the melody's among them
    harmony: tuple[list[Voicing], ...]  # by register, one voicing a chord
    arpeggio: tuple[list[Voicing], ...]

    @cached_property
    def melody_shifts(self) -> tuple[int, ...]:
        """Semitones that the melody moves by register; not up if that would make it shrill."""
        top = max((pitch for _, _, pitch, _ in self.melody), default=0)
        return tuple(s if s <= 0 or top + s <= _MELODY_CEILING else 0 for s in _MELODY_SHIFT)

    @cached_property
    def avoided(self) -> tuple[frozenset[int], ...]:
        """By sixteenth step, the pitches that clash with the melody as written."""
        steps = range(bar_steps(self.meter))
        return tuple(
            frozenset(
                pitch + clash
                for onset, beats, pitch, _ in self.melody
                if min(onset + beats, (step + 1) * _STEP_BEATS) - max(onset, step * _STEP_BEATS)
                >= _CLASH_BEATS
                for clash in CLASHES
            )
            for step in steps
        )

    @cached_property
    def chord_at(self) -> tuple[int, ...]:
        """By sixteenth step, the index of the chord that sounds."""
        starts = [span.onset_beats for span in self.spans]
        steps = range(bar_steps(self.meter))
        return tuple(
            sum(start <= step / 4 + ONSET_TOLERANCE_BEATS for start in starts) - 1 for step in steps
        )

    def melody_at(self, register: int, start: float, end: float, at_least: float) -> list[int]:
        """Melody pitches in a register that sound for `at_least` beats from `start` to `end`.

        Times are beats from the start of the bar.
        """
        shift = self.melody_shifts[register]
        return [
            pitch + shift
            for onset, beats, pitch, _ in self.melody
            if min(onset + beats, end) - max(onset, start) >= at_least
        ]


def melody(bar: PlannedBar, layer: Layer, register: int, level: int) -> Rows:
    """The theme, moved by whole octaves with the register; it plays at every level."""
    shift, gain = bar.melody_shifts[register], _VELOCITY["melody"]
    return [(onset, beats, pitch + shift, v * gain) for onset, beats, pitch, v in bar.melody]


def track(bar: PlannedBar, layer: Layer, register: int, level: int) -> Rows:
    """Another track of the theme file, as written, at every register and level."""
    gain = _VELOCITY["track"]
    return [(onset, beats, pitch, v * gain) for onset, beats, pitch, v in bar.tracks[layer.track]]


def harmony(bar: PlannedBar, layer: Layer, register: int, level: int) -> Rows:
    """Held chords of two to four voices, at the busiest level struck on every beat.

    A voice that would grate against a held melody note is left out.
    """
    rows: Rows = []
    busiest = level >= LEVELS - 1
    for span, voicing in zip(bar.spans, bar.harmony[register], strict=True):
        against = bar.melody_at(
            register, span.onset_beats, span.onset_beats + span.beats, at_least=_HELD_BEATS
        )
        pitches = [voicing[voice] for voice in _HARMONY_VOICES[min(level, LEVELS - 1)]]
        clear = [p for p in pitches if not any(p - other in CLASHES for other in against)]
        strokes = max(round(span.beats), 1) if busiest else 1
        for stroke in range(strokes):
            velocity = _VELOCITY["harmony"] * (1.0 if stroke % 2 == 0 else 0.8)
            onset = span.onset_beats + stroke * span.beats / strokes
            rows += [(onset, span.beats / strokes, p, velocity) for p in clear or pitches[:1]]
    return rows


def arpeggio(bar: PlannedBar, layer: Layer, register: int, level: int) -> Rows:
    """Broken chords, from quarters at the lowest level to sixteenths at the busiest.

    A note that would clash with the melody is left out.
    """
    figure = arpeggio_figure(min(level, LEVELS - 1), bar.meter)
    shift = bar.melody_shifts[register]
    voicings = bar.arpeggio[register]
    beats = figure.step_beats * figure.length
    every = round(figure.step_beats * 4)
    rows: Rows = []
    for count, step in enumerate(range(0, bar_steps(bar.meter), every)):
        octave, tone = divmod(figure.tones[count % len(figure.tones)], VOICES)
        pitch = voicings[bar.chord_at[step]][tone] + 12 * octave
        if pitch - shift not in bar.avoided[step]:
            velocity = _VELOCITY["arpeggio"] * (0.85 if step % 4 else 1.0)
            rows.append((step / 4, beats, pitch, velocity))
    return rows


def bass(bar: PlannedBar, layer: Layer, register: int, level: int) -> Rows:
    """Roots, fifths and octaves; at busy levels, the last note of a chord leads into the next."""
    figure = bass_figure(min(level, LEVELS - 1), bar.meter)
    rows: Rows = []
    targets = [span.bass for span in bar.spans[1:]] + [bar.next_bass]
    for span, target in zip(bar.spans, targets, strict=True):
        root = bass_pitch(span.bass)
        fifth = root + (span.classes[2] - span.bass) % 12 if len(span.classes) > 2 else root
        pulses = max(round(span.beats / figure.step_beats), 1)
        for pulse in range(pulses):
            tone = figure.tones[pulse % len(figure.tones)]
            pitch = {OCTAVE: root + 12, FIFTH: fifth}.get(tone, root)
            if tone == APPROACH and pulse == pulses - 1:
                pitch = approach(root, bass_pitch(target), bar.scale)
            late = pulse * figure.step_beats
            length = min(figure.step_beats, span.beats - late) * figure.length
            velocity = _VELOCITY["bass"] * (1.0 if pulse == 0 else 0.88)
            rows.append((span.onset_beats + late, length, pitch, velocity))
    return rows


def bass_pitch(pitch_class: int) -> int:
    """The pitch of a class in the bass octave, G1 to F#2."""
    return _LOWEST_BASS + (pitch_class - _LOWEST_BASS) % 12


def approach(root: int, target: int, scale: frozenset[int]) -> int:
    """The pitch of the scale nearest to `target`, on the side that the bass comes from.

    :param root: MIDI pitch that the bass plays now
    :param target: MIDI pitch that it plays next
    :param scale: pitch classes
    """
    side = 1 if root > target else -1
    return next(target + side * step for step in (1, 2, 3) if (target + side * step) % 12 in scale)


def drums(bar: PlannedBar, layer: Layer, register: int, level: int) -> Rows:
    """The section's groove; a crash opens a section that is played loudly."""
    fill = level == FILL_LEVEL
    hits = drum_hits(bar.groove, LEVELS - 2 if fill else level, bar.meter, fill)
    if bar.opens and not fill and level >= LEVELS - 2:
        hits.append((0.0, CRASH, _CRASH_VELOCITY))
    return [(onset, 0.25, drum, velocity) for onset, drum, velocity in hits]


def stem(bar: PlannedBar, layer: Layer, register: int, level: int) -> Rows:
    """No notes."""
    return []


def onto_chord(row: Row, spans: tuple[Span, ...]) -> Row:
    """A melody note of a cadence: in the bar's second half it takes the nearest chord tone.

    A note of the first half ends with it.
    """
    onset, beats, pitch, velocity = row
    end = spans[-1].onset_beats + spans[-1].beats
    half = end / 2
    if onset < half - ONSET_TOLERANCE_BEATS:
        return onset, min(beats, max(half - onset, 0.25)), pitch, velocity
    classes = max(
        span for span in spans if span.onset_beats <= onset + ONSET_TOLERANCE_BEATS
    ).classes
    near = range(pitch - 6, pitch + 7)
    nearest = min(near, key=lambda p: (p % 12 not in classes, abs(p - pitch)))
    return onset, min(beats, end - onset), nearest, velocity


class Part(NamedTuple):
    """How a role plays, and on what its notes depend besides bar and mode."""

    play: Callable[[PlannedBar, Layer, int, int], Rows]
    by_mode: bool = True
    by_register: bool = True
    by_level: bool = True


PARTS: dict[str, Part] = {
    "melody": Part(melody, by_level=False),
    "track": Part(track, by_register=False, by_level=False),
    "harmony": Part(harmony),
    "arpeggio": Part(arpeggio),
    "bass": Part(bass, by_register=False),
    "drums": Part(drums, by_mode=False, by_register=False),
    "stem": Part(stem, by_mode=False, by_register=False, by_level=False),
}
"""One part for each role of `cue.ROLES`."""
