"""Roman numerals: what each chord is in its key.

A chord of the key gets its degree; one that is foreign to the key is read, in this order, as an
augmented sixth, as the dominant or leading-tone chord of another degree (applied), as borrowed
from the parallel mode, or as an altered degree. Figures follow RomanText (D. Tymoczko et al., "The
RomanText format", ISMIR 2019) where it has a sign: 'V65/V', 'viio7', 'iiø65', 'bVI', 'Ger65'.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ...music.errors import SegueError
from ...music.theory import QUALITIES, Chord, Key
from .chords import Chords
from .key import KeyTrack

_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")
_MAJOR_DEGREES = (  # accidental and degree of each semitone above a major tonic
    ("", 0),
    ("b", 1),
    ("", 1),
    ("b", 2),
    ("", 2),
    ("", 3),
    ("#", 3),
    ("", 4),
    ("b", 5),
    ("", 5),
    ("b", 6),
    ("", 6),
)
_MINOR_DEGREES = (
    ("", 0),
    ("b", 1),
    ("", 1),
    ("", 2),
    ("#", 2),
    ("", 3),
    ("#", 3),
    ("", 4),
    ("", 5),
    ("#", 5),
    ("", 6),
    ("#", 6),
)
_DIMINISHED = ("dim", "dim7", "m7b5")
_DOMINANT = ("", "7", "aug")
_MINOR = ("m", "m7", "m6", "madd9")
_SEVENTHS = ("7", "maj7", "m7", "dim7", "m7b5")
_ADDITIONS = {
    "sus2": "sus2",
    "sus4": "sus4",
    "5": "(no3)",
    "6": "(add6)",
    "m6": "(add6)",
    "add9": "(add9)",
    "madd9": "(add9)",
}
_TRIAD_FIGURES = ("", "6", "64")
_SEVENTH_FIGURES = ("7", "65", "43", "42")


@dataclass(frozen=True)
class RomanNumeral:
    """A chord in its key."""

    figure: str  # e.g. 'V65/V'
    degree: str  # numeral with accidental, of the applied chord if there is one, e.g. 'V', 'bVI'
    quality: str  # of `music.theory.QUALITIES`
    inversion: int  # 0..3, -1 for a bass that is not of the chord
    applied_to: str  # degree that it is the dominant of, e.g. 'V'; '' if none
    borrowed: bool  # from the parallel mode

    def __str__(self) -> str:
        return self.figure


@dataclass(frozen=True)
class RomanSpan:
    """A Roman numeral while it lasts; None where there is no chord or no key."""

    start_seconds: float
    end_seconds: float
    key: Key | None
    numeral: RomanNumeral | None
    confidence: float  # 0..1, that of the chord


def roman_spans(chords: Chords, keys: KeyTrack) -> tuple[RomanSpan, ...]:
    """The chords of a recording in its local keys."""
    middles = (chords.start_seconds + chords.end_seconds) / 2
    local = [keys.at(float(middle)) for middle in middles]
    numerals = roman_numerals(chords.chords, local)
    return tuple(
        RomanSpan(float(start), float(end), key, numeral, float(confidence))
        for start, end, key, numeral, confidence in zip(
            chords.start_seconds,
            chords.end_seconds,
            local,
            numerals,
            chords.confidence,
            strict=True,
        )
    )


def roman_numerals(
    chords: Sequence[Chord | None], keys: Key | Sequence[Key | None]
) -> tuple[RomanNumeral | None, ...]:
    """Numerals of chords one after another, all in one key or each in its own."""
    local = [keys] * len(chords) if isinstance(keys, Key) else list(keys)
    if len(local) != len(chords):
        raise SegueError(f"there are {len(chords)} chords and {len(local)} keys; give a key each")
    following = [*chords[1:], None]
    return tuple(
        None if chord is None or key is None else roman_numeral(chord, key, after)
        for chord, key, after in zip(chords, local, following, strict=True)
    )


def roman_numeral(chord: Chord, key: Key, following: Chord | None = None) -> RomanNumeral:
    """The numeral of a chord in a key.

    :param following: the chord after it, which decides between readings
    """
    above = (chord.root - key.tonic) % 12
    sixth = _augmented_sixth(chord, above, following, key)
    if sixth:
        return sixth
    if not is_diatonic(chord, key) or _leads_to_relative(chord, above, following, key):
        applied = _applied(chord, key, following)
        if applied:
            return applied
    accidental, degree = _degrees(key)[above]
    if above == 11 and _is_minor(key) and chord.quality in _DIMINISHED:
        accidental = ""  # the leading tone of minor is its usual seventh degree
    borrowed = not is_diatonic(chord, key) and is_diatonic(chord, _parallel(key))
    return _numeral(chord, accidental, degree, key, "", borrowed)


def is_diatonic(chord: Chord, key: Key) -> bool:
    """Whether a key holds all tones of a chord; minor keys also hold their raised degrees.

    Raised are the seventh of minor in chords on V and VII, and the sixth in ii, IV and vi.
    """
    scale = set(key.scale)
    tones = set(chord.pitch_classes)
    if tones <= scale:
        return True
    if not _is_minor(key):
        return False
    raised_seventh = (key.tonic + 11) % 12
    degree = (chord.root - key.tonic) % 12
    harmonic = (scale - {(key.tonic + 10) % 12}) | {raised_seventh}
    if degree in (7, 11, 3) and raised_seventh in tones and tones <= harmonic:
        return True
    melodic = (scale - {(key.tonic + 8) % 12}) | {(key.tonic + 9) % 12}
    return degree in (2, 5, 9) and tones <= melodic


def _is_minor(key: Key) -> bool:
    return key.mode in ("aeolian", "dorian", "phrygian")


def _degrees(key: Key) -> tuple[tuple[str, int], ...]:
    return _MINOR_DEGREES if _is_minor(key) else _MAJOR_DEGREES


def _parallel(key: Key) -> Key:
    return Key(key.tonic, "ionian" if _is_minor(key) else "aeolian")


def _augmented_sixth(
    chord: Chord, above: int, following: Chord | None, key: Key
) -> RomanNumeral | None:
    """A seventh chord on the lowered sixth that leads to the dominant or the tonic six-four."""
    if chord.quality != "7" or above != 8 or following is None:
        return None
    if following.bass_class != (key.tonic + 7) % 12:
        return None
    return RomanNumeral("Ger65", "Ger", "7", _inversion(chord), "", False)


def _leads_to_relative(chord: Chord, above: int, following: Chord | None, key: Key) -> bool:
    """A dominant seventh in minor, all of the key, that resolves to the relative major."""
    resolves = following is not None and following.root == (chord.root + 5) % 12
    return _is_minor(key) and above == 10 and chord.quality == "7" and resolves


def _applied(chord: Chord, key: Key, following: Chord | None) -> RomanNumeral | None:
    """The chord as a dominant or leading-tone chord of a degree other than the tonic."""
    if chord.quality in _DOMINANT:
        target, degree = (chord.root + 5) % 12, 4
    elif chord.quality in _DIMINISHED:
        target, degree = (chord.root + 1) % 12, 6
    else:
        return None
    above = (target - key.tonic) % 12
    accidental, of = _degrees(key)[above]
    goes_there = following is not None and following.root == target
    if above == 0 or accidental or target not in key.scale:
        return None
    triad = {target, (target + 7) % 12}
    if not triad <= set(key.scale) and not (_is_minor(key) and above in (2, 7)):
        return None  # a diminished degree has no dominant
    is_plain = chord.quality in ("", "aug")
    if is_plain and not goes_there and is_diatonic(chord, _parallel(key)):
        return None  # rather borrowed, as bVII in major or I in minor
    minor_target = (target + 3) % 12 in key.scale and (target + 4) % 12 not in key.scale
    if _is_minor(key) and above == 7:
        minor_target = False
    name = _NUMERALS[of].lower() if minor_target else _NUMERALS[of]
    return _numeral(chord, "", degree, Key(target, "aeolian" if minor_target else "ionian"), name)


def _numeral(
    chord: Chord, accidental: str, degree: int, key: Key, applied_to: str, borrowed: bool = False
) -> RomanNumeral:
    name = accidental + _NUMERALS[degree]
    if chord.quality in _MINOR or chord.quality in _DIMINISHED:
        name = accidental + _NUMERALS[degree].lower()
    sign = {"dim": "o", "dim7": "o", "m7b5": "ø", "aug": "+"}.get(chord.quality, "")
    if chord.quality == "maj7" and not set(chord.pitch_classes) <= set(key.scale):
        sign = "maj"
    inversion = _inversion(chord)
    figures = _SEVENTH_FIGURES if chord.quality in _SEVENTHS else _TRIAD_FIGURES
    figure = figures[inversion] if 0 <= inversion < len(figures) else figures[0]
    extra = _ADDITIONS.get(chord.quality, "")
    slash = f"/{applied_to}" if applied_to else ""
    return RomanNumeral(
        f"{name}{sign}{figure}{extra}{slash}",
        name,
        chord.quality,
        inversion,
        applied_to,
        borrowed,
    )


def _inversion(chord: Chord) -> int:
    """Which tone of the chord lies in the bass: 0 the root, 1 the third, ...; -1 none."""
    steps = [step % 12 for step in QUALITIES[chord.quality]]
    above = (chord.bass_class - chord.root) % 12
    return steps.index(above) if above in steps else -1
