"""Scores as engraved notation: MusicXML that music21, MuseScore and others open.

Notes must lie on a grid (see `quantise`). A track becomes a part with one staff, or two for a
keyboard that needs them; channel 9 becomes a percussion staff. Notes are tied over bar lines and
wherever a bar must show its beats; each voice is filled with rests, so that every bar is full.

Needs music21 (extra `ears`).
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...music.errors import SegueError
from ...music.files import write_whole
from ...music.midi import DRUM_CHANNEL
from ...music.score import Notes, Score, Track, sort_notes
from ...music.score_analysis import find_key
from ...music.tempo import Meter
from ...music.theory import Key
from .note_values import as_fraction, written_values
from .quantise import is_written
from .spelling import key_sharps, spelled
from .staves import Chord, clef_of, needs_two_staves, separate_voices, split_hands

_KEYBOARDS = range(24)  # General MIDI programs: pianos, mallets and organs
_TEMPO_STEP = 0.06  # change of tempo that is written
_NOBODY = "\u00a0"  # music21 writes its own name for a composer that is missing
_LONGEST_BARS = 5_000
_DRUM_PLACES = {  # MIDI drum: letter, octave, note head (as most drum notation has them)
    35: ("F", 4, "normal"),
    36: ("F", 4, "normal"),
    37: ("C", 5, "x"),
    38: ("C", 5, "normal"),
    39: ("C", 5, "x"),
    40: ("C", 5, "normal"),
    41: ("A", 4, "normal"),
    42: ("G", 5, "x"),
    43: ("A", 4, "normal"),
    44: ("D", 4, "x"),
    45: ("D", 5, "normal"),
    46: ("G", 5, "x"),
    47: ("D", 5, "normal"),
    48: ("E", 5, "normal"),
    49: ("A", 5, "x"),
    50: ("E", 5, "normal"),
    51: ("F", 5, "x"),
    57: ("A", 5, "x"),
    59: ("F", 5, "x"),
}
_FEET = (35, 36, 44)
_OTHER_DRUM = ("E", 5, "diamond")


def write_musicxml(score: Score, path: str | Path, key: Key | None = None) -> None:
    """Write a score as MusicXML; the file appears whole or not at all.

    Raises SegueError for notes that are not on a grid, and where there is nothing to write.

    :param key: of the signature and the spelling; None: the likeliest of the notes
    """
    engraved = to_music21(score, key)
    data = _music21().musicxml.m21ToXml.GeneralObjectExporter(engraved).parse()
    write_whole(path, data)


def to_music21(score: Score, key: Key | None = None) -> Any:
    """The score as a music21 Score; options and errors as for `write_musicxml`."""
    m21 = _music21()

    tracks = [track for track in score.tracks if len(track.notes)]
    _check(score, tracks)
    key = key or find_key(_pitched(tracks))
    bars = max(int(np.ceil(score.end_beats / score.meter.bar_beats - 1e-9)), 1)
    sheet = m21.stream.Score()
    sheet.metadata = m21.metadata.Metadata(title=score.title or "Untitled", composer=_NOBODY)
    for track in tracks:
        staves = _staves(track)
        parts = [
            _part(track, notes, clef, bars, score.meter, key, of_two=len(staves) > 1)
            for notes, clef in staves
        ]
        for part in parts:
            sheet.insert(0, part)
        if len(parts) > 1:
            sheet.insert(0, m21.layout.StaffGroup(parts, name=track.name, symbol="brace"))
    _mark(sheet.parts[0], score)
    return sheet


def _check(score: Score, tracks: list[Track]) -> None:
    if not tracks:
        raise SegueError("a score without notes cannot be engraved; give one that has some")
    for track in tracks:
        if not is_written(_as_written(track)):
            raise SegueError(
                f"notes of track {track.name!r} do not lie on a grid of a twelfth or an eighth of "
                "a beat; quantise them first"
            )
    if score.end_beats / score.meter.bar_beats > _LONGEST_BARS:
        raise SegueError(
            f"a score of {score.end_beats:.0f} beats is too long to be engraved; cut it to "
            f"{_LONGEST_BARS} bars"
        )


def _pitched(tracks: Iterable[Track]) -> Notes:
    notes = [track.notes for track in tracks if track.channel != DRUM_CHANNEL]
    return np.concatenate(notes) if notes else np.zeros(0, next(iter(tracks)).notes.dtype)


def _staves(track: Track) -> list[tuple[Notes, str]]:
    if track.channel == DRUM_CHANNEL:
        return [(_as_written(track), "percussion")]
    if track.program in _KEYBOARDS and needs_two_staves(track.notes):
        right, left = split_hands(track.notes)
        return [(right, "treble"), (left, "bass")]
    return [(track.notes, clef_of(track.notes))]


def _part(
    track: Track, notes: Notes, clef: str, bars: int, meter: Meter, key: Key, *, of_two: bool
) -> Any:
    m21 = _music21()

    part = m21.stream.PartStaff() if of_two else m21.stream.Part()
    drums = clef == "percussion"
    player = (
        m21.instrument.UnpitchedPercussion()
        if drums
        else m21.instrument.instrumentFromMidiProgram(track.program)
    )
    player.partName = track.name
    player.partAbbreviation = track.name if len(track.name) < 6 else f"{track.name[:4]}."
    part.partName = track.name
    part.insert(0, player)
    kinds = {
        "treble": m21.clef.TrebleClef,
        "bass": m21.clef.BassClef,
        "percussion": m21.clef.PercussionClef,
    }
    written = _hands_and_feet(notes) if drums else separate_voices(notes)
    voices = [_by_bar(voice, bars, meter) for voice in written]
    length = as_fraction(meter.bar_beats)
    for index in range(bars):
        measure = m21.stream.Measure(number=index + 1)
        if index == 0:
            measure.insert(0, kinds[clef]())
            measure.insert(0, m21.key.KeySignature(0 if drums else key_sharps(key)))
            measure.insert(0, m21.meter.TimeSignature(str(meter)))
        _fill(measure, [voice[index] for voice in voices], length, meter, key, drums=drums)
        part.append(measure)
    if not drums:
        part.makeAccidentals(inPlace=True, cautionaryNotImmediateRepeat=False)
    part.makeBeams(inPlace=True)
    return part


Piece = tuple[Fraction, Fraction, Chord]  # of a chord within a bar: start, end


def _by_bar(voice: Sequence[Chord], bars: int, meter: Meter) -> list[list[Piece]]:
    """The pieces of a voice's chords in each bar."""
    length = as_fraction(meter.bar_beats)
    found: list[list[Piece]] = [[] for _ in range(bars)]
    for chord in voice:
        at = chord.onset
        while at < chord.end:
            bar = int(at // length)
            stop = min(chord.end, (bar + 1) * length)
            found[bar].append((at - bar * length, stop - bar * length, chord))
            at = stop
    return found


def _fill(
    measure: Any,
    voices: list[list[Piece]],
    length: Fraction,
    meter: Meter,
    key: Key,
    *,
    drums: bool,
) -> None:
    """Put the voices of a bar into it; without any, a rest of the whole bar."""
    m21 = _music21()

    sounding = [voice for voice in voices if voice]
    if not sounding:
        rest = m21.note.Rest(quarterLength=length)
        rest.fullMeasure = True
        measure.insert(0, rest)
        return
    for number, pieces in enumerate(sounding):
        target = measure if len(sounding) == 1 else m21.stream.Voice(id=str(number + 1))
        for start, element in _elements(pieces, measure.number, length, meter, key, drums=drums):
            if number and isinstance(element, m21.note.Rest):
                element.style.hideObjectOnPrint = True
            target.insert(start, element)
        m21.stream.makeNotation.makeTupletBrackets(target, inPlace=True)
        if target is not measure:
            measure.insert(0, target)


def _elements(
    pieces: list[Piece], number: int, length: Fraction, meter: Meter, key: Key, *, drums: bool
) -> Iterable[tuple[Fraction, Any]]:
    """Notes, chords and the rests between them, with where in the bar each begins."""
    m21 = _music21()

    bar_start = (number - 1) * length
    at = Fraction(0)
    for start, end, chord in [*pieces, (length, length, None)]:
        if start > at:
            for begin, value in written_values(at, start, meter, rest=True):
                yield begin, m21.note.Rest(quarterLength=value)
        if chord is None:
            return
        for begin, value in written_values(start, end, meter):
            first = bar_start + begin == chord.onset
            last = bar_start + begin + value == chord.end
            yield begin, _sounding(chord, value, key, first=first, last=last, drums=drums)
        at = end


def _sounding(
    chord: Chord, value: Fraction, key: Key, *, first: bool, last: bool, drums: bool
) -> Any:
    m21 = _music21()

    made = [_drum(pitch) if drums else _note(pitch, key) for pitch in chord.pitches]
    tied = None if first and last else "start" if first else "stop" if last else "continue"
    for one in made:
        if tied:
            one.tie = m21.tie.Tie(tied)
    if len(made) == 1:
        sound = made[0]
    elif drums:
        sound = m21.percussion.PercussionChord(made)
    else:
        sound = m21.chord.Chord(made)
    sound.quarterLength = value
    return sound


def _note(midi: int, key: Key) -> Any:
    m21 = _music21()

    letter, alter, octave = spelled(midi, key)
    sign = "#" * alter if alter > 0 else "-" * -alter
    return m21.note.Note(m21.pitch.Pitch(f"{letter}{sign}{octave}"))


def _drum(midi: int) -> Any:
    m21 = _music21()

    letter, octave, head = _DRUM_PLACES.get(midi, _OTHER_DRUM)
    made = m21.note.Unpitched(displayName=f"{letter}{octave}")
    made.notehead = head
    return made


def _as_written(track: Track) -> Notes:
    """The notes; of drums, strokes of hands and feet, each up to the next or its beat's end."""
    if track.channel != DRUM_CHANNEL:
        return track.notes
    written = sort_notes(track.notes)
    for foot in (False, True):
        here = np.flatnonzero(np.isin(written["pitch"], _FEET) == foot)
        onsets = written["onset_beats"][here]
        moments = np.append(np.unique(onsets), np.inf)
        following = moments[np.searchsorted(moments, onsets) + 1]
        till = np.minimum(following, np.floor(onsets + 1e-6) + 1.0)
        written["duration_beats"][here] = till - onsets
    return written


def _hands_and_feet(notes: Notes) -> list[list[Chord]]:
    feet = np.isin(notes["pitch"], _FEET)
    return [voice for part in (notes[~feet], notes[feet]) for voice in separate_voices(part)]


def _mark(part: Any, score: Score) -> None:
    """Write tempo and markers over the first part."""
    m21 = _music21()

    measures = list(part.getElementsByClass("Measure"))
    bar_beats = score.meter.bar_beats

    def put(beat: float, mark: Any) -> None:
        bar = min(int(beat // bar_beats), len(measures) - 1)
        mark.placement = "above"
        measures[bar].insert(max(beat - bar * bar_beats, 0.0), mark)

    told = 0.0
    for beat, bpm in score.tempo.steps:
        if abs(bpm - told) > _TEMPO_STEP * told and beat < max(score.end_beats, 1e-6):
            put(float(as_fraction(beat)), m21.tempo.MetronomeMark(number=round(bpm)))
            told = bpm
    for marker in score.markers:
        if marker.beat < score.end_beats:
            put(float(as_fraction(marker.beat)), m21.expressions.RehearsalMark(marker.text))


def _music21() -> Any:
    import music21
    import music21.musicxml.m21ToXml

    return music21
