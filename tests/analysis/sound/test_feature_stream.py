import numpy as np
import pytest

from segue.analysis.sound.feature_stream import FeatureStream
from segue.analysis.sound.features import extract_features, join_features
from segue.music.errors import RangeError, SegueError

SETTINGS = {"mel_bands": 64, "mfccs": 13}


def sound(rate, seconds=1.3):
    rng = np.random.default_rng(3)
    t = np.arange(round(rate * seconds)) / rate
    tones = np.sin(2 * np.pi * 300 * t) + 0.4 * np.sin(2 * np.pi * 2500 * t)
    whole = 0.3 * tones + 0.02 * rng.standard_normal(len(t))
    whole[len(t) // 2 : 2 * len(t) // 3] = 0.0
    return whole.astype(np.float32)


def streamed(samples, rate, size, **options):
    stream = FeatureStream(rate, **options)
    parts = [stream.push(samples[at : at + size]) for at in range(0, len(samples), size)]
    return join_features([*parts, stream.finish()])


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("size", [100, 512, 40_000])
def test_values_are_those_of_the_whole(rate, size):
    samples = sound(rate)
    whole = extract_features(samples, rate, **SETTINGS)
    found = streamed(samples, rate, size)
    np.testing.assert_allclose(found.times_seconds, whole.times_seconds)
    for name, values in whole.named():
        scale = max(float(np.abs(values).max()), 1.0)
        np.testing.assert_allclose(
            getattr(found, name), values, atol=2e-5 * scale, rtol=1e-3, err_msg=name
        )


def test_other_settings():
    samples = sound(22_050)
    options = {"window": 1024, "hop": 300, "mel_bands": 40, "mfccs": 20, "tuning_cents": -20.0}
    whole = extract_features(samples, 22_050, **options)
    found = streamed(samples, 22_050, 777, **options)
    np.testing.assert_allclose(found.mfcc, whole.mfcc, atol=5e-3)
    np.testing.assert_allclose(found.treble_chroma, whole.treble_chroma, atol=1e-4)


def test_blocks_longer_than_what_is_held():
    samples = np.tile(sound(22_050), 5)
    assert len(samples) > 1 << 17
    found = streamed(samples, 22_050, len(samples))
    np.testing.assert_allclose(
        found.rms, extract_features(samples, 22_050, **SETTINGS).rms, rtol=1e-5
    )


def test_a_frame_is_told_within_the_latency():
    for rate in (22_050, 44_100, 48_000):
        stream = FeatureStream(rate)
        samples, last = sound(rate, 2.0), 0.0
        for at in range(0, len(samples), 64):
            found = stream.push(samples[at : at + 64])
            if len(found):
                last = float(found.times_seconds[-1])
            due = (at + 64) / rate - stream.latency_seconds - 512 / 22_050 - 64 / rate
            assert last >= due - 1e-9


def test_memory_does_not_grow():
    stream = FeatureStream(22_050)
    block = sound(22_050, 0.2)
    size = stream._held.nbytes
    for _ in range(50):
        stream.push(block)
    assert stream._held.nbytes == size
    assert stream._stop <= len(stream._held)


def test_channels_are_mixed():
    left = sound(22_050)
    found = streamed(np.stack([left, 0.5 * left], axis=1), 22_050, 700)
    np.testing.assert_allclose(found.rms, 0.75 * streamed(left, 22_050, 700).rms, rtol=1e-4)


def test_nothing_gives_nothing():
    stream = FeatureStream(22_050)
    assert len(stream.push(np.zeros(0))) == 0
    assert len(stream.finish()) == 0
    assert len(streamed(np.ones(1, np.float32), 44_100, 1)) == 1


def test_bad_input_is_told():
    with pytest.raises(RangeError, match="sample rate"):
        FeatureStream(100)
    with pytest.raises(RangeError, match="hop"):
        FeatureStream(22_050, hop=0)
    stream = FeatureStream(22_050)
    with pytest.raises(SegueError, match="NaN"):
        stream.push(np.array([np.nan]))
    with pytest.raises(SegueError, match="floats"):
        stream.push(np.zeros(3, int))
    stream.push(np.zeros(3))
    with pytest.raises(SegueError, match="2 channels after blocks of 1"):
        stream.push(np.zeros((3, 2)))
