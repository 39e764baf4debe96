"""The emotion model from published ratings: `python -m segue.analysis.emotion.published`.

Eerola, Friberg and Bresin ("Emotional expression in music: contribution, linearity, and additivity
of primary musical cues", Frontiers in Psychology 4:487, 2013) had 200 variations of four melodies
rated as happy, sad, scary and peaceful (1..7), and found that mode, tempo, register, dynamics and
articulation act additively and mostly linearly. Their mean ratings and design are public
(doi:10.7910/DVN/IFOBRN).

What is theirs: the ratings, the levels of the cues, the linear form. What is ours: the coefficients
below, least squares on those ratings in physical units, timbre and melody held constant (adjusted
R2 .86 scary, .89 happy, .89 sad, .79 peaceful; the paper reports .77 to .89 for its linear models);
the features that stand for the cues; valence, arousal and tension as sums of the four emotions; and
the zero and unit, so that typical bars have mean 0 and standard deviation 1.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..cards import MODELS, Card, Output, Source, save_model
from ..scores.symbolic import FEATURES
from .model import TASK

FloatArray = NDArray[np.float64]

EMOTIONS = ("scary", "happy", "sad", "peaceful")
CUES = (
    "mode",  # -1 minor .. 1 major
    "tempo",  # ln(1 + onsets per second)
    "register",  # semitones
    "dynamics",  # dB
    "articulation",  # ln(duration / time between onsets)
)
COEFFICIENTS = np.array(
    [
        [-0.385, 0.895, -0.837, 0.208],
        [0.263, 1.088, -1.270, -0.883],
        [-0.0503, 0.0392, -0.0088, 0.0234],
        [0.0519, -0.0030, -0.0117, -0.0499],
        [0.085, -0.388, 0.436, 0.159],
    ]
)
"""Rating points per unit of cue [shape=(5 cues, 4 emotions)]."""

AXES = np.array([[-1, 1, 1], [1, 1, 0], [-1, -1, 0], [1, -1, -1]], dtype=float)
"""Valence, arousal and tension [columns] as sums of the emotions [rows]."""

TYPICAL_MEAN = np.array([8.10, 5.11, -1.49])
TYPICAL_SD = np.array([2.22, 1.76, 1.03])
"""Raw valence, arousal, tension over bars of game music (the notes of VGMIDI, not its ratings).

