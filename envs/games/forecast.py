"""What the game will ask for: the mood wanted in the coming bars, and how sure that is.

A small network reads three bars of the game and four moods wanted, and gives for each of six bars
ahead the median change of the mood and the scale of a Laplace distribution round it. Where nobody
tells what goes on in the game, it goes by the moods alone. It was fitted to other play than it will
meet, so each session corrects it as it goes: a slope and a shift for each bar ahead, by least
squares over the last bars, drawn towards 1 and 0.

It is trained by `agents.arrange.train_forecast`; this module needs numpy alone.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...analysis.cards import load_weights
from ...music.errors import FileFormatError
from .game import GAME_FEATURES, N_FEATURES

FloatArray = NDArray[np.float64]
Floats = NDArray[np.float32]

BARS = 6
"""Bars ahead."""

GAME_BARS, MOOD_BARS = 3, 4
"""Bars of the game's features, and moods wanted, that are read; the newest first."""

TASK = "forecast of the mood wanted"

_AXES = ("valence", "arousal")
INPUTS: tuple[str, ...] = (
    *(f"{name}_{bar}" for bar in range(GAME_BARS) for name in GAME_FEATURES),
    *(f"known_{bar}" for bar in range(GAME_BARS)),
    *(f"mood_{axis}" for axis in _AXES),
    *(f"mood_change_{bar}_{axis}" for bar in range(MOOD_BARS - 1) for axis in _AXES),
    "log_bar_seconds",
)
"""The numbers that the network reads. Features are 0 where they are not known."""

MEMORY_BARS = 24.0
"""Time constant of what the correction remembers."""

_AHEAD = np.arange(1, BARS + 1)[:, None]
SLOPE_TRUST, SHIFT_TRUST = 24.0 * _AHEAD, 48.0 * _AHEAD
"""Bars of evidence that the network's own slope and shift are worth; the errors of forecasts that
overlap are alike, so more the further ahead."""

_FORGET = 1.0 - 1.0 / MEMORY_BARS


def inputs(
    features: FloatArray, known: FloatArray, moods: FloatArray, seconds: FloatArray
) -> Floats:
    """What the network reads [shape=(n, len(INPUTS))].

    :param features: of the last bars, the newest first [shape=(GAME_BARS, n, F)]
    :param known: 1 where they are known, else 0 [shape=(GAME_BARS, n)]
    :param moods: wanted in the last bars, the newest first [shape=(MOOD_BARS or more, n, 2), sd]
    :param seconds: length of the bars to come [n]
    """
    read = np.empty((len(seconds), len(INPUTS)), np.float32)
    at = GAME_BARS * N_FEATURES
    read[:, :at] = np.moveaxis(features * known[..., None], 0, 1).reshape(len(read), at)
    read[:, at : at + GAME_BARS] = known.T
    at += GAME_BARS
    read[:, at : at + 2] = moods[0]
    changes = moods[: MOOD_BARS - 1] - moods[1:MOOD_BARS]
    read[:, at + 2 : -1] = np.moveaxis(changes, 0, 1).reshape(len(read), -1)
    read[:, -1] = np.log(seconds)
    return read


class ForecastNetwork:
    """The network at work: two hidden layers of SiLU on standardised inputs.

    :param weights: `mean` and `scale` of the inputs; `w0 b0 w1 b1 w2 b2`; `change` [shape=(BARS,
        2)], the mean square of the changes it foretells, by which its correction is held
    """

    def __init__(self, weights: dict[str, NDArray[Any]]) -> None:
        w: dict[str, Floats] = {n: np.asarray(v, np.float32) for n, v in weights.items()}
        self.change = np.asarray(weights["change"], float)
        # Standardising is part of the first layer: one product less for each bar.
        self._w0: Floats = w["w0"] / w["scale"][:, None]
        self._b0: Floats = np.asarray(w["b0"] - (w["mean"] / w["scale"]) @ w["w0"], np.float32)
        self._w1, self._b1, self._w2, self._b2 = w["w1"], w["b1"], w["w2"], w["b2"]

    def predict(self, read: Floats) -> tuple[FloatArray, FloatArray]:
        """Median change of the mood and its Laplace scale [each shape=(n, BARS, 2), sd]."""
        hidden = _silu(read @ self._w0 + self._b0)
        hidden = _silu(hidden @ self._w1 + self._b1)
        found = (hidden @ self._w2 + self._b2).astype(float).reshape(len(read), 2, BARS, 2)
        return found[:, 0], np.exp(found[:, 1])


def _silu(x: NDArray[Any]) -> Floats:
    return np.asarray(x * np.float32(0.5) * (np.float32(1.0) + np.tanh(np.float32(0.5) * x)))


@cache
def load_forecast() -> ForecastNetwork:
    """The shipped network."""
    card, weights = load_weights(Path(__file__).with_name("models") / "forecast.json")
    if card.inputs != INPUTS:
        raise FileFormatError(
            "the forecast was fitted to other inputs than `forecast.INPUTS`; train it again: "
            "python -m segue.agents.arrange.train_forecast"
        )
    return ForecastNetwork(weights)


