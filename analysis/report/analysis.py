"""What is found in a file."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..sound.features import Summary
from ..sound.sound_file import SoundInfo
from .joining import Outline

if TYPE_CHECKING:
    from ..form.sections import Form
    from ..harmony.chords import Chords
    from ..harmony.key import KeyTrack
    from ..notes.polyphonic import HeardNotes
    from ..pitch.tuning import Tuning
    from ..rhythm.beats import Beats
    from ..rhythm.onsets import Onsets
    from ..rhythm.swing import Swing
    from ..scores.score_features import ScoreFeatures
    from ..scores.writing import Writing

Progress = Callable[[float, str], None]
"""Is told the share that is done, 0..1, and what is being done."""


@dataclass
class Analysis:
    """What was found in a file; None or empty where it was not asked for or could not be found."""

    path: Path
    kind: str  # "sound" or "score"
    duration_seconds: float
    sound: SoundInfo | None = None
    loudness_lufs: float | None = None  # integrated; `audio.FLOOR_DB` of silence
    loudness_range_lu: float | None = None
    peak_db: float | None = None  # of the samples
    clipped_share: float | None = None  # of samples at full scale
    features: dict[str, Summary] = field(default_factory=dict)
    roughness: float | None = None  # mean, weighted by level
    percussive_share: float | None = None  # of power, estimated from mel bands
    tuning: "Tuning | None" = None
    beats: "Beats | None" = None
    onsets: "Onsets | None" = None
    swing: "Swing | None" = None
    key: "KeyTrack | None" = None
    chords: "Chords | None" = None
    form: "Form | None" = None
    notes: "HeardNotes | None" = None
    score: "ScoreFeatures | None" = None
    writing: "Writing | None" = None
    tempo_bpm: float | None = None  # of a score: the one that holds for most of the time
    meter: str | None = None  # of a score
    outline: Outline | None = None  # for a picture
    remarks: list[str] = field(default_factory=list)
