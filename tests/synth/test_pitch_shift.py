import numpy as np
import pytest

from segue.analysis.pitch.voice import track_pitch
from segue.analysis.pitch.voice_quality import envelope_difference, shift_quality
from segue.analysis.sound.audio import find_clicks
from segue.music.errors import RangeError, SegueError
from segue.synth.pitch_shift import PitchShifter, shift_pitch

RATE = 48_000


def melody(length=2.0):
    t = np.arange(round(length * RATE)) / RATE
    return 55.0 + 2.0 * np.floor(t * 2) + 0.4 * np.sin(2 * np.pi * 5.5 * t)


def ratio_of(semitones, frames):
    return np.full((1, frames), 2.0 ** (semitones / 12.0))


@pytest.mark.parametrize("semitones", [-9, -5, -3, 0, 3, 4, 7, 12])
def test_the_pitch_moves_and_the_vowel_stays(sing, semitones):
    voice, hz = sing(melody())
    part = shift_pitch(voice, RATE, hz, ratio_of(semitones, len(voice)))[0]
    track = track_pitch(voice, RATE)
    found = shift_quality(voice, part, RATE, track, np.full(len(track), 2 ** (semitones / 12)))
    assert found.pitch_error_cents < 6.0
    assert found.pitch_error_p95_cents < 20.0
    assert abs(found.lag_seconds) < 0.012
    assert found.voiced_share > 0.95
    assert found.envelope_difference_db < 4.0
    assert len(find_clicks(part, RATE)) == 0
    assert np.std(part) == pytest.approx(np.std(voice), rel=0.25)


def test_reading_faster_would_move_the_vowel(sing):
    """The measure of vowels tells a shift from a record played faster."""
    voice, hz = sing(np.full(RATE, 55.0))
    track = track_pitch(voice, RATE)
    faster = np.interp(np.arange(RATE) * 1.26 % (RATE - 1), np.arange(RATE), voice)
    part = shift_pitch(voice, RATE, hz, ratio_of(4, RATE))[0]
    moved = envelope_difference(voice, faster, RATE, track)
    kept = envelope_difference(voice, part, RATE, track)
    assert kept < 3.0 < moved
    assert moved > 1.5 * kept


def test_a_pitch_that_is_late_does_no_harm(sing):
    """Live, the pitch is known some 40 ms later than the sound."""
    midi = 57.0 + 0.5 * np.sin(2 * np.pi * 5.5 * np.arange(2 * RATE) / RATE)
    voice, hz = sing(midi)
    late = np.concatenate([np.full(1920, hz[0]), hz])[: len(hz)]
    part = shift_pitch(voice, RATE, late, ratio_of(4, len(voice)))[0]
    track = track_pitch(voice, RATE)
    found = shift_quality(voice, part, RATE, track, np.full(len(track), 2 ** (4 / 12)))
    assert found.pitch_error_cents < 6.0


def test_blocks_do_not_matter(sing):
    voice, hz = sing(melody(1.0))
    ratios = np.stack([np.linspace(1.0, 1.5, RATE), np.full(RATE, 0.7)])
    gains = np.stack([np.ones(RATE), np.linspace(0.0, 1.0, RATE)])
    outs = []
    for size in (64, 777, RATE):
        shifter = PitchShifter(RATE, 2)
        pieces = []
        for at in range(0, RATE, size):
            part = slice(at, at + size)
            pieces.append(shifter.push(voice[part], hz[part], ratios[:, part], gains[:, part]))
        outs.append(np.concatenate(pieces, axis=1))
    assert outs[0].shape == (2, RATE)
    for out in outs[1:]:
        np.testing.assert_allclose(out, outs[0], atol=1e-7)


def test_latency_is_what_it_says(sing):
    """A burst without pitch passes as it is, that much later."""
    shifter = PitchShifter(RATE, 1, low_hz=100.0)
    assert shifter.latency_frames / RATE < 0.026
    burst = np.zeros(RATE)
    burst[20_000:20_400] = np.random.default_rng(0).standard_normal(400)
    out = shifter.push(burst, np.zeros(RATE), np.ones((1, RATE)))[0]
    lag = np.argmax(np.correlate(out, burst[20_000:20_400])) - 20_000
    assert lag == pytest.approx(shifter.latency_frames, abs=0.0051 * RATE)  # half a piece


def test_gains_and_glides_make_no_clicks(sing):
    voice, hz = sing(melody())
    gains = (np.arange(len(voice)) // 9000 % 2).astype(float)[None]
    ratios = np.where(np.arange(len(voice)) // 7000 % 2, 1.3, 0.8)[None]
    part = shift_pitch(voice, RATE, hz, ratios, gains)[0]
    assert len(find_clicks(part, RATE)) == 0


def test_wrong_pitch_is_survived():
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    for hz in (np.full(RATE, 1e-3), np.full(RATE, 1e6), np.zeros(RATE), np.full(RATE, -5.0)):
        part = shift_pitch(noise, RATE, hz, np.full((1, RATE), 9.0))
        assert np.isfinite(part).all() and np.abs(part).max() < 2.0


def test_long_streams_keep_their_place(sing):
    """Marks and buffers are dropped as they pass."""
    voice, hz = sing(np.full(RATE, 57.0))
    shifter = PitchShifter(RATE, 1)
    ratios = np.full((1, RATE), 1.25)
    for _ in range(5):
        shifter.push(voice, hz, ratios)
    assert len(shifter._marks.places) < 60
    assert len(shifter._voice) < RATE // 4


def test_bad_input_is_told():
    with pytest.raises(RangeError, match="sample rate"):
        PitchShifter(100)
    with pytest.raises(RangeError, match="parts"):
        PitchShifter(RATE, 0)
    with pytest.raises(RangeError, match="low_hz"):
        PitchShifter(RATE, low_hz=1.0)
    shifter = PitchShifter(RATE, 2)
    ones = np.ones((2, 10))
    with pytest.raises(SegueError, match="ratios"):
        shifter.push(np.zeros(10), np.zeros(10), np.ones((1, 10)))
    with pytest.raises(SegueError, match="hz"):
        shifter.push(np.zeros(10), np.zeros(9), ones)
    with pytest.raises(SegueError, match="voice"):
        shifter.push(np.full(10, np.nan), np.zeros(10), ones)
