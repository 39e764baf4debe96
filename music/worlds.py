"""Many worlds that advance together on arrays; `world.World` is one of them with names and notes.

A section is left at the end of a bar: the bar before the change plays the fill and the cadence if
the transition asks for them. A transition at `bar` without a fill takes effect in the very bar that
is being decided.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .book import AT_BAR, AT_PHRASE, AT_SECTION, NEVER, Book
from .cue import PHRASE_BARS
from .direction import KNOBS
from .parts import FILL_LEVEL, REGISTERS
from .patterns import LEVELS

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

STATE = ("cue", "seed", "section", "number", "turn", "pending", "lead", "same", "index")
"""The arrays [shape=(n,)] that are the whole state of worlds; see `Worlds`."""

_TEMPO, _MODE, _REGISTER, _ARTICULATION, _DYNAMICS = (
    KNOBS.index(name) for name in ("tempo", "mode", "register", "articulation", "dynamics")
)
_VELOCITY_RANGE = (0.4, 1.1)  # share of the written velocity at dynamics 0 and 1
_ALWAYS_LEVEL = 2  # of a layer that no knob moves
_STAY = -1  # no section waits for its point of entry
AS_WRITTEN = -1  # a filler bar leads into the section that waits if the transition says so


@dataclass(frozen=True)
class Setting:
    """What the knobs mean for the cues that n worlds play; layers beyond a cue's own are silent."""

    mode: IntArray  # [shape=(n,)] index into the cue's modes
    register: IntArray  # [n] 0 low .. 2 high
    level: IntArray  # [n, layers] activity, 0 silent .. 4
    velocity_scale: FloatArray  # [n] share of the written velocity
    duration_scale: FloatArray  # [n, layers] share of the written duration
    bpm: FloatArray  # [n] quarter notes a minute


@dataclass(frozen=True)
class Bars:
    """What n worlds play next, as indices and scales; `World` turns one into notes."""

    cue: IntArray  # [shape=(n,)] index into the book
    section: IntArray  # [n] over all cues
    number: IntArray  # [n] bar in the section
    turn: IntArray  # [n] times the section was played before this one
    row: IntArray  # [n] row of `Book.index`
    fill: BoolArray  # [n] the drums play a fill
    leads: BoolArray  # [n] a cadence leads into another section
    beats: FloatArray  # [n] length of the bar in quarter notes
    template: NDArray[np.int32]  # [n, layers] template number in the book, 0 is silence
    setting: Setting


