"""The world: cue, position and direction to the next bar; the only way music moves on.

`Worlds` advances many at once on arrays, for training; `World` is one of them with names and notes,
for play. Both run the same code, so an agent trained in the one performs in the other.

A section is left at the end of a bar: the bar before the change plays the fill and the cadence if the
transition asks for them. A transition at `bar` without a fill takes effect in the very bar that is
being decided.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arranger import ALWAYS_LEVEL, FILL_LEVEL, Arrangement, arrange
from .cue import PHRASE_BARS, Cue
from .direction import KNOBS, Direction
from .errors import SegueError
from .patterns import LEVELS
from .score import NOTE, Notes
from .tempo import TempoMap
from .theory import Key

BAR_NOTE = np.dtype([*NOTE.descr, ("layer", np.uint8)])
"""A note of a bar; `layer` counts the cue's layers."""

TEMPO, MODE, REGISTER, ARTICULATION, DYNAMICS = (
    KNOBS.index(name) for name in ("tempo", "mode", "register", "articulation", "dynamics")
)
_DURATION = {  # shortest and longest duration, as a share of the written one
    "melody": (0.45, 1.0),
    "track": (0.45, 1.0),
    "harmony": (0.6, 1.0),
    "arpeggio": (0.4, 1.5),
    "bass": (0.4, 1.0),
    "drums": (1.0, 1.0),
}
_VELOCITY_RANGE = (0.4, 1.1)  # share of the written velocity at dynamics 0 and 1
_NEVER, _AT_BAR, _AT_PHRASE, _AT_SECTION = -1, 0, 1, 2
_AT = {"beat": _AT_BAR, "bar": _AT_BAR, "phrase": _AT_PHRASE, "section": _AT_SECTION}
_STAY = -1
_STATE = ("cue", "seed", "section", "number", "turn", "pending", "index")

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


class Book:
    """Arranged cues side by side, as tables that worlds look up. Sections are numbered over all cues."""

    def __init__(self, cues: list[Cue] | tuple[Cue, ...]) -> None:
        if not cues:
            raise SegueError("a book of cues is empty; give at least one cue")
        self.arrangements: list[Arrangement] = [arrange(cue) for cue in cues]
        self.cues = tuple(cues)
        layers = max(len(cue.layers) for cue in cues)
        self._tables_of_cues(layers)
        self._tables_of_sections()
        self._index_of_templates(layers)

    def _tables_of_cues(self, layers: int) -> None:
        n = len(self.cues)
        self.n_modes = np.array([len(cue.modes) for cue in self.cues])
        self.slowest_bpm = np.array([cue.tempo_bpm[0] for cue in self.cues])
        self.tempo_ratio = np.array([cue.tempo_bpm[1] / cue.tempo_bpm[0] for cue in self.cues])
        self.bar_beats = np.array([cue.meter.bar_beats for cue in self.cues])
        self.layer_knob = np.full((n, layers), -1)  # knob of each layer, -1: always plays, -2: none
        self.layer_from = np.zeros((n, layers))
        self.layer_drums = np.zeros((n, layers), bool)
        self.shortest = np.ones((n, layers))
        self.longest = np.ones((n, layers))
        for at, cue in enumerate(self.cues):
            self.layer_knob[at, len(cue.layers) :] = -2
            for number, layer in enumerate(cue.layers):
                if layer.activity_knob:
                    self.layer_knob[at, number] = KNOBS.index(layer.activity_knob)
                self.layer_from[at, number] = layer.from_level
                self.layer_drums[at, number] = layer.role == "drums"
                self.shortest[at, number], self.longest[at, number] = _DURATION[layer.role]
        self.layer_always = self.layer_knob == -1
        self.layer_absent = self.layer_knob == -2
        self.layer_knob = np.maximum(self.layer_knob, 0)

    def _tables_of_sections(self) -> None:
        counts = [len(cue.sections) for cue in self.cues]
        self.first_section = np.concatenate([[0], np.cumsum(counts)[:-1]])
        sections = [section for cue in self.cues for section in cue.sections]
        total = len(sections)
        self.section_bars = np.array([section.bars for section in sections])
        self.section_repeats = np.array([section.repeats for section in sections])
        self.leave_at = np.full((total, total), _NEVER)
        self.leave_fill = np.zeros((total, total), bool)
        weights = np.zeros((total, total))
        self.section_row = np.zeros(total, int)
        self.cadence_rows = np.zeros(total, int)
        row = 0
        for cue, first in zip(self.cues, self.first_section, strict=True):
            start = row
            for at, source in enumerate(cue.sections):
                self.section_row[first + at] = start
                self.cadence_rows[first + at] = cue.bars
                start += source.bars
                for to, target in enumerate(cue.sections):
                    rule = cue.transition(source.name, target.name)
                    if rule is not None and to != at:
                        self.leave_at[first + at, first + to] = _AT[rule.at]
                        self.leave_fill[first + at, first + to] = rule.fill
                        weights[first + at, first + to] = rule.weight
            row += 2 * cue.bars
        self.auto_share = np.cumsum(weights, axis=1)
        self.auto_total = self.auto_share[:, -1]
        self.rows = row

    def _index_of_templates(self, layers: int) -> None:
        """One index over all cues [shape=(rows, modes, registers, layers, levels)]; 0 is silence."""
        modes = int(self.n_modes.max())
        shape = (self.rows, modes, *self.arrangements[0].index.shape[2:3], layers, LEVELS + 1)
        self.index = np.zeros(shape, np.int32)
        self.first_template = []
        row, offset = 0, 0
        for arrangement in self.arrangements:
            rows, n_modes, _, n_layers, _ = arrangement.index.shape
            part = np.where(arrangement.index > 0, arrangement.index + offset, 0)
            self.index[row : row + rows, :n_modes, :, :n_layers] = part
            self.first_template.append(offset)
            row += rows
            offset += len(arrangement.starts) - 1
        self.templates = offset


