"""Cadences: where phrases come to rest, by their chords.

A cadence is a pair of chords that closes: dominant and tonic (authentic), subdominant and tonic
(plagal), dominant and sixth degree (deceptive), or anything that stops on the dominant (half). The
same pairs also occur in the middle of phrases, so the arrival's stress decides with how much
confidence one is told: how long it is against the chords around, whether silence follows, whether
it falls on a downbeat.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...music.errors import check_range
from ...music.theory import Chord, Key
from .chords import Chords
from .key import KeyTrack

FloatArray = NDArray[np.float64]
Kind = Literal["perfect", "imperfect", "half", "plagal", "deceptive"]

_AROUND = 8  # chords on either side that an arrival is compared with
_NEAR_DOWNBEAT = 0.12  # seconds
_DOMINANT = ("", "7", "sus4")
_TRIADS = ("", "m", "5", "6", "m6", "add9", "madd9")
_AWAY = 0.15  # less for a close in a key that the music only touches
_WEIGHTS: dict[str, float] = {  # how readily each pair is taken for a close
    "perfect": 0.3,
    "imperfect": 0.1,
    "half": -0.15,
    "plagal": -0.05,
    "deceptive": 0.1,
}


@dataclass(frozen=True)
class Cadence:
    """A phrase that comes to rest."""

    kind: Kind  # perfect and imperfect are the authentic ones
    start_seconds: float  # of the chord before the arrival
    seconds: float  # when the arrival begins
    end_seconds: float  # of the arrival
    key: Key
    confidence: float  # 0..1


def find_cadences(
    chords: Chords,
    keys: KeyTrack,
    *,
    downbeat_seconds: ArrayLike = (),
    least_confidence: float = 0.35,
) -> tuple[Cadence, ...]:
    """Cadences of a recording or a score, in order.

    :param downbeat_seconds: times of downbeats, if known
    :param least_confidence: 0..1; what is less sure is not told
    """
    check_range("least_confidence", least_confidence, 0.0, 1.0)
    downbeats = np.sort(np.asarray(downbeat_seconds, np.float64))
    lengths = chords.end_seconds - chords.start_seconds
    rests = _rests(chords)
    found = []
    for index in range(1, len(chords)):
        before, arrival = chords.chords[index - 1], chords.chords[index]
        start = float(chords.start_seconds[index])
        key = keys.at((start + float(chords.end_seconds[index])) / 2)
        if before is None or arrival is None or key is None:
            continue
        kind = cadence_kind(before, arrival, key)
        stress = _stress(lengths, index, rests[index])
        if kind is None and arrival.root in key.scale and arrival.quality in ("", "m"):
            key = Key(arrival.root, "aeolian" if arrival.quality else "ionian")
            close = cadence_kind(before, arrival, key)
            kind = close if close in ("perfect", "imperfect") else None
            stress -= _AWAY
        if kind is None:
            continue
        if len(downbeats) and np.abs(downbeats - start).min() < _NEAR_DOWNBEAT:
            stress += 0.05
        sure = float(np.sqrt(chords.confidence[index - 1] * chords.confidence[index]))
        confidence = sure * float(np.clip(stress + _WEIGHTS[kind], 0.0, 1.0))
        if confidence >= least_confidence:
            end = float(chords.end_seconds[index])
            begin = float(chords.start_seconds[index - 1])
            found.append(Cadence(kind, begin, start, end, key, confidence))
    return tuple(found)


def cadence_kind(before: Chord, arrival: Chord, key: Key) -> Kind | None:
    """What cadence two chords make if a phrase ends with them; None if none."""
    tonic, dominant = key.tonic, (key.tonic + 7) % 12
    at_rest = arrival.quality in _TRIADS
    is_dominant = before.root == dominant and before.quality in _DOMINANT
    leading = before.root == (tonic + 11) % 12 and before.quality in ("dim", "dim7", "m7b5")
    if arrival.root == tonic and at_rest and (is_dominant or leading):
        rooted = before.bass_class == before.root and arrival.bass_class == tonic
        if arrival.bass_class == dominant:
            return None  # a six-four over the dominant does not rest
        return "perfect" if is_dominant and rooted else "imperfect"
    if arrival.root == tonic and at_rest and before.root == (tonic + 5) % 12:
        return "plagal" if arrival.bass_class == tonic and before.quality != "7" else None
    sixth = (tonic + 9) % 12 if key.mode in ("ionian", "lydian", "mixolydian") else (tonic + 8) % 12
    if is_dominant and arrival.root in (sixth, (tonic + 8) % 12) and at_rest:
        return "deceptive"
    rooted = arrival.bass_class == dominant and arrival.quality == ""
    if arrival.root == dominant and rooted and before.root != dominant:
        return "half"
    return None


def _rests(chords: Chords) -> Sequence[bool]:
    """Whether nothing or silence comes after each chord."""
    after = [*chords.chords[1:], None]
    return [chord is None for chord in after]


def _stress(lengths: FloatArray, index: int, rest: bool) -> float:
    """How much a chord sounds like an end, about 0..1, by its length and what follows."""
    near = lengths[max(0, index - _AROUND) : index + _AROUND + 1]
    ratio = lengths[index] / max(float(np.median(near)), 1e-6)
    return 0.15 + 0.35 * float(np.log2(max(ratio, 1e-3))) + 0.3 * rest
