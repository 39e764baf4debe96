"""A learned model of melodies, in numpy: an LSTM that tells what comes next, for n at once.

Its weights are trained by `segue.agents.melody.train_notes`.
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...analysis.cards import load_weights
from ...music.errors import SegueError
from .events import BAR_STEPS, EVENTS, PHRASE_BARS, IntArray

MODELS = Path(__file__).parent / "models"
"""The folder of the note models that ship."""

START = EVENTS
"""Stands for the event before the first one."""

LONG_BAR, SHORT_BAR = BAR_STEPS, 6
"""Eighth notes of a bar: four quarters, or three quarters and six eighths."""

PLACES = (LONG_BAR + SHORT_BAR) * PHRASE_BARS
"""Places in a phrase of four bars: those of long bars, then those of short ones."""

Float32 = NDArray[np.float32]


class State(NamedTuple):
    """What the model remembers of n melodies, and what it expects."""

    hidden: Float32  # [n, units]
    cell: Float32  # [n, units]
    log_probs: Float32  # of the next event [n, EVENTS]


class NoteModel:
    """p(event | all before, place in the phrase).

    :param weights: `event` [EVENTS + 1, 4 units] and `place` [PLACES, 4 units], what an event and
        the place of the event that is to come add to the gates (input, forget, cell, output);
        `hidden` [units, 4 units]; `out` [units, EVENTS] and `bias` [EVENTS]; `prime` [EVENTS + 1],
        how often each event, or START, comes before a phrase
    """

    def __init__(self, weights: dict[str, NDArray[np.float64]]) -> None:
        named = {name: np.asarray(value, np.float32) for name, value in weights.items()}
        self._event, self._place = named["event"], named["place"]
        self._hidden, self._out, self._bias = named["hidden"], named["out"], named["bias"]
        self._prime_edges = np.cumsum(weights["prime"])[:-1]
        self.units = len(self._hidden)

    def draw_primes(self, rng: np.random.Generator, n: int) -> IntArray:
        """Notes before a phrase, or START, as often as they are in the tunes [shape=(n,)]."""
        return np.searchsorted(self._prime_edges, rng.random(n), side="right")

    def begin(self, primes: IntArray) -> State:
        """Before the first event of n melodies in long bars, after `primes` [shape=(n,)]."""
        zero = np.zeros((len(primes), self.units), np.float32)
        unknown = np.zeros((len(primes), EVENTS), np.float32)
        return self.follow(State(zero, zero, unknown), primes, 0)

    def follow(self, state: State, events: IntArray, place: int) -> State:
        """After `events` [shape=(n,)]; what comes next has this place in the phrase."""
        units = self.units
        gates = state.hidden @ self._hidden
        gates += self._event[events]
        gates += self._place[place]
        squashed = 0.5 + 0.5 * np.tanh(0.5 * gates)
        fresh = np.tanh(gates[:, 2 * units : 3 * units])
        cell = squashed[:, units : 2 * units] * state.cell + squashed[:, :units] * fresh
        hidden = squashed[:, 3 * units :] * np.tanh(cell)
        logits = hidden @ self._out + self._bias
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return State(hidden, cell, logits)


def piece_log_probs(model: NoteModel, phrases: IntArray) -> NDArray[np.float64]:
    """Mean log-probability [nats] of an event of n phrases in long bars [shape=(n,)].

    :param phrases: the note before each, or START, and then its events [shape=(n, 1 + steps)]
    """
    state = model.begin(phrases[:, 0])
    total = np.zeros(len(phrases))
    for at, events in enumerate(phrases[:, 1:].T):
        total += state.log_probs[np.arange(len(phrases)), events]
        state = model.follow(state, events, min(at + 1, phrases.shape[1] - 2))
    return np.asarray(total / (phrases.shape[1] - 1))


@lru_cache(maxsize=4)
def load_note_model(name: str = "notes") -> NoteModel:
    """A note model that ships, by name, or by the path of its card. Cached."""
    path = Path(name) if name.endswith(".json") else MODELS / f"{name}.json"
    if not path.exists():
        raise SegueError(
            f"there is no note model at {path}; train one: "
            "python -m segue.agents.melody.train_notes --help"
        )
    return NoteModel(load_weights(path)[1])
