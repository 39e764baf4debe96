"""The arranger: a cue's theme and chords, realised for every direction that an agent can take.

A cue is arranged once, when it is loaded: for each bar, mode, register, layer and level of activity
there is a template of notes. A direction then only picks templates and scales velocity and duration
(`world.py`), so that a bar costs microseconds in training and is the same bar live.

Each bar has two forms: as written, and as a cadence that leads into another section (second half on
the dominant).
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from .cue import Cue, Section
from .parts import (
    ARPEGGIO_CENTRE,
    FILL_LEVEL,
    HARMONY_CENTRE,
    PARTS,
    REGISTERS,
    PlannedBar,
    Row,
    Rows,
    Span,
    onto_chord,
)
from .score import NOTE, ONSET_TOLERANCE_BEATS, Notes
from .theory import MODES, Chord, chord_to_mode, over_chord_to_mode
from .voicing import Voicing, lead

REMEMBERED_CUES = 16
"""Arrangements that are kept; opening a cue again then costs nothing."""

_LOWEST, _HIGHEST = 12, 119  # MIDI pitches that every engine and port plays


@dataclass(frozen=True)
class Arrangement:
    """All templates of a cue.

    A row is a bar in one form: the first `cue.bars` rows are the bars as written, section after
    section, the others the same bars as cadences. `index` gives the number of a template by (row,
    mode, register, layer, level); level 0 and template 0 are silence.
    """

    cue: Cue
    index: NDArray[np.int32]  # [shape=(2 * bars, modes, REGISTERS, layers, FILL_LEVEL + 1)]
    starts: NDArray[np.int64]  # first note of each template [shape=(templates + 1,)]
    notes: Notes  # of all templates, onsets from the start of the bar
    chords: tuple[tuple[Chord, ...], ...]  # of each row, in the cue's own mode

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change with the music, the sections or the ways between them."""
        digest = sha256()
        for array in (self.index, self.starts, self.notes):
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(repr((self.cue.sections, self.cue.transitions, self.cue.tempo_bpm)).encode())
        return digest.hexdigest()[:16]

    def template(self, number: int) -> Notes:
        """The notes [shape=(n,)] of a template by its number, onsets from the bar's start."""
        return self.notes[self.starts[number] : self.starts[number + 1]]


def arrange(cue: Cue) -> Arrangement:
    """Realise every template of a cue: about ten milliseconds a bar.

    The last `REMEMBERED_CUES` are kept, so that the same cue object is arranged once.
    """
    known = _ARRANGED.pop(id(cue), None)
    arrangement = _arrange(cue) if known is None else known
    _ARRANGED[id(cue)] = arrangement  # which holds the cue, so that its id stays its own
    if len(_ARRANGED) > REMEMBERED_CUES:
        del _ARRANGED[next(iter(_ARRANGED))]
    return arrangement


_ARRANGED: dict[int, Arrangement] = {}  # by id of the cue, the latest last


def _arrange(cue: Cue) -> Arrangement:
    planner = _Planner(cue)
    templates = _Templates(cue)
    shape = (2 * cue.bars, len(cue.modes), REGISTERS, len(cue.layers), FILL_LEVEL + 1)
    index = np.zeros(shape, np.int32)
    written: list[tuple[Chord, ...]] = []
    for section in cue.sections:
        for number in range(section.bars):
            for at, mode in enumerate(cue.modes):
                for cadence in (0, 1):
                    row = len(written) + cadence * cue.bars
                    bar = planner.plan(section, number, mode, bool(cadence))
                    index[row, at] = templates.of_bar(bar, (row, at))
            written.append(section.chords[number])
    notes, starts = templates.joined()
    cadences = [with_cadence(chords, cue) for chords in written]
    return Arrangement(cue, index, starts, notes, tuple(written + cadences))


class _Templates:
    """Templates as they are made; equal ones are kept once. Template 0 is silence."""

    def __init__(self, cue: Cue) -> None:
        self.cue = cue
        self.rows: list[Rows] = [[]]
        self.layers = [0]
        self.known: dict[tuple[object, ...], int] = {}

    def of_bar(self, bar: PlannedBar, place: tuple[int, int]) -> NDArray[np.int32]:
        """Template numbers [shape=(REGISTERS, layers, levels)] of a bar at (row, mode)."""
        index = np.zeros((REGISTERS, len(self.cue.layers), FILL_LEVEL + 1), np.int32)
        for number, layer in enumerate(self.cue.layers):
            part = PARTS[layer.role]
            where: object = place if part.by_mode else (bar.groove, bar.opens)
            for register in range(REGISTERS):
                for level in range(1, FILL_LEVEL + 1):
                    key = (number, where, part.by_register * register, part.by_level * level)
                    if key not in self.known:
                        self.known[key] = len(self.rows)
                        self.rows.append(part.play(bar, layer, register, level))
                        self.layers.append(number)
                    index[register, number, level] = self.known[key]
        return index

    def joined(self) -> tuple[Notes, NDArray[np.int64]]:
        """All notes one after another at their layers' octaves, and where each template starts."""
        lengths = [len(rows) for rows in self.rows]
        rows = [row for rows in self.rows for row in rows]
        onset, beats, pitch, velocity = np.array(rows, dtype=float).reshape(-1, 4).T
        octaves = [0 if layer.is_kit else layer.octave for layer in self.cue.layers]
        notes = np.empty(len(rows), NOTE)
        notes["onset_beats"], notes["duration_beats"], notes["velocity"] = onset, beats, velocity
        notes["pitch"] = fold(pitch + 12 * np.repeat(np.array(octaves)[self.layers], lengths))
        return notes, np.concatenate([[0], np.cumsum(lengths)])


