"""What was heard in an episode, so that a player can go back to the best of it."""

import numpy as np
from numpy.typing import NDArray

from ...analysis.sound.descriptors import FloatArray
from ...envs.timbre.core import TimbreCore
from ...envs.timbre.perception import distance

SAME = 1e-6
"""Of a knob's range: settings that are this near to each other are the same."""


class Heard:
    """All that was heard in an episode, and where the knobs stood then.

    A setting does not always sound alike: the oscillators meet in other phases, noise is noise.
    What was heard at one setting therefore counts as its mean, so that luck is not taken for good.
    """

    def __init__(self) -> None:
        self._knobs: list[FloatArray] = []
        self._sounds: list[FloatArray] = []

    def add(self, core: TimbreCore) -> None:
        """Take what a core sounds now."""
        self._knobs.append(core.knobs)
        self._sounds.append(core.own)

    def best(
        self, core: TimbreCore, now: NDArray[np.bool_] | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """The setting that came nearest to what is to be followed now, and how it sounded.

        :param now: episodes that take the present setting instead [shape=(n,)]; none: no episode
        :return: knobs [shape=(n, 8)] and mean descriptors [n, 29]
        """
        rows, weights = np.arange(core.n), core.settings.weights
        knobs, sounds = np.array(self._knobs), np.array(self._sounds)
        apart = np.array([distance(heard, core.target, weights) for heard in self._sounds])
        same = np.abs(knobs[:, None] - knobs).max(axis=-1) < SAME  # [step, step, n]
        apart = (same * apart).sum(axis=1) / same.sum(axis=1)
        if now is not None:
            apart[-1, now] = -1.0
        best = apart.argmin(axis=0)
        chosen = same[best, :, rows]  # [n, step]
        mean = np.einsum("ns,snd->nd", chosen, sounds) / chosen.sum(axis=1)[:, None]
        return knobs[best, rows], mean
