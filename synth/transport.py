"""Standing still and going on: the fades at both ends of a pause."""

from collections.abc import Callable

import numpy as np

from .pyo_host import Samples

FADE_SECONDS = 0.01


class Transport:
    """Lets frames through, or holds them back; fades take 10 ms of the music's own time."""

    def __init__(self, sample_rate: int) -> None:
        self._fade_frames = max(1, round(FADE_SECONDS * sample_rate))
        self._open = self._fade_frames  # 0 stands still .. fade_frames runs
        self.paused = False

    def pause(self) -> None:
        """Fade out from the next frame on, then stand."""
        self.paused = True

    def resume(self) -> None:
        """Fade in from the next frame on."""
        self.paused = False

    @property
    def running(self) -> bool:
        """Whether frames pass as they are."""
        return not self.paused and self._open == self._fade_frames

    def run(self, take: Callable[[int], Samples], frames: int) -> Samples:
        """The next frames [shape=(frames, 2)], of which `take` has made as many as have passed."""
        if not self.paused:
            return self._faded(take(frames), 1)
        passing = min(frames, self._open)
        silence = np.zeros((frames - passing, 2), np.float32)
        return np.concatenate([self._faded(take(passing), -1), silence]) if passing else silence

    def _faded(self, block: Samples, step: int) -> Samples:
        place = np.clip(self._open + step * np.arange(len(block)), 0, self._fade_frames)
        self._open = int(np.clip(self._open + step * len(block), 0, self._fade_frames))
        gain = np.sin(np.pi / 2 * place / self._fade_frames) ** 2
        faded: Samples = block * gain[:, None].astype(np.float32)
        return faded
