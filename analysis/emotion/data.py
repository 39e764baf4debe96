"""Rated music as features of bars: the data sets that emotion models learn from and are tested on.

* VGMIDI (Ferreira and Whitehead, "Learning to generate music with sentiment", ISMIR 2019): piano
  arrangements of game music, rated measure by measure by some 30 listeners. A measure of theirs is
  four beats from the start, whatever the meter (pieces in 3/4 have three quarters as many).
* EMOPIA (Hung et al., "EMOPIA: a multi-modal pop piano dataset", ISMIR 2021): clips labelled with a
  quadrant of valence and arousal, cut here into windows of four beats (two seconds).
"""

import csv
import gzip
import math
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError
from ...music.midi import DRUM_CHANNEL, read_midi
from ...music.score import Score
from ...music.score_analysis import find_key
from ..scores.symbolic import bar_features

FloatArray = NDArray[np.float64]

BAR_BEATS = 4.0
RATING_MEAN = np.array([0.169, 0.076])
RATING_SD = np.array([0.229, 0.259])
"""Mean and sd of VGMIDI's mean ratings of measures (valence, arousal), on a scale of [-1, 1]."""


@dataclass(frozen=True)
class RatedBars:
    """Bars of pieces in order, n in all."""

    features: FloatArray  # [shape=(n, F)]
    targets: FloatArray  # [shape=(n, 2)], valence and arousal, z (EMOPIA: signs)
    piece: NDArray[np.int64]  # [shape=(n,)], index of the piece
    group: NDArray[np.str_]  # [shape=(n,)], game series, or EMOPIA's split

    def where(self, mask: NDArray[np.bool_]) -> "RatedBars":
        """The bars where the mask [shape=(n,)] is true."""
        return RatedBars(
            self.features[mask], self.targets[mask], self.piece[mask], self.group[mask]
        )

    def remembered(self, memory_bars: float) -> "RatedBars":
        """The same with features smoothed by an exponential memory, anew in each piece."""
        if not memory_bars:
            return self
        rate = 1.0 / (memory_bars + 1.0)
        smooth = self.features.copy()
        for bar in range(1, len(smooth)):
            if self.piece[bar] == self.piece[bar - 1]:
                smooth[bar] = smooth[bar - 1] + rate * (self.features[bar] - smooth[bar - 1])
        return RatedBars(smooth, self.targets, self.piece, self.group)


class _Annotation(msgspec.Struct):
    valence: list[float]
    arousal: list[float]


class _Piece(msgspec.Struct):
    midi: str
    measures: int
    annotations: list[_Annotation]


def score_features(score: Score) -> FloatArray:
    """Features [shape=(bars, F)] of a score in bars of four beats, in its estimated key."""
    pitched = np.concatenate([t.notes for t in score.tracks if t.channel != DRUM_CHANNEL])
    drums = [track.notes for track in score.tracks if track.channel == DRUM_CHANNEL]
    drum_notes = np.concatenate(drums) if drums else pitched[:0]
    tonic = find_key(pitched).tonic
    bars = max(1, math.ceil((pitched["onset_beats"].max() + 1e-6) / BAR_BEATS))
    rows = []
    for bar in range(bars):
        start = bar * BAR_BEATS
        inside, beaten = (
            notes[(notes["onset_beats"] >= start) & (notes["onset_beats"] < start + BAR_BEATS)]
            for notes in (pitched, drum_notes)
        )
        rows.append(
            bar_features(
                inside,
                tonic=tonic,
                bar_beats=BAR_BEATS,
                bar_seconds=score.tempo.seconds(start + BAR_BEATS) - score.tempo.seconds(start),
                percussive=beaten,
                start_beats=start,
            )
        )
    return np.stack(rows)


def read_vgmidi(data: Path) -> RatedBars:
    """The rated pieces of VGMIDI in `data`/vgmidi; group = game series."""
    with gzip.open(_existing(data / "vgmidi" / "vgmidi_annotations.jsonl.gz")) as lines:
        pieces = [msgspec.json.decode(line, type=_Piece) for line in lines]
    with TemporaryDirectory() as folder:
        files = _unpack(data / "vgmidi" / "vgmidi_labelled_midi.zip", folder)
        rows = []
        for index, piece in enumerate(pieces):
            features = score_features(read_midi(files[Path(piece.midi).stem]))
            ratings = np.mean(
                [(a.valence, a.arousal) for a in piece.annotations if _complete(a, piece)], axis=0
            ).T
            bars = min(len(features), len(ratings))
            targets = (ratings[:bars] - RATING_MEAN) / RATING_SD
            rows.append((features[:bars], targets, index, piece.midi.split("_")[0]))
    return _joined(rows)


def read_emopia(data: Path) -> RatedBars:
    """The clips of EMOPIA's official split in `data`/emopia; targets = signs, group = split."""
    with TemporaryDirectory() as folder:
        files = _unpack(data / "emopia" / "emopia_midi.zip", folder)
        rows: list[tuple[FloatArray, FloatArray, int, str]] = []
        for split in ("train", "val", "test"):
            with open(_existing(data / "emopia" / f"{split}.csv"), newline="") as file:
                for line in csv.DictReader(file):
                    quadrant = int(line["label"][1])
                    features = score_features(read_midi(files[line["fname"].split(".")[0]]))
                    sign = (1.0 if quadrant in (1, 4) else -1.0, 1.0 if quadrant < 3 else -1.0)
                    rows.append((features, np.tile(sign, (len(features), 1)), len(rows), split))
    return _joined(rows)


def _complete(annotation: _Annotation, piece: _Piece) -> bool:
    return len(annotation.valence) == len(annotation.arousal) == piece.measures


def _joined(rows: list[tuple[FloatArray, FloatArray, int, str]]) -> RatedBars:
    return RatedBars(
        np.concatenate([features for features, *_ in rows]),
        np.concatenate([targets for _, targets, *_ in rows]),
        np.concatenate([np.full(len(features), index) for features, _, index, _ in rows]),
        np.concatenate([np.full(len(features), group) for features, *_, group in rows]),
    )


def _unpack(archive: Path, folder: str) -> dict[str, Path]:
    """MIDI files of a zip by their stem."""
    with ZipFile(_existing(archive)) as file:
        file.extractall(folder)
    return {path.stem: path for path in Path(folder).rglob("*.mid")}


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise SegueError(f"there is no {path}; give the folder of the data sets with --data")
    return path
