"""The world: one cue in play, which turns a direction into the next bar.

`World` is `worlds.Worlds` of one, with names and notes: an agent that was trained on many performs
in one, and hears the same bars.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .book import Book
from .cue import Cue
from .direction import KNOBS, Direction
from .errors import SegueError
from .score import NOTE, Notes
from .tempo import TempoMap
from .theory import Key
from .worlds import AS_WRITTEN, STATE, Bars, Worlds

BAR_NOTE = np.dtype([*NOTE.descr, ("layer", np.uint8)])
"""A note of a bar: the fields of `NOTE`, and the index of its layer in the cue."""

_SAVED = tuple(name for name in STATE if name not in ("cue", "seed"))  # these two by name
_NEW = {"lead": AS_WRITTEN, "same": 0}  # what older snapshots lack


@dataclass(frozen=True)
class Bar:
    """A bar that will sound, and the direction behind it. A beat is a quarter note."""

    index: int  # bars of this world before it
    section: str
    bar_in_section: int  # from 0
    turn: int  # times that the section was played before this one, since it began
    start_beats: float  # from the start of the world
    beats: float  # length
    bpm: float  # quarter notes a minute
    direction: Direction
    key: Key  # the cue's tonic, in the mode of this bar
    chords: tuple[str, ...]  # of equal length, as written in the cue's own mode
    fill: bool  # the drums play a fill
    cadence: bool  # it leads into another section
    levels: tuple[int, ...]  # activity of each layer, 0 silent .. 4
    notes: Notes  # dtype BAR_NOTE, onsets from the start of the world
    bars: Bars  # the same bar as arrays of one world


class World:
    """One cue in play.

    `beats` is the length of what was played, in quarter notes, and `tempo` its tempo map.

    :param cue: what is played
    :param seed: decides where the cue goes by itself; the same seed and directions give the same
        bars
    """

    def __init__(self, cue: Cue, seed: int = 0) -> None:
        self.cue = cue
        self.book = Book([cue])
        self.seed = seed
        self._arrangement = self.book.arrangements[0]
        self._worlds = Worlds(self.book, np.zeros(1, np.int64), np.array([seed]))
        self.beats = 0.0
        self.tempo = TempoMap()
        self._foreseen: tuple[tuple[int, ...], list[tuple[str, int]]] = (), []

    @property
    def worlds(self) -> Worlds:
        """This world as arrays of one."""
        return self._worlds

    @property
    def bar_index(self) -> int:
        """Bars played so far."""
        return int(self._worlds.index[0])

    @property
    def section(self) -> str:
        """The section that the next bar belongs to, unless a direction changes it."""
        return self.cue.sections[int(self._worlds.section[0])].name

    @property
    def pending(self) -> str | None:
        """The section that waits for its point of entry, None if the present one goes on."""
        pending = int(self._worlds.pending[0])
        return None if pending < 0 else self.cue.sections[pending].name

    def check_go(self, section: str) -> int:
        """Index of a section that can be gone to from here.

        Raises UnknownNameError if the cue has none of that name, SegueError (with the sections that
        can be reached) if no transition leads there.
        """
        target = self.cue.section_index(section)
        here = int(self._worlds.section[0])
        if target != here and not self._worlds.can_go(np.array([target]))[0]:
            ways = [s.name for s in self.cue.sections if self.cue.transition(self.section, s.name)]
            raise SegueError(
                f"cue {self.cue.name!r} has no transition from {self.section!r} to {section!r}; "
                f"it can go to: {', '.join(ways) or 'none'}"
            )
        return target

    def advance(self, direction: Direction) -> Bar:
        """Play the next bar as directed. Raises as `check_go`; then nothing has moved.

        `direction.levels` are the mixer's matter: they change no note.
        """
        go = None
        if direction.section is not None:
            go = np.array([self.check_go(direction.section)])
        index = self.bar_index
        setting = self._worlds.set(direction.knobs[None])
        lead = AS_WRITTEN if direction.lead is None else int(direction.lead)
        same = int(direction.entry == "same")
        bars = self._worlds.advance(setting, go, direction.fill, lead=lead, same=same)
        bpm = float(setting.bpm[0])
        self.tempo.change(self.beats, bpm)
        row = int(bars.row[0])
        mode = self.cue.modes[int(setting.mode[0])]
        bar = Bar(
            index=index,
            section=self.cue.sections[int(bars.section[0])].name,
            bar_in_section=int(bars.number[0]),
            turn=int(bars.turn[0]),
            start_beats=self.beats,
            beats=float(bars.beats[0]),
            bpm=bpm,
            direction=direction,
            key=Key(self.cue.key.tonic, mode),
            chords=tuple(str(chord) for chord in self._arrangement.chords[row]),
            fill=bool(bars.fill[0]),
            cadence=bool(bars.leads[0]),
            levels=tuple(int(level) for level in setting.level[0]),
            notes=bar_notes(self.book, bars, 0, self.beats),
            bars=bars,
        )
        self.beats += bar.beats
        return bar

    def again(self, bar: Bar) -> Bar:
        """Play a bar once more, note by note; the world stays where it is in its section."""
        self.tempo.change(self.beats, bar.bpm)
        notes = bar.notes.copy()
        notes["onset_beats"] += self.beats - bar.start_beats
        again = replace(bar, index=self.bar_index, start_beats=self.beats, notes=notes)
        self._worlds.index += 1
        self.beats += bar.beats
        return again

    def coming(self, bars: int) -> list[tuple[str, int]]:
        """Section and number of so many bars to come, if nothing is asked for."""
        state = (bars, *(int(getattr(self._worlds, name)[0]) for name in _SAVED))
        if self._foreseen[0] != state:
            worlds, found = self._worlds.repeat(1), []
            setting = worlds.set(np.full((1, len(KNOBS)), 0.5))
            for _ in range(bars):
                bar = worlds.advance(setting)
                found.append((self.cue.sections[int(bar.section[0])].name, int(bar.number[0])))
            self._foreseen = state, found
        return self._foreseen[1]

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain JSON values."""
        worlds = self._worlds
        state = {name: int(getattr(worlds, name)[0]) for name in _SAVED}
        tempo = self.tempo.steps
        return {
            "cue": self.cue.name,
            "seed": self.seed,
            "beats": self.beats,
            "tempo": tempo,
            **state,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot; SegueError if it is of another cue."""
        if snapshot.get("cue") != self.cue.name:
            raise SegueError(
                f"the snapshot is of cue {snapshot.get('cue')!r}, this world plays "
                f"{self.cue.name!r}; open that cue to restore it"
            )
        worlds = self._worlds
        self.seed = int(snapshot["seed"])
        worlds.seed[:] = self.seed
        for name in _SAVED:
            getattr(worlds, name)[:] = int(snapshot[name] if name in snapshot else _NEW[name])
        self.beats = float(snapshot["beats"])
        (_, first), *rest = snapshot["tempo"]
        self.tempo = TempoMap(first)
        for at_beats, bpm in rest:
            self.tempo.change(at_beats, bpm)


def bar_notes(book: Book, bars: Bars, index: int, start_beats: float) -> Notes:
    """The notes of a bar of one of n worlds [dtype BAR_NOTE], onsets from `start_beats` on."""
    cue = int(bars.cue[index])
    arrangement, first = book.arrangements[cue], book.first_template[cue]
    parts = []
    for layer, number in enumerate(bars.template[index]):
        template = arrangement.template(max(int(number) - first, 0))
        part = np.empty(len(template), BAR_NOTE)
        for name in NOTE.names or ():
            part[name] = template[name]
        part["layer"] = layer
        part["onset_beats"] += start_beats
        part["duration_beats"] *= bars.setting.duration_scale[index, layer]
        part["velocity"] *= bars.setting.velocity_scale[index]
        parts.append(part)
    notes = np.concatenate(parts)
    return notes[np.lexsort((notes["pitch"], notes["onset_beats"]))]
