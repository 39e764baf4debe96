import numpy as np
import pytest
from pyloudnorm.iirfilter import IIRfilter
from scipy.signal import lfilter

from segue.analysis.sound.weighting import Weighting


def filtered(sound, rate):
    """By pyloudnorm's filters, one after the other."""
    found = sound.T
    for stage in (
        IIRfilter(4.0, np.sqrt(0.5), 1500.0, rate, "high_shelf"),
        IIRfilter(0.0, 0.5, 38.0, rate, "high_pass"),
    ):
        found = lfilter(stage.b, stage.a, found)
    return found


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000, 384_000])
def test_it_is_the_filter_of_pyloudnorm(rate):
    sound = np.random.default_rng(0).standard_normal((20_000, 2)) + 0.5
    found = Weighting(rate, 2).push(sound)
    np.testing.assert_allclose(found, filtered(sound, rate), atol=1e-6)


@pytest.mark.parametrize("size", [1, 7, 128, 1_000, 4_096, 9_999])
def test_blocks_do_not_matter(size):
    sound = np.random.default_rng(1).standard_normal((10_000, 3))
    weighting = Weighting(48_000, 3)
    parts = [weighting.push(sound[at : at + size]) for at in range(0, len(sound), size)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), filtered(sound, 48_000), atol=1e-10)


def test_an_offset_dies_away():
    found = Weighting(8_000, 1).push(np.ones((80_000, 1), np.float32))
    assert np.abs(found[0, -100:]).max() < 1e-9
