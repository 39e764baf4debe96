import numpy as np
import pytest

from segue.analysis.rhythm.beat_decoder import BeatDecoder, DecoderSettings, beat_gains, decode


def chances(bpm, meter, seconds=40.0, start=0.6, rate=100, seed=0, lowest=0.3):
    """Noisy chances of beats, uneven as networks give them, and the beats."""
    random = np.random.default_rng(seed)
    frames = np.arange(round(seconds * rate))
    found = 0.02 + 0.03 * random.random((len(frames), 2)).astype(np.float32)
    beats = np.arange(start, seconds, 60.0 / bpm)
    for index, beat in enumerate(beats):
        bump = random.uniform(lowest, 0.95) * np.exp(-0.5 * ((frames - beat * rate) / 1.5) ** 2)
        found[:, 0] = np.maximum(found[:, 0], bump)
        if index % meter == 0:
            found[:, 1] = np.maximum(found[:, 1], 0.8 * bump)
    return found.astype(np.float32), beats


@pytest.mark.parametrize(("bpm", "meter"), [(55, 4), (88.5, 3), (120, 4), (151, 3), (203, 4)])
def test_steady_beats_and_bars(bpm, meter):
    heard, beats = chances(bpm, meter)
    walk = decode(heard)
    nearest = beats[np.abs(walk.frames[:, None] / 100 - beats).argmin(axis=1)]
    assert np.abs(walk.frames / 100 - nearest)[1:-1].max() < 0.03
    assert len(walk.frames) == pytest.approx(len(beats), abs=2)
    assert (walk.meters == meter).all()
    first = np.abs(walk.frames / 100 - beats[0]).argmin()
    assert walk.numbers[first] == 1


def test_a_tempo_that_changes():
    heard, _ = chances(100, 4, seconds=1.0)
    steps = 60.0 / np.linspace(95, 130, 60)
    beats = 0.5 + np.concatenate([[0], np.cumsum(steps)])
    frames = np.arange(round(beats[-1] * 100))
    bumps = np.exp(-0.5 * ((frames[:, None] - beats * 100) / 1.5) ** 2)
    heard = np.stack([0.9 * bumps.max(axis=1), 0.9 * bumps[:, ::4].max(axis=1)], axis=1)
    walk = decode((0.02 + 0.95 * heard).astype(np.float32))
    found = walk.frames / 100
    assert np.abs(found[:, None] - beats).min(axis=0)[1:-1].max() < 0.04


def test_the_prior_settles_the_octave():
    heard, _ = chances(144, 4)
    heard[:, 0] = np.maximum(heard[:, 0] * 0.6, 0.02)
    bpm = np.array([40.0, 60.0, 72.0, 90.0, 144.0, 240.0], np.float32)
    slow = decode(heard, tempo_prior=(bpm, np.array([-9, -5, 0, -5, -9, -9], np.float32) * 3))
    fast = decode(heard, tempo_prior=(bpm, np.array([-9, -9, -9, -5, 0, -9], np.float32)))
    assert np.median(np.diff(slow.frames)) == pytest.approx(2 * 6000 / 144, rel=0.02)
    assert np.median(np.diff(fast.frames)) == pytest.approx(6000 / 144, rel=0.03)


def test_a_long_recording_is_settled_piece_by_piece():
    heard, beats = chances(120, 4, seconds=130.0)
    walk = decode(heard)
    assert len(walk.frames) == pytest.approx(len(beats), abs=2)
    np.testing.assert_allclose(np.diff(walk.frames), 50, atol=3)
    assert (np.diff(walk.numbers) % 4 == 1).all()


def test_steps_of_any_size_find_the_same():
    heard, _ = chances(97, 4, seconds=12.0)
    settings = DecoderSettings()
    gains = beat_gains(heard, settings)
    walks = []
    for size in (2, 27):
        decoder = BeatDecoder(settings)
        for start in range(0, len(gains), size):
            decoder.push(gains[start : start + size])
        walks.append(decoder.trace())
    for walk in walks[1:]:
        np.testing.assert_array_equal(walk.frames, walks[0].frames)
        np.testing.assert_array_equal(walk.numbers, walks[0].numbers)


def test_nothing_to_walk_on():
    assert len(decode(np.zeros((3, 2), np.float32)).frames) <= 1
