"""Trains and tests the emotion model: `python -m segue.analysis.emotion.training --data DIR`.

Fitted to VGMIDI's ratings of measures. What listeners report of a measure depends on those before
it (the fit is best with features averaged over some six bars), so each bar is learned from several
times: as it is, and as the end of an exponential memory of 1 to 6 bars.

Loudness and percussion are kept out of the network. Nearly half of the files have a single
velocity, and none has drums, so a network would read noise from the one and nothing from the other.
Velocity has one linear term in arousal, percussion one of assumed slope. Files differ in what
velocity they call middle, so for play the slope is that of changes within pieces, which is steeper.

Choices were made by cross-validation over game series. Two series were kept from training and from
the choice of inputs, network and weight decay; a first look at key profiles and at the shape of the
units had included them.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...music.errors import MissingPartError, SegueError
from ..cards import MODELS, Card, Metric, Output, Source, save_model
from ..scores.symbolic import FEATURES
from .data import RatedBars, read_emopia, read_vgmidi
from .model import LIMIT, TASK

FloatArray = NDArray[np.float64]
Predictor = Callable[[FloatArray], FloatArray]

HELD_OUT = ("Chrono", "Xeno")
"""Series of VGMIDI for the final test."""

MEMORIES_BARS = (0.0, 1.0, 2.0, 4.0, 6.0)
NETWORKS, HIDDEN, WEIGHT_DECAY, EPOCHS = 4, 32, 5.0, 15
BATCH_SIZE, LEARNING_RATE = 512, 2e-3
RIDGE = 1000.0
FOLDS = 6

APART = (
    "velocity_mean",
    "velocity_sd",
    "percussion_density",
    "offbeat_share",  # these two gave nothing in cross-validation
    "rhythm_entropy",
)
"""Features that the network does not see."""

VELOCITY_RANGE, VELOCITY_CENTRE = (0.1, 0.9), 0.45
"""For play. The files centre at 0.75, as their makers left it, and mean a middle one by it."""

PERCUSSION_RANGE, PERCUSSION_SLOPE = (0.0, float(np.log(9.0))), 0.25
"""Assumed: eight drum strokes a second raise arousal by half a standard deviation."""

_VELOCITY = FEATURES.index("velocity_mean")
_PERCUSSION = FEATURES.index("percussion_density")
_SEEN = np.array([name not in APART for name in FEATURES])
_LEAST_SD = 1e-9  # features that vary less are constant


def fit(bars: RatedBars, *, network: bool = True, seed: int = 0) -> dict[str, FloatArray]:
    """Weights of an `EmotionModel` from rated bars; without `network`, of a ridge regression.

    They hold "mean" [shape=(F,)] beside, the mean of the features, for `for_play`.
    """
    try:
        from sklearn.linear_model import Ridge
    except ImportError:
        raise MissingPartError(
            "training needs scikit-learn, which is not installed; pip install 'segue[train]'"
        ) from None
    views = [bars.remembered(memory) for memory in MEMORIES_BARS]
    features = np.concatenate([view.features for view in views])
    targets = np.concatenate([view.targets for view in views])
    low, high = np.percentile(features, [1, 99], axis=0)
    features = np.clip(features, low, high)
    mean, sd = features.mean(axis=0), features.std(axis=0)
    sd[sd < _LEAST_SD] = 1.0
    scaled = (features - mean) / sd

    slope = max(float(Ridge(RIDGE).fit(scaled, targets).coef_[1, _VELOCITY]), 0.0)
    rest = targets - np.outer(scaled[:, _VELOCITY] * slope, (0.0, 1.0))
    seen = scaled[:, _SEEN]
    linear = np.zeros((len(FEATURES), 2))
    if network:
        hidden, hidden_bias, output, bias = _fit_networks(seen, rest, seed)
    else:
        hidden, hidden_bias = np.zeros((len(FEATURES), 0)), np.zeros(0)
        output = np.zeros((0, 2))
        ridge = Ridge(RIDGE).fit(seen, rest)
        linear[_SEEN], bias = ridge.coef_.T, ridge.intercept_
    linear[_VELOCITY, 1] = slope
    return {  # the scaling of features goes into the weights
        "low": low,
        "high": high,
        "mean": mean,
        "hidden": hidden / sd[:, None],
        "hidden_bias": hidden_bias - (mean / sd) @ hidden,
        "output": output,
        "linear": linear / sd[:, None],
        "bias": bias - (mean / sd) @ linear,
    }


def _fit_networks(
    seen: FloatArray, targets: FloatArray, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Networks as one: hidden weights [shape=(F, H)] and biases [H], output [H, 2], its bias [2].

    :param seen: scaled features that the networks see [shape=(n, sum of _SEEN)]
    """
    from sklearn.neural_network import MLPRegressor

    nets = [
        MLPRegressor(
            hidden_layer_sizes=(HIDDEN,),
            alpha=WEIGHT_DECAY,
            max_iter=EPOCHS,
            n_iter_no_change=EPOCHS,
            batch_size=BATCH_SIZE,
            learning_rate_init=LEARNING_RATE,
            random_state=seed + number,
        )
        for number in range(NETWORKS)
    ]
    for net in nets:
        _fit_quietly(net, seen, targets)
    hidden = np.zeros((len(FEATURES), NETWORKS * HIDDEN))
    hidden[_SEEN] = np.concatenate([net.coefs_[0] for net in nets], axis=1)
    return (
        hidden,
        np.concatenate([net.intercepts_[0] for net in nets]),
        np.concatenate([net.coefs_[1] for net in nets]) / NETWORKS,
        np.mean([net.intercepts_[1] for net in nets], axis=0),
    )


