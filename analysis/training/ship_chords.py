"""Ships what `train_chords` learned: the network, the moves of its decoder, and their cards.

    python -m segue.analysis.training.ship_chords --corpus DIR --cache DIR --trained DIR

Moves are counted on the first part of the corpus; the cards' numbers come from the second part.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..cards import MODELS, Card, Metric, Output, Source, save_model
from ..harmony.chord_decoder import NO_CHORD, QUALITIES, Moves, best_sequence
from ..harmony.harmony_frames import FRAME_SECONDS
from ..networks import save_network
from .chord_data import load, read_label
from .train_chords import chord_net, frame_scores, key_score, posteriors

_TRAINING = (
    Source("POP909", "MIT", "songs with chord and key labels, rendered"),
    Source("music21 corpus", "BSD; scores in the public domain", "scores and tunes, rendered"),
    Source("When in Rome", "CC BY-SA 4.0; scores CC0", "scores, rendered"),
    Source("Nottingham tunes", "traditional; edition GPL-3.0", "tunes with chords, rendered"),
    Source("Groove MIDI", "CC BY 4.0", "drums of invented bands"),
    Source("invented bands", "our own", "chords, bass, comping, tunes and drums, rendered"),
)
_COMMAND = (
    "python -m segue.analysis.training.train_chords --corpus DIR --cache DIR --out OUT && "
    "python -m segue.analysis.training.ship_chords --corpus DIR --cache DIR --trained OUT"
)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--trained", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--out", type=Path, default=MODELS)
    options = parser.parse_args()
    counts, rate = count_moves(options.corpus / "train")
    rows = measure(options.cache, options.trained, Moves.of_counts(counts, rate))
    metrics = tuple(
        interval(name, rows[:, column])
        for column, name in enumerate(("chord_majmin", "chord_sevenths", "key_mirex"))
    )
    for metric in metrics:
        print(f"{metric.name} {metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f})")
    save_network(options.out, network_card(metrics), (options.trained / "chords.onnx").read_bytes())
    save_model(
        options.out, moves_card(), {"counts": counts, "change_rate": np.array(rate, np.float64)}
    )


def count_moves(folder: Path) -> tuple[NDArray[np.float64], float]:
    """How often chords follow each other, as `Moves.of_counts` wants it, and changes a second."""
    size = len(QUALITIES)
    counts = np.zeros((12, size + 1, size + 1))
    seconds = 0.0
    for path in sorted(folder.glob("*.json")):
        chords = json.loads(path.read_text())["chords"]
        before = -1
        for on, off, label in chords:
            chord = read_label(label)[0]
            seconds += (off - on) * (chord >= 0)
            if chord >= 0 and before >= 0 and chord != before:
                counts[_move(before, chord)] += 1.0
            before = chord
    return counts, float(counts.sum() / max(seconds, 1.0))


def _move(before: int, after: int) -> tuple[int, int, int]:
    """(interval, quality from, quality to) of two classes."""
    size = len(QUALITIES)
    from_root, from_quality = divmod(before, size) if before < NO_CHORD else (0, size)
    root, quality = divmod(after, size) if after < NO_CHORD else (from_root, size)
    return (root - from_root) % 12, from_quality, quality


def measure(cache: Path, trained: Path, moves: Moves) -> NDArray[np.float64]:
    """(majmin, sevenths, key) of each clip of the second part; NaN where a label is missing."""
    net = chord_net(trained)
    rows = []
    for clip in load(cache, "valid"):
        logs, key = posteriors(net, clip)
        path = best_sequence(logs, moves, FRAME_SECONDS)
        mirex = key_score(int(key.argmax()), clip.key) if clip.key >= 0 else np.nan
        rows.append([*frame_scores(path, clip.chord[: len(path)]), mirex])
    return np.array(rows)


def interval(name: str, values: NDArray[np.float64]) -> Metric:
    """The mean of the clips that have a value, with a bootstrap interval over clips."""
    known = values[~np.isnan(values)]
    random = np.random.default_rng(0)
    means = known[random.integers(0, len(known), (2000, len(known)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    where = f"{len(known)} clips of the corpus's second part, other pieces and sound fonts"
    value, low, high = (round(float(number), 4) for number in (known.mean(), low, high))
    return Metric(name, value, low, high, where)


def network_card(metrics: tuple[Metric, ...]) -> Card:
    """The card of the network."""
    return Card(
        name="chords",
        task="chords, bass, pitch classes and key of sound",
        version="1",
        summary=(
            "Hears in each frame of 46 ms how likely each chord, bass and pitch class is, and what "
            "speaks for each key; its weights are shared by all transpositions."
        ),
        inputs=("loudness: chroma.in_tune [time (even), 2, 252], log of 1 + 1000 magnitudes",),
        outputs=(
            Output("chord", "natural log of probability, 12 roots x 13 qualities and none"),
            Output("bass", "natural log of probability, 12 pitch classes and none"),
            Output("active", "probability 0..1 that a pitch class sounds"),
            Output("key", "nats of evidence, 12 major and 12 minor keys, mean over 18 s"),
        ),
        training_data=_TRAINING,
        commercial_use="open",
        split=(
            "by work and sound font (the second part's font shares samples with one of the first); "
            "no work of the development set"
        ),
        metrics=metrics,
        command=_COMMAND,
        weights="chords.onnx",
        sha256="",
        notes=(
            "Learned from rendered sound only; recordings are heard less well.",
            "Learned in three goes (--start), about 1400 steps in all, while the corpus grew to "
            "8.5 h.",
            "Chord labels of POP909 and of the classical scores are themselves made by rules.",
        ),
    )


def moves_card() -> Card:
    """The card of the decoder's moves."""
    return Card(
        name="chord_moves",
        task="how chords follow each other",
        version="1",
        summary="Counts of changes between chords by interval of the roots and both qualities.",
        inputs=("chords one after another, as classes of analysis.harmony.chord_decoder",),
        outputs=(
            Output("counts", "changes, [interval, quality from, quality to], the last: no chord"),
            Output("change_rate", "changes a second"),
        ),
        training_data=_TRAINING,
        commercial_use="open",
        split="counted in the first part of the corpus",
        metrics=(),
        command=_COMMAND,
        weights="chord_moves.npz",
        sha256="",
    )


if __name__ == "__main__":
    main()
