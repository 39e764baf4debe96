"""Folk tunes as events: the melodies of the Nottingham collection, transposed to C.

The collection (github.com/jukedeck/nottingham-dataset) is read from `nottingham/` of the data
folder; `nottingham_midi.zip` there holds `MIDI/melody/*.mid`, a tune each, with key and meter.

    python -m segue.agents.melody.tunes --data DIR

prints the statistics of the phrases of a split.
"""

import argparse
import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np

from ...envs.melody.events import (
    BAR_STEPS,
    IS_NOTE,
    LOWEST,
    PHRASE_BARS,
    PITCHES,
    IntArray,
    events_of,
)
from ...envs.melody.note_model import LONG_BAR, SHORT_BAR, START, load_note_model, piece_log_probs
from ...envs.melody.statistics import statistics_of
from ...music.errors import MissingPartError
from ...music.score import NOTE
from ...music.theory import pitch_class
from ..statistics import interval, mean

ARCHIVE = "nottingham/nottingham_midi.zip"
SPLITS = {0: "test", 1: "validation"}  # by CRC-32 of the name, modulo 10; the rest: train
_METERS = {(4, 4): LONG_BAR, (2, 2): LONG_BAR, (3, 4): SHORT_BAR, (6, 8): SHORT_BAR}


@dataclass(frozen=True)
class Tune:
    """A melody in C or A minor, from its first full bar on."""

    name: str
    events: IntArray  # [steps], whole bars
    bar_steps: int  # LONG_BAR or SHORT_BAR

    @property
    def split(self) -> str:
        """train, validation or test."""
        return SPLITS.get(zlib.crc32(self.name.encode()) % 10, "train")

    def phrases(self) -> list[IntArray]:
        """Its phrases of four bars, one after the other, each after the note before it or START."""
        size = self.bar_steps * PHRASE_BARS
        found = []
        for at in range(0, len(self.events) - size + 1, size):
            before = self.events[:at][IS_NOTE[self.events[:at]]]
            prime = before[-1] if len(before) else START
            found.append(np.append(prime, self.events[at : at + size]))
        return found


def load_tunes(data: Path | None = None) -> list[Tune]:
    """All tunes in one meter of bars of eight or six eighth notes that fit into the range.

    Raises MissingPartError without the data.

    :param data: the data folder; by default the one that SEGUE_DATA names
    """
    folder = data or Path(os.environ.get("SEGUE_DATA", ""))
    path = folder / ARCHIVE
    if not path.is_file():
        raise MissingPartError(f"there is no {ARCHIVE}; give --data DIR or set SEGUE_DATA")
    tunes = []
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.startswith("MIDI/melody/") and name.endswith(".mid"):
                file = mido.MidiFile(file=io.BytesIO(archive.read(name)))
                tune = read_tune(Path(name).stem, file)
                if tune is not None:
                    tunes.append(tune)
    return tunes


def read_tune(name: str, file: mido.MidiFile) -> Tune | None:
    """The tune of a file, None if its meters are others or its range is too wide."""
    messages = [message for track in file.tracks for message in track]
    meters = {(m.numerator, m.denominator) for m in messages if m.type == "time_signature"}
    keys = [m.key for m in messages if m.type == "key_signature"]
    if len(meters) != 1 or not meters <= set(_METERS) or len(set(keys)) != 1:
        return None
    bar_steps = _METERS[meters.pop()]
    notes = np.array(list(_rows(file)), NOTE)
    shift = (-pitch_class(keys[0][0], keys[0][1:].rstrip("m")) + 6) % 12 - 6
    pitches = notes["pitch"].astype(int) + shift
    pitches -= 12 * round((pitches.mean() - (LOWEST + PITCHES / 2)) / 12)
    if pitches.min() < LOWEST or pitches.max() >= LOWEST + PITCHES:
        return None
    notes["pitch"] = pitches
    bar_beats = bar_steps / 2
    first = np.ceil(notes["onset_beats"][0] / bar_beats) * bar_beats
    notes = notes[notes["onset_beats"] >= first]
    notes["onset_beats"] -= first
    bars = round(float(notes["onset_beats"][-1] + notes["duration_beats"][-1]) / bar_beats)
    return Tune(name, events_of(notes, max(bars, 1) * bar_steps), bar_steps)


def _rows(file: mido.MidiFile) -> Iterator[tuple[float, float, int, float]]:
    """(onset_beats, duration_beats, pitch, velocity) of a file's notes, which do not overlap."""
    for track in file.tracks:
        now, begun = 0, {}
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                begun[message.note] = now
            elif message.type in ("note_on", "note_off") and message.note in begun:
                on = begun.pop(message.note)
                ticks = file.ticks_per_beat
                yield on / ticks, (now - on) / ticks, message.note, message.velocity / 127 or 0.7


def phrases(tunes: list[Tune], split: str, bar_steps: int = BAR_STEPS) -> IntArray:
    """The phrases of a split's tunes in bars of so many steps [shape=(n, 1 + 4 bar_steps)].

    The first column is the note before the phrase, or START.
    """
    chosen = [t for t in tunes if t.split == split and t.bar_steps == bar_steps]
    return np.array([phrase for tune in chosen for phrase in tune.phrases()])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="data folder; by default that of SEGUE_DATA")
    parser.add_argument("--split", default="test", help="train, validation or test")
    options = parser.parse_args()
    rows = phrases(load_tunes(options.data), options.split)
    print(f"{len(rows)} phrases of four bars, {len(np.unique(rows[:, 1:], axis=0))} different")
    told = statistics_of(rows[:, 1:])
    told["log_prob"] = piece_log_probs(load_note_model(), rows)
    for name, values in told.items():
        low, high = interval(values)
        print(f"{name:18} {mean(values):7.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