def _fit_quietly(net: object, features: FloatArray, targets: FloatArray) -> None:
    """Fit a network for its number of epochs, without the warning that it might go on."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(features, targets)  # type: ignore[attr-defined]


def predictor(weights: dict[str, FloatArray]) -> Predictor:
    """The predictions of weights, as `EmotionModel.predict` makes them."""

    def predict(features: FloatArray) -> FloatArray:
        held = np.clip(features, weights["low"], weights["high"])
        hidden = np.maximum(held @ weights["hidden"] + weights["hidden_bias"], 0.0)
        raw = hidden @ weights["output"] + held @ weights["linear"] + weights["bias"]
        return np.asarray(LIMIT * np.tanh(raw / LIMIT))

    return predict


def velocity_slope(bars: RatedBars) -> float:
    """Arousal (z) per unit of velocity by ridge regression on changes within pieces."""
    from sklearn.linear_model import Ridge

    views = [_less_means(bars.remembered(memory).features, bars.piece) for memory in MEMORIES_BARS]
    changes = np.concatenate(views)
    targets = np.tile(_less_means(bars.targets, bars.piece), (len(views), 1))
    sd = changes.std(axis=0) + 1e-9
    slopes = Ridge(RIDGE).fit(changes / sd, targets).coef_[1] / sd
    return max(float(slopes[_VELOCITY]), 0.0)


def _less_means(rows: FloatArray, piece: NDArray[np.int64]) -> FloatArray:
    """Rows less the mean of those of their piece."""
    number = np.unique(piece, return_inverse=True)[1]
    sums = np.zeros((number.max() + 1, rows.shape[1]))
    np.add.at(sums, number, rows)
    return np.asarray(rows - (sums / np.bincount(number)[:, None])[number])


def for_play(weights: dict[str, FloatArray], slope: float) -> dict[str, FloatArray]:
    """The weights with the velocity and percussion terms for music to come."""
    tuned = {name: array.copy() for name, array in weights.items()}
    fitted = weights["linear"][_VELOCITY, 1] * weights["mean"][_VELOCITY]
    tuned["bias"][1] += fitted - slope * VELOCITY_CENTRE
    tuned["linear"][_VELOCITY, 1] = slope
    tuned["low"][_VELOCITY], tuned["high"][_VELOCITY] = VELOCITY_RANGE
    tuned["low"][_PERCUSSION], tuned["high"][_PERCUSSION] = PERCUSSION_RANGE
    tuned["linear"][_PERCUSSION, 1] = PERCUSSION_SLOPE
    return tuned


def cross_validated(bars: RatedBars, memory_bars: float, *, network: bool = True) -> FloatArray:
    """Predictions [shape=(n, 2)] of each bar by a model that saw none of its series."""
    from sklearn.model_selection import GroupKFold

    heard = bars.remembered(memory_bars).features
    predictions = np.zeros_like(bars.targets)
    for train, test in GroupKFold(FOLDS).split(heard, groups=bars.group):
        mask = np.zeros(len(heard), bool)
        mask[train] = True
        predictions[test] = predictor(fit(bars.where(mask), network=network))(heard[test])
    return predictions


def r_squared(targets: FloatArray, predictions: FloatArray) -> float:
    """Share of variance explained, 1 at best."""
    error = np.square(targets - predictions).sum()
    return float(1.0 - error / np.square(targets - targets.mean()).sum())


def concordance(targets: FloatArray, predictions: FloatArray) -> float:
    """Lin's concordance correlation coefficient, -1..1."""
    covariance = np.mean((targets - targets.mean()) * (predictions - predictions.mean()))
    spread = targets.var() + predictions.var() + (targets.mean() - predictions.mean()) ** 2
    return float(2.0 * covariance / spread)


