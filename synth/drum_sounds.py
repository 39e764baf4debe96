"""Drums made once, in numpy: skins, wires, metal, wood and hands.

Each function gives the layers of one drum from soft to loud [shape=(layers, frames)]; harder
strokes bend the pitch of a skin further and open what is bright. Skins have the modes of an ideal
membrane (1, 1.59, 2.14, 2.30, 2.65, 2.92: N. H. Fletcher and T. D. Rossing, The Physics of Musical
Instruments, 1998, chapter 18); metal is a cloud of inharmonic modes over noise.
"""

import numpy as np

from .pyo_host import Samples
from .tables import LOUD_RATE, Floats, finish, loudness

LOUDNESS = (0.3, 0.6, 0.95)  # of the layers
LEVEL = 0.1  # of all drums
MEMBRANE = np.array([1.0, 1.59, 2.14, 2.3, 2.65, 2.92, 3.5])


def _time(seconds: float, sample_rate: int) -> Floats:
    return np.arange(int(seconds * sample_rate)) / sample_rate


def _noise(frames: int, seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal(frames)


def band(wave: Floats, sample_rate: int, low_hz: float, high_hz: float, order: int = 2) -> Floats:
    """What lies between two frequencies (0 and half the rate: no edge)."""
    from scipy.signal import butter, sosfilt

    top = min(high_hz, 0.49 * sample_rate)
    if low_hz > 0.0:
        wave = sosfilt(butter(order, low_hz, "highpass", fs=sample_rate, output="sos"), wave)
    if top < 0.48 * sample_rate:
        wave = sosfilt(butter(order, top, "lowpass", fs=sample_rate, output="sos"), wave)
    return np.asarray(wave)


def _decay(time: Floats, seconds: float) -> Floats:
    """Falls by 60 dB in `seconds`."""
    return np.asarray(np.exp(-6.91 * time / seconds))


def _layers(rows: list[Floats], level: float = 1.0, fade: float = 0.2) -> Samples:
    """Rows made equally loud, so that velocity alone sets the level [shape=(layers, frames)]."""
    stack = np.stack(rows).astype(np.float32)
    stack *= level * LEVEL / loudness(stack[:, None], LOUD_RATE)[:, None]
    return finish(stack, fade=fade)


def _pushed(wave: Floats, drive: float) -> Floats:
    """Its peaks bent down, as tape and loud ears do; dense rather than sharp."""
    return np.asarray(np.tanh(drive * wave / float(np.abs(wave).max())))


def kick(
    sample_rate: int,
    *,
    hz: float = 52.0,
    bend: float = 2.6,
    bend_seconds: float = 0.05,
    seconds: float = 0.45,
    knock: float = 0.8,
    click: float = 1.2,
    drive: float = 1.5,
) -> Samples:
    """A bass drum: a falling sine, pushed a little, and the beater's knock and click."""
    time = _time(seconds * 1.3, sample_rate)
    rows = []
    for number, loud in enumerate(LOUDNESS):
        sweep = hz * (1.0 + bend * (0.4 + 0.6 * loud) * np.exp(-time / bend_seconds))
        phase = 2 * np.pi * np.cumsum(sweep) / sample_rate
        body = np.sin(phase) * _decay(time, seconds)
        body += 0.25 * loud * np.sin(1.59 * phase) * _decay(time, 0.3 * seconds)
        body = np.tanh(drive * body) / np.tanh(drive)
        noise = _noise(len(time), 101 + number)
        beater = knock * band(noise, sample_rate, 250.0, 1800.0) * _decay(time, 0.045)
        snap = click * loud * band(noise, sample_rate, 2200.0, 5000 + 6000 * loud)
        row = body + (0.4 + 0.6 * loud) * (beater + snap * _decay(time, 0.022))
        rows.append(_pushed(row, 1.5))
    return _layers(rows)


def tom(
    sample_rate: int, hz: float, *, seconds: float = 0.7, bend: float = 0.35, skin: float = 0.6
) -> Samples:
    """A tom: membrane modes under a short bend, and the stick."""
    time = _time(seconds * 1.2, sample_rate)
    rows = []
    for number, loud in enumerate(LOUDNESS):
        body = np.zeros(len(time))
        for order, ratio in enumerate(MEMBRANE):
            sweep = hz * ratio * (1.0 + bend * loud * np.exp(-time / 0.07))
            level = (skin * (0.4 + 0.6 * loud)) ** order if order else 1.0
            phase = 2 * np.pi * np.cumsum(sweep) / sample_rate
            body += level * np.sin(phase) * _decay(time, seconds / (1.0 + 0.9 * order))
        noise = _noise(len(time), 111 + number)
        stick = band(noise, sample_rate, 300.0, 2500.0) * _decay(time, 0.05)
        tick = band(noise, sample_rate, 2500.0, 5000 + 7000 * loud) * _decay(time, 0.02)
        rows.append(body + (0.3 + 0.7 * loud) * (0.4 * stick + 0.5 * tick))
    return _layers(rows)


def snare(
    sample_rate: int,
    *,
    hz: float = 185.0,
    skin_seconds: float = 0.2,
    wire_seconds: float = 0.42,
    wires: float = 0.8,
    crack: float = 0.9,
    low_hz: float = 900.0,
) -> Samples:
    """A snare drum: two skins' modes, the stick's crack, and the wires that answer.

    The wires are let go at once and then rattle on, more softly.
    """
    time = _time(max(skin_seconds, wire_seconds) * 1.3, sample_rate)
    modes = ((1.0, 1.0), (1.59, 0.6), (1.83, 0.45), (2.3, 0.35), (2.92, 0.2))
    rows = []
    for number, loud in enumerate(LOUDNESS):
        body = np.zeros(len(time))
        for order, (ratio, level) in enumerate(modes):
            sweep = hz * ratio * (1.0 + 0.3 * loud * np.exp(-time / 0.015))
            phase = 2 * np.pi * np.cumsum(sweep) / sample_rate
            body += level * np.sin(phase) * _decay(time, skin_seconds / (1.0 + 0.5 * order))
        noise = _noise(len(time), 121 + number)
        fall = 0.7 * _decay(time, 0.4 * wire_seconds) + 0.3 * _decay(time, wire_seconds)
        rattle = band(noise, sample_rate, low_hz, 7000 + 9000 * loud, order=1)
        rattle += 0.8 * band(noise, sample_rate, 2500.0, 6500.0)
        rattle *= fall * (1.0 - np.exp(-time / 0.0015))
        snap = band(_noise(len(time), 125 + number), sample_rate, 1800.0, 6000 + 9000 * loud)
        row = 0.8 * body + wires * (0.35 + 0.35 * loud) * rattle
        row += crack * (0.2 + 0.8 * loud) * snap * _decay(time, 0.028)
        rows.append(_pushed(row, 2.2))
    return _layers(rows)


def metal(
    sample_rate: int,
    *,
    seconds: float,
    low_hz: float,
    high_hz: float = 17_000.0,
    strike: float = 0.3,
    ping_hz: float = 0.0,
    swell_seconds: float = 0.0,
    clank: float = 0.0,
    modes: int = 160,
    sides: int = 1,
    level: float = 1.0,
    seed: int = 131,
) -> Samples:
    """Cymbals: many inharmonic modes, the high ones first to go, over a breath of noise.

    :param strike: share of the stick's noise
    :param ping_hz: of a bell-like mode that stands out, 0 for none
    :param swell_seconds: how long the highs take to build up, as in a crash
    :param clank: share of what is below `low_hz`, as of two hats that meet
    :param level: of the whole
    :return: [shape=(layers, sides, frames)]
    """
    time = _time(seconds * 1.1, sample_rate)
    random = np.random.default_rng(seed)
    hz = np.exp(random.uniform(np.log(low_hz), np.log(min(high_hz, 0.45 * sample_rate)), modes))
    weights = random.uniform(0.3, 1.0, modes)
    rows = []
    for side in range(sides):
        phases = random.uniform(0, 2 * np.pi, modes)
        shimmer = np.zeros(len(time))
        for at, phase, weight in zip(hz, phases, weights, strict=True):
            life = seconds * (low_hz / at) ** 0.3 * (0.6 + 0.8 * weight)
            build = 1.0 - np.exp(-time / swell_seconds) if swell_seconds and at > 3000 else 1.0
            shimmer += weight * np.sin(2 * np.pi * at * time + phase) * _decay(time, life) * build
        shimmer /= np.sqrt(modes)
        for number, loud in enumerate(LOUDNESS):
            raw = _noise(len(time), seed + 1 + number + 50 * side)
            noise = band(raw, sample_rate, low_hz, high_hz)
            wash = 0.5 * noise * _decay(time, 0.8 * seconds)
            stick = strike * noise * _decay(time, 0.03)
            top_hz = 7000.0 + 12_000.0 * loud
            row = band(shimmer + wash, sample_rate, 0.7 * low_hz, top_hz, order=1)
            row += (0.4 + loud) * stick
            row += clank * loud * band(raw, sample_rate, 350.0, 1500.0) * _decay(time, 0.04)
            if ping_hz:
                for ratio, share in ((1.0, 0.4), (1.51, 0.2), (2.27, 0.17)):
                    ping = np.sin(2 * np.pi * ping_hz * ratio * time)
                    row += share * ping * _decay(time, 0.5)
            rows.append(row)
    layers = _layers(rows, level)
    return layers.reshape(sides, len(LOUDNESS), -1).swapaxes(0, 1)


def wood(
    sample_rate: int, hz: tuple[float, ...] = (463.0, 1720.0), seconds: float = 0.09
) -> Samples:
    """A side stick or block: two short modes and a tick."""
    time = _time(seconds * 1.4, sample_rate)
    rows = []
    for number, loud in enumerate(LOUDNESS):
        row = 0.5 * loud * band(_noise(len(time), 141 + number), sample_rate, 2000.0, 15000.0)
        row *= _decay(time, 0.012)
        for order, at in enumerate(hz):
            row += (
                (0.7 + 0.3 * loud * order) * np.sin(2 * np.pi * at * time) * _decay(time, seconds)
            )
        rows.append(row)
    return _layers(rows)


def hands(
    sample_rate: int,
    *,
    slaps: tuple[float, ...] = (0.0, 0.011, 0.022),
    seconds: float = 0.22,
    low_hz: float = 800.0,
    high_hz: float = 3200.0,
) -> Samples:
    """A clap: quick slaps one after another, and the room's answer to the last."""
    time = _time(seconds * 1.4, sample_rate)
    rows = []
    for number, loud in enumerate(LOUDNESS):
        noise = band(
            _noise(len(time), 151 + number), sample_rate, low_hz, high_hz + 6000 * loud, order=1
        )
        shape = np.zeros(len(time))
        for order, start in enumerate(slaps):
            passed = time - start
            life = seconds if order == len(slaps) - 1 else 0.025
            shape += np.where(passed >= 0, _decay(np.maximum(passed, 0), life), 0.0)
        rows.append(noise * shape)
    return _layers(rows)


def shaken(
    sample_rate: int, *, seconds: float = 0.13, rise: float = 0.035, low_hz: float = 4500.0
) -> Samples:
    """A shaker: noise that swells and falls."""
    time = _time(seconds * 1.5, sample_rate)
    rows = []
    for number, loud in enumerate(LOUDNESS):
        noise = band(_noise(len(time), 161 + number), sample_rate, low_hz, 7000 + 7000 * loud)
        swell = np.minimum(time / (rise * (1.3 - 0.6 * loud)), 1.0) ** 2
        rows.append(noise * swell * _decay(np.maximum(time - rise, 0.0), seconds))
    return _layers(rows)


def jingles(sample_rate: int, seconds: float = 0.28) -> Samples:
    """A tambourine: small metal discs, hit and rattling once more."""
    ring = metal(sample_rate, seconds=seconds, low_hz=5200.0, strike=0.6, modes=60, seed=171)[:, 0]
    late = int(0.028 * sample_rate)
    again = np.zeros_like(ring)
    again[:, late:] = 0.6 * ring[:, :-late]
    return _layers([*(ring + again).astype(float)])
