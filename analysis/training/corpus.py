"""Makes the training corpus: labelled clips, rendered from scores with sound fonts and effects.

    python -m segue.analysis.training.corpus --out DIR --data DIR [--works DIR] [--hours 12]

`--data` holds the published sets (pop909, nottingham, groove_midi); `--works` the scores that
`corpus_scores` read (without it, families that need them are left out). Clips lie in DIR/train and
DIR/valid, NNNNN.flac (22,050 Hz, one channel) with NNNNN.json beside; DIR/SCHEMA.md says what is in
it. A clip depends on seed and number only; those that exist already are kept, so that a run can be
continued, and `--shard 0/2` and `--shard 1/2` can run at once. Needs fluidsynth and timidity.
"""

import argparse
import json
import random
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...music.files import write_whole
from ..spectra import RATE
from . import corpus_sources as sources
from .corpus_band import band
from .corpus_effects import process
from .corpus_kit import playable
from .corpus_piece import Piece, Voice, cut, pitch_curve
from .corpus_programs import into_range, pick_program
from .corpus_render import Font, piano_font, pick_font, render
from .corpus_scores import Work, load_works

SHARES = {"pop": 25, "band": 30, "piano": 12, "chorale": 10, "classical": 10, "mono": 13}
"""Hours of each family in percent."""

_ORDER = [
    family
    for _, family in sorted(
        ((i + 0.5) / share, family) for family, share in SHARES.items() for i in range(share)
    )
]
_TRIES = 12
_GRAND = {"piano": 0.5, "keys": 0.15}  # how often a part is played on the recorded piano
_VALID_SHARE = 0.1
_MEAN_SECONDS = 30.0


def split_of(ident: str) -> str:
    """Where a written work belongs: one in ten is for validation, whatever else there is."""
    return "valid" if zlib.crc32(ident.encode()) % 10 == 1 else "train"


class Library:
    """Everything that clips are made from."""

    def __init__(
        self, data: Path, works: Path | None, split: str, piano: Path | None = None
    ) -> None:
        self.data, self.split = data, split
        self.piano = piano_font(piano) if piano and split == "train" else None
        self.songs = sources.pop909_songs(split)
        self.tunes = sources.nottingham_tunes(data, split)
        self.works: dict[str, list[Work]] = {}
        for group in ("chorale", "classical", "piano", "mono"):
            found = load_works(works / group) if works and (works / group).is_dir() else []
            self.works[group] = [work for work in found if split_of(work.ident) == split]

    def piece(self, rng: random.Random, family: str, seconds: float) -> Piece | None:
        """One whole piece of a family, None where it cannot be had."""
        if family == "pop":
            return sources.pop909(rng, self.data, rng.choice(self.songs), piano=False)
        if family == "band":
            if rng.random() < 0.12:
                return sources.nottingham(rng, self.data, rng.choice(self.tunes))
            return band(rng, self.data, self.split, seconds + 12)
        works = self.works[family]
        if family == "piano" and (not works or rng.random() < 0.55):
            return sources.pop909(rng, self.data, rng.choice(self.songs), piano=True)
        return sources.from_work(rng, rng.choice(works)) if works else None


def clip(rng: random.Random, library: Library, family: str) -> Piece | None:
    """A clip of 20 to 40 seconds, or the whole of a shorter piece; None if too little is played."""
    seconds = rng.uniform(20.0, 40.0)
    piece = library.piece(rng, family, seconds)
    if piece is None:
        return None
    if piece.seconds < seconds:
        seconds = max(8.0, piece.seconds + rng.uniform(0.3, 1.5))
        start = 0.0 if rng.random() < 0.5 else -rng.uniform(0.0, 0.6)
    else:
        start = rng.uniform(-0.5, max(0.1, piece.seconds - seconds))
        onset = min(note[0] for voice in piece.voices for note in voice.notes)
        start = max(start, onset - rng.uniform(0.0, 1.0))
    found = cut(piece, start, seconds)
    played = sum(len(voice.notes) for voice in found.voices)
    return found if played >= 16 else None


def make_clip(seed: int, split: str, number: int, library: Library) -> tuple[Any, dict[str, Any]]:
    """Sound and labels of one clip.

    :return: samples [shape=(n,)] and what SCHEMA.md describes
    """
    family = _ORDER[number % len(_ORDER)]
    for attempt in range(_TRIES):
        rng = random.Random(f"{seed}/{split}/{number}/{attempt}")
        piece = clip(rng, library, family)
        if piece is not None:
            break
    else:
        raise LookupError(f"no piece of the family {family} for clip {number}")
    fonts = [pick_font(rng, split, drums=False)]
    if len(piece.voices) > 1 and rng.random() < 0.35:
        fonts.append(pick_font(rng, split, drums=False))
    same = rng.random() < 0.6
    kit = pick_font(rng, split, drums=True)
    if kit.is_kit and piece.drums:
        piece = replace(piece, drums=playable(kit.path, piece.drums))
    voices: list[Voice] = []
    each: list[Font] = []
    for voice in piece.voices:
        font = rng.choice(fonts)
        program = pick_program(rng, voice.role, font)
        if library.piano and voice.role in ("piano", "keys") and rng.random() < _GRAND[voice.role]:
            font, program = library.piano, 0
        if family in ("chorale", "classical") and voices and same:
            program, font = voices[0].program, each[0]
        shift = into_range(program, [note[2] for note in voice.notes])
        notes = [(a, b, p + shift, v) for a, b, p, v in voice.notes]
        voices.append(replace(voice, program=program, notes=notes))
        each.append(font)
    piece = replace(piece, voices=voices)
    detune = rng.choice((0.0, 0.0, rng.uniform(-50.0, 50.0)))
    dry = render(rng, voices, piece.drums, piece.seconds, each, kit, detune)
    sound, effects = process(rng, dry)
    used = dict.fromkeys(font.name for font in each)
    names = [*used, *([f"drums:{kit.name}"] if piece.drums else [])]
    return sound, labels(piece, f"{split}/{number:05d}", "+".join(names), effects, detune)


