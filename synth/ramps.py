"""Control values that move without zipper noise."""

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]


class Ramp:
    """A value that walks to its target in a straight line, frame by frame."""

    def __init__(self, value: float) -> None:
        self.value = float(value)
        self.target = float(value)
        self._frames_left = 0

    @property
    def moving(self) -> bool:
        """Whether the next block differs from a constant."""
        return self._frames_left > 0

    def go(self, target: float, frames: int) -> None:
        """Reach `target` in `frames` frames (at least one)."""
        self.target, self._frames_left = float(target), max(1, int(frames))

    def block(self, frames: int) -> Curve:
        """The next `frames` values [shape=(frames,)]; the first is one step on from the last."""
        if not self.moving:
            return np.full(frames, self.value)
        steps = np.minimum(np.arange(1, frames + 1), self._frames_left)
        curve = self.value + (self.target - self.value) * steps / self._frames_left
        self._frames_left = max(0, self._frames_left - frames)
        self.value = float(curve[-1]) if self._frames_left else self.target
        return curve

    def walk(self, frames: int) -> float:
        """The last of the next `frames` values, for who draws the line there himself."""
        steps = min(frames, self._frames_left)
        if steps:
            self.value += (self.target - self.value) * steps / self._frames_left
            self._frames_left -= steps
        if not self._frames_left:
            self.value = self.target
        return self.value
