"""How much sound a core can make: a whole rendering, and the voices of each instrument.

Costs are processor time, not time on the clock, so that other work on the machine matters less.
"""

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from ..music.errors import SegueError
from ..music.events import EVENT, INSTRUMENTS, Channel
from ..server.sessions.embedded import open_session
from ..synth.engine import Engine
from .findings import Found, Rows, Tell
from .synth_material import Spot, begin, busiest_spots, record

RATE = 48_000
BLOCK_FRAMES = 256
SHARE_OF_CORE = 0.7
VOICES = 48  # that sound while an instrument is measured, where it has so many
VOICE_GAIN_DB = -30.0  # so low that the limiter, which all share, has nothing to do
CHORD_SECONDS = 0.5  # struck anew so often, so that what rings out keeps sounding
MIX_SECONDS = 20.0


def measure_render(tell: Tell, *, seconds: float = 60.0) -> Found:
    """`render_x_realtime`: what `segue render` does, for the busiest spot of the shipped cues."""
    spot = busiest_spots()[0]
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as folder:
        path = Path(folder) / "out.wav"
        wall, used = time.monotonic(), _processor_seconds()
        session = open_session(spot.cue, output=f"file:{path}")
        try:
            begin(session, spot)
            for second in range(round(seconds)):
                session.advance(1.0)
                tell(f"rendering {spot}", second / seconds)
            session.close()
        except BaseException:
            session.discard()
            raise
        wall, used = time.monotonic() - wall, _processor_seconds() - used
        if not path.stat().st_size > seconds * RATE:
            raise SegueError(
                f"rendering {spot} left {path.stat().st_size} bytes; it has to be more"
            )
    results = {"render_x_realtime": seconds / wall, "render_x_processor_time": seconds / used}
    row = {
        "spot": str(spot),
        "notes_per_second": round(spot.notes_per_second, 1),
        "seconds": seconds,
        "wall_seconds": wall,
        "processor_seconds": used,
    }
    return Found(results, {"rendering to a file": [row]})


def _processor_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def measure_mixes(tell: Tell, *, seconds: float = MIX_SECONDS) -> Found:
    """What the engine costs at the busiest spot of each cue, at the block size of live playing."""
    rows: Rows = []
    for number, spot in enumerate(busiest_spots()):
        tell(f"mixing {spot}", number / len(busiest_spots()))
        row = {"spot": str(spot), "notes_per_second": round(spot.notes_per_second, 1)}
        rows.append(row | _mix(spot, seconds))
    worst = max(row["core_percent"] for row in rows)
    return Found({"engine_core_percent": worst}, {"the engine at the busiest spots, offline": rows})


def _mix(spot: Spot, seconds: float) -> dict[str, float]:
    """Processor time for a spot in per cent of one core, and what the engine tells of it."""
    piece = record(spot, seconds)
    moves = sorted(piece.moves)
    with Engine(
        piece.channels, mix=piece.mix, block_frames=BLOCK_FRAMES, gain_db=piece.gain_db
    ) as engine:
        engine.schedule(piece.events)
        start = time.thread_time()
        while engine.frame < seconds * RATE:
            while moves and moves[0][0] <= engine.frame:
                _, name, value, ramp = moves.pop(0)
                engine.control(name, value, ramp)
            engine.process()
        used = time.thread_time() - start
        told = engine.metrics()
    return {
        "core_percent": 100.0 * used / seconds,
        "voices_peak": told.voices_peak,
        "voices_stolen": told.voices_stolen,
        "limited_percent": 100.0 * told.limited_frames / told.frames,
    }


def measure_voices(
    tell: Tell, *, instruments: tuple[str, ...] = INSTRUMENTS, chords: int = 6
) -> Found:
    """`voices_at_70_percent` of each instrument, and of the dearest as the result."""
    rows: Rows = []
    for number, name in enumerate(instruments):
        tell(f"voices of {name}", number / len(instruments))
        rows.append(voice_cost(name, chords))
    rows.sort(key=lambda row: row["voices_at_70_percent"])
    fewest = float(rows[0]["voices_at_70_percent"])
    title = f"voices that fill {SHARE_OF_CORE:.0%} of a core at blocks of {BLOCK_FRAMES}"
    return Found({"voices_at_70_percent": fewest}, {title: rows})


def voice_cost(name: str, chords: int) -> dict[str, object]:
    """Processor time a sounding voice takes of each block, beyond an engine at rest.

    The instrument strikes a chord every half second, so that the cost of starting notes is in it.
    `us_first_time` is that of the first chord, which lays down what later ones read.
    """
    lowest = 35 if name.startswith("drums") else 36
    pitches = range(lowest, lowest + VOICES)
    blocks = round(CHORD_SECONDS * RATE / BLOCK_FRAMES)
    channels = [Channel("a", name)]
    with Engine(
        channels, block_frames=BLOCK_FRAMES, voices_per_channel=VOICES, gain_db=VOICE_GAIN_DB
    ) as engine:
        _spend(engine, blocks)  # tables and caches are filled
        rest = min(_spend(engine, blocks) for _ in range(3))
        costs, sounding = [], []
        for _ in range(chords + 1):
            rows = [(engine.frame, blocks * BLOCK_FRAMES - 512, p, 0.7, 0) for p in pitches]
            engine.schedule(np.array(rows, EVENT))
            half = [_spend(engine, blocks // 4)]
            sounding.append(engine.metrics().voices_active)
            half += [_spend(engine, blocks // 4) for _ in range(3)]
            costs.append(float(np.mean(half)))
    voices = float(np.mean(sounding[1:]))
    each = max(float(np.median(costs[1:])) - rest, 0.0) / voices
    first = max(costs[0] - rest, 0.0) / sounding[0]
    block_seconds = BLOCK_FRAMES / RATE
    return {
        "instrument": name,
        "us_per_voice": 1e6 * each,
        "us_first_time": 1e6 * first,
        "us_at_rest": 1e6 * rest,
        "voices_measured": voices,
        "voices_at_70_percent": int((SHARE_OF_CORE * block_seconds - rest) / each),
    }


def _spend(engine: Engine, blocks: int) -> float:
    """Seconds of processor time that a block takes, over some blocks."""
    start = time.thread_time()
    for _ in range(blocks):
        engine.process()
    return (time.thread_time() - start) / blocks
