"""Drums alone, to lay under clips that have none when the beat network learns.

Takes that people played (Groove MIDI, training split) and invented grooves, in bars of four, each
with a kit and a room of its own; only spectra and labels are kept.
"""

import random
from pathlib import Path

import numpy as np

from ..rhythm.beat_spectrum import beat_spectra
from . import corpus_grooves as grooves
from .beat_data import Clip
from .corpus_effects import process
from .corpus_piece import Warp
from .corpus_render import pick_font, render

_SECONDS = 24.0
_PLAYED = 0.6  # by people


def drum_clips(data: Path, cache: Path, count: int, split: str = "train") -> list[Clip]:
    """So many clips of drums, from the cache where they are there."""
    cache.mkdir(parents=True, exist_ok=True)
    takes = [name for name in grooves.takes(data, split) if name.endswith("4-4.mid")]
    clips = []
    for number in range(count):
        kept = cache / f"{number:04d}.npz"
        if not kept.exists():
            _make(random.Random(f"{split}/{number}"), data, takes, split, kept)
        with np.load(kept) as archive:
            parts = {name: archive[name] for name in archive.files}
        clips.append(Clip(f"drums{number}", "drums", "drums", **parts, meter=4, has_drums=True))
    return clips


def _make(rng: random.Random, data: Path, takes: list[str], split: str, kept: Path) -> None:
    if rng.random() < _PLAYED:
        take = grooves.read_take(data, rng.choice(takes))
        bpm, hits = take.bpm * rng.uniform(0.9, 1.12), list(take.hits)
    else:
        bpm, hits = min(190.0, max(60.0, rng.gauss(112, 34))), []
        groove = grooves.invent(rng, 4, False)
        for bar in range(40):
            hits += grooves.play_bar(rng, groove, 4.0 * bar, 0.0)
            if bar % 4 == 3 and rng.random() < 0.6:
                hits += grooves.fill(rng, 4, rng.choice((1, 2)), 4.0 * bar, False)
    length = min(_SECONDS * bpm / 60.0, max(hit[0] for hit in hits))
    warp = Warp(rng, bpm, rng.choice((0.0, 0.004)), length + 8)
    played = [(warp(max(at, 0.0)), drum, velocity) for at, drum, velocity in hits if at < length]
    kit = pick_font(rng, split, drums=True)
    dry = render(rng, [], played, warp(length), kit, kit, 0.0)
    sound, _ = process(rng, dry)
    spectra = beat_spectra(sound)
    beats = np.array([warp(float(beat)) for beat in range(int(length) + 1)])
    np.savez(
        kept,
        mel=spectra.mel.astype(np.float16),
        semitones=spectra.semitones.astype(np.float16),
        beats=beats,
        downbeats=beats[::4],
        onsets=np.unique(np.round([at for at, _, _ in played], 3)),
    )
