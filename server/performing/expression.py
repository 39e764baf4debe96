"""How players perform what stands in a bar: accents, a little looseness, legato and strums.

A bar's notes are plain; this is the hand that plays them, the same live and in a file. What is
drawn depends on the bar's index alone, so a bar that is played again sounds the same. Every note of
a bar begins within the bar: bars can be taken back whole.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.cue import PHRASE_BARS, Cue, Layer
from ...music.events import Events
from ...music.orchestra import ORCHESTRA
from ...music.patterns import is_compound
from ...music.score import ONSET_TOLERANCE_BEATS
from ...music.world import Bar
from .realise import note_events

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Manner:
    """How the players of one family perform."""

    loose_seconds: float  # standard deviation of their onsets
    overlap_seconds: float = 0.0  # of a held note with the next; 0: they do not sustain
    strum_seconds: float = 0.0  # from tone to tone of a chord, from the lowest up


MANNERS = {
    "keys": Manner(0.004, strum_seconds=0.004),
    "mallets": Manner(0.004),
    "bells": Manner(0.004),
    "plucked": Manner(0.004, strum_seconds=0.014),
    "bass": Manner(0.003, 0.02),
    "strings": Manner(0.009, 0.09),
    "brass": Manner(0.007, 0.06),
    "woodwind": Manner(0.006, 0.05),
    "choir": Manner(0.011, 0.12),
    "leads": Manner(0.002, 0.03),
    "pads": Manner(0.006, 0.12),
    "arps": Manner(0.001),
    "textures": Manner(0.006, 0.12),
    "timpani": Manner(0.003),
    "drums": Manner(0.0015),
}
"""By family of `music.orchestra`."""

PLAYERS = {
    "harp": Manner(0.004, strum_seconds=0.024),
    "harpsichord": Manner(0.004, strum_seconds=0.01),
    "organ": Manner(0.003, 0.07),
}
"""Those who differ from their family."""

SAMPLED = Manner(0.004)  # of who knows what

VARIATION = 0.06  # of velocity, either way
LATEST = 2.0  # standard deviations
DOWNBEAT, ON_BEAT, OFF_BEAT = 1.06, 1.0, 0.95  # shares of velocity, by place in the bar
PHRASE = (0.85, 1.0, 1.18, 0.95)  # by place in the phrase, a bar each
ANSWER = (0.92, 1.08)  # of phrases, which go in pairs
TOP_VOICE, INNER_VOICE = 1.05, 0.96  # in a chord
SOFTENING = 0.4  # how much of a bar's dynamics goes into velocities, in dB; the rest is colour
DETACHED, CONNECTED = 0.7, 0.85  # shares of the time until the next note: none, full legato
HELD_BEATS = 1.25  # shorter chords are strokes, which stay apart


class Players:
    """The players of a cue's layers."""

    def __init__(self, cue: Cue, sample_rate: int) -> None:
        manners = [_manner(layer) for layer in cue.layers]
        self._rate = sample_rate
        self._loose = np.array([manner.loose_seconds for manner in manners])
        self._overlap = np.array([manner.overlap_seconds for manner in manners])
        self._strum = np.array([manner.strum_seconds for manner in manners])
        roles = [layer.role for layer in cue.layers]
        self._drums = np.array([layer.is_kit for layer in cue.layers])
        self._chordal = np.array([role == "harmony" for role in roles])
        self._legato = np.array([role not in ("drums", "arpeggio") for role in roles])
        self._beat = 1.5 if is_compound(cue.meter) else 1.0

    def play(self, bar: Bar, start_frame: int, end_frame: int) -> Events:
        """The events of a bar between two frames, as they are performed."""
        notes = bar.notes
        layer = notes["layer"].astype(np.int64)
        events = note_events(
            notes, notes["layer"], (bar.start_beats, start_frame), bar.bpm, self._rate
        )
        if not len(events):
            return events
        rng = np.random.default_rng(bar.index)
        chords = _find_chords(notes)
        self._accent(events, bar, layer, chords, rng)
        late = self._late_seconds(layer, chords, rng)
        end = events["at_frame"] + events["duration_frames"]
        end = end + np.rint(self._held_longer(bar, layer) * self._rate).astype(np.int64)
        at = events["at_frame"] + np.rint(late * self._rate).astype(np.int64)
        events["at_frame"] = np.clip(at, start_frame, max(end_frame - 1, start_frame))
        events["duration_frames"] = np.maximum(end - events["at_frame"], 1)
        return events

    def _accent(
        self,
        events: Events,
        bar: Bar,
        layer: IntArray,
        chords: "_Chords",
        rng: np.random.Generator,
    ) -> None:
        """Weigh velocities by place in bar, phrase and chord; grooves have accents of their own."""
        place = bar.notes["onset_beats"] - bar.start_beats
        off = np.abs(place / self._beat - np.rint(place / self._beat)) * self._beat
        weight = np.where(off > 0.05, OFF_BEAT, ON_BEAT)
        weight = np.where(place < 0.05, DOWNBEAT, weight)
        voiced = np.where(chords.place == chords.size - 1, TOP_VOICE, INNER_VOICE)
        weight = weight * np.where((chords.size > 1) & self._chordal[layer], voiced, 1.0)
        weight = np.where(self._drums[layer], 1.0, weight)
        phrase, place_in_phrase = divmod(bar.bar_in_section, PHRASE_BARS)
        weight = weight * PHRASE[place_in_phrase] * ANSWER[phrase % len(ANSWER)]
        weight *= float(bar.bars.setting.velocity_scale[0]) ** (SOFTENING - 1.0)
        weight *= 1.0 + VARIATION * rng.uniform(-1.0, 1.0, len(events))
        events["velocity"] = np.clip(events["velocity"] * weight, 0.01, 1.0)

    def _late_seconds(
        self, layer: IntArray, chords: "_Chords", rng: np.random.Generator
    ) -> FloatArray:
        """How far each note lies behind its place; early ones are negative."""
        drawn = np.clip(rng.standard_normal(len(layer)), -LATEST, LATEST)
        strummed = np.where(self._chordal[layer], self._strum[layer] * chords.place, 0.0)
        return np.asarray(drawn * self._loose[layer] + strummed)

    def _held_longer(self, bar: Bar, layer: IntArray) -> FloatArray:
        """Seconds by which notes that nearly reach the next ones of their layer are held on.

        The last of a layer in a bar is held into the next bar. Staccato stays as short as it is.
        """
        onset, beats = bar.notes["onset_beats"], bar.notes["duration_beats"]
        free = _beats_until_next(onset, layer, bar.start_beats + bar.beats)
        share = np.clip((beats / free - DETACHED) / (CONNECTED - DETACHED), 0.0, 1.0)
        apt = self._legato[layer] & (self._overlap[layer] > 0.0)
        apt &= ~self._chordal[layer] | (free >= HELD_BEATS)
        overlap = np.minimum(self._overlap[layer], 0.25 * free * 60.0 / bar.bpm)
        longer = np.maximum((free - beats) * 60.0 / bar.bpm + overlap, 0.0)
        return np.asarray(np.where(apt, share * longer, 0.0))


