"""Chord voicings that move little from chord to chord.

Source of the rules: common voice-leading practice (keep common tones, move the others by the
smallest step, keep all voices near a centre); the cost is the sum of semitones that the voices
move, as in Tymoczko, "The Geometry of Musical Chords", Science 313 (2006).
"""

from functools import lru_cache
from itertools import pairwise

VOICES = 4
_REACH_SEMITONES = (14, 5)  # the lowest voice lies so far below the centre, to below so far above
_CLOSE_COST = 2  # of two neighbouring voices a semitone apart

CENTRE_WEIGHT = 0.6
"""Cost of a semitone between a voicing's mean and its centre, against a semitone of movement."""

CLASHES = (-13, -1, 1, 13)
"""Distances in semitones at which two notes grate: a semitone and a minor ninth."""

Voicing = tuple[int, ...]
"""MIDI pitches from the lowest voice up."""


@lru_cache(maxsize=4096)
def candidates(pitch_classes: tuple[int, ...], centre: int) -> tuple[Voicing, ...]:
    """Close voicings of up to four voices near a centre pitch, every pitch class in each.

    Triads are doubled at the octave, chords of more than four tones lose their inner ones.
    """
    classes = tuple(dict.fromkeys(pitch_classes))
    if len(classes) > VOICES:
        classes = (*classes[: VOICES - 1], classes[-1])
    found = []
    for lowest in range(centre - _REACH_SEMITONES[0], centre + _REACH_SEMITONES[1]):
        if lowest % 12 not in classes:
            continue
        pitches = [lowest]
        while len(pitches) < VOICES:
            pitch = pitches[-1] + 1
            while pitch % 12 not in classes:
                pitch += 1
            pitches.append(pitch)
        found.append(tuple(pitches))
    return tuple(found)


def lead(
    chords: list[tuple[int, ...]], centre: int, previous: Voicing | None = None
) -> list[Voicing]:
    """One voicing a chord, in their order, each the cheapest after the one before it.

    :param chords: pitch classes of each, from the root up
    :param centre: MIDI pitch about which the voices stay
    :param previous: the voicing before the first; None to start afresh
    """
    voicings: list[Voicing] = []
    for classes in chords:
        previous = _nearest(classes, centre, previous)
        voicings.append(previous)
    return voicings


@lru_cache(maxsize=16384)
def _nearest(classes: tuple[int, ...], centre: int, previous: Voicing | None) -> Voicing:
    def cost(voicing: Voicing) -> float:
        away = abs(sum(voicing) / len(voicing) - centre) * CENTRE_WEIGHT
        moved = sum(abs(a - b) for a, b in zip(voicing, previous, strict=True)) if previous else 0
        rough = sum(_CLOSE_COST for low, high in pairwise(voicing) if high - low < 2)
        return away + moved + rough

    return min(candidates(classes, centre), key=cost)
