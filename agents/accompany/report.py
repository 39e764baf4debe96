"""What a training run reached: every seed's player beside its own model, the rules and the truth.

`python -m segue.agents.accompany.report --run runs/accompany --split validation` prints it, and
writes it with `--json`. `--temperatures` compares several; the shipped one was chosen so, on the
validation split.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ...envs.accompany.chords import Ints
from ...envs.accompany.clips import Clips, fixed_clips
from ...envs.accompany.core import AccompanyCore
from ...envs.accompany.corpus import load_songs
from ...envs.accompany.network import Network
from ...envs.accompany.songs import FRAMES_PER_BEAT
from ...music.files import write_whole
from ..statistics import student_interval
from ..study import Player
from .judge import Judge
from .players import TEMPERATURE, play_clips
from .scores import Played, recovery, set_scores
from .study import make_player
from .train import BENCHMARK, read_kernels

RULES = ("truth", "random", "constant", "rule", "rule-triads")
SHIFT_SEMITONES, SHIFT_BEAT = 6, 32
FIRST_SEED = 20_000
"""Of what players draw."""

Scores = dict[str, float]


def shifted(clips: Clips) -> Clips:
    """The same clips, a tritone higher from beat 32 on."""
    up = np.full(len(clips), SHIFT_SEMITONES)
    return clips.transposed(up, SHIFT_BEAT * FRAMES_PER_BEAT)


def network_scores(
    network: Network, prior: Network, judge: Judge, clips: Clips, temperature: float, seed: int
) -> Scores:
    """All measures of a network's chords to clips, and of its recovery after a transposition."""
    rng = np.random.default_rng(FIRST_SEED + seed)
    played = Played(clips, play_clips(network, clips, rng, temperature))
    moved = shifted(clips)
    turned = Played(moved, play_clips(network, moved, rng, temperature))
    return set_scores(played, prior, judge) | recovery(turned)


def seed_scores(run: Path, seed: int, clips: Clips, temperature: float) -> tuple[Scores, Scores]:
    """Measures of a seed's player, and of the model of played chords that it comes from."""
    prior = Network(read_kernels(run / f"prior-{seed}.npz"))
    player = Network(read_kernels(run / f"player-{seed}.npz"))
    judge = Judge(read_kernels(run / "judge.npz"))
    own = network_scores(prior, prior, judge, clips, temperature, seed)
    found = network_scores(player, prior, judge, clips, temperature, seed)
    name = "triad_note_in_chord"
    found["triad_gain_over_own_model"] = found[name] - own[name]
    return found, own


def rule_scores(name: str, prior: Network, judge: Judge, clips: Clips) -> Scores:
    """Measures of a player that learns nothing."""
    player = make_player(name, 0)
    played = Played(clips, played_chords(player, clips))
    moved = shifted(clips)
    return set_scores(played, prior, judge) | recovery(Played(moved, played_chords(player, moved)))


def played_chords(player: Player, clips: Clips) -> Ints:
    """The chords of a player to clips [shape=(n, frames)]."""
    core = AccompanyCore(len(clips))
    core.begin(clips)
    over = False
    while not over:
        over = core.step(player.act(core))[2]
    return core.chords


def report(run: Path, seeds: list[int], clips: Clips, temperature: float) -> dict[str, Scores]:
    """Rows by name: rules, means over seeds of players and own models with intervals, each seed."""
    both = [seed_scores(run, seed, clips, temperature) for seed in seeds]
    prior, judge = (
        Network(read_kernels(run / f"prior-{seeds[0]}.npz")),
        Judge(read_kernels(run / "judge.npz")),
    )
    rows = {name: rule_scores(name, prior, judge, clips) for name in RULES}
    for index, what in ((1, "own model"), (0, "player")):
        found = [pair[index] for pair in both]
        values = {name: np.array([one[name] for one in found]) for name in found[0]}
        rows[what] = {name: float(value.mean()) for name, value in values.items()}
        if len(seeds) > 1:
            bounds = {name: student_interval(value) for name, value in values.items()}
            rows[f"{what}, low"] = {name: low for name, (low, _) in bounds.items()}
            rows[f"{what}, high"] = {name: high for name, (_, high) in bounds.items()}
    rows |= {f"player {seed}": pair[0] for seed, pair in zip(seeds, both, strict=True)}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("runs/accompany"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--corpus", default=BENCHMARK)
    parser.add_argument("--split", default="validation")
    parser.add_argument("--temperatures", type=float, nargs="+", default=[TEMPERATURE])
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    clips = fixed_clips(load_songs(given.corpus, given.split))
    found = {}
    for temperature in given.temperatures:
        rows = report(given.run, given.seeds, clips, temperature)
        found[str(temperature)] = rows
        table = Table(title=f"{given.split}, temperature {temperature}")
        table.add_column("measure")
        for name in rows:
            table.add_column(name)
        for measure in rows["player"]:
            values = (f"{row[measure]:.3f}" if measure in row else "" for row in rows.values())
            table.add_row(measure, *values)
        Console(width=240).print(table)
    if given.json:
        write_whole(given.json, (json.dumps(found, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
