"""What is rendered for the training corpus: parts in seconds and all that is known of them."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Note = tuple[float, float, int, int]
"""Onset and end in seconds, MIDI pitch, velocity 1 to 127."""

Hit = tuple[float, int, int]
"""Seconds, General MIDI drum, velocity."""

NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")

QUALITIES: dict[str, tuple[int, ...]] = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "minmaj7": (0, 3, 7, 11),
    "dim7": (0, 3, 6, 9),
    "hdim7": (0, 3, 6, 10),
    "maj6": (0, 4, 7, 9),
    "min6": (0, 3, 7, 9),
    "9": (0, 4, 7, 10, 14),
    "maj9": (0, 4, 7, 11, 14),
    "min9": (0, 3, 7, 10, 14),
    "11": (0, 7, 10, 14, 17),
    "min11": (0, 3, 7, 10, 17),
    "13": (0, 4, 10, 14, 21),
    "maj(9)": (0, 4, 7, 14),
    "sus4(b7)": (0, 5, 7, 10),
    "5": (0, 7),
}
"""Chord qualities in Harte's syntax and their semitones above the root."""

_IN_SLICES = ("maj", "min", "dim", "aug", "7", "maj7", "min7", "hdim7", "dim7", "sus4")
_DEGREES = ("1", "b2", "2", "b3", "3", "4", "b5", "5", "#5", "6", "b7", "7")


@dataclass
class Voice:
    """One pitched part.

    :param role: what it does, as `corpus_programs` knows it: melody, bass, comp, pad, strings...
    :param bends: (seconds, semitones) of the pitch wheel, for a voice that glides
    """

    role: str
    notes: list[Note]
    program: int = 0
    bends: list[tuple[float, float]] = field(default_factory=list)


@dataclass
class Piece:
    """A clip before it is rendered; times in seconds from its start. Empty lists mean unknown.

    :param chords: (start, end, label in Harte's syntax)
    """

    ident: str
    source: str
    family: str
    seconds: float
    voices: list[Voice]
    drums: list[Hit] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)
    downbeats: list[float] = field(default_factory=list)
    half_bars: list[float] = field(default_factory=list)
    meter: int | None = None
    chords: list[tuple[float, float, str]] = field(default_factory=list)
    key: str | None = None
    sung: bool = False  # one voice whose pitch is labelled

    @property
    def tempo(self) -> float | None:
        """Median tempo in beats a minute, None where the beats are unknown."""
        if len(self.beats) < 4:
            return None
        return round(60.0 / float(np.median(np.diff(self.beats))), 2)


class Warp:
    """From beats to seconds along a curve of tempo.

    :param depth: standard deviation of the slow swing of the tempo, as a share
    :param drift: how much faster the end is than the start, as a share
    """

    def __init__(
        self, rng: random.Random, bpm: float, depth: float, length_beats: float, drift: float = 0.0
    ) -> None:
        at = np.arange(int(length_beats * 8) + 9) / 8.0
        wave = np.zeros(len(at))
        for _ in range(4):
            period = rng.uniform(6.0, 64.0)
            wave += np.sin(2 * np.pi * (at / period + rng.random())) / np.sqrt(2.0)
        tempo = bpm * np.exp(depth * wave + drift * (at / max(at[-1], 1.0) - 0.5))
        step = 7.5 / tempo
        self._beats = at
        self._seconds = np.concatenate([[0.0], np.cumsum((step[1:] + step[:-1]) / 2)])

    def __call__(self, beat: float) -> float:
        """Seconds of a beat."""
        return float(np.interp(beat, self._beats, self._seconds))

    def beat_at(self, seconds: float) -> float:
        """Beat of a time in seconds."""
        return float(np.interp(seconds, self._seconds, self._beats))


def chord_name(pitches: Sequence[int]) -> str:
    """Label of what sounds together, with its bass; "X" where it is not a plain chord."""
    classes = sorted({pitch % 12 for pitch in pitches})
    if not classes:
        return "N"
    bass = min(pitches) % 12
    found = []
    for root in classes:
        above = tuple(sorted((pitch - root) % 12 for pitch in classes))
        for quality in _IN_SLICES:
            if above == QUALITIES[quality]:
                found.append((root != bass, root, quality))
        if above in ((0, 4), (0, 3)):
            found.append((root != bass, root, "maj" if above == (0, 4) else "min"))
    if not found:
        return "X"
    _, root, quality = min(found)
    return label(root, quality, bass)


def label(root: int, quality: str, bass: int) -> str:
    """A chord in Harte's syntax from pitch classes."""
    slash = "" if root == bass else f"/{_DEGREES[(bass - root) % 12]}"
    return f"{NAMES[root]}:{quality}{slash}"


