"""Waves made once, in numpy, before anything plays: single cycles, endless loops, struck sounds.

A voice then only reads a table, which costs a tenth of building the sound while it plays. All are
float32 with full scale 1 and are the same on every run.

Sources: loops follow the PADsynth method (N. O. Paul, ZynAddSubFX, 2005): a spectrum whose partials
are spread into bands, with random phases, turned into a wave that repeats without a seam. Struck
sounds are sums of modes that decay each at its own pace (J. O. Smith, Physical Audio Signal
Processing, 2010, "modal synthesis"); plucked ones a string of two travelling waves by Karplus and
Strong (Computer Music Journal 7(2), 1983), with the fractional delay and loss of Jaffe and Smith.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .pyo_host import Samples

Floats = NDArray[np.float64]
Partials = Callable[[Floats], Floats]
"""Amplitudes of the partials 1, 2, ... [shape=(n,)], given their numbers."""

CYCLE_FRAMES = 8192
LOOP_FRAMES = 1 << 16
ATTACK_FRAMES = 24


def pitch_hz(pitch: float) -> float:
    """Frequency in Hz of a MIDI pitch (69 = 440 Hz)."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def saw(number: Floats) -> Floats:
    """All partials at 1/n."""
    return 1.0 / number


def square(number: Floats) -> Floats:
    """Odd partials at 1/n."""
    return np.where(number % 2 == 1, 1.0 / number, 0.0)


