"""A seeded composer of simple themes, for training on many cues and for tests.

A theme has sections of eight bars, each two phrases of four: the first (antecedent) rests on a
dominant chord, the second (consequent) begins alike and closes on the tonic. Melodies grow from one
bar of rhythm and contour, the motif, which later bars repeat on other degrees; every second section
turns it upside down. The working unit is the scale step above the tonic (0 = tonic, 7 = octave), so
that every rule holds in every mode.

Source of the form: Caplin, "Classical Form" (1998), chapters 3 and 4 (sentence and period); of the
progressions: tonic, predominant and dominant of common practice, with each mode's own cadence (bVII
in mixolydian and dorian, bII in phrygian, II in lydian).
"""

from dataclasses import dataclass, replace

import numpy as np

from .cue import PHRASE_BARS, Cue, Layer, Section
from .cue_defaults import BINDINGS, PARAMETERS, STINGERS, TRANSITIONS, section_name
from .errors import SegueError
from .score import make_notes
from .tempo import Meter
from .theory import MODES, Chord, Key

SECTION_BARS = 8
MELODY = "melody"
RANGE_STEPS = (-3, 9)
"""The scale steps above the tonic that a melody keeps to."""
LEAP_STEPS = 3
"""After a wider interval a melody turns back by a fourth at most, or stays."""

_MODE_SHARES = {
    "phrygian": 0.12,
    "aeolian": 0.26,
    "dorian": 0.16,
    "mixolydian": 0.12,
    "ionian": 0.24,
    "lydian": 0.1,
}
_METERS = (*((4, 4),) * 5, *((3, 4),) * 2, (6, 8))
_STRONG_BEATS = {"4/4": (0.0, 2.0), "3/4": (0.0,), "6/8": (0.0, 1.5)}

# Chords by function, as degrees of the mode (0 = on the tonic); diminished triads stay out.
_FUNCTIONS: dict[str, dict[str, tuple[int, ...]]] = {
    "phrygian": {"T": (0, 0, 5), "S": (3, 5, 2), "D": (1, 6)},
    "aeolian": {"T": (0, 0, 5, 2), "S": (3, 5), "D": (4, 6)},
    "dorian": {"T": (0, 0, 2), "S": (3, 3, 1), "D": (6, 4)},
    "mixolydian": {"T": (0, 0, 5), "S": (3, 1), "D": (6, 4)},
    "ionian": {"T": (0, 0, 5), "S": (3, 1), "D": (4,)},
    "lydian": {"T": (0, 0, 2), "S": (1, 5), "D": (1, 4)},
}
_OPENINGS = ("T T S D", "T S T D", "T T SD D", "T D S D")
_AWAY_OPENINGS = ("S T S D", "S D T D", "S S T D")
_CLOSINGS = ("T S D T", "T T SD T", "T S SD T")

# Durations in beats of the notes of a bar; a negative one is a rest.
_Rhythm = tuple[float, ...]
_RHYTHMS: dict[str, tuple[_Rhythm, ...]] = {
    "4/4": (
        (1.5, 0.5, 1, 1),
        (1, 0.5, 0.5, 2),
        (1, 1, 1, 1),
        (2, 1, 1),
        (1.5, 0.5, 0.5, 0.5, 1),
        (0.5, 0.5, 1, 1, 1),
        (1, 1, 0.5, 0.5, 1),
    ),
    "3/4": ((2, 1), (1, 1, 1), (1.5, 0.5, 1), (1, 0.5, 0.5, 1), (0.5, 0.5, 1, 1)),
    "6/8": ((1, 0.5, 1, 0.5), (1.5, 0.5, 0.5, 0.5), (0.5, 0.5, 0.5, 1, 0.5), (1, 0.5, 1.5)),
}
_HALF_ENDS: dict[str, tuple[_Rhythm, ...]] = {
    "4/4": ((3, -1), (1, 2, -1), (2, 1, -1)),
    "3/4": ((2, -1), (1, 1, -1)),
    "6/8": ((1.5, 1, -0.5), (2.5, -0.5)),
}
_FULL_ENDS: dict[str, _Rhythm] = {"4/4": (3, -1), "3/4": (2, -1), "6/8": (2.5, -0.5)}
_WALK = (0, 1, -1, 2, -2, 4, -4)
_WALK_SHARES = (0.08, 0.34, 0.3, 0.09, 0.09, 0.06, 0.04)
_ARC = (0, 1, 2, 1)  # where each bar of a phrase starts, in steps above its first

_LEADS = ("flute", "brass", "strings", "piano", "bells", "pluck")
_GROOVES = {
    "4/4": ("rock", "march", "halftime", "tribal", "electro", "ambient"),
    "3/4": ("waltz",),
    "6/8": ("jig",),
}

_Line = list[tuple[float, float, int]]  # onset_beats, duration_beats, scale step
_Bar = tuple[int, ...]  # degrees of the chords of a bar


