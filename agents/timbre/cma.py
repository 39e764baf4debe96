"""CMA-ES for n problems side by side.

N. Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772, with its default settings;
points are kept within 0..1.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_FIRST_SPREAD = 0.3


class Cma:
    """Asks for points and is told what they are worth; the smallest is the best.

    :param start: where to begin [shape=(n, dimensions)]
    :param population: points of a generation
    """

    def __init__(self, start: FloatArray, population: int, rng: np.random.Generator) -> None:
        n, d = start.shape
        self._rng, self._population = rng, population
        self._mean = start.copy()
        self._spread = np.full(n, _FIRST_SPREAD)
        self._covariance = np.tile(np.eye(d), (n, 1, 1))
        self._path, self._spread_path = np.zeros((n, d)), np.zeros((n, d))
        self._generation = 0
        parents = population // 2
        weights = np.log((population + 1) / 2) - np.log(np.arange(1, parents + 1))
        self._weights = weights / weights.sum()
        mass = self._mass = 1.0 / np.square(self._weights).sum()
        self._c = (4 + mass / d) / (d + 4 + 2 * mass / d)
        self._c_spread = (mass + 2) / (d + mass + 5)
        self._c_one = 2 / ((d + 1.3) ** 2 + mass)
        self._c_many = min(1 - self._c_one, 2 * (mass - 2 + 1 / mass) / ((d + 2) ** 2 + mass))
        self._damping = 1 + 2 * max(0.0, np.sqrt((mass - 1) / (d + 1)) - 1) + self._c_spread
        self._usual = np.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d))

    def ask(self) -> FloatArray:
        """The points of a generation [shape=(n, population, dimensions)]."""
        values, self._axes = np.linalg.eigh(self._covariance)
        self._lengths = np.sqrt(np.maximum(values, 1e-12))
        drawn = self._rng.standard_normal((len(self._mean), self._population, values.shape[1]))
        steps = np.einsum("nij,npj->npi", self._axes * self._lengths[:, None], drawn)
        found = self._mean[:, None] + self._spread[:, None, None] * steps
        return np.asarray(np.clip(found, 0.0, 1.0))

    def tell(self, points: FloatArray, worth: FloatArray) -> None:
        """What the points of the last generation are worth [shape=(n, population)]."""
        self._generation += 1
        order = worth.argsort(axis=1)[:, : len(self._weights)]
        chosen = np.take_along_axis(points, order[:, :, None], axis=1)
        steps = (chosen - self._mean[:, None]) / self._spread[:, None, None]
        step = np.einsum("p,npi->ni", self._weights, steps)
        self._mean = self._mean + self._spread[:, None] * step
        white = np.einsum("nji,nj->ni", self._axes, step) / self._lengths
        white = np.einsum("nij,nj->ni", self._axes, white)
        c = self._c_spread
        self._spread_path = (1 - c) * self._spread_path + np.sqrt(c * (2 - c) * self._mass) * white
        length = np.linalg.norm(self._spread_path, axis=1)
        fresh = np.sqrt(1 - (1 - c) ** (2 * self._generation))
        d = self._mean.shape[1]
        still = (length / fresh < (1.4 + 2 / (d + 1)) * self._usual).astype(float)[:, None]
        c = self._c
        self._path = (1 - c) * self._path + still * np.sqrt(c * (2 - c) * self._mass) * step
        one = self._path[:, :, None] * self._path[:, None]
        many = np.einsum("p,npi,npj->nij", self._weights, steps, steps)
        rest = 1 - self._c_one - self._c_many
        self._covariance = rest * self._covariance + self._c_one * one + self._c_many * many
        growth = self._c_spread / self._damping * (length / self._usual - 1)
        self._spread = np.minimum(self._spread * np.exp(growth), 1.0)