@dataclass(frozen=True)
class Bars:
    """What n worlds play next, as indices and scales; `World` turns one into notes."""

    cue: IntArray  # [shape=(n,)] index into the book
    section: IntArray  # [n] over all cues
    number: IntArray  # [n] bar in the section
    row: IntArray  # [n] row of the template index
    mode: IntArray  # [n] index into the cue's modes
    register: IntArray  # [n] 0 low .. 2 high
    level: IntArray  # [n, layers] activity, FILL_LEVEL for a fill
    velocity_scale: FloatArray  # [n]
    duration_scale: FloatArray  # [n, layers]
    bpm: FloatArray  # [n]
    beats: FloatArray  # [n] length of the bar
    leads: BoolArray  # [n] the bar leads into another section by a cadence
    template: IntArray  # [n, layers] template number in the book, 0 is silence


class Worlds:
    """n worlds that advance together.

    :param book: the cues that can be played
    :param cue: index of each world's cue [shape=(n,)]
    :param seeds: each world's seed [shape=(n,)]; the same seed and directions give the same bars
    """

    def __init__(self, book: Book, cue: IntArray, seeds: IntArray) -> None:
        self.book = book
        self.n = len(cue)
        self.cue = np.zeros(self.n, np.int64)
        self.seed = np.zeros(self.n, np.uint64)
        self.section = np.zeros(self.n, np.int64)
        self.number = np.zeros(self.n, np.int64)
        self.turn = np.zeros(self.n, np.int64)
        self.pending = np.full(self.n, _STAY)
        self.index = np.zeros(self.n, np.int64)
        self.reset(np.arange(self.n), cue, seeds)

    def reset(self, which: IntArray, cue: IntArray, seeds: IntArray) -> None:
        """Put some worlds at the start of the first section of a cue."""
        self.cue[which] = cue
        self.seed[which] = np.asarray(seeds).astype(np.uint64)
        self.section[which] = self.book.first_section[cue]
        self.number[which] = self.turn[which] = self.index[which] = 0
        self.pending[which] = _STAY

    def repeat(self, copies: int) -> "Worlds":
        """New worlds in the same state, `copies` of each side by side, to try directions on."""
        twin = object.__new__(Worlds)
        twin.book, twin.n = self.book, self.n * copies
        for name in _STATE:
            setattr(twin, name, np.repeat(getattr(self, name), copies))
        return twin

    def can_go(self, section: IntArray) -> BoolArray:
        """Whether a transition leads from the present section to `section` [shape=(n,)]."""
        return self.book.leave_at[self.section, section] != _NEVER

    def look(self, knobs: FloatArray, fill: BoolArray | bool = False) -> Bars:
        """The bars that would come if the worlds were directed so, without moving on."""
        return self._bars(self.section, self.number, knobs, np.broadcast_to(fill, self.n), None)

    def advance(
        self, knobs: FloatArray, go: IntArray | None = None, fill: BoolArray | bool = False
    ) -> Bars:
        """Play the next bar of every world.

        :param knobs: directions [shape=(n, 9)], each in [0, 1], in the order of `KNOBS`
        :param go: section wanted [shape=(n,)], -1 for none; one that no transition allows is ignored
        :param fill: a drum fill in this bar
        """
        book = self.book
        if go is not None:
            asked = (go >= 0) & (go != self.section) & self.can_go(np.maximum(go, 0))
            self.pending = np.where(asked, go, self.pending)
            self._enter_at_once()
        last = self.number == book.section_bars[self.section] - 1
        done = last & (self.turn >= book.section_repeats[self.section] - 1)
        if done.any():
            self.pending = np.where(done & (self.pending < 0), self._moves_on(), self.pending)
        leaving, leads = self._leaving(last)
        bars = self._bars(self.section, self.number, knobs, leads | fill, leads)
        self._move(leaving, last)
        return bars

    def _enter_at_once(self) -> None:
        waiting = self.pending >= 0
        target = np.maximum(self.pending, 0)
        rule = self.book.leave_at[self.section, target]
        now = waiting & (rule == _AT_BAR) & ~self.book.leave_fill[self.section, target]
        if now.any():
            self.section = np.where(now, target, self.section)
            self.number = np.where(now, 0, self.number)
            self.turn = np.where(now, 0, self.turn)
            self.pending = np.where(now, _STAY, self.pending)

    def _moves_on(self) -> IntArray:
        """The section that each cue takes by itself, by weight; -1 to stay."""
        book = self.book
        share = book.auto_share[self.section]
        draw = _uniform(self.seed, self.index) * book.auto_total[self.section]
        choice = np.argmax(share > draw[:, None], axis=1)
        return np.where(book.auto_total[self.section] > 0, choice, _STAY)

    def _leaving(self, last: BoolArray) -> tuple[BoolArray, BoolArray]:
        """Which worlds leave their section after this bar, and which by a fill and cadence."""
        book = self.book
        target = np.maximum(self.pending, 0)
        rule = book.leave_at[self.section, target]
        phrase_end = last | (self.number % PHRASE_BARS == PHRASE_BARS - 1)
        there = (
            (rule == _AT_BAR) | ((rule == _AT_PHRASE) & phrase_end) | ((rule == _AT_SECTION) & last)
        )
        leaving = (self.pending >= 0) & there
        return leaving, leaving & book.leave_fill[self.section, target]

    def _move(self, leaving: BoolArray, last: BoolArray) -> None:
        around = last & ~leaving
        self.section = np.where(leaving, self.pending, self.section)
        self.turn = np.where(leaving, 0, self.turn + around)
        self.number = np.where(leaving | last, 0, self.number + 1)
        self.pending = np.where(leaving, _STAY, self.pending)
        self.index += 1

    def _bars(
        self,
        section: IntArray,
        number: IntArray,
        knobs: FloatArray,
        fill: BoolArray,
        leads: BoolArray | None,
    ) -> Bars:
        book, cue = self.book, self.cue
        n_modes = book.n_modes[cue]
        mode = np.minimum((knobs[:, MODE] * n_modes).astype(np.int64), n_modes - 1)
        register = np.minimum((knobs[:, REGISTER] * 3).astype(np.int64), 2)
        wanted = np.take_along_axis(knobs, book.layer_knob[cue], axis=1)
        level = np.minimum((wanted * LEVELS).astype(np.int64), LEVELS - 1)
        level *= wanted >= book.layer_from[cue]
        level = np.where(book.layer_always[cue], ALWAYS_LEVEL, level)
        level[book.layer_absent[cue]] = 0
        level[fill[:, None] & book.layer_drums[cue] & (level > 0)] = FILL_LEVEL
        row = book.section_row[section] + number
        if leads is not None:
            row = row + leads * book.cadence_rows[section]
        template = book.index[
            row[:, None], mode[:, None], register[:, None], np.arange(level.shape[1]), level
        ]
        articulation = knobs[:, ARTICULATION, None]
        shortest = book.shortest[cue]
        low, high = _VELOCITY_RANGE
        return Bars(
            cue=cue.copy(),
            section=section.copy(),
            number=number.copy(),
            row=row,
            mode=mode,
            register=register,
            level=level,
            velocity_scale=low + (high - low) * knobs[:, DYNAMICS],
            duration_scale=shortest + (book.longest[cue] - shortest) * articulation,
            bpm=book.slowest_bpm[cue] * book.tempo_ratio[cue] ** knobs[:, TEMPO],
            beats=book.bar_beats[cue],
            leads=np.zeros(self.n, bool) if leads is None else leads,
            template=template,
        )