For the mean, a velocity of `NEUTRAL_VELOCITY` was taken throughout: the files' own say little.
"""

NEUTRAL_VELOCITY = 0.45

RANGES = {  # about what the experiment covered
    "onset_density": (np.log(1.5), np.log(9.0)),
    "pitch_mean": (40.0, 78.0),
    "velocity_mean": (0.2, 0.9),
    "log_duration": (np.log(0.06), np.log(2.5)),
    "major_fit": (-1.0, 1.0),
    "minor_fit": (-1.0, 1.0),
    "second": (-0.4, 0.4),
    "third": (-0.4, 0.4),
    "sixth": (-0.4, 0.4),
    "seventh": (-0.4, 0.4),
}


def cue_map() -> tuple[FloatArray, FloatArray]:
    """The cues as a linear map of features: weights [shape=(F, 5)] and offsets [shape=(5,)]."""
    rows: dict[str, dict[str, float]] = {
        # Half from the fit to the profiles of Krumhansl and Kessler, which correlate at .512 with
        # each other; half from the degrees that tell modes apart, which share about .4 of a bar.
        "mode": {"major_fit": 0.5 / 0.488, "minor_fit": -0.5 / 0.488}
        | {degree: 0.5 / 0.4 for degree in ("second", "third", "sixth", "seventh")},
        "tempo": {"onset_density": 1.0},
        "register": {"pitch_mean": 1.0},
        "dynamics": {"velocity_mean": 30.0},  # slope of 40 log10(velocity) near 0.55
        # ln x is about 1.39 ln(1 + x) - 0.92 from 1 to 6 onsets a second
        "articulation": {"log_duration": 1.0, "onset_density": 1.39},
    }
    weights = np.zeros((len(FEATURES), len(CUES)))
    for column, cue in enumerate(CUES):
        for feature, weight in rows[cue].items():
            weights[FEATURES.index(feature), column] = weight
    return weights, np.array([0.0, 0.0, 0.0, 0.0, -0.92])


def feature_ranges() -> tuple[FloatArray, FloatArray]:
    """The lowest and highest value [shape=(F,) each] of features; those not used are held at 0."""
    low, high = np.zeros(len(FEATURES)), np.zeros(len(FEATURES))
    for name, (least, most) in RANGES.items():
        low[FEATURES.index(name)], high[FEATURES.index(name)] = least, most
    return low, high


def published_weights() -> dict[str, FloatArray]:
    """The arrays of the model, as `EmotionModel` reads them."""
    cues, offsets = cue_map()
    to_axes = COEFFICIENTS @ AXES / TYPICAL_SD
    linear = cues @ to_axes
    bias = offsets @ to_axes - TYPICAL_MEAN / TYPICAL_SD
    low, high = feature_ranges()
    return {
        "low": low,
        "high": high,
        "hidden": np.zeros((len(FEATURES), 0)),
        "hidden_bias": np.zeros(0),
        "output": np.zeros((0, 2)),
        "linear": linear[:, :2],
        "bias": bias[:2],
        "tension": linear[:, 2],
        "tension_bias": bias[2:],
    }


def fit_coefficients(design: FloatArray, ratings: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coefficients [shape=(5, 4)] and adjusted R2 [shape=(4,)] from the two published tables.

    `design` [shape=(200, 8)]: number, register, mode, tempo, sound level, articulation, timbre,
    melody, as levels from 1; `ratings` [shape=(200, 5)]: number, then `EMOTIONS`.
    """
    register, mode, tempo, level, articulation, timbre, melody = design[:, 1:].T.astype(int)
    columns = [
        np.where(mode == 1, 1.0, -1.0),
        np.log1p(np.array([1.2, 2.0, 2.8, 4.4, 6.0])[tempo - 1]),
        53.0 + 6.0 * (register - 1),
        5.0 * (level - 3),
        np.log(1.0 - 0.25 * (articulation - 1)),
        *(timbre == which for which in (1, 2)),
        *(melody == which for which in (1, 2, 3)),
        np.ones(len(design)),
    ]
    predictors = np.stack(columns, axis=1).astype(float)
    rated = ratings[:, 1:]
    solution = np.linalg.lstsq(predictors, rated, rcond=None)[0]
    unexplained = np.square(rated - predictors @ solution).sum(axis=0)
    total = np.square(rated - rated.mean(axis=0)).sum(axis=0)
    freedom = (len(rated) - 1) / (len(rated) - predictors.shape[1])
    return solution[: len(CUES)], 1.0 - freedom * unexplained / total


def _card() -> Card:
    return Card(
        name="emotion_published",
        task=TASK,
        version="1",
        summary="linear in mode, tempo, register, dynamics and articulation",
        inputs=FEATURES,
        outputs=(
            Output("valence", "z over typical bars, 0 = mean, within +-3"),
            Output("arousal", "z over typical bars, 0 = mean, within +-3"),
        ),
        training_data=(
            Source(
                "Mean ratings of 200 stimuli, Eerola, Friberg and Bresin 2013, "
                "doi:10.7910/DVN/IFOBRN",
                "published research data; terms of the deposit not verified here",
                "20 regression coefficients",
            ),
        ),
        commercial_use="believed open: only coefficients derived from published results are held",
        split="none: all 200 stimuli",
        metrics=(),
        command="python -m segue.analysis.emotion.published",
        weights="emotion_published.npz",
        sha256="",
        notes=(
            "Derived, not quoted: least squares on the published mean ratings in physical units, "
            "timbre and melody held constant; adjusted R2 scary .86, happy .89, sad .89, "
            "peaceful .79. The paper reports 77 to 89 % of variance for its linear models.",
            "Ours: which features stand for the cues; valence = happy + peaceful - sad - scary, "
            "arousal = happy + scary - sad - peaceful, tension = scary - peaceful.",
            "Zero and unit: typical bars have mean 0 and sd 1; six numbers taken from the notes "
            "of VGMIDI, none from its ratings.",
        ),
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write the emotion model from published ratings.")
    parser.add_argument("--out", type=Path, default=MODELS, help="folder for weights and card")
    parser.add_argument(
        "--tables", nargs=2, metavar=("DESIGN", "RATINGS"), help="only fit the published tables"
    )
    options = parser.parse_args(arguments)
    if options.tables:
        tables = [np.loadtxt(path, skiprows=1) for path in options.tables]
        coefficients, r_squared = fit_coefficients(*tables)
        print("adjusted R2", dict(zip(EMOTIONS, r_squared.round(3).tolist(), strict=True)))
        for cue, row in zip(CUES, coefficients.round(4).tolist(), strict=True):
            print(f"{cue:14s}", row)
        return 0
    card = save_model(options.out, _card(), published_weights())
    print(f"wrote {options.out / card.weights}, sha256 {card.sha256[:12]}...")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
