"""From sound, or from notes that were played in, to a written score.

Notes (`notes`, for a single line with `f0` and `line_notes`), beats, key and drums are found apart;
beats become a tempo map and bars, notes go on the grid of `quantise`, into hands and on staves.
`notation` engraves the result, `music.midi` writes it.

A score begins with the bar of its first note, so its beat 0 is seldom the recording's beginning:
`Transcription.start_seconds` says which second of the recording it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError, UnknownNameError
from ...music.midi import DRUM_CHANNEL
from ...music.score import NOTE, Score, Track, sort_notes
from ...music.tempo import TempoMap
from ...music.theory import Key
from ..harmony.key import KeyTrack, find_key, key_of_score
from ..notes.line_notes import along, covered, line_notes
from ..notes.polyphonic import HeardNotes, find_notes
from ..pitch.f0 import track_f0
from ..pitch.tuning import find_tuning
from ..rhythm.beats import Beats, find_beats
from ..spectra import RATE, Floats, to_mono
from .quantise import is_written, quantise
from .score_writing import Part, bars_of, better_bars, plain, section_marker, settled, write_bars

FloatArray = NDArray[np.float64]
Progress = Callable[[float, str], None]
"""Is told the share that is done, 0..1, and what comes next."""

LINES = ("auto", "one", "many")

_COVERED = 0.5  # of a line that notes must explain, else it is a voice
_TUNED = 0.7  # confidence of a tuning that moves the semitones
_SINGLE_SHARE = 0.1  # of notes that overlap, below which music is one line
_OVERLAP_SECONDS = 0.12
_LEAST_VELOCITY = 0.05
_LEAST_HITS, _LEAST_SURE = 8, 0.55  # of drums that are written down: their mean confidence


class NothingHeardError(SegueError):
    """Sound or a file in which there is nothing to be written down."""


@dataclass(frozen=True)
class Transcription:
    """A written score and how sure it is."""

    score: Score
    key: Key | None
    key_confidence: float  # 0..1
    start_seconds: float  # of the recording: beat 0 of the score; may be negative
    tempo_bpm: float  # of most of it, in quarter notes
    beat_confidence: float  # 0..1; 0 where beats were guessed from the notes
    note_confidence: float  # 0..1, mean over the notes
    moved_seconds: float  # root mean square of how far onsets were moved; 0 as performed

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "title": self.score.title,
            "key": str(self.key) if self.key else None,
            "key_confidence": self.key_confidence,
            "meter": str(self.score.meter),
            "tempo_bpm": self.tempo_bpm,
            "start_seconds": self.start_seconds,
            "beats": self.score.end_beats,
            "bars": int(np.ceil(self.score.end_beats / self.score.meter.bar_beats - 1e-9)),
            "beat_confidence": self.beat_confidence,
            "note_confidence": self.note_confidence,
            "moved_seconds": self.moved_seconds,
            "tracks": [
                {
                    "name": track.name,
                    "program": track.program,
                    "channel": track.channel,
                    "notes": [
                        {
                            "onset_beats": float(note["onset_beats"]),
                            "duration_beats": float(note["duration_beats"]),
                            "pitch": int(note["pitch"]),
                            "velocity": float(note["velocity"]),
                        }
                        for note in track.notes
                    ],
                }
                for track in self.score.tracks
            ],
        }


def transcribe(
    samples: NDArray[np.floating],
    sample_rate: int,
    *,
    quantised: bool = True,
    lines: str = "auto",
    drums: bool = True,
    sections: Sequence[tuple[float, str]] = (),
    title: str = "",
    notes: HeardNotes | None = None,
    beats: Beats | None = None,
    key: KeyTrack | None = None,
    progress: Progress | None = None,
) -> Transcription:
    """The score of a recording [shape=(frames,) or (frames, channels)].

    Raises SegueError for samples that are no sound, NothingHeardError where no note is found.

    :param quantised: on the grid; without, notes stay where they were played, in beats
    :param lines: 'one' for a single instrument or voice, 'many', or 'auto' to hear which
    :param drums: whether to listen for drums
    :param sections: second and name of each, become markers
    :param notes: from `find_notes`, if they are already known; so with `beats` and `key`
    """
    if lines not in LINES:
        raise UnknownNameError("lines", lines, LINES)
    tell = progress or (lambda share, what: None)
    sound = to_mono(samples, sample_rate)
    tell(0.0, "notes")
    heard, single = _hear(sound, lines, notes)
    tell(0.5, "drums")
    hits = _hear_drums(sound) if drums and lines != "one" else _NO_HITS
    if not len(heard) and not len(hits[0]):
        raise NothingHeardError(
            "no note was found in the sound: it is silent, noise or speech; give music"
        )
    tell(0.7, "beats")
    beats = find_beats(sound, RATE) if beats is None else beats
    tell(0.9, "key")
    found = find_key(sound, RATE) if key is None else key
    parts = [part for part in (_performed(heard, single), _drums(hits)) if len(part.rows)]
    bars = bars_of(beats, parts, len(sound) / RATE)
    made = write_bars(parts, bars, quantised=quantised)
    markers = tuple(section_marker(made, bars, second, name) for second, name in sections)
    score = replace(made.score, title=title, markers=tuple(mark for mark in markers if mark))
    tell(1.0, "done")
    return Transcription(
        score,
        found.key,
        found.confidence,
        made.start_seconds,
        bars.bpm * made.scale,
        bars.confidence,
        float(heard.confidence.mean()) if len(heard) else 0.0,
        made.moved_seconds,
    )


def transcribe_score(score: Score, *, quantised: bool = True) -> Transcription:
    """A score as it would be written: the notes of a MIDI file on the grid.

    What lies on a grid already stays as it is. Where the beats of the file do not fit its notes
    (it was played in without a click), beats are taken from the notes.
    Raises NothingHeardError for a score without notes.
    """
    tracks = [track for track in score.tracks if len(track.notes)]
    if not tracks:
        raise NothingHeardError("there are no notes to be written; give a file that has some")
    found = key_of_score(score)
    bpm = score.tempo.steps[0][1]
    if not quantised or all(is_written(track.notes) for track in tracks):
        return Transcription(score, found.key, found.confidence, 0.0, bpm, 1.0, 1.0, 0.0)
    fitted = quantise(np.concatenate([plain(track.notes) for track in tracks]))
    parts = [_played(track, score.tempo) for track in tracks]
    bars = better_bars(parts, fitted.cost, float(score.tempo.seconds(score.end_beats)))
    if bars is None:
        on_grid = tuple(settled(track, quantise(plain(track.notes)).notes) for track in tracks)
        written = Score(on_grid, score.tempo, score.meter, score.title, score.markers)
        moved = fitted.moved_beats * 60.0 / bpm
        return Transcription(written, found.key, found.confidence, 0.0, bpm, 1.0, 1.0, moved)
    made = write_bars(parts, bars, quantised=True)
    return Transcription(
        replace(made.score, title=score.title),
        found.key,
        found.confidence,
        made.start_seconds,
        bars.bpm * made.scale,
        0.0,
        1.0,
        made.moved_seconds,
    )


_NO_HITS = (np.zeros(0), np.zeros(0, np.int64), np.zeros(0))


def _hear(sound: Floats, lines: str, notes: HeardNotes | None) -> tuple[HeardNotes, bool]:
    """The notes, and whether they are one line."""
    notes = find_notes(sound, RATE) if notes is None else notes
    if lines == "many" or (lines == "auto" and not _is_line(notes)):
        return notes, False
    track = track_f0(sound, RATE)
    followed = along(notes, track)
    if covered(followed, track) >= _COVERED:
        return followed, True
    tuning = find_tuning(sound, RATE)
    cents = tuning.cents if tuning.confidence > _TUNED else 0.0
    return line_notes(track, sound, cents), True


def _is_line(notes: HeardNotes) -> bool:
    """Whether hardly any notes sound together."""
    if not len(notes):
        return True
    order = np.argsort(notes.onset_seconds)
    onset, offset = notes.onset_seconds[order], notes.offset_seconds[order]
    until = np.maximum.accumulate(offset)[:-1]
    together = np.minimum(until, offset[1:]) - onset[1:]
    return float((together > _OVERLAP_SECONDS).sum()) <= _SINGLE_SHARE * len(notes)


def _hear_drums(sound: Floats) -> tuple[FloatArray, NDArray[np.int64], FloatArray]:
    """Seconds, MIDI drums and velocities 0..1."""
    try:
        from ..notes.drums import find_drums
    except ImportError:
        return _NO_HITS
    hits = find_drums(sound, RATE)
    if len(hits) < _LEAST_HITS or float(hits.confidence.mean()) < _LEAST_SURE:
        return _NO_HITS
    return hits.times_seconds, hits.pitches, hits.velocities / 127.0


def _performed(heard: HeardNotes, single: bool) -> Part:
    rows = np.zeros(len(heard), NOTE)
    rows["onset_beats"] = heard.onset_seconds
    rows["duration_beats"] = np.maximum(heard.offset_seconds - heard.onset_seconds, 0.02)
    rows["pitch"] = heard.pitch
    rows["velocity"] = np.clip(heard.velocity, _LEAST_VELOCITY, 1.0)
    return Part("Melody" if single else "Piano", 0, 0, sort_notes(rows), single)


def _drums(hits: tuple[FloatArray, NDArray[np.int64], FloatArray]) -> Part:
    rows = np.zeros(len(hits[0]), NOTE)
    rows["onset_beats"] = hits[0]
    rows["duration_beats"] = 0.1
    rows["pitch"] = hits[1]
    rows["velocity"] = np.clip(hits[2], _LEAST_VELOCITY, 1.0)
    return Part("Drums", 0, DRUM_CHANNEL, sort_notes(rows))


def _played(track: Track, tempo: TempoMap) -> Part:
    rows = plain(track.notes)
    onsets = [tempo.seconds(beat) for beat in rows["onset_beats"].tolist()]
    ends = (rows["onset_beats"] + rows["duration_beats"]).tolist()
    rows["onset_beats"] = onsets
    rows["duration_beats"] = np.array([tempo.seconds(beat) for beat in ends]) - onsets
    return Part(track.name, track.program, track.channel, rows)