def _uniform(seed: NDArray[np.uint64], index: IntArray) -> FloatArray:
    """A number in [0, 1) for each (seed, index): SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        x = seed * np.uint64(0x9E3779B97F4A7C15) + (
            index.astype(np.uint64) + np.uint64(1)
        ) * np.uint64(0xD1B54A32D192ED03)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53


@dataclass(frozen=True)
class Bar:
    """A bar that will sound, and the direction behind it."""

    index: int  # bars of this world before it
    section: str
    bar_in_section: int
    start_beats: float  # from the start of the world
    beats: float
    bpm: float
    direction: Direction
    key: Key
    chords: tuple[str, ...]  # of equal length, as written in the cue's own mode
    fill: bool
    cadence: bool
    levels: tuple[int, ...]  # activity of each layer, 0 silent .. 4, 5 a fill
    notes: Notes  # dtype BAR_NOTE, onsets from the start of the world
    bars: Bars  # the same bar as arrays of one world


class World:
    """One cue in play. Deterministic: the same seed and directions give the same bars."""

    def __init__(self, cue: Cue, seed: int = 0) -> None:
        self.cue = cue
        self.book = Book([cue])
        self.seed = seed
        self._worlds = Worlds(self.book, np.zeros(1, np.int64), np.array([seed]))
        self.beats = 0.0
        self.tempo = TempoMap()

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
        """The section that waits for its point of entry."""
        pending = int(self._worlds.pending[0])
        return None if pending < 0 else self.cue.sections[pending].name

    @cached_property
    def _arrangement(self) -> Arrangement:
        return self.book.arrangements[0]

    def check_go(self, section: str) -> int:
        """Index of a section that can be gone to from here, else an error that names the ways."""
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
        """Play the next bar as directed."""
        go = None
        if direction.section is not None:
            go = np.array([self.check_go(direction.section)])
        index = self.bar_index
        bars = self._worlds.advance(direction.knobs[None], go, direction.fill)
        bpm = float(bars.bpm[0])
        self.tempo.change(self.beats, bpm)
        row = int(bars.row[0])
        mode = self.cue.modes[int(bars.mode[0])]
        bar = Bar(
            index=index,
            section=self.cue.sections[int(bars.section[0])].name,
            bar_in_section=int(bars.number[0]),
            start_beats=self.beats,
            beats=float(bars.beats[0]),
            bpm=bpm,
            direction=direction,
            key=Key(self.cue.key.tonic, mode),
            chords=tuple(str(chord) for chord in self._arrangement.chords[row]),
            fill=bool((bars.level[0] == FILL_LEVEL).any()),
            cadence=bool(bars.leads[0]),
            levels=tuple(int(level) for level in bars.level[0]),
            notes=self._notes(bars),
            bars=bars,
        )
        self.beats += bar.beats
        return bar

    def _notes(self, bars: Bars) -> Notes:
        parts = []
        for layer, number in enumerate(bars.template[0]):
            template = self._arrangement.template(int(number))
            part = np.empty(len(template), BAR_NOTE)
            for name in NOTE.names or ():
                part[name] = template[name]
            part["layer"] = layer
            part["onset_beats"] += self.beats
            part["duration_beats"] *= bars.duration_scale[0, layer]
            part["velocity"] *= bars.velocity_scale[0]
            parts.append(part)
        notes = np.concatenate(parts)
        return notes[np.lexsort((notes["pitch"], notes["onset_beats"]))]

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain JSON values."""
        worlds = self._worlds
        state = {
            name: int(getattr(worlds, name)[0])
            for name in ("section", "number", "turn", "pending", "index")
        }
        tempo = self.tempo.steps
        return {
            "cue": self.cue.name,
            "seed": self.seed,
            "beats": self.beats,
            "tempo": tempo,
            **state,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot of the same cue."""
        if snapshot.get("cue") != self.cue.name:
            raise SegueError(
                f"the snapshot is of cue {snapshot.get('cue')!r}, this world plays "
                f"{self.cue.name!r}; open that cue to restore it"
            )
        worlds = self._worlds
        self.seed = int(snapshot["seed"])
        worlds.seed[:] = self.seed
        for name in ("section", "number", "turn", "pending", "index"):
            getattr(worlds, name)[:] = int(snapshot[name])
        self.beats = float(snapshot["beats"])
        (_, first), *rest = snapshot["tempo"]
        self.tempo = TempoMap(first)
        for at_beats, bpm in rest:
            self.tempo.change(at_beats, bpm)
