import numpy as np

from segue.analysis.rhythm.beat_spectrum import (
    HOP,
    LIVE_LATE,
    LIVE_SAMPLES,
    MEL_BANDS,
    SEMITONES,
    WINDOW,
    beat_spectra,
    hear_beats,
    level_gain,
    live_spectra,
)
from segue.analysis.spectra import RATE


def noise(seconds, seed=0):
    random = np.random.default_rng(seed)
    return (0.1 * random.standard_normal(round(seconds * RATE))).astype(np.float32)


def test_shapes_and_level():
    sound = noise(2.01)
    spectra = beat_spectra(sound)
    assert spectra.mel.shape == (101, MEL_BANDS)
    assert spectra.semitones.shape == (51, SEMITONES)
    quieter = beat_spectra(0.01 * sound)
    np.testing.assert_allclose(quieter.mel, spectra.mel, atol=1e-3)
    assert level_gain(np.zeros(0, np.float32)) == 1.0


def test_live_spectra_are_those_of_the_file():
    sound = noise(1.0)
    gain = 0.7
    whole = beat_spectra(sound, gain)
    padded = np.concatenate([np.zeros(LIVE_SAMPLES - 3 * HOP - WINDOW // 2, np.float32), sound])
    for frame in range(20, 40, 4):
        live = live_spectra(padded[frame * HOP :][:LIVE_SAMPLES], gain)
        np.testing.assert_allclose(live.mel, whole.mel[frame : frame + 4], atol=1e-3)
        row = frame // 2 - LIVE_LATE
        np.testing.assert_allclose(live.semitones, whole.semitones[row : row + 2], atol=1e-3)


def test_pieces_of_a_long_file_join_without_a_seam(monkeypatch):
    from segue.analysis.rhythm import beat_spectrum

    sound = noise(30.0) * (np.arange(30 * RATE) % RATE < RATE // 10)
    whole = hear_beats(sound)
    monkeypatch.setattr(beat_spectrum, "CHUNK", 500)
    pieces = hear_beats(sound)
    assert len(whole.tempo) == 1
    assert len(pieces.tempo) == 4
    # beyond ten seconds the network hears next to nothing
    assert np.abs(pieces.beats - whole.beats).max() < 0.1
    assert np.abs(pieces.onsets - whole.onsets).max() < 0.1


def test_silence_and_nothing():
    assert len(hear_beats(np.zeros(0, np.float32)).beats) == 0
    silent = hear_beats(np.zeros(RATE, np.float32))
    assert len(silent.beats) == 51
    assert not silent.beats.any()
