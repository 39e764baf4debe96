"""From songs to shipped models, with networks so small that it takes seconds."""

import json
from pathlib import Path

import numpy as np
import pytest

from segue.agents.accompany.improve import ImproveSettings
from segue.agents.accompany.learning import FitSettings
from segue.agents.accompany.players import load_network
from segue.agents.accompany.report import RULES, report
from segue.agents.accompany.ship import ship
from segue.agents.accompany.train import Plan, read_kernels, train
from segue.analysis.cards import read_card
from segue.envs.accompany.clips import fixed_clips
from segue.envs.accompany.corpus import load_songs
from segue.music.errors import SegueError

PLAN = Plan(
    corpus="themes",
    judge=FitSettings(updates=2, channels=2, clips=4),
    prior=FitSettings(updates=4, channels=2, clips=4),
    player=ImproveSettings(updates=2, clips=4),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train(folder, [0, 1], lambda what, update, loss: None, PLAN)
    return folder


def test_a_run_goes_on_where_it_was(run: Path) -> None:
    assert json.loads((run / "player-1.json").read_text())["cpu_seconds"] > 0
    told: list[str] = []
    train(run, [0, 1], lambda what, update, loss: told.append(what), PLAN)
    assert not told
    train(run, [2], lambda what, update, loss: told.append(what), PLAN)
    assert told == ["model of chords"] * 4 + ["player"] * 2
    first, second = (read_kernels(run / f"prior-{seed}.npz") for seed in (0, 2))
    assert not np.array_equal(first["blocks"], second["blocks"])
    with pytest.raises(SegueError, match="train first"):
        read_kernels(run / "prior-9.npz")


def test_a_report_holds_rules_models_and_every_seed(run: Path) -> None:
    clips = fixed_clips(load_songs("themes", "validation")).take(np.arange(6))
    rows = report(run, [0, 1], clips, 0.8)
    assert set(RULES) < set(rows)
    player, own = rows["player"], rows["own model"]
    gain = player["triad_note_in_chord"] - own["triad_note_in_chord"]
    assert player["triad_gain_over_own_model"] == pytest.approx(gain)
    seeds = [rows[f"player {seed}"]["realism"] for seed in (0, 1)]
    assert player["realism"] == pytest.approx(np.mean(seeds))
    assert rows["player, low"]["realism"] <= min(seeds)


def test_what_ships_plays_and_says_what_it_reached(run: Path, tmp_path: Path) -> None:
    (tmp_path / "prior").mkdir()
    cards = ship(run, [0, 1], corpus="themes", folder=tmp_path, prior_folder=tmp_path / "prior")
    assert [card.name for card in cards] == ["accompanist-0", "accompanist-1"]
    assert sum("likes best" in note for card in cards for note in card.notes) == 1
    shipped = load_network(tmp_path / "accompanist-1.json")
    kept = read_kernels(run / "player-1.npz")
    assert shipped.hidden == 2 * 12
    assert kept["state"].shape == (6, 2, 12)
    assert read_card(tmp_path / "prior" / "prior.json").metrics[0].value < 0
    assert 0.0 <= read_card(tmp_path / "accompany-judge.json").metrics[0].value <= 1.0
