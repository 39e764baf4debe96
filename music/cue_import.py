"""Makes a playable cue folder from any MIDI file.

Key, chords and melody are found by `score_analysis.py`. The melody keeps its notes, the rest is
arranged anew from the chords. Sections are stretches of eight bars, equal ones once.
"""

from pathlib import Path

import numpy as np

from .cue import ANY, Binding, Cue, Layer, Parameter, Section, Transition
from .cue_check import REGISTER_SEMITONES
from .cue_defaults import BINDINGS, PARAMETERS, STINGERS, section_name
from .cue_file import load_cue, write_cue
from .errors import FileFormatError, SegueError
from .midi import DRUM_CHANNEL, read_midi
from .score import NOTE, ONSET_TOLERANCE_BEATS, Notes, Score, Track, sort_notes
from .score_analysis import find_chords, find_key, find_melody, skyline
from .tempo import Meter
from .theory import MODES, Chord, Key

SECTION_BARS = 8
MELODY = "melody"
MAX_BARS = 128
"""Longer files are cut there, so that an evening of music still loads at once."""

MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi")

BAR_BEATS = (1.5, 8.0)
"""Lengths of bars that are kept."""

_SAME_SHARE = 0.95  # of the notes, for two stretches of bars to be one section
_LEAD_INSTRUMENTS = (  # engine instrument by General MIDI family of eight programs
    *("piano", "bells", "strings", "pluck", "bass", "strings", "pad", "brass"),
    *("flute", "flute", "pluck", "pad", "bells", "pluck", "bells", "pad"),
)


def is_midi(path: str | Path) -> bool:
    """Whether a file is MIDI by its contents, or says so by its name."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(12)
    except OSError:
        head = b""
    by_name = Path(path).suffix.lower() in MIDI_SUFFIXES
    return head[:4] == b"MThd" or head[8:] == b"RMID" or by_name


def import_midi(path: str | Path, folder: str | Path, name: str | None = None) -> Cue:
    """Write a cue folder from a MIDI file and return its cue.

    `folder` is the folder of the cue itself; `name` its title, by default the file's own. Raises
    FileFormatError for a file without pitched notes, SegueError if files cannot be read or written
    or the folder holds a cue already.
    """
    if (Path(folder) / "cue.toml").exists():
        raise SegueError(f"{folder} already holds a cue; name a new folder or remove that one")
    score = read_midi(path)
    pitched = [t for t in score.tracks if t.channel != DRUM_CHANNEL and len(t.notes)]
    if not pitched:
        what = "only drums" if any(len(track.notes) for track in score.tracks) else "no notes"
        raise FileFormatError(f"{path} holds {what}; give a file with a melody")
    score = _trimmed(score, pitched)
    notes = np.concatenate([track.notes for track in score.tracks])
    key = find_key(notes)
    lead = find_melody(score.tracks)
    melody = skyline(lead.notes)
    last_beats = float(melody["onset_beats"][-1] + melody["duration_beats"][-1])
    bars = max(int(np.ceil(round(last_beats / score.meter.bar_beats, 6))), 1)
    chords = find_chords(notes, bars, score.meter, key)
    title = name or score.title or Path(path).stem
    write_cue(_cue(title, score, key, lead, melody, chords), folder)
    return load_cue(Path(folder))


def _trimmed(score: Score, pitched: list[Track]) -> Score:
    """The pitched tracks alone, without leading whole bars of silence, cut at MAX_BARS.

    A meter of very short or long bars, mostly that of an upbeat, becomes 4/4.
    """
    usual = BAR_BEATS[0] <= score.meter.bar_beats <= BAR_BEATS[1]
    meter = score.meter if usual else Meter()
    bar = meter.bar_beats
    first = min(float(t.notes["onset_beats"].min()) for t in pitched)
    start = np.floor(first / bar + 1e-6) * bar
    tracks = []
    for track in pitched:
        notes = track.notes.copy()
        notes["onset_beats"] = np.maximum(notes["onset_beats"] - start, 0.0)
        notes = notes[notes["onset_beats"] < MAX_BARS * bar]
        room = MAX_BARS * bar - notes["onset_beats"]
        notes["duration_beats"] = np.minimum(notes["duration_beats"], room)
        tracks.append(Track(track.name, notes, track.program, track.channel))
    return Score(tuple(tracks), score.tempo, meter, score.title)


def _cue(
    title: str,
    score: Score,
    key: Key,
    lead: Track,
    melody: Notes,
    chords: tuple[tuple[Chord, ...], ...],
) -> Cue:
    slow, fast = _tempo_range(score)
    own = list(MODES).index(key.mode)
    modes = tuple(MODES)[max(own - 1, 0) : own + 2]
    sections = _sections(melody, chords, score.meter)
    melody = _inside_range(melody)
    return Cue(
        name="",
        title=title,
        key=key,
        meter=score.meter,
        tempo_bpm=(slow, fast),
        modes=modes,
        layers=_layers(lead),
        sections=sections,
        transitions=(
            *(
                Transition(here.name, there.name, at="section", fill=False, weight=1.0)
                for here, there in zip(sections, (*sections[1:], sections[0]), strict=True)
                if here is not there
            ),
            Transition(ANY, ANY, at="phrase"),
        ),
        stingers=STINGERS,
        parameters=(*PARAMETERS, Parameter("intensity", default=0.5)),
        bindings=(
            *BINDINGS,
            Binding("intensity", "mood.arousal", ((0.0, -0.5), (0.5, 0.0), (1.0, 0.5))),
        ),
        origin="imported from a MIDI file; its author and licence are not known here",
        tracks={MELODY: melody},
    )


def _tempo_range(score: Score) -> tuple[float, float]:
    """A quarter below and above the tempo that the score keeps longest, in 20..400 bpm."""
    steps = [*score.tempo.steps, (max(score.end_beats, score.tempo.steps[-1][0]), 0.0)]
    spans = [(steps[i + 1][0] - beat, bpm) for i, (beat, bpm) in enumerate(steps[:-1])]
    bpm = min(max(max(spans)[1], 40.0), 240.0)
    return float(round(bpm * 0.75)), float(round(bpm * 1.25))


def _layers(lead: Track) -> tuple[Layer, ...]:
    instrument = _LEAD_INSTRUMENTS[lead.program // 8]
    if instrument == "bass":
        instrument = "pluck"  # the arranged bass plays below it
    return (
        Layer(MELODY, "melody", instrument, track=MELODY, pan=0.1),
        Layer("harmony", "harmony", "pad" if instrument == "strings" else "strings", gain_db=-3),
        Layer("arpeggio", "arpeggio", "bells" if instrument == "pluck" else "pluck", gain_db=-4),
        Layer("bass", "bass", "bass", reverb=0.05),
        Layer("drums", "drums", "drums", gain_db=-2, reverb=0.1),
    )


def _sections(
    melody: Notes, chords: tuple[tuple[Chord, ...], ...], meter: Meter
) -> tuple[Section, ...]:
    """Stretches of eight bars; one that repeats an earlier one is left to that one's repeats."""
    kept: list[Section] = []
    sketches: list[set[tuple[float, int]]] = []
    for start in range(0, len(chords), SECTION_BARS):
        bars = chords[start : start + SECTION_BARS]
        sketch = _sketch(melody, start * meter.bar_beats, len(bars) * meter.bar_beats)
        if any(
            _same(sketch, other) and section.bars == len(bars)
            for other, section in zip(sketches, kept, strict=True)
        ):
            continue
        sketches.append(sketch)
        name = section_name(len(kept))
        kept.append(Section(name, len(bars), start, bars, _groove(meter)))
    return tuple(kept)


