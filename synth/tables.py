"""Waves made once, in numpy, before anything plays: endless loops and struck sounds.

A voice then only reads a table, which costs a tenth of building the sound while it plays. All are
float32 with full scale 1 and are the same on every run.

Sources: loops follow the PADsynth method (N. O. Paul, ZynAddSubFX, 2005): a spectrum whose partials
are spread into bands, with random phases, turned into a wave that repeats without a seam. Struck
sounds are sums of modes that decay each at its own pace (J. O. Smith, Physical Audio Signal
Processing, 2010, "modal synthesis"). A plucked string is that too: the modes of the waveguide of
Karplus and Strong (Computer Music Journal 7(2), 1983) with the pick's place, the loss by frequency
and the stiffness of Jaffe and Smith (same issue), summed instead of run, and so exactly in tune.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .pyo_host import Samples as Samples

Floats = NDArray[np.float64]
Partials = Callable[[Floats], Floats]
"""Amplitudes of the partials 1, 2, ... [shape=(n,)], given their numbers."""

LOOP_FRAMES = 1 << 16
ATTACK_FRAMES = 24
HEAD_SECONDS, HEAD_FADE = 1.0, 0.5  # of long struck sounds; the share that fades into the tail
MOST_PARTIALS = 160  # of a string
SMALL_PRODUCT = 250_000  # of sizes: matrices that BLAS multiplies without starting threads
TAIL_STEP = 3  # frames between the samples of a tail
LOUD_SECONDS, LOUD_RATE, EVEN_LEVEL = 0.3, 48_000.0, 0.1  # how loudness is made even


def pitch_hz(pitch: float) -> float:
    """Frequency in Hz of a MIDI pitch (69 = 440 Hz)."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def saw(number: Floats) -> Floats:
    """All partials at 1/n."""
    return 1.0 / number


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
    :return: RMS 0.2; the first sample is the one nearest to zero
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
    hz: Floats,
    decay_seconds: Floats,
    amplitudes: NDArray[Any],
    seconds: float,
    sample_rate: float,
) -> Samples:
    """Sums of decaying sines [shape=(..., frames)].

    A mode is the power of a complex number, so a row of blocks is a product of two matrices: where
    each block begins, times what happens within a block.

    :param hz: of each mode [shape=(modes,)]; those above 0.45 of the sample rate are left out
    :param decay_seconds: to -60 dB, of each mode [shape=(modes,)]
    :param amplitudes: [shape=(..., modes)]; of complex ones the angle is the phase, 0 a sine
    """
    frames = int(seconds * sample_rate)
    inside = np.flatnonzero(hz < 0.45 * sample_rate)
    most = SMALL_PRODUCT // max(1, len(inside))  # rows times columns of one product
    block = 1 << int(np.log2(np.clip(np.sqrt(frames), 16, max(16, most // 8))))
    chunk = max(1, most // block)
    blocks = -(-frames // (block * chunk)) * chunk
    rate = -6.91 / np.maximum(decay_seconds[inside], 1e-3) + 2j * np.pi * hz[inside]
    within = _powers(rate[:, None] * (np.arange(block) / sample_rate))
    starts = _powers((np.arange(blocks) * (block / sample_rate))[:, None] * rate)
    rows = amplitudes[..., None, inside].astype(np.complex64) * starts
    rows = rows.reshape(-1, chunk, len(inside))
    wave = rows.imag @ within.real + rows.real @ within.imag
    return np.asarray(wave.reshape(*amplitudes.shape[:-1], -1)[..., :frames])


def _powers(exponents: NDArray[Any]) -> NDArray[np.complex64]:
    """exp(exponents), with what is too small to hear made zero: denormals would be slow."""
    return np.exp(np.where(exponents.real < -25.0, -np.inf, exponents)).astype(np.complex64)


@dataclass(frozen=True)
class Struck:
    """A struck or plucked sound as a sum of modes, before it is a wave.

    :param hz: of each mode [shape=(modes,)]
    :param decay_seconds: to -60 dB, of each mode [shape=(modes,)]
    :param amplitudes: [shape=(layers, sides, modes)], soft to loud; complex, its angle is the phase
    :param seconds: from the stroke to silence
    :param attack_seconds: over which it rises, the time the hammer or finger touches
    """

    hz: Floats
    decay_seconds: Floats
    amplitudes: NDArray[Any]
    seconds: float
    attack_seconds: float = 0.0005

    def __add__(self, other: "Struck") -> "Struck":
        """Both at once; length and attack are those of the first."""
        return Struck(
            np.concatenate([self.hz, other.hz]),
            np.concatenate([self.decay_seconds, other.decay_seconds]),
            np.concatenate([self.amplitudes, other.amplitudes], axis=-1),
            self.seconds,
            self.attack_seconds,
        )

    def scaled(self, factor: float) -> "Struck":
        """The same, louder or softer."""
        return replace(self, amplitudes=factor * self.amplitudes)

    def render(self, seconds: float, sample_rate: float) -> Samples:
        """The wave with its attack, and without an end [shape=(layers, sides, frames)]."""
        wave = modes(self.hz, self.decay_seconds, self.amplitudes, seconds, sample_rate)
        frames = min(max(2, round(self.attack_seconds * sample_rate)), wave.shape[-1])
        rise = np.sin(np.arange(frames) * (np.pi / 2 / frames)) ** 2
        wave[..., :frames] *= rise.astype(np.float32)
        return wave

    def thinned(self, rate: float) -> "Struck":
        """The same, its highs raised by what reading between samples at `rate` takes from them."""
        share = np.minimum(self.hz / rate, 0.45)
        return replace(self, amplitudes=self.amplitudes / np.sinc(share) ** 2)

    def evened(self) -> "Struck":
        """The same, each layer as loud as the others and as every other sound made even."""
        loud = loudness(self.render(min(LOUD_SECONDS, self.seconds), LOUD_RATE), LOUD_RATE)
        amplitudes = self.amplitudes * (EVEN_LEVEL / loud)[:, None, None]
        return replace(self, amplitudes=amplitudes)


def loudness(wave: Samples, sample_rate: float) -> Floats:
    """K-weighted RMS of each layer's first `LOUD_SECONDS` [shape=(layers,)].

    Weights by the two filters of ITU-R BS.1770, from their analogue form.

    :param wave: [shape=(layers, sides, frames)]; what is shorter counts as followed by silence
    """
    frames = round(LOUD_SECONDS * sample_rate)
    power = np.abs(np.fft.rfft(wave[..., :frames], frames)) ** 2
    squared = np.fft.rfftfreq(frames, 1.0 / sample_rate) ** 2
    high = squared / 1682.0**2
    shelf = ((1.0 - 1.585 * high) ** 2 + 3.168 * high) / ((1.0 - high) ** 2 + 2.0 * high)
    rumble = (squared / (squared + 38.0**2)) ** 2
    total = (power * shelf * rumble).sum(axis=-1).mean(axis=-1)
    return np.asarray(np.sqrt(2.0 * total) / frames + 1e-9)


def partials(hz: float, stretch: float, top_hz: float = 18_000.0) -> Floats:
    """Partials of a stiff string [shape=(n,)]: n * sqrt(1 + stretch * n**2), the first at `hz`."""
    numbers = np.arange(1.0, MOST_PARTIALS + 1)
    stiff = hz * numbers * np.sqrt((1.0 + stretch * numbers**2) / (1.0 + stretch))
    return stiff[: max(1, int(np.searchsorted(stiff, top_hz)))]


def peaks(hz: Floats, floor: float, *resonances: tuple[float, float, float]) -> Floats:
    """Gain at a frequency of a body: a floor, and resonances (Hz, gain, width in octaves)."""
    gain = np.full_like(hz, floor)
    for centre, height, octaves in resonances:
        gain += height * np.exp(-0.5 * (np.log2(np.maximum(hz, 1.0) / centre) / octaves) ** 2)
    return gain


def string_sound(
    hz: float,
    cutoffs: tuple[float, ...],
    *,
    strike: float,
    ring_seconds: float,
    damp_hz: float,
    rng: np.random.Generator,
    slope: float | tuple[float, ...] = 1.0,
    steepness: float = 2.0,
    stretch: float = 1e-5,
    unison: tuple[tuple[float, float, float], ...] = ((0.0, 1.0, 1.0),),
    body: Callable[[Floats], Floats] = np.ones_like,
    grain_db: float = 2.0,
    scatter: float = 0.1,
    blur: float = 0.6,
    sides: int = 2,
    seconds: float = 0.0,
    attack_seconds: float = 0.0005,
) -> Struck:
    """A string that is plucked or struck, heard through a body.

    :param cutoffs: in Hz, above which the layers' partials fall off: how hard the stroke is
    :param strike: where it is plucked, a share of its length; partials with a node there are weak
    :param ring_seconds: of the first partial to -60 dB
    :param damp_hz: where partials decay twice as fast as the first
    :param slope: power of the number by which partials fall below the cutoffs; one or by layer
    :param steepness: power of the frequency by which they fall above
    :param stretch: inharmonicity; see `partials`
    :param unison: cents, level and decay (of `ring_seconds`) of each string, or each way it swings
    :param grain_db: how much levels differ from the rule, from partial to partial and side to side
    :param scatter: how much the partials' decays differ from the rule, as a natural logarithm
    :param blur: how far phases differ between partials and sides, in radians
    :param seconds: from the stroke to silence; 0 for `ring_seconds`
    """
    hz_of = partials(hz, stretch)
    number = np.arange(1.0, len(hz_of) + 1)
    comb = 0.12 + 0.88 * np.abs(np.sin(np.pi * number * strike))
    level = comb * body(hz_of) * number ** -np.atleast_1d(slope)[:, None]
    soft = 1.0 / np.sqrt(1.0 + (hz_of / np.array(cutoffs)[:, None]) ** (2.0 * steepness))
    decay = ring_seconds / (1.0 + (hz_of / damp_hz) ** 1.5)

    def random(*lead: int) -> Floats:
        """Of each partial; the same for partial n of any note, given the same generator."""
        return rng.normal(size=(*lead, MOST_PARTIALS))[..., : len(number)]

    parts = []
    turned = np.exp(1j * blur * (random() + 0.6 * random(sides)))  # alike, else pitch would drift
    for cents, share, longer in unison:
        grain = 10.0 ** (grain_db / 20.0 * random(sides))
        parts.append(
            Struck(
                hz_of * 2.0 ** (cents * (1.0 + 0.2 * random()) / 1200.0),
                decay * longer * np.exp(scatter * random()),
                share * (soft * level)[:, None, :] * grain * turned,
                seconds or ring_seconds,
                attack_seconds,
            )
        )
    return sum(parts[1:], parts[0])


def knock(
    rng: np.random.Generator,
    low_hz: float,
    high_hz: float,
    decay_seconds: float,
    levels: tuple[float, ...],
    count: int = 60,
    sides: int = 2,
) -> Struck:
    """A stroke on wood: many short modes, dense and without pitch, unlike on the two sides.

    :param decay_seconds: of the lowest; it falls with the root of the frequency
    :param levels: of the layers
    """
    hz = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz), count))
    sizes = (2, 1, count), (2, sides, count)
    both, apart = (rng.normal(size=size) for size in sizes)
    random = (both + 0.7 * apart)[0] + 1j * (both + 0.7 * apart)[1]
    amplitudes = np.array(levels)[:, None, None] * random / np.sqrt(count)
    return Struck(hz, decay_seconds * np.sqrt(low_hz / hz), amplitudes, 0.0)


def head_step(hz: float) -> int:
    """How many frames apart the samples of a head are: low notes need no more."""
    return 2 if hz < 1500.0 else 1


def head(sound: Struck, sample_rate: int, step: int) -> Samples:
    """The first `HEAD_SECONDS` of a sound, in all its layers [shape=(layers, sides, frames)].

    :param step: how many frames apart the samples are
    """
    seconds = min(HEAD_SECONDS, sound.seconds)
    wave = sound.thinned(sample_rate / step).render(seconds, sample_rate / step)
    share = 0.3 if seconds == sound.seconds else HEAD_FADE
    wave *= 1.0 - _rise(wave.shape[-1], round(share * wave.shape[-1]))
    wave[..., -1] = 0.0
    return wave


def tail(sound: Struck, sample_rate: int, layer: int = 1) -> Samples:
    """What follows the head, of one layer, at a third of the frames [shape=(1, sides, frames)].

    It rises as the head falls; their modes are in phase, so the sum goes on evenly.
    """
    sides = sound.amplitudes.shape[1]
    if sound.seconds <= HEAD_SECONDS:
        return np.zeros((1, sides, 32), np.float32)
    rate = sample_rate / TAIL_STEP
    one = replace(sound, amplitudes=sound.amplitudes[layer : layer + 1])
    wave = one.thinned(rate).render(sound.seconds, rate)
    frames = round(HEAD_SECONDS * rate)
    rise = _rise(frames, round(HEAD_FADE * frames))
    wave[..., :frames] *= rise
    return finish(wave, fade=0.3)


def _rise(frames: int, over: int) -> Samples:
    """0, then up to 1 over the last frames [shape=(frames,)]."""
    curve = np.zeros(frames, np.float32)
    curve[-over:] = np.sin(np.linspace(0.0, np.pi / 2, over)) ** 2
    return curve


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
