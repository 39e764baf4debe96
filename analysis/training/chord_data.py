"""What the chord network learns from: frames of the corpus with what sounds in each.

A clip becomes one archive: `loudness` as `chroma.in_tune` gives it (float16), and for each frame
the class of the chord (-1: unknown), the bass (12: none, -1: unknown), which of 84 semitones sound,
and the key of the clip (-1: unknown).
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...music.theory import pitch_class
from ..harmony.chord_decoder import NO_CHORD, QUALITIES
from ..harmony.chroma import HOP, LOWEST_MIDI, SEMITONES, find_offset, fine_spectrum, in_tune
from ..spectra import RATE, to_mono

_SIMPLER = {  # shorthands of the labels that are read as one of QUALITIES
    "": "maj",
    "minmaj7": "min",
    "9": "7",
    "maj9": "maj7",
    "min9": "min7",
    "11": "7",
    "13": "7",
    "min11": "min7",
    "maj13": "maj7",
    "maj(9)": "maj",
    "min(9)": "min",
    "sus4(b7)": "sus4",
    "sus4(b7,9)": "sus4",
    "7sus4": "sus4",
}
_STEPS = {"1": 0, "2": 2, "3": 4, "4": 5, "5": 7, "6": 9, "7": 11, "9": 2, "11": 5, "13": 9}
_RELEASE = 0.03  # seconds that a note rings on at least


@dataclass(frozen=True)
class Clip:
    """One clip of the corpus, as frames."""

    name: str
    family: str
    loudness: NDArray[np.float16]  # [shape=(n, 2, bands)]
    chord: NDArray[np.int16]  # [n]
    bass: NDArray[np.int8]  # [n]
    pitch: NDArray[np.bool_]  # [n, 84]
    key: int  # 0..11 major, 12..23 minor, -1 unknown


def read_label(label: str) -> tuple[int, int]:
    """(class of the chord, pitch class of the bass) of a label such as 'Eb:min7/b3'.

    The class is root * qualities + quality, `NO_CHORD` for 'N', -1 for what is not known.
    """
    if label == "N":
        return NO_CHORD, 12
    head, _, low = label.partition("/")
    name, _, quality = head.partition(":")
    quality = _SIMPLER.get(quality, quality)
    if label == "X" or quality not in QUALITIES:
        return -1, -1
    root = (pitch_class(name[0]) + name.count("#") - name.count("b")) % 12
    above = _STEPS[low.strip("b#")] + low.count("#") - low.count("b") if low else 0
    return root * len(QUALITIES) + QUALITIES.index(quality), (root + above) % 12


def read_key(text: str | None) -> int:
    """0..11 for major keys from C up, 12..23 for minor ones, -1 for none."""
    if not text:
        return -1
    name, mode = text.split()
    tonic = (pitch_class(name[0]) + name.count("#") - name.count("b")) % 12
    return tonic + 12 * (mode == "minor")


def label_frames(truth: dict[str, Any], frames: int) -> tuple[NDArray[Any], ...]:
    """(chord, bass, pitch) of each frame of a clip of the corpus."""
    times = np.arange(frames) * HOP / RATE
    chord, bass = np.full(frames, -1, np.int16), np.full(frames, -1, np.int8)
    pitch = np.zeros((frames, SEMITONES), np.bool_)
    for on, off, midi, *_ in truth["notes"]:
        if 0 <= (row := int(midi) - LOWEST_MIDI) < SEMITONES:
            first, last = np.searchsorted(times, (on, off + _RELEASE))
            pitch[first:last, row] = True
    for on, off, label in truth["chords"]:
        first, last = np.searchsorted(times, (on, off))
        chord[first:last], bass[first:last] = read_label(label)
    return chord, bass, pitch


def prepare(corpus: Path, cache: Path, split: str) -> int:
    """Turn the clips of 'train' or 'valid' that are not yet in `cache` to frames; how many."""
    import soundfile

    folder = cache / split
    folder.mkdir(parents=True, exist_ok=True)
    made = 0
    for path in sorted((corpus / split).glob("*.json")):
        target = folder / f"{path.stem}.npz"
        sound = path.with_suffix(".flac")
        if target.exists() or not sound.exists():
            continue
        try:
            truth = json.loads(path.read_text())
            samples, rate = soundfile.read(sound, dtype="float32")
        except (ValueError, soundfile.LibsndfileError):
            continue  # still being written
        fine = fine_spectrum(to_mono(samples, rate))
        loudness = in_tune(fine, find_offset(fine)).astype(np.float16)
        chord, bass, pitch = label_frames(truth, len(loudness))
        key = read_key(truth["key"])
        np.savez(
            target,
            loudness=loudness,
            chord=chord,
            bass=bass,
            pitch=pitch,
            key=key,
            family=truth["family"],
        )
        made += 1
    return made


def load(cache: Path, split: str, share: float = 1.0) -> list[Clip]:
    """The clips of a split, or a share of them that does not depend on which there are."""
    return list(_load(cache / split, share))


def _load(folder: Path, share: float) -> Iterator[Clip]:
    for path in sorted(folder.glob("*.npz")):
        if zlib.crc32(path.stem.encode()) / 2**32 >= share:
            continue
        with np.load(path) as data:
            yield Clip(
                path.stem,
                str(data["family"]),
                data["loudness"],
                data["chord"],
                data["bass"],
                data["pitch"],
                int(data["key"]),
            )