def slices(notes: Sequence[tuple[float, float, int]]) -> list[tuple[float, float, str]]:
    """Chords of all vertical slices of written notes, equal ones joined; "X" where unclear."""
    marks: list[tuple[float, bool, int]] = []
    for onset, end, pitch in notes:
        marks += [(round(onset, 3), True, pitch), (round(end, 3), False, pitch)]
    marks.sort()
    sounding: dict[int, int] = {}
    found: list[tuple[float, float, str]] = []
    last = marks[0][0] if marks else 0.0
    for at, begins, pitch in marks:
        if at > last + 1e-6:
            pitches = [p for p, count in sounding.items() if count > 0]
            name = chord_name(pitches)
            if len({p % 12 for p in pitches}) == 1:
                name = "X"
            if found and found[-1][2] == name:
                found[-1] = (found[-1][0], at, name)
            else:
                found.append((last, at, name))
            last = at
        sounding[pitch] = sounding.get(pitch, 0) + (1 if begins else -1)
    return found


def transposed_label(name: str, semitones: int) -> str:
    """A chord or a key ("Eb:min7", "C# major") moved up; sharps become flats."""
    separator = ":" if ":" in name else " "
    root, found, rest = name.partition(separator)
    if not found or root in ("N", "X"):
        return name
    pitch = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[root[0]]
    pitch += root.count("#") - root.count("b")
    return f"{NAMES[(pitch + semitones) % 12]}{separator}{rest}"


def cut(piece: Piece, start: float, seconds: float) -> Piece:
    """A clip of a piece; notes that began before the start are left out."""
    keep: Callable[[float], bool] = lambda at: 0.0 <= at - start < seconds  # noqa: E731
    voices = []
    for voice in piece.voices:
        notes = [
            (a - start, min(b - start, seconds), p, v)
            for a, b, p, v in voice.notes
            if keep(a) and a - start < seconds - 0.1
        ]
        bends = [(at - start, value) for at, value in voice.bends if keep(at)]
        if notes:
            voices.append(replace(voice, notes=notes, bends=bends))
    chords = [
        (max(0.0, a - start), min(b - start, seconds), name)
        for a, b, name in piece.chords
        if b - start > 0.01 and a - start < seconds - 0.01
    ]
    return replace(
        piece,
        seconds=seconds,
        voices=voices,
        drums=[(at - start, pitch, velocity) for at, pitch, velocity in piece.drums if keep(at)],
        beats=[at - start for at in piece.beats if keep(at)],
        downbeats=[at - start for at in piece.downbeats if keep(at)],
        half_bars=[at - start for at in piece.half_bars if keep(at)],
        chords=chords,
    )


def separated(notes: Sequence[Note]) -> list[Note]:
    """Notes whose pitch is struck again only after its end, without those too short to be heard."""
    found: list[Note] = []
    last: dict[int, int] = {}
    for onset, end, pitch, velocity in sorted(notes):
        before = last.get(pitch)
        if before is not None:
            a, b, p, v = found[before]
            if onset - a < 0.03:
                continue
            if b > onset - 0.006:
                found[before] = (a, max(a + 0.02, onset - 0.006), p, v)
        last[pitch] = len(found)
        found.append((max(0.0, onset), end, pitch, min(127, max(1, velocity))))
    return [note for note in found if note[1] - note[0] >= 0.03 and 0 <= note[2] <= 127]


def perform(
    rng: random.Random,
    written: Sequence[tuple[float, float, int]],
    warp: Warp,
    *,
    jitter_seconds: float,
    legato: float,
    loudness: float = 80.0,
) -> list[Note]:
    """Written notes (in beats) as somebody plays them: late or early, bound or not, soft or not."""
    lag = rng.gauss(0.0, jitter_seconds / 2)
    phrase, phase = rng.uniform(6.0, 24.0), rng.random() * 6.28
    depth, accent = rng.uniform(2.0, 14.0), rng.uniform(0.0, 12.0)
    played = []
    for onset, end, pitch in written:
        share = min(1.0, max(0.3, legato + rng.gauss(0.0, 0.05)))
        begin = warp(onset) + lag + rng.gauss(0.0, jitter_seconds)
        close = warp(onset + (end - onset) * share) + lag
        swell = depth * float(np.sin(2 * np.pi * onset / phrase + phase))
        beat = accent if abs(onset - round(onset)) < 0.01 else 0.0
        velocity = round(loudness + swell + beat + rng.gauss(0.0, 5.0))
        played.append((begin, max(close, begin + 0.04), pitch, min(127, max(12, velocity))))
    return separated(played)


def pitch_curve(piece: Piece, detune_cents: float, hop: float = 0.01) -> NDArray[np.float64]:
    """Pitch in Hz each `hop` seconds of a piece of one voice; 0 where nothing sounds."""
    curve = np.zeros(round(piece.seconds / hop))
    voice = piece.voices[0]
    times = np.arange(len(curve)) * hop
    bend = np.zeros(len(curve))
    if voice.bends:
        at = np.array([b[0] for b in voice.bends])
        value = np.array([b[1] for b in voice.bends])
        held = np.searchsorted(at, times, side="right") - 1
        bend = np.where(held >= 0, value[np.maximum(held, 0)], 0.0)
    for onset, end, pitch, _ in voice.notes:
        inside = slice(round(onset / hop), round(end / hop))
        curve[inside] = 440.0 * 2.0 ** ((pitch - 69 + bend[inside] + detune_cents / 100) / 12)
    return curve