def _sketch(notes: Notes, start_beats: float, beats: float) -> set[tuple[float, int]]:
    """Onsets on a grid of sixteenths, and pitches, of a stretch of the melody."""
    onsets = notes["onset_beats"] - start_beats
    inside = (onsets > -ONSET_TOLERANCE_BEATS) & (onsets < beats - ONSET_TOLERANCE_BEATS)
    grid = np.round(onsets[inside] * 4) / 4
    return set(zip(grid.tolist(), notes["pitch"][inside].tolist(), strict=True))


def _same(one: set[tuple[float, int]], other: set[tuple[float, int]]) -> bool:
    if not one or not other:
        return False
    return len(one & other) >= _SAME_SHARE * max(len(one), len(other))


def _groove(meter: Meter) -> str:
    if meter.denominator >= 8 and meter.numerator % 3 == 0:
        return "jig"
    return "waltz" if meter.numerator % 3 == 0 else "rock"


def _inside_range(notes: Notes) -> Notes:
    """The notes moved by whole octaves into the safe range, if possible all together."""
    low, high = REGISTER_SEMITONES, 127 - REGISTER_SEMITONES
    moved = notes.astype(NOTE, copy=True)
    pitches = moved["pitch"].astype(int)
    pitches -= 12 * int(
        np.round((np.median(pitches) - 72) / 12)
    )  # its centre to C5, as cues have it
    while (out := pitches > high).any():
        pitches[out] -= 12
    while (out := pitches < low).any():
        pitches[out] += 12
    moved["pitch"] = pitches
    return sort_notes(moved)
