"""The arranger: a cue's theme and chords, realised for every direction that an agent can take.

A cue is arranged once, when it is loaded: for each bar, mode, register, layer and level of activity
there is a template of notes. A direction then only picks templates and scales velocity and duration
(`world.py`), so that a bar costs microseconds in training and is the same bar live.

Each bar has two forms: as written, and as a cadence that leads into another section (second half on
the dominant).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .cue import Cue, Layer, Section
from .patterns import APPROACH, ARPEGGIOS, BASSES, CRASH, FIFTH, LEVELS, OCTAVE, drum_hits
from .score import NOTE, Notes
from .theory import MODES, Chord, chord_to_mode, to_mode
from .voicing import Voicing, clashes, lead

REGISTERS = 3
"""Low, middle, high."""

FILL_LEVEL = LEVELS
"""The level of a drum layer that plays a fill."""

ALWAYS_LEVEL = 2
"""The level of a layer that no knob moves."""

_MELODY_SHIFT = (-12, 0, 12)
_MELODY_CEILING = 91
_HARMONY_CENTRE = (54, 60, 66)
_ARPEGGIO_CENTRE = (60, 67, 74)
_LOWEST_BASS = 31  # G1
_VELOCITY = {"melody": 0.8, "track": 0.7, "harmony": 0.5, "arpeggio": 0.5, "bass": 0.7}
_CRASH_VELOCITY = 0.6

Rows = list[tuple[float, float, int, float]]  # onset_beats, duration_beats, pitch, velocity


@dataclass(frozen=True)
class Arrangement:
    """All templates of a cue. Rows 0..bars-1 are the bars as written, the next `bars` their cadences."""

    cue: Cue
    index: NDArray[np.int32]  # template [shape=(2 * bars, modes, REGISTERS, layers, LEVELS + 1)]
    starts: NDArray[np.int64]  # first note of each template [shape=(templates + 1,)]
    notes: Notes  # of all templates, onsets from the start of the bar
    chords: tuple[
        tuple[tuple[Chord, ...], ...], ...
    ]  # [row] -> chords of the bar in the cue's mode

    def template(self, number: int) -> Notes:
        """The notes of one template."""
        return self.notes[self.starts[number] : self.starts[number + 1]]


def arrange(cue: Cue) -> Arrangement:
    """Realise every template of a cue (tens of milliseconds)."""
    return _Builder(cue).build()


@dataclass(frozen=True)
class _Bar:
    """A bar in one mode: what its layers are built on."""

    section: Section
    number: int  # in the section
    cadence: bool
    chords: tuple[
        tuple[float, float, int, tuple[int, ...]], ...
    ]  # onset, beats, bass class, classes
    next_bass: int  # bass class of the chord after the bar
    melody: Rows
    harmony: tuple[list[Voicing], ...]  # by register, a voicing a chord
    arpeggio: tuple[list[Voicing], ...]
    scale: frozenset[int]


class _Builder:
    def __init__(self, cue: Cue) -> None:
        self.cue = cue
        self.bar_beats = cue.meter.bar_beats
        self.templates: list[Rows] = [[]]
        self.known: dict[tuple[object, ...], int] = {}

    def build(self) -> Arrangement:
        cue = self.cue
        shape = (2 * cue.bars, len(cue.modes), REGISTERS, len(cue.layers), LEVELS + 1)
        index = np.zeros(shape, np.int32)
        written: list[tuple[Chord, ...]] = []
        cadences: list[tuple[Chord, ...]] = []
        for section in cue.sections:
            for number in range(section.bars):
                row = len(written)
                written.append(section.chords[number])
                cadences.append(with_cadence(section.chords[number], cue))
                for mode_index, mode in enumerate(cue.modes):
                    for cadence in (False, True):
                        bar = self.bar(section, number, mode, cadence)
                        at = row + cue.bars * cadence
                        self.fill_in(index[at, mode_index], bar, (at, mode_index))
        lengths = [len(template) for template in self.templates]
        rows = [row for template in self.templates for row in template]
        return Arrangement(
            cue=cue,
            index=index,
            starts=np.concatenate([[0], np.cumsum(lengths)]),
            notes=np.array(rows, dtype=NOTE),
            chords=tuple(written + cadences),
        )

    def fill_in(self, index: NDArray[np.int32], bar: _Bar, place: tuple[int, int]) -> None:
        """Set `index` [shape=(REGISTERS, layers, LEVELS + 1)] for one bar in one mode."""
        for number, layer in enumerate(self.cue.layers):
            parts = _PARTS[layer.role]
            for register in range(REGISTERS):
                for level in range(1, LEVELS + 1):
                    key = (number, *parts.key(bar, place, register, level))
                    if key not in self.known:
                        rows = self.checked(parts.play(self, bar, layer, register, level), layer)
                        self.known[key] = len(self.templates)
                        self.templates.append(rows)
                    index[register, number, level] = self.known[key]

    def checked(self, rows: Rows, layer: Layer) -> Rows:
        """Rows with the layer's octave, sorted, pitches folded into the MIDI range."""
        shift = 0 if layer.role == "drums" else 12 * layer.octave
        moved = [
            (onset, beats, fold(pitch + shift), velocity) for onset, beats, pitch, velocity in rows
        ]
        return sorted(moved)

    def bar(self, section: Section, number: int, mode: str, cadence: bool) -> _Bar:
        """What the layers of a bar are built on, in one mode."""
        spans = self.spans(section, number, mode, cadence)
        following = self.spans(section, (number + 1) % section.bars, mode, False)
        melody = self.theme(section, number, mode, self.melody_track)
        if cadence:
            melody = [_onto_chord(row, spans) for row in melody]
        first = sum(len(bar) for bar in section.chords[:number])
        harmony = tuple(
            self.voicings(section, mode, first, spans, at, cadence) for at in _HARMONY_CENTRE
        )
        arpeggio = tuple(
            self.voicings(section, mode, first, spans, at, cadence) for at in _ARPEGGIO_CENTRE
        )
        tonic = self.cue.key.tonic
        scale = frozenset((tonic + step) % 12 for step in MODES[mode])
        return _Bar(
            section, number, cadence, spans, following[0][2], melody, harmony, arpeggio, scale
        )

    @property
    def melody_track(self) -> str:
        return next((layer.track for layer in self.cue.layers if layer.role == "melody"), "")

    def spans(
        self, section: Section, number: int, mode: str, cadence: bool
    ) -> tuple[tuple[float, float, int, tuple[int, ...]], ...]:
        chords = section.chords[number]
        if cadence:
            chords = with_cadence(chords, self.cue)
        beats = self.bar_beats / len(chords)
        key = self.cue.key
        dominant = len(chords) // 2 if cadence else len(chords)
        return tuple(
            (at * beats, beats, *chord_to_mode(chord, key, mode if at < dominant else key.mode))
            for at, chord in enumerate(chords)
        )

    def voicings(
        self,
        section: Section,
        mode: str,
        first: int,
        spans: tuple[tuple[float, float, int, tuple[int, ...]], ...],
        centre: int,
        cadence: bool,
    ) -> list[Voicing]:
        """Voicings of a bar's chords as part of its section, or of its cadence from the bar's start."""
        if not cadence:
            return self.section_voicings(section, mode, centre)[first : first + len(spans)]
        start = self.section_voicings(section, mode, centre)[first]
        classes = [span[3] for span in spans]
        return [start, *lead([tuple(p % 12 for p in start), *classes[1:]], centre)[1:]]

    @lru_cache(maxsize=None)  # noqa: B019 - the builder lives for one call of arrange
    def section_voicings(self, section: Section, mode: str, centre: int) -> list[Voicing]:
        chords = [chord for bar in section.chords for chord in bar]
        return lead([chord_to_mode(chord, self.cue.key, mode)[1] for chord in chords], centre)

    def theme(self, section: Section, number: int, mode: str, track: str) -> Rows:
        """A bar of a track of the theme file, moved to a mode, onsets from the start of the bar."""
        notes = self.cue.tracks.get(track)
        if notes is None:
            return []
        start = (section.start_bar + number) * self.bar_beats
        onsets = notes["onset_beats"] - start
        inside = notes[(onsets > -1e-6) & (onsets < self.bar_beats - 1e-6)]
        rest = self.bar_beats * (section.bars - number)  # a note ends with its section
        return [
            (
                max(float(note["onset_beats"]) - start, 0.0),
                min(float(note["duration_beats"]), rest - (float(note["onset_beats"]) - start)),
                to_mode(int(note["pitch"]), self.cue.key, mode),
                float(note["velocity"]),
            )
            for note in inside
        ]


