"""Progressions of chords for the generated bands, and how they are voiced."""

import random
import re
from dataclasses import dataclass

from .corpus_piece import QUALITIES, label

_ROMAN = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_SUFFIX = {"": "", "o": "dim", "+": "aug", "0": "hdim7", "o7": "dim7", "M7": "maj7", "m7": "min7"}

MAJOR = """I V vi IV|I vi IV V|vi IV I V|I IV V IV|I IV vi V|I iii IV V|I V vi iii IV I IV V
I bVII IV I|I ii IV V|IV V iii vi|I IV I V|I I IV V|I vi ii V|I iii vi IV|IV I V vi|I IV ii V
I v IV I|I bIII IV I|I bVI bVII I|I II IV I|I IV iv I|I III7 vi IV|I I7 IV iv|I V/3 vi V
I IV/5 V I
I V IV V|ii IV I V|I IV|I V|I ii|IV I|I io ii V|I I+ vi I7 IV iv I V|I VI7 II7 V7|vi V IV V
I iii ii V
IV iv iii vi ii V I I|I V/7 vi I/5 IV I/3 ii V|I #ivo V I|vi ii V I|bVII IV I I|I IV bVII IV
"""
MINOR = """i bVI bIII bVII|i bVII bVI V|i iv v i|i iv bVII bIII|i bVI iv V|i bVII i bVII
i v bVI bVII
i iv i V7|i bIII bVII iv|i ii0 V7 i|i IV i IV|i ii bIII IV|i bII i bVII|i i bVI V|i bVI|i iv|i bVII
i V i iv|bVI bVII i i|i bIII iv bVI|i v iv v|i iv bVI V|i bVI bVII i|i V/7 bIII/5 IV bVI/5 i V V
i bII V i|i iv bII V|i IV bVII bIII|i i iv V|iv i V i|i bVII/5 bVI V|i bIII IV bVI
"""
JAZZ = """ii7 V7 IM7 IM7|IM7 vi7 ii7 V7|iii7 VI7 ii7 V7|IM7 ii7 iii7 VI7
IM7 IVM7 iii7 VI7 ii7 V7 I6 V7
IM7 io7 ii7 V7|ii7 bII7 IM7 VI7|IM7 iv7 bVII7 IM7|IM7 II7 ii7 V7|IM7 vii0 III7 vi7 v7 I7 IVM7 iv7
IVM7 iv7 iii7 biiio7 ii7 V7 IM7 VI7|I6 bIII6 ii7 bII7|v7 I7 IVM7 bVII7|IM9 iv9 IM9 bVII13
"""
JAZZ_MINOR = """i7 ii0 V7 i7|ii0 V7 i6 i6|i7 iv7 bVII7 bIIIM7 bVIM7 ii0 V7 i7|i7 IV7 i7 IV7
i6 bVI7 V7 i6
i9 iv9 i9 V7|i7 bVII7 bVIM7 V7|i7 bII7 i7 V7
"""
BLUES = """I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7|I7 IV7 I7 I7 IV7 IV7 I7 VI7 ii7 V7 I7 V7
I7 I7 IV7 I7
"""
MINOR_BLUES = """i7 i7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 V7|i i i i iv iv i i v iv i v
"""
POOLS = {
    name: tuple(line.strip() for line in pool.replace("\n", "|").split("|") if line.strip())
    for name, pool in {
        "major": MAJOR,
        "minor": MINOR,
        "jazz": JAZZ,
        "jazz minor": JAZZ_MINOR,
        "blues": BLUES,
        "minor blues": MINOR_BLUES,
    }.items()
}

_RICHER = {
    "maj": ("maj7", "maj6", "maj9", "maj(9)", "sus2", "sus4", "maj7"),
    "min": ("min7", "min9", "min7", "min6", "min11", "minmaj7", "min7"),
    "7": ("9", "13", "sus4(b7)", "11", "7", "9"),
    "dim": ("hdim7", "dim7"),
    "maj7": ("maj9", "maj7", "maj6"),
    "min7": ("min9", "min11", "min7"),
}


@dataclass(frozen=True)
class Chord:
    """A chord as it is played.

    :param bass: pitch class of the lowest note
    """

    root: int
    quality: str
    bass: int

    @property
    def classes(self) -> tuple[int, ...]:
        """Its pitch classes, the root first."""
        return tuple((self.root + step) % 12 for step in QUALITIES[self.quality])

    @property
    def label(self) -> str:
        """Its name in Harte's syntax."""
        return label(self.root, self.quality, self.bass)


