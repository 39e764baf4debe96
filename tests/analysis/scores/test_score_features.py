import numpy as np
import pytest

from segue.analysis.scores.score_features import MOST_BARS, UNITS, score_features
from segue.analysis.scores.symbolic import FEATURES, bar_features
from segue.music.errors import SegueError
from segue.music.score import Score, Track, make_notes
from segue.music.tempo import Meter, TempoMap
from segue.music.theory import Key

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def score(*tracks, meter=None, tempo=None):
    parts = tuple(
        Track(f"t{number}", make_notes(rows), 0, channel)
        for number, (rows, channel) in enumerate(tracks)
    )
    return Score(parts, tempo or TempoMap(120.0), meter or Meter())


def line(pitches, step=1.0, start=0.0, length=0.9):
    return [(start + step * at, step * length, pitch, 0.6) for at, pitch in enumerate(pitches)]


def test_bars_are_those_of_symbolic():
    rows = line(SCALE * 2, 0.5)
    found = score_features(score((rows, 0)), Key(0))
    assert len(found) == 2
    notes = make_notes(rows)
    for bar in range(2):
        inside = notes[(notes["onset_beats"] >= 4 * bar) & (notes["onset_beats"] < 4 * bar + 4)]
        wanted = bar_features(
            inside, tonic=0, bar_beats=4.0, bar_seconds=2.0, start_beats=4.0 * bar
        )
        np.testing.assert_allclose(found.symbolic[bar], wanted)
    assert found.symbolic.shape == (2, len(FEATURES))


def test_densities_registers_and_times():
    tempo = TempoMap(120.0)
    tempo.change(4.0, 60.0)
    low, high = line([40] * 4, 1.0), line([80] * 8, 0.5, 4.0)
    found = score_features(score((low + high, 0), (line([36] * 4), 9), tempo=tempo))
    np.testing.assert_allclose(found.times_seconds, [0.0, 2.0])
    np.testing.assert_allclose(found.start_beats, [0.0, 4.0])
    np.testing.assert_allclose(found.notes_per_second, [2.0, 2.0])
    np.testing.assert_allclose(found.percussion_per_second, [2.0, 0.0])
    np.testing.assert_allclose(found.register_midi, [40.0, 80.0])
    np.testing.assert_allclose(found.polyphony, [0.9, 0.9], rtol=1e-6)
    np.testing.assert_allclose(found.velocity, 0.6, rtol=1e-6)
    assert (found.note_count, found.track_count) == (16, 2)


def test_mode_dissonance_and_tension():
    major, minor = (0, 4, 7), (0, 3, 7)
    chord = lambda start, steps: [(start, 3.9, 60 + step, 0.6) for step in steps]  # noqa: E731
    cluster = chord(8.0, (0, 1, 6))
    found = score_features(score((chord(0.0, major) + chord(4.0, minor) + cluster, 0)), Key(0))
    assert found.mode[0] > 0.1 > -0.1 > found.mode[1]
    assert found.dissonance[2] > 2 * found.dissonance[0]
    assert found.dissonance[0] == pytest.approx(0.19, abs=0.05)
    np.testing.assert_allclose(found.foreign_share, [0.0, 1 / 3, 2 / 3], atol=1e-9)
    assert found.tension[2] > found.tension[1] > found.tension[0]


def test_silent_bars_are_known():
    found = score_features(score((line([60]) + line([60], start=8.0), 0)))
    np.testing.assert_array_equal(found.sounds, [True, False, True])
    assert float(found.summary()["notes_per_second"].mean) == pytest.approx(0.5)


def test_syncopation():
    """Off the beat and held over it, against on the beat; drums do not hide it."""
    straight = score_features(score((line([60] * 8), 0)))
    held = score_features(score((line([60] * 8, 1.0, 0.5), 0)))
    both = score_features(score((line([60] * 8, 1.0, 0.5), 0), (line([36] * 8), 9)))
    np.testing.assert_array_equal(straight.syncopation, 0.0)
    assert held.syncopation[0] > 1.0
    assert 0.5 < both.syncopation[0] < held.syncopation[0]
    assert held.offbeat_share[0] == 1.0


@pytest.mark.parametrize("meter", [Meter(3, 4), Meter(6, 8), Meter(5, 4), Meter(7, 8), Meter(2, 2)])
def test_any_meter(meter):
    beats = line([60] * 40, 4 / meter.denominator)
    found = score_features(score((beats, 0), meter=meter))
    assert len(found) == -(-40 // meter.numerator)
    np.testing.assert_array_equal(found.syncopation, 0.0)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_swing(ratio):
    late = ratio / (1.0 + ratio)
    rows = [(beat + part, 0.2, 60, 0.6) for beat in range(16) for part in (0.0, late)]
    found = score_features(score((rows, 0)))
    assert found.swing_ratio == pytest.approx(ratio, abs=0.01)
    assert found.swing_confidence > 0.9


def test_timing_and_no_swing():
    rng = np.random.default_rng(0)
    rows = [(beat + float(rng.normal(0.0, 0.01)), 0.5, 60, 0.6) for beat in range(1, 200)]
    found = score_features(score((rows, 0)))
    assert found.timing_sd_beats == pytest.approx(0.01, rel=0.2)
    assert found.swing_confidence == 0.0
    assert score_features(score((line(SCALE), 0))).timing_sd_beats == 0.0


def test_the_key_is_found_or_given():
    assert score_features(score((line(SCALE), 0))).key == Key(0)
    assert score_features(score((line(SCALE), 0)), Key(9, "aeolian")).key == Key(9, "aeolian")


@pytest.mark.parametrize("tracks", [(), (([], 0),)])
def test_an_empty_score(tracks):
    found = score_features(score(*tracks))
    assert len(found) == 0
    assert (found.note_count, found.swing_confidence) == (0, 0.0)
    assert set(found.summary()) == set(UNITS)


def test_only_drums():
    found = score_features(score((line([36] * 8, 0.5), 9)))
    assert found.percussion_per_second[0] == pytest.approx(4.0)
    assert found.notes_per_second[0] == 0.0
    assert np.isfinite([values.mean for values in found.summary().values()]).all()


def test_every_feature_has_a_unit():
    found = score_features(score((line(SCALE), 0)))
    assert all(len(getattr(found, name)) == len(found) for name in UNITS)


def test_a_note_far_out_is_told():
    with pytest.raises(SegueError, match="out of place"):
        score_features(score((line([60, 61], 4.0 * MOST_BARS), 0)))