def with_cadence(chords: tuple[Chord, ...], cue: Cue) -> tuple[Chord, ...]:
    """A bar's chords with its second half on the dominant seventh of the key."""
    dominant = Chord((cue.key.tonic + 7) % 12, "7")
    if len(chords) == 1:
        return (chords[0], dominant)
    keep = len(chords) // 2
    return chords[:keep] + (dominant,) * (len(chords) - keep)


def fold(pitch: int) -> int:
    """The pitch moved by octaves into 12..119."""
    while pitch > 119:
        pitch -= 12
    while pitch < 12:
        pitch += 12
    return pitch


def _onto_chord(
    row: tuple[float, float, int, float],
    spans: tuple[tuple[float, float, int, tuple[int, ...]], ...],
) -> tuple[float, float, int, float]:
    """A melody note moved to the nearest tone of the chord it starts on, in a bar's second half."""
    onset, beats, pitch, velocity = row
    end = spans[-1][0] + spans[-1][1]
    if onset < end / 2 - 1e-6:
        return onset, min(beats, max(end / 2 - onset, 0.25)), pitch, velocity
    classes = _at(spans, onset)[3]
    nearest = min(
        range(pitch - 6, pitch + 7), key=lambda p: (p % 12 not in classes, abs(p - pitch))
    )
    return onset, min(beats, end - onset), nearest, velocity


