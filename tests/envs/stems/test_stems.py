"""`segue/Stems-v0`: what is allowed, what is felt, and what it earns."""

import numpy as np
import pytest

from segue.envs.stems.actions import ACTIONS, CHANGES, WAYS
from segue.envs.stems.core import StemsCore
from segue.envs.stems.library import MIX_LEVELS, NOWHERE, UNITS
from segue.envs.stems.perception import OBSERVATION
from segue.music.direction import Direction
from segue.music.errors import RangeError, SegueError, UnknownNameError
from segue.music.world import World

KEEP = 0


def fresh(n: int = 8, seed: int = 0, **options: object) -> StemsCore:
    core = StemsCore(n, split="validation", **options)
    core.reset(np.random.default_rng(seed))
    return core


def seen(core: StemsCore, name: str) -> np.ndarray:
    return core.observe()[:, OBSERVATION.index(name)]


def test_masks_are_what_a_world_accepts() -> None:
    """Each way that is open is one that `check_go` accepts, and no other is."""
    core, rng = fresh(6), np.random.default_rng(1)
    cues = [core.library.cues[at] for at in core.worlds.cue]
    worlds = [World(cue) for cue in cues]
    first = core.library.book.first_section[core.worlds.cue]
    for _ in range(40):
        masks = core.action_masks()
        ways = masks.reshape(core.n, len(WAYS), len(CHANGES))[:, :, KEEP]
        for at, world in enumerate(worlds):
            assert ways[at, 0]
            for slot, section in enumerate(core.library.slots[core.worlds.cue[at]]):
                if section == NOWHERE:
                    assert not ways[at, 1 + slot]
                    continue
                name = cues[at].sections[section - first[at]].name
                try:
                    world.check_go(name)
                    accepted = name not in (world.section, world.pending)
                except SegueError:
                    accepted = False
                assert ways[at, 1 + slot] == accepted
        actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks])
        for at, world in enumerate(worlds):
            way = actions[at] // len(CHANGES)
            target = core.library.slots[core.worlds.cue[at], way - 1] - first[at]
            section = cues[at].sections[target].name if way else None
            bar = world.advance(Direction(section=section))
            assert bar.bars.cue.shape == (1,)
        core.step(actions)
        for at, world in enumerate(worlds):
            assert world.section == cues[at].sections[core.worlds.section[at] - first[at]].name
            assert (world.pending is None) == (core.worlds.pending[at] == NOWHERE)


def test_changes_move_one_part_or_all_and_leave_something_sounding() -> None:
    core = fresh(64)
    rng = np.random.default_rng(0)
    for _ in range(30):
        masks = core.action_masks()
        before = core.perception.mix.copy()
        actions = np.array([rng.choice(np.flatnonzero(mask[: len(CHANGES)])) for mask in masks])
        core.step(actions)
        moved = np.abs(MIX_LEVELS[core.perception.mix] - MIX_LEVELS[before]).sum(axis=1)
        single = (actions > 0) & (actions < 11)
        assert (moved[actions == 0] <= 1).all()
        assert (moved[single] >= 1).all()
        section = core.played[-1].section
        assert (MIX_LEVELS[core.perception.mix] * core.library.present[section]).any(axis=1).all()


def test_a_mask_keeps_the_last_part_from_falling_silent() -> None:
    core = fresh(4)
    core.perception.mix = np.full(4, UNITS[0])  # one part, soft
    masks = core.action_masks()
    assert not masks[:, CHANGES.index("part_0_down")].any()
    assert masks[:, CHANGES.index("part_0_up")].all()
    assert not masks[:, CHANGES.index("part_1_down")].any()


def test_the_listener_follows_what_sounds() -> None:
    """Without lag, bias and spread, what is felt is what the table says of section and mix."""
    core = fresh(16, memory_bars=0, bias_sd=0, log_gain_sd=0, rating_every_bars=0)
    core.step(np.zeros(16, int))
    row = core.library.row[core.played[-1].section] + core.played[-1].number
    felt = core.library.mood[row, core.perception.mix]
    assert np.allclose(core.listeners.felt, felt)
    _, reward, _, terms = core.step(np.zeros(16, int))
    row = core.library.row[core.played[-1].section] + core.played[-1].number
    felt = core.library.mood[row, core.perception.mix]
    assert np.allclose(terms["mood"], -np.abs(felt - core.course.mood).mean(axis=1))
    assert np.allclose(reward, terms["mood"])  # nothing moved


def test_staying_tires_and_a_broken_promise_costs() -> None:
    core = fresh(32, bars=64)
    over = False
    while not over:
        *_, over, terms = core.step(np.zeros(32, int))
    turns = core.played[-1].number  # all stay in the first section
    assert (terms["monotony"] < 0).all() and turns.shape == (32,)
    core = fresh(64)
    masks = core.action_masks().reshape(64, len(WAYS), len(CHANGES))[:, 1:, KEEP]
    two = masks.sum(axis=1) >= 2
    assert two.any()
    first = np.where(two, masks.argmax(axis=1) + 1, 0)
    *_, terms = core.step(first * len(CHANGES))
    assert (terms["promise"] == 0).all()
    waits = core.worlds.pending != NOWHERE
    again = core.action_masks().reshape(64, len(WAYS), len(CHANGES))[:, 1:, KEEP]
    other = np.where(waits & again.any(axis=1), again.argmax(axis=1) + 1, 0)
    *_, terms = core.step(other * len(CHANGES))
    assert np.allclose(terms["promise"], np.where(other > 0, -0.2, 0.0))


def test_what_is_seen_of_a_section_is_where_it_would_be() -> None:
    core = fresh(32)
    masks = core.action_masks().reshape(32, len(WAYS), len(CHANGES))[:, 1:, KEEP]
    for slot in range(6):
        opened = seen(core, f"slot_{slot}_open") > 0
        assert np.array_equal(opened, masks[:, slot])
        here = core.library.slots[core.worlds.cue, slot] == core.worlds.section
        assert np.array_equal(seen(core, f"slot_{slot}_here") > 0, here)
        assert (seen(core, f"slot_{slot}_wait")[here] == 0).all()


def test_names_fit_the_spaces() -> None:
    core = fresh(2)
    assert core.observation_space.shape == (len(OBSERVATION),)
    assert core.action_space.n == len(ACTIONS) == len(core.ACTIONS)
    assert len(set(OBSERVATION)) == len(OBSERVATION)


def test_copies_of_an_episode_are_alike() -> None:
    core = StemsCore(8, split="validation")
    observed = core.reset(np.random.default_rng(0), copies=4)
    assert np.array_equal(observed[0], observed[3]) and not np.array_equal(observed[0], observed[4])


@pytest.mark.parametrize(
    "option", [{"bars": 0}, {"movement_weight": -1}, {"memory_bars": -1}, {"bias_sd": 9}]
)
def test_settings_out_of_range_are_refused(option: dict[str, float]) -> None:
    with pytest.raises(RangeError):
        StemsCore(1, **option)


def test_unknown_splits_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="split"):
        StemsCore(1, split="tests")
