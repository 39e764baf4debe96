"""In play as in training: the same inputs give the same bars."""

import json

import numpy as np
import pytest

from segue.agents.arrange.directors import make_director
from segue.agents.arrange.performer import Performer
from segue.envs.arrange.core import ArrangeCore
from segue.envs.arrange.perception import OBSERVATION
from segue.envs.arrange.settings import ArrangeSettings
from segue.music.cue_file import load_cue
from segue.music.direction import Direction
from segue.music.errors import RangeError, UnknownNameError
from segue.music.mood import MOOD_PER_SD, Mood

BARS = 24


def moods(seed: int) -> list[Mood]:
    rng = np.random.default_rng(seed)
    return [Mood(*rng.uniform(-0.7, 0.7, 2)) for _ in range(BARS)]


@pytest.mark.parametrize("director", ["table", "adaptive", "planner"])
def test_training_and_play_are_the_same_code(director: str) -> None:
    core = ArrangeCore(1, ArrangeSettings(cues=("dungeon",), bars=BARS))
    core.reset(np.random.default_rng(0))
    core.worlds.reset(np.arange(1), np.array([0]), np.array([5]))
    wanted = moods(1)
    # In training the mood of a bar is known after it, so the performer is told one bar late.
    targets = np.array([[m.valence, m.arousal] for m in wanted]) / MOOD_PER_SD
    core.targets[0, :BARS] = targets
    core.perception.reset(Direction().knobs[None], targets[:1])
    coming = core.worlds.look(core.worlds.set(core.perception.knobs))
    core.perception.look(core.ear, core.model, coming)
    acting = make_director(director, 5)
    performer = Performer(load_cue("dungeon"), director, seed=5)
    for bar in range(BARS - 1):
        performed = performer.next_bar(wanted[bar])
        core.step(acting.act(core))
        np.testing.assert_array_equal(performed.bar.direction.knobs, core.perception.knobs[0])
        np.testing.assert_allclose(
            performer.perception.observe(performer.worlds)[0, : OBSERVATION.index("felt_valence")],
            core.perception.observe(core.worlds)[0, : OBSERVATION.index("felt_valence")],
        )
        if core.perception.count[0, 0] > performer.perception.count[0, 0]:
            felt = core.listeners.felt[0] + core.noise[0, bar]
            performer.perception.rate(felt[None])


def test_same_seed_same_performance() -> None:
    cue = load_cue("neon")
    one, two = (Performer(cue, "random", seed=3) for _ in range(2))
    for mood in moods(2):
        a, b = one.next_bar(mood), two.next_bar(mood)
        assert np.array_equal(a.bar.notes, b.bar.notes)
        assert a.felt == b.felt


@pytest.mark.parametrize("director", ["adaptive", "random", "greedy"])
def test_a_snapshot_goes_on_alike(director: str) -> None:
    cue = load_cue("voyage")
    performer = Performer(cue, director, seed=1)
    for mood in moods(3)[:9]:
        performer.next_bar(mood)
    performer.rate(0.2, -0.1)
    performer.direct(drums=0.9)
    performer.go(cue.sections[2].name)
    state = json.loads(json.dumps(performer.snapshot()))
    other = Performer(cue, "table", seed=1)
    other.restore(state)
    for mood in moods(4):
        a, b = performer.next_bar(mood), other.next_bar(mood)
        assert np.array_equal(a.bar.notes, b.bar.notes)
        assert a.felt == b.felt


def test_a_person_holds_knobs_until_release() -> None:
    performer = Performer(load_cue("dungeon"), "table")
    performer.direct(drums=1.0, tempo=0.0)
    for mood in moods(5)[:4]:
        direction = performer.next_bar(mood).bar.direction
        assert (direction.drums, direction.tempo) == (1.0, 0.0)
    performer.release("drums")
    assert performer.held == {"tempo": 0.0}
    performer.release()
    assert performer.held == {}
    performer.direct(fill=True)
    assert performer.next_bar(Mood()).bar.fill
    assert not performer.next_bar(Mood()).bar.fill


def test_ratings_move_what_is_believed() -> None:
    performer = Performer(load_cue("dungeon"), "adaptive")
    for mood in moods(6)[:6]:
        performer.next_bar(mood)
    before = performer.perception.felt.copy()
    performer.rate(0.9, 0.9)
    assert (performer.perception.felt > before).all()


def test_bad_directions_change_nothing() -> None:
    performer = Performer(load_cue("dungeon"), "table")
    with pytest.raises(RangeError, match="drums is 2"):
        performer.direct(drums=2)
    with pytest.raises(UnknownNameError, match="did you mean 'drums'"):
        performer.direct(drumz=0.5)
    with pytest.raises(UnknownNameError, match="did you mean 'boss'"):
        performer.go("bos")
    with pytest.raises(UnknownNameError, match="did you mean 'boss'"):
        performer.direct(section="bos", fill=True, drums=0.9)
    with pytest.raises(RangeError, match="valence is nan"):
        performer.rate(float("nan"), 0)
    assert performer.held == {}
    assert not performer.next_bar(Mood()).bar.fill
