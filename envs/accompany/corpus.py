"""Melodies with chords on a grid of eighth notes: Segue's own themes, POP909 and Nottingham.

POP909: Wang et al., "POP909: A Pop-song Dataset for Music Arrangement Generation", ISMIR 2020; its
machine-made chord labels, on the grid of its beats. Nottingham: jukedeck's cleaned edition of the
folk tunes; chords are read off the notes of the second track. Neither is part of Segue: they are
found in the folder that SEGUE_DATA names. Splits go by song: POP909 by its number mod 10 (0 test,
1 validation), Nottingham by a hash of the name.
"""

import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import mido
import numpy as np
from numpy.typing import NDArray

from ...music.cue import Cue
from ...music.errors import MissingPartError, UnknownNameError
from ...music.files import write_whole
from ...music.themes import MELODY, compose_theme
from ...music.theory import pitch_class
from .chords import CLASSES, NONE, TONES, chord_number

FRAMES_PER_BEAT = 2
CLIP_FRAMES = 128
"""Frames of an episode: 64 beats."""

SPLITS = ("train", "validation", "test")
CORPORA = ("themes", "pop909", "nottingham")
DATA_VARIABLE = "SEGUE_DATA"

REST = 0
"""What a melody holds while it is silent, instead of a MIDI pitch."""

THEMES = {"train": range(0, 96), "validation": range(1000, 1032), "test": range(2000, 2032)}
"""Seeds of the composed themes of each split."""

_FILES = {
    "pop909": ("pop909/pop909_midi.zip", "pop909/pop909_annotations.zip"),
    "nottingham": ("nottingham/nottingham_midi.zip",),
}
_ORIGINS = {
    "pop909": "github.com/music-x-lab/POP909-Dataset, its folders NNN zipped: the MIDI files as "
    "pop909_midi.zip, the text files as pop909_annotations.zip",
    "nottingham": "github.com/jukedeck/nottingham-dataset, its folder MIDI zipped as "
    "nottingham_midi.zip",
}
_FORMAT = 1  # of the cache; a change of the reading below counts it up

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Song:
    """A melody and its chords, frame by frame; arrays [shape=(frames,)]."""

    name: str
    melody: Bytes  # MIDI pitch, or REST
    onset: NDArray[np.bool_]  # a note begins
    chords: Bytes  # numbers of `chords`
    place: Bytes  # frame within its bar
    bar: Bytes  # frames of its bar

    def __len__(self) -> int:
        return len(self.melody)


def load_songs(corpus: str, split: str) -> tuple[Song, ...]:
    """The songs of a split of a corpus, or of several joined by `+`. Cached.

    Raises UnknownNameError for another corpus or split, MissingPartError where its files are not.
    """
    if split not in SPLITS:
        raise UnknownNameError("split", split, SPLITS)
    songs: list[Song] = []
    for name in corpus.split("+"):
        if name not in CORPORA:
            raise UnknownNameError("corpus", name, CORPORA)
        songs += _load(name, split, os.environ.get(DATA_VARIABLE, ""))
    return tuple(songs)


@lru_cache(maxsize=16)
def _load(name: str, split: str, folder: str) -> tuple[Song, ...]:
    if name == "themes":
        return tuple(theme_song(seed) for seed in THEMES[split])
    songs = _whole(name, folder)
    return tuple(song for song in songs if _split_of(name, song.name) == split)


def _split_of(corpus: str, song: str) -> str:
    """The split of a song: a tenth is test, a tenth validation."""
    if corpus == "pop909":
        number = int(song) % 10
    else:
        number = int(sha256(song.encode()).hexdigest(), 16) % 10
    return {0: "test", 1: "validation"}.get(number, "train")


@lru_cache(maxsize=4)
def _whole(name: str, folder: str) -> tuple[Song, ...]:
    """All songs of a data set, read from its archives once and from the user's cache later."""
    paths = [Path(folder) / file for file in _FILES[name]]
    if not folder or not all(path.is_file() for path in paths):
        wanted = " and ".join(_FILES[name])
        raise MissingPartError(
            f"the corpus {name!r} needs {wanted} in the folder that {DATA_VARIABLE} names "
            f"({folder or 'it is not set'}); get it from {_ORIGINS[name]}, or play "
            "corpus='themes', which Segue composes itself"
        )
    stamp = "-".join(f"{path.stat().st_size:x}" for path in paths)
    cache = _cache_folder() / f"accompany-{name}-{_FORMAT}-{stamp}.npz"
    if cache.is_file():
        return _unpack(cache)
    songs = tuple(_pop909(*paths) if name == "pop909" else _nottingham(*paths))
    _pack(cache, songs)
    return songs


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "segue"


