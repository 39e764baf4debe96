"""In play as in training: the same inputs give the same bars."""

import json

import numpy as np
import pytest

from segue.agents.arrange.directors import make_director
from segue.agents.arrange.performer import Performer
from segue.envs.arrange.core import ArrangeCore
from segue.envs.arrange.course import Course
from segue.envs.arrange.settings import ArrangeSettings
from segue.envs.arrange.sources import ToldSource
from segue.envs.games.game import N_FEATURES
from segue.music.cue_file import load_cue
from segue.music.direction import Direction
from segue.music.errors import RangeError, SegueError, UnknownNameError
from segue.music.mood import MOOD_PER_SD, Mood

BARS = 24


def moods(seed: int) -> list[Mood]:
    rng = np.random.default_rng(seed)
    return [Mood(*rng.uniform(-0.7, 0.7, 2)) for _ in range(BARS)]


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("director", ["agent", "adaptive", "planner"])
def test_training_and_play_are_the_same_code(director: str, told: bool) -> None:
    """The same game, listener and director: the same observations and knobs to the last bit."""
    settings = ArrangeSettings.from_options(
        cues=("dungeon",), bars=BARS, feedback="rating+thumbs", thumbs_every_bars=3
    )
    core = ArrangeCore(1, settings)
    core.reset(np.random.default_rng(0))
    core.worlds.reset(np.arange(1), np.array([0]), np.array([5]))
    wanted = moods(1)
    targets = np.array([[m.valence, m.arousal] for m in wanted]) / MOOD_PER_SD
    features = np.random.default_rng(2).random((BARS, N_FEATURES)) if told else None
    core.course = Course([ToldSource(targets, features)], np.zeros(1, int), np.zeros(1, int))
    core.begin(Direction().knobs[None])
    acting = make_director(director, 5)
    performer = Performer(load_cue("dungeon"), director, seed=5)
    ratings = 0
    for bar in range(BARS - 1):
        seen = core.observe()[0]
        performed = performer.next_bar(wanted[bar], None if features is None else features[bar])
        np.testing.assert_array_equal(performed.observation, seen)
        core.step(acting.act(core))
        np.testing.assert_array_equal(performed.bar.direction.knobs, core.perception.knobs[0])
        if core.answers.rating is not None:
            performer.perception.rate(core.answers.rating)
            ratings += 1
        if core.answers.thumbs is not None:
            performer.thumb(float(core.answers.thumbs[0]))
    assert ratings == (BARS - 1) // 4


def test_answers_can_be_taken_back_and_learning_stopped() -> None:
    performer = Performer(load_cue("dungeon"), "adaptive")
    for mood in moods(8)[:6]:
        performer.next_bar(mood)
    untouched = performer.perception.bias.copy()
    performer.rate(0.9, 0.9)
    assert (performer.perception.bias > untouched).all()
    performer.unlearn()
    assert np.array_equal(performer.perception.bias, untouched)
    performer.thumb(-1.0)
    performer.unlearn()
    performer.next_bar(Mood(0.3, 0.3))
    assert np.array_equal(performer.perception.bias, untouched)
    performer.thumb(-1.0)
    performer.next_bar(Mood(0.3, 0.3))
    liked = performer.perception.bias.copy()
    assert not np.array_equal(liked, untouched)
    performer.adapt(False)
    performer.rate(-0.9, -0.9)
    performer.thumb(1.0)
    performer.next_bar(Mood(0.3, 0.3))
    assert np.array_equal(performer.perception.bias, liked)
    performer.adapt(True)
    performer.rate(-0.9, -0.9)
    assert (performer.perception.bias < liked).all()


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
    performer.thumb(1.0)
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
    with pytest.raises(SegueError, match="15 finite numbers"):
        performer.next_bar(Mood(), np.full(N_FEATURES, np.nan))
    with pytest.raises(SegueError, match="15 finite numbers"):
        performer.next_bar(Mood(), np.zeros(3))
    assert performer.held == {}
    assert not performer.next_bar(Mood()).bar.fill
