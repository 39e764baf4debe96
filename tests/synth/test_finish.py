"""Leveller, compressor, fader and limiter as one stage."""

import numpy as np
import pytest

from segue.analysis.sound.audio import find_clicks, integrated_loudness, true_peak
from segue.synth.finish import PIECE_FRAMES, Finish
from segue.synth.leveller import REACH_DB

RATE = 48_000
MAKEUP = 10 ** (2.3 / 20)


def finish(gain=1.0, loudness_lufs=None):
    return Finish(RATE, gain=gain, loudness_lufs=loudness_lufs)


def run(stage, signal, block):
    return np.concatenate(
        [stage.process(signal[at : at + block]) for at in range(0, len(signal), block)]
    )


def noise(level, seconds=10.0):
    shape = (round(seconds * RATE), 2)
    return np.random.default_rng(0).normal(0.0, level, shape).astype(np.float32)


def test_soft_sound_is_multiplied_and_delayed_from_the_first_frame_on():
    stage, sound = finish(gain=0.5), noise(0.01, 0.5)
    late = stage.limiter.delay_frames
    out = run(stage, sound, 256)
    assert out.dtype == np.float32 and len(out) == len(sound)
    assert not out[:late].any()
    assert np.allclose(out[late:], 0.5 * MAKEUP * sound[:-late], rtol=1e-6)


@pytest.mark.parametrize("block", [64, 300, 512, 8_192])
def test_true_peaks_and_loudness_hold_in_any_blocks(block):
    hits = noise(0.4)
    hits[::9_770] *= 4.0
    spectrum = np.fft.rfft(hits, axis=0)
    spectrum[len(spectrum) // 2 :] = 0.0  # as music, little above a quarter of the sample rate
    sound = np.fft.irfft(spectrum, axis=0).astype(np.float32)
    out = run(finish(gain=2.0, loudness_lufs=-14.0), sound, block)
    same = run(finish(gain=2.0, loudness_lufs=-14.0), sound, 256)
    assert np.isfinite(out).all() and true_peak(out, RATE) <= -0.99
    assert integrated_loudness(out, RATE) == pytest.approx(integrated_loudness(same, RATE), abs=0.1)


def test_a_long_block_is_its_pieces():
    sound = noise(0.4, 1.0)
    whole, pieces = finish(loudness_lufs=-16.0), finish(loudness_lufs=-16.0)
    assert np.array_equal(
        run(whole, sound, 5_000 // PIECE_FRAMES * PIECE_FRAMES), run(pieces, sound, PIECE_FRAMES)
    )


def test_what_the_fader_takes_away_is_not_made_good():
    sound = noise(0.2, 12.0)
    plain = finish(loudness_lufs=-20.0)
    faded = finish(loudness_lufs=-20.0)
    faded.fader.go(0.25, 4_800)
    outs = [run(stage, sound, 256) for stage in (plain, faded)]
    assert np.allclose(outs[1][6_000:], 0.25 * outs[0][6_000:], atol=1e-6)
    assert np.array_equal(outs[1][:38], outs[0][:38]) and plain.fader.value == 1.0


def test_the_compressor_hears_what_the_leveller_lifts():
    sound = noise(0.05, 14.0)
    levelled, loud = finish(loudness_lufs=-6.0), finish(gain=10 ** (REACH_DB / 20))
    outs = [run(stage, sound, 256)[-9_600:] for stage in (levelled, loud)]
    assert np.allclose(outs[0], outs[1], rtol=1e-3, atol=1e-5)


def test_fades_and_slow_gains_do_not_click():
    time = np.arange(10 * RATE) / RATE
    tone = 0.02 * np.sin(2 * np.pi * 440 * time)[:, None] * np.ones(2, np.float32)
    tone[-4_800:] *= np.linspace(1, 0, 4_800)[:, None]
    stage = finish(loudness_lufs=-16.0)
    half = len(tone) // 2
    first = run(stage, tone[:half], 256)
    stage.fader.go(0.0, 240)
    second = run(stage, tone[half:], 256)
    assert not len(find_clicks(np.concatenate([first, second]), RATE))
    assert np.abs(first).max() > 0.03 and not second[600:].any()


def test_same_blocks_make_the_same_samples():
    sound = noise(0.5, 2.0)
    outs = [run(finish(gain=1.5, loudness_lufs=-16.0), sound, 256) for _ in range(2)]
    assert np.array_equal(*outs)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_what_is_not_finite_becomes_silence(bad):
    stage, sound = finish(loudness_lufs=-16.0), noise(0.1, 1.0)
    sound[20_000, 1] = bad
    broken = []
    for at in range(0, len(sound), 250):
        out = stage.process(sound[at : at + 250])
        broken.append(stage.broken)
        assert np.isfinite(out).all()
    assert [n for n, was in enumerate(broken) if was] == [80]
    assert np.abs(out).max() > 0.1
