"""Recorded play: features of a game bar by bar and the mood wanted of its music.

`load_traces` reads what was recorded of real play (`recorded/README.md`), split by episode.
Sessions drawn from it have the shapes of those that `scenes.generate_sessions` makes up.

A session is what one listener would hear: episodes of a game strung together. Targets are (valence,
arousal) in z as in `game.py`; features are as in `game.GAME_FEATURES`.
"""

import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...music.errors import FileFormatError, SegueError, UnknownNameError, check_range
from .game import BAR_SECONDS, TICK_FIELDS, mood_path, window_features
from .scenes import check_shape

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

SPLITS = ("train", "validation", "test", "heldout")
TICK_SECONDS = 0.2
TRACES_FILE = Path(__file__).with_name("recorded") / "play.npz"
_LEVELS = ("health", "armor", "ammo", "monsters", "monster_area")
_COUNTERS = [index for index, name in enumerate(TICK_FIELDS) if name not in _LEVELS]
_AREA = TICK_FIELDS.index("monster_area")


def quantise_ticks(ticks: ArrayLike) -> NDArray[np.uint8]:
    """Ticks [..., len(TICK_FIELDS)] as bytes: whole numbers to 255, the area by its square root."""
    values = np.array(ticks, np.float64)
    values[..., _AREA] = 255.0 * np.sqrt(values[..., _AREA])
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def restore_ticks(ticks: NDArray[np.uint8]) -> Floats:
    """The inverse of `quantise_ticks`, but for the rounding."""
    values = ticks.astype(np.float32)
    values[..., _AREA] = np.square(values[..., _AREA] / 255.0)
    return values


@dataclass(frozen=True)
class MoodStatistics:
    """How the mood wanted moves; pairs are (valence, arousal), in z but for `autocorrelation`."""

    episodes: int
    bars: int
    mean: tuple[float, float]
    deviation: tuple[float, float]
    change: tuple[float, float]  # mean absolute change from bar to bar
    autocorrelation: tuple[float, float]  # at a lag of one bar


def mood_statistics(targets: Floats, lengths: Ints) -> MoodStatistics:
    """Statistics of moods [n, 2] in episodes of the given lengths, one after another."""
    same = np.repeat(np.arange(len(lengths)), lengths)
    within = same[1:] == same[:-1]
    before, after = targets[:-1][within], targets[1:][within]

    def pair(values: ArrayLike) -> tuple[float, float]:
        valence, arousal = np.asarray(values, float)
        return float(valence), float(arousal)

    return MoodStatistics(
        episodes=len(lengths),
        bars=len(targets),
        mean=pair(targets.mean(axis=0)),
        deviation=pair(targets.std(axis=0)),
        change=pair(np.abs(after - before).mean(axis=0)),
        autocorrelation=pair([np.corrcoef(before[:, i], after[:, i])[0, 1] for i in (0, 1)]),
    )


