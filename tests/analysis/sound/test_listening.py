"""What a musician would write down, on made sounds whose values are known."""

import json

import numpy as np
import pytest

from segue.analysis.scores.writing import ChordSpan
from segue.analysis.sound.audio import find_clipping, true_peak_curve
from segue.analysis.sound.listening import (
    OCTAVES,
    TYPICAL_OCTAVE_DB,
    listen,
    measure_stereo,
    octave_levels,
)
from segue.music.errors import SegueError
from segue.music.score import Score, Track, make_notes

RATE = 48000
SECONDS = 6
TIME = np.arange(RATE * SECONDS) / RATE
FADE = np.minimum(1.0, np.minimum(TIME / 0.02, (SECONDS - TIME) / 0.05))


def sine(hz: float, amplitude: float = 0.1) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * TIME) * FADE


def noise(seed: int) -> np.ndarray:
    return 0.05 * np.random.default_rng(seed).standard_normal(len(TIME))


def shaped_noise(levels_db: dict[str, float]) -> np.ndarray:
    """Noise with a level in each octave."""
    spectrum = np.fft.rfft(noise(0))
    hz = np.fft.rfftfreq(len(TIME), 1 / RATE)
    gains = np.zeros(len(hz))
    for name, level in levels_db.items():
        inside = (hz >= float(name) / np.sqrt(2)) & (hz < float(name) * np.sqrt(2))
        gains[inside] = 10 ** (level / 20) / np.linalg.norm(np.abs(spectrum[inside]))
    shaped = np.fft.irfft(spectrum * gains, len(TIME))
    return np.asarray(0.1 * shaped / shaped.std())


def unusual(listening: object) -> set[str]:
    return {finding.name for finding in listening.findings() if finding.excess}  # type: ignore[attr-defined]


def test_octaves_of_tones_and_of_noise() -> None:
    levels = octave_levels(sine(1000.0) + sine(125.0, 0.05), RATE)
    assert levels["1000"] == pytest.approx(-0.97, abs=0.1)  # 1 of 1.25 of the power
    assert levels["125"] == pytest.approx(-6.99, abs=0.1)
    assert max(levels[name] for name in OCTAVES if name not in ("1000", "125")) < -50
    white = octave_levels(noise(1), RATE)
    steps = np.diff([white[name] for name in OCTAVES[2:]])
    np.testing.assert_allclose(steps, 3.01, atol=0.6)  # each octave has twice the bandwidth


def test_octaves_beyond_half_the_sample_rate_are_left_out() -> None:
    assert [*octave_levels(noise(1), 16000)] == [*OCTAVES[:-1]]


def test_the_typical_spectrum_is_nothing_to_remark_but_mud_and_hiss_are() -> None:
    typical = {name: middle for name, (_, middle, _) in TYPICAL_OCTAVE_DB.items()}
    found = listen(shaped_noise(typical), RATE)
    assert not [name for name in unusual(found) if name.startswith("octave")]
    muddy = listen(shaped_noise(typical | {"250": 0.0}), RATE)
    assert "octave_250_hz_db" in unusual(muddy)
    harsh = listen(shaped_noise(typical | {"4000": -3.0}), RATE)
    assert "octave_4000_hz_db" in unusual(harsh)
    finding = next(f for f in harsh.findings() if f.name == "octave_4000_hz_db")
    assert finding.excess == pytest.approx(finding.value + 10.3, abs=0.01)


def test_stereo_of_known_images() -> None:
    left, right = noise(1), noise(2)
    mono = measure_stereo(np.stack([left, left], axis=1), RATE)
    assert mono.correlation == pytest.approx(1.0)
    assert mono.width_db == -120.0
    assert mono.mono_loss_db == mono.balance_db == pytest.approx(0.0, abs=1e-6)
    wide = measure_stereo(np.stack([left, right], axis=1), RATE)
    assert wide.correlation == pytest.approx(0.0, abs=0.02)
    assert wide.width_db == pytest.approx(0.0, abs=0.2)
    assert wide.mono_loss_db == pytest.approx(3.01, abs=0.1)
    hollow = measure_stereo(np.stack([left, -left], axis=1), RATE)
    assert hollow.correlation == pytest.approx(-1.0)
    assert hollow.mono_loss_db == 120.0
    tilted = measure_stereo(np.stack([left, 2 * left], axis=1), RATE)
    assert tilted.balance_db == pytest.approx(6.02, abs=0.01)
    silent = measure_stereo(np.zeros((RATE, 2)), RATE)
    assert (silent.correlation, silent.width_db, silent.balance_db) == (1.0, 0.0, 0.0)
    with pytest.raises(SegueError, match="1 channels"):
        measure_stereo(left, RATE)