def _at(
    spans: tuple[tuple[float, float, int, tuple[int, ...]], ...], onset: float
) -> tuple[float, float, int, tuple[int, ...]]:
    """The chord span that holds a time."""
    return max((span for span in spans if span[0] <= onset + 1e-6), key=lambda span: span[0])


def _sounding(melody: Rows, shift: int, start: float, end: float, at_least: float) -> list[int]:
    """Melody pitches that sound for `at_least` beats of the time from start to end."""
    return [
        pitch + shift
        for onset, beats, pitch, _ in melody
        if min(onset + beats, end) - max(onset, start) >= at_least
    ]


def _melody_shift(melody: Rows, register: int) -> int:
    shift = _MELODY_SHIFT[register]
    top = max((pitch for _, _, pitch, _ in melody), default=0)
    return shift if shift <= 0 or top + shift <= _MELODY_CEILING else 0


def _play_melody(builder: _Builder, bar: _Bar, layer: Layer, register: int, level: int) -> Rows:
    shift = _melody_shift(bar.melody, register)
    gain = _VELOCITY["melody"]
    return [
        (on, beats, pitch + shift, velocity * gain) for on, beats, pitch, velocity in bar.melody
    ]


def _play_track(builder: _Builder, bar: _Bar, layer: Layer, register: int, level: int) -> Rows:
    mode = next(m for m in builder.cue.modes if _is_scale(bar.scale, builder.cue.key.tonic, m))
    rows = builder.theme(bar.section, bar.number, mode, layer.track)
    if bar.cadence:
        rows = [_onto_chord(row, bar.chords) for row in rows]
    gain = _VELOCITY["track"]
    return [(onset, beats, pitch, velocity * gain) for onset, beats, pitch, velocity in rows]


def _is_scale(scale: frozenset[int], tonic: int, mode: str) -> bool:
    return scale == {(tonic + step) % 12 for step in MODES[mode]}


_HARMONY_VOICES = ((), (0, 2), (0, 1, 2), (0, 1, 2, 3), (0, 1, 2, 3))


def _play_harmony(builder: _Builder, bar: _Bar, layer: Layer, register: int, level: int) -> Rows:
    level = min(level, LEVELS - 1)
    rows: Rows = []
    shift = _melody_shift(bar.melody, register)
    velocity = _VELOCITY["harmony"]
    for (start, beats, _, _), voicing in zip(bar.chords, bar.harmony[register], strict=True):
        melody = _sounding(bar.melody, shift, start, start + beats, 0.5)
        pitches = [voicing[voice] for voice in _HARMONY_VOICES[level]]
        clear = [p for p in pitches if not any(clashes(p, other) for other in melody)]
        strokes = max(round(beats), 1) if level == LEVELS - 1 else 1
        for stroke in range(strokes):
            accent = velocity if stroke % 2 == 0 else velocity * 0.8
            onset = start + stroke * beats / strokes
            rows += [(onset, beats / strokes, pitch, accent) for pitch in clear or pitches[:1]]
    return rows