@dataclass(frozen=True)
class _Chords:
    """Which notes of a layer begin together [shape=(notes,)]."""

    place: IntArray  # of the note among them, 0 the lowest
    size: IntArray  # how many they are


def _find_chords(notes: NDArray[np.void]) -> _Chords:
    order = np.lexsort((notes["pitch"], notes["onset_beats"], notes["layer"]))
    onset, layer = notes["onset_beats"][order], notes["layer"][order]
    new = np.ones(len(notes), bool)
    new[1:] = (np.diff(onset) > ONSET_TOLERANCE_BEATS) | (np.diff(layer) != 0)
    number = np.cumsum(new) - 1
    first, size = np.flatnonzero(new), np.bincount(number)
    found = np.empty((2, len(notes)), np.int64)
    found[0, order] = np.arange(len(notes)) - first[number]
    found[1, order] = size[number]
    return _Chords(found[0], found[1])


def _beats_until_next(onset: FloatArray, layer: IntArray, end_beats: float) -> FloatArray:
    """Beats from each note to the next onset of its layer, or to the bar's end."""
    free = np.empty(len(onset))
    for number in np.unique(layer):
        own = layer == number
        starts = np.append(np.unique(onset[own]), end_beats)
        after = np.searchsorted(starts, onset[own] + ONSET_TOLERANCE_BEATS, side="right")
        free[own] = starts[np.minimum(after, len(starts) - 1)] - onset[own]
    return np.maximum(free, ONSET_TOLERANCE_BEATS)


def _manner(layer: Layer) -> Manner:
    """How a layer's instrument is played; a stem has none and plays no notes."""
    if layer.is_kit:
        return MANNERS["drums"]
    if layer.instrument in PLAYERS:
        return PLAYERS[layer.instrument]
    player = ORCHESTRA.get(layer.instrument)
    return SAMPLED if player is None else MANNERS[player.family]
