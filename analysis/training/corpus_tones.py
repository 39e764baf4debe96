"""Invented instruments: each part of a clip gets a timbre that no font has, drawn at random.

A note is a wave of one period, read at its pitch, that fades from a bright form to a dark one.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..spectra import RATE, Floats
from .corpus_piece import Voice

_SIZE = 2048  # of a wave of one period
_HIGHEST_HZ = 10_500.0


@dataclass(frozen=True)
class Timbre:
    """What an invented instrument sounds like.

    :param slope: by how much partials weaken, amplitude = number ** -slope
    :param colour: factors of the partials
    :param decay: seconds in which a plucked note falls to a third at middle C; 0: it is held
    :param closing: seconds in which the sound turns from bright to dark
    """

    slope: float
    colour: tuple[float, ...]
    attack: float
    decay: float
    release: float
    closing: float
    dark: float
    vibrato_hz: float
    vibrato: float  # semitones
    spread_cents: float
    breath: float


def invent(rng: random.Random, role: str) -> Timbre:
    """A timbre for a part; pads and voices are held, arpeggios plucked, others either."""
    plucked = rng.random() < {
        "pad": 0.0,
        "voices": 0.2,
        "strings": 0.1,
        "arp": 0.8,
        "piano": 1.0,
        "keys": 0.8,
    }.get(role, 0.5)
    odd = rng.random() < 0.2
    wild = rng.uniform(0.2, 1.1)
    colour = tuple(
        float(np.exp(rng.gauss(0.0, wild))) * (0.08 if odd and n % 2 else 1.0) for n in range(64)
    )
    colour = (max(colour[0], 0.4), *colour[1:])
    slow = role in ("pad",) and rng.random() < 0.5
    return Timbre(
        slope=rng.uniform(0.6, 2.4),
        colour=colour,
        attack=rng.uniform(0.002, 0.01) if plucked else rng.uniform(0.008, 0.15 if slow else 0.05),
        decay=float(np.exp(rng.uniform(np.log(0.15), np.log(1.8)))) if plucked else 0.0,
        release=rng.uniform(0.02, 0.15),
        closing=float(np.exp(rng.uniform(np.log(0.05), np.log(2.0)))),
        dark=rng.uniform(0.0, 1.6),
        vibrato_hz=rng.uniform(4.0, 7.0),
        vibrato=0.0 if plucked or rng.random() < 0.5 else rng.uniform(0.05, 0.3),
        spread_cents=0.0 if rng.random() < 0.6 else rng.uniform(3.0, 14.0),
        breath=0.0 if rng.random() < 0.6 else rng.uniform(0.002, 0.05),
    )


def play_tones(
    rng: random.Random, voices: Sequence[Voice], size: int, detune_cents: float
) -> Floats:
    """Voices on instruments invented for them, as sound [shape=(size,)]."""
    mixed = np.zeros(size, np.float64)
    for voice in voices:
        sound = _voice(rng, invent(rng, voice.role), voice, size, detune_cents)
        power = np.sqrt(np.square(sound).mean()) + 1e-9
        mixed += sound / power * 10 ** (rng.uniform(-5.0, 3.0) / 20)
    return np.asarray(mixed, np.float32)


def _voice(
    rng: random.Random, timbre: Timbre, voice: Voice, size: int, detune_cents: float
) -> NDArray[np.float64]:
    sound = np.zeros(size, np.float64)
    tables: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    bends = np.array(voice.bends) if voice.bends else None
    noise = np.random.default_rng(rng.getrandbits(32))
    spread = (timbre.spread_cents, -timbre.spread_cents) if timbre.spread_cents else (0.0,)
    for onset, end, pitch, velocity in voice.notes:
        start = round(onset * RATE)
        count = min(round((end - onset + timbre.release) * RATE), size - start)
        if count < 32:
            continue
        at = np.arange(count) / RATE
        semitones = np.full(count, pitch - 69 + detune_cents / 100)
        if bends is not None:
            # the wheel keeps its last value after the end of a note
            held = np.searchsorted(bends[:, 0], at + onset, side="right") - 1
            inside = np.where(
                at < end - onset, held, held[min(count, round((end - onset) * RATE)) - 1]
            )
            semitones += np.where(inside >= 0, bends[np.maximum(inside, 0), 1], 0.0)
        elif timbre.vibrato:
            swell = np.clip((at - 0.15) / 0.2, 0.0, 1.0)
            semitones += timbre.vibrato * swell * np.sin(2 * np.pi * timbre.vibrato_hz * at)
        octave = max(0, (pitch - 24) // 6)
        if octave not in tables:
            hz = 440.0 * 2.0 ** ((octave * 6 + 30 - 69) / 12)
            tables[octave] = _wave(rng, timbre, hz, 0.0), _wave(rng, timbre, hz, timbre.dark)
        bright, dark = tables[octave]
        mix = np.exp(-at / timbre.closing)
        note = np.zeros(count)
        for cents in spread:
            phase = np.cumsum(440.0 * 2.0 ** ((semitones + cents / 100) / 12)) / RATE + rng.random()
            index = ((phase % 1.0) * _SIZE).astype(np.int64) % _SIZE
            note += bright[index] * mix + dark[index] * (1.0 - mix)
        if timbre.breath:
            note += timbre.breath * noise.standard_normal(count)
        note *= _shape(timbre, at, end - onset, pitch)
        sound[start : start + count] += note * (velocity / 100) ** 1.5
    return sound


def _wave(rng: random.Random, timbre: Timbre, hz: float, dark: float) -> NDArray[np.float64]:
    """One period with the partials that fit below `_HIGHEST_HZ`."""
    partials = max(1, min(len(timbre.colour), int(_HIGHEST_HZ / hz)))
    at = np.arange(_SIZE) / _SIZE
    wave = np.zeros(_SIZE)
    for number in range(1, partials + 1):
        strength = timbre.colour[number - 1] * number ** -(timbre.slope + dark)
        wave += strength * np.sin(2 * np.pi * (number * at + rng.random() * (number > 1)))
    return np.asarray(wave / np.sqrt(np.square(wave).mean()))


def _shape(
    timbre: Timbre, at: NDArray[np.float64], length: float, pitch: int
) -> NDArray[np.float64]:
    """How loud a note is: it comes within the attack, fades, and ends within the release."""
    shape = np.minimum(1.0, at / timbre.attack)
    if timbre.decay:
        shape = shape * np.exp(-at / (timbre.decay * 2.0 ** ((60 - pitch) / 24)))
    else:
        shape = shape * (0.75 + 0.25 * np.exp(-at / 0.1))
    return np.asarray(shape * np.clip(1.0 - (at - length) / timbre.release, 0.0, 1.0) ** 2)
