"""Where a session's music is by this machine's clock, from its position now and then."""

from dataclasses import dataclass

from ...client.protocol import Position


@dataclass
class FrameClock:
    """Frames to seconds of the monotonic clock and back, while the music moves."""

    frame: int
    seconds: float  # monotonic, at that frame
    sample_rate: int = 48_000
    moving: bool = True

    @classmethod
    def at(cls, position: Position, before: "FrameClock | None" = None) -> "FrameClock":
        """The clock of a position; one on which nothing has moved since `before` stands."""
        moving = not position.paused and (before is None or position.frame != before.frame)
        return cls(position.frame, position.ts_ns / 1e9, moving=moving)

    def seconds_at(self, frame: int) -> float | None:
        """When a frame sounds; None if it is not known, as the music stands."""
        if not self.moving and frame > self.frame:
            return None
        return self.seconds + (frame - self.frame) / self.sample_rate

    def frame_at(self, seconds: float) -> int:
        """What sounds then; the last frame that sounded if the music stands."""
        if not self.moving:
            return self.frame
        return self.frame + round((seconds - self.seconds) * self.sample_rate)
