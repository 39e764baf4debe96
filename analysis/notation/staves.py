"""Which hand, staff and voice a note is written in.

Hands are split by a line in pitch that moves as little as it can while neither hand must reach
further than a tenth. Voices are told apart without changing a note: what begins and ends together
on one staff is a chord, what overlaps otherwise is another voice.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...music.score import Notes
from .note_values import as_fraction

_SPLITS = np.arange(48, 73)  # the lowest pitch of the right hand
_REACH = 15  # semitones in one hand
_MIDDLE = 60
_MOVE_COST, _MIDDLE_COST, _STRETCH_COST, _LEAP_COST = 0.15, 0.04, 1.0, 0.12
_BOTH = 0.12  # share of the notes that each hand must have for two staves
_WIDE = 20  # semitones of which most notes of one staff lie within
_TREBLE_FROM = 58  # median pitch


@dataclass(frozen=True)
class Chord:
    """Pitches that begin and end together."""

    onset: Fraction  # beats
    end: Fraction
    pitches: tuple[int, ...]  # from low to high


def clef_of(notes: Notes) -> str:
    """'treble' or 'bass', as few ledger lines as can be."""
    if not len(notes):
        return "treble"
    return "treble" if float(np.median(notes["pitch"])) >= _TREBLE_FROM else "bass"


def needs_two_staves(notes: Notes) -> bool:
    """Whether notes reach so far to both sides of middle C that one staff cannot hold them."""
    if len(notes) < 4:
        return False
    pitch = notes["pitch"].astype(np.int64)
    low, high = np.percentile(pitch, (5, 95))
    share = float((pitch < _MIDDLE).mean())
    return bool(high - low > _WIDE and _BOTH < share < 1.0 - _BOTH)


def split_hands(notes: Notes) -> tuple[Notes, Notes]:
    """The notes of the right and of the left hand."""
    if not len(notes):
        return notes, notes
    onsets = np.unique(notes["onset_beats"])
    index = np.searchsorted(onsets, notes["onset_beats"])
    sounding = [np.sort(notes["pitch"][index == at].astype(np.int64)) for at in range(len(onsets))]
    costs = np.array([[_hand_cost(chord, int(split)) for split in _SPLITS] for chord in sounding])
    move = _MOVE_COST * np.abs(_SPLITS[:, None] - _SPLITS[None, :])
    total, came = costs[0], np.zeros(costs.shape, np.int64)
    for at in range(1, len(costs)):
        ways = total[None, :] + move
        came[at] = ways.argmin(axis=1)
        total = ways.min(axis=1) + costs[at]
    state = int(total.argmin())
    splits = np.zeros(len(costs), np.int64)
    for at in range(len(costs) - 1, -1, -1):
        splits[at] = _SPLITS[state]
        state = int(came[at, state])
    right = notes["pitch"] >= splits[index]
    return notes[right], notes[~right]


def _hand_cost(chord: np.ndarray[tuple[int], np.dtype[np.int64]], split: int) -> float:
    cost = _MIDDLE_COST * abs(split - _MIDDLE)
    for hand in (chord[chord < split], chord[chord >= split]):
        if len(hand):
            cost += _STRETCH_COST * max(int(hand[-1] - hand[0]) - _REACH, 0)
    gaps = np.abs(chord - split + 0.5)
    return float(cost + _LEAP_COST * np.maximum(4.0 - gaps, 0.0).sum())


def separate_voices(notes: Notes) -> list[list[Chord]]:
    """Voices of a staff, the upper first; within one nothing overlaps."""
    chords: dict[tuple[Fraction, Fraction], list[int]] = {}
    for note in notes:
        onset = as_fraction(float(note["onset_beats"]))
        end = as_fraction(float(note["onset_beats"] + note["duration_beats"]))
        chords.setdefault((onset, max(end, onset + Fraction(1, 24))), []).append(int(note["pitch"]))
    units = [Chord(*times, tuple(sorted(set(pitches)))) for times, pitches in chords.items()]
    units.sort(key=lambda unit: (unit.onset, -unit.pitches[-1]))
    voices: list[list[Chord]] = []
    for unit in units:
        free = [voice for voice in voices if voice[-1].end <= unit.onset]
        if free:
            min(free, key=lambda voice: abs(voice[-1].pitches[-1] - unit.pitches[-1])).append(unit)
        else:
            voices.append([unit])
    return sorted(voices, key=_height, reverse=True)


def _height(voice: list[Chord]) -> float:
    return float(np.mean([np.mean(chord.pitches) for chord in voice]))
