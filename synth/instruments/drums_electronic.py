"""Electronic drums: a drum machine's kit.

General MIDI percussion numbers 35 to 70; see `kit.DRUM_OF_NUMBER`. A long, deep kick that bends
far, a snare of much noise, hard claps, short metal; loudness and brightness choose among three
strokes. The hi-hat is one pair: closing it ends the open sound.
"""

from functools import partial

from ..drum_sounds import hands, jingles, kick, metal, shaken, snare, tom, wood
from ..kit import DRUMS, Kit, drum

TOM_HZ = {41: 70.0, 43: 84.0, 45: 105.0, 47: 130.0, 48: 160.0, 50: 200.0}

SOUNDS = {
    "kick": {
        36: partial(kick, hz=46.0, bend=5.5, bend_seconds=0.03, seconds=0.6, beater=0.2, drive=2.5)
    },
    "snare": {
        38: partial(snare, hz=210.0, skin_seconds=0.12, wire_seconds=0.2, wires=1.3, low_hz=1400.0)
    },
    "rim": {37: partial(wood, hz=(540.0, 1650.0), seconds=0.05)},
    "clap": {39: partial(hands, seconds=0.26, low_hz=900.0, high_hz=2600.0)},
    "hihat": {
        42: partial(metal, seconds=0.06, low_hz=7000.0, strike=0.2, seed=201),
        44: partial(metal, seconds=0.05, low_hz=7000.0, strike=0.15, seed=201),
        46: partial(metal, seconds=0.4, low_hz=7000.0, strike=0.2, seed=201),
    },
    "tom": {
        number: partial(tom, hz=hz, seconds=0.5, bend=0.9, skin=0.15)
        for number, hz in TOM_HZ.items()
    },
    "crash": {49: partial(metal, seconds=1.6, low_hz=2500.0, strike=0.2, seed=211)},
    "ride": {51: partial(metal, seconds=1.0, low_hz=4500.0, ping_hz=1240.0, seed=221)},
    "tambourine": {54: jingles},
    "shaker": {70: partial(shaken, seconds=0.09, rise=0.02, low_hz=6000.0)},
}

INSTRUMENT = Kit(
    {name: drum("drums_electronic", name, sounds) for name, sounds in SOUNDS.items()},
    level_db=1.1,
    polyphony=2,
    shaped_by=("brightness",),
    caps=dict.fromkeys(DRUMS, 2) | {"hihat": 1, "crash": 2},
    drum_levels=(
        ("kick", 1.0),
        ("snare", 0.55),
        ("rim", 0.4),
        ("clap", 0.55),
        ("hihat", 0.24),
        ("tom", 0.7),
        ("crash", 0.32),
        ("ride", 0.2),
        ("tambourine", 0.28),
        ("shaker", 0.22),
    ),
)
