"""Drums: an acoustic kit.

General MIDI percussion numbers 35 to 70; see `kit.DRUM_OF_NUMBER`. Skins, wires and metal are made
ahead from what is known of membranes and plates; loudness and brightness choose among three
strokes. The hi-hat is one pair: closing it ends the open sound.
"""

from functools import partial

from ..drum_sounds import hands, jingles, kick, metal, shaken, snare, tom, wood
from ..kit import DRUMS, Kit, drum

TOM_HZ = {41: 78.0, 43: 92.0, 45: 110.0, 47: 131.0, 48: 156.0, 50: 185.0}

SOUNDS = {
    "kick": {36: partial(kick, hz=54.0, bend=2.2, seconds=0.38)},
    "snare": {38: partial(snare, hz=190.0)},
    "rim": {37: wood},
    "clap": {39: hands},
    "hihat": {
        42: partial(metal, seconds=0.09, low_hz=5200.0, strike=0.45, seed=201),
        44: partial(metal, seconds=0.07, low_hz=5200.0, strike=0.15, seed=201),
        46: partial(metal, seconds=0.7, low_hz=5200.0, strike=0.45, seed=201),
    },
    "tom": {number: partial(tom, hz=hz, seconds=0.75) for number, hz in TOM_HZ.items()},
    "crash": {
        49: partial(metal, seconds=2.2, low_hz=700.0, swell_seconds=0.015, strike=0.4, seed=211)
    },
    "ride": {51: partial(metal, seconds=1.6, low_hz=2200.0, ping_hz=930.0, strike=0.5, seed=221)},
    "tambourine": {54: jingles},
    "shaker": {70: shaken},
}

INSTRUMENT = Kit(
    {name: drum("drums", name, sounds) for name, sounds in SOUNDS.items()},
    level_db=3.9,
    polyphony=2,
    shaped_by=("brightness",),
    caps=dict.fromkeys(DRUMS, 2) | {"hihat": 1, "crash": 2},
    drum_levels=(
        ("kick", 1.0),
        ("snare", 0.62),
        ("rim", 0.4),
        ("clap", 0.5),
        ("hihat", 0.26),
        ("tom", 0.7),
        ("crash", 0.42),
        ("ride", 0.24),
        ("tambourine", 0.3),
        ("shaker", 0.24),
    ),
)
