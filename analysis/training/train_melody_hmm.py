"""Trains the Gaussian mixtures and the chain of `melody_hmm` on a corpus with known melodies.

    python -m segue.analysis.training.train_melody_hmm --corpus DIR [--pieces 60]

For the corpus see `train_f0`; which part of a piece is its melody, `melody_labels` says.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from ..cards import MODELS, Card, Metric, Output, Source, save_model
from ..pitch.melody_hmm import EACH, HIGHEST, LOWEST, STEPS, find_melody_hmm, observations
from ..spectra import RATE
from .melody_labels import melody_hz, scores

FloatArray = NDArray[np.float64]

GAUSSIANS = 8
EACH_PIECE = 1_500  # observations of a piece that are learned from, of either kind


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--pieces", type=int, default=60)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    train = _pieces(given.corpus / "train")[: given.pieces]
    weights = _learn(train, rng)
    card = _card(given.pieces, np.zeros((1, 3)), 0)
    save_model(MODELS, card, weights)
    valid = _pieces(given.corpus / "valid")[:30]
    rows = np.array([_score(path, hz) for path, hz in valid])
    save_model(MODELS, _card(len(train), rows, len(valid)), weights)
    print("raw pitch, raw chroma, overall accuracy:", rows.mean(axis=0).round(3), len(rows))


def _pieces(folder: Path) -> list[tuple[Path, FloatArray]]:
    found = []
    for path in sorted(folder.glob("*.json")):
        hz = melody_hz(json.loads(path.read_text()))
        if hz is not None and path.with_suffix(".flac").exists():
            found.append((path.with_suffix(".flac"), hz))
    return found


def _learn(
    pieces: list[tuple[Path, FloatArray]], rng: np.random.Generator
) -> dict[str, FloatArray]:
    there: list[FloatArray] = []
    elsewhere: list[FloatArray] = []
    steps = np.ones(2 * STEPS + 1)
    counts = {"sung": 1.0, "rest": 1.0, "change": 1.0, "begin": 1.0, "end": 1.0}
    for path, hz in pieces:
        sound, _ = soundfile.read(path, dtype="float32")
        seen, loud, _ = observations(sound)
        state = _semitones(hz[::EACH][: len(seen)])
        seen, loud = seen[: len(state)], loud[: len(state)]
        _count(state, steps, counts)
        inside = np.flatnonzero((state >= 0) & loud)
        chosen = rng.permutation(inside)[:EACH_PIECE]
        there.append(seen[chosen, state[chosen]])
        frames = rng.integers(0, len(seen), EACH_PIECE * 2)
        other = rng.integers(0, HIGHEST - LOWEST, EACH_PIECE * 2)
        keep = (np.abs(state[frames] - other) > 0) & loud[frames]
        elsewhere.append(seen[frames[keep], other[keep]])
    found: dict[str, FloatArray] = {
        "steps": np.log(steps / steps.sum()),
        "change": np.array(counts["change"] / counts["sung"]),
        "begin": np.array(counts["begin"] / counts["rest"]),
        "end": np.array(counts["end"] / counts["sung"]),
    }
    for name, rows in (("there", there), ("elsewhere", elsewhere)):
        found |= {f"{name}_{part}": value for part, value in _mixture(rows).items()}
    return found


def _mixture(rows: list[FloatArray]) -> dict[str, FloatArray]:
    from sklearn.mixture import GaussianMixture

    model: Any = GaussianMixture(
        GAUSSIANS, covariance_type="diag", random_state=0, reg_covar=1e-3, max_iter=60
    )
    model.fit(np.concatenate(rows))
    return {"weights": model.weights_, "means": model.means_, "variances": model.covariances_}


def _semitones(hz: FloatArray) -> NDArray[np.int64]:
    midi = np.rint(69.0 + 12.0 * np.log2(np.maximum(hz, 1e-3) / 440.0)).astype(np.int64)
    inside = (hz > 0) & (midi >= LOWEST) & (midi < HIGHEST)
    return np.where(inside, midi - LOWEST, -1)


def _count(state: NDArray[np.int64], steps: FloatArray, counts: dict[str, float]) -> None:
    before, after = state[:-1], state[1:]
    both = (before >= 0) & (after >= 0)
    changed = both & (before != after)
    np.add.at(steps, np.clip((after - before)[changed], -STEPS, STEPS) + STEPS, 1)
    counts["sung"] += float((before >= 0).sum())
    counts["rest"] += float((before < 0).sum())
    counts["change"] += float(changed.sum())
    counts["begin"] += float(((before < 0) & (after >= 0)).sum())
    counts["end"] += float(((before >= 0) & (after < 0)).sum())


def _score(path: Path, hz: FloatArray) -> tuple[float, float, float]:
    sound, _ = soundfile.read(path, dtype="float32")
    return scores(hz, find_melody_hmm(sound, RATE))


def _card(learned_from: int, rows: FloatArray, judged: int) -> Card:
    rng = np.random.default_rng(0)
    means = rows[rng.integers(0, len(rows), (2000, len(rows))), 0].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Card(
        name="melody_hmm",
        task="melody",
        version="1",
        summary="The melody of a mix by Gaussian mixtures and a chain; what the network is held "
        "against.",
        inputs=("strength of the harmonics of each semitone, see melody_hmm.observations",),
        outputs=(Output("melody", f"MIDI {LOWEST} to {HIGHEST - 1}, or none, each 20 ms"),),
        training_data=(
            Source(
                "POP909 songs and own band music, rendered by analysis.training.corpus",
                "MIT; sound fonts as in its schema, of which nothing is contained",
                "training",
            ),
        ),
        commercial_use="open",
        split="by song and by sound font",
        metrics=(
            Metric(
                "raw pitch accuracy within 50 cents",
                float(rows[:, 0].mean()),
                float(low),
                float(high),
                f"{judged} pieces of the validation part, {learned_from} to learn from",
            ),
        ),
        command="python -m segue.analysis.training.train_melody_hmm --corpus CORPUS",
        weights="melody_hmm.npz",
        sha256="",
        notes=("Rendered sound flatters; real recordings are harder.",),
    )


if __name__ == "__main__":
    main()
