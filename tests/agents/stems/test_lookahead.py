"""The search round the policy of recorded music, and what it expects of the bars after."""

import json

import numpy as np
import pytest

from segue.agents.stems.lookahead import Lookahead, Value, imagine_bar
from segue.agents.stems.players import MODELS, make_player
from segue.agents.stems.rules import Hold, Random
from segue.agents.stems.train_value import BARS_AHEAD, fit, observe_returns, share_told
from segue.agents.thought import in_thought
from segue.envs.stems.actions import ACTIONS
from segue.envs.stems.core import StemsCore
from segue.envs.stems.perception import OBSERVATION
from segue.envs.stems.route import Place
from segue.music.errors import FileFormatError


def core(n: int, seed: int = 0, **options: object) -> StemsCore:
    made = StemsCore(n, split="validation", **options)
    made.reset(np.random.default_rng(seed))
    return made


def nothing() -> Value:
    """Expects the same of every state."""
    return Value({"slope": np.zeros(len(OBSERVATION)), "level": np.zeros(1)})


def looking(**settings: object) -> Lookahead:
    return Lookahead(make_player("policy"), nothing(), **settings)


def test_a_bar_in_thought_is_the_bar_that_comes() -> None:
    """Where listeners are all alike and the future is told, nothing else happens than expected."""
    made = core(24, bias_sd=0, log_gain_sd=0, rating_every_bars=0)
    player = Random(1)
    made.step(player.act(made))
    for _ in range(30):
        action, seen = player.act(made), made.perception
        seen.forecast.be_told(made.moods_ahead(6))
        rows = np.arange(48) // 2
        twin = in_thought(seen, rows, "mix")
        place = Place(*(part[rows] for part in Place.of(made.worlds)))
        place, cost = imagine_bar(made.library, twin, place, action[rows])
        _, reward, _, _ = made.step(action)
        assert np.allclose(cost[::2], -reward, atol=5e-3)
        assert np.array_equal(twin.mix[1::2], seen.mix)
        assert np.allclose(twin.estimate[1::2], seen.estimate)
        assert np.allclose(twin.targets[0, ::2], seen.targets[0])
        for mine, theirs in zip(place, Place.of(made.worlds), strict=True):
            assert np.array_equal(mine[::2], theirs)


def test_trying_everything_finds_the_best_bar_and_trust_leaves_the_policy_alone() -> None:
    made = core(16)
    every = looking(first=len(ACTIONS), bars=1, trust=0.0)
    trusting = looking(trust=1e6)
    for _ in range(6):
        masks = made.action_masks()
        rows, actions = masks.nonzero()
        place = Place(*(part[rows] for part in Place.of(made.worlds)))
        twin = in_thought(made.perception, rows, "mix")
        _, cost = imagine_bar(made.library, twin, place, actions)
        worth = np.full(masks.shape, np.inf)
        worth[rows, actions] = cost
        chosen = every.act(made)
        assert np.allclose(worth[np.arange(16), chosen], worth.min(axis=1))
        assert np.array_equal(trusting.act(made), trusting.policy.act(made))
        made.step(chosen)


def test_looking_ahead_leaves_everything_as_it_was() -> None:
    made = core(8)
    agent = make_player("agent")
    before = json.dumps(made.perception.snapshot())
    place = [part.copy() for part in Place.of(made.worlds)]
    first = agent.act(made)
    assert json.dumps(made.perception.snapshot()) == before
    assert all(np.array_equal(*pair) for pair in zip(place, Place.of(made.worlds), strict=True))
    assert np.array_equal(agent.act(made), first)


def test_the_search_earns_more_than_its_policy_alone() -> None:
    made = core(64)
    earned = {}
    for name in ("agent", "policy"):
        made.reset(np.random.default_rng(3))
        player, over = make_player(name), False
        earned[name] = 0.0
        while not over:
            _, reward, over, _ = made.step(player.act(made))
            earned[name] += float(reward.mean()) / made.steps
    assert earned["agent"] > earned["policy"] + 0.01


def test_a_value_tells_what_the_coming_bars_earn() -> None:
    made = StemsCore(48, split="validation", bars=24)
    rng = np.random.default_rng(2)
    weights = fit(made, Hold(), rng, rounds=3)
    unseen = core(48, bars=24)
    seen, sums = observe_returns(unseen, Hold(), np.random.default_rng(8))
    assert seen.shape == (48 * (24 - BARS_AHEAD + 1), len(OBSERVATION))
    assert share_told(Value(weights), seen, sums) > 0.1 > share_told(nothing(), seen, sums)
    unseen.reset(np.random.default_rng(8))
    earned = sum(unseen.step(np.zeros(48, np.int64))[1] for _ in range(BARS_AHEAD))
    assert np.allclose(sums[:48], earned)


def test_a_value_of_another_observation_is_refused() -> None:
    with pytest.raises(FileFormatError, match="another observation"):
        Value.load(MODELS / "arranger.json")
