"""Songs whose form is known, put together from bars of the bands of the development set.

Each letter of a form is another band; each time it comes, other bars of that band are played. So
sections with one letter share chords and instruments, not notes.
"""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .analysis_material import Take

FORMS = ("AABA", "ABAB", "ABAC", "AABB")
SECTION_BARS = 4
RATE = 44_100


def make_songs(takes: Sequence[Take], made: Path) -> list[Take]:
    """A song for each band and form in turn, written into a folder; none if bands are missing.

    Each has a file beside it that says how many sections it has, for peers that must be told.
    """
    bands = [take for take in takes if take.family == "band" and len(_bars(take)) >= SECTION_BARS]
    songs = []
    for number in range(len(bands) if len(bands) >= 3 else 0):
        form = FORMS[number % len(FORMS)]
        players = {
            letter: bands[(number + 5 * place) % len(bands)] for place, letter in enumerate("ABC")
        }
        songs.append(_song(f"form{number:02d}", form, players, made))
    return songs


def _bars(take: Take) -> list[tuple[float, float]]:
    """Whole bars, start and end in seconds."""
    lines = take.downbeats_seconds
    return list(pairwise(lines))


def _song(name: str, form: str, players: dict[str, Take], made: Path) -> Take:
    import soundfile

    sounds = {letter: _sound(take) for letter, take in players.items() if letter in form}
    parts: list[NDArray[np.float32]] = []
    sections, at = [], 0
    times = dict.fromkeys(form, 0)
    for letter in form:
        bars = _bars(players[letter])
        turns = len(bars) // SECTION_BARS
        first = times[letter] % turns * SECTION_BARS
        times[letter] += 1
        start, stop = (
            round(second * RATE) for second in (bars[first][0], bars[first + SECTION_BARS - 1][1])
        )
        parts.append(sounds[letter][start:stop])
        sections.append([at / RATE, (at + stop - start) / RATE, letter])
        at += stop - start
    path = made / f"{name}.wav"
    soundfile.write(path, np.concatenate(parts), RATE)
    path.with_suffix(".json").write_text(json.dumps({"sections": len(form)}))
    return Take(name, form, str(path), sections=tuple(sections))


def _sound(take: Take) -> NDArray[np.float32]:
    import soundfile
    import soxr

    samples, rate = soundfile.read(take.path, dtype="float32")
    level = float(np.sqrt(np.square(samples).mean()))
    found = soxr.resample(samples, rate, RATE) * (0.1 / max(level, 1e-6))
    return np.asarray(np.clip(found, -1.0, 1.0), np.float32)
