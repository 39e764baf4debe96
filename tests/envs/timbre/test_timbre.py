"""`segue/Timbre-v0` beyond the contract: what it hears, what it pays, what its targets are."""

import pickle
from typing import Any

import numpy as np
import pytest

from segue.analysis.sound.descriptors import (
    CHROMA,
    DESCRIPTORS,
    LOUDNESS,
    PITCH,
    VOICING,
    Describer,
)
from segue.envs.timbre.core import DISTANCES, TimbreCore
from segue.envs.timbre.perception import FARTHEST, OBSERVATION, distance, distances, scaled
from segue.envs.timbre.phrases import (
    INSTRUMENTS,
    PHRASE_STEPS,
    PHRASES,
    load_phrases,
    phrase_sound,
)
from segue.envs.timbre.settings import TARGETS, TimbreSettings
from segue.envs.timbre.targets import target_sound
from segue.music.errors import RangeError, UnknownNameError
from segue.synth.patch import KNOBS


def started(n: int = 2, seed: int = 0, **options: Any) -> TimbreCore:
    core = TimbreCore(n, **options)
    core.reset(np.random.default_rng(seed))
    return core


def to_target(core: TimbreCore) -> np.ndarray:
    """Actions that go straight to the knobs of the target."""
    assert core.targets is not None
    wanted = core.targets.knobs[:, min(core.step_number + 1, core.steps)]
    return np.clip((wanted - core.knobs) / core.settings.largest_move, -1.0, 1.0)


def play(core: TimbreCore, steps: int, seed: int = 1) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    moves = [rng.uniform(-1.0, 1.0, (core.n, len(KNOBS))) for _ in range(steps)]
    return [core.step(core.accept(move))[0] for move in moves]


def test_who_reaches_the_settings_of_the_target_hears_the_same() -> None:
    core = started(8)
    before = core.distance.mean()
    for _ in range(8):
        core.step(to_target(core))
    assert before > 0.5
    assert core.distance.mean() < 0.1


def test_a_glide_can_be_followed_and_moves() -> None:
    core = started(4, target="glide")
    assert core.targets is not None
    moved = np.abs(np.diff(core.targets.knobs, axis=1)).sum(axis=(1, 2))
    assert (moved > 0.5).all()
    for _ in range(20):
        core.step(to_target(core))
    assert core.distance.mean() < 0.2


def test_the_reward_is_made_of_what_its_manual_says() -> None:
    core = started(3)
    before = core.distance
    knobs = core.knobs
    _, reward, _, terms = core.step(np.full((3, len(KNOBS)), 0.4))
    apart = distances(core.own, core.target)
    for name in DISTANCES:
        share = (1.0 if name != "chroma" else 0.5) / 5.5
        assert np.allclose(terms[name], -share * apart[name])
    assert np.allclose(terms["improvement"], 0.5 * (before - core.distance))
    assert np.allclose(terms["movement"], -0.1 * np.abs(core.knobs - knobs).mean(axis=1))
    assert np.allclose(reward, sum(terms.values()))


def test_a_weight_of_nothing_leaves_a_descriptor_out() -> None:
    core = started(2, pitch_weight=0.0, chroma_weight=0.0)
    _, _, _, terms = core.step(np.zeros((2, len(KNOBS))))
    assert not terms["pitch"].any()
    assert sum(core.settings.weights.values()) == pytest.approx(1.0)


def test_a_running_episode_goes_on_after_pickling() -> None:
    core = started(3)
    play(core, 5)
    twin = pickle.loads(pickle.dumps(core))
    for one, other in zip(play(core, 5, 2), play(twin, 5, 2), strict=True):
        assert np.array_equal(one, other)


def test_the_sound_is_what_was_heard() -> None:
    core = started(4)
    play(core, 6)
    sound = core.sound(2)
    assert sound.shape == (7 * 9600, 2)
    loudness = 20.0 * np.log10(np.sqrt(np.mean(np.square(sound[-9600:, 0]))))
    assert loudness == pytest.approx(core.own[2, LOUDNESS], abs=1.5)
    assert core.targets is not None
    assert len(target_sound(core.targets, core.settings, 2)) == 33 * 4410


