"""The busiest cue live, in its own process on the sink that plays nothing but keeps the time.

What it uses, whether blocks come late, whether memory grows and whether voices are left over. An
engine with nothing to play runs beside it and sees the same machine: blocks that are late there
too are not the music's fault. A live engine tells the time of every fourth block or so; those are
looked at.
"""

import threading
import time
from dataclasses import dataclass, field

import numpy as np

from ..music.events import Channel
from ..server.sounding.sound import BLOCK_FRAMES
from ..synth.engine_process import EngineProcess
from .findings import Found, Tell
from .synth_material import busiest_spots, process_megabytes, process_seconds, record
from .synth_piece import SAMPLE_RATE, Piece

SHORT_SECONDS, LONG_SECONDS = 60.0, 600.0
SMALL_SECONDS = 20.0  # of what is measured at smaller blocks
SMALL_BLOCK_FRAMES = 256
WARM_SHARE = 0.25  # of the time, after which memory may not grow any more
AHEAD_SECONDS = 2.0  # notes are handed over so long before they sound
LOOK_SECONDS = 0.01
TAIL_SECONDS = 12.0  # waited at most for the last note to end


@dataclass
class Watch:
    """When an engine's blocks began."""

    process: EngineProcess
    marks: dict[int, float] = field(default_factory=dict)  # frame -> seconds

    def look(self) -> None:
        """Note the last block that the engine has told of."""
        frame, seconds = self.process.frame_and_time()
        self.marks[frame] = seconds

    def late(self) -> int:
        """Blocks seen that began more than a block after their time."""
        frames = np.array(list(self.marks), float)
        after = np.array(list(self.marks.values())) - frames / SAMPLE_RATE
        return int(np.count_nonzero(after - after.min() > self.process.block_frames / SAMPLE_RATE))


def measure(tell: Tell, *, long: bool = False, seconds: float | None = None) -> Found:
    """`full_mix_core_percent`, `late_blocks`, `memory_growth_mb` and `voices_leaked`.

    What it uses at smaller blocks is measured beside, in the shorter time.
    """
    length = seconds or (LONG_SECONDS if long else SHORT_SECONDS)
    spot = busiest_spots()[0]
    tell(f"recording {spot}", 0.0)
    piece = record(spot, length)
    results, row = _live(piece, BLOCK_FRAMES, tell)
    short = piece.first(min(length, SMALL_SECONDS))
    used, small = _live(short, SMALL_BLOCK_FRAMES, tell)
    key = "full_mix_core_percent"
    results[f"{key}_at_{SMALL_BLOCK_FRAMES}"] = used[key]
    rows = [{"spot": str(spot)} | row, {"spot": str(spot)} | small]
    return Found(results, {"live": rows})


def _live(piece: Piece, block_frames: int, tell: Tell) -> tuple[dict[str, float], dict[str, float]]:
    """Play a piece in real time: results by key, and what else there is to tell."""
    with (
        EngineProcess([Channel("idle", "piano")], sink="silent", block_frames=block_frames) as idle,
        EngineProcess(
            piece.channels,
            sink="silent",
            mix=piece.mix,
            gain_db=piece.gain_db,
            block_frames=block_frames,
        ) as busy,
    ):
        watches = Watch(busy), Watch(idle)
        used, grown = _play(piece, watches, tell)
        played = busy.metrics()
        left = _wait_for_silence(busy)
    late, late_idle = (watch.late() for watch in watches)
    results = {
        "full_mix_core_percent": 100.0 * used,
        "late_blocks": float(late),
        "late_blocks_idle": float(late_idle),
        "late_blocks_beyond_idle": float(max(late - late_idle, 0)),
        "memory_growth_mb": grown,
        "voices_leaked": float(left),
    }
    row = {
        "block_frames": block_frames,
        "core_percent": 100.0 * used,
        "seconds": piece.seconds,
        "blocks_seen": len(watches[0].marks),
        "notes": played.events_played,
        "notes_late": played.events_late,
        "voices_peak": played.voices_peak,
        "voices_stolen": played.voices_stolen,
        "limiter_db": played.limiter_reduction_db,
    }
    return results, row


def _play(piece: Piece, watches: tuple[Watch, Watch], tell: Tell) -> tuple[float, float]:
    """Play a piece to its end: share of a core used, and megabytes grown after warming up."""
    engine = watches[0].process
    start = engine.frame + SAMPLE_RATE // 2
    events = piece.events.copy()
    events["at_frame"] += start
    moves = list(piece.moves)
    pause = threading.Event()
    began, used = time.monotonic(), process_seconds(engine.process_id)
    warm = 0.0
    done = 0.0
    while done < piece.seconds:
        horizon = engine.frame + round(AHEAD_SECONDS * SAMPLE_RATE)
        due = int(np.searchsorted(events["at_frame"], horizon))
        if due:
            engine.schedule(events[:due])
            events = events[due:]
        while moves and moves[0][0] + start <= engine.frame:
            engine.control(*moves.pop(0)[1:])
        for watch in watches:
            watch.look()
        done = time.monotonic() - began
        if not warm and done > WARM_SHARE * piece.seconds:
            warm = process_megabytes(engine.process_id)
        tell("playing live", min(1.0, done / piece.seconds))
        pause.wait(LOOK_SECONDS)
    share = (process_seconds(engine.process_id) - used) / (time.monotonic() - began)
    return share, process_megabytes(engine.process_id) - warm


def _wait_for_silence(engine: EngineProcess) -> int:
    """Voices that still sound when every note should have ended."""
    engine.cancel()
    engine.release_all()
    pause = threading.Event()
    for _ in range(round(TAIL_SECONDS / 0.1)):
        active = engine.metrics().voices_active
        if not active:
            return 0
        pause.wait(0.1)
    return active
