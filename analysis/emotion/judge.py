"""Trains the emotion model that judges: `python -m segue.analysis.emotion.judge --data DIR`.

Agents hear with the model "vgmidi", and are trained on listeners who feel by it. Whether they
please anybody else is asked of a model of other data: "emopia", fitted to the clips of EMOPIA
alone, with the inputs, network and settings of `training`, none of which was chosen for it. Its
labels are quadrants, so it learns the signs of valence and arousal.

Signs have no unit. The zero and unit are lent by "vgmidi": over bars of composed themes under
random settings of the knobs both models have equal means and standard deviations. These four
numbers are all that it has of VGMIDI.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...music.book import Book
from ...music.direction import KNOBS
from ...music.themes import compose_theme
from ...music.worlds import Worlds
from ..cards import Card, Metric, Output, Source, save_model
from ..scores.ear import Ear
from ..scores.symbolic import FEATURES
from .data import read_emopia
from .model import LIMIT, TASK, load_emotion_model
from .training import (
    HIDDEN,
    NETWORKS,
    PERCUSSION_SLOPE,
    Predictor,
    clip_accuracy,
    fit,
    for_play,
    interval_metric,
    predictor,
    run,
    show,
)

FloatArray = NDArray[np.float64]

THEMES = range(16)
"""Seeds of the composed themes whose bars are compared; those that agents are trained on."""

PERFORMANCES, BARS = 256, 16


def arranged_bars(seed: int = 0) -> FloatArray:
    """Features [shape=(n, F)] of bars of `THEMES`, each under settings of its own by chance."""
    rng = np.random.default_rng(seed)
    book = Book([compose_theme(theme) for theme in THEMES])
    ear = Ear(book)
    cues = rng.integers(0, len(book.cues), PERFORMANCES)
    worlds = Worlds(book, cues, np.arange(PERFORMANCES))
    knobs = rng.uniform(0.0, 1.0, (BARS, PERFORMANCES, len(KNOBS)))
    return np.concatenate([ear.hear(worlds.advance(worlds.set(each))) for each in knobs])


def on_scale_of(
    weights: dict[str, FloatArray], model: Predictor, features: FloatArray
) -> dict[str, FloatArray]:
    """The weights with means and deviations over some bars like those of a model."""
    own, wanted = (np.arctanh(p(features) / LIMIT) * LIMIT for p in (predictor(weights), model))
    unit = wanted.std(axis=0) / own.std(axis=0)
    scaled = {name: array.copy() for name, array in weights.items()}
    for name in ("output", "linear", "bias"):
        scaled[name] *= unit
    scaled["bias"] += wanted.mean(axis=0) - unit * own.mean(axis=0)
    return scaled


def agreement(one: FloatArray, other: FloatArray, where: str) -> list[Metric]:
    """Correlation and mean absolute difference of moods [shape=(n, 2)] that two models hear."""
    samples = np.random.default_rng(0).integers(0, len(one), (1000, len(one)))
    metrics = []
    for column, axis in enumerate(("valence", "arousal")):
        a, b = one[:, column], other[:, column]
        together = [float(np.corrcoef(a[s], b[s])[0, 1]) for s in samples]
        metrics.append(
            interval_metric(f"{axis} correlation", float(np.corrcoef(a, b)[0, 1]), together, where)
        )
        apart = np.abs(a - b)
        spread = apart[samples].mean(axis=1)
        metrics.append(
            interval_metric(f"{axis} mean difference", float(apart.mean()), spread, where)
        )
    return metrics


def train(data: Path, folder: Path) -> Card:
    """Fit, test and write the model "emopia"; prints what it measures."""
    clips = read_emopia(data)
    test = clips.group == "test"
    weights = fit(clips.where(~test))
    metrics = clip_accuracy(
        clips.where(test), clips.where(~test), predictor(weights), "EMOPIA test clips"
    )
    show("network", metrics)
    features = arranged_bars()
    agent = load_emotion_model("vgmidi").predict
    slope = float(weights["linear"][FEATURES.index("velocity_mean"), 1])
    played = on_scale_of(for_play(weights, slope), agent, features)
    where = "arranged bars, beside emotion_vgmidi"
    metrics += agreement(predictor(played)(features), agent(features), where)
    show("network", metrics[-4:])
    published = load_emotion_model("published").predict
    show("emotion_published", agreement(published(features), agent(features), where))
    return save_model(folder, _card(tuple(metrics)), played)


def _card(metrics: tuple[Metric, ...]) -> Card:
    return Card(
        name="emotion_emopia",
        task=TASK,
        version="1",
        summary=f"{NETWORKS} averaged networks of {HIDDEN} rectified units, on features of a bar",
        inputs=FEATURES,
        outputs=tuple(
            Output(axis, "z as of emotion_vgmidi over arranged bars, within +-3")
            for axis in ("valence", "arousal")
        ),
        training_data=(
            Source(
                "EMOPIA 1.0: 965 clips of piano pop by quadrant of valence and arousal",
                "CC BY-NC-SA 4.0",
                "training; 86 more clips for the test",
            ),
        ),
        commercial_use="no: the licence of EMOPIA forbids it; a judge in experiments, not in play",
        split="EMOPIA's own, by song: training and validation clips to learn from, test clips kept",
        metrics=metrics,
        command="python -m segue.analysis.emotion.judge --data $SEGUE_DATA",
        weights="emotion_emopia.npz",
        sha256="",
        notes=(
            "Made to judge agents that hear with emotion_vgmidi. Nothing was chosen for it: "
            "inputs, network and settings are those of that model.",
            "Labels are signs; zero and unit are emotion_vgmidi's over 4,096 bars of composed "
            "themes under random settings of the knobs, four numbers in all.",
            "Velocity: one linear term in arousal, none in valence, as fitted across clips. "
            f"Percussion: an assumed linear term, {PERCUSSION_SLOPE} z of arousal per ln(1 + "
            "strokes per second) before the unit was set.",
        ),
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return run("Train and test the emotion model that judges.", train, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
