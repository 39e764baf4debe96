import numpy as np
import pytest

from segue.analysis.sound.feature_rows import LOG_MEL_FLOOR_DB
from segue.analysis.sound.features import (
    HOP,
    UNITS,
    Features,
    Summary,
    extract_features,
    join_features,
)
from segue.analysis.spectra import RATE
from segue.music.errors import RangeError, SegueError


def glide():
    """A second of a rising tone, a steady one and some noise."""
    t = np.arange(RATE) / RATE
    sound = 0.4 * np.sin(2 * np.pi * (220 * t + 300 * t * t)) + 0.1 * np.sin(2 * np.pi * 1760 * t)
    return (sound + 0.01 * np.random.default_rng(7).standard_normal(len(t))).astype(np.float32)


def tone(hz, seconds=1.0, rate=RATE, level=0.5):
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def test_values_are_those_of_librosa():
    """Frame 20 by librosa 0.11: power_to_db of a mel spectrogram over 512 ** 2, and so on."""
    found = extract_features(glide(), RATE)
    frame = found.between(20 * HOP / RATE - 1e-6, 20 * HOP / RATE + 1e-6)
    assert len(frame) == 1
    np.testing.assert_allclose(
        frame.log_mel_db[0, [5, 20, 40, 80, 120]],
        [-77.18735, -41.450684, -74.427444, -75.31983, -73.68762],
        atol=2e-3,
    )
    np.testing.assert_allclose(
        frame.mfcc[0, [0, 1, 2, 5, 19]],
        [-831.20764, 19.067554, 0.601773, -19.245033, -24.929703],
        atol=5e-3,
    )
    chroma = [0.412409, 0.011767, 0.000131, 0.000091, 0.000105, 0.000102]
    chroma += [0.000106, 0.000125, 0.009807, 0.072435, 0.174339, 1.0]
    np.testing.assert_allclose(frame.chroma[0], chroma, atol=2e-5)
    assert frame.centroid_hz[0] == pytest.approx(2067.886, rel=1e-5)
    assert frame.bandwidth_hz[0] == pytest.approx(2787.857, rel=1e-5)
    assert frame.rolloff_hz[0] == pytest.approx(5146.4355, rel=1e-6)
    assert frame.flatness[0] == pytest.approx(0.00080384617, rel=1e-4)
    assert frame.rms[0] == pytest.approx(0.2913773, rel=1e-5)
    assert frame.zero_crossings_hz[0] == pytest.approx(1044.36035, rel=1e-6)
    assert frame.onset_strength[0] == pytest.approx(0.955818, rel=1e-4)
    assert frame.flux[0] == pytest.approx(0.52439815, rel=1e-4)


def test_a_tuned_chroma_is_that_of_librosa():
    found = extract_features(glide(), RATE, tuning_cents=30.0)
    chroma = [0.178683, 0.002688, 0.000092, 0.000099, 0.000104, 0.000104]
    chroma += [0.000105, 0.000356, 0.029594, 0.075377, 0.377412, 1.0]
    np.testing.assert_allclose(found.chroma[20], chroma, atol=2e-5)


def test_a_full_scale_sine_is_the_unit():
    found = extract_features(tone(440.0, level=1.0), RATE)
    middle = len(found) // 2
    assert found.rms[middle] == pytest.approx(np.sqrt(0.5), rel=5e-3)
    assert found.centroid_hz[middle] == pytest.approx(440.0, abs=2.0)
    assert found.bandwidth_hz[middle] < 15.0
    assert found.rolloff_hz[middle] == pytest.approx(440.0, abs=22.0)
    assert found.zero_crossings_hz[middle] == pytest.approx(880.0, rel=0.03)
    assert found.flux[middle] < 0.01 < 0.5 < found.flux[:4].max()


def test_noise_is_flat_and_a_tone_is_not():
    noise = np.random.default_rng(0).standard_normal(RATE) * 0.1
    assert extract_features(noise, RATE).flatness[10:-10].mean() == pytest.approx(0.56, abs=0.02)
    assert extract_features(tone(1000.0), RATE).flatness[10:-10].max() < 1e-4
    assert (
        extract_features(noise, RATE).crest.mean()
        < 6
        < extract_features(tone(1000.0), RATE).crest.max()
    )


@pytest.mark.parametrize(("hz", "name"), [(261.63, 0), (440.0, 9), (110.0, 9), (1975.5, 11)])
def test_chroma_has_the_pitch_class_in_its_part(hz, name):
    found = extract_features(tone(hz), RATE)
    middle = len(found) // 2
    assert found.chroma[middle].argmax() == name
    assert found.chroma[middle, name] == 1.0
    assert found.bass_chroma[middle].argmax() == name or hz > 400.0
    assert found.treble_chroma[middle].argmax() == name or hz < 200.0


def test_bass_and_treble_are_told_apart():
    found = extract_features(tone(110.0) + tone(1318.5), RATE)  # A2 and E6
    middle = len(found) // 2
    assert found.bass_chroma[middle].argmax() == 9
    assert found.treble_chroma[middle].argmax() == 4


