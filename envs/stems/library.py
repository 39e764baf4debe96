"""Recorded cues side by side, as tables: what each section expresses with each mix of its parts.

A **part** is a track of the theme file that stems hold: the stems of one track, one for each
section, are the same part. A part is off, soft or full; how all parts are set is a **mix**, a
number below `MIXES` with a digit of base 3 for each part. The ear hears the mix of the bar that
sounds, through the emotion model; so the mood of a recording depends on section, bar and mix, and
all of it fits into a table.

Sections are numbered over all cues, as in `music.book`. An agent sees those of a cue as **slots**,
from the calmest to the wildest.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...analysis.emotion.model import EmotionModel, load_emotion_model
from ...analysis.scores.symbolic import STATISTICS, features_from_statistics, grouped_statistics
from ...music.book import AT_BAR, AT_PHRASE, NEVER, Book
from ...music.cue import PHRASE_BARS, Cue
from ...music.errors import SegueError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

PARTS = 5
"""Most parts of a cue."""

SLOTS = 6
"""Most sections of a cue."""

LEVELS = ("off", "soft", "full")
GAINS = np.array([0.0, 0.5, 1.0])
"""Gain of a part at each level; soft is heard with half the velocity."""

MIXES = len(LEVELS) ** PARTS
UNITS = len(LEVELS) ** np.arange(PARTS)
"""What one level of each part adds to the number of a mix [shape=(PARTS,)]."""

MIX_LEVELS = np.arange(MIXES)[:, None] // UNITS % len(LEVELS)
"""The level of each part in each mix [shape=(MIXES, PARTS)]."""

PLAIN_MIXES = np.flatnonzero((MIX_LEVELS != 1).all(axis=1))
"""The mixes without a soft part [shape=(2 ** PARTS,)]: enough to see what a section can express."""

PRESETS = ("quiet", "middle", "all")
"""Mixes with a name: two parts soft; half of them full; all full."""

NOWHERE = -1
_VELOCITY, _VELOCITY_SQUARE = STATISTICS.index("velocity"), STATISTICS.index("velocity_square")
_FAR = 1e6  # bars to what cannot be reached


def cue_parts(cue: Cue) -> tuple[str, ...]:
    """The parts of a recorded cue, in the order in which their stems stand in the file.

    Raises SegueError for a cue that has none, too many of them or of sections, or layers of
    another kind.
    """
    plays = [layer.name for layer in cue.layers if layer.role != "stem"]
    unknown = [layer.name for layer in cue.stems.values() if not layer.track]
    if plays or unknown or not cue.layers:
        what = f"layer {(plays + unknown)[0]!r}" if cue.layers else "it"
        lacks = "is no stem" if plays or not cue.layers else "names no track that holds its notes"
        raise SegueError(
            f"cue {cue.name!r} cannot be directed by stems: {what} {lacks}; `segue cue record` "
            "makes such a cue"
        )
    parts = tuple(dict.fromkeys(layer.track for layer in cue.layers))
    if len(parts) > PARTS or len(cue.sections) > SLOTS:
        raise SegueError(
            f"cue {cue.name!r} has {len(parts)} parts in {len(cue.sections)} sections; at most "
            f"{PARTS} parts and {SLOTS} sections can be directed by stems"
        )
    return parts


class Library:
    """Tables of recorded cues.

    Of cues [C]: `parts` (names), `bar_seconds`, `slots` [C, SLOTS] (a section, or `NOWHERE`). Of
    sections [S]: `present` [S, PARTS], `row` (of its first bar), `bars`, `slot`, `section_mood`
    [S, MIXES, 2] (mean over its bars, sd), `plain_mood` [len(PLAIN_MIXES), S, 2] (of plain mixes),
    `presets` [S, len(PRESETS)] (mixes). Of ways [S, S]: `leave_at`, `leave_fill` (of the book),
    `path_bars` (of the quickest way round), `next_hop` (where that way goes first). Of bars: `mood`
    [rows, MIXES, 2], impression of an average listener, sd; `felt_mood` is the same by the model
    that listeners feel with.

    :param cues: of stems alone, each with its notes; else SegueError
    :param model: that the agent hears with
    :param felt_with: that listeners feel with
    """

    def __init__(self, cues: Sequence[Cue], model: EmotionModel, felt_with: EmotionModel) -> None:
        self.parts = [cue_parts(cue) for cue in cues]
        self.book = book = Book(list(cues))
        self.cues = book.cues
        self.bar_seconds = book.bar_beats * 60.0 / book.slowest_bpm
        self.bars = book.section_bars
        self.leave_at, self.leave_fill = book.leave_at, book.leave_fill
        self.row = np.cumsum(self.bars) - self.bars
        self.present = np.concatenate([_presence(cue) for cue in cues])
        features = np.concatenate([_features(cue) for cue in cues])
        self.mood = model.predict(features)
        self.felt_mood = self.mood if felt_with is model else felt_with.predict(features)
        self.section_mood = np.add.reduceat(self.mood, self.row, axis=0) / self.bars[:, None, None]
        self.plain_mood = self.section_mood.swapaxes(0, 1)[PLAIN_MIXES]
        self.presets = np.stack([_presets(present) for present in self.present])
        self._number_slots()
        self._find_paths()

    def _number_slots(self) -> None:
        self.slots = np.full((len(self.cues), SLOTS), NOWHERE)
        self.slot = np.zeros(len(self.bars), np.int64)
        full = self.section_mood[:, MIXES - 1, 1]
        for at, (cue, first) in enumerate(zip(self.cues, self.book.first_section, strict=True)):
            sections = first + np.argsort(full[first : first + len(cue.sections)])
            self.slots[at, : len(sections)] = sections
            self.slot[sections] = np.arange(len(sections))

    def _find_paths(self) -> None:
        """The quickest way between sections, counted in bars from the start of the first one."""
        count = len(self.bars)
        here, there = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
        wait = np.maximum(self.wait_bars(here, there, np.zeros_like(here)), 1)
        self.path_bars = np.where(self.leave_at == NEVER, _FAR, wait.astype(float))
        np.fill_diagonal(self.path_bars, 0.0)
        self.next_hop = there.copy()
        for over in range(count):  # Floyd and Warshall
            round_about = self.path_bars[:, over, None] + self.path_bars[None, over]
            shorter = round_about < self.path_bars
            self.path_bars = np.where(shorter, round_about, self.path_bars)
            self.next_hop = np.where(shorter, self.next_hop[:, over, None], self.next_hop)

    def wait_bars(self, section: IntArray, target: IntArray, number: IntArray) -> IntArray:
        """Bars until a section begins if it is asked for now [any shape].

        0: it is the very next bar. What no transition allows counts as its end would.

        :param section: where the next bar would be
        :param number: of that bar, in its section
        """
        rule = self.leave_at[section, target]
        to_end = self.bars[section] - number
        to_phrase = np.minimum(PHRASE_BARS - number % PHRASE_BARS, to_end)
        at_bar = self.leave_fill[section, target].astype(np.int64)
        return np.where(rule == AT_BAR, at_bar, np.where(rule == AT_PHRASE, to_phrase, to_end))


def _presence(cue: Cue) -> NDArray[np.bool_]:
    """Which parts each section holds [shape=(sections, PARTS)]."""
    parts = cue_parts(cue)
    present = np.zeros((len(cue.sections), PARTS), bool)
    for at, section in enumerate(cue.sections):
        for layer in cue.layers:
            if not layer.sections or section.name in layer.sections:
                present[at, parts.index(layer.track)] = True
    return present


def _presets(present: NDArray[np.bool_]) -> IntArray:
    """The mixes of the presets where these parts are [shape=(PARTS,)]."""
    order = np.cumsum(present)
    half = (order[-1] + 1) // 2
    levels = np.stack([(order <= 2) * 1, (order <= half) * 2, np.full(PARTS, 2)])
    return np.asarray((levels * present) @ UNITS, np.int64)


def _features(cue: Cue) -> FloatArray:
    """Features of every bar in every mix [shape=(bars, MIXES, F)]."""
    statistics = bar_statistics(cue)
    gain = GAINS[MIX_LEVELS]
    heard = np.einsum("mp,bps->bms", (gain > 0.0).astype(float), statistics)
    for column, weight in ((_VELOCITY, gain), (_VELOCITY_SQUARE, gain * gain)):
        heard[..., column] = statistics[..., column] @ weight.T
    seconds = cue.meter.bar_beats * 60.0 / cue.tempo_bpm[0]
    return features_from_statistics(heard, seconds)


def bar_statistics(cue: Cue) -> FloatArray:
    """Statistics of every part in every bar of a cue [shape=(bars, PARTS, S)]."""
    beats, bars = cue.meter.bar_beats, cue.bars
    present = _presence(cue)
    where = np.concatenate([s.start_bar + np.arange(s.bars) for s in cue.sections])
    found = np.zeros((bars, PARTS, len(STATISTICS)))
    for at, part in enumerate(cue_parts(cue)):
        notes = cue.tracks[part].copy()
        bar = np.floor(notes["onset_beats"] / beats + 1e-6).astype(np.intp)
        notes["onset_beats"] -= bar * beats
        drums = np.full(int(max(bar.max(initial=0), where.max())) + 1, part in cue.kit_tracks)
        every = grouped_statistics(notes, bar, drums, beats, tonic=cue.key.tonic)
        found[:, at] = every[where]
    held = np.repeat(present, [section.bars for section in cue.sections], axis=0)
    return found * held[..., None]


@lru_cache(maxsize=8)
def composed_library(seeds: range, model: str, listener_model: str) -> Library:
    """The library of composed scores. Cached."""
    from .scores import compose_score

    return make_library([compose_score(seed) for seed in seeds], model, listener_model)


def make_library(cues: Sequence[Cue], model: str, listener_model: str = "") -> Library:
    """The library of some cues, heard and felt with emotion models by their names."""
    heard = load_emotion_model(model)
    return Library(cues, heard, load_emotion_model(listener_model) if listener_model else heard)
