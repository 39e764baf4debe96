"""The drum kit."""

from ..drums import Clap, Crash, HiHat, Kick, Ride, Rim, Shaker, Snare, Tambourine, Tom
from ..kit import DRUMS, Kit

INSTRUMENT = Kit(
    {
        "kick": Kick,
        "snare": Snare,
        "rim": Rim,
        "clap": Clap,
        "hihat": HiHat,
        "tom": Tom,
        "crash": Crash,
        "ride": Ride,
        "tambourine": Tambourine,
        "shaker": Shaker,
    },
    polyphony=2,
    caps={name: 2 for name in DRUMS} | {"hihat": 1},
    drum_levels=(
        ("kick", 0.9),
        ("snare", 0.7),
        ("rim", 0.45),
        ("clap", 0.8),
        ("hihat", 0.34),
        ("tom", 0.6),
        ("crash", 0.4),
        ("ride", 0.3),
        ("tambourine", 0.5),
        ("shaker", 0.35),
    ),
)