def test_a_bandwidth_of_high_tones_is_exact():
    """Squares of frequencies cancel: it is not to be lost in rounding."""
    low = extract_features(tone(500.0), RATE).bandwidth_hz
    high = extract_features(tone(500.0 + RATE / 2048 * 900), RATE).bandwidth_hz
    np.testing.assert_allclose(high[5:-5], low[5:-5], rtol=0.1)


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_the_sample_rate_of_the_file_does_not_matter(rate):
    found = extract_features(tone(440.0, rate=rate), rate)
    here = extract_features(tone(440.0), RATE)
    assert abs(len(found) - len(here)) <= 1
    np.testing.assert_allclose(
        found.centroid_hz[5:-6], here.centroid_hz[5:-5][: len(found) - 11], atol=3.0
    )


def test_stereo_is_mixed():
    left = tone(440.0)
    found = extract_features(np.stack([left, left], axis=1), RATE)
    np.testing.assert_allclose(found.rms, extract_features(left, RATE).rms, rtol=1e-5)


def test_silence_is_well_formed():
    found = extract_features(np.zeros(RATE), RATE)
    assert len(found) == RATE // HOP + 1
    np.testing.assert_allclose(found.log_mel_db, LOG_MEL_FLOOR_DB, atol=1e-3)
    for name, values in found.named():
        assert np.isfinite(values).all(), name
    for name in ("chroma", "centroid_hz", "bandwidth_hz", "rolloff_hz", "flux", "rms"):
        assert not getattr(found, name).any(), name
    np.testing.assert_allclose(found.flatness, 1.0, rtol=1e-4)


def test_nothing_gives_nothing():
    found = extract_features(np.zeros(0), RATE)
    assert len(found) == 0
    assert found.log_mel_db.shape == (0, 128)
    assert set(found.summary()) == set(UNITS)
    assert not found.summary()["rms"].mean
    assert len(found.per_beat([0.0, 1.0])) == 0


def test_any_length_has_its_frames():
    for length in (1, 511, 512, 2048, 64 * 512 - 1, 64 * 512, 65 * 512 + 3):
        found = extract_features(np.ones(length) * 0.1, RATE)
        assert len(found) == length // HOP + 1
        assert found.times_seconds[-1] == pytest.approx((length // HOP) * HOP / RATE)


def test_every_feature_has_a_unit():
    found = extract_features(glide(), RATE)
    assert [name for name, _ in found.named()] == list(UNITS)
    assert set(vars(found)) == {"times_seconds", *UNITS}
    assert all(len(values) == len(found) for _, values in found.named())
    assert all(values.dtype == np.float32 for _, values in found.named())


def test_beats_are_means_of_their_frames():
    found = extract_features(glide(), RATE)
    beats = found.per_beat([0.1, 0.5, 0.9])
    assert isinstance(beats, Features)
    np.testing.assert_allclose(beats.times_seconds, [0.1, 0.5])
    for row, (start, stop) in enumerate(((0.1, 0.5), (0.5, 0.9))):
        inside = found.between(start, stop)
        np.testing.assert_allclose(beats.mfcc[row], inside.mfcc.mean(axis=0), rtol=1e-4, atol=1e-3)
        assert beats.rms[row] == pytest.approx(inside.rms.mean(), rel=1e-4)


def test_a_beat_without_frames_has_the_next():
    found = extract_features(glide(), RATE)
    beats = found.per_beat([0.100, 0.101, 0.102, 0.5])
    index = np.searchsorted(found.times_seconds, 0.100)
    np.testing.assert_allclose(beats.rms[:2], found.rms[index], rtol=1e-5)
    assert len(found.per_beat([5.0, 6.0])) == 1


@pytest.mark.parametrize("beats", [[1.0, 0.5], [0.5, 0.5], [0.0, np.nan], [[0.0, 1.0]]])
def test_beats_that_do_not_rise_are_told(beats):
    with pytest.raises(SegueError, match="rise"):
        extract_features(glide(), RATE).per_beat(beats)


def test_summary_and_weighted_mean():
    found = extract_features(glide(), RATE)
    rms = found.summary()["rms"]
    assert isinstance(rms, Summary)
    assert float(rms.mean) == pytest.approx(found.rms.mean(), rel=1e-5)
    assert float(rms.sd) == pytest.approx(found.rms.std(), rel=1e-4)
    assert rms.low <= rms.median <= rms.high
    assert found.summary()["mfcc"].mean.shape == (20,)
    row = found.weighted_mean(np.ones(len(found)))
    assert row.rms[0] == pytest.approx(found.rms.mean(), rel=1e-5)


def test_parts_are_joined():
    found = extract_features(glide(), RATE)
    both = join_features([found.between(0.0, 0.5), found.between(0.5, 9.0)])
    np.testing.assert_array_equal(both.mfcc, found.mfcc)


def test_bad_input_is_told():
    with pytest.raises(SegueError, match="finite"):
        extract_features(np.array([0.0, np.nan]), RATE)
    with pytest.raises(SegueError, match="shape"):
        extract_features(np.zeros((2, 2, 2)), RATE)
    with pytest.raises(SegueError, match="int"):
        extract_features(np.zeros(9, np.int16), RATE)
    with pytest.raises(SegueError, match="multiple of 64"):
        extract_features(np.zeros(9), RATE, window=1000)
    for option in ({"window": 32}, {"hop": 0}, {"mfccs": 0}, {"tuning_cents": 200.0}, {"rate": 10}):
        with pytest.raises(RangeError):
            extract_features(np.zeros(9), RATE, **option)