def measure(bars: RatedBars, predictions: FloatArray, where: str) -> list[Metric]:
    """R2 and concordance of both axes; 95 % intervals by resampling pieces 1,000 times."""
    generator = np.random.default_rng(0)
    rows = [np.flatnonzero(bars.piece == piece) for piece in np.unique(bars.piece)]
    samples = [
        np.concatenate([rows[index] for index in generator.integers(0, len(rows), len(rows))])
        for _ in range(1000)
    ]
    metrics = []
    for column, axis in enumerate(("valence", "arousal")):
        for name, score in (("R2", r_squared), ("concordance", concordance)):
            targets, guesses = bars.targets[:, column], predictions[:, column]
            spread = [score(targets[sample], guesses[sample]) for sample in samples]
            metrics.append(
                interval_metric(f"{axis} {name}", score(targets, guesses), spread, where)
            )
    return metrics


def clip_accuracy(
    clips: RatedBars, train: RatedBars, predict: Predictor, where: str
) -> list[Metric]:
    """Accuracy of the signs of clip means on EMOPIA; thresholds = medians of the training clips."""

    def means(bars: RatedBars) -> tuple[FloatArray, FloatArray]:
        heard = predict(bars.remembered(MEMORIES_BARS[-1]).features)
        pieces = [bars.piece == piece for piece in np.unique(bars.piece)]
        return (
            np.array([heard[rows].mean(axis=0) for rows in pieces]),
            np.array([bars.targets[rows][0] for rows in pieces]),
        )

    threshold = np.median(means(train)[0], axis=0)
    guesses, truth = means(clips)
    right = (guesses > threshold) == (truth > 0)
    hits = {"valence": right[:, 0], "arousal": right[:, 1], "quadrant": right.all(axis=1)}
    generator = np.random.default_rng(0)
    samples = generator.integers(0, len(right), (1000, len(right)))
    metrics = []
    for name, hit in hits.items():
        spread = hit[samples].mean(axis=1)
        metrics.append(interval_metric(f"{name} accuracy", float(hit.mean()), spread, where))
    return metrics


def interval_metric(
    name: str, value: float, samples: FloatArray | list[float], where: str
) -> Metric:
    """A metric with the 95 % interval of its bootstrap samples."""
    low, high = np.percentile(samples, [2.5, 97.5])
    return Metric(name, round(value, 3), round(float(low), 3), round(float(high), 3), where)


def train(data: Path, folder: Path) -> Card:
    """Fit, test and write the model "vgmidi"; prints what it measures."""
    bars = read_vgmidi(data)
    held_out = np.isin(bars.group, HELD_OUT)
    learned, test = bars.where(~held_out), bars.where(held_out)
    last = MEMORIES_BARS[-1]
    metrics = []
    for network in (False, True):
        kind = "network" if network else "ridge"
        for memory in (0.0, last):
            where = f"{FOLDS}-fold cross-validation over series, memory {memory:g} bars"
            found = measure(learned, cross_validated(learned, memory, network=network), where)
            show(kind, found)
            metrics += found if network else []
    weights = fit(learned)
    for memory in (0.0, last):
        where = f"held-out series {' and '.join(HELD_OUT)}, memory {memory:g} bars"
        found = measure(test, predictor(weights)(test.remembered(memory).features), where)
        show("network", found)
        metrics += found
    metrics += _emopia(data, weights)
    slope = velocity_slope(learned)
    metrics.append(_slope_metric(learned, slope))
    show("ridge", metrics[-1:])
    return save_model(folder, _card(tuple(metrics)), for_play(weights, slope))


