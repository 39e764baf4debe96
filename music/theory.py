"""Keys, modes and chords: pitch classes and how they move between modes.

Pitch classes are integers 0..11 with C = 0. A mode is seven semitone steps above a tonic.
"""

import re
from dataclasses import dataclass

from .errors import SegueError, UnknownNameError

MODES: dict[str, tuple[int, ...]] = {  # dark to bright
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
}
"""The modes from dark to bright, as semitones above the tonic."""

MODE_ALIASES = {"minor": "aeolian", "major": "ionian"}

QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "5": (0, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
    "add9": (0, 4, 7, 14),
    "madd9": (0, 3, 7, 14),
}
"""Chord qualities as semitones above the root."""

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_CHORD = re.compile(r"([A-G])([#b]?)([a-z0-9]*)(?:/([A-G])([#b]?))?$")


def pitch_class(letter: str, accidental: str = "") -> int:
    """Pitch class 0..11 of e.g. ('B', 'b')."""
    return (_LETTERS[letter] + {"": 0, "#": 1, "b": -1}[accidental]) % 12


@dataclass(frozen=True)
class Key:
    """A tonic pitch class and the name of a mode."""

    tonic: int = 0
    mode: str = "ionian"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UnknownNameError("mode", self.mode, MODES)

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Key from e.g. 'D minor', 'Bb lydian', 'F#'."""
        match = re.fullmatch(r"\s*([A-G])([#b]?)\s*([a-z]*)\s*", text)
        if not match:
            raise SegueError(f"key {text!r} is not of the form 'D minor' or 'Bb lydian'")
        name = match[3] or "ionian"
        return cls(pitch_class(match[1], match[2]), MODE_ALIASES.get(name, name))

    @property
    def scale(self) -> tuple[int, ...]:
        """The seven pitch classes from the tonic up."""
        return tuple((self.tonic + step) % 12 for step in MODES[self.mode])

    def __str__(self) -> str:
        return f"{NAMES[self.tonic]} {self.mode}"


@dataclass(frozen=True)
class Chord:
    """A root pitch class, a quality of `QUALITIES`, and the pitch class in the bass."""

    root: int
    quality: str = ""
    bass: int | None = None  # None: the root

    @classmethod
    def parse(cls, text: str) -> "Chord":
        """Chord from e.g. 'Dm', 'F#m7b5', 'C/E'."""
        match = _CHORD.match(text.strip())
        if not match or match[3] not in QUALITIES:
            raise SegueError(
                f"chord {text!r} is not known; write a root and one of "
                f"{', '.join(name or 'nothing (major)' for name in QUALITIES)}, e.g. 'Dm7' or 'C/E'"
            )
        bass = pitch_class(match[4], match[5]) if match[4] else None
        return cls(pitch_class(match[1], match[2]), match[3], bass)

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Pitch classes from the root up."""
        return tuple((self.root + step) % 12 for step in QUALITIES[self.quality])

    @property
    def bass_class(self) -> int:
        """The pitch class that the bass plays."""
        return self.root if self.bass is None else self.bass

    def __str__(self) -> str:
        slash = "" if self.bass is None else f"/{NAMES[self.bass]}"
        return f"{NAMES[self.root]}{self.quality}{slash}"


def degree_of(pitch: int, key: Key) -> tuple[int, int, int]:
    """(octave, degree 0..6, alteration in semitones) of a pitch in a key; raised notes are +1.

    A note outside the mode is read as the degree below it, raised, which is right for leading
    tones.
    """
    octave, step = divmod(pitch - key.tonic, 12)
    scale = MODES[key.mode]
    degree = max(index for index, value in enumerate(scale) if value <= step)
    return octave, degree, step - scale[degree]


def to_mode(pitch: int, key: Key, mode: str) -> int:
    """The pitch that plays the same degree of `key.tonic`'s scale in another mode.

    An altered note stays where it is if the new mode holds it, else keeps its alteration as far as
    that does not reach the next degree.
    """
    if mode == key.mode:
        return pitch
    octave, degree, alteration = degree_of(pitch, key)
    scale = MODES[mode]
    if alteration and (pitch - key.tonic) % 12 in scale:
        return pitch
    ceiling = (*scale, 12)[degree + 1]
    step = scale[degree] + alteration
    return key.tonic + 12 * octave + (step if step < ceiling else scale[degree])


def is_borrowed(chord: Chord, key: Key) -> bool:
    """Whether a chord stands on a root that its key does not hold, as Eb in D minor does."""
    return chord.root not in key.scale


def over_chord_to_mode(pitch: int, chord: Chord, key: Key, mode: str) -> int:
    """`to_mode` of a pitch that sounds over a chord: tones of a borrowed chord move with it."""
    if is_borrowed(chord, key) and pitch % 12 in (*chord.pitch_classes, chord.bass_class):
        return pitch + to_mode(chord.root, key, mode) - chord.root
    return to_mode(pitch, key, mode)


def chord_to_mode(chord: Chord, key: Key, mode: str) -> tuple[int, tuple[int, ...]]:
    """(bass pitch class, chord pitch classes from the root up) of a chord moved to another mode.

    A triad that the move makes diminished becomes the dominant seventh that holds it, for example
    Bb in D minor, which in dorian would be Bdim, becomes G7: its bass is too weak to stand alone.
    A borrowed chord moves as a whole, as its tones are no degrees of the key.
    """
    moved = [over_chord_to_mode(pc, chord, key, mode) % 12 for pc in chord.pitch_classes]
    classes = tuple(dict.fromkeys(moved))
    bass = over_chord_to_mode(chord.bass_class, chord, key, mode) % 12
    if _is_diminished(classes) and not _is_diminished(chord.pitch_classes):
        root = (classes[0] - 4) % 12
        return root if chord.bass is None else bass, (root, *classes)
    return bass, classes


def _is_diminished(classes: tuple[int, ...]) -> bool:
    return [(pc - classes[0]) % 12 for pc in classes] == [0, 3, 6]
