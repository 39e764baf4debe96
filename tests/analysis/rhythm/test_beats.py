import numpy as np
import pytest

from segue.analysis.rhythm.beat_spectrum import TEMPO_CLASSES, BeatChances
from segue.analysis.rhythm.beats import beats_of, find_beats
from segue.analysis.rhythm.onsets import find_onsets
from segue.analysis.rhythm.swing import find_swing
from segue.music.errors import SegueError

RATE = 22_050


def hit(seconds, hz, decay, noise, seed):
    at = np.arange(round(seconds * RATE)) / RATE
    tone = np.sin(2 * np.pi * hz * at * (1 + 0.5 * np.exp(-at * 40)))
    hiss = np.random.default_rng(seed).standard_normal(len(at))
    return ((1 - noise) * tone + noise * hiss) * np.exp(-decay * at)


def band(bpm, seconds, meter=4, swing=0.5):
    """Kick, snare, hi-hat, a bass and chords that change with the bar; the beats."""
    kick, snare = hit(0.2, 55, 18, 0.02, 0), hit(0.15, 190, 25, 0.7, 1)
    hat = 0.3 * hit(0.05, 8_000, 90, 1.0, 2)
    sound = np.zeros(round((seconds + 2) * RATE))
    beats = np.arange(0.37, seconds, 60 / bpm)
    roots = [0, 5, 7, 9]

    def lay(what, time):
        start = round(time * RATE)
        sound[start : start + len(what)] += what[: len(sound) - start]

    for index, beat in enumerate(beats):
        place = index % meter
        root = 110 * 2 ** (roots[index // meter % 4] / 12)
        strong = place == 0 or (meter == 4 and place == 2)
        lay(kick if strong else snare, beat)
        lay(hat, beat)
        lay(hat, beat + swing * 60 / bpm)
        lay(0.3 * hit(50 / bpm, root, 5, 0.0, 3), beat)
        if place == 0:
            for third in (1, 1.26, 1.5):
                lay(0.15 * hit(meter * 55 / bpm, 2 * root * third, 1.5, 0.0, 4), beat)
    return (0.4 * sound[: round(seconds * RATE)]).astype(np.float32), beats


@pytest.mark.parametrize("bpm", [84, 120, 141])
def test_a_band_in_four(bpm):
    sound, beats = band(bpm, 16.0)
    found = find_beats(sound, RATE)
    assert found.tempo_bpm == pytest.approx(bpm, rel=0.015)
    near = np.abs(found.times_seconds[:, None] - beats).min(axis=0)
    assert np.mean(near[2:-2] < 0.035) > 0.95
    assert found.meter_beats == 4
    bars = np.abs(found.downbeat_times_seconds[:, None] - beats[::4]).min(axis=0)
    assert np.mean(bars[1:-1] < 0.05) > 0.9
    assert found.tempo_curve_bpm[4:-4] == pytest.approx(bpm, rel=0.04)
    assert found.confidence[3:-3].min() > 0.3
    weights = [candidate.weight for candidate in found.tempo_candidates]
    assert weights == sorted(weights, reverse=True)


def test_a_waltz():
    sound, _ = band(150, 16.0, meter=3)
    found = find_beats(sound, RATE)
    assert found.meter_beats == 3
    assert found.tempo_bpm == pytest.approx(150, rel=0.02)


def test_swung_eighths_are_told_from_straight_ones():
    ratios = []
    for swing in (0.5, 2 / 3):
        sound, _ = band(108, 12.0, swing=swing)
        ratios.append(find_swing(find_beats(sound, RATE), find_onsets(sound, RATE)).ratio)
    assert ratios[0] == pytest.approx(1.0, abs=0.15)
    assert ratios[1] == pytest.approx(2.0, abs=0.3)


def test_rate_and_channels_do_not_matter():
    import soxr

    sound, _ = band(120, 10.0)
    wide = np.stack([soxr.resample(sound, RATE, 48_000)] * 2, axis=1)
    found, same = find_beats(sound, RATE), find_beats(wide, 48_000)
    np.testing.assert_allclose(found.times_seconds, same.times_seconds, atol=0.01)


def test_silence_noise_and_nothing():
    for sound in (np.zeros(0), np.zeros(RATE * 3), np.zeros((100, 2))):
        found = find_beats(sound.astype(np.float32), RATE)
        assert len(found) == 0
        assert found.tempo_bpm == 0.0
        assert found.tempo_candidates == ()


def test_beats_from_chances_alone():
    frames = np.arange(1000)
    beats = np.maximum(0.02, np.exp(-0.5 * ((frames % 25) / 0.8) ** 2)).astype(np.float32)
    downs = np.where(frames % 75 == 0, 0.9, 0.01).astype(np.float32)
    tempo = np.exp(-0.5 * (np.log2(TEMPO_CLASSES / 120) * 30) ** 2)[None]
    found = beats_of(BeatChances(beats, downs, beats, (tempo / tempo.sum()).astype(np.float32)))
    assert found.meter_beats == 3
    assert found.tempo_bpm == pytest.approx(120, rel=0.01)
    assert found.tempo_confidence > 0.8
    assert found.meter_confidence > 0.8
    assert (np.abs(found.downbeat_times_seconds % 1.5 - 0.75) > 0.7).all()


def test_bad_input_is_told():
    with pytest.raises(SegueError, match="not finite"):
        find_beats(np.array([0.0, np.inf]), RATE)
