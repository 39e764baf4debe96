"""Notes and phrases of Segue's instruments, as targets: what a player beside the synthesizer plays.

They are made by seed; every instrument is in one split only. What they sound like, in descriptors,
is shipped in `phrases.npz`, so that an episode begins at once. Where instruments or descriptors
have changed, `python -m segue.envs.timbre.phrases` renders and describes them anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...analysis.sound.descriptors import Describer, FloatArray
from ...analysis.spectra import RATE, to_mono
from ...music.events import EVENT, Channel, Events
from ...music.files import write_whole
from ...music.orchestra import ORCHESTRA
from .settings import STEP_SECONDS

INSTRUMENTS = {
    "train": ("flute", "cello", "lead", "organ", "guitar", "horn", "strings", "vibraphone"),
    "validation": ("clarinet", "epiano", "choir"),
    "test": ("oboe", "violin", "brass", "piano", "koto", "pad"),
}
"""Who plays in each split."""

SHIPPED = Path(__file__).parent / "phrases.npz"

PHRASES = 6
"""Of each instrument."""

PHRASE_STEPS = 33
"""Steps of a phrase; longer episodes hear it again."""

_RENDER_RATE = 48_000
_LOWEST, _HIGHEST = 40, 81  # MIDI pitches
_BEATS = (0.4, 0.6, 0.8, 1.2, 1.6)  # lengths of notes, seconds
_LEAPS = (-7, -5, -4, -3, -2, -2, -1, 1, 2, 2, 3, 4, 5, 7)  # semitones
_NOTE_STEPS = slice(1, 6)  # 0.2 to 1.2 seconds, of which a note is described


@dataclass(frozen=True)
class Phrases:
    """Described phrases of a split, m of them."""

    names: tuple[str, ...]  # of the instruments [m]
    descriptors: FloatArray  # [shape=(m, PHRASE_STEPS, 29)], a row for each step
    notes: FloatArray  # [shape=(m, 29)] of one note held


@lru_cache(maxsize=3)
def load_phrases(split: str) -> Phrases:
    """The phrases of a split, as they are shipped."""
    names = tuple(name for name in INSTRUMENTS[split] for _ in range(PHRASES))
    with np.load(SHIPPED, allow_pickle=False) as shipped:
        parts = [shipped[f"{split}_{part}"].astype(np.float64) for part in ("phrases", "notes")]
    return Phrases(names, *parts)


def describe_phrases(names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Descriptors of all phrases and notes of some instruments, rendered now.

    :return: [shape=(m, PHRASE_STEPS, 29)] and [m, 29], as in `Phrases`
    """
    describer = Describer()
    phrases, notes = [], []
    for name in names:
        for number in range(PHRASES):
            phrases.append(_described(phrase_sound(name, number), describer))
            held = _described(note_sound(name, number), describer)
            notes.append(held[_NOTE_STEPS].mean(axis=0))
    return np.array(phrases), np.array(notes)


def phrase_sound(name: str, number: int) -> NDArray[np.float32]:
    """A phrase of an instrument at the ears' rate [shape=(samples,)]."""
    return _render(
        name, _phrase(name, np.random.default_rng([list(ORCHESTRA).index(name), number]))
    )


def note_sound(name: str, number: int) -> NDArray[np.float32]:
    """A note held by an instrument, as long as a phrase."""
    low, high = _range(name)
    note = np.zeros(1, EVENT)
    note["duration_frames"] = _frames(PHRASE_STEPS * STEP_SECONDS)
    note["pitch"] = low + (high - low) * (2 * number + 1) // (2 * PHRASES)
    note["velocity"] = 0.5 + 0.4 * (number % 2)
    return _render(name, note)


def _phrase(name: str, rng: np.random.Generator) -> Events:
    low, high = _range(name)
    seconds = rng.choice(_BEATS, 4 * PHRASE_STEPS)
    starts = np.concatenate([[0.0], np.cumsum(seconds)[:-1]])
    heard = starts < PHRASE_STEPS * STEP_SECONDS
    events = np.zeros(int(heard.sum()), EVENT)
    events["at_frame"] = _frames(starts[heard])
    events["duration_frames"] = _frames(seconds[heard] * 0.95)
    events["velocity"] = rng.uniform(0.4, 0.9, len(events))
    pitch = int(rng.integers(low, high + 1))
    for event, leap in zip(events, rng.choice(_LEAPS, len(events)), strict=True):
        event["pitch"] = pitch
        turned = pitch + leap if low <= pitch + leap <= high else pitch - leap
        pitch = int(np.clip(turned, low, high))
    return events


def _range(name: str) -> tuple[int, int]:
    player = ORCHESTRA[name]
    return max(player.lowest, _LOWEST), min(player.highest, _HIGHEST)


def _frames(seconds: FloatArray | float) -> NDArray[np.int64]:
    return np.asarray(np.rint(np.asarray(seconds) * _RENDER_RATE), np.int64)


def _render(name: str, events: Events) -> NDArray[np.float32]:
    from ...synth.render import render_array

    channels = [Channel(name, name, reverb=0.0)]
    sound = render_array(events, channels, sample_rate=_RENDER_RATE, tail_seconds=0.0)
    wanted = round(PHRASE_STEPS * STEP_SECONDS * RATE)
    mono = to_mono(sound, _RENDER_RATE)[:wanted]
    return np.pad(mono, (0, wanted - len(mono)))


def _described(sound: NDArray[np.float32], describer: Describer) -> FloatArray:
    """A row for each step [shape=(steps, 29)]."""
    return describer.describe(sound.reshape(PHRASE_STEPS, -1))


def main() -> None:
    """Render, describe and keep the phrases of all splits."""
    found = {}
    for split, names in INSTRUMENTS.items():
        print(f"{split}: {', '.join(names)}")
        phrases, notes = describe_phrases(names)
        found[f"{split}_phrases"] = phrases.astype(np.float16)
        found[f"{split}_notes"] = notes.astype(np.float16)
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **found)
    write_whole(SHIPPED, buffer.getvalue())


if __name__ == "__main__":
    main()
