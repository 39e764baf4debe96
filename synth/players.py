"""Loops of players: tones that are blown, bowed or sung, and live while they last.

All partials of one player move together, unlike those of a section: the pitch wanders by a few
cents, the colour flickers, and the noise of breath or bow comes in puffs, one for each period. So
the loop is a single cycle that is read at a wandering place, out of a few that are a little unlike.
Of a section the partials are bands instead (`tables.spread_loop`), and the sides a loop of their
own. Everything that moves comes round with the loop's end, so that it has no seam.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np

from .pyo_host import Samples
from .tables import Floats, Partials, finish, loudness, spread_loop

CYCLE_FRAMES = 8192
TAKES = 4  # single cycles that the colour wanders between
LOOP_SECONDS = 2.7
SWAY_POINTS = 4096  # between which slow movements are straight
NEAR_HZ, NEAR_DB = 1800.0, 5.5  # where the highs are raised, and by how much at most
LOOP_LEVEL = 0.2  # of all loops: K-weighted, so that notes high and low are equally loud
TOP_SHARE = 0.39  # of the sample rate: what lies above could alias when read faster
WEIGHED_SECONDS = 0.3  # `loudness` weighs as much at a time
NOISE_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16000.0)

Spectrum = Sequence[tuple[float, Sequence[float]]]
"""Levels in dB of the partials 1, 2, ... at some MIDI pitches, from low to high."""


Formant = Callable[[Floats], Floats]
"""Gain at frequencies in Hz, as a body or a vowel gives it."""


def measured(spectrum: Spectrum, hz: float, tail_db: float = 12.0) -> Partials:
    """Amplitudes between the two nearest rows of a spectrum.

    :param hz: of the note
    :param tail_db: fall for each octave beyond a row's end
    """
    pitch = 69.0 + 12.0 * log2(hz / 440.0)
    pitches = [row[0] for row in spectrum]

    def amplitudes(number: Floats) -> Floats:
        rows = np.array([_row(decibels, number, tail_db) for _, decibels in spectrum])
        between = [np.interp(pitch, pitches, column) for column in rows.T]
        return np.asarray(10.0 ** (np.array(between) / 20.0))

    return amplitudes


def _row(decibels: Sequence[float], number: Floats, tail_db: float) -> Floats:
    """Levels in dB of the partials, those beyond the row's end too."""
    count = len(decibels)
    inside = np.interp(number, np.arange(1, count + 1), decibels)
    return np.asarray(inside - tail_db * np.log2(np.maximum(number / count, 1.0)))