@lru_cache(maxsize=256)
def one_cycle(partials: Partials, count: int) -> Samples:
    """One period of the first `count` partials in sine phase [shape=(CYCLE_FRAMES,)].

    Sine phase makes the first sample zero, as the guard point behind a pyo table is.
    """
    spectrum = np.zeros(CYCLE_FRAMES // 2 + 1, dtype=complex)
    numbers = np.arange(1, count + 1, dtype=float)
    spectrum[1 : count + 1] = -0.5j * CYCLE_FRAMES * partials(numbers)
    return np.fft.irfft(spectrum).astype(np.float32)


def spread_loop(
    hz: float,
    levels: Partials,
    sample_rate: int,
    *,
    cents: float,
    widening: float = 1.0,
    formant: Callable[[Floats], Floats] | None = None,
    stretch: float = 0.0,
    frames: int = LOOP_FRAMES,
    seed: int = 1,
) -> Samples:
    """A wave that repeats without a seam and sounds like many players [shape=(frames,)].

    :param levels: of the partials by number
    :param cents: width of the first partial's band (a solo 2..5, a section 15..40, a pad 40..90)
    :param widening: power of the partial's number that its width in Hz grows by
    :param formant: gain by frequency in Hz, as a body or a vowel gives
    :param stretch: inharmonicity: partial n lies at n * sqrt(1 + stretch * n**2)
    :return: RMS 0.2; the first sample is the one nearest to zero, to fit pyo's guard point
    """
    bins = frames // 2 + 1
    bin_hz = sample_rate / frames
    spectrum = np.zeros(bins)
    numbers = np.arange(1, max(2, int(0.45 * sample_rate / hz)) + 1, dtype=float)
    centres = hz * numbers * np.sqrt(1.0 + stretch * numbers**2)
    inside = centres < 0.45 * sample_rate
    amplitudes = levels(numbers) * (formant(centres) if formant is not None else 1.0)
    base_width = (2.0 ** (cents / 1200.0) - 1.0) * hz
    for number, centre, amplitude in zip(
        numbers[inside], centres[inside], amplitudes[inside], strict=True
    ):
        if amplitude < 1e-6:
            continue
        width = max(base_width * number**widening, 0.6 * bin_hz) / bin_hz
        middle = centre / bin_hz
        low, high = int(max(middle - 4 * width, 1)), int(min(middle + 4 * width + 2, bins - 1))
        shape = np.exp(-0.5 * ((np.arange(low, high) - middle) / width) ** 2)
        spectrum[low:high] += amplitude * shape / np.sqrt(np.sum(shape**2))
    phases = np.random.default_rng(seed).uniform(0.0, 2.0 * np.pi, bins)
    wave = np.fft.irfft(spectrum * np.exp(1j * phases), frames)
    wave *= 0.2 / max(float(np.sqrt(np.mean(wave**2))), 1e-12)
    return np.roll(wave, -int(np.argmin(np.abs(wave)))).astype(np.float32)


def modes(
    hz: Floats, decay_seconds: Floats, amplitudes: Floats, seconds: float, sample_rate: int
) -> Samples:
    """Sums of decaying sines [shape=(layers, frames)].

    :param hz: of each mode [shape=(modes,)]; those above 0.45 of the sample rate are left out
    :param decay_seconds: to -60 dB, of each mode [shape=(modes,)]
    :param amplitudes: of each layer and mode [shape=(layers, modes)]
    """
    frames = int(seconds * sample_rate)
    time = (np.arange(frames) / sample_rate).astype(np.float32)
    result = np.zeros((len(amplitudes), frames), np.float32)
    for number in np.flatnonzero(hz < 0.45 * sample_rate):
        rate = 6.91 / max(float(decay_seconds[number]), 1e-3)
        length = min(frames, int(1.6 * decay_seconds[number] * sample_rate) + 1)
        part = time[:length]
        phase = 2.0 * np.pi * np.mod(float(hz[number]) * np.arange(length) / sample_rate, 1.0)
        wave = np.sin(phase.astype(np.float32)) * np.exp(-rate * part)
        result[:, :length] += amplitudes[:, number : number + 1].astype(np.float32) * wave
    return result


def string(
    hz: float,
    seconds: float,
    sample_rate: int,
    *,
    decay_seconds: float,
    damping: float,
    pick: float = 0.2,
    hardness: float = 0.7,
    seed: int = 1,
) -> Samples:
    """A plucked string by a tuned delay with loss [shape=(frames,)].

    :param decay_seconds: of the first partial to -60 dB
    :param damping: how much faster the high partials die, 0 (steel) .. 1 (felt)
    :param pick: where it is plucked, as a share of its length; partials with a node there are weak
    :param hardness: of the finger or plectrum, 0 (soft, dark) .. 1 (hard, bright)
    """
    from scipy.signal import lfilter

    period = sample_rate / hz
    blend = 0.5 * damping  # of a two-point mean: low-pass in the loop, delays by `blend` samples
    whole = int(period - blend - 0.2)
    fraction = period - blend - whole
    tune = (1.0 - fraction) / (1.0 + fraction)  # all-pass that delays by `fraction`
    loss = 10.0 ** (-3.0 / (hz * decay_seconds))
    frames = int(seconds * sample_rate)
    burst = np.zeros(frames)
    count = min(int(period), frames)
    burst[:count] = np.random.default_rng(seed).uniform(-1.0, 1.0, count)
    burst[:count] -= burst[:count].mean()
    cutoff = np.exp(-2.0 * np.pi * (0.02 + 0.4 * hardness**2))
    burst = lfilter([1.0 - cutoff], [1.0, -cutoff], burst)
    behind = max(1, round(pick * period))
    burst[behind:] -= 0.9 * burst[:-behind].copy()
    # loop: y = x + loss * lowpass(allpass(y delayed by `whole`))
    numerator = loss * np.convolve([1.0 - blend, blend], [tune, 1.0])
    feedback = np.zeros(whole + 3)
    feedback[0], feedback[1] = 1.0, tune
    feedback[whole : whole + 3] -= numerator
    wave = lfilter([1.0, tune], feedback, burst)
    wave -= np.linspace(wave[0], 0.0, frames)
    return np.asarray(wave / max(float(np.abs(wave).max()), 1e-9), np.float32)


def finish(
    wave: Samples, *, fade: float = 0.15, attack_frames: int = ATTACK_FRAMES, peak: float = 0.0
) -> Samples:
    """A struck sound made fit to be read once: begins and ends in silence [shape=(..., frames)].

    :param fade: share of the length over which the end is faded
    :param attack_frames: the first frames that rise from zero, against clicks
    :param peak: scale to this peak over all layers; 0 leaves the level
    """
    frames = wave.shape[-1]
    done = wave.astype(np.float32, copy=True)
    tail = max(2, int(fade * frames))
    done[..., -tail:] *= np.cos(np.linspace(0.0, np.pi / 2, tail)).astype(np.float32) ** 2
    rise = np.sin(np.linspace(0.0, np.pi / 2, attack_frames + 1)[1:]) ** 2
    done[..., :attack_frames] *= rise.astype(np.float32)
    done[..., -1] = 0.0
    if peak:
        done *= peak / max(float(np.abs(done).max()), 1e-9)
    return done