def labels(
    piece: Piece, ident: str, fonts: str, effects: list[str], detune: float
) -> dict[str, Any]:
    """What is known of a clip, as SCHEMA.md describes it."""
    short: Callable[[float], float] = lambda value: round(value, 4)  # noqa: E731
    notes = sorted(
        [short(a), short(b), pitch, velocity, voice.program]
        for voice in piece.voices
        for a, b, pitch, velocity in voice.notes
    )
    found: dict[str, Any] = {
        "id": ident,
        "work": piece.ident,
        "source": piece.source,
        "family": piece.family,
        "seconds": short(piece.seconds),
        "soundfont": fonts,
        "effects": effects,
        "detune_cents": round(detune, 1),
        "notes": notes,
        "drums": [[short(at), drum, velocity] for at, drum, velocity in sorted(piece.drums)],
        "beats": [short(at) for at in piece.beats],
        "downbeats": [short(at) for at in piece.downbeats],
        "half_bars": [short(at) for at in piece.half_bars],
        "meter": piece.meter,
        "tempo": piece.tempo,
        "chords": [[short(a), short(b), name] for a, b, name in piece.chords],
        "key": piece.key,
    }
    if piece.sung and len(piece.voices) == 1:
        curve = pitch_curve(piece, detune)
        found["f0"] = {"hop": 0.01, "hz": [round(float(hz), 2) for hz in curve]}
    return found


def save_clip(folder: Path, number: int, sound: Any, found: dict[str, Any]) -> None:
    """Write a clip; the labels last, so that what has labels is whole."""
    import soundfile

    target = folder / f"{number:05d}.flac"
    hidden = folder / f".{number:05d}.flac"
    soundfile.write(hidden, sound, RATE, subtype="PCM_16", format="FLAC")
    hidden.rename(target)
    write_whole(folder / f"{number:05d}.json", json.dumps(found).encode())


def main() -> None:
    """Render what is asked for and not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--works", type=Path)
    parser.add_argument("--piano", type=Path, help="folder of recorded keys, see corpus_piano")
    parser.add_argument("--hours", type=float, default=12.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shard", default="0/1")
    options = parser.parse_args()
    shard, shards = map(int, options.shard.split("/"))
    total = round(options.hours * 3600 / _MEAN_SECONDS)
    valid = round(total * _VALID_SHARE)
    libraries = {
        split: Library(options.data, options.works, split, options.piano)
        for split in ("train", "valid")
    }
    every = round(1 / _VALID_SHARE)
    todo = [
        ("valid", i // every) if i % every == every - 1 else ("train", i - i // every)
        for i in range(total)
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    write_whole(options.out / "SCHEMA.md", SCHEMA.encode())
    done: Counter[str] = Counter()
    began = time.monotonic()
    for split, number in todo[shard::shards]:
        folder = options.out / split
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / f"{number:05d}.json").exists():
            continue
        try:
            sound, found = make_clip(options.seed, split, number, libraries[split])
        except LookupError as error:
            print(error, file=sys.stderr)
            continue
        save_clip(folder, number, sound, found)
        done[found["family"]] += round(found["seconds"])
        if sum(done.values()) % 20 == 0:
            spent = time.monotonic() - began
            hours = {family: round(seconds / 3600, 2) for family, seconds in done.items()}
            print(f"{spent:.0f} s: {hours}, {valid} for validation", flush=True)


SCHEMA = """# Training corpus

`{train,valid}/NNNNN.flac` (22,050 Hz, one channel, 8 to 40 s) with `NNNNN.json`. Made by
`python -m segue.analysis.training.corpus`; works of the development set are left out, train and
valid differ in works and in sound fonts. Empty lists and null mean unknown or absent.

- `id`, `work`, `source`, `family`: `split/NNNNN`; which work; pop909, band (invented), groove
  (invented, with people's drums), nottingham, folk, chorale, classical, piano; pop, band, piano,
  chorale, classical, mono.
- `seconds`, `effects`, `detune_cents`: length; what was done to the sound; tuning against 440 Hz.
- `soundfont`: fonts of the pitched parts, and `drums:` that of the drums, joined by `+`. Programs
  of the font `invented` mean nothing: its timbres are drawn at random.
  The font for validation, sf_GMbank, shares many of its samples with TimGM6mb: between the splits,
  works and drum kits differ, timbres of pitched parts only in part.
- `notes`: `[on, off, midi, velocity, program]` of all pitched parts; they may double a pitch.
- `drums`: `[time, General MIDI drum, velocity]`; empty: none sound.
- `beats`, `downbeats`, `meter`, `tempo`: seconds; first beats of bars; beats a bar; median beats a
  minute. Unknown for nottingham; a meter of one beat has no downbeats.
- `half_bars`: POP909 only, its annotation of every second beat in 4/4 (every third in compound
  time). The development set calls these `downbeats` for pop and piano; `downbeats` here are bars.
- `chords`: `[on, off, label]` in Harte's syntax, as mir_eval reads it. `X`: unclear, leave out;
  `N`: none; gaps: unknown. Slices in scores, annotations in POP909, exact in bands.
- `key`: `C major`, `A minor`; null where unknown or where the key changes.
- `f0`: family mono only, `{"hop": 0.01, "hz": [...]}`, 0 where nothing sounds.
"""

if __name__ == "__main__":
    main()
