"""Settings of `segue/Accompany-v0`: one frozen dataclass, checked."""

from dataclasses import dataclass, fields
from typing import Any

from ...music.errors import SegueError, UnknownNameError, check_range
from .corpus import CORPORA, SPLITS
from .songs import CLIP_FRAMES, FRAMES_PER_BEAT


@dataclass(frozen=True)
class AccompanySettings:
    """Which melodies are played, and what chords to them are worth."""

    corpus: str = "themes"  # themes, pop909, nottingham, or several joined by +
    split: str = "train"  # of the songs: train, validation, test
    chord_weight: float = 1.0  # of a sounding note that is in the triad of the chord
    change_weight: float = 0.1  # of a change of chord
    flicker_weight: float = 0.2  # of leaving a chord after one frame
    hold_weight: float = 0.1  # of each frame of a chord held for longer than `longest_hold_beats`
    longest_hold_beats: float = 16.0
    silence_weight: float = 0.5  # of a frame without a chord while the melody sounds
    prior_weight: float = 0.0  # of the log-probability under the model of played chords [nats]
    tell_prior: bool = False  # whether that model's log-probabilities are observed too
    shift_semitones: int = 0  # by which the melody is transposed from `shift_beat` on
    shift_beat: float = 32.0

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise UnknownNameError("split", self.split, SPLITS)
        for name in self.corpus.split("+"):
            if name not in CORPORA:
                raise UnknownNameError("corpus", name, CORPORA)
        for item in fields(self):
            if item.name.endswith("_weight"):
                check_range(item.name, getattr(self, item.name), 0.0, 1000.0)
        check_range("longest_hold_beats", self.longest_hold_beats, 1.0, 1000.0)
        check_range("shift_semitones", self.shift_semitones, -11, 11)
        if int(self.shift_semitones) != self.shift_semitones:
            raise SegueError(f"shift_semitones is {self.shift_semitones}; give a whole number")
        check_range("shift_beat", self.shift_beat, 0.0, CLIP_FRAMES / FRAMES_PER_BEAT)

    @classmethod
    def from_options(cls, **options: Any) -> "AccompanySettings":
        """Settings from plain options; unknown ones raise UnknownNameError."""
        known = {item.name for item in fields(cls)}
        for name in options:
            if name not in known:
                raise UnknownNameError("option", name, known, "segue/Accompany-v0")
        return cls(**options)
