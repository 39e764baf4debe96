"""Recording how real games go: many short episodes, kept as numbers per tick.

    python -m segue.envs.games.record --output FILE.npz [--seed 1] [--episodes 300]
    python -m segue.envs.games.record --describe

Every episode has its own seed and skill, drawn from the seed of the recording, so the same command
makes the same file (with the same versions of vizdoom and crafter). Split by episode: 70 % train,
10 % validation, 20 % test for the training scenarios; the held-out ones are apart.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_LZMA, ZipFile

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ...music.errors import SegueError, check_range
from ...music.files import write_whole
from .crafter import CrafterGame
from .doom import TICS_PER_SECOND, DoomGame
from .game import TICK_FIELDS
from .scenes import generate_sessions
from .traces import (
    SPLITS,
    TICK_SECONDS,
    TRACES_FILE,
    MoodStatistics,
    mood_statistics,
    quantise_ticks,
    read_traces,
)

TRAINING_SCENARIOS = (
    "deathmatch",
    "defend_the_center",
    "deadly_corridor",
    "health_gathering",
    "defend_the_line",
    "take_cover",
    "health_gathering_supreme",
    "freedoom2_map02",
    "freedoom2_map04",
    "freedoom2_map11",
    "freedoom2_map12",
)
HELD_OUT_SCENARIOS = ("freedoom1_e3m2", "freedoom1_e3m3", CrafterGame.scenario)
"""Those in which the mood wanted changes most from bar to bar, and another kind of game."""

SPLIT_SHARES = (0.7, 0.1, 0.2)  # train, validation, test
EPISODE_SECONDS = 60.0  # longer episodes are cut here
SHORTEST_SECONDS = 4.0  # shorter ones are left out
AIM_RANGE = (0.0, 0.9)  # skill of the player, drawn anew for each episode
DIFFICULTIES = (1, 3, 5)  # of Doom; those between play the same in its scenarios
NO_DIFFICULTY = 0  # Crafter has one only
HELD_OUT_SHARE = 0.5  # episodes of a held-out scenario per episode of a training scenario


@dataclass(frozen=True)
class Episode:
    """One recorded episode."""

    scenario: str
    seed: int
    aim: float
    difficulty: int  # 0 where there is no choice
    ticks: NDArray[np.uint8]  # [ticks, len(TICK_FIELDS)], as `quantise_ticks` makes them


def record_episode(
    game: DoomGame | CrafterGame, difficulty: int, *, seed: int, aim: float
) -> Episode:
    """Play one episode from its start to its end, in a game that was opened with `difficulty`."""
    game.begin(seed, aim=aim)
    ticks = [game.step()]
    while not ticks[-1].over:
        ticks.append(game.step())
    numbers = [tick.numbers() for tick in ticks]
    return Episode(game.scenario, seed, aim, difficulty, quantise_ticks(np.array(numbers)))


def record(
    output: Path,
    *,
    seed: int = 1,
    episodes: int = 300,
    training: Sequence[str] = TRAINING_SCENARIOS,
    held_out: Sequence[str] = HELD_OUT_SCENARIOS,
    quiet: bool = False,
) -> None:
    """Record about `episodes` (3 to 2000) of each training scenario, half as many of the others.

    Writes a file as `traces.read_traces` reads; the file appears only when it is whole.
    """
    if not output.parent.is_dir():  # minutes of play come before the file
        raise SegueError(f"there is no folder {output.parent}; make it, or choose another --output")
    each = int(check_range("episodes", episodes, len(DIFFICULTIES), 2000)) // len(DIFFICULTIES)
    counts = {name: each for name in training}
    counts |= {name: max(1, round(each * HELD_OUT_SHARE)) for name in held_out}
    recorded: list[Episode] = []
    split: list[int] = []
    with _progress(quiet) as progress:
        tasks = {
            name: progress.add_task(name, total=count * len(DIFFICULTIES))
            for name, count in counts.items()
        }
        for index, (name, count) in enumerate(counts.items()):
            rng = np.random.default_rng([seed, index])
            kept = []
            for difficulty in DIFFICULTIES:
                for one in _play(name, difficulty, count, rng):
                    progress.advance(tasks[name])
                    if len(one.ticks) * TICK_SECONDS >= SHORTEST_SECONDS:
                        kept.append(one)
            recorded += kept
            split += _split(len(kept), name in held_out, rng)
    _write(output, recorded, split)


def _play(
    scenario: str, difficulty: int, count: int, rng: np.random.Generator
) -> Iterator[Episode]:
    if scenario == CrafterGame.scenario:
        difficulty = NO_DIFFICULTY
    with _open(scenario, difficulty) as game:
        for _ in range(count):
            aim = round(float(rng.uniform(*AIM_RANGE)), 2)
            yield record_episode(game, difficulty, seed=int(rng.integers(2**32)), aim=aim)


def _open(scenario: str, difficulty: int) -> DoomGame | CrafterGame:
    if scenario == CrafterGame.scenario:
        return CrafterGame(seed=0, episode_seconds=EPISODE_SECONDS)
    return DoomGame(
        scenario,
        seed=0,
        difficulty=difficulty,
        tics_per_step=round(TICK_SECONDS * TICS_PER_SECOND),
        episode_seconds=EPISODE_SECONDS,
    )


def _split(count: int, held_out: bool, rng: np.random.Generator) -> list[int]:
    """Indices into SPLITS for `count` episodes of one scenario."""
    if held_out:
        return [SPLITS.index("heldout")] * count
    first, second = round(count * SPLIT_SHARES[0]), round(count * sum(SPLIT_SHARES[:2]))
    order = rng.permutation(count)
    return [0 if place < first else 1 if place < second else 2 for place in order]


def _write(output: Path, episodes: list[Episode], split: list[int]) -> None:
    if not episodes:
        raise SegueError("no episode was long enough to keep; record more of them")
    scenarios = list(dict.fromkeys(episode.scenario for episode in episodes))
    arrays = {
        "fields": np.array(TICK_FIELDS),
        "scenarios": np.array(scenarios),
        "ticks": np.concatenate([episode.ticks for episode in episodes]).T,
        "length": np.array([len(episode.ticks) for episode in episodes], np.uint16),
        "scenario": np.array([scenarios.index(e.scenario) for e in episodes], np.uint8),
        "split": np.array(split, np.uint8),
        "seed": np.array([episode.seed for episode in episodes], np.uint32),
        "aim": np.array([episode.aim for episode in episodes], np.float16),
        "difficulty": np.array([episode.difficulty for episode in episodes], np.uint8),
    }
    buffer = BytesIO()
    with ZipFile(
        buffer, "w", ZIP_LZMA
    ) as archive:  # np.load reads it; deflated it is twice as large
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)
    write_whole(output, buffer.getvalue())


def _progress(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description:>18}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )


def describe(path: Path = TRACES_FILE, *, ticks_per_bar: int = 10) -> Table:
    """A table of the moods wanted in a file of traces, and in made-up play."""
    table = Table("split", "scenario", "episodes", "bars")
    for heading in ("mean", "deviation", "change a bar", "autocorrelation"):
        table.add_column(f"{heading} V / A", justify="right")
    for split in SPLITS:
        traces = read_traces(path, split, ticks_per_bar)
        parts = [(name, traces.only(name)) for name in traces.scenarios]
        for name, part in [("all", traces), *parts]:
            _add_row(table, split, name, mood_statistics(part.targets, part.episode_lengths))
    targets, _ = generate_sessions(np.random.default_rng(0), 256, 64)
    made_up = mood_statistics(targets.reshape(-1, 2), np.full(256, 64))
    _add_row(table, "generated", "scenes", made_up)
    return table


def _add_row(table: Table, split: str, name: str, values: MoodStatistics) -> None:
    pairs = (values.mean, values.deviation, values.change, values.autocorrelation)
    cells = (f"{valence:+.2f} / {arousal:+.2f}" for valence, arousal in pairs)
    table.add_row(split, name, str(values.episodes), str(values.bars), *cells)


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m segue.envs.games.record", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--output", type=Path, default=TRACES_FILE, help="file to write")
    parser.add_argument("--seed", type=int, default=1, help="seed of the recording (default 1)")
    parser.add_argument(
        "--episodes", type=int, default=300, help="of each training scenario (default 300)"
    )
    parser.add_argument(
        "--describe", action="store_true", help="record nothing; describe the file --output"
    )
    chosen = parser.parse_args(arguments)
    console = Console(stderr=True)
    try:
        if chosen.describe:
            Console(width=120).print(describe(chosen.output))
            return 0
        record(chosen.output, seed=chosen.seed, episodes=chosen.episodes)
    except SegueError as error:
        console.print(f"error: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped; nothing was written")
        return 130
    console.print(f"wrote {chosen.output} ({chosen.output.stat().st_size / 1e6:.2f} MB)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
