"""Directors of recorded music: rules, search, and what they may ask."""

import numpy as np
import pytest

from segue.agents.stems.players import DIRECTORS, make_player
from segue.agents.stems.rules import Table, towards
from segue.agents.stems.search import Search
from segue.agents.stems.tune import START, tune
from segue.agents.study import find_study
from segue.envs.stems.actions import CHANGES, WAYS
from segue.envs.stems.core import StemsCore
from segue.envs.stems.library import MIX_LEVELS, NOWHERE
from segue.music.errors import UnknownNameError


def core(n: int = 16, seed: int = 0, **options: object) -> StemsCore:
    made = StemsCore(n, split="validation", **options)
    made.reset(np.random.default_rng(seed))
    return made


def play(made: StemsCore, player: object, seed: int = 0) -> float:
    made.reset(np.random.default_rng(seed))
    total, over = 0.0, False
    while not over:
        _, reward, over, _ = made.step(player.act(made))
        total += float(reward.mean()) / made.steps
    return total


@pytest.mark.parametrize("name", [*DIRECTORS, "oracle"])
def test_every_director_asks_only_for_what_is_allowed(name: str) -> None:
    made, player = core(8), make_player(name, 3)
    for _ in range(24):
        actions = player.act(made)
        assert made.action_masks()[np.arange(8), actions].all()
        made.step(actions)


def test_rules_and_search_earn_more_than_staying_and_chance() -> None:
    made = core(64)
    earned = {
        name: play(made, make_player(name)) for name in ("hold", "random", "table", "planner")
    }
    assert earned["table"] > max(earned["hold"], earned["random"]) + 0.05
    assert earned["planner"] > earned["table"] + 0.05


def test_the_worth_of_actions_is_that_of_the_plans() -> None:
    """With one bar to plan, the best action is that of the beam; nothing else is thought of."""
    made, search = core(32), Search(horizon=1, beam=14, forecast=True)
    for _ in range(8):
        worth, masks = search.worth(made), made.action_masks()
        assert not np.isfinite(worth[~masks]).any()
        chosen = search.act(made)
        assert np.allclose(worth[np.arange(32), chosen], worth.max(axis=1))
        made.step(chosen)


def test_who_knows_the_future_earns_most() -> None:
    made = core(32)
    fair, oracle = play(made, Search(6, 4)), play(made, Search(6, 4, oracle=True))
    assert oracle > fair + 0.05


def test_a_rule_goes_round_where_no_way_leads() -> None:
    """With a mood wanted that only one far section has, the table goes there hop by hop."""
    made = core(64, memory_bars=0, bias_sd=0, log_gain_sd=0)
    library, worlds = made.library, made.worlds
    far = library.slots[worlds.cue]
    hops = np.where(far == NOWHERE, 0, library.path_bars[worlds.section[:, None], far])
    direct = library.leave_at[worlds.section[:, None], np.maximum(far, 0)] >= 0
    goal = far[np.arange(64), np.where(direct, -1, hops).argmax(axis=1)]
    reached = np.zeros(64, bool)
    rule = Table(np.array([-9.0, -9.0, -9.0, -9.0, -9.0]))
    library_mood = library.section_mood.copy()
    try:
        library.section_mood[:] = 5.0
        for at in range(64):  # the goals alone have what is wanted
            library.section_mood[goal[at]] = 0.0
        for _ in range(60):
            made.perception.forecast.moods_so_far[:] = 0.0
            made.step(rule.act(made))
            reached |= worlds.section == goal
    finally:
        library.section_mood[:] = library_mood
    assert reached.mean() > 0.9


def test_towards_comes_nearer_to_the_mix_that_is_wanted() -> None:
    made = core(32)
    wanted = np.full(32, 242)
    for _ in range(10):
        before = np.abs(MIX_LEVELS[made.perception.mix] - MIX_LEVELS[wanted])
        change = towards(made, wanted)
        made.step(change)
        after = np.abs(MIX_LEVELS[made.perception.mix] - MIX_LEVELS[wanted])
        assert (after.sum(axis=1) <= before.sum(axis=1)).all()
    present = made.library.present[made.worlds.section]
    assert (MIX_LEVELS[made.perception.mix] == 2)[present].all()


def test_tuning_finds_better_parameters() -> None:
    made = StemsCore(12 * 8, split="validation", bars=24)
    found = tune(Table, generations=3, population=12, episodes=8, core=made)
    bad = Table(np.array([2.0, 2.0, 2.0, 2.0, 2.0]))  # never moves
    judged = core(64, bars=24)
    assert found.shape == (Table.size,) and START.shape[0] > Table.size
    assert play(judged, Table(found)) > play(judged, bad)


def test_the_study_knows_its_players() -> None:
    study = find_study("stems")
    assert study.baseline in study.players and set(study.seeds) <= set(study.players)
    with pytest.raises(UnknownNameError, match="director of recorded music"):
        make_player("oracl")
    assert len(WAYS) * len(CHANGES) == 98
