"""From sound, or from notes that were played in, to a written score.

Notes (`notes`, or `f0` and `line_notes` for a single line), beats, key and drums are found apart;
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

from ..music.errors import SegueError, UnknownNameError
from ..music.midi import DRUM_CHANNEL
from ..music.score import MAX_BEATS, NOTE, Marker, Notes, Score, Track, sort_notes
from ..music.tempo import Meter, TempoMap
from ..music.theory import Key
from .beats import Beats, find_beats
from .f0 import track_f0
from .key import KeyTrack, find_key, key_of_score
from .line_notes import line_notes
from .notes import HeardNotes, find_notes
from .quantise import (
    beat_positions,
    is_written,
    one_line,
    quantise,
    settle_lengths,
    tempo_map,
)
from .spectra import RATE, Floats, to_mono
from .staves import needs_two_staves, split_hands
from .steady_beats import steady_beats

FloatArray = NDArray[np.float64]
Progress = Callable[[float, str], None]
"""Is told the share that is done, 0..1, and what comes next."""

LINES = ("auto", "one", "many")

_TRUSTED = 0.25  # mean confidence of beats that are believed
_SUSPECT = 1.5  # cost of an onset on beats that may be wrong
_BETTER = 0.5  # times the cost: beats that fit so much better are right
_SINGLE_SHARE = 0.1  # of notes that overlap, below which music is one line
_OVERLAP_SECONDS = 0.12
_EARLY = 0.15  # beats
_THIRDS = 0.6  # share of divided beats in thirds from which a meter is compound
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
    bars = _bars(beats, parts, len(sound) / RATE)
    made = _write(parts, bars, quantised=quantised)
    markers = tuple(_marker(made, bars, second, name) for second, name in sections)
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
    fitted = quantise(np.concatenate([_plain(track.notes) for track in tracks]))
    parts = [_played(track, score.tempo) for track in tracks]
    bars = _better(parts, fitted.cost, float(score.tempo.seconds(score.end_beats)))
    if bars is None:
        settled = tuple(_settled(track, quantise(_plain(track.notes)).notes) for track in tracks)
        written = Score(settled, score.tempo, score.meter, score.title, score.markers)
        moved = fitted.moved_beats * 60.0 / bpm
        return Transcription(written, found.key, found.confidence, 0.0, bpm, 1.0, 1.0, moved)
    made = _write(parts, bars, quantised=True)
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


@dataclass(frozen=True)
class _Part:
    """Notes in seconds (in the columns named for beats) of one instrument to be."""

    name: str
    program: int
    channel: int
    rows: Notes
    single: bool = False


@dataclass(frozen=True)
class _Bars:
    """Beats in seconds and which of them begin bars."""

    times: FloatArray
    first_downbeat: int  # index, may lie before the first beat
    meter_beats: int
    confidence: float

    @property
    def bpm(self) -> float:
        """Of most beats."""
        return 60.0 / float(np.median(np.diff(self.times))) if len(self.times) > 1 else 120.0


@dataclass(frozen=True)
class _Written:
    score: Score
    start_seconds: float
    first_beat: float  # of `_Bars` that is beat 0 of the score
    scale: float  # quarter notes of a beat
    moved_seconds: float


_NO_HITS = (np.zeros(0), np.zeros(0, np.int64), np.zeros(0))


def _hear(sound: Floats, lines: str, notes: HeardNotes | None) -> tuple[HeardNotes, bool]:
    """The notes, and whether they are one line."""
    if lines != "one":
        notes = find_notes(sound, RATE) if notes is None else notes
        if lines == "many" or not _is_line(notes):
            return notes, False
    elif notes is not None:
        return notes, True
    return line_notes(track_f0(sound, RATE), sound), True


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
        from .drums import find_drums
    except ImportError:
        return _NO_HITS
    hits = find_drums(sound, RATE)
    if len(hits) < _LEAST_HITS or float(hits.confidence.mean()) < _LEAST_SURE:
        return _NO_HITS
    return hits.times_seconds, hits.pitches, hits.velocities / 127.0


def _performed(heard: HeardNotes, single: bool) -> _Part:
    rows = np.zeros(len(heard), NOTE)
    rows["onset_beats"] = heard.onset_seconds
    rows["duration_beats"] = np.maximum(heard.offset_seconds - heard.onset_seconds, 0.02)
    rows["pitch"] = heard.pitch
    rows["velocity"] = np.clip(heard.velocity, _LEAST_VELOCITY, 1.0)
    return _Part("Melody" if single else "Piano", 0, 0, sort_notes(rows), single)


def _drums(hits: tuple[FloatArray, NDArray[np.int64], FloatArray]) -> _Part:
    rows = np.zeros(len(hits[0]), NOTE)
    rows["onset_beats"] = hits[0]
    rows["duration_beats"] = 0.1
    rows["pitch"] = hits[1]
    rows["velocity"] = np.clip(hits[2], _LEAST_VELOCITY, 1.0)
    return _Part("Drums", 0, DRUM_CHANNEL, sort_notes(rows))


def _played(track: Track, tempo: TempoMap) -> _Part:
    rows = _plain(track.notes)
    onsets = [tempo.seconds(beat) for beat in rows["onset_beats"].tolist()]
    ends = (rows["onset_beats"] + rows["duration_beats"]).tolist()
    rows["onset_beats"] = onsets
    rows["duration_beats"] = np.array([tempo.seconds(beat) for beat in ends]) - onsets
    return _Part(track.name, track.program, track.channel, rows)


def _plain(notes: Notes) -> Notes:
    """Notes as `NOTE`, whatever else they held."""
    rows = np.zeros(len(notes), NOTE)
    for name in NOTE.names or ():
        rows[name] = notes[name]
    return rows


def _bars(beats: Beats, parts: list[_Part], seconds: float) -> _Bars:
    """Bars of the beats that were heard, or guessed from the notes where these fit far better."""
    if len(beats) < 4 or float(beats.confidence.mean()) < _TRUSTED:
        return _guessed_bars(_onsets(parts), seconds)
    meter = max(beats.meter_beats, 1)
    confidence = float(beats.confidence.mean())
    found = _Bars(beats.times_seconds, _first_downbeat(beats, parts, meter), meter, confidence)
    return _better(parts, _cost(parts, found), seconds) or found


def _first_downbeat(beats: Beats, parts: list[_Part], meter: int) -> int:
    """Which of the first beats begins a bar.

    The less sure the beats are of their bars, the more it counts that music likes to begin with a
    bar and that long notes do.
    """
    votes = np.bincount(np.flatnonzero(beats.numbers == 1) % meter, minlength=meter)
    onsets = _onsets(parts)
    at = np.rint(beat_positions(onsets, beats.times_seconds)).astype(np.int64)
    first = np.bincount(at[:1] % meter, minlength=meter)
    till = np.minimum(np.diff(onsets, append=onsets[-1:]), 2.0)
    long = np.bincount(at % meter, weights=till, minlength=meter)
    by_chance = 1.0 / max(meter, 2)
    sure = float(np.clip((beats.meter_confidence - by_chance) / (1.0 - by_chance), 0.0, 1.0))
    shares = (part / max(float(part.sum()), 1e-9) for part in (votes, first, long))
    weights = (sure, 0.6 * (1.0 - sure), 0.4 * (1.0 - sure))
    return int(sum(weight * share for weight, share in zip(weights, shares, strict=True)).argmax())


def _better(parts: list[_Part], cost: float, seconds: float) -> _Bars | None:
    """Guessed bars if notes lie so much better on them that others, of this cost, are wrong."""
    if cost <= _SUSPECT:
        return None
    guessed = _guessed_bars(_onsets(parts), seconds)
    return guessed if _cost(parts, guessed) < _BETTER * cost else None


def _cost(parts: list[_Part], bars: _Bars) -> float:
    placed = [_in_beats(part.rows, bars, 8 * bars.meter_beats) for part in parts]
    return quantise(sort_notes(np.concatenate(placed))).cost


def _onsets(parts: list[_Part]) -> FloatArray:
    return np.sort(np.concatenate([part.rows["onset_beats"] for part in parts]))


def _guessed_bars(onsets: FloatArray, seconds: float) -> _Bars:
    times = steady_beats(onsets, seconds)
    if len(onsets) and times[0] < onsets.min() - 0.02:  # an upbeat
        return _Bars(times, 1, 4, 0.0)
    return _Bars(times, 0, 4, 0.0)


def _write(parts: list[_Part], bars: _Bars, *, quantised: bool) -> _Written:
    """Parts in seconds on bars."""
    ahead = 8 * bars.meter_beats  # beats, so that all notes have positive positions meanwhile
    placed = [_in_beats(part.rows, bars, ahead) for part in parts]
    together = quantise(sort_notes(np.concatenate(placed)))
    compound = quantised and together.in_thirds >= _THIRDS and (together.divisions > 1).sum() >= 4
    scale = 1.5 if compound else 1.0
    if quantised:
        placed = [quantise(rows).notes for rows in placed]
    earliest = min(float(rows["onset_beats"].min()) for rows in placed) - ahead
    length = bars.meter_beats
    early = 1e-6 if quantised else _EARLY  # played before the beat it belongs to
    bar = np.floor((earliest + early - bars.first_downbeat) / length)
    first = bars.first_downbeat + bar * length
    tracks = []
    for part, rows in zip(parts, placed, strict=True):
        rows["onset_beats"] = np.maximum((rows["onset_beats"] - ahead - first) * scale, 0.0)
        rows["duration_beats"] *= scale
        tracks += _tracks(part, rows, quantised=quantised)
    start = float(_times_at(np.array([first]), bars.times)[0])
    tempo = _tempo(bars, first, scale)
    meter = Meter(3 * length, 8) if compound else Meter(length, 4)
    moved = together.moved_beats * 60.0 / bars.bpm if quantised else 0.0
    return _Written(Score(tuple(tracks), tempo, meter), start, first, scale, moved)


def _in_beats(rows: Notes, bars: _Bars, ahead: int) -> Notes:
    found = rows.copy()
    onset = beat_positions(rows["onset_beats"], bars.times) + ahead
    end = beat_positions(rows["onset_beats"] + rows["duration_beats"], bars.times) + ahead
    found["onset_beats"] = np.maximum(onset, 0.0)
    found["duration_beats"] = np.maximum(end - onset, 0.01)
    return found


def _tracks(part: _Part, rows: Notes, *, quantised: bool) -> list[Track]:
    if not quantised or part.channel == DRUM_CHANNEL:
        return [Track(part.name, rows, part.program, part.channel)]
    return [_settled(Track(part.name, rows, part.program, part.channel), rows, part.single)]


def _settled(track: Track, rows: Notes, single: bool = False) -> Track:
    """The track with rows whose lengths are those of notation, hand by hand."""
    if track.channel == DRUM_CHANNEL:
        return replace(track, notes=rows)
    if single:
        return replace(track, notes=one_line(rows))
    hands = split_hands(rows) if needs_two_staves(rows) else (rows,)
    settled = np.concatenate([settle_lengths(hand) for hand in hands])
    return replace(track, notes=sort_notes(settled))


def _tempo(bars: _Bars, first: float, scale: float) -> TempoMap:
    """The tempo map of a score whose beat 0 is beat `first` of the bars."""
    if len(bars.times) < 2:
        return TempoMap(bars.bpm * scale)
    beats = np.arange(len(bars.times), dtype=np.float64)
    if first < 0:  # the score begins before the first beat that was heard
        lead = np.arange(first, 0.0)
        times = np.concatenate([_times_at(lead, bars.times), bars.times])
        beats = np.concatenate([lead, beats])
    else:
        times, beats = bars.times[int(first) :], beats[int(first) :]
    if len(beats) < 2:
        return TempoMap(bars.bpm * scale)
    return tempo_map(times, (beats - first) * scale)


def _times_at(positions: FloatArray, beat_times: FloatArray) -> FloatArray:
    """Seconds of positions among beats; beyond the ends the tempo goes on."""
    if len(beat_times) < 2:
        return np.zeros(len(positions))
    intervals = np.diff(beat_times)
    before, after = np.median(intervals[:4]), np.median(intervals[-4:])
    last = len(beat_times) - 1
    inside = np.interp(positions, np.arange(last + 1), beat_times)
    early = beat_times[0] + positions * before
    late = beat_times[-1] + (positions - last) * after
    return np.asarray(np.where(positions < 0, early, np.where(positions > last, late, inside)))


def _marker(made: _Written, bars: _Bars, second: float, name: str) -> Marker | None:
    """The marker of a section, at the nearest beat; none before the score begins."""
    beat = float(np.rint(beat_positions([second], bars.times)[0]) - made.first_beat) * made.scale
    return Marker(beat, name) if 0.0 <= beat <= MAX_BEATS else None