def fold(pitch: NDArray[np.float64]) -> NDArray[np.float64]:
    """MIDI pitches [any shape] moved by whole octaves into 12..119."""
    above = np.ceil(np.maximum(pitch - _HIGHEST, 0) / 12)
    below = np.ceil(np.maximum(_LOWEST - pitch, 0) / 12)
    return np.asarray(pitch + 12 * (below - above))


def with_cadence(chords: tuple[Chord, ...], cue: Cue) -> tuple[Chord, ...]:
    """A bar's chords, equally long, with those of its second half on the key's dominant seventh."""
    dominant = Chord((cue.key.tonic + 7) % 12, "7")
    keep = max(len(chords) // 2, 1)
    return chords[:keep] + (dominant,) * max(len(chords) - keep, 1)


class _Planner:
    """Plans the bars of a cue: their chords, voicings and theme in a mode."""

    def __init__(self, cue: Cue) -> None:
        self.cue = cue
        self.bar_beats = cue.meter.bar_beats
        self.led: dict[tuple[str, str, int], list[Voicing]] = {}
        playing = [layer.track for layer in cue.layers if layer.role in ("melody", "track")]
        self.tracks = {name: cue.tracks[name] for name in playing}
        self.melody = next((layer.track for layer in cue.layers if layer.role == "melody"), "")

    def plan(self, section: Section, number: int, mode: str, cadence: bool) -> PlannedBar:
        """One bar of a section in a mode, as written or as a cadence."""
        cue = self.cue
        spans = self.spans(section, number, mode, cadence)
        tracks = {name: self.theme(name, section, number, mode) for name in self.tracks}
        if cadence:
            tracks = {
                name: rows if name in cue.kit_tracks else [onto_chord(row, spans) for row in rows]
                for name, rows in tracks.items()
            }
        following = self.spans(section, (number + 1) % section.bars, mode, False)
        return PlannedBar(
            meter=cue.meter,
            groove=section.groove,
            opens=number == 0,
            spans=spans,
            next_bass=following[0].bass,
            scale=frozenset((cue.key.tonic + step) % 12 for step in MODES[mode]),
            melody=tracks.get(self.melody, []),
            tracks=tracks,
            harmony=tuple(
                self.voicings(section, number, mode, spans, cadence, centre)
                for centre in HARMONY_CENTRE
            ),
            arpeggio=tuple(
                self.voicings(section, number, mode, spans, cadence, centre)
                for centre in ARPEGGIO_CENTRE
            ),
        )

    def spans(self, section: Section, number: int, mode: str, cadence: bool) -> tuple[Span, ...]:
        """The chords of a bar, moved to a mode; the dominant of a cadence stays as it is."""
        chords = section.chords[number]
        moved = len(chords)
        if cadence:
            moved = max(len(chords) // 2, 1)
            chords = with_cadence(chords, self.cue)
        beats = self.bar_beats / len(chords)
        key = self.cue.key
        return tuple(
            Span(at * beats, beats, *chord_to_mode(chord, key, mode if at < moved else key.mode))
            for at, chord in enumerate(chords)
        )

    def voicings(
        self,
        section: Section,
        number: int,
        mode: str,
        spans: tuple[Span, ...],
        cadence: bool,
        centre: int,
    ) -> list[Voicing]:
        """One voicing a chord of a bar, led from the start of its section; see `voicing.lead`."""
        key = (section.name, mode, centre)
        if key not in self.led:
            chords = [chord for bar in section.chords for chord in bar]
            classes = [chord_to_mode(chord, self.cue.key, mode)[1] for chord in chords]
            self.led[key] = lead(classes, centre)
        first = sum(len(chords) for chords in section.chords[:number])
        if not cadence:
            return self.led[key][first : first + len(spans)]
        start = self.led[key][first]
        return [start, *lead([span.classes for span in spans[1:]], centre, start)]

    def theme(self, name: str, section: Section, number: int, mode: str) -> Rows:
        """A bar of a track in a mode, onsets from the bar's start; notes end with the section.

        Of drums only the times count, as their pitches are none.
        """
        kit = name in self.cue.kit_tracks
        notes = self.tracks[name]
        start = (section.start_bar + number) * self.bar_beats
        onsets = notes["onset_beats"] - start
        early, late = -ONSET_TOLERANCE_BEATS, self.bar_beats - ONSET_TOLERANCE_BEATS
        inside = notes[(onsets > early) & (onsets < late)]
        end = start + self.bar_beats * (section.bars - number)
        chords = section.chords[number]

        def moved(note: np.void) -> Row:
            onset = max(float(note["onset_beats"]), start)
            at = int((onset - start + ONSET_TOLERANCE_BEATS) / self.bar_beats * len(chords))
            pitch = int(note["pitch"])
            return (
                onset - start,
                min(float(note["duration_beats"]), end - onset),
                pitch if kit else over_chord_to_mode(pitch, chords[at], self.cue.key, mode),
                float(note["velocity"]),
            )

        return [moved(note) for note in inside]
