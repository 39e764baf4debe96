"""Electronic drums: a drum machine's kit.

General MIDI percussion numbers 35 to 81; see `kit.DRUM_OF_NUMBER`. A long, deep kick that bends
far, a snare of much noise, hard claps, short metal; loudness and brightness choose among three
strokes. The hi-hat is one pair: closing it ends the open sound.
"""

from collections.abc import Mapping
from functools import partial

from ..drum_sounds import hands, jingles, kick, metal, shaken, snare, tom, wood
from ..kit import DRUMS, Kit, Render, drum

TOM_HZ = {41: 70.0, 43: 84.0, 45: 105.0, 47: 130.0, 48: 160.0, 50: 200.0}

SOUNDS: Mapping[str, Mapping[int, Render]] = {
    "kick": {
        36: partial(
            kick, hz=46.0, bend=5.5, bend_seconds=0.03, seconds=0.6, knock=0.2, click=1.4, drive=2.5
        )
    },
    "snare": {
        38: partial(snare, hz=210.0, skin_seconds=0.12, wire_seconds=0.3, wires=1.2, low_hz=1400.0)
    },
    "rim": {37: partial(wood, hz=(540.0, 1650.0), seconds=0.05)},
    "clap": {39: partial(hands, seconds=0.26, low_hz=900.0, high_hz=3600.0)},
    "hihat": {
        42: partial(metal, seconds=0.07, low_hz=6500.0, strike=0.2, seed=201),
        44: partial(metal, seconds=0.05, low_hz=6500.0, strike=0.15, level=0.7, seed=201),
        46: partial(metal, seconds=0.5, low_hz=6500.0, strike=0.2, level=1.3, seed=201),
    },
    "tom": {
        number: partial(tom, hz=hz, seconds=0.5, bend=0.9, skin=0.2)
        for number, hz in TOM_HZ.items()
    },
    "crash": {49: partial(metal, seconds=1.6, low_hz=2500.0, strike=0.2, sides=2, seed=211)},
    "ride": {51: partial(metal, seconds=1.0, low_hz=4500.0, ping_hz=1240.0, sides=2, seed=221)},
    "tambourine": {54: jingles},
    "shaker": {70: partial(shaken, seconds=0.09, rise=0.02, low_hz=6000.0)},
}

INSTRUMENT = Kit(
    {
        name: drum("drums_electronic", name, sounds, sides=2 if name in ("crash", "ride") else 1)
        for name, sounds in SOUNDS.items()
    },
    level_db=6.4,
    polyphony=2,
    shaped_by=("brightness",),
    caps=dict.fromkeys(DRUMS, 2) | {"hihat": 1, "crash": 2},
    drum_levels=(
        ("kick", 1.00),
        ("snare", 0.79),
        ("rim", 0.35),
        ("clap", 0.63),
        ("hihat", 0.28),
        ("tom", 0.71),
        ("crash", 0.45),
        ("ride", 0.25),
        ("tambourine", 0.28),
        ("shaker", 0.25),
    ),
)
