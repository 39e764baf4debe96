"""The machine's clock in audio frames, which can be held."""

import time


class WallClock:
    """Frames since it was made, less those it was held."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._zero_ns = time.monotonic_ns()
        self._held_ns: int | None = None

    @property
    def frame(self) -> int:
        """The frame that it is at."""
        now_ns = time.monotonic_ns() if self._held_ns is None else self._held_ns
        return (now_ns - self._zero_ns) * self._sample_rate // 1_000_000_000

    def pause(self) -> None:
        """Hold it."""
        if self._held_ns is None:
            self._held_ns = time.monotonic_ns()

    def resume(self) -> None:
        """Let it go on from where it was held."""
        if self._held_ns is not None:
            self._zero_ns += time.monotonic_ns() - self._held_ns
            self._held_ns = None
