"""Pieces of the corpus that somebody wrote: POP909, scores, folk tunes with chords."""

import random
import zipfile
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import mido

from .corpus_piece import (
    Note,
    Piece,
    Voice,
    Warp,
    perform,
    separated,
    slices,
    transposed_label,
)
from .corpus_scores import Work

_RESERVED_SONGS = {*range(13, 910, 47), *range(30, 910, 150)}  # the development set

_FASTEST = {"strings": (60, 150), "voices": (50, 120), "piano": (50, 150), "song": (55, 120)}


def pop909_songs(split: str) -> list[int]:
    """Numbers of the songs of a split: one in ten is for validation, those measured on are out."""
    return [
        song
        for song in range(1, 910)
        if song not in _RESERVED_SONGS and (song % 10 == 1) == (split == "valid")
    ]


def pop909(rng: random.Random, data: Path, song: int, *, piano: bool) -> Piece | None:
    """A song of POP909 with its beats, chords and, where it keeps one key, its key."""
    midi, files = _pop909_files(data / "pop909", song)
    beats = [row.split() for row in files["beat_midi"].splitlines() if row.strip()]
    times = [float(row[0]) for row in beats]
    if len(times) < 60:
        return None
    stretch = 1.0 / rng.uniform(0.85, 1.18)
    shift = rng.randint(-6, 5)
    legato, late = rng.uniform(0.75, 1.0), rng.uniform(0.0, 0.008)
    roles = {"MELODY": "melody", "BRIDGE": "comp", "PIANO": "keys"}
    voices = []
    for name, notes in midi.items():
        played = separated(
            [
                (
                    a * stretch + rng.gauss(0, late),
                    (a + (b - a) * legato) * stretch,
                    p + shift,
                    v + rng.randint(-6, 6),
                )
                for a, b, p, v in notes
            ]
        )
        voices.append(Voice("piano" if piano else roles.get(name, "keys"), played))
    if piano:
        voices = [Voice("piano", separated([note for voice in voices for note in voice.notes]))]
    bars = [float(row[0]) * stretch for row in beats if float(row[2]) > 0]
    every = _usual_gap([float(row[2]) > 0 for row in beats])
    keys = [row.split() for row in files["key_audio"].splitlines() if row.strip()]
    key = None
    if len(keys) == 1:
        root, mode = keys[0][2].split(":")
        key = transposed_label(f"{root} {'major' if mode == 'maj' else 'minor'}", shift)
    chords = [row.split() for row in files["chord_midi"].splitlines() if row.strip()]
    return Piece(
        ident=f"pop909-{song:03d}",
        source="pop909",
        family="piano" if piano else "pop",
        seconds=times[-1] * stretch,
        voices=[voice for voice in voices if voice.notes],
        beats=[at * stretch for at in times],
        downbeats=bars,
        half_bars=[float(row[0]) * stretch for row in beats if float(row[1]) > 0],
        meter=every,
        chords=[
            (float(a) * stretch, float(b) * stretch, transposed_label(name, shift))
            for a, b, name in chords
        ],
        key=key,
    )


def _usual_gap(marked: list[bool]) -> int:
    at = [index for index, here in enumerate(marked) if here]
    gaps = [b - a for a, b in pairwise(at)] or [4]
    return max(set(gaps), key=gaps.count)


@lru_cache(maxsize=4)
def _archives(folder: Path) -> tuple[zipfile.ZipFile, zipfile.ZipFile]:
    return (
        zipfile.ZipFile(folder / "pop909_midi.zip"),
        zipfile.ZipFile(folder / "pop909_annotations.zip"),
    )


def _pop909_files(folder: Path, song: int) -> tuple[dict[str, list[Note]], dict[str, str]]:
    midi, notes = _archives(folder)
    with midi.open(f"{song:03d}/{song:03d}.mid") as file:
        parts = read_midi(mido.MidiFile(file=file))
    texts = {
        name: notes.read(f"{song:03d}/{name}.txt").decode()
        for name in ("beat_midi", "chord_midi", "key_audio")
    }
    return parts, texts