_COLUMNS = ("melody", "onset", "chords", "place", "bar")


def _pack(path: Path, songs: tuple[Song, ...]) -> None:
    buffer = BytesIO()
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(song, name) for song in songs]) for name in _COLUMNS
    }
    columns["names"] = np.array([song.name for song in songs])
    columns["lengths"] = np.array([len(song) for song in songs])
    np.savez_compressed(buffer, **columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, buffer.getvalue())


def _unpack(path: Path) -> tuple[Song, ...]:
    with np.load(path, allow_pickle=False) as archive:
        ends = np.cumsum(archive["lengths"])[:-1]
        columns = [np.split(archive[name], ends) for name in _COLUMNS]
        return tuple(
            Song(str(n), *rest) for n, *rest in zip(archive["names"], *columns, strict=True)
        )


# -- reading -------------------------------------------------------------------------------------


def _laid(
    name: str,
    notes: list[tuple[int, int, int]],
    chords: Bytes,
    place: Bytes,
    bar: Bytes,
) -> Song:
    """A song from notes (first frame, end frame, pitch); a later note cuts an earlier one."""
    frames = len(chords)
    melody, onset = np.zeros(frames, np.uint8), np.zeros(frames, bool)
    for start, end, pitch in sorted(notes):
        if 0 <= start < frames:
            melody[start : max(end, start + 1)] = pitch
            onset[start] = True
    return _looped(Song(name, melody, onset, chords, place, bar))


