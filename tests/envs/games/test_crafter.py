"""The survival game: played by its scripted player, repeated, and brought to the common units."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from segue.envs.games.crafter import HEALTH_POINTS, CrafterGame
from segue.envs.games.forager import Forager
from segue.envs.games.game import GAME_FEATURES, GameMeter, GameTick
from segue.music.errors import MissingPartError, RangeError, SegueError

BAGS = {name: 9 for name in ("health", "food", "drink", "energy")} | {
    name: 0
    for name in ("wood", "stone", "wood_sword", "wood_pickaxe", "stone_sword", "stone_pickaxe")
}


@pytest.fixture(scope="module")
def played() -> list[GameTick]:
    """Two minutes, in which some die."""
    with CrafterGame(seed=4, aim=0.8, episode_seconds=60.0) as game:
        return [game.step() for _ in range(600)]


def meadow(**things: tuple[int, int]) -> np.ndarray:
    """A meadow on the screen with things at places relative to the player."""
    seen = np.full((9, 7), "grass", dtype="<U16")
    for name, (x, y) in things.items():
        seen[4 + x, 3 + y] = name
    return seen


def attentive() -> Forager:
    return Forager(aim=1.0, rng=np.random.default_rng(0))


def test_the_player_fights_eats_gathers_and_dies(played: list[GameTick]) -> None:
    assert sum(tick.kills for tick in played) >= 3
    assert sum(tick.hits for tick in played) >= 6
    assert sum(tick.damage_taken for tick in played) >= 40
    assert sum(tick.items for tick in played) >= 15
    assert any(tick.died and tick.health == 0 and tick.over for tick in played)
    for tick in played:
        assert 0 <= tick.health <= 100 and 0 <= tick.monster_area <= 1
        assert tick.hits <= tick.shots <= 1 and tick.distance in (0.0, 64.0)


def test_health_and_damage_add_up(played: list[GameTick]) -> None:
    for before, after in pairwise(played):
        if not after.new_life:
            change = after.healed - after.damage_taken
            assert after.health - before.health == pytest.approx(change)
            assert change / HEALTH_POINTS == pytest.approx(round(change / HEALTH_POINTS))


def test_episodes_follow_each_other_in_game_time(played: list[GameTick]) -> None:
    over = [index for index, tick in enumerate(played) if tick.over]
    new = [index for index, tick in enumerate(played) if tick.new_life]
    assert new == [0, *(index + 1 for index in over if index + 1 < len(played))]
    assert [tick.time_seconds for tick in played] == pytest.approx(np.arange(1, 601) * 0.2)
    assert max(np.diff([-1, *over])) <= 300


def test_the_same_seed_is_the_same_game(played: list[GameTick]) -> None:
    with CrafterGame(seed=4, aim=0.8, episode_seconds=60.0) as game:
        game.begin(9, aim=0.1)
        other = [game.step().numbers() for _ in range(100)]
        game.begin(4, aim=0.8)
        again = [game.step().numbers() for _ in range(100)]
    assert again == [tick.numbers() for tick in played[:100]] != other


_PLAY = """
from segue.envs.games.crafter import CrafterGame
litter = [object() for _ in range({litter})]  # so that objects lie elsewhere in memory
with CrafterGame(seed=6, aim=0.9) as game:
    print(sum(hash(tuple(game.step().numbers())) for _ in range(250)))
"""


def test_the_same_seed_is_the_same_game_in_another_process() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", _PLAY.format(litter=litter)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for litter in (0, 12_345)
    }
    assert len(said) == 1


def test_the_meter_reads_the_game(played: list[GameTick]) -> None:
    meter, moods = GameMeter(), []
    for tick in played:
        meter.add(tick)
        if meter.full:
            assert meter.take().shape == (len(GAME_FEATURES),)
            moods.append(meter.mood)
    assert len(moods) == 60 and np.std(moods, axis=0).min() > 0.3


def test_the_screen_can_be_seen() -> None:
    with CrafterGame(seed=1) as game:
        game.step()
        frame = game.frame()
    assert frame.shape == (180, 180, 3) and frame.dtype == np.uint8 and frame.std() > 5
    with pytest.raises(SegueError, match="closed"):
        game.step()


def test_the_player_turns_to_a_monster_and_strikes() -> None:
    player = attentive()
    assert player.act(meadow(zombie=(1, 0), tree=(0, 1)), BAGS) == "move_right"
    assert player.act(meadow(zombie=(1, 0), tree=(0, 1)), BAGS) == "do"


def test_the_player_goes_round_water_to_what_it_needs() -> None:
    seen = meadow(cow=(3, 0))
    seen[5, 1:] = "water"  # a river to the right with a way round above
    way = attentive().act(seen, BAGS | {"food": 2})
    assert way == "move_up"
    assert attentive().act(seen, BAGS | {"drink": 2}) == "move_right"


def test_a_weak_player_runs_away() -> None:
    assert attentive().act(meadow(zombie=(2, 0)), BAGS | {"health": 1}) == "move_left"


def test_the_player_makes_tools_and_sleeps() -> None:
    assert attentive().act(meadow(), BAGS | {"wood": 5}) == "place_table"
    assert attentive().act(meadow(table=(1, 1)), BAGS | {"wood": 3}) == "make_wood_sword"
    armed = BAGS | {"wood": 2, "stone": 1, "wood_sword": 1, "wood_pickaxe": 1}
    assert attentive().act(meadow(table=(1, 1)), armed) == "make_stone_sword"
    assert attentive().act(meadow(), BAGS | {"energy": 1}) == "sleep"


def test_an_absent_minded_player_heeds_nothing() -> None:
    player = Forager(aim=0.0, rng=np.random.default_rng(0))
    acts = [player.act(meadow(zombie=(1, 0)), BAGS) for _ in range(200)]
    assert acts.count("do") < 20


def test_wrong_numbers_are_refused() -> None:
    for wrong in ({"aim": 1.5}, {"seed": -1}, {"episode_seconds": 0.0}):
        with pytest.raises(RangeError):
            CrafterGame(**{"seed": 0, **wrong})


def test_without_crafter_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "crafter", None)
    with pytest.raises(MissingPartError, match=r"pip install 'segue\[game\]'"):
        CrafterGame(seed=0)