def read_midi(file: mido.MidiFile) -> dict[str, list[Note]]:
    """The notes of each named track in seconds, pedals left out; drums by the track's name too."""
    tempi: list[tuple[int, int]] = []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                tempi.append((tick, message.tempo))
    tempi.sort()
    parts: dict[str, list[Note]] = {}
    for index, track in enumerate(file.tracks):
        tick, open_notes = 0, {}
        name = track.name.strip() or f"track {index}"
        notes: list[Note] = []
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity > 0:
                open_notes[message.channel, message.note] = (tick, message.velocity)
            elif message.type in ("note_on", "note_off"):
                begun = open_notes.pop((message.channel, message.note), None)
                if begun is not None:
                    notes.append(
                        (
                            _seconds(begun[0], tempi, file.ticks_per_beat),
                            _seconds(tick, tempi, file.ticks_per_beat),
                            message.note,
                            begun[1],
                        )
                    )
        if notes:
            parts[name] = notes
    return parts


def _seconds(tick: int, tempi: list[tuple[int, int]], ticks_per_beat: int) -> float:
    total, before, tempo = 0.0, 0, 500_000
    for at, new in tempi:
        if at >= tick:
            break
        total += (at - before) * tempo
        before, tempo = at, new
    return (total + (tick - before) * tempo) / ticks_per_beat / 1e6


def from_work(rng: random.Random, work: Work) -> Piece | None:
    """A written work as somebody plays it, with beats and the chords of its vertical slices."""
    work = _again(work) if work.family == "mono" else work
    low, high = _FASTEST.get(work.hint, (70, 170))
    step = _beat_length(work)
    bpm = rng.uniform(low, high) * step  # of quarter notes
    shift = rng.randint(-5, 6)
    end = max(note[1] for part in work.parts for note in part)
    depth = rng.choice((0.0, 0.01, 0.03, 0.05, 0.08))
    drift = rng.choice((0.0, 0.0, rng.uniform(-0.15, 0.15)))
    warp = Warp(rng, bpm, depth if work.family != "mono" else depth / 2, end, drift)
    jitter = rng.choice((0.0, 0.004, 0.008, 0.014))
    legato = rng.uniform(0.6, 1.0)
    mono = work.family == "mono"
    voices = []
    for index, part in enumerate(work.parts[:12]):
        louder = rng.uniform(-8.0, 8.0)
        notes = perform(
            rng,
            [(a, b, p + shift) for a, b, p in part],
            warp,
            jitter_seconds=jitter,
            legato=min(1.0, legato + rng.uniform(-0.1, 0.1)),
            loudness=80.0 + louder,
        )
        voices.append(Voice(_role(work, index), notes))
    if mono:
        voices = [sung(rng, voices[0])]
    beats = [warp(at) for at, _ in work.beats]
    chords: list[tuple[float, float, str]] = []
    if not mono:
        written = [note for part in work.parts for note in part]
        chords = [
            (warp(a), warp(b), transposed_label(name, shift)) for a, b, name in slices(written)
        ]
    return Piece(
        ident=work.ident,
        source={"mono": "folk"}.get(work.family, work.family),
        family=work.family,
        seconds=warp(end),
        voices=voices,
        beats=beats,
        downbeats=[warp(at) for at, number in work.beats if number == 0 and work.meter > 1],
        meter=work.meter if work.meter > 1 else None,
        chords=chords,
        key=transposed_label(work.key, shift) if work.key else None,
        sung=mono,
    )


