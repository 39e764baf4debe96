"""The synthesizer with knobs: the same samples everywhere, in tune, and each knob does its work."""

import numpy as np
import pytest

from segue.music.errors import SegueError
from segue.synth.patch import KNOBS, Patch, knob_values, play_knobs

RATE = 22_050
STEP = 4_410
MIDDLE = np.full(len(KNOBS), 0.5)


def knobs(**turned: float) -> np.ndarray:
    """A clean sine in the middle of its range, with some knobs elsewhere."""
    clean = {"pitch": 0.5, "ratio": 0.0, "index": 0.0, "saw": 0.0, "noise": 0.0, "cutoff": 1.0}
    rest = {"resonance": 0.0, "level": 1.0}
    return np.array([(clean | rest | turned)[knob.name] for knob in KNOBS])


def spectrum(sound: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.rfft(sound[-4096:] * np.hanning(4096)))


def test_a_voice_sounds_the_same_whatever_sounds_beside_it() -> None:
    drawn = np.random.default_rng(0).uniform(size=(2, 24, len(KNOBS)))
    many = Patch(drawn[0], RATE)
    first = many.play(STEP)
    many.turn(drawn[1])
    second = many.play(STEP)
    other = Patch(drawn[1], RATE)  # plays in between, in the same process
    other.play(STEP)
    alone = play_knobs(drawn[:, 7], RATE, STEP)
    assert np.array_equal(alone, np.concatenate([first[:, 7], second[:, 7]]))


def test_all_settings_are_finite_and_within_full_scale() -> None:
    drawn = np.random.default_rng(1).uniform(size=(8, 128, len(KNOBS)))
    drawn[0, :64] = np.rint(drawn[0, :64])  # the corners
    patch = Patch(drawn[0], RATE)
    for turned in drawn:
        patch.turn(turned)
        sound = patch.play(STEP)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() <= 1.0
        assert (np.abs(sound).max(axis=0) > 1e-5).all()


@pytest.mark.parametrize("midi", [36, 60, 84])
def test_pitch_is_in_tune(midi: int) -> None:
    sound = Patch(knobs(pitch=(midi - 36) / 48)[None], 48_000).play(9_600)[:, 0]
    size = 1 << 18
    peak = np.abs(np.fft.rfft(sound[-4800:] * np.hanning(4800), size)).argmax() * 48_000 / size
    assert peak == pytest.approx(440.0 * 2.0 ** ((midi - 69) / 12), rel=0.005)


@pytest.mark.parametrize("name", ["index", "saw", "noise"])
def test_knobs_of_the_spectrum_brighten_a_sine(name: str) -> None:
    plain = spectrum(Patch(knobs()[None], RATE).play(STEP)[:, 0])
    turned = spectrum(Patch(knobs(**{name: 1.0})[None], RATE).play(STEP)[:, 0])
    bins = np.arange(len(plain))
    assert (turned @ bins) / turned.sum() > 2.0 * (plain @ bins) / plain.sum()


def test_a_closed_filter_takes_away_what_is_high() -> None:
    opened, closed = (
        spectrum(Patch(knobs(saw=1.0, cutoff=at)[None], RATE).play(STEP)[:, 0]) for at in (1.0, 0.2)
    )
    assert closed[400:].sum() < 0.02 * opened[400:].sum()


def test_level_and_ratio_have_their_units() -> None:
    loud, soft = (Patch(knobs(level=at)[None], RATE).play(STEP)[-2205:, 0] for at in (1.0, 0.0))
    assert 20 * np.log10(loud.std() / soft.std()) == pytest.approx(30.0, abs=0.1)
    values = knob_values(np.array([0.5, 0.34, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]))
    assert values["pitch"] == 60.0
    assert values["ratio"] == 2.0
    assert values["cutoff"] == pytest.approx(150.0)


def test_bad_knobs_and_lengths_are_told() -> None:
    patch = Patch(MIDDLE[None], RATE)
    with pytest.raises(SegueError, match="shape"):
        patch.turn(np.zeros((2, len(KNOBS))))
    with pytest.raises(SegueError, match="finite"):
        patch.turn(np.full((1, len(KNOBS)), np.nan))
    with pytest.raises(SegueError, match="multiple of 441"):
        patch.play(1000)
    patch.close()
    with pytest.raises(SegueError, match="closed"):
        patch.play(STEP)
