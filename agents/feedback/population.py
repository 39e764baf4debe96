"""Who listens: the spread of listeners' hidden biases, fitted to what recorded sessions tell.

A session's feedback leaves a belief about its listener. What the belief owes to the feedback, not
to the prior it began with, is the session's evidence; a normal population is fitted to the evidence
of many by expectation-maximisation (Dempster, Laird and Rubin 1977), with the usual population
counting as much as a few sessions, so that one listener does not make a crowd.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

USUAL_SESSIONS = 4.0
"""The usual population counts as much as so many sessions."""

LEAST_SD = 0.2
"""However alike recorded listeners are, the next one may differ by this [sd of ratings]."""

_ROUNDS = 100
_LEAST_PRECISION = 1e-6


@dataclass(frozen=True)
class Population:
    """Biases of listeners, for valence and arousal, in sd of ratings [each shape=(2,)]."""

    mean: FloatArray
    sd: FloatArray


@dataclass(frozen=True)
class Evidence:
    """What feedback alone tells of one listener's bias [each shape=(2,)]."""

    bias: FloatArray  # sd of ratings
    precision: FloatArray  # 1 / sd^2; 0 where it tells nothing


def evidence(mean: FloatArray, variance: FloatArray, prior: Population) -> Evidence:
    """The evidence behind a belief that began with `prior` [mean, variance: shape=(2,)]."""
    precision = np.maximum(1.0 / variance - 1.0 / prior.sd**2, 0.0)
    information = mean / variance - prior.mean / prior.sd**2
    told = precision > _LEAST_PRECISION
    bias = np.where(told, information / np.where(told, precision, 1.0), 0.0)
    return Evidence(bias, np.where(told, precision, 0.0))


def fit_population(
    sessions: Sequence[Evidence], usual: Population, usual_sessions: float = USUAL_SESSIONS
) -> Population:
    """The population of listeners behind some sessions; the usual one without any.

    :param usual_sessions: as how many sessions the usual population counts, above 0
    """
    if not sessions:
        return usual
    bias = np.array([one.bias for one in sessions])
    precision = np.array([one.precision for one in sessions])
    mean, variance = usual.mean, usual.sd**2
    for _ in range(_ROUNDS):
        posterior = 1.0 / (precision + 1.0 / variance)
        believed = posterior * (precision * bias + mean / variance)
        weight = len(sessions) + usual_sessions
        mean = (believed.sum(axis=0) + usual_sessions * usual.mean) / weight
        spread = (posterior + (believed - mean) ** 2).sum(axis=0)
        spread = spread + usual_sessions * usual.sd**2
        variance = np.maximum(spread / weight, LEAST_SD**2)
    return Population(mean, np.sqrt(variance))
