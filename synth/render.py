"""Offline rendering: events to an array or a file, as fast as the machine can."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..music.errors import check_range
from ..music.events import Channel, Events
from .engine import Engine, EngineMetrics
from .pyo_host import Samples
from .sinks import FileSink

Progress = Callable[[float], None]
"""Called with the share that is done, 0 to 1."""

QUIET = 1e-4  # -80 dBFS: below this a tail has ended
QUIET_SECONDS = 0.25
OFFLINE_BLOCK_FRAMES = 1024  # larger ones are no quicker


@dataclass(frozen=True)
class RenderReport:
    """What a rendering made, and how fast."""

    frames: int
    sample_rate: int
    wall_seconds: float
    metrics: EngineMetrics

    @property
    def audio_seconds(self) -> float:
        """Length of what was rendered."""
        return self.frames / self.sample_rate

    @property
    def times_real_time(self) -> float:
        """Seconds of audio per second of work."""
        return self.audio_seconds / max(self.wall_seconds, 1e-9)


def end_frame(events: Events) -> int:
    """The frame at which the last event's gate ends; 0 without events."""
    if not len(events):
        return 0
    return int((events["at_frame"] + events["duration_frames"]).max())


def render_blocks(
    engine: Engine,
    frames: int,
    write: Callable[[Samples], None],
    *,
    tail_seconds: float = 8.0,
    progress: Progress | None = None,
) -> int:
    """Render `frames` frames and then the tail until it is quiet, block by block, into `write`.

    Returns the number of frames rendered. `tail_seconds` [0, 60] is the longest tail.
    """
    check_range("tail in seconds", tail_seconds, 0.0, 60.0)
    limit = frames + round(tail_seconds * engine.sample_rate)
    quiet_frames = 0
    done = 0
    step = max(1, frames // 100)
    shown = 0
    while done < frames or (done < limit and quiet_frames < QUIET_SECONDS * engine.sample_rate):
        bound = frames if done < frames else limit
        block = engine.render(min(engine.block_frames, bound - done))
        write(block)
        done += len(block)
        if done > frames:
            loud = float(np.abs(block).max()) > QUIET
            quiet_frames = 0 if loud else quiet_frames + len(block)
        if progress is not None and done - shown >= step:
            shown = done
            progress(min(1.0, done / max(frames, 1)))
    if progress is not None:
        progress(1.0)
    return done


def render_events(
    events: Events,
    channels: Sequence[Channel],
    path: str | Path,
    *,
    sample_rate: int = 48_000,
    block_frames: int = OFFLINE_BLOCK_FRAMES,
    seed: int = 0,
    voices_per_channel: int = 8,
    gain_db: float = 0.0,
    tail_seconds: float = 8.0,
    progress: Progress | None = None,
) -> RenderReport:
    """Render events to a WAV or FLAC file, with the tail of the last notes and the room.

    Nothing is left at `path` if rendering fails or is interrupted. Options as for `Engine`;
    `tail_seconds` [0, 60] is the longest tail. Raises SegueError for bad events, options or an
    unwritable file.
    """
    started = time.perf_counter()
    with (
        Engine(
            channels,
            sample_rate=sample_rate,
            block_frames=block_frames,
            seed=seed,
            voices_per_channel=voices_per_channel,
            gain_db=gain_db,
        ) as engine,
        FileSink(path, sample_rate) as sink,
    ):
        engine.schedule(events)
        frames = render_blocks(
            engine, end_frame(events), sink.write, tail_seconds=tail_seconds, progress=progress
        )
        metrics = engine.metrics()
    return RenderReport(frames, sample_rate, time.perf_counter() - started, metrics)


def render_array(
    events: Events,
    channels: Sequence[Channel],
    *,
    sample_rate: int = 48_000,
    block_frames: int = OFFLINE_BLOCK_FRAMES,
    seed: int = 0,
    voices_per_channel: int = 8,
    gain_db: float = 0.0,
    tail_seconds: float = 8.0,
) -> Samples:
    """As `render_events`, into an array: float32 [shape=(frames, 2)]."""
    blocks: list[Samples] = []
    with Engine(
        channels,
        sample_rate=sample_rate,
        block_frames=block_frames,
        seed=seed,
        voices_per_channel=voices_per_channel,
        gain_db=gain_db,
    ) as engine:
        engine.schedule(events)
        render_blocks(engine, end_frame(events), blocks.append, tail_seconds=tail_seconds)
    return np.concatenate(blocks) if blocks else np.zeros((0, 2), np.float32)
