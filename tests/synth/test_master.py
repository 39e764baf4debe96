"""Compressor and limiter against signals with known peaks."""

import numpy as np
import pytest

from segue.synth.master import Compressor, Limiter
from segue.synth.ramps import Ramp

RATE = 48_000
CEILING = 10 ** (-1 / 20)


def run(stage, signal, block):
    return np.concatenate(
        [stage.process(signal[at : at + block]) for at in range(0, len(signal), block)]
    )


def true_peak(signal):
    """Peak of the signal interpolated 16 times by zero-padding its spectrum."""
    spectrum = np.fft.rfft(signal, axis=0)
    return float(np.abs(np.fft.irfft(spectrum, len(signal) * 16, axis=0) * 16).max())


@pytest.mark.parametrize("block", [64, 256, 1000])
def test_limiter_is_a_pure_delay_below_the_ceiling(block):
    signal = np.random.default_rng(0).uniform(-0.3, 0.3, (6_000, 2))
    limiter = Limiter(RATE)
    out = run(limiter, signal, block)
    assert np.array_equal(out[limiter.delay_frames :], signal[: -limiter.delay_frames])
    assert limiter.reduction_db == 0.0


@pytest.mark.parametrize("block", [64, 256, 1000])
def test_limiter_holds_true_peaks(block):
    time = np.arange(24_000) / RATE
    # a quarter of the sample rate at 45 degrees: samples at 0.707 of the true peak
    between = 2.0 * np.sin(2 * np.pi * 12_000 * time + np.pi / 4) * np.hanning(24_000)
    random = np.random.default_rng(0)
    bursts = np.where(random.random(24_000) < 0.001, random.uniform(-4, 4, 24_000), 0.1)
    for signal in (between, bursts, 3 * np.sin(2 * np.pi * 80 * time) * np.hanning(24_000)):
        limiter = Limiter(RATE)
        out = run(limiter, np.stack([signal, -0.5 * signal], axis=1), block)
        assert np.abs(out).max() <= CEILING + 1e-9
        assert true_peak(out) < 10 ** (-0.5 / 20)
        assert limiter.reduction_db > 5 and limiter.limited_frames > 0


def test_limiter_does_not_depend_on_the_block_size():
    signal = np.random.default_rng(3).normal(0, 0.7, (12_000, 2))
    outs = [run(Limiter(RATE), signal, block) for block in (64, 100, 4_000)]
    assert np.allclose(outs[0], outs[1], atol=1e-12) and np.allclose(outs[0], outs[2], atol=1e-12)


def test_limiter_links_the_channels():
    signal = np.stack([np.full(4_800, 2.0), np.full(4_800, 0.2)], axis=1)
    out = run(Limiter(RATE), signal, 256)[200:]
    assert np.allclose(out[:, 1] / out[:, 0], 0.1)


def test_compressor_leaves_soft_parts_and_turns_loud_ones_down():
    time = np.arange(RATE) / RATE
    tone = np.stack([np.sin(2 * np.pi * 440 * time)] * 2, axis=1)

    def gain_db(level):
        compressor = Compressor(RATE, makeup_db=0.0)
        out = run(compressor, level * tone, 256)[RATE // 2 :]
        return 20 * np.log10(np.abs(out).max() / level)

    assert gain_db(0.01) == pytest.approx(0.0, abs=0.01)
    # -6 dB peak in both channels is -6 dB power: 12 dB over the threshold of -18 at 1.6 to 1;
    # rising faster than it falls, the meter reads a tone a little high
    assert gain_db(0.5) == pytest.approx(12 * (1 / 1.6 - 1), abs=0.6)


def test_compressor_moves_smoothly():
    step = np.concatenate([np.full((4_800, 2), 0.01), np.full((4_800, 2), 0.5)])
    gain = run(Compressor(RATE), step, 256)[:, 0] / step[:, 0]
    assert np.abs(np.diff(gain)).max() < 5e-3


def test_ramp_reaches_its_target_exactly_whatever_the_blocks():
    whole, parts = Ramp(0.0), Ramp(0.0)
    whole.go(1.0, 1_000)
    parts.go(1.0, 1_000)
    curve = whole.block(1_200)
    pieces = np.concatenate([parts.block(n) for n in (1, 99, 500, 600)])
    assert np.allclose(curve, pieces)
    assert curve[0] == pytest.approx(1e-3) and curve[999] == 1.0 and not whole.moving
    whole.go(0.5, 10)
    assert np.all(np.diff(whole.block(10)) < 0) and whole.value == 0.5