def _slope_metric(bars: RatedBars, slope: float) -> Metric:
    """The velocity slope with an interval by resampling pieces 100 times."""
    generator = np.random.default_rng(0)
    pieces = np.unique(bars.piece)
    rows = {piece: np.flatnonzero(bars.piece == piece) for piece in pieces}
    samples = []
    for _ in range(100):
        drawn = [rows[piece] for piece in generator.choice(pieces, len(pieces))]
        piece = np.concatenate([np.full(len(part), index) for index, part in enumerate(drawn)])
        which = np.concatenate(drawn)
        samples.append(
            velocity_slope(
                RatedBars(bars.features[which], bars.targets[which], piece, bars.group[which])
            )
        )
    where = "changes within training pieces"
    return interval_metric("arousal z per unit of velocity", slope, samples, where)


def _emopia(data: Path, weights: dict[str, FloatArray]) -> list[Metric]:
    """Accuracy on EMOPIA's test clips, of these weights as they are and of ones fitted to it."""
    clips = read_emopia(data)
    test = clips.group == "test"
    own = fit(clips.where(~test))
    metrics = []
    for kind, fitted in (("fitted to VGMIDI alone", weights), ("fitted to EMOPIA", own)):
        found = clip_accuracy(
            clips.where(test), clips.where(~test), predictor(fitted), f"EMOPIA test clips, {kind}"
        )
        show("network", found)
        metrics += found
    return metrics


def show(kind: str, metrics: list[Metric]) -> None:
    """Print metrics that were measured on the same."""
    print(f"{kind}, {metrics[0].measured_on}", flush=True)
    for metric in metrics:
        print(f"  {metric.name:30s} {metric.value:.3f}  [{metric.low:.3f}, {metric.high:.3f}]")


def _card(metrics: tuple[Metric, ...]) -> Card:
    return Card(
        name="emotion_vgmidi",
        task=TASK,
        version="1",
        summary=f"{NETWORKS} averaged networks of {HIDDEN} rectified units, on features of a bar",
        inputs=FEATURES,
        outputs=(
            Output("valence", "z of listeners' mean ratings of bars, 0 = mean, within +-3"),
            Output("arousal", "z of listeners' mean ratings of bars, 0 = mean, within +-3"),
        ),
        training_data=(
            Source(
                "VGMIDI, labelled part: 200 pieces, 10,480 measures, 28 to 32 listeners a piece",
                "none stated; underlying music copyrighted",
                "training and test",
            ),
            Source("EMOPIA 1.0", "CC BY-NC-SA 4.0", "test only; no weight depends on it"),
        ),
        commercial_use="not cleared: the ratings come without a licence; for research",
        split=f"by game series; {' and '.join(HELD_OUT)} kept from training and from the choice of "
        "inputs, network and weight decay (a first look at key profiles and units included them)",
        metrics=metrics,
        command="python -m segue.analysis.emotion.training --data $SEGUE_DATA",
        weights="emotion_vgmidi.npz",
        sha256="",
        notes=(
            "Learned from solo piano. Percussion: an assumed linear term, "
            f"{PERCUSSION_SLOPE} z of arousal per ln(1 + strokes per second).",
            "Velocity: one linear term in arousal, none in valence. Scores were measured with a "
            "slope fitted across files; for play it is that within pieces (see metrics), "
            f"centred on {VELOCITY_CENTRE} and reaches from {VELOCITY_RANGE[0]} to "
            f"{VELOCITY_RANGE[1]}.",
            f"The network does not see {', '.join(APART)}.",
            "Features are held in the 1st to 99th percentile of the bars learned from.",
        ),
    )


def run(what: str, make: Callable[[Path, Path], Card], arguments: list[str] | None) -> int:
    """A command that trains on --data and writes a model to --out; returns the exit code."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--data", type=Path, default=os.environ.get("SEGUE_DATA"))
    parser.add_argument("--out", type=Path, default=MODELS, help="folder for weights and card")
    options = parser.parse_args(arguments)
    try:
        if options.data is None:
            raise SegueError("no data folder; give --data DIR or set SEGUE_DATA")
        card = make(Path(options.data), options.out)
    except SegueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {options.out / card.weights}, sha256 {card.sha256[:12]}...")
    return 0


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    return run("Train and test the emotion model.", train, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
