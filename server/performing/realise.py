"""Notes on the audio clock, and stingers in the key and tempo of the bar over which they sound."""

import numpy as np
from numpy.typing import NDArray

from ...music.cue import Stinger
from ...music.events import EVENT, Events
from ...music.score import Notes, make_notes
from ...music.theory import MODES, Key


def stinger_notes(stinger: Stinger, key: Key, start_beats: float) -> Notes:
    """The figure's notes from a beat on, in a key."""
    scale = MODES[key.mode]
    rows = []
    onset = start_beats
    for degree, duration in zip(stinger.degrees, stinger.durations_beats, strict=True):
        octave, step = divmod(degree, len(scale))
        pitch = 12 * (stinger.octave + 1 + octave) + key.tonic + scale[step]
        rows.append((onset, duration, min(max(pitch, 0), 127), stinger.velocity))
        onset += duration
    return make_notes(rows)


def duration_beats(stinger: Stinger) -> float:
    """Length of the figure in beats."""
    return sum(stinger.durations_beats)


def note_events(
    notes: Notes,
    channels: NDArray[np.uint8] | int,
    start: tuple[float, int],
    bpm: float,
    sample_rate: int,
) -> Events:
    """Notes as events on the audio clock, at one tempo.

    :param channels: mixer channel of each note [shape=(n,)], or one for all
    :param start: a beat and the frame at which it sounds
    """
    frames_per_beat = 60.0 / bpm * sample_rate
    beat, frame = start
    events = np.zeros(len(notes), EVENT)
    onset = np.rint((notes["onset_beats"] - beat) * frames_per_beat)
    length = np.rint(notes["duration_beats"] * frames_per_beat)
    events["at_frame"] = frame + onset.astype(np.int64)
    events["duration_frames"] = np.maximum(length, 1).astype(np.int64)
    events["pitch"] = notes["pitch"]
    events["velocity"] = notes["velocity"]
    events["channel"] = channels
    return events
