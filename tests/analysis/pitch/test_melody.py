import numpy as np
import pytest

from segue.analysis.pitch.melody import candidates, find_melody, likeliest_line, melody_of
from segue.analysis.pitch.melody_hmm import HIGHEST, LOWEST, find_melody_hmm, observations
from segue.analysis.pitch.pitch_spectrum import BANDS_PER_OCTAVE, LOW_HZ, PITCHES
from segue.analysis.spectra import RATE
from segue.music.errors import SegueError

FINDERS = pytest.mark.parametrize("find", [find_melody, find_melody_hmm])
TUNE = [72, 74, 76, 72, 79, 77, 76, 74, 72, 71, 72, 76]


def tone(midi, seconds, decay=0.6, partials=8):
    t = np.arange(round(seconds * RATE)) / RATE
    hz = 440.0 * 2.0 ** ((midi - 69) / 12)
    shape = np.minimum(t / 0.01, 1.0) * np.minimum((seconds - t) / 0.03, 1.0)
    return shape * sum(decay**k * np.sin(2 * np.pi * hz * (k + 1) * t) for k in range(partials))


def song():
    """A tune over held chords and a bass."""
    tune = np.concatenate([tone(midi, 0.4) for midi in TUNE])
    chord = sum(tone(midi, len(tune) / RATE / 2) for midi in (48, 55, 60, 64)) / 4
    chords = np.concatenate([chord, chord])
    mix = 0.3 * tune
    mix[: len(chords)] += 0.2 * chords[: len(mix)]
    return mix


def share_right(melody, shown):
    index = np.minimum((melody.times_seconds / 0.4).astype(int), len(TUNE) - 1)
    true = 440.0 * 2.0 ** ((np.array(TUNE)[index] - 69) / 12)
    off = 1200.0 * np.abs(np.log2(np.maximum(shown, 1.0) / true))
    return (off < 50.0)[5:-10].mean()


@FINDERS
def test_the_tune_over_chords(find):
    found = find(song(), RATE)
    assert share_right(found, found.guess_hz) > 0.7
    assert len(found) == 481
    assert found.confidence.min() >= 0.0
    assert found.confidence.max() <= 1.0
    np.testing.assert_array_equal(found.hz[found.voiced], found.guess_hz[found.voiced])


@FINDERS
def test_silence_has_no_melody(find):
    found = find(np.zeros(RATE), RATE)
    assert not found.voiced.any()
    assert not found.guess_hz.any()
    assert not found.confidence.any()
    assert len(find(np.zeros(0), RATE)) == 0


@FINDERS
def test_bad_input_is_told(find):
    with pytest.raises(SegueError, match="finite"):
        find(np.array([np.inf, 0.0]), RATE)


def path(sings, rests):
    """The states that a line takes, all of a frame being candidates."""
    bands = np.tile(np.arange(sings.shape[1]), (len(sings), 1))
    return likeliest_line(bands, sings, rests).tolist()


def test_a_line_goes_through_a_moment_of_doubt():
    sings = np.full((20, 30), -8.0)
    sings[:, 10] = -0.5
    sings[8:10, 10], sings[8:10, 22] = -2.0, -0.5  # something else, briefly louder
    rests = np.full(20, -6.0)
    assert path(sings, rests) == [10] * 20
    sings[8:, 22], sings[8:, 10] = -0.5, -8.0
    assert path(sings, rests) == [10] * 8 + [22] * 12


def test_a_line_ends_and_begins_again():
    sings = np.full((30, 12), -9.0)
    sings[:10, 3] = sings[20:, 5] = -0.1
    rests = np.where((np.arange(30) < 10) | (np.arange(30) >= 20), -9.0, -0.1)
    assert path(sings, rests) == [3] * 10 + [-1] * 10 + [5] * 10


def test_a_glide_costs_less_than_a_leap():
    sings = np.full((1100, 40), -7.0)
    line = 10 + np.abs(np.arange(1100) % 40 - 20)
    sings[np.arange(1100), line] = -0.1
    assert path(sings, np.full(1100, -9.0)) == line.tolist()


def test_pitch_lies_between_bands():
    pitch = np.full((10, PITCHES), -20.0, np.float32)
    pitch[:, 100] = pitch[:, 101] = np.log(0.5)
    heard = candidates(pitch, np.full(10, 5.0, np.float32), np.ones(10, bool))
    middle = LOW_HZ * 2.0 ** (100.5 / BANDS_PER_OCTAVE)
    np.testing.assert_allclose(melody_of(heard).hz, middle, rtol=1e-3)


def test_what_is_seen_of_the_tune_stands_out():
    seen, loud, magnitudes = observations(tone(69, 1.0).astype(np.float32) * 0.3)
    assert seen.shape[:2] == (51, HIGHEST - LOWEST)
    assert loud[5:45].all()
    assert len(magnitudes) == 51
    assert seen[25, :, 0].argmax() == 69 - LOWEST
