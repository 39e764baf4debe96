"""Compressor and limiter against signals with known peaks."""

import numpy as np
import pytest

from segue.synth.master import Compressor, Limiter
from segue.synth.ramps import Ramp

RATE = 48_000
CEILING = 10 ** (-1 / 20)


def run(limiter, signal, block):
    return np.concatenate(
        [limiter.process(signal[at : at + block]) for at in range(0, len(signal), block)]
    )


def gains(compressor, signal, block):
    """The gain at the end of each block."""
    blocks = [signal[at : at + block] for at in range(0, len(signal), block)]
    return np.array([compressor.follow(np.vdot(b, b) / len(b), len(b)) for b in blocks])


def true_peak(signal):
    """Peak of the signal interpolated 16 times by zero-padding its spectrum."""
    spectrum = np.fft.rfft(signal, axis=0)
    return float(np.abs(np.fft.irfft(spectrum, len(signal) * 16, axis=0) * 16).max())


@pytest.mark.parametrize("block", [64, 256, 1000])
def test_limiter_is_a_pure_delay_below_the_ceiling(block):
    signal = np.random.default_rng(0).uniform(-0.3, 0.3, (6_000, 2)).astype(np.float32)
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
    assert np.allclose(outs[0], outs[1], atol=1e-6) and np.allclose(outs[0], outs[2], atol=1e-6)


def test_limiter_multiplies_first_and_in_straight_lines():
    signal = np.random.default_rng(0).uniform(-1, 1, (10_000, 2)).astype(np.float32)
    limiter = Limiter(RATE, gain=0.1)
    gains = np.repeat([0.3, 0.3, 0.2, 0.4, 0.4], 2)
    parts = zip(np.split(signal, 10), gains, strict=True)
    out = np.concatenate([limiter.process(part, gain) for part, gain in parts])
    line = np.interp(np.arange(1, 10_001), np.arange(11) * 1_000, [0.1, *gains])
    late = limiter.delay_frames
    assert np.allclose(out[late:], (signal * line[:, None])[:-late], atol=1e-6)
    assert np.abs(limiter.process(signal, 4.0)).max() <= CEILING and limiter.limited_frames > 0


def test_limiter_never_touches_what_it_has_returned():
    signal = np.random.default_rng(0).uniform(-1.5, 1.5, (20_000, 2))
    limiter = Limiter(RATE)
    blocks = [limiter.process(part) for part in np.split(signal, 200)]
    assert np.array_equal(np.concatenate(blocks), run(Limiter(RATE), signal, 100))


@pytest.mark.parametrize("frames", [64, 100, 1_000])
def test_limiter_finds_peaks_between_samples(frames):
    # a lone peak of the true level 1.4 whose samples stand at 0.97, anywhere in the block
    for at in (0, frames // 2, frames - 1):
        time = np.arange(4 * frames) - (frames + at + 0.5)
        wave = 1.4 * np.sinc(time / 1.1) * np.exp(-((time / 20) ** 2))
        limiter = Limiter(RATE)
        run(limiter, np.stack([0.1 * wave, wave], axis=1), frames)
        assert limiter.reduction_db == pytest.approx(20 * np.log10(1.4 / CEILING), abs=0.3)


def test_limiter_links_the_channels():
    signal = np.stack([np.full(4_800, 2.0), np.full(4_800, 0.2)], axis=1)
    out = run(Limiter(RATE), signal, 256)[200:]
    assert np.allclose(out[:, 1] / out[:, 0], 0.1)


def test_compressor_leaves_soft_parts_and_turns_loud_ones_down():
    time = np.arange(RATE) / RATE
    tone = np.stack([np.sin(2 * np.pi * 440 * time)] * 2, axis=1)

    def gain_db(level):
        end = gains(Compressor(RATE, makeup_db=0.0), level * tone, 256)[-20:]
        return 20 * np.log10(end.max())

    assert gain_db(0.01) == pytest.approx(0.0, abs=0.01)
    # -6 dB peak in both channels is -6 dB power: 13.2 dB over the threshold of -19.2 at 1.6 to 1
    assert gain_db(0.5) == pytest.approx(13.2 * (1 / 1.6 - 1), abs=0.1)


def test_compressor_moves_smoothly():
    step = np.concatenate([np.full((4_800, 2), 0.01), np.full((4_800, 2), 0.5)])
    gain = gains(Compressor(RATE), step, 64)
    assert np.abs(np.diff(gain)).max() / 64 < 2e-3 and gain[-1] < 0.7 * gain[0]


def test_compressor_hears_a_low_note_alike_in_short_and_long_blocks():
    time = np.arange(RATE) / RATE
    note = 0.5 * np.stack([np.sin(2 * np.pi * 55 * time)] * 2, axis=1)
    ends = [gains(Compressor(RATE), note, block)[RATE // 2 // block :] for block in (64, 256, 512)]
    levels = [20 * np.log10(end.mean()) for end in ends]
    assert max(levels) - min(levels) < 0.1


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


def test_ramp_walks_as_it_draws():
    drawn, walked = Ramp(0.2), Ramp(0.2)
    for ramp in (drawn, walked):
        ramp.go(0.9, 1_000)
    for frames in (1, 256, 512, 512, 64):
        assert walked.walk(frames) == pytest.approx(drawn.block(frames)[-1], abs=1e-12)
    assert walked.value == 0.9 and not walked.moving
