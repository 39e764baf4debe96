"""Melodies with chords on a grid of eighth notes: Segue's own themes, POP909 and Nottingham.

The data sets are not part of Segue: they are found in the folder that SEGUE_DATA names, and read by
`readers`. Splits go by song: POP909 by its number mod 10 (0 test, 1 validation), Nottingham by a
hash of the name.
"""

import os
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ...music.cue import Cue
from ...music.errors import MissingPartError, UnknownNameError
from ...music.files import write_whole
from ...music.themes import MELODY, compose_theme
from .chords import NONE, chord_number
from .readers import read_nottingham, read_pop909
from .songs import COLUMNS, FRAMES_PER_BEAT, Song, lay

SPLITS = ("train", "validation", "test")
CORPORA = ("themes", "pop909", "nottingham")
DATA_VARIABLE = "SEGUE_DATA"

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
    songs = tuple(read_pop909(*paths) if name == "pop909" else read_nottingham(*paths))
    _pack(cache, songs)
    return songs


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "segue"


def _pack(path: Path, songs: tuple[Song, ...]) -> None:
    buffer = BytesIO()
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(song, name) for song in songs]) for name in COLUMNS
    }
    columns["names"] = np.array([song.name for song in songs])
    columns["lengths"] = np.array([len(song) for song in songs])
    np.savez_compressed(buffer, **columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, buffer.getvalue())


def _unpack(path: Path) -> tuple[Song, ...]:
    with np.load(path, allow_pickle=False) as archive:
        ends = np.cumsum(archive["lengths"])[:-1]
        columns = [np.split(archive[name], ends) for name in COLUMNS]
        return tuple(
            Song(str(n), *rest) for n, *rest in zip(archive["names"], *columns, strict=True)
        )


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
    return lay(cue.name, notes, chords, place, bar)
