"""Readers of the files of POP909 and Nottingham; what is read is cached by `corpus`.

POP909 (Wang et al., "POP909: A Pop-song Dataset for Music Arrangement Generation", ISMIR 2020) has
machine-made chord labels; its songs are laid on the grid of its beats, from the first down-beat on.
Nottingham is jukedeck's cleaned edition of the folk tunes; chords are read off the notes of the
second track.
"""

import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import mido
import numpy as np
from numpy.typing import NDArray

from ...music.theory import pitch_class
from .chords import CLASSES, NONE, TONES, chord_number
from .songs import FRAMES_PER_BEAT, Bytes, Song, lay

_HARTE = re.compile(r"([A-G])([#b]?):([^/]+)")


def read_pop909(midi: Path, annotations: Path) -> Iterator[Song]:
    """The songs of POP909, from its two archives."""
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
    return lay(name, on_grid, chords, place, bar)


def _harte(text: str) -> int:
    match = _HARTE.match(text)
    return chord_number(pitch_class(match[1], match[2]), match[3]) if match else NONE


def read_nottingham(midi: Path) -> Iterator[Song]:
    """The tunes of Nottingham, from the archive of its MIDI files."""
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
    return lay(name, notes, chords, place, bar)


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
