"""The key of a recording or a score: of the whole, and where it changes.

From sound, the chord network gives in each frame evidence for each key that it learned to add up
(`training.train_chords`). From notes, pitch classes weighted by duration are compared with profiles
(J. Albrecht and D. Shanahan, "The use of large corpora to train a new type of key-finding
algorithm", Music Perception 31, 2013). A Viterbi search then finds where the key changes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.score import Score
from ...music.theory import Key
from .chord_decoder import viterbi
from .harmony_frames import FRAME_SECONDS, HarmonyFrames, hear_harmony

FloatArray = NDArray[np.float64]

KEYS = tuple(Key(tonic, mode) for mode in ("ionian", "aeolian") for tonic in range(12))
"""The keys that are told apart: twelve major ones from C up, then twelve minor ones."""

MAJOR = np.array(
    [0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081]
)
MINOR = np.array(
    [0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052]
)
"""Shares of the pitch classes from the tonic up (Albrecht and Shanahan)."""

STEP_SECONDS = 1.0  # of the search for changes

_LEARNED_SECONDS = 18.0  # after which the network's evidence is what it says
_CHANGE = 3.0  # nats that a change of key costs
_FAR = 0.4  # nats for each further step on the circle of fifths
_SHARPNESS = 12.0  # nats between a perfect fit with a profile and none
_WINDOW_SECONDS = 10.0  # of notes that are compared with a profile at once


@dataclass(frozen=True)
class LocalKey:
    """A stretch of music in one key."""

    start_seconds: float
    end_seconds: float
    key: Key
    confidence: float  # 0..1


@dataclass(frozen=True)
class KeyTrack:
    """The key of a whole piece and its stretches."""

    key: Key | None  # ionian or aeolian; None of silence
    confidence: float  # 0..1: probability of the key
    candidates: tuple[tuple[Key, float], ...]  # the likeliest five with their probabilities
    local: tuple[LocalKey, ...]  # one after another, without gaps

    def at(self, seconds: float) -> Key | None:
        """The key at a time: that of the stretch, else that of the whole."""
        for stretch in self.local:
            if stretch.start_seconds <= seconds < stretch.end_seconds:
                return stretch.key
        return self.key


def key_label(key: Key | None) -> str:
    """A key as mir_eval writes it, e.g. 'Eb minor'; 'X' for None."""
    if key is None:
        return "X"
    return f"{str(key).split()[0]} {'major' if key.mode == 'ionian' else 'minor'}"


def find_key(samples: NDArray[np.floating], sample_rate: int) -> KeyTrack:
    """The key of a recording; raises SegueError for samples that are no sound."""
    return key_of(hear_harmony(samples, sample_rate))


def key_of(frames: HarmonyFrames) -> KeyTrack:
    """The key in what `hear_harmony` heard."""
    sounding = np.abs(frames.key).sum(axis=1) > 0
    if not sounding.any():
        return _NOTHING
    whole = frames.key[sounding].mean(axis=0, dtype=np.float64)
    steps = (frames.times_seconds / STEP_SECONDS).astype(int)
    firsts = np.flatnonzero(np.diff(steps, prepend=-1))
    evidence = np.add.reduceat(frames.key.astype(np.float64), firsts)
    return _track(whole, evidence * (FRAME_SECONDS / _LEARNED_SECONDS), frames.seconds)


def key_of_score(score: Score) -> KeyTrack:
    """The key of a score; tracks on channel 9 (drums) do not count. Times follow its tempo."""
    onsets, ends, pitches = [], [], []
    for track in score.tracks:
        if track.channel == 9:
            continue
        for note in track.notes:
            onsets.append(score.tempo.seconds(float(note["onset_beats"])))
            end_beats = float(note["onset_beats"] + note["duration_beats"])
            ends.append(score.tempo.seconds(end_beats))
            pitches.append(int(note["pitch"]))
    return key_of_notes(np.array(onsets), np.array(ends), np.array(pitches, np.int64))


def key_of_notes(
    onset_seconds: FloatArray, end_seconds: FloatArray, pitches: NDArray[np.integer]
) -> KeyTrack:
    """The key of notes, all [shape=(n,)], pitches as MIDI note numbers."""
    if not len(pitches):
        return _NOTHING
    seconds = float(np.max(end_seconds))
    edges = np.arange(int(np.ceil(seconds / STEP_SECONDS)) + 1) * STEP_SECONDS
    weights = np.zeros((len(edges) - 1, 12))
    for onset, end, pitch in zip(onset_seconds, end_seconds, pitches, strict=True):
        shares = np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], onset), 0.0, None)
        weights[:, pitch % 12] += shares
    reach = int(_WINDOW_SECONDS / STEP_SECONDS)
    window = np.ones(min(reach, len(weights)))
    around = np.stack([np.convolve(column, window, "same") for column in weights.T], axis=1)
    evidence = profile_fits(around) * (_SHARPNESS * STEP_SECONDS / _LEARNED_SECONDS)
    return _track(_SHARPNESS * profile_fits(weights.sum(axis=0)), evidence, seconds)


def profile_fits(weights: FloatArray) -> FloatArray:
    """Correlation of pitch class weights [shape=(..., 12)] with all keys [shape=(..., 24)]."""
    centred = weights - weights.mean(axis=-1, keepdims=True)
    norm = np.linalg.norm(centred, axis=-1, keepdims=True)
    return np.asarray(centred / np.maximum(norm, 1e-12) @ _PROFILES)


def _profiles() -> FloatArray:
    rows = [np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)]
    table = np.array(rows)
    table -= table.mean(axis=1, keepdims=True)
    return np.asarray((table / np.linalg.norm(table, axis=1, keepdims=True)).T)


_PROFILES = _profiles()
_NOTHING = KeyTrack(None, 0.0, (), ())


def _track(whole: FloatArray, evidence: FloatArray, seconds: float) -> KeyTrack:
    """The track for the evidence in nats of the whole [shape=(24,)] and of steps [n, 24]."""
    chances = softmax(whole)
    order = np.argsort(-chances)[:5]
    candidates = tuple((KEYS[index], float(chances[index])) for index in order)
    path = viterbi(evidence.astype(np.float32), _ways())
    firsts = np.flatnonzero(np.diff(path, prepend=-1))
    stops = np.append(firsts[1:], len(path))
    local = []
    for first, stop in zip(firsts, stops, strict=True):
        found = softmax(evidence[first:stop].sum(axis=0))[path[first]]
        end = seconds if stop == len(path) else stop * STEP_SECONDS
        local.append(LocalKey(first * STEP_SECONDS, float(end), KEYS[path[first]], float(found)))
    return KeyTrack(candidates[0][0], candidates[0][1], candidates, tuple(local))


def _ways() -> NDArray[np.float32]:
    """What it costs to go from one key to another, negative nats [shape=(24, 24)]."""
    tonics = np.array([key.tonic + (3 if key.mode == "aeolian" else 0) for key in KEYS])
    apart = (tonics[:, None] - tonics) * 7 % 12
    fifths = np.minimum(apart, 12 - apart)
    cost = -(_CHANGE + _FAR * fifths)
    np.fill_diagonal(cost, 0.0)
    return np.asarray(cost, np.float32)


def softmax(nats: FloatArray) -> FloatArray:
    """Probabilities for evidence in nats along the last axis."""
    shifted = np.exp(nats - nats.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))