def _play_arpeggio(builder: _Builder, bar: _Bar, layer: Layer, register: int, level: int) -> Rows:
    figure = ARPEGGIOS[min(level, LEVELS - 1) - 1]
    shift = _melody_shift(bar.melody, register)
    rows: Rows = []
    for step in range(round(builder.bar_beats / figure.step_beats)):
        onset = step * figure.step_beats
        chord = max(at for at, span in enumerate(bar.chords) if span[0] <= onset + 1e-6)
        voicing = bar.arpeggio[register][chord]
        octave, tone = divmod(figure.tones[step % len(figure.tones)], len(voicing))
        pitch = voicing[tone] + 12 * octave
        if any(clashes(pitch, p) for p in _sounding(bar.melody, shift, onset, onset + 0.25, 0.2)):
            continue
        accent = 1.0 if onset % 1 < 1e-6 else 0.85
        velocity = _VELOCITY["arpeggio"] * accent
        rows.append((onset, figure.step_beats * figure.length, pitch, velocity))
    return rows


def _play_bass(builder: _Builder, bar: _Bar, layer: Layer, register: int, level: int) -> Rows:
    figure = BASSES[min(level, LEVELS - 1) - 1]
    rows: Rows = []
    for at, (start, beats, bass, classes) in enumerate(bar.chords):
        last = at == len(bar.chords) - 1
        target = bar.next_bass if last else bar.chords[at + 1][2]
        root = _bass_pitch(bass)
        pulses = max(round(beats / figure.step_beats), 1)
        for pulse in range(pulses):
            tone = figure.tones[pulse % len(figure.tones)]
            onset = start + pulse * figure.step_beats
            pitch = root
            if tone == OCTAVE:
                pitch = root + 12
            elif tone == FIFTH and len(classes) > 2:
                pitch = root + (classes[2] - bass) % 12
            elif tone == APPROACH and pulse == pulses - 1:
                pitch = _approach(root, _bass_pitch(target), bar.scale)
            length = min(figure.step_beats, start + beats - onset) * figure.length
            accent = 1.0 if pulse == 0 else 0.88
            rows.append((onset, length, pitch, _VELOCITY["bass"] * accent))
    return rows


def _bass_pitch(pitch_class: int) -> int:
    return _LOWEST_BASS + (pitch_class - _LOWEST_BASS) % 12


def _approach(root: int, target: int, scale: frozenset[int]) -> int:
    """A step of the scale beside the target, from the side of the present root."""
    side = 1 if root > target else -1
    return next(target + side * step for step in (1, 2, 3) if (target + side * step) % 12 in scale)


def _play_drums(builder: _Builder, bar: _Bar, layer: Layer, register: int, level: int) -> Rows:
    fill = level == FILL_LEVEL
    level = 3 if fill else level
    hits = drum_hits(bar.section.groove, level, builder.cue.meter, fill)
    if level >= 3 and bar.number == 0 and not fill:
        hits.append((0.0, CRASH, _CRASH_VELOCITY))
    return [(onset, 0.25, drum, velocity) for onset, drum, velocity in hits]


@dataclass(frozen=True)
class _Part:
    """How a role plays, and what its templates depend on, so that equal ones are built once."""

    play: Callable[[_Builder, _Bar, Layer, int, int], Rows]
    key: Callable[[_Bar, tuple[int, int], int, int], tuple[object, ...]]


_PARTS: dict[str, _Part] = {
    "melody": _Part(_play_melody, lambda bar, place, register, level: (place, register)),
    "track": _Part(_play_track, lambda bar, place, register, level: (place,)),
    "harmony": _Part(_play_harmony, lambda bar, place, register, level: (place, register, level)),
    "arpeggio": _Part(_play_arpeggio, lambda bar, place, register, level: (place, register, level)),
    "bass": _Part(_play_bass, lambda bar, place, register, level: (place, level)),
    "drums": _Part(
        _play_drums,
        lambda bar, place, register, level: (bar.section.groove, bar.number == 0, level),
    ),
}