def _looped(song: Song) -> Song:
    """The song played again until it lasts a clip, as tunes are."""
    times = -(-CLIP_FRAMES // len(song))
    if times == 1:
        return song
    return Song(song.name, *(np.tile(getattr(song, column), times) for column in _COLUMNS))


def theme_song(seed: int) -> Song:
    """A composed theme (`music.themes`) as a song of 24 bars."""
    return cue_song(compose_theme(seed, bars=24), MELODY)


def cue_song(cue: Cue, track: str) -> Song:
    """A track of a cue's theme file with the chords of its sections."""
    bar_frames = round(cue.meter.bar_beats * FRAMES_PER_BEAT)
    bars = max(section.start_bar + section.bars for section in cue.sections)
    chords = np.full(bars * bar_frames, NONE, np.uint8)
    for section in cue.sections:
        for number, of_bar in enumerate(section.chords):
            first = (section.start_bar + number) * bar_frames
            for at, chord in enumerate(of_bar):
                start = first + at * bar_frames // len(of_bar)
                chords[start : first + bar_frames] = chord_number(chord.root, chord.quality)
    notes = [
        (round(2 * note["onset_beats"]), round(2 * (note["onset_beats"] + note["duration_beats"])),
         int(note["pitch"]))
        for note in cue.tracks[track]
    ]  # fmt: skip
    frames = np.arange(len(chords))
    place, bar = (frames % bar_frames).astype(np.uint8), np.full(len(frames), bar_frames, np.uint8)
    return _laid(cue.name, notes, chords, place, bar)


_HARTE = re.compile(r"([A-G])([#b]?):([^/]+)")


def _pop909(midi: Path, annotations: Path) -> Iterator[Song]:
    with zipfile.ZipFile(midi) as scores, zipfile.ZipFile(annotations) as texts:
        for name in sorted(scores.namelist()):
            if name.endswith(".mid"):
                number = name.split("/")[0]
                rows = texts.read(f"{number}/beat_midi.txt").decode().split("\n")
                beats = np.array([[float(x) for x in row.split()] for row in rows if row.strip()])
                labels = texts.read(f"{number}/chord_midi.txt").decode().split("\n")
                yield _pop909_song(number, _seconds(scores.read(name)), beats, labels)


def _seconds(data: bytes) -> list[tuple[float, float, int]]:
    """Notes of the melody track: start, end [s], pitch."""
    file = mido.MidiFile(file=BytesIO(data))
    conductor = file.tracks[0]
    track = next(track for track in file.tracks if track.name == "MELODY")
    merged = mido.merge_tracks([conductor, track])
    notes, sounding, now, tempo = [], {}, 0.0, 500_000
    for message in merged:
        now += mido.tick2second(message.time, file.ticks_per_beat, tempo)
        if message.type == "set_tempo":
            tempo = message.tempo
        elif message.type == "note_on" and message.velocity:
            sounding[message.note] = now
        elif message.type in ("note_on", "note_off") and message.note in sounding:
            notes.append((sounding.pop(message.note), now, message.note))
    return notes


def _pop909_song(
    name: str, notes: list[tuple[float, float, int]], beats: NDArray[np.float64], labels: list[str]
) -> Song:
    """A song on the grid of its beats, from the first down-beat on."""
    starts = np.flatnonzero(beats[:, 2])
    first = int(starts[0])
    times, downbeat = beats[first:, 0], beats[first:, 2].astype(bool)
    frames = FRAMES_PER_BEAT * len(times)
    grid = np.interp(np.arange(frames), np.arange(0, frames, FRAMES_PER_BEAT), times)
    grid[-1] = times[-1] + (times[-1] - times[-2]) / 2
    place, bar = np.zeros(frames, np.uint8), np.zeros(frames, np.uint8)
    bounds = [*np.flatnonzero(downbeat), len(times)]
    usual = round(float(np.median(np.diff(bounds)))) * FRAMES_PER_BEAT
    for start, end in pairwise(bounds):
        span = slice(start * FRAMES_PER_BEAT, end * FRAMES_PER_BEAT)
        place[span], bar[span] = np.arange(span.stop - span.start), usual
    chords = np.full(frames, NONE, np.uint8)
    middle = grid + 0.25 * np.gradient(grid)
    for label in labels:
        if label.strip():
            start, end, text = label.split()
            inside = (middle >= float(start)) & (middle < float(end))
            chords[inside] = _harte(text)
    on_grid = [
        (round(float(np.interp(start, grid, np.arange(frames), left=-1, right=frames))),
         round(float(np.interp(end, grid, np.arange(frames)))), pitch)
        for start, end, pitch in notes
    ]  # fmt: skip
    return _laid(name, on_grid, chords, place, bar)


def _harte(text: str) -> int:
    match = _HARTE.match(text)
    return chord_number(pitch_class(match[1], match[2]), match[3]) if match else NONE


def _nottingham(midi: Path) -> Iterator[Song]:
    with zipfile.ZipFile(midi) as archive:
        for name in sorted(archive.namelist()):
            if name.count("/") == 1 and name.endswith(".mid"):
                file = mido.MidiFile(file=BytesIO(archive.read(name)))
                if len(file.tracks) >= 2:
                    yield _nottingham_song(Path(name).stem, file)


def _nottingham_song(name: str, file: mido.MidiFile) -> Song:
    unit = file.ticks_per_beat // FRAMES_PER_BEAT
    melody, harmony = (_ticks(track) for track in file.tracks[:2])
    frames = max(-(-end // unit) for _, end, _ in melody + harmony)
    place, bar = _meters(file, frames, unit)
    frames = len(place)
    chords = np.full(frames, NONE, np.uint8)
    together: dict[tuple[int, int], list[int]] = {}
    for start, end, pitch in harmony:
        together.setdefault((round(start / unit), round(end / unit)), []).append(pitch)
    for (start, end), pitches in together.items():
        chords[start:end] = _named(sorted(pitches))
    notes = [(round(start / unit), round(end / unit), pitch) for start, end, pitch in melody]
    return _laid(name, notes, chords, place, bar)


def _ticks(track: mido.MidiTrack) -> list[tuple[int, int, int]]:
    notes, sounding, now = [], {}, 0
    for message in track:
        now += message.time
        if message.type == "note_on" and message.velocity:
            sounding[message.note] = now
        elif message.type in ("note_on", "note_off") and message.note in sounding:
            notes.append((sounding.pop(message.note), now, message.note))
    return notes


def _meters(file: mido.MidiFile, frames: int, unit: int) -> tuple[Bytes, Bytes]:
    """Frame within the bar and frames of the bar, with every change of meter; whole bars."""
    changes, now = [(0, 8)], 0
    for message in file.tracks[0]:
        now += message.time
        if message.type == "time_signature":
            changes.append((now // unit, max(8 * message.numerator // message.denominator, 1)))
    lengths = dict(changes)
    place: list[int] = []
    bar: list[int] = []
    current = lengths[0]
    while len(place) < frames:
        reached = [at for at in lengths if at <= len(place)]
        current = lengths[max(reached)]
        place += range(current)
        bar += [current] * current
    return np.array(place, np.uint8), np.array(bar, np.uint8)


def _named(pitches: list[int]) -> int:
    """The chord of sounding pitches: all of them and nothing else if there is one, bass first."""
    held = {pitch % CLASSES for pitch in pitches}
    roots = [pitches[0] % CLASSES, *sorted(held)]
    best, fit = NONE, 0.0
    for root in roots:
        for number in range(root, NONE, CLASSES):
            tones = set(np.flatnonzero(TONES[number]))
            share = len(tones & held) / len(tones | held)
            if share > fit:
                best, fit = number, share
    return best
