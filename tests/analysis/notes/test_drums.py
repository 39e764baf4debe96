import numpy as np
import pytest

from segue.analysis.notes.drums import (
    BANDS,
    HOP,
    _between,
    drum_features,
    find_drums,
    peaks,
)
from segue.analysis.spectra import RATE
from segue.music.errors import SegueError

BPM = 110.0


def kick(rng):
    at = np.arange(RATE // 4) / RATE
    turns = 50.0 * at + 6.0 * (1.0 - np.exp(-at / 0.02))
    click = np.exp(-at / 0.002) * rng.standard_normal(len(at)) * 0.3
    return np.sin(2 * np.pi * turns) * np.exp(-at / 0.09) + click


def snare(rng):
    at = np.arange(RATE // 4) / RATE
    rattle = rng.standard_normal(len(at)) * np.exp(-at / 0.06)
    return 0.5 * rattle + 0.6 * np.sin(2 * np.pi * 190.0 * at) * np.exp(-at / 0.05)


def hat(rng):
    at = np.arange(RATE // 8) / RATE
    hiss = np.diff(rng.standard_normal(len(at) + 2), 2)
    return 0.12 * hiss * np.exp(-at / 0.02)


def beat(bars=6):
    """Kick on 1 and 3, snare on 2 and 4, hats between: sound and times."""
    rng = np.random.default_rng(0)
    sound = 1e-4 * rng.standard_normal(round((bars * 4 + 1) * 60 / BPM * RATE))
    times = {"kick": [], "snare": [], "hat": []}
    strokes = {"kick": kick, "snare": snare, "hat": hat}
    for eighth in range(bars * 8):
        name = ("kick", "hat", "snare", "hat")[eighth % 4]
        at = 0.2 + eighth * 30 / BPM
        stroke = strokes[name](rng)
        start = round(at * RATE)
        sound[start : start + len(stroke)] += stroke
        times[name].append(at)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32), times


SOUND, TIMES = beat()
FOUND = find_drums(SOUND, RATE)


def f_measure(found, true):
    hits = sum(np.abs(np.asarray(found) - at).min(initial=9.0) < 0.05 for at in true)
    return 2 * hits / (len(found) + len(true))


def test_a_beat_is_written_down():
    kicks = FOUND.times_seconds[FOUND.pitches == 36]
    snares = FOUND.times_seconds[FOUND.pitches == 38]
    hats = FOUND.times_seconds[np.isin(FOUND.pitches, (42, 46))]
    assert f_measure(kicks, TIMES["kick"]) > 0.85
    assert f_measure(snares, TIMES["snare"]) > 0.85
    assert f_measure(hats, TIMES["hat"]) > 0.6


def test_strokes_are_told_to_the_hundredth():
    kicks = FOUND.times_seconds[FOUND.pitches == 36]
    late = [np.min(np.abs(kicks - at)) for at in TIMES["kick"]]
    assert np.median(late) < 0.012


def test_strokes_are_well_formed():
    assert (np.diff(FOUND.times_seconds) >= 0).all()
    assert set(FOUND.pitches.tolist()) <= {36, 38, 42, 46, 45, 49, 51}
    assert (FOUND.velocities >= 1).all() and (FOUND.velocities <= 127).all()
    assert (FOUND.confidence > 0).all() and (FOUND.confidence <= 1).all()


def test_the_level_of_a_recording_does_not_count():
    quiet = find_drums(SOUND * np.float32(0.05), RATE)
    assert len(quiet) == len(FOUND)
    np.testing.assert_allclose(quiet.times_seconds, FOUND.times_seconds, atol=1e-3)


def test_other_rates_and_stereo_are_heard_alike():
    import soxr

    wide = soxr.resample(SOUND, RATE, 44_100)
    found = find_drums(np.stack([wide, wide], axis=1), 44_100)
    assert abs(len(found) - len(FOUND)) <= 3


def test_where_a_long_recording_is_cut_does_not_matter(monkeypatch):
    monkeypatch.setattr("segue.analysis.notes.drums._PIECE", 200)
    again = find_drums(SOUND, RATE)
    assert again.pitches.tolist() == FOUND.pitches.tolist()
    np.testing.assert_allclose(again.confidence, FOUND.confidence, atol=1e-3)


def test_a_held_chord_has_no_drums():
    at = np.arange(RATE * 6) / RATE
    swell = np.minimum(1.0, at / 0.5)
    chord = sum(np.sin(2 * np.pi * hz * at + hz) for hz in (220.0, 277.2, 329.6)) * swell * 0.2
    assert len(find_drums(chord, RATE)) <= 3


@pytest.mark.parametrize("seconds", [0.0, 0.01, 3.0])
def test_silence_has_no_drums(seconds):
    found = find_drums(np.zeros(round(seconds * RATE), np.float32), RATE)
    assert len(found) == 0
    assert found.pitches.dtype == np.int64 and found.times_seconds.shape == (0,)


def test_a_very_short_sound_is_no_error():
    assert len(find_drums(np.full(50, 0.5, np.float32), RATE)) <= 1


def test_damaged_sound_is_refused():
    with pytest.raises(SegueError, match="not finite"):
        find_drums(np.array([0.0, np.nan, 0.0]), RATE)


def test_features_rise_with_a_stroke():
    features = drum_features(SOUND)
    assert features.shape[1] == BANDS and features.dtype == np.float32
    frame = round(TIMES["kick"][1] * RATE / HOP)
    before, after = features[frame - 6, :8].mean(), features[frame + 2, :8].mean()
    assert after > before + 1.0


def test_peaks_stand_above_their_neighbours():
    curve = np.array([0.0, 0.5, 0.9, 0.5, 0.0, 0.0, 0.45, 0.0, 0.3, 0.0, 0.6])
    assert peaks(curve, 0.4).tolist() == [2, 6, 10]
    assert peaks(np.array([0.7, 0.7, 0.1]), 0.4).tolist() == [0]


def test_a_peak_lies_between_frames():
    assert _between(np.array([0.0, 0.5, 1.0, 0.5, 0.0]), 2) == pytest.approx(2.0)
    assert 2.0 < _between(np.array([0.0, 0.2, 1.0, 0.8, 0.0]), 2) < 2.5
