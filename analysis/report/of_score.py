"""Everything that is found in a score file: the symbolic twin of the analysis of sound."""

from pathlib import Path
from typing import TYPE_CHECKING

from ...music.errors import FileFormatError, SegueError
from ...music.midi import read_midi
from ..scores.score_features import score_features
from ..scores.writing import measure_writing
from .analysis import Analysis

if TYPE_CHECKING:
    from ...music.score import Score

_LONG_NOTE_BEATS = 64.0


def analyze_score(path: Path) -> Analysis:
    """What is found in a MIDI file; errors as for `read_midi` and `score_features`."""
    from ..harmony.key import key_of_score

    score = read_midi(path)
    try:
        features = score_features(score)
    except SegueError as error:
        raise FileFormatError(f"{path} cannot be measured: {error}") from error
    found = Analysis(path, "score", score.tempo.seconds(score.end_beats))
    found.score = features
    found.writing = measure_writing(score)
    found.key = key_of_score(score)
    found.tempo_bpm = _usual_tempo(score)
    found.meter = str(score.meter)
    if not any(len(track.notes) for track in score.tracks):
        found.remarks.append("there are no notes in it")
    held = sum(
        int((track.notes["duration_beats"] > _LONG_NOTE_BEATS).sum()) for track in score.tracks
    )
    if held:
        found.remarks.append(
            f"{held} notes last more than {_LONG_NOTE_BEATS:.0f} beats; they may never have been "
            "released"
        )
    return found


def _usual_tempo(score: "Score") -> float:
    """The tempo that holds for most beats."""
    steps = score.tempo.steps
    ends = [beat for beat, _ in steps[1:]] + [max(score.end_beats, steps[-1][0])]
    lengths: dict[float, float] = {}
    for (start, bpm), end in zip(steps, ends, strict=True):
        lengths[bpm] = lengths.get(bpm, 0.0) + end - start
    return max(lengths, key=lengths.__getitem__)