def swaying(
    rng: np.random.Generator, frames: int, sample_rate: int, low_hz: float, high_hz: float
) -> Floats:
    """A slow random movement without a seam, of RMS 1, evenly strong between two frequencies."""
    lowest = max(1, round(low_hz * frames / sample_rate))
    highest = max(lowest + 2, round(high_hz * frames / sample_rate))
    turns = np.zeros(SWAY_POINTS // 2 + 1, dtype=complex)
    turns[lowest:highest] = np.exp(2j * np.pi * rng.random(highest - lowest))
    points = np.fft.irfft(turns)
    points /= points.std()
    place = np.arange(frames) * (SWAY_POINTS / frames)
    points = np.append(points, points[0])
    return np.asarray(np.interp(place, np.arange(SWAY_POINTS + 1), points))


def whole_turns(hz: float, sample_rate: int, seconds: float) -> tuple[int, int]:
    """Periods and frames of a loop that is about so long: whole numbers, in tune, and soon made.

    Frames are a product of small primes, as transforms of other lengths take ten times as long.
    """
    fewest = max(8, round(seconds * hz))
    choices = []
    for turns in range(fewest, fewest + max(16, fewest // 16)):
        exact = turns * sample_rate / hz
        for frames in range(round(exact) - 1, round(exact) + 2):
            if _smooth(frames):
                choices.append((abs(frames - exact), turns, frames))
    return min(choices, default=(0.0, fewest, round(fewest * sample_rate / hz)))[1:]


def _smooth(number: int) -> bool:
    for prime in (2, 3, 5, 7, 11):
        while number % prime == 0:
            number //= prime
    return number == 1


def noise_loop(
    rng: np.random.Generator, frames: int, sample_rate: int, bands_db: Sequence[float]
) -> Floats:
    """Noise without a seam, its octave bands round `NOISE_HZ` at levels in dB [shape=(frames,)]."""
    hz = np.fft.rfftfreq(frames, 1.0 / sample_rate)
    width = np.array(NOISE_HZ) / np.sqrt(2.0)
    density = np.array(bands_db) - 10.0 * np.log10(width)
    level = np.interp(np.log2(np.maximum(hz, 1.0)), np.log2(NOISE_HZ), density)
    level[hz < 60.0] = -200.0
    spectrum = 10.0 ** (level / 20.0) * np.exp(2j * np.pi * rng.random(len(hz)))
    # each bin is a sine of power amplitude**2 / 2, and stands for sample_rate / frames Hz
    scale = frames * np.sqrt(0.5 * sample_rate / frames)
    return np.asarray(scale * np.fft.irfft(spectrum, frames))


def near(layers: Floats, sample_rate: int) -> Samples:
    """Loops [shape=(layers, frames)] as a near microphone hears them, with more of the highs."""
    ratio = (np.fft.rfftfreq(layers.shape[-1], 1.0 / sample_rate) / NEAR_HZ) ** 2
    shelf = np.sqrt((1.0 + 10.0 ** (NEAR_DB / 10.0) * ratio) / (1.0 + ratio))
    heard = np.fft.irfft(np.fft.rfft(layers, axis=-1) * shelf, layers.shape[-1], axis=-1)
    return np.asarray(heard, np.float32)


def evened(layers: Samples, sample_rate: int) -> Samples:
    """Loops [shape=(layers, frames)], each as loud as the others and as every other loop made even.

    They begin where all are nearest to zero.
    """
    piece = round(WEIGHED_SECONDS * sample_rate)
    count = max(1, layers.shape[-1] // piece)
    even = np.empty_like(layers)
    for number, wave in enumerate(layers):
        pieces = wave[: count * piece].reshape(count, 1, -1)
        loud = np.sqrt(np.mean(loudness(pieces, sample_rate) ** 2))
        even[number] = wave * (LOOP_LEVEL / loud)
    first = np.abs(even[:, : even.shape[-1] // 16]).sum(axis=0)
    return np.roll(even, -int(np.argmin(first)), axis=-1)


Players = Sequence[tuple[int, float, float]]
"""Of each player: how many periods more than the others in a loop, level, place -1 .. 1."""


def player_loops(
    hz: float,
    sample_rate: int,
    spectra: Sequence[Partials],
    noises_db: Sequence[Sequence[float]],
    *,
    players: Players = ((0, 1.0, 0.0),),
    wander_cents: float = 3.0,
    flicker_db: float = 1.5,
    puffs: float = 0.5,
    seed: int = 5,
) -> Samples:
    """The loops of one player or a few, a layer for each spectrum [shape=(layers, frames)].

    A player's layers are in phase, so that a mixture of two is a colour between them. With more
    than one player, the last layer is what is heard on the left and not on the right.

    :param noises_db: of each layer, levels of the noise in the octaves round `NOISE_HZ`, in dB
        against the tone
    :param wander_cents: how far the pitch strays (RMS)
    :param flicker_db: how much each partial's level strays (RMS)
    :param puffs: how much of the noise comes in puffs, 0..1
    """
    turns, frames = whole_turns(hz, sample_rate, LOOP_SECONDS)
    count = max(1, int(TOP_SHARE * sample_rate / hz))
    numbers = np.arange(1, count + 1, dtype=float)
    layers = np.zeros((len(spectra) + (len(players) > 1), frames))
    for place, (more, level, pan) in enumerate(players):
        rng = np.random.default_rng(seed + 10 * place)
        phase = _wandering(rng, frames, sample_rate, turns + more, wander_cents)
        phase += 0.125 if place else 0.0  # so that low partials do not all fade away at once
        flicker = np.exp(flicker_db / 8.7 * rng.standard_normal((TAKES, count)))
        weights = np.exp([swaying(rng, frames, sample_rate, 0.4, 4.0) for _ in range(TAKES)])
        weights /= weights.sum(axis=0)
        puff = 1.0 - puffs + puffs * 1.6 * np.cos(np.pi * phase) ** 4
        for layer, (partials, bands_db) in enumerate(zip(spectra, noises_db, strict=True)):
            wave = _read(phase, weights, partials(numbers) * flicker)
            noise = noise_loop(np.random.default_rng(seed + place), frames, sample_rate, bands_db)
            wave = level * (wave / wave.std() + noise * puff)
            layers[layer] += wave
            if layer == len(spectra) - 1:
                layers[-1] += pan * wave if len(players) > 1 else 0.0
    return evened(near(layers, sample_rate), sample_rate)


def _wandering(
    rng: np.random.Generator, frames: int, sample_rate: int, turns: int, cents: float
) -> Floats:
    """A phase in periods that comes round after some turns, not quite evenly."""
    sway = swaying(rng, frames, sample_rate, 0.3, 5.0) * (cents * np.log(2.0) / 1200.0)
    return np.asarray(turns * (np.arange(frames) + np.cumsum(sway - sway.mean())) / frames)


def _read(phase: Floats, weights: Floats, amplitudes: Floats) -> Floats:
    """Single cycles read at a phase, mixed by weights [shape=(takes, frames)]."""
    place = np.mod(phase, 1.0) * CYCLE_FRAMES
    before = place.astype(np.int64)
    between = place - before
    wave = np.zeros(len(phase))
    for weight, row in zip(weights, amplitudes, strict=True):
        cycle = _cycle(row)
        wave += weight * (cycle[before] * (1.0 - between) + cycle[before + 1] * between)
    return wave


def _cycle(amplitudes: Floats) -> Floats:
    """One period of sines, and its first sample once more [shape=(CYCLE_FRAMES + 1,)]."""
    spectrum = np.zeros(CYCLE_FRAMES // 2 + 1, dtype=complex)
    count = min(len(amplitudes), CYCLE_FRAMES // 4)
    spectrum[1 : count + 1] = -0.5j * CYCLE_FRAMES * amplitudes[:count]
    wave = np.fft.irfft(spectrum)
    return np.append(wave, wave[0])


@dataclass(frozen=True)
class Crowd:
    """How the players of a section differ, and where their sides begin.

    :param cents: width of the first partial's band; see `tables.spread_loop`
    :param widening: power of the partial's number that its band in Hz grows by
    :param steady: share of the first partial's power that stands still, which keeps it from fading
        in and out; less of the others'
    :param swell: how much the last spectrum comes and goes within the loop, 0..1
    :param wide_from_hz: below which the sides fade
    """

    cents: float
    widening: float = 1.0
    steady: float = 0.85
    swell: float = 0.0
    wide_from_hz: float = 250.0
    stretch: float = 0.0  # inharmonicity; see `tables.spread_loop`
    seed: int = 3


def section_loops(
    hz: float,
    sample_rate: int,
    spectra: Sequence[Partials],
    crowd: Crowd,
    *,
    formants: Sequence[Formant] = (),
    noises_db: Sequence[Sequence[float]] = (),
) -> Samples:
    """The loops of many players, a layer for each spectrum [shape=(layers + 1, frames)].

    The last layer is the sides, with all but the lows of the last spectrum.

    :param formants: gain of each layer by frequency; none for 1 throughout
    :param noises_db: as in `player_loops`; none for silence
    """
    seconds = float(np.clip(LOOP_SECONDS * (220.0 / hz) ** 0.4, 1.4, LOOP_SECONDS))
    frames = whole_turns(hz, sample_rate, seconds)[1]
    swell = 1.0 - crowd.swell * np.cos(np.linspace(0.0, 2.0 * np.pi, frames))
    last = len(spectra) - 1
    layers = []
    for layer in range(last + 2):
        like = min(layer, last)
        gain = formants[like] if formants else np.ones_like
        if layer > last:
            gain = _above(gain, crowd.wide_from_hz)
        rng = np.random.default_rng(crowd.seed + (layer > last))
        wave = _crowd_wave(rng, hz, sample_rate, spectra[like], gain, crowd, frames)
        if noises_db:
            wave += noise_loop(rng, frames, sample_rate, noises_db[like])
        layers.append(wave * swell if like == last else wave)
    return evened(near(np.stack(layers), sample_rate), sample_rate)


def _above(gain: Formant, low_hz: float) -> Formant:
    return lambda hz: gain(hz) / (1.0 + (low_hz / hz) ** 4)


def _crowd_wave(
    rng: np.random.Generator,
    hz: float,
    sample_rate: int,
    partials: Partials,
    gain: Formant,
    crowd: Crowd,
    frames: int,
) -> Floats:
    """Bands of partials and lines in their middles, of RMS 1 together [shape=(frames,)]."""

    def still(number: Floats) -> Floats:
        return crowd.steady * number**-0.4

    number = np.arange(1, max(2, int(TOP_SHARE * sample_rate / hz)) + 1, dtype=float)
    centres = hz * number * np.sqrt(1.0 + crowd.stretch * number**2)
    inside = centres < TOP_SHARE * sample_rate
    number, centres = number[inside], centres[inside]
    power = (partials(number) * gain(centres)) ** 2
    lines = np.zeros(frames // 2 + 1, dtype=complex)
    turns = np.round(centres * frames / sample_rate).astype(int)
    lines[turns] = np.sqrt(power * still(number)) * np.exp(2j * np.pi * rng.random(len(turns)))
    standing = np.fft.irfft(lines, frames)
    moving = spread_loop(
        hz,
        lambda n: partials(n) * np.sqrt(1.0 - still(n)),
        sample_rate,
        cents=crowd.cents,
        widening=crowd.widening,
        formant=gain,
        stretch=crowd.stretch,
        frames=frames,
        seed=int(rng.integers(1 << 30)),
    )
    share = float((power * still(number)).sum() / power.sum())
    return np.asarray(
        np.sqrt(share) * standing / standing.std() + np.sqrt(1.0 - share) * moving / moving.std()
    )


def onset_noise(
    sample_rate: int,
    bands_db: Sequence[float],
    *,
    seconds: float,
    rise_seconds: float = 0.008,
    seed: int = 9,
) -> Samples:
    """A puff of air or a scrape of the bow, read once where a note begins [shape=(1, frames)].

    :param bands_db: in the octaves round `NOISE_HZ`, in dB against the tone of a loop
    :param seconds: to -60 dB
    """
    frames = round(seconds * sample_rate)
    time = np.arange(frames) / sample_rate
    wave = LOOP_LEVEL * noise_loop(np.random.default_rng(seed), frames, sample_rate, bands_db)
    wave *= np.exp(-6.91 * time / seconds) * np.minimum(time / rise_seconds, 1.0) ** 2
    return finish(wave[None].astype(np.float32), attack_frames=1)