def compose_theme(seed: int, *, bars: int = 16) -> Cue:
    """A cue with a new theme of `bars` bars (a multiple of eight); a seed always gives the same."""
    if bars < SECTION_BARS or bars % SECTION_BARS:
        raise SegueError(f"bars is {bars}, not a multiple of {SECTION_BARS}; give e.g. 16 or 24")
    return _Composer(np.random.default_rng(seed)).compose(f"theme-{seed}", bars // SECTION_BARS)


@dataclass(frozen=True)
class _Motif:
    """One bar of rhythm, and the scale steps between its notes."""

    rhythm: _Rhythm
    moves: tuple[int, ...]

    def inverted(self) -> "_Motif":
        return replace(self, moves=tuple(-move for move in self.moves))


class _Composer:
    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        mode = str(rng.choice(list(_MODE_SHARES), p=list(_MODE_SHARES.values())))
        self.key = Key(int(rng.integers(12)), mode)
        self.meter = Meter(*_METERS[rng.integers(len(_METERS))])
        self.beats = self.meter.bar_beats
        self.strong = _STRONG_BEATS[str(self.meter)]
        self.tonic_pitch = 60 + (self.key.tonic - 60) % 12

    def compose(self, name: str, sections: int) -> Cue:
        """The whole cue, its sections named a, b, c, ..."""
        slow = float(self.rng.integers(56, 82))
        fast = min(float(round(slow * self.rng.uniform(1.6, 2.3))), 164.0)
        layers, modes = self.layers(), self.modes()
        motif = self.motif()
        contrast = replace(self.motif(), moves=motif.inverted().moves)
        made: list[Section] = []
        rows: list[tuple[float, float, int, float]] = []
        for index in range(sections):
            away = index % 2 == 1
            bars = self.progression(away)
            start = index * SECTION_BARS
            line = self.melody(bars, contrast if away else motif, 3 if away else 0)
            rows += self.sounding(line, bars, start * self.beats)
            chords = tuple(tuple(self.chord(degree) for degree in bar) for bar in bars)
            groove = str(self.rng.choice(_GROOVES[str(self.meter)]))
            made.append(Section(section_name(index), SECTION_BARS, start, chords, groove))
        return Cue(
            name=name,
            title=f"Theme {name.removeprefix('theme-')}",
            key=self.key,
            meter=self.meter,
            tempo_bpm=(slow, fast),
            modes=modes,
            layers=layers,
            sections=tuple(made),
            transitions=TRANSITIONS,
            stingers=STINGERS,
            parameters=PARAMETERS,
            bindings=BINDINGS,
            origin="composed by segue.music.themes; public domain (CC0 1.0)",
            tracks={MELODY: make_notes(rows)},
        )

    def modes(self) -> tuple[str, ...]:
        """Three to six neighbouring modes with the key's own among them."""
        names, count = list(MODES), int(self.rng.integers(3, 7))
        own = names.index(self.key.mode)
        first = int(self.rng.integers(max(own - count + 1, 0), min(own, len(names) - count) + 1))
        return tuple(names[first : first + count])

    def layers(self) -> tuple[Layer, ...]:
        """Melody, harmony, arpeggio, bass and drums, the arpeggio unlike the melody."""
        lead = str(self.rng.choice(_LEADS))
        harmony = str(self.rng.choice(("strings", "pad", "piano")))
        movers = [name for name in ("pluck", "bells", "piano") if name not in (lead, harmony)]
        return (
            Layer(MELODY, "melody", lead, track=MELODY, pan=0.1),
            Layer("harmony", "harmony", harmony, gain_db=-3, pan=-0.2, reverb=0.3),
            Layer("arpeggio", "arpeggio", str(self.rng.choice(movers)), gain_db=-4, pan=0.3),
            Layer("bass", "bass", "bass", reverb=0.05),
            Layer("drums", "drums", "drums", gain_db=-2, reverb=0.1),
        )

    def progression(self, away: bool) -> list[_Bar]:
        """Chord degrees of eight bars: to a half cadence, then to a full one."""
        opening = str(self.rng.choice(_AWAY_OPENINGS if away else _OPENINGS)).split()
        closing = str(self.rng.choice(_CLOSINGS)).split()
        functions = _FUNCTIONS[self.key.mode]
        bars: list[_Bar] = []
        for text in (*opening, *closing):
            marks = text if len(self.strong) > 1 else text[-1]  # a bar of three holds one chord
            bars.append(tuple(int(self.rng.choice(functions[mark])) for mark in marks))
        if not away:
            bars[0] = bars[PHRASE_BARS] = (0,)
        bars[-1] = (0,)
        return bars

    def chord(self, degree: int) -> Chord:
        """The triad on a degree; the dominant of the minor mode is major."""
        scale = MODES[self.key.mode]
        root, third, fifth = (
            scale[(degree + up) % 7] + 12 * ((degree + up) // 7) for up in (0, 2, 4)
        )
        shape = (third - root + self.raised(degree, degree + 2), fifth - root)
        quality = {(4, 7): "", (3, 7): "m", (3, 6): "dim", (4, 8): "aug"}[shape]
        return Chord((self.key.tonic + root) % 12, quality)

    def raised(self, chord: int, step: int) -> int:
        """1 if a scale step is the leading tone over the dominant of the minor mode, else 0."""
        return int(self.key.mode == "aeolian" and chord == 4 and step % 7 == 6)

    def motif(self) -> _Motif:
        """A rhythm, and moves that are mostly steps; leaps turn back."""
        rhythms = _RHYTHMS[str(self.meter)]
        rhythm = rhythms[self.rng.integers(len(rhythms))]
        moves: list[int] = []
        for _ in range(7):
            move = int(self.rng.choice(_WALK, p=_WALK_SHARES))
            if moves and abs(moves[-1]) > 1:
                move = -int(np.sign(moves[-1]))
            moves.append(move)
        return _Motif(rhythm, tuple(moves))

    def melody(self, bars: list[_Bar], motif: _Motif, base: int) -> _Line:
        """Two phrases over the chords of eight bars, from a base scale step."""
        line: _Line = []
        for phrase in range(2):
            full = phrase == 1
            develop = _Motif(self.motif().rhythm, motif.inverted().moves)
            ends = _HALF_ENDS[str(self.meter)]
            end = _FULL_ENDS[str(self.meter)] if full else ends[self.rng.integers(len(ends))]
            plan = (motif, motif, develop, replace(motif, rhythm=end))
            for number, (shape, rise) in enumerate(zip(plan, _ARC, strict=True)):
                bar = phrase * PHRASE_BARS + number
                last = full and number == PHRASE_BARS - 1
                self.add_bar(line, bar, bars[bar], shape, base + rise, last)
        return line

    def add_bar(
        self, line: _Line, bar: int, chords: _Bar, motif: _Motif, near: int, last: bool
    ) -> None:
        """Add a bar of the motif that starts near a scale step; the last one closes the melody."""
        beat, count = 0.0, sum(duration > 0 for duration in motif.rhythm)
        moves = [0, *motif.moves[: count - 1]]
        moves[-1] = int(np.sign(moves[-1]))  # no leap just before the next bar
        for duration, move in zip(motif.rhythm, moves, strict=False):
            if duration < 0:
                continue
            previous = line[-1][2] if line else near
            before = line[-2][2] if len(line) > 1 else previous
            leap = previous - before
            wanted = previous + move
            if beat == 0.0:
                wanted = min(max(near, previous - LEAP_STEPS), previous + LEAP_STEPS)
            if abs(leap) > LEAP_STEPS:
                wanted = previous - int(np.sign(leap))
            tones = (0, 2) if last else self.tones(self.chord_at(chords, beat), beat, duration)
            line.append((bar * self.beats + beat, duration, _nearest(wanted, tones)))
            beat += duration

    def chord_at(self, chords: _Bar, beat: float) -> int:
        return chords[int(beat * len(chords) / self.beats)]

    def tones(self, chord: int, beat: float, duration: float) -> tuple[int, ...]:
        """Steps within the octave that a note may take: of the chord where it weighs, else any.

        A semitone above a chord tone is for notes shorter than a beat only.
        """
        own = tuple((chord + up) % 7 for up in (0, 2, 4))
        if beat in self.strong or duration >= 1.5:
            return own
        if duration < 1:
            return tuple(range(7))
        heights = [MODES[self.key.mode][step] + self.raised(chord, step) for step in range(7)]
        edges = {(heights[step] + 1) % 12 for step in own}
        return tuple(step for step in range(7) if step in own or heights[step] % 12 not in edges)

    def sounding(
        self, line: _Line, bars: list[_Bar], start_beats: float
    ) -> list[tuple[float, float, int, float]]:
        """Rows of notes from scale steps: raised leading tones, accents, phrases that swell."""
        rows = []
        for onset, duration, step in line:
            bar, beat = divmod(onset, self.beats)
            chord = self.chord_at(bars[int(bar)], beat)
            pitch = self.tonic_pitch + 12 * (step // 7) + MODES[self.key.mode][step % 7]
            velocity = 0.68 + 0.1 * (beat in self.strong) + 0.03 * _ARC[int(bar) % PHRASE_BARS]
            rows.append((start_beats + onset, duration, pitch + self.raised(chord, step), velocity))
        return rows


def _nearest(wanted: int, tones: tuple[int, ...]) -> int:
    """The scale step nearest to the wanted one whose place in the octave is among the tones."""
    low, high = RANGE_STEPS
    steps = [step for step in range(low, high + 1) if step % 7 in tones]
    return min(steps, key=lambda step: (abs(step - wanted), step))