def test_discrete_actions_move_knobs_by_a_twentieth() -> None:
    core = started(1, discrete=True)
    core.turned[0][:] = 0.5
    core.step(core.accept(np.array([[0, 1, 2, 1, 1, 1, 1, 1]])))
    assert np.allclose(core.knobs[0], [0.45, 0.5, 0.55, 0.5, 0.5, 0.5, 0.5, 0.5])


def test_knobs_stay_in_their_range() -> None:
    core = started(2)
    for _ in range(6):
        core.step(np.ones((2, len(KNOBS))))
    assert (core.knobs == 1.0).all()


def test_splits_have_targets_of_their_own() -> None:
    drawn = [started(2, split=split).targets for split in ("train", "validation", "test")]
    assert all(found is not None for found in drawn)
    assert len({float(found.knobs[0, 0, 0]) for found in drawn if found}) == 3


def test_another_rate_of_the_synthesizer_is_heard_alike() -> None:
    low, high = started(16), started(16, sample_rate=44_100)
    apart = distance(low.own, high.own, low.settings.weights)
    others = distance(low.own, high.own[::-1], low.settings.weights)
    assert np.median(apart) < 0.15 < np.median(others)


def test_instruments_play_notes_and_phrases() -> None:
    note = started(3, target="note", split="validation")
    phrase = started(3, target="phrase", split="validation")
    assert note.targets is not None and phrase.targets is not None
    assert (note.targets.descriptors[:, 0] == note.targets.descriptors[:, -1]).all()
    assert (np.abs(np.diff(phrase.targets.descriptors, axis=1)).max(axis=(1, 2)) > 1.0).all()
    assert np.isnan(phrase.targets.knobs).all()
    assert "phrase of" in phrase.about(0)["target"]
    assert phrase.picture(0).shape == (400, 800, 3)
    mixed = started(40, target="mixed", split="validation")
    assert mixed.targets is not None
    assert set(mixed.targets.kinds) == set(range(len(TARGETS) - 1))


def test_what_is_shipped_of_an_instrument_is_what_it_sounds_like() -> None:
    shipped = load_phrases("validation")
    for number in (0, PHRASES - 1):
        steps = phrase_sound("epiano", number).reshape(PHRASE_STEPS, -1)
        row = shipped.names.index("epiano") + number
        weights = TimbreSettings().weights
        apart = distance(Describer().describe(steps), shipped.descriptors[row], weights)
        assert apart.max() < 0.02
    everyone = [name for names in INSTRUMENTS.values() for name in names]
    assert len(everyone) == len(set(everyone))


def test_distances_are_symmetric_bounded_and_none_to_itself() -> None:
    rng = np.random.default_rng(0)
    own, target = rng.normal(0.0, 60.0, (2, 50, len(DESCRIPTORS)))
    own[:, CHROMA], target[:, CHROMA] = rng.uniform(0, 1, (2, 50, 12))
    there, back = distances(own, target), distances(target, own)
    for name, values in there.items():
        assert np.allclose(values, back[name])
        assert (values >= 0.0).all() and (values <= FARTHEST).all()
        assert np.allclose(distances(own, own)[name], 0.0, atol=1e-6)


def test_a_sound_without_pitch_has_no_place_for_one() -> None:
    rows = np.zeros((2, len(DESCRIPTORS)))
    rows[:, PITCH] = 96.0
    rows[:, VOICING] = [0.2, 0.95]
    assert scaled(rows)[:, PITCH].tolist() == [0.0, 3.0]
    assert len(OBSERVATION) == 96


def test_bad_settings_are_told() -> None:
    with pytest.raises(UnknownNameError, match="did you mean"):
        TimbreSettings.from_options(targt="note")
    with pytest.raises(UnknownNameError, match="target"):
        TimbreSettings(target="whistle")
    with pytest.raises(UnknownNameError, match="split"):
        TimbreSettings(split="tests")
    with pytest.raises(RangeError, match="pitch_weight"):
        TimbreSettings(pitch_weight=-1.0)