def read_roman(text: str, tonic: int) -> Chord:
    """A chord from a Roman numeral such as bVII, ii7, IM7, V/3: a slash names a step of it."""
    numeral, _, step = text.partition("/")
    found = re.fullmatch(r"([b#]?)([ivIV]+)(.*)", numeral)
    if found is None:
        raise ValueError(f"{text!r} is no Roman numeral")
    shift, letters, suffix = found.groups()
    root = (tonic + _ROMAN[letters.lower()] + {"b": -1, "#": 1, "": 0}[shift]) % 12
    minor = letters.islower()
    if suffix in _SUFFIX and suffix:
        quality = _SUFFIX[suffix]
    elif suffix == "M9":
        quality = "maj9"
    elif suffix == "":
        quality = "min" if minor else "maj"
    else:
        named = {
            "6": ("maj6", "min6"),
            "7": ("7", "min7"),
            "9": ("9", "min9"),
            "13": ("13", "min11"),
        }
        quality = named[suffix][minor]
    index = {"": 0, "3": 1, "5": 2, "7": 3}[step]
    if index == 3:  # the leading seventh of the triad's root: first inversion sounds like it
        index = 1
    return Chord(root, quality, (root + QUALITIES[quality][min(index, 2)]) % 12)


def progression(rng: random.Random, pool: str, tonic: int, richness: float) -> list[Chord]:
    """Chords of a section.

    :param richness: chance that a chord gets more than its triad
    """
    if pool in ("major", "minor") and rng.random() < 0.25:
        chords = _wander(rng, pool, tonic)
    else:
        chords = [read_roman(text, tonic) for text in rng.choice(POOLS[pool]).split()]
    return [_richer(rng, chord, richness) for chord in chords]


def _wander(rng: random.Random, pool: str, tonic: int) -> list[Chord]:
    """A walk over the chords of the scale with a borrowed one or a secondary dominant."""
    own = ("I ii iii IV V vi I IV V" if pool == "major" else "i bIII iv v bVI bVII V i iv").split()
    borrowed = (
        "bVII iv II7 VI7 III7 bVI bIII viio" if pool == "major" else "bII IV I7 bVII7 II7 iio"
    ).split()
    names = [own[0]] if rng.random() < 0.7 else []
    length = rng.choice((2, 4, 4, 4, 6, 8))
    while len(names) < length:
        name = rng.choice(borrowed if rng.random() < 0.15 else own)
        if not names or name != names[-1]:
            names.append(name)
    return [read_roman(name, tonic) for name in names]


def _richer(rng: random.Random, chord: Chord, richness: float) -> Chord:
    quality = chord.quality
    if quality in _RICHER and rng.random() < richness:
        quality = rng.choice(_RICHER[quality])
    bass = chord.bass
    steps = QUALITIES[quality]
    if bass == chord.root and rng.random() < 0.08:
        bass = (chord.root + rng.choice(steps[1:3])) % 12
    if (bass - chord.root) % 12 not in [step % 12 for step in steps]:
        bass = chord.root
    return Chord(chord.root, quality, bass)


def voicing(
    rng: random.Random, chord: Chord, centre: float, before: list[int], size: int
) -> list[int]:
    """Pitches of a chord about a centre that move little from those before."""
    classes = list(dict.fromkeys(chord.classes))
    if len(classes) > size:  # the fifth goes first, then the root of large chords
        order = sorted(
            range(len(classes)), key=lambda i: (i == 2, i == 0 and size < 4), reverse=True
        )
        drop = set(order[: len(classes) - size])
        classes = [pitch for i, pitch in enumerate(classes) if i not in drop]
    best: list[int] = []
    least = 1e9
    for first in range(len(classes)):
        pitches: list[int] = []
        low = round(centre) - 6
        for pitch_class in classes[first:] + classes[:first]:
            pitch = low + (pitch_class - low) % 12
            pitches.append(pitch)
            low = pitch + 1
        for octave in (-12, 0, 12):
            moved = [pitch + octave for pitch in pitches]
            middle = sum(moved) / len(moved)
            cost = abs(middle - centre) + rng.random()
            if before:
                cost += sum(min(abs(p - q) for q in before) for p in moved)
            if cost < least:
                best, least = moved, cost
    return best
