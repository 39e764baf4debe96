"""What happens in `segue/Accompany-v0`; its manual is that of `env.AccompanyEnv`."""

from functools import lru_cache
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...music.score import NOTE, Score, Track
from ...music.tempo import Meter, TempoMap
from ..core import Core, FloatArray, Step
from .chords import CHORDS, CLASSES, NONE, TRIADS, Ints, chord_of
from .clips import Clips, draw_clips, fixed_clips
from .corpus import load_songs
from .measures import distinct_chords, mean_length, note_in_chord, seventh_share
from .network import log_softmax
from .perception import (
    BEGINNING,
    OBSERVATION,
    Floats,
    melody_features,
    meter_features,
    observations,
)
from .prior import load_prior
from .settings import AccompanySettings
from .songs import CLIP_FRAMES, FRAMES_PER_BEAT, REST

LIMIT = 10.0
"""Observations keep within +-LIMIT."""

TEMPO_BPM = 100.0
"""At which clips are rendered."""

_CHORD_PITCH = 48
_FRAME_BEATS = 1.0 / FRAMES_PER_BEAT


@lru_cache(maxsize=16)
def _evaluation_clips(corpus: str, split: str) -> Clips:
    return fixed_clips(load_songs(corpus, split))


class AccompanyCore(Core):
    """n melodies, heard frame by frame, to which chords are played.

    :param options: as in `AccompanySettings`
    """

    REWARDS = ("chord_tone", "change", "flicker", "hold", "silence", "prior")

    OBSERVATION = OBSERVATION
    ACTIONS = tuple(str(chord_of(number)) for number in range(CHORDS))

    clips: Clips
    chords: Ints
    """What has been played so far [shape=(n, 128)]; what follows `frame` means nothing yet."""

    frame: int
    """The frame whose chords are played next."""

    def __init__(self, n: int, **options: Any) -> None:
        super().__init__(n)
        self.settings = AccompanySettings.from_options(**options)
        if self.settings.tell_prior:
            self.OBSERVATION = (*OBSERVATION, *(f"prior_{name}" for name in self.ACTIONS))
        size = len(self.OBSERVATION)
        self.observation_space = spaces.Box(-LIMIT, LIMIT, (size,), np.float32)
        self.action_space = spaces.Discrete(CHORDS)
        self._songs = load_songs(self.settings.corpus, self.settings.split)
        asked = self.settings.tell_prior or self.settings.prior_weight > 0.0
        self._prior = load_prior() if asked else None

    @property
    def steps(self) -> int:
        return CLIP_FRAMES

    def reset(self, rng: np.random.Generator) -> NDArray[np.float32]:
        s = self.settings
        if s.split == "train":
            clips = draw_clips(self._songs, self.n, rng)
        else:
            clips = self._choose(rng)
        if s.shift_semitones:
            shift = np.full(self.n, int(s.shift_semitones))
            clips = clips.transposed(shift, round(s.shift_beat * FRAMES_PER_BEAT))
        self.begin(clips)
        return self.observe()

    def observe(self) -> Floats:
        return self._seen

    def begin(self, clips: Clips) -> None:
        """Start the episodes on clips of one's own, instead of `reset`'s."""
        self.clips = clips
        blocks, plain = melody_features(clips.melody, clips.onset)
        self._blocks, self._plain = blocks, plain
        self._meter = meter_features(clips.place, clips.bar)
        self.chords = np.full(clips.melody.shape, NONE)
        self.last = np.full(self.n, BEGINNING)
        self.held = np.zeros(self.n, np.int64)
        self.frame = 0
        if self._prior is not None:
            self._state = self._prior.start(self.n)
        self._look()

    def _choose(self, rng: np.random.Generator) -> Clips:
        """Clips of an evaluation split, each once before any comes again."""
        whole = _evaluation_clips(self.settings.corpus, self.settings.split)
        rounds = -(-self.n // len(whole))
        rows = np.concatenate([rng.permutation(len(whole)) for _ in range(rounds)])
        return whole.take(rows[: self.n])

    def _look(self) -> None:
        """Observe the coming frame; at the end, the last one."""
        at = min(self.frame, CLIP_FRAMES - 1)
        seen = observations(
            self._blocks[:, at], self._plain[:, at], self._meter[:, at], self.last, self.held
        )
        if self._prior is not None and self.frame < CLIP_FRAMES:
            logits, self._state = self._prior.step(seen, self._state)
            self._expected = log_softmax(logits)
        if self.settings.tell_prior:
            seen = np.concatenate([seen, np.maximum(self._expected, -LIMIT)], 1)
        self._seen = seen

    def step(self, actions: Ints) -> Step:
        terms = self._terms(actions)
        self.chords[:, self.frame] = actions
        self.held = np.where(actions == self.last, self.held + 1, 1)
        self.last = actions
        self.frame += 1
        reward = np.sum(list(terms.values()), axis=0)
        self._look()
        return self.observe(), reward, self.frame == CLIP_FRAMES, terms

    def _terms(self, actions: Ints) -> dict[str, FloatArray]:
        s = self.settings
        pitch = self.clips.melody[:, self.frame]
        sounds = pitch != REST
        changes = (actions != self.last) & (self.last != BEGINNING)
        lasting = np.where(changes, 1, self.held + 1)
        terms = {
            "chord_tone": s.chord_weight * (sounds & TRIADS[actions, pitch % CLASSES]),
            "change": -s.change_weight * changes,
            "flicker": -s.flicker_weight * (changes & (self.held == 1)),
            "hold": -s.hold_weight * (lasting > s.longest_hold_beats * FRAMES_PER_BEAT),
            "silence": -s.silence_weight * (sounds & (actions == NONE)),
            "prior": np.zeros(self.n),
        }
        if s.prior_weight > 0.0:
            told = self._expected[np.arange(self.n), actions]
            terms["prior"] = s.prior_weight * np.maximum(told, -LIMIT)
        return {name: np.asarray(term, np.float64) for name, term in terms.items()}

    def metrics(self) -> dict[str, FloatArray]:
        melody, chords = self.clips.melody, self.chords
        return {
            "note_in_chord": note_in_chord(melody, chords),
            "triad_note_in_chord": note_in_chord(melody, chords, triads=True),
            "seventh_share": seventh_share(chords),
            "chords": distinct_chords(chords),
            "mean_length_beats": mean_length(chords),
        }

    def about(self, index: int) -> dict[str, Any]:
        return {"clip": self.clips.names[index]}

    def score(self, index: int = 0) -> Score:
        frames = self.frame
        clips = self.clips
        starts = clips.onset[index, :frames].copy()
        sounds = clips.melody[index, :frames] != REST
        starts |= sounds & ~np.concatenate([[False], sounds[:-1]])
        melody = _notes(starts, sounds, [(int(p),) for p in clips.melody[index, :frames]], 0.9)
        harmony = chord_notes(self.chords[index, :frames])
        bar = int(clips.bar[index, 0])
        meter = Meter(bar, 8) if bar % 2 else Meter(bar // 2, 4)
        tracks = (Track("piano", melody), Track("pad", harmony, program=89, channel=1))
        return Score(tracks, TempoMap(TEMPO_BPM), meter, clips.names[index])


def chord_notes(chords: Ints) -> NDArray[np.void]:
    """The notes of chords, one for each frame [shape=(frames,)], voiced plainly."""
    begins = np.ones(len(chords), bool)
    begins[1:] = chords[1:] != chords[:-1]
    return _notes(begins, chords != NONE, [_voiced(int(number)) for number in chords], 0.6)


def _voiced(number: int) -> tuple[int, ...]:
    """Pitches of a chord within an octave above C3, and its root below."""
    chord = chord_of(number)
    if chord is None:
        return ()
    above = tuple(sorted(_CHORD_PITCH + pc for pc in chord.pitch_classes))
    return (_CHORD_PITCH - CLASSES + chord.root, *above)


def _notes(
    begins: NDArray[np.bool_],
    sounds: NDArray[np.bool_],
    pitches: list[tuple[int, ...]],
    velocity: float,
) -> NDArray[np.void]:
    """Notes from frames: each goes on until the next begins or its line falls silent."""
    rows = []
    frames = len(pitches)
    for start in np.flatnonzero(begins & sounds):
        stops = np.flatnonzero((begins | ~sounds)[start + 1 :])
        end = start + 1 + int(stops[0]) if len(stops) else frames
        for pitch in pitches[start]:
            rows.append((start * _FRAME_BEATS, (end - start) * _FRAME_BEATS, pitch, velocity))
    return np.array(rows, NOTE)
