"""The names of notes in a key: which of two enharmonic names a copyist would write.

Names lie on the line of fifths (... F C G D A E B F# ...), C at 0. A key's notes and the
accidentals usual in it are twelve neighbours on that line (after D. Temperley, "The Cognition of
Basic Musical Structures", 2001, chapter 5).
"""

from ...music.theory import Key

_LETTERS = "FCGDAEB"
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SIGNS = {  # of a mode against that of the major key on its tonic
    "lydian": 1,
    "ionian": 0,
    "mixolydian": -1,
    "dorian": -2,
    "aeolian": -3,
    "phrygian": -4,
}
_BELOW_MAJOR, _BELOW_MINOR = 3, 5  # fifths under the tonic that its notes may reach
_MOST_SIGNS = 6
_MOST_FIFTHS = 12  # B sharp: no double sharps


def key_sharps(key: Key) -> int:
    """Sharps (> 0) or flats (< 0) of the signature, at most six."""
    tonic = (key.tonic * 7 + 5) % 12 - 5  # -5 (Db) .. 6 (F#)
    sharps = tonic + _SIGNS[key.mode]
    if sharps > _MOST_SIGNS:
        return sharps - 12
    return sharps + 12 if sharps < -_MOST_SIGNS else sharps


def spelled(pitch: int, key: Key) -> tuple[str, int, int]:
    """Letter, sharps (> 0) or flats (< 0), and octave of a MIDI pitch; (60: 'C', 0, 4)."""
    tonic = key_sharps(key) - _SIGNS[key.mode]
    minor = _SIGNS[key.mode] < -1
    lowest = tonic - (_BELOW_MINOR if minor else _BELOW_MAJOR)
    fifths = (pitch * 7) % 12
    fifths += 12 * -((fifths - lowest) // 12)  # now lowest .. lowest + 11
    if fifths > _MOST_FIFTHS:
        fifths -= 12
    letter = _LETTERS[(fifths + 1) % 7]
    alter = (fifths + 1) // 7
    octave = (pitch - alter - _SEMITONES[letter]) // 12 - 1
    return letter, alter, octave
