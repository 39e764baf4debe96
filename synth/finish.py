"""The last stage: leveller, compressor, the listener's fader, and the limiter.

The first three only say a gain. Their product moves in a straight line over each piece of sound,
so that a block is multiplied once, on its way into the limiter.
"""

import math

import numpy as np
from numpy.typing import NDArray

from .leveller import Leveller
from .master import Compressor, Limiter
from .ramps import Ramp

Samples = NDArray[np.float32]

PIECE_FRAMES = 512  # longer blocks are cut, as the gain is to follow the music


class Finish:
    """Brings a mix to its loudness and under the ceiling, `limiter.delay_frames` late.

    The fader stands behind what would make good again what it takes away.

    :param gain: amplitude at which the mix comes in
    :param loudness_lufs: where the leveller keeps the sound; None goes without one
    """

    def __init__(self, sample_rate: int, *, gain: float, loudness_lufs: float | None) -> None:
        self._input_gain = gain
        self._leveller = None
        if loudness_lufs is not None:
            self._leveller = Leveller(sample_rate, loudness_lufs)
        self._compressor = Compressor(sample_rate)
        self.fader = Ramp(1.0)
        self.gain = gain  # of the last piece, from the mix to the output
        self.limiter = Limiter(sample_rate, gain=gain * self._compressor.gain)
        self.broken = False

    def process(self, block: Samples) -> Samples:
        """The finished sound [shape=(frames, 2)].

        Sound that is not finite becomes silence; `broken` is True then, until the next block.
        """
        self.broken = False
        if len(block) <= PIECE_FRAMES:
            return self._piece(block)
        starts = range(0, len(block), PIECE_FRAMES)
        return np.concatenate([self._piece(block[at : at + PIECE_FRAMES]) for at in starts])

    def _piece(self, block: Samples) -> Samples:
        frames, gain = len(block), self._input_gain
        power = gain**2 * float(np.vdot(block, block)) / frames
        if not math.isfinite(power):  # as one bad sample makes it
            self.broken = True
            block, power = np.zeros_like(block), 0.0
        if self._leveller is not None:
            level = self._leveller.follow(block, power)
            gain, power = gain * level, power * level**2
        gain *= self._compressor.follow(power, frames) * self.fader.walk(frames)
        self.gain = float(gain)
        return self.limiter.process(block, gain)