_STATE = ("features", "known", "moods_so_far", "issued", "sums", "weight", "looks")


class Forecast:
    """The forecasts of n sessions, bar after bar.

    `moods` [shape=(n, BARS, 2), sd] are the moods expected (medians) at the ends of the coming
    bars, the one that is being decided first; `scale` [n, BARS, 2] their Laplace scales.

    :param n: how many sessions
    :param network: that foretells; without one the last mood is taken to stay, with a scale of 0
    :param correcting: whether sessions correct it
    """

    def __init__(self, n: int, network: ForecastNetwork | None, *, correcting: bool = True) -> None:
        self.n, self._network, self.correcting = n, network, correcting
        self.begin(np.zeros((n, 2)), None)

    def begin(self, mood: FloatArray, features: FloatArray | None, known: Any = True) -> None:
        """Begin anew, as if it had long been so: arguments as in `add`. `look` ahead next."""
        self.moods_so_far = np.repeat(mood[None], BARS + 1, axis=0)
        self.features = np.zeros((GAME_BARS, self.n, N_FEATURES))
        self.known = np.zeros((GAME_BARS, self.n))
        if features is not None:
            self.features[:] = features
            self.known[:] = known
        self.issued = np.zeros((BARS, self.n, BARS, 2))  # changes foretold in bars before
        self.sums = np.zeros((4, self.n, BARS, 2))  # of d, d^2, y and d y: foretold d, true y
        self.weight = np.zeros((BARS, 1))  # of all these together
        self.looks = np.zeros(1)  # bars that have been foretold
        self.moods = np.repeat(mood[:, None], BARS, axis=1)
        self.scale = np.zeros((self.n, BARS, 2))

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain JSON values."""
        return {name: getattr(self, name).tolist() for name in (*_STATE, "moods", "scale")}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot of as many sessions."""
        for name in (*_STATE, "moods", "scale"):
            setattr(self, name, np.array(snapshot[name], dtype=float))

    def add(self, mood: FloatArray, features: FloatArray | None, known: Any = True) -> None:
        """Take in the bar that has gone by; `look` ahead next.

        :param mood: wanted in it [shape=(n, 2), sd]
        :param features: of the game [shape=(n, F)]; None if nobody tells
        :param known: for whom they are known [n], or one for all
        """
        self.moods_so_far = np.concatenate([mood[None], self.moods_so_far[:-1]])
        now = np.zeros((self.n, N_FEATURES)) if features is None else features
        self.features = np.concatenate([now[None], self.features[:-1]])
        flag = np.zeros(self.n) if features is None else np.broadcast_to(known, self.n)
        self.known = np.concatenate([flag[None].astype(float), self.known[:-1]])
        if self._network is None:
            self.moods = np.repeat(mood[:, None], BARS, axis=1)
        elif self.correcting:
            self._compare(mood)

    def look(self, seconds: FloatArray) -> None:
        """Foretell bars of so many seconds [shape=(n,)]."""
        if self._network is None:
            return
        read = inputs(self.features, self.known, self.moods_so_far, seconds)
        change, self.scale = self._network.predict(read)
        self.issued = np.concatenate([change[None], self.issued[:-1]])
        self.looks = self.looks + 1.0
        if self.correcting:
            change = self._corrected(change)
        self.moods = self.moods_so_far[0][:, None] + change

    def be_told(self, moods: FloatArray) -> None:
        """Hear the truth about the first bars ahead [shape=(n, bars, 2), sd], until `look`."""
        bars = moods.shape[1]
        self.moods, self.scale = self.moods.copy(), self.scale.copy()
        self.moods[:, :bars], self.scale[:, :bars] = moods, 0.0

    def _compare(self, mood: FloatArray) -> None:
        """Remember how what was foretold h bars ago compares with what has come."""
        ahead = np.arange(BARS)
        foretold = np.moveaxis(self.issued[ahead, :, ahead], 0, 1)  # [n, BARS, 2]
        true = mood[:, None] - np.moveaxis(self.moods_so_far[1:], 0, 1)
        told = (ahead < self.looks)[:, None].astype(float)  # at first nothing was
        true = true * told
        new = np.stack([foretold, foretold * foretold, true, foretold * true])
        self.sums = _FORGET * self.sums + new
        self.weight = _FORGET * self.weight + told

    def _corrected(self, change: FloatArray) -> FloatArray:
        """Slope x change + shift, by shrunk least squares."""
        assert self._network is not None  # for the type checker
        d, dd, y, dy = self.sums
        held = SLOPE_TRUST * self._network.change
        a, c = dd + held, self.weight + SHIFT_TRUST
        u = dy + held
        det = a * c - d * d
        slope, shift = (c * u - d * y) / det, (a * y - d * u) / det
        return np.asarray(slope * change + shift)
