import numpy as np
import pytest

from segue.analysis.sound.audio import FLOOR_DB, integrated_loudness
from segue.analysis.sound.loudness import loudness_curve
from segue.analysis.sound.loudness_meter import LoudnessMeter
from segue.music.errors import RangeError, SegueError


def programme(rate, channels=2, seconds=6):
    sound = 0.1 * np.random.default_rng(0).standard_normal((rate * seconds, channels))
    sound[rate : 2 * rate] *= 0.01
    sound[4 * rate :] *= 0.3
    return sound


def measured(sound, rate, size, **options):
    meter = LoudnessMeter(rate, sound.shape[1], **options)
    for at in range(0, len(sound), size):
        meter.push(sound[at : at + size])
    return meter


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 192_000])
def test_it_is_the_loudness_of_the_whole(rate):
    sound = programme(rate)
    meter = measured(sound, rate, 1777)
    assert meter.integrated_lufs() == pytest.approx(integrated_loudness(sound, rate), abs=1e-5)
    curve = loudness_curve(sound, rate)
    np.testing.assert_allclose(meter.curve().momentary_lufs, curve.momentary_lufs, atol=1e-5)
    assert meter.curve().range_lu == pytest.approx(curve.range_lu, abs=1e-5)
    assert meter.momentary_lufs == pytest.approx(curve.momentary_lufs[-1], abs=1e-5)
    assert meter.short_term_lufs == pytest.approx(curve.short_term_lufs[-1], abs=1e-5)


def test_blocks_do_not_matter():
    sound = programme(8_000)
    found = [measured(sound, 8_000, size).integrated_lufs() for size in (1, 799, 800, 10**6)[1:]]
    assert max(found) - min(found) < 1e-9
    meter = LoudnessMeter(8_000, 2)
    assert sum(meter.push(sound[at : at + 100]) for at in range(0, 8_000, 100)) == 10


def test_five_one_and_more():
    """The low-frequency channel does not count, surrounds count for more."""
    front, back, low = (np.zeros((8_000, 6)) for _ in range(3))
    noise = 0.1 * np.random.default_rng(0).standard_normal(8_000)
    front[:, 0], back[:, 4], low[:, 3] = noise, noise, noise
    lufs = [measured(one, 8_000, 999).integrated_lufs() for one in (front, back, low)]
    assert lufs[1] - lufs[0] == pytest.approx(10 * np.log10(1.41), abs=1e-6)
    assert lufs[2] == FLOOR_DB
    assert measured(np.tile(noise[:, None], 8), 8_000, 999).integrated_lufs() > lufs[0]


def test_silence_and_little():
    assert measured(np.zeros((8_000, 1)), 8_000, 500).integrated_lufs() == FLOOR_DB
    short = measured(programme(8_000)[:1_000], 8_000, 500)
    assert short.integrated_lufs() == FLOOR_DB
    assert short.momentary_lufs == FLOOR_DB
    assert short.curve().range_lu == 0.0


def test_live_it_keeps_nothing():
    meter = measured(programme(8_000), 8_000, 500, keep=False)
    assert meter.momentary_lufs > -40.0
    assert meter.integrated_lufs() == FLOOR_DB
    assert len(meter._recent) == 30


def test_bad_input_is_told():
    with pytest.raises(RangeError, match="channels"):
        LoudnessMeter(8_000, 9)
    with pytest.raises(RangeError, match="sample rate"):
        LoudnessMeter(800, 1)
    with pytest.raises(SegueError, match="2 channels"):
        LoudnessMeter(8_000, 2).push(np.zeros(5))
