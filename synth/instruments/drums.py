"""Drums: an acoustic kit.

General MIDI percussion numbers 35 to 81; see `kit.DRUM_OF_NUMBER`. Skins, wires and metal are made
ahead from what is known of membranes and plates; loudness and brightness choose among three
strokes. The hi-hat is one pair: closing it ends the open sound. Cymbals are heard on both sides.
"""

from collections.abc import Mapping
from functools import partial

from ..drum_sounds import hands, jingles, kick, metal, shaken, snare, tom, wood
from ..kit import DRUMS, Kit, Render, drum

TOM_HZ = {41: 78.0, 43: 92.0, 45: 110.0, 47: 131.0, 48: 156.0, 50: 185.0}

SOUNDS: Mapping[str, Mapping[int, Render]] = {
    "kick": {36: partial(kick, hz=56.0, bend=1.9, bend_seconds=0.03, seconds=0.45)},
    "snare": {38: partial(snare, hz=190.0)},
    "rim": {37: wood},
    "clap": {39: hands},
    "hihat": {
        42: partial(metal, seconds=0.11, low_hz=4200.0, strike=0.5, clank=0.25, seed=201),
        44: partial(
            metal, seconds=0.08, low_hz=4200.0, strike=0.15, clank=0.5, level=0.7, seed=201
        ),
        46: partial(metal, seconds=0.9, low_hz=3600.0, strike=0.45, level=1.3, seed=201),
    },
    "tom": {number: partial(tom, hz=hz, seconds=0.75) for number, hz in TOM_HZ.items()},
    "crash": {
        49: partial(
            metal, seconds=2.4, low_hz=500.0, swell_seconds=0.015, strike=0.4, sides=2, seed=211
        )
    },
    "ride": {
        51: partial(metal, seconds=1.8, low_hz=2200.0, ping_hz=930.0, strike=0.7, sides=2, seed=221)
    },
    "tambourine": {54: jingles},
    "shaker": {70: shaken},
}

INSTRUMENT = Kit(
    {
        name: drum("drums", name, sounds, sides=2 if name in ("crash", "ride") else 1)
        for name, sounds in SOUNDS.items()
    },
    level_db=6.1,
    polyphony=2,
    shaped_by=("brightness",),
    caps=dict.fromkeys(DRUMS, 2) | {"hihat": 1, "crash": 2},
    drum_levels=(
        ("kick", 1.00),
        ("snare", 0.89),
        ("rim", 0.40),
        ("clap", 0.56),
        ("hihat", 0.28),
        ("tom", 0.71),
        ("crash", 0.63),
        ("ride", 0.32),
        ("tambourine", 0.32),
        ("shaker", 0.25),
    ),
)
