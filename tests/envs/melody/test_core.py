"""`segue/Melody-v0`: events, the note model, observations, what is told at the end."""

import numpy as np
import pytest

from segue.envs import make_core
from segue.envs.melody.core import MelodyCore
from segue.envs.melody.events import EVENTS, HOLD, OFF, events_of, notes_of
from segue.envs.melody.note_model import START, load_note_model, piece_log_probs
from segue.envs.melody.statistics import statistics_of
from segue.music.errors import RangeError, SegueError, UnknownNameError


def core_of(n: int = 3, seed: int = 0, **options: object) -> MelodyCore:
    core = make_core("melody", n, **options)
    assert isinstance(core, MelodyCore)
    core.reset(np.random.default_rng(seed))
    return core


def test_events_and_notes_are_the_same_melody() -> None:
    events = np.array([14, HOLD, 16, OFF, HOLD, 18, 18, HOLD])
    notes = notes_of(events)
    assert notes["onset_beats"].tolist() == [0.0, 1.0, 2.5, 3.0]
    assert notes["duration_beats"].tolist() == [1.0, 0.5, 0.5, 1.0]
    assert notes["pitch"].tolist() == [60, 62, 64, 64]
    assert events_of(notes, 8).tolist() == events.tolist()
    assert events_of(notes, 10).tolist() == [*events.tolist(), OFF, HOLD]


def test_the_note_model_tells_chances_and_prefers_the_key() -> None:
    model = load_note_model()
    state = model.begin(np.array([START, 14]))
    for place, event in enumerate([14, 16, 18, 19]):
        assert np.allclose(np.exp(state.log_probs).sum(axis=1), 1.0, atol=1e-4)
        state = model.follow(state, np.array([event, event]), place + 1)
    rng = np.random.default_rng(0)
    scale = np.array([[START, *[14, 16, 18, 19, 21, 19, 18, 16] * 4]])
    noise = np.append(START, rng.integers(2, EVENTS, 32))[None]
    assert piece_log_probs(model, scale)[0] > -2.0 > piece_log_probs(model, noise)[0]


def test_what_is_told_at_the_end_is_what_the_pieces_are() -> None:
    core = core_of(4)
    played = np.random.default_rng(1).integers(0, EVENTS, (32, 4))
    told = np.zeros(4)
    for actions in played:
        told += core.step(actions)[3]["note_model"]
    found = core.metrics()
    for name, values in statistics_of(played.T).items():
        assert np.array_equal(found[name], values, equal_nan=True), name
    assert found["log_prob"] == pytest.approx(told / 32)


def test_primes_sway_the_note_model_and_splits_draw_others() -> None:
    first = core_of(64).observe()
    assert len(np.unique(first[:, :EVENTS], axis=0)) > 3
    assert np.array_equal(first, core_of(64).observe())
    assert not np.array_equal(first, core_of(64, split="test").observe())


def test_observations_name_what_they_hold() -> None:
    core = core_of(1)
    for event in [14, HOLD, 21, 19]:
        seen, *_ = core.step(np.array([event]))
    at = {name: float(seen[0, i]) for i, name in enumerate(core.OBSERVATION)}
    assert len(core.OBSERVATION) == seen.shape[1] == len(set(core.OBSERVATION))
    assert at["last_pitch_65"] == at["recent_pitch_60"] == at["place_4"] == at["bar_0"] == 1.0
    assert at["count_pitch_60"] == at["leaps"] == 0.5
    assert at["leap_direction"] == 1.0
    assert at["leapt"] == 0.0
    assert at["from_leap"] == pytest.approx(5 / 12)
    assert at["log_prob_hold"] == pytest.approx(float(core.log_probs[0, HOLD]))


def test_a_score_holds_the_notes_so_far() -> None:
    core = core_of(2)
    for event in [14, HOLD, 21]:
        core.step(np.array([event, OFF]))
    notes = core.score(0).tracks[0].notes
    assert notes["pitch"].tolist() == [60, 67]
    assert notes["duration_beats"].tolist() == [1.0, 0.5]
    assert not len(core.score(1).tracks[0].notes)


def test_bad_options_say_what_is_wrong() -> None:
    with pytest.raises(UnknownNameError, match="repaired"):
        make_core("melody", 1, rules="repared")
    with pytest.raises(UnknownNameError, match="split"):
        make_core("melody", 1, split="heldout")
    with pytest.raises(RangeError, match="leaps_weight"):
        make_core("melody", 1, leaps_weight=-1)
    with pytest.raises(SegueError, match="train_notes"):
        make_core("melody", 1, model="no_such_model")
