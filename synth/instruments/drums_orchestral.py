"""Orchestral drums: bass drum, field drums, clash cymbals and small percussion.

General MIDI percussion numbers 35 to 81; see `kit.DRUM_OF_NUMBER`. The bass drum rolls on for a
second and more, the side drum rings, cymbals last; loudness and brightness choose among three
strokes. Hi-hat numbers play a small pair of cymbals, ride numbers a triangle-like ping.
"""

from collections.abc import Mapping
from functools import partial

from ..drum_sounds import jingles, kick, metal, shaken, snare, tom, wood
from ..kit import DRUMS, Kit, Render, drum

TOM_HZ = {41: 58.0, 43: 68.0, 45: 80.0, 47: 96.0, 48: 115.0, 50: 140.0}

SOUNDS: Mapping[str, Mapping[int, Render]] = {
    "kick": {
        36: partial(
            kick, hz=44.0, bend=0.8, bend_seconds=0.08, seconds=1.3, knock=0.4, click=0.1, drive=1.1
        )
    },
    "snare": {38: partial(snare, hz=165.0, skin_seconds=0.28, wire_seconds=0.5, crack=0.6)},
    "rim": {37: partial(wood, hz=(720.0, 1900.0, 2900.0), seconds=0.12)},
    "clap": {39: partial(wood, hz=(320.0, 860.0), seconds=0.16)},
    "hihat": {
        42: partial(metal, seconds=0.16, low_hz=3800.0, strike=0.35, clank=0.3, seed=201),
        44: partial(metal, seconds=0.12, low_hz=3800.0, strike=0.15, clank=0.5, seed=201),
        46: partial(metal, seconds=1.0, low_hz=3800.0, strike=0.35, level=1.2, seed=201),
    },
    "tom": {
        number: partial(tom, hz=hz, seconds=1.2, bend=0.18, skin=0.45)
        for number, hz in TOM_HZ.items()
    },
    "crash": {
        49: partial(
            metal, seconds=3.2, low_hz=380.0, swell_seconds=0.03, strike=0.5, sides=2, seed=211
        )
    },
    "ride": {
        51: partial(
            metal,
            seconds=2.0,
            low_hz=5000.0,
            ping_hz=2350.0,
            modes=50,
            strike=0.2,
            sides=2,
            seed=221,
        )
    },
    "tambourine": {54: jingles},
    "shaker": {70: partial(shaken, seconds=0.16, rise=0.05, low_hz=3800.0)},
}

INSTRUMENT = Kit(
    {
        name: drum("drums_orchestral", name, sounds, sides=2 if name in ("crash", "ride") else 1)
        for name, sounds in SOUNDS.items()
    },
    level_db=6.1,
    polyphony=2,
    shaped_by=("brightness",),
    caps=dict.fromkeys(DRUMS, 2) | {"hihat": 1, "crash": 2},
    drum_levels=(
        ("kick", 1.00),
        ("snare", 0.63),
        ("rim", 0.35),
        ("clap", 0.40),
        ("hihat", 0.32),
        ("tom", 0.79),
        ("crash", 0.71),
        ("ride", 0.25),
        ("tambourine", 0.32),
        ("shaker", 0.25),
    ),
)