class Worlds:
    """n worlds that advance together.

    The state is in arrays [shape=(n,)]: `cue` (index into the book), `seed`, `section` (over all
    cues), `number` (the next bar, counted in its section), `turn` (times the section was played
    before this one), `pending` (the section that waits for its point of entry, -1 for none), `lead`
    (whether a filler bar leads into it, -1 for what the transition says), `same` (1 if it begins at
    the bar at which the old one is left) and `index` (bars since the start).

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
        self.lead = np.full(self.n, AS_WRITTEN)
        self.same = np.zeros(self.n, np.int64)
        self.index = np.zeros(self.n, np.int64)
        self.reset(np.arange(self.n), cue, seeds)

    def reset(self, which: IntArray, cue: IntArray, seeds: IntArray) -> None:
        """Put the worlds of those numbers at the start of a cue, each with its own seed.

        :param which: numbers of worlds [shape=(m,)]
        :param cue: index of each one's cue [shape=(m,)]
        :param seeds: each one's seed [shape=(m,)]
        """
        self.cue[which] = cue
        self.seed[which] = np.asarray(seeds).astype(np.uint64)
        self.section[which] = self.book.first_section[cue]
        self.number[which] = self.turn[which] = self.index[which] = 0
        self.pending[which] = _STAY
        self.lead[which], self.same[which] = AS_WRITTEN, 0
        self._look_up_cues()

    def _look_up_cues(self) -> None:
        """What the book says of each world's cue, kept until the next reset."""
        book, cue = self.book, self.cue
        self._n_modes = book.n_modes[cue]
        self._knob_of_layer = (np.arange(self.n)[:, None], book.layer_knob[cue])
        self._from_level = book.layer_from[cue]
        self._always, self._absent = book.layer_always[cue], book.layer_absent[cue]
        self._drums = book.layer_drums[cue]
        self._shortest = book.shortest[cue]
        self._stretch = book.longest[cue] - self._shortest
        self._slowest_bpm, self._tempo_ratio = book.slowest_bpm[cue], book.tempo_ratio[cue]
        self._bar_beats = book.bar_beats[cue]
        self._layers = np.arange(book.layer_knob.shape[1])

    def repeat(self, copies: int) -> "Worlds":
        """New worlds [n * copies] in the same state, copies side by side, to try plans on."""
        twin = object.__new__(Worlds)
        twin.book, twin.n = self.book, self.n * copies
        for name in STATE:
            setattr(twin, name, np.repeat(getattr(self, name), copies))
        twin._look_up_cues()
        return twin

    def can_go(self, section: IntArray) -> BoolArray:
        """Whether a transition leads from each world's section to another [both shape=(n,)]."""
        allowed: BoolArray = self.book.leave_at[self.section, section] != NEVER
        return allowed

    def set(self, knobs: FloatArray) -> Setting:
        """What knobs [shape=(n, 9)], each in [0, 1], in the order of `KNOBS`, mean for the cues."""
        n_modes = self._n_modes
        wanted = knobs[self._knob_of_layer]
        level = np.minimum((wanted * LEVELS).astype(np.int64), LEVELS - 1)
        level *= wanted >= self._from_level
        level[self._always] = _ALWAYS_LEVEL
        level[self._absent] = 0
        low, high = _VELOCITY_RANGE
        return Setting(
            mode=np.minimum((knobs[:, _MODE] * n_modes).astype(np.int64), n_modes - 1),
            register=np.minimum((knobs[:, _REGISTER] * REGISTERS).astype(np.int64), REGISTERS - 1),
            level=level,
            velocity_scale=low + (high - low) * knobs[:, _DYNAMICS],
            duration_scale=self._shortest + self._stretch * knobs[:, _ARTICULATION, None],
            bpm=self._slowest_bpm * self._tempo_ratio ** knobs[:, _TEMPO],
        )

    def look(self, setting: Setting) -> Bars:
        """The bars that would come in this setting, without moving on."""
        nothing = np.zeros(self.n, bool)
        return self._bars(setting, nothing, nothing)

    def advance(
        self,
        setting: Setting,
        go: IntArray | None = None,
        fill: BoolArray | bool = False,
        *,
        lead: int = AS_WRITTEN,
        same: int = 0,
    ) -> Bars:
        """Play the next bar of every world.

        :param setting: how, from `set`
        :param go: section wanted [shape=(n,)], over all cues, -1 for none; one that no transition
            allows is ignored
        :param fill: whether the drums play a fill in this bar [shape=(n,), or one for all]
        :param lead: whether a filler bar leads into the section wanted, -1 for what the transition
            says
        :param same: 1 if it begins at the bar at which the old one is left
        """
        book = self.book
        if go is not None:
            asked = (go >= 0) & (go != self.section) & self.can_go(np.maximum(go, 0))
            self.pending = np.where(asked, go, self.pending)
            self.lead = np.where(asked, lead, self.lead)
            self.same = np.where(asked, same, self.same)
            self._enter_at_once()
        last = self.number == book.section_bars[self.section] - 1
        done = last & (self.turn >= book.section_repeats[self.section] - 1)
        if done.any():
            self.pending = np.where(done & (self.pending < 0), self._moves_on(), self.pending)
        leaving, leads = self._leaving(last)
        bars = self._bars(setting, leads | fill, leads)
        self._move(leaving, last)
        return bars

    def _enter_at_once(self) -> None:
        """Enter sections whose transition is at the bar, without a fill, before this very bar."""
        waiting = self.pending >= 0
        target = np.maximum(self.pending, 0)
        rule = self.book.leave_at[self.section, target]
        now = waiting & (rule == AT_BAR) & ~self._led(target)
        if now.any():
            self.section = np.where(now, target, self.section)
            self.number = np.where(now, self._entry(self.number), self.number)
            self.turn = np.where(now, 0, self.turn)
            self._forget(now)

    def _led(self, target: IntArray) -> BoolArray:
        """Whether a filler bar leads from each world's section to another."""
        written: BoolArray = self.book.leave_fill[self.section, target]
        return np.where(self.lead == AS_WRITTEN, written, self.lead == 1)

    def _entry(self, number: IntArray) -> IntArray:
        """The first bar of the section that worlds have come to from bar `number` of another."""
        bars = self.book.section_bars[self.section]
        return np.asarray(np.where(self.same == 1, number % bars, 0))

    def _forget(self, which: BoolArray) -> None:
        """Nothing waits for its point of entry any more."""
        self.pending = np.where(which, _STAY, self.pending)
        self.lead = np.where(which, AS_WRITTEN, self.lead)
        self.same = np.where(which, 0, self.same)

    def _moves_on(self) -> IntArray:
        """The section that each cue takes by itself, by weight; -1 to stay."""
        book = self.book
        share = book.auto_share[self.section]
        draw = _uniform(self.seed, self.index) * book.auto_total[self.section]
        choice = np.argmax(share > draw[:, None], axis=1)
        return np.where(book.auto_total[self.section] > 0, choice, _STAY)

    def _leaving(self, last: BoolArray) -> tuple[BoolArray, BoolArray]:
        """Which worlds leave their section after this bar, and which by a fill and cadence."""
        book, waiting = self.book, self.pending >= 0
        if not waiting.any():
            return waiting, waiting
        target = np.maximum(self.pending, 0)
        rule = book.leave_at[self.section, target]
        phrase_end = last | (self.number % PHRASE_BARS == PHRASE_BARS - 1)
        there = (
            (rule == AT_BAR) | ((rule == AT_PHRASE) & phrase_end) | ((rule == AT_SECTION) & last)
        )
        leaving = waiting & there
        return leaving, leaving & self._led(target)

    def _move(self, leaving: BoolArray, last: BoolArray) -> None:
        """Go on to the next bar, round the section or into another."""
        around = last & ~leaving
        coming = self.number + 1
        self.section = np.where(leaving, self.pending, self.section)
        self.turn = np.where(leaving, 0, self.turn + around)
        self.number = np.where(leaving | last, 0, coming)
        if leaving.any():
            self.number = np.where(leaving, self._entry(coming), self.number)
            self._forget(leaving)
        self.index += 1

    def _bars(self, setting: Setting, fill: BoolArray, leads: BoolArray) -> Bars:
        book = self.book
        row = book.section_row[self.section] + self.number + leads * book.cadence_rows[self.section]
        level = setting.level
        if fill.any():
            filled = fill[:, None] & self._drums & (level > 0)
            level = np.where(filled, FILL_LEVEL, level)
        place = (row[:, None], setting.mode[:, None], setting.register[:, None])
        template = book.index[(*place, self._layers, level)]
        return Bars(
            cue=self.cue,
            section=self.section,
            number=self.number,
            turn=self.turn,
            row=row,
            fill=fill,
            leads=leads,
            beats=self._bar_beats,
            template=template,
            setting=setting,
        )


def _uniform(seed: NDArray[np.uint64], index: IntArray) -> FloatArray:
    """A number in [0, 1) for each seed and index: SplitMix64 (Steele et al., OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        x = seed * np.uint64(0x9E3779B97F4A7C15) + (
            index.astype(np.uint64) + np.uint64(1)
        ) * np.uint64(0xD1B54A32D192ED03)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    uniform: FloatArray = (x >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return uniform
