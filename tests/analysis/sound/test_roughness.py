import numpy as np
import pytest

from segue.analysis.sound.roughness import find_roughness, roughness_of, spectral_peaks
from segue.analysis.spectra import RATE
from segue.music.errors import RangeError, SegueError


def tones(*hz, harmonics=1, seconds=1.0):
    t = np.arange(round(seconds * RATE)) / RATE
    return 0.1 * sum(
        np.sin(2 * np.pi * one * number * t) / number
        for one in hz
        for number in range(1, harmonics + 1)
    )


def test_one_tone_is_smooth_and_a_semitone_is_rough():
    assert find_roughness(tones(440.0), RATE).mean < 0.01
    assert 0.8 < find_roughness(tones(440.0, 466.2), RATE).mean < 1.1


def test_intervals_rank_as_ears_rank_them():
    """Semitone, tritone, fifth, octave of tones with harmonics."""
    ratios = (2 ** (1 / 12), 2 ** (6 / 12), 1.5, 2.0)
    found = [find_roughness(tones(300.0, 300.0 * one, harmonics=6), RATE).mean for one in ratios]
    assert found == sorted(found, reverse=True)
    assert found[0] > 2 * found[2]


def test_level_does_not_matter():
    loud, soft = tones(440.0, 466.2), 0.05 * tones(440.0, 466.2)
    assert find_roughness(soft, RATE).mean == pytest.approx(
        find_roughness(loud, RATE).mean, rel=0.02
    )


def test_the_curve_is_highest_where_it_should_be():
    """Two tones at 500 Hz: worst near a quarter of the critical band, none when equal or far."""
    apart = np.linspace(0.0, 400.0, 801)
    hz = np.stack([np.full(len(apart), 500.0), 500.0 + apart], axis=1)
    rough = roughness_of(hz, np.ones_like(hz))
    assert rough[0] == 0.0
    assert rough.max() == pytest.approx(1.0, abs=1e-3)
    assert 20.0 < apart[rough.argmax()] < 40.0
    assert rough[-1] < 0.05


def test_peaks_lie_between_bins():
    spectrum = find_spectrum(tones(1003.0))
    hz, amplitudes = spectral_peaks(spectrum, RATE / 4096, 4)
    loudest = amplitudes.argmax(axis=1)
    np.testing.assert_allclose(hz[np.arange(len(hz)), loudest][2:-2], 1003.0, atol=0.7)
    np.testing.assert_allclose(amplitudes.max(axis=1)[2:-2], 0.1, rtol=0.05)


def find_spectrum(samples):
    from segue.analysis.spectra import magnitudes

    return magnitudes(samples.astype(np.float32), 4096, 2048)


def test_silence_and_nothing():
    assert find_roughness(np.zeros(RATE), RATE).mean == 0.0
    nothing = find_roughness(np.zeros(0), RATE)
    assert len(nothing) == 0 and nothing.mean == 0.0


def test_bad_input_is_told():
    with pytest.raises(RangeError, match="peaks"):
        find_roughness(np.zeros(9), RATE, peaks=1)
    with pytest.raises(SegueError, match="finite"):
        find_roughness(np.array([np.inf]), RATE)
