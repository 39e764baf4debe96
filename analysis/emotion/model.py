"""What a bar of notes expresses to listeners: valence, arousal and tension from its features.

Units: standard deviations (z) of listeners' mean ratings of bars, 0 = the mean rating; multiply by
`MOOD_PER_SD` for mood units. Three models are shipped, see their cards in `models/`:

* "vgmidi", a small network fitted to listeners' ratings of piano arrangements of game music;
* "published", a linear model of the ratings published with Eerola, Friberg and Bresin, "Emotional
  expression in music: contribution, linearity, and additivity of primary musical cues", Frontiers
  in Psychology 4:487, 2013, free of training data of others;
* "emopia", a small network fitted to the quadrants of EMOPIA's clips of piano pop, to judge agents
  that hear with "vgmidi".

All hear one bar at a time: how long listeners take to follow is the caller's matter.
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...music.errors import FileFormatError, UnknownNameError
from ...music.mood import MOOD_PER_SD
from ..cards import MODELS, load_weights
from ..scores.symbolic import FEATURES

FloatArray = NDArray[np.float64]

LIMIT = 3.0
"""Predictions approach +-LIMIT smoothly and never pass it."""

_BLOCK_ROWS = 128
"""Larger products are spread over threads, which on a busy machine takes far longer."""

TASK = "emotion of a bar"
"""The task of emotion models on their cards."""


class EmotionModel:
    """A rectified network of one hidden layer beside a linear part, on features held in a range.

    The range of each feature is that of the bars the model was fitted to (1st to 99th percentile):
    beyond it predictions stay where they were, so that music unlike any in the data earns no
    extreme mood.

    :param card_path: the card of the model; its weights lie beside it
    """

    def __init__(self, card_path: str | Path) -> None:
        self.card, weights = load_weights(card_path)
        if self.card.inputs != FEATURES:
            raise FileFormatError(
                f"model {self.card.name!r} was fitted to other features than `symbolic.FEATURES`; "
                "train it again"
            )
        self._low, self._high = weights["low"], weights["high"]
        self._hidden = weights["hidden"].shape[1]
        # One product gives the hidden layer and, beside it, the linear part.
        self._first = np.concatenate([weights["hidden"], weights["linear"]], axis=1)
        self._first_bias = np.concatenate([weights["hidden_bias"], weights["bias"]])
        self._second = weights["output"]

    def predict(self, features: FloatArray) -> FloatArray:
        """Valence and arousal [shape=(..., 2), z] of bars from their features [shape=(..., F)]."""
        if features.size <= _BLOCK_ROWS * len(FEATURES):
            return self._predict(features)
        rows = features.reshape(-1, len(FEATURES))
        starts = range(0, len(rows), _BLOCK_ROWS)
        blocks = [self._predict(rows[start : start + _BLOCK_ROWS]) for start in starts]
        return np.concatenate(blocks).reshape(*features.shape[:-1], 2)

    def _predict(self, features: FloatArray) -> FloatArray:
        held = np.minimum(np.maximum(features, self._low), self._high)
        first = held @ self._first + self._first_bias
        raw = first[..., self._hidden :]
        if self._hidden:
            raw = raw + np.maximum(first[..., : self._hidden], 0.0) @ self._second
        return np.asarray(LIMIT * np.tanh(raw / LIMIT))


@cache
def load_emotion_model(name: str = "vgmidi") -> EmotionModel:
    """The shipped emotion model of that name; UnknownNameError lists them."""
    path = MODELS / f"emotion_{name}.json"
    if not path.is_file():
        known = [card.stem.removeprefix("emotion_") for card in MODELS.glob("emotion_*.json")]
        raise UnknownNameError("emotion model", name, known)
    return EmotionModel(path)


def tension(features: FloatArray) -> FloatArray:
    """Tension [shape=(...), in [-1, 1]] of bars from their features [shape=(..., F)], mood units.

    The contrast of scary and peaceful in the ratings of Eerola, Friberg and Bresin (2013): minor,
    fast, low and loud music is tense. Neither set of rated bars has labels of tension, so this
    follows the published cues whatever model gives valence and arousal.
    """
    low, high, weights, bias = _tension_weights()
    held = np.minimum(np.maximum(features, low), high)
    return np.asarray(np.tanh((held @ weights + bias) * MOOD_PER_SD))


@cache
def _tension_weights() -> tuple[FloatArray, FloatArray, FloatArray, float]:
    _, weights = load_weights(MODELS / "emotion_published.json")
    return weights["low"], weights["high"], weights["tension"], float(weights["tension_bias"][0])