def test_low_correlation_hears_the_bass_only() -> None:
    bass, treble = sine(60.0, 0.3), sine(2000.0, 0.3)
    wide_bass = measure_stereo(np.stack([bass + treble, -bass + treble], axis=1), RATE)
    assert wide_bass.low_correlation == pytest.approx(-1.0, abs=0.01)
    wide_treble = measure_stereo(np.stack([bass + treble, bass - treble], axis=1), RATE)
    assert wide_treble.low_correlation == pytest.approx(1.0, abs=0.01)
    assert wide_bass.correlation == pytest.approx(0.0, abs=0.01)
    assert wide_treble.correlation == pytest.approx(0.0, abs=0.01)


def test_dynamics() -> None:
    found = listen(np.stack([sine(1000.0), sine(1000.0)], axis=1), RATE)
    assert found.loudness_lufs == pytest.approx(-20.0, abs=0.1)
    assert found.true_peak_db == pytest.approx(-20.0, abs=0.05)
    assert found.crest_db == pytest.approx(3.01, abs=0.1)
    assert found.peak_to_loudness_db == pytest.approx(0.0, abs=0.15)
    assert found.momentary_max_lufs == pytest.approx(-20.0, abs=0.1)
    assert found.loudness_range_lu == pytest.approx(0.0, abs=0.1)
    assert found.duration_seconds == SECONDS


def test_faults() -> None:
    broken = sine(200.0, 0.5) + 0.01
    broken[: RATE * 3] *= 0.0
    broken[200_000:200_010] = 1.0
    found = listen(broken, RATE)
    assert found.clipped_runs == 1
    assert found.clicks >= 1
    assert found.offset == pytest.approx(0.005, abs=1e-4)
    assert found.silence_share == pytest.approx(0.5, abs=0.02)
    assert {"clipped_runs", "clicks", "offset", "silence_share", "true_peak_db"} <= unusual(found)
    assert found.stereo is None


def test_clipping_is_what_stands_still_at_full_scale() -> None:
    loud = np.clip(sine(100.0, 2.0), -1.0, 1.0)
    assert len(find_clipping(loud, RATE)) == pytest.approx(2 * 100 * SECONDS, abs=8)
    assert len(find_clipping(np.round(loud * 32767) / 32768, RATE)) > 1000  # as 16 bits
    assert len(find_clipping(sine(100.0, 1.0), RATE)) == 0
    assert len(find_clipping(0.9 * loud, RATE)) == 0


def test_true_peaks_over_time_lie_where_the_sound_peaks() -> None:
    wave = sine(RATE / 4, 0.1)
    wave[RATE * 2 : RATE * 2 + 480] = 0.9 * np.sin(2 * np.pi * np.arange(480) / 4 + np.pi / 4)
    curve = true_peak_curve(wave, RATE)
    assert len(curve) == SECONDS * 10
    assert curve.argmax() == 20
    assert curve[20] == pytest.approx(20 * np.log10(0.9), abs=0.3)
    assert curve[10] == pytest.approx(-20.0, abs=0.1)


def test_with_the_score_the_notes_are_judged_too() -> None:
    notes = make_notes([(0.0, 4.0, 60, 0.5), (0.0, 4.0, 61, 0.9)])
    score = Score((Track("part", notes),))
    found = listen(noise(1), RATE, score, [ChordSpan(0.0, frozenset({0, 4, 7}))])
    assert found.writing is not None
    assert found.writing.clash_share == 1
    assert {"rough_share", "clash_share"} <= unusual(found)
    assert listen(noise(1), RATE).writing is None


def test_it_can_be_written_as_json() -> None:
    notes = make_notes([(0.0, 4.0, 60, 0.5)])
    sound = np.stack([noise(1), noise(2)], axis=1)
    found = listen(sound, RATE, Score((Track("part", notes),)))
    again = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert again["stereo"]["correlation"] == found.stereo.correlation  # type: ignore[union-attr]
    assert again["writing"]["tracks"]["part"]["notes"] == 1
    silent = listen(np.zeros((RATE, 2)), RATE).to_dict()
    assert json.dumps(silent, allow_nan=False)
    assert silent["loudness_lufs"] == -120.0


def test_bad_sound_is_refused() -> None:
    with pytest.raises(SegueError, match="too short"):
        listen(np.zeros(100), RATE)
    with pytest.raises(SegueError, match="NaN"):
        listen(np.full(RATE, np.nan), RATE)
