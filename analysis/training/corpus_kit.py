"""Drum kits of recorded strokes, as Hydrogen keeps them: a folder with samples and drumkit.xml."""

import random
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..spectra import RATE, Floats
from .corpus_piece import Hit

_NAMES = (
    (r"roll|free|swish|choke|flink|opaco|loop|beats_", 0),
    (r"kick|bass ?drum", 36),
    (r"stick|rim click", 37),
    (r"clap", 39),
    (r"snare", 38),
    (r"(hat|hh).*(pedal|pd)|pedal (hat|hh)", 44),
    (r"(hat|hh).*(op\b|open)|open", 46),
    (r"(hat|hh)", 42),
    (r"(tom.*(low|floor))|floor|low tom", 41),
    (r"tom.*(hi|1)|high tom", 50),
    (r"tom", 47),
    (r"bell|cup", 53),
    (r"ride", 51),
    (r"splash", 55),
    (r"china", 52),
    (r"crash|cymbal", 49),
    (r"tambourine", 54),
    (r"cowbell", 56),
    (r"shaker|maraca", 70),
    (r"clave", 75),
    (r"conga", 63),
)
_INSTEAD = {
    40: (38,), 35: (36,), 39: (38,), 37: (38,), 44: (42,), 46: (42,), 41: (47, 50),
    43: (41, 47, 50), 45: (47, 41, 50), 47: (50, 41), 48: (50, 47, 41), 50: (47, 41),
    53: (51, 49), 51: (53, 49), 59: (51, 49), 55: (49,), 52: (49,), 57: (49,), 49: (55, 52, 51),
}  # fmt: skip
_OPEN, _CLOSING = 46, (42, 44, 46)

Layer = tuple[float, float, float, Floats]
"""Lowest and highest velocity 0..1, gain, samples at the ears' rate from the stroke on."""


def drum_of(name: str) -> int:
    """General MIDI drum that an instrument's name means, 0 if none."""
    return next((drum for pattern, drum in _NAMES if re.search(pattern, name.lower())), 0)


@lru_cache(maxsize=24)
def read_kit(folder: str) -> dict[int, list[list[Layer]]]:
    """Instruments of a kit by General MIDI drum, each a list of layers."""
    found: dict[int, list[list[Layer]]] = {}
    root = ElementTree.fromstring(
        re.sub(
            r' xmlns(:\w+)?="[^"]*"',
            "",
            (Path(folder) / "drumkit.xml").read_text("utf-8", "replace"),
        )
    )
    for instrument in root.iter("instrument"):
        drum = drum_of(instrument.findtext("name") or "")
        layers = [
            (
                float(layer.findtext("min") or 0.0),
                float(layer.findtext("max") or 1.0),
                float(layer.findtext("gain") or 1.0),
                read_stroke(Path(folder) / (layer.findtext("filename") or "")),
            )
            for layer in instrument.iter("layer")
        ]
        if not layers and instrument.findtext("filename"):
            layers = [
                (0.0, 1.0, 1.0, read_stroke(Path(folder) / str(instrument.findtext("filename"))))
            ]
        layers = [layer for layer in layers if len(layer[3])]
        if drum and layers:
            found.setdefault(drum, []).append(layers)
    return found


def read_stroke(path: Path, longest_seconds: float = 3.0) -> Floats:
    """A sample at the ears' rate, from a millisecond before it is heard; empty if unreadable."""
    import soundfile
    import soxr

    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, RuntimeError):
        return np.zeros(0, np.float32)
    mono = np.asarray(soxr.resample(samples.mean(axis=1), rate, RATE), np.float32)[
        : round(longest_seconds * RATE)
    ]
    loud = np.flatnonzero(np.abs(mono) > 0.05 * np.abs(mono).max(initial=1e-9))
    return mono[max(0, loud[0] - RATE // 1000) :] if len(loud) else mono[:0]


def playable(folder: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits that a kit can play."""
    kit = read_kit(folder)
    return [hit for hit in hits if _found(kit, hit[1]) is not None]


def _found(kit: dict[int, list[list[Layer]]], drum: int) -> list[list[Layer]] | None:
    for one in (drum, *_INSTEAD.get(drum, ())):
        if one in kit:
            return kit[one]
    return None


def play_kit(rng: random.Random, folder: str, hits: Sequence[Hit], size: int) -> Floats:
    """Hits in seconds as sound [shape=(size,)]; instruments and their tuning are drawn once."""
    kit = read_kit(folder)
    sound = np.zeros(size, np.float32)
    chosen: dict[int, tuple[list[Layer], float, float]] = {}
    closings = sorted(at for at, drum, _ in hits if drum in _CLOSING)
    for at, drum, velocity in hits:
        if drum not in chosen:
            instruments = _found(kit, drum)
            if instruments is None:
                continue
            tuning = 2.0 ** (rng.gauss(0.0, 1.2) / 12)
            chosen[drum] = rng.choice(instruments), tuning, 10 ** (rng.gauss(0.0, 2.5) / 20)
        layers, tuning, level = chosen[drum]
        share = velocity / 127
        layer = next((one for one in layers if one[0] <= share <= one[1]), layers[-1])
        stroke = layer[3]
        if abs(tuning - 1.0) > 0.002:
            stroke = np.interp(
                np.arange(0, len(stroke) - 1, tuning), np.arange(len(stroke)), stroke
            ).astype(np.float32)
        soft = share ** (0.6 if len(layers) > 2 else 1.6)
        start = round(at * RATE)
        stroke = stroke[: max(0, size - start)]
        if drum == _OPEN:
            later = next((c for c in closings if c > at + 0.03), None)
            if later is not None:
                ends = round((later - at) * RATE)
                fade = np.clip(1.0 - (np.arange(len(stroke)) - ends) / (0.02 * RATE), 0.0, 1.0)
                stroke = stroke * fade.astype(np.float32)
        sound[start : start + len(stroke)] += stroke * np.float32(layer[2] * soft * level)
    return sound
