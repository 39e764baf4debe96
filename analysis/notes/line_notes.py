"""Notes of one line, from a fast pitch track.

`along` keeps those of the notes that `notes` heard which the track follows too: the one hears
onsets best, the other knows which pitch leads. `line_notes` needs the track alone: a Viterbi search
finds the semitones, or none, that explain it when each change costs something, and a rise of the
level inside of a note begins the same note anew. It follows voices, whose notes have no strokes.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..pitch.pitch_spectrum import FRAMES_PER_SECOND
from ..pitch.voice import PitchTrack
from ..spectra import RATE, Floats
from .polyphonic import HeardNotes

FloatArray = NDArray[np.float64]

SHORTEST_SECONDS = 0.04

_STROKE_FRAMES, _LOOK_FRAMES = 2, 20  # after a note's onset: before and while it is looked for
_NEAR, _SHARE = 0.7, 0.3  # semitones, and of the frames
_LOWEST, _HIGHEST = 24, 97
_CHANGE_COST = 3.5
_FAR = 1.2  # squared semitones that cost as much as any more
_GAP_COST, _STRAY_COST = 0.7, 0.7  # of a frame without pitch in a note, with one in none
_LEVEL_WINDOW = 330  # samples: 15 ms
_RISE_DB = 5.0  # within 50 ms: struck again
_RISE_FRAMES = 3
_FRESH_SECONDS = 0.07  # after its beginning a note is not struck again
_FLOOR_DB, _FULL_DB = -60.0, -6.0  # of velocities 0 and 1


def along(notes: HeardNotes, track: PitchTrack) -> HeardNotes:
    """The notes that the track follows soon after they begin."""
    midi = np.nan_to_num(track.midi)
    kept = np.zeros(len(notes), bool)
    for index, pitch in enumerate(notes.pitch.tolist()):
        begin = round(float(notes.onset_seconds[index]) * FRAMES_PER_SECOND) + _STROKE_FRAMES
        end = round(float(notes.offset_seconds[index]) * FRAMES_PER_SECOND)
        heard = midi[begin : max(begin + 4, min(end, begin + _LOOK_FRAMES))]
        kept[index] = len(heard) > 0 and float((np.abs(heard - pitch) < _NEAR).mean()) >= _SHARE
    return HeardNotes(
        notes.onset_seconds[kept],
        notes.offset_seconds[kept],
        notes.pitch[kept],
        notes.velocity[kept],
        notes.confidence[kept],
    )


def covered(notes: HeardNotes, track: PitchTrack) -> float:
    """Share of what the track follows that lies within notes of its pitch; 1 if it is silent."""
    held = np.full(len(track), -99.0)
    for onset, offset, pitch in zip(
        notes.onset_seconds, notes.offset_seconds, notes.pitch, strict=True
    ):
        held[round(onset * FRAMES_PER_SECOND) : round(offset * FRAMES_PER_SECOND)] = pitch
    voiced = track.voiced
    if not voiced.any():
        return 1.0
    return float((np.abs(track.midi[voiced] - held[voiced]) < _NEAR).mean())


def line_notes(track: PitchTrack, sound: Floats, tuning_cents: float = 0.0) -> HeardNotes:
    """The notes of a track that `f0.track_f0` made of mono sound at `spectra.RATE`.

    :param tuning_cents: of the instrument against A4 = 440 Hz
    """
    if not len(track):
        return _heard([])
    level = frame_levels(sound, len(track))
    states = _states(track.midi - tuning_cents / 100.0)
    edges = np.flatnonzero(np.diff(np.concatenate([[-1], states, [-1]])))
    rise = np.zeros(len(level))
    rise[_RISE_FRAMES:-_RISE_FRAMES] = level[2 * _RISE_FRAMES :] - level[: -2 * _RISE_FRAMES]
    rows = []
    for start, stop in pairwise(edges.tolist()):
        pitch = int(states[start])
        if pitch < 0:
            continue
        cuts = [start, *_struck(rise, start, stop), stop]
        for begin, end in pairwise(cuts):
            if end - begin >= SHORTEST_SECONDS * FRAMES_PER_SECOND:
                loudest = float(level[begin:end].max())
                sure = float(track.confidence[begin:end].mean())
                rows.append((begin, end, pitch, loudest, sure))
    return _heard(rows)


def frame_levels(sound: Floats, count: int) -> FloatArray:
    """Level in dB round each frame of pitch [shape=(count,)], at least -60."""
    power = np.concatenate([[0.0], np.cumsum(np.square(sound, dtype=np.float64))])
    middles = np.arange(count) * RATE // FRAMES_PER_SECOND
    low = np.clip(middles - _LEVEL_WINDOW, 0, len(sound))
    high = np.clip(middles + _LEVEL_WINDOW, 0, len(sound))
    mean = (power[high] - power[low]) / (2 * _LEVEL_WINDOW)
    return np.asarray(10.0 * np.log10(np.maximum(mean, 10.0 ** (_FLOOR_DB / 10.0))))


def _struck(rise: FloatArray, start: int, stop: int) -> list[int]:
    """Frames inside of a note where it begins anew."""
    fresh = round(_FRESH_SECONDS * FRAMES_PER_SECOND)
    found: list[int] = []
    at = start + fresh
    while at < stop - 2:
        if rise[at] > _RISE_DB:
            peak = at + int(rise[at : min(at + 2 * _RISE_FRAMES, stop)].argmax())
            found.append(peak)
            at = peak + fresh
        else:
            at += 1
    return found


def _states(midi: FloatArray) -> NDArray[np.int64]:
    """The semitone of each frame, -1 for none."""
    pitches = np.arange(_LOWEST, _HIGHEST)
    none = len(pitches)
    voiced = np.isfinite(midi)
    apart = np.minimum(np.square(np.nan_to_num(midi)[:, None] - pitches), _FAR)
    costs = np.empty((len(midi), none + 1))
    costs[:, :none] = np.where(voiced[:, None], apart, _GAP_COST)
    costs[:, none] = np.where(voiced, _STRAY_COST, 0.0)
    total = costs[0]
    stayed = np.ones(costs.shape, bool)
    best = np.zeros(len(midi), np.int64)
    for frame in range(1, len(midi)):
        best[frame] = total.argmin()
        change = total[best[frame]] + _CHANGE_COST
        stayed[frame] = total <= change
        total = np.minimum(total, change) + costs[frame]
    state = int(total.argmin())
    found = np.empty(len(midi), np.int64)
    for frame in range(len(midi) - 1, -1, -1):
        found[frame] = state
        if not stayed[frame, state]:
            state = int(best[frame])
    return np.where(found == none, -1, found + _LOWEST)


def _heard(rows: list[tuple[int, int, int, float, float]]) -> HeardNotes:
    begin, end, pitch, level, sure = np.array(rows, np.float64).reshape(-1, 5).T
    velocity = np.clip((level - _FLOOR_DB) / (_FULL_DB - _FLOOR_DB), 0.05, 1.0)
    return HeardNotes(
        begin / FRAMES_PER_SECOND, end / FRAMES_PER_SECOND, pitch.astype(np.int64), velocity, sure
    )