def _again(work: Work) -> Work:
    """A tune, repeated until it has 64 beats."""
    step = _beat_length(work)
    length = work.beats[-1][0] + step
    times = max(1, -int(-64 // len(work.beats)))
    notes = tuple(
        (a + i * length, b + i * length, p) for i in range(times) for a, b, p in work.parts[0]
    )
    beats = tuple((at + i * length, n) for i in range(times) for at, n in work.beats)
    return replace(work, parts=(notes,), beats=beats)


def _beat_length(work: Work) -> float:
    steps = [round(b[0] - a[0], 3) for a, b in zip(work.beats, work.beats[1:], strict=False)]
    return max(set(steps), key=steps.count) if steps else 1.0


def _role(work: Work, index: int) -> str:
    if work.hint == "song":
        return "singer" if index == 0 else "piano"
    return {"piano": "piano", "strings": "strings", "tune": "tune"}.get(work.hint, "voices")


def sung(rng: random.Random, voice: Voice) -> Voice:
    """One line without overlaps, half of them with vibrato and glides."""
    notes = sorted(voice.notes)
    ends = [note[0] - 0.004 for note in notes[1:]] + [float("inf")]
    line = [(a, min(b, end), p, v) for (a, b, p, v), end in zip(notes, ends, strict=True)]
    line = [note for note in line if note[1] - note[0] > 0.04]
    bends: list[tuple[float, float]] = []
    if rng.random() < 0.5:
        rate, depth = rng.uniform(4.0, 7.0), rng.choice((0.0, rng.uniform(0.1, 0.6)))
        glide = rng.choice((0.0, 0.0, rng.uniform(0.3, 1.8)))
        for onset, end, _, _ in line:
            bends += _bend(rng, onset, end, rate, depth, glide)
    return replace(voice, notes=line, bends=bends)


def _bend(
    rng: random.Random, onset: float, end: float, rate: float, depth: float, glide: float
) -> list[tuple[float, float]]:
    import math

    phase, delay = rng.random() * 6.28, rng.uniform(0.05, 0.25)
    scoop = -glide * rng.random() if rng.random() < 0.5 else 0.0
    found = []
    at = onset
    while at < end:
        since = at - onset
        swell = min(1.0, max(0.0, (since - delay) / 0.15))
        value = depth * swell * math.sin(6.283 * rate * since + phase)
        value += scoop * max(0.0, 1.0 - since / 0.08)
        found.append((at, max(-1.9, min(1.9, value))))
        at += 0.005
    return found


def nottingham_tunes(data: Path, split: str) -> list[str]:
    """Names of the folk tunes with chords of a split."""
    with zipfile.ZipFile(data / "nottingham" / "nottingham_midi.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.count("/") == 1 and n.endswith(".mid"))
    return [name for i, name in enumerate(names) if (i % 10 == 1) == (split == "valid")]


def nottingham(rng: random.Random, data: Path, name: str) -> Piece | None:
    """A folk tune and its chords; beats from the file's own clock."""
    with zipfile.ZipFile(data / "nottingham" / "nottingham_midi.zip") as archive:
        with archive.open(name) as raw:
            file = mido.MidiFile(file=raw)
    signature = next((m for t in file.tracks for m in t if m.type == "time_signature"), None)
    parts = list(read_midi(_steady(file)).values())
    if signature is None or len(parts) < 2:
        return None
    step = 1.5 if signature.denominator == 8 and signature.numerator % 3 == 0 else 1.0
    shift = rng.randint(-5, 6)
    written = [[(a * 2, b * 2, p + shift) for a, b, p, _ in part] for part in parts[:2]]
    end = max(note[1] for part in written for note in part)
    warp = Warp(rng, rng.uniform(75, 150) * step, rng.choice((0.0, 0.01, 0.02)), end)
    jitter = rng.choice((0.002, 0.006, 0.012))
    voices = [
        Voice(
            role,
            perform(rng, part, warp, jitter_seconds=jitter, legato=rng.uniform(0.7, 1.0)),
        )
        for role, part in zip(("melody", "comp"), written, strict=True)
    ]
    return Piece(
        ident=f"nottingham-{Path(name).stem}",
        source="nottingham",
        family="band",
        seconds=warp(end),
        voices=voices,
        chords=[(warp(a), warp(b), chord) for a, b, chord in slices(written[1])],
    )


def _steady(file: mido.MidiFile) -> mido.MidiFile:
    """The file at 120 beats a minute throughout, so that its seconds are half beats."""
    for track in file.tracks:
        track[:] = [
            message.copy(tempo=500_000) if message.type == "set_tempo" else message
            for message in track
        ]
    return file
