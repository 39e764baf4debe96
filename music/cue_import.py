"""Makes a playable cue folder from any MIDI file.

Key by the profiles of Krumhansl and Kessler (Psychological Review 89, 1982) on pitch classes
weighted by duration; chords by the overlap of sounding pitch classes with triads and sevenths, half
bar by half bar; sections of eight bars, equal ones once. The melody keeps its notes, the rest is
arranged anew from the chords.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .cue import ANY, Binding, Cue, Layer, Parameter, Section, Transition
from .cue_check import REGISTER_SEMITONES
from .cue_defaults import BINDINGS, PARAMETERS, STINGERS
from .cue_file import load_cue, write_cue
from .errors import FileFormatError, SegueError
from .midi import DRUM_CHANNEL, read_midi
from .score import NOTE, Notes, Score, Track, make_notes, sort_notes
from .tempo import Meter
from .theory import MODES, Chord, Key

SECTION_BARS = 8
MELODY = "melody"
MAX_BARS = 128
"""Longer files are cut there, so that an evening of music still loads at once."""

BAR_BEATS = (1.5, 8.0)
"""Lengths of bars that are kept."""

MAJOR_PROFILE = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
MINOR_PROFILE = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
"""Ratings of how well each pitch class fits a key, from the tonic up (Krumhansl and Kessler)."""

_RARITY = {  # what speaks against a quality when the fit is equal
    "7": 0.05,
    "m7": 0.07,
    "maj7": 0.08,
    "dim": 0.06,
    "m7b5": 0.09,
    "dim7": 0.1,
    "aug": 0.12,
    "sus4": 0.13,
}
_CHANGE_GAIN = 0.1  # how much better two chords must fit a bar than one
_SAME_SHARE = 0.95  # of the notes, for two stretches of bars to be one section
_LEAD_INSTRUMENTS = (  # engine instrument by General MIDI family of eight programs
    *("piano", "bells", "strings", "pluck", "bass", "strings", "pad", "brass"),
    *("flute", "flute", "pluck", "pad", "bells", "pluck", "bells", "pad"),
)

FloatArray = NDArray[np.float64]


def import_midi(path: str | Path, folder: str | Path, name: str | None = None) -> Cue:
    """Write a cue folder from a MIDI file and return its cue.

    `folder` is the folder of the cue itself; `name` its title, by default the file's own. Raises
    FileFormatError for a file without pitched notes, SegueError if files
    cannot be read or written or the folder holds a cue already.
    """
    if (Path(folder) / "cue.toml").exists():
        raise SegueError(f"{folder} already holds a cue; name a new folder or remove that one")
    score = read_midi(path)
    pitched = [track for track in score.tracks if track.channel != DRUM_CHANNEL]
    if not any(len(track.notes) for track in pitched):
        what = "only drums" if any(len(track.notes) for track in score.tracks) else "no notes"
        raise FileFormatError(f"{path} holds {what}; give a file with a melody")
    score = _trimmed(score)
    pitched = [track for track in score.tracks if track.channel != DRUM_CHANNEL]
    notes = np.concatenate([track.notes for track in pitched])
    key = find_key(notes)
    lead = find_melody(pitched)
    melody = skyline(lead.notes)
    last_beats = float(melody["onset_beats"][-1] + melody["duration_beats"][-1])
    bars = max(int(np.ceil(round(last_beats / score.meter.bar_beats, 6))), 1)
    chords = find_chords(notes, bars, score.meter, key)
    title = name or score.title or Path(path).stem
    write_cue(_cue(title, score, key, lead, melody, chords), folder)
    return load_cue(Path(folder))


def find_key(notes: Notes) -> Key:
    """The major or minor key whose profile correlates best with the notes, weighted by duration."""
    durations = np.minimum(notes["duration_beats"], 4.0)
    weights = np.bincount(notes["pitch"] % 12, weights=durations, minlength=12)
    if weights.std() == 0:
        return Key()
    fits = {
        Key(tonic, mode): float(np.corrcoef(np.roll(profile, tonic), weights)[0, 1])
        for mode, profile in (("ionian", MAJOR_PROFILE), ("aeolian", MINOR_PROFILE))
        for tonic in range(12)
    }
    return max(fits, key=fits.__getitem__)


def find_melody(tracks: list[Track]) -> Track:
    """The track most like a melody: high, one note at a time, sounding for much of the piece."""
    end = max(track.end_beats for track in tracks)

    def likeness(track: Track) -> float:
        if not len(track.notes):
            return -np.inf
        line = skyline(track.notes)
        single = len(line) / len(track.notes)
        sounding = float(line["duration_beats"].sum()) / end
        variety = len(np.unique(line["pitch"]))
        named = any(word in track.name.lower() for word in ("melod", "lead", "vocal", "solo"))
        height = float(np.mean(line["pitch"])) / 127
        return 2 * height + single + min(sounding, 1.0) + 0.1 * min(variety, 8) + 1.0 * named

    return max(tracks, key=likeness)


def skyline(notes: Notes) -> Notes:
    """The highest note at each onset, each cut where the next begins; notes under it are dropped.

    Source: Uitdenbogerd and Zobel, "Melodic matching techniques for large music databases", ACM
    Multimedia 1999 (their algorithm all-mono).
    """
    line: list[tuple[float, float, int, float]] = []
    order = np.lexsort((-notes["pitch"].astype(int), notes["onset_beats"]))
    for onset, duration, pitch, velocity in notes[order].tolist():
        if line:
            last, length, top, loud = line[-1]
            if onset < last + length - 1e-6 and (onset - last < 1e-6 or top > pitch + 7):
                continue  # under a note of this onset, or an accompaniment far below a held one
            line[-1] = (last, min(length, onset - last), top, loud)
        line.append((onset, duration, pitch, velocity))
    return make_notes(line)


def find_chords(notes: Notes, bars: int, meter: Meter, key: Key) -> tuple[tuple[Chord, ...], ...]:
    """One or two chords for each bar, from all that sounds in it; a silent bar keeps the last."""
    halves = _class_weights(notes, 2 * bars, meter.bar_beats / 2)
    chord = Chord(key.tonic, "m" if key.mode == "aeolian" else "")
    chords: list[tuple[Chord, ...]] = []
    for bar in range(bars):
        first, second = halves[2 * bar], halves[2 * bar + 1]
        whole, fit = _match(first + second, chord, key)
        if not (first + second).any():
            chords.append((chord,))
            continue
        one, fit_one = _match(first, whole, key)
        two, fit_two = _match(second, whole, key)
        split = one != two and (fit_one + fit_two) / 2 > fit + _CHANGE_GAIN
        split = split and meter.numerator % 3 != 0 and first.any() and second.any()
        chords.append((one, two) if split else (whole,))
        chord = chords[-1][-1]
    return tuple(chords)


def _class_weights(notes: Notes, spans: int, span_beats: float) -> FloatArray:
    """Beats that each pitch class sounds in each span [shape=(spans, 12)]; low notes count more."""
    weights = np.zeros((spans, 12))
    for onset, duration, pitch, _ in notes.tolist():
        end = onset + duration
        gain = 1.5 if pitch < 52 else 1.0
        for span in range(int(onset / span_beats), min(int(np.ceil(end / span_beats)), spans)):
            inside = min(end, (span + 1) * span_beats) - max(onset, span * span_beats)
            weights[span, pitch % 12] += gain * max(inside, 0.0)
    return weights


@dataclass(frozen=True)
class _Templates:
    """Unit vectors of all chords [shape=(chords, 12)] and what speaks against each."""

    chords: tuple[Chord, ...]
    vectors: FloatArray
    costs: FloatArray


def _templates() -> _Templates:
    chords = tuple(Chord(root, quality) for quality in ("", "m", *_RARITY) for root in range(12))
    vectors = np.zeros((len(chords), 12))
    for row, chord in enumerate(chords):
        vectors[row, list(chord.pitch_classes)] = 1.0
        vectors[row, chord.root] = 1.3
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    costs = np.array([_RARITY.get(chord.quality, 0.0) for chord in chords])
    return _Templates(chords, vectors, costs)


_TEMPLATES = _templates()


def _match(weights: FloatArray, before: Chord, key: Key) -> tuple[Chord, float]:
    """The best chord and its fit, 0..1; chords of the key and the last one are preferred."""
    norm = float(np.linalg.norm(weights))
    if norm == 0:
        return before, 0.0
    fits = _TEMPLATES.vectors @ weights / norm
    scale = set(key.scale)
    liking = np.array(
        [
            0.03 * (set(chord.pitch_classes) <= scale) + 0.02 * (chord == before)
            for chord in _TEMPLATES.chords
        ]
    )
    best = int(np.argmax(fits - _TEMPLATES.costs + liking))
    return _TEMPLATES.chords[best], float(fits[best])


def _trimmed(score: Score) -> Score:
    """The score without leading whole bars of silence, cut at MAX_BARS.

    A meter of very short or long bars, mostly that of an upbeat, becomes 4/4.
    """
    usual = BAR_BEATS[0] <= score.meter.bar_beats <= BAR_BEATS[1]
    meter = score.meter if usual else Meter()
    bar = meter.bar_beats
    first = min(float(t.notes["onset_beats"].min()) for t in score.tracks if len(t.notes))
    start = np.floor(first / bar + 1e-6) * bar
    tracks = []
    for track in score.tracks:
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
        name = _section_name(len(kept))
        kept.append(Section(name, len(bars), start, bars, _groove(meter)))
    return tuple(kept)


def _section_name(index: int) -> str:
    turn, letter = divmod(index, 26)
    return f"{chr(ord('a') + letter)}{turn or ''}"


def _sketch(notes: Notes, start_beats: float, beats: float) -> set[tuple[float, int]]:
    """Onsets on a grid of sixteenths, and pitches, of a stretch of the melody."""
    onsets = notes["onset_beats"] - start_beats
    inside = (onsets > -1e-6) & (onsets < beats - 1e-6)
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
