"""The judge of what is real at work, in numpy: how likely chords belong to a melody.

See `learning` for how it is trained; what is reported as `realism` is its mean probability.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...analysis.cards import load_weights
from ...envs.accompany.chords import CLASSES, NONE, Ints, transpose_chords
from ...envs.accompany.clips import Clips
from ...envs.accompany.network import Kernels, TurningGRU
from ...envs.accompany.perception import METER, OWN_BLOCKS, Floats, meter_features, own_blocks
from ...envs.accompany.songs import REST
from .players import MODELS

PAIR_BLOCKS = 2 + OWN_BLOCKS
PAIR_PLAIN = 2 + len(METER)


def heard(clips: Clips, chords: Ints) -> Floats:
    """What a judge hears of clips and chords [shape=(n, frames, size)]: notes, chords, meter."""
    sounds = clips.melody != REST
    notes = np.eye(CLASSES, dtype=np.float32)[clips.melody % CLASSES] * sounds[..., None]
    plain = np.stack([~sounds, chords == NONE], -1).astype(np.float32)
    parts = (
        notes,
        notes * clips.onset[..., None],
        own_blocks(chords),
        plain,
        meter_features(clips.place, clips.bar),
    )
    return np.concatenate(parts, -1)


def other_chords(clips: Clips, rng: np.random.Generator) -> Ints:
    """The chords of another clip for each, in any key [shape=(n, frames)]."""
    shift = rng.integers(0, CLASSES, (len(clips), 1))
    return transpose_chords(np.roll(clips.chords, 1, 0), shift)


class Judge(TurningGRU):
    """Hears clips with chords and says how real they are.

    :param kernels: of the recurrent part, and `verdict` [shape=(2 * channels,)], `verdict_bias`
        [1], weights of the mean over time of the state's mean and maximum over pitch classes
    """

    def __init__(self, kernels: Kernels) -> None:
        super().__init__(kernels)
        self._verdict = np.asarray(kernels["verdict"], np.float64)
        self._verdict_bias = float(kernels["verdict_bias"][0])

    def realism(self, clips: Clips, chords: Ints) -> NDArray[np.float64]:
        """The probability that chords are the true ones of each clip [shape=(n,)]."""
        given, state = heard(clips, chords), self.start(len(clips))
        total = np.zeros((len(clips), len(self._verdict)))
        for at in range(given.shape[1]):
            state = self.advance(given[:, at], state)
            split = state.reshape(len(clips), -1, CLASSES)
            total += np.concatenate([split.mean(-1), split.max(-1)], -1)
        logits = total / given.shape[1] @ self._verdict + self._verdict_bias
        return np.asarray(1.0 / (1.0 + np.exp(-logits)), np.float64)


@lru_cache(maxsize=1)
def load_judge() -> Judge:
    """The shipped judge; its card names what it learned from."""
    return Judge(load_weights(MODELS / "accompany-judge.json")[1])
