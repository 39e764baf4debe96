"""How well notes are found in the validation part of the corpus; writes it on the card.

    python -m segue.analysis.training.measure_notes CORPUS [--tune]

A note is right if its pitch is and its onset is at most 50 ms off; with offsets, if its end is also
at most 50 ms or a fifth of its length off (mir_eval). With `--tune`, other thresholds are tried.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..cards import MODELS, Metric, Source, read_card, read_weights
from ..networks import save_network
from ..notes.note_decoder import Thresholds, decode
from ..notes.note_spectrum import LOWEST_MIDI
from ..notes.polyphonic import note_posteriors
from ..pitch.tuning import find_tuning
from ..spectra import RATE, Floats, to_mono
from .note_data import heard_notes

SOURCES = (
    Source("POP909", "MIT", "songs, rendered with other instruments"),
    Source("music21 corpus", "BSD; scores in the public domain", "scores and tunes, rendered"),
    Source("When in Rome", "CC BY-SA 4.0; scores CC0", "scores, rendered"),
    Source("Nottingham tunes", "traditional; edition GPL-3.0", "tunes, rendered"),
    Source("Groove MIDI", "CC BY 4.0", "drums beside the notes of invented bands"),
    Source("invented bands", "own", "notes of many instruments, with drums, rendered"),
)
_DRAWS = 2000
_ONSETS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
_HELD = (0.25, 0.3, 0.35, 0.4, 0.5)

Scores = tuple[str, float, float]  # family, F1 of onsets, F1 with offsets


def read_part(folder: Path) -> Iterator[tuple[str, NDArray[np.float64], Floats]]:
    """Family, true notes and what the network hears, of each piece with notes."""
    import soundfile

    for path in sorted(folder.glob("*.json")):
        label = json.loads(path.read_text())
        if not label["notes"] or not path.with_suffix(".flac").exists():
            continue
        samples, rate = soundfile.read(path.with_suffix(".flac"), dtype="float32")
        mono = to_mono(samples, rate)
        found = note_posteriors(mono, find_tuning(mono, RATE).cents)
        heard = np.stack([found.onset, found.frame, found.offset, found.velocity])
        yield label["family"], heard_notes(label["notes"]), heard


def score(truth: NDArray[np.float64], found: NDArray[np.float64]) -> tuple[float, float]:
    """F1 of onsets, and of onsets with offsets."""
    from mir_eval.transcription import precision_recall_f1_overlap

    if not len(found):
        return 0.0, 0.0
    true_hz = 440.0 * 2.0 ** ((truth[:, 2] + LOWEST_MIDI - 69.0) / 12.0)
    hz = 440.0 * 2.0 ** ((found[:, 2] - 69.0) / 12.0)
    sides = (truth[:, :2], true_hz, found[:, :2], hz)
    onset = precision_recall_f1_overlap(*sides, offset_ratio=None)[2]
    return float(onset), float(precision_recall_f1_overlap(*sides)[2])


def measure(
    pieces: Sequence[tuple[str, NDArray[np.float64], Floats]], thresholds: Thresholds
) -> list[Scores]:
    """Scores of each piece."""
    return [(family, *score(truth, decode(heard, thresholds))) for family, truth, heard in pieces]


def tune(pieces: Sequence[tuple[str, NDArray[np.float64], Floats]]) -> Thresholds:
    """The best thresholds: of onsets by the first score, then of held keys by the second."""
    best = Thresholds()
    by_onset = {at: _mean(measure(pieces, replace(best, onset=at)), 1) for at in _ONSETS}
    best = replace(best, onset=max(by_onset, key=by_onset.__getitem__))
    by_held = {at: _mean(measure(pieces, replace(best, held=at)), 2) for at in _HELD}
    print("onset", by_onset, "held", by_held, sep="\n")
    return replace(best, held=max(by_held, key=by_held.__getitem__))


def _mean(scores: Sequence[Scores], column: int) -> float:
    return round(float(np.mean([row[column] for row in scores])), 4)


def metrics_of(scores: Sequence[Scores]) -> tuple[Metric, ...]:
    """Means over all pieces and by family, with intervals by bootstrap over pieces."""
    rng = np.random.default_rng(0)
    metrics = []
    for family in ["all", *sorted({row[0] for row in scores})]:
        rows = [row for row in scores if family in ("all", row[0])]
        for column, name in ((1, "onset F1"), (2, "onset and offset F1")):
            values = np.array([row[column] for row in rows])
            draws = rng.choice(values, (_DRAWS, len(values))).mean(axis=1)
            low, high = (round(float(edge), 3) for edge in np.percentile(draws, (2.5, 97.5)))
            what = f"validation part, {family}, {len(rows)} pieces"
            metrics.append(Metric(name, round(float(values.mean()), 3), low, high, what))
    return tuple(metrics)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--tune", action="store_true")
    given = parser.parse_args()
    pieces = list(read_part(given.corpus / "valid"))
    thresholds = tune(pieces) if given.tune else Thresholds()
    print(thresholds)
    metrics = metrics_of(measure(pieces, thresholds))
    for metric in metrics:
        print(f"{metric.name:20} {metric.value} [{metric.low}, {metric.high}] {metric.measured_on}")
    path = MODELS / "notes.json"
    card = read_card(path)
    signed = msgspec.structs.replace(card, metrics=metrics, training_data=SOURCES)
    save_network(MODELS, signed, read_weights(path, card))


if __name__ == "__main__":
    main()