@dataclass(frozen=True)
class TraceSet:
    """Episodes of one split, bar by bar, one after another.

    Arrays: `targets` [n, 2] (valence, arousal in z, smoothed within the episode), `features`
    [n, N_FEATURES], `episode_starts` [episodes] (first bar of each), `episode_lengths` [episodes]
    (bars), `episode_scenarios` [episodes] (index into `scenarios`, ascending).
    """

    scenarios: tuple[str, ...]
    bar_seconds: float
    targets: Floats
    features: Floats
    episode_starts: Ints
    episode_lengths: Ints
    episode_scenarios: Ints

    def only(self, scenario: str) -> "TraceSet":
        """The episodes of one scenario."""
        if scenario not in self.scenarios:
            raise UnknownNameError("scenario of this split", scenario, self.scenarios)
        keep = self.episode_scenarios == self.scenarios.index(scenario)
        starts, lengths = self.episode_starts[keep], self.episode_lengths[keep]
        bars = slice(int(starts[0]), int(starts[-1] + lengths[-1]))
        return _trace_set(
            (scenario,),
            self.bar_seconds,
            self.features[bars],
            lengths,
            np.zeros(len(lengths), np.int64),
        )

    def sample_sessions(
        self, rng: np.random.Generator, n_sessions: int, n_bars: int
    ) -> tuple[Floats, Floats]:
        """Draw sessions: one to a few episodes of a scenario, then of another, each from its start.

        After each episode the scenario changes with probability 1/2. The mood wanted is smoothed
        along the whole session, as it would be live.

        :param rng: all chance comes from here
        :param n_sessions: 1 to a million
        :param n_bars: bars in each, 1 to 100,000
        :return: targets [shape=(n_sessions, n_bars, 2)] and features [shape=(n_sessions, n_bars,
            N_FEATURES)]
        """
        n_sessions, n_bars = check_shape(n_sessions, n_bars)
        slots = -(-n_bars // int(self.episode_lengths.min()))
        episode = pick_episodes(rng, self.episode_scenarios, n_sessions, slots)
        bars = _string_together(self.episode_starts[episode], self.episode_lengths[episode], n_bars)
        features = self.features[bars]
        return mood_path(features, seconds=self.bar_seconds), features


def load_traces(split: str, bar_seconds: float = BAR_SECONDS) -> TraceSet:
    """The shipped traces of a split: "train", "validation", "test" or "heldout".

    :param split: one of `SPLITS`
    :param bar_seconds: 0.2 to 20, rounded to whole ticks of 0.2 s
    """
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    ticks_per_bar = round(
        check_range("bar_seconds", bar_seconds, TICK_SECONDS, 20.0) / TICK_SECONDS
    )
    return read_traces(TRACES_FILE, split, ticks_per_bar)


@lru_cache(maxsize=16)
def read_traces(path: Path, split: str, ticks_per_bar: int) -> TraceSet:
    """The traces of a file that `record.py` wrote. Cached; the arrays are read-only.

    The last bar of an episode is filled up with the state at its end (a game shows for a while
    that the player has died or won), so that no ending is lost.
    """
    data = _read_file(path)
    if tuple(data["fields"]) != TICK_FIELDS:
        raise FileFormatError(f"{path} holds other fields than this version reads; record it again")
    lengths = data["length"].astype(np.int64)
    bars = -(-lengths // ticks_per_bar)
    keep = data["split"] == SPLITS.index(split)
    if not keep.any():
        raise SegueError(f"{path} has no episode of the split {split!r}; record more of them")
    start = np.repeat((np.cumsum(lengths) - lengths)[keep], bars[keep])
    length = np.repeat(lengths[keep], bars[keep])
    within = (_counting(bars[keep]) * ticks_per_bar)[:, None] + np.arange(ticks_per_bar)
    ticks = restore_ticks(data["ticks"].T[start[:, None] + np.minimum(within, length[:, None] - 1)])
    ticks[..., _COUNTERS] *= (within < length[:, None])[..., None]  # after the end all stands still
    seconds = ticks_per_bar * TICK_SECONDS
    present = np.unique(data["scenario"][keep])
    return _trace_set(
        tuple(str(name) for name in data["scenarios"][present]),
        seconds,
        window_features(ticks, seconds),
        bars[keep],
        np.searchsorted(present, data["scenario"][keep]),
    )


@dataclass(frozen=True)
class TickEpisodes:
    """Episodes of one split tick by tick, one after another, ordered by scenario.

    `ticks` [shape=(n, len(TICK_FIELDS))], each `TICK_SECONDS` long; of the episodes `starts` (first
    tick), `lengths` (ticks) and `scenarios` (index into `names`).
    """

    names: tuple[str, ...]
    ticks: Floats
    starts: Ints
    lengths: Ints
    scenarios: Ints


def load_ticks(split: str) -> TickEpisodes:
    """The shipped traces of a split as they were recorded, for bars of varying length."""
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    data = _read_file(TRACES_FILE)
    lengths = data["length"].astype(np.int64)
    keep = data["split"] == SPLITS.index(split)
    starts, kept = (np.cumsum(lengths) - lengths)[keep], lengths[keep]
    stored = np.asarray(data["ticks"], np.uint8).T
    ticks = restore_ticks(stored[np.repeat(starts, kept) + _counting(kept)])
    return TickEpisodes(
        tuple(str(name) for name in data["scenarios"]),
        ticks,
        np.cumsum(kept) - kept,
        kept,
        data["scenario"][keep].astype(np.int64),
    )


def pick_episodes(rng: np.random.Generator, scenarios: Ints, n_sessions: int, slots: int) -> Ints:
    """Numbers of episodes [shape=(n_sessions, slots)] for sessions of one scenario, then another.

    After each episode the scenario changes with probability 1/2.

    :param scenarios: number of each episode's scenario, ascending [shape=(episodes,)]
    """
    _, first, count = np.unique(scenarios, return_index=True, return_counts=True)
    shape = (n_sessions, slots)
    step = rng.integers(1, max(2, len(first)), shape) * (rng.random(shape) < 0.5)
    step[:, 0] = rng.integers(0, len(first), n_sessions)
    scenario = np.cumsum(step, axis=1) % len(first)
    picked = first[scenario] + (rng.random(shape) * count[scenario]).astype(np.int64)
    return np.asarray(picked, np.int64)


def _read_file(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise SegueError(
            f"no traces at {path}; `python -m segue.envs.games.record` records them"
        ) from None
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise FileFormatError(
            f"{path} is not a file of traces ({error}); record it again"
        ) from error


def _trace_set(
    scenarios: tuple[str, ...],
    bar_seconds: float,
    features: Floats,
    lengths: Ints,
    episode_scenarios: Ints,
) -> TraceSet:
    starts = np.cumsum(lengths) - lengths
    padded = starts[:, None] + np.minimum(np.arange(lengths.max()), lengths[:, None] - 1)
    smooth = mood_path(features[padded], seconds=bar_seconds)
    targets = smooth[np.repeat(np.arange(len(lengths)), lengths), _counting(lengths)]
    for array in (targets, features):
        array.flags.writeable = False
    return TraceSet(
        scenarios,
        bar_seconds,
        targets,
        features,
        starts,
        lengths,
        episode_scenarios,
    )


def _counting(lengths: Ints) -> Ints:
    """0, 1, ..., n-1 for each n of `lengths`, one after another."""
    starts = np.cumsum(lengths) - lengths
    return np.asarray(np.arange(int(lengths.sum())) - np.repeat(starts, lengths), np.int64)


def _string_together(starts: Ints, lengths: Ints, n_bars: int) -> Ints:
    """Rows of stretches (start, length) [n, k] as bar indices [n, n_bars], cut off at the end."""
    before = np.cumsum(lengths, axis=1) - lengths
    used = np.clip(n_bars - before, 0, lengths).ravel()
    bars = np.repeat(starts.ravel(), used) + _counting(used)
    return np.asarray(bars.reshape(len(starts), n_bars), np.int64)
