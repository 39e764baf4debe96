"""From a command to its sound: unquantised in a live stream, quantised in a rendered file.

Unquantised: the master gain goes to 0 with no ramp. How long the engine then takes to be silent is
constant, as a twin of it tells offline; what is beyond that, counted from the frame at which the
server accepted the command, is the way of the command to the engine and the wait for its next
block.

Quantised: stingers in sessions whose layers are silent, rendered through the server. The first
sample that is not zero is held against the frame that was promised. How many frames after its
note's an instrument begins to sound is again told by a twin offline.
"""

import math
import random
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..client import Client
from ..client import protocol as p
from ..music.cue import Cue
from ..music.cue_file import load_cue, shipped_cues
from ..music.errors import SegueError
from ..music.events import EVENT
from ..server.serving.launch import ServerProcess
from ..server.sounding.sound import (
    BLOCK_FRAMES,
    GAIN_DB,
    LOUDNESS_LUFS,
    SAMPLE_RATE,
    session_channels,
    stinger_channel,
)
from ..synth.engine import Engine
from ..synth.render import OFFLINE_BLOCK_FRAMES
from .findings import Found, Rows, Tell
from .server_ears import SoundEar

CUE = "dungeon"
TRIALS = 150
SILENCES_BLOCKS = (10, 40)  # between two trials
LONGEST_SECONDS = 2.0  # to wait for silence
LAYERS = ("theme", "strings", "choir", "bass")  # hold a note in the twin

KINDS = ("beat", "bar", "grid:0.5", "grid:0.25", "beat:N", "frame:N")
STINGERS = 2 * len(KINDS)  # of each cue
BEFORE_SECONDS, AFTER_SECONDS = (0.5, 6.0), 0.5
HEARD_SECONDS = 5.0  # within which the rendered blocks come
FAR_FRAMES = 10**9  # where a stinger is that is not heard


def measure(tell: Tell, *, trials: int = TRIALS) -> Found:
    """`command_to_sound_blocks_p99`."""
    cue = load_cue(CUE)
    delay = silence_frames(cue)
    found = Found()
    with (
        TemporaryDirectory() as folder,
        ServerProcess(folder=folder) as server,
        Client(server.endpoint) as client,
        client.open(CUE, output="stream", timeout_seconds=0.0) as session,
        SoundEar(client.server.events, session.id) as ear,
    ):
        for _ in ear.read(1.0):  # the music has begun
            pass
        rng, blocks, lost = random.Random(0), [], 0
        for trial in range(trials):
            tell("from a command to sound", trial / trials)
            for _ in ear.read(rng.uniform(*SILENCES_BLOCKS) * BLOCK_FRAMES / SAMPLE_RATE):
                pass
            accepted = session.control("master.gain", 0.0, ramp_seconds=0.0)
            silent = _silent_from(ear)
            session.control("master.gain", 1.0, ramp_seconds=0.0)
            if silent is None:
                lost += 1
            else:
                blocks.append((silent - delay - accepted.scheduled_frame) / BLOCK_FRAMES)
    if not blocks:
        raise SegueError("no command was heard in the stream; is the machine overloaded?")
    found.results["command_to_sound_blocks_p99"] = float(np.quantile(blocks, 0.99))
    found.tables[f"from a command's acceptance to its block, in blocks of {BLOCK_FRAMES}"] = [
        {
            "commands": len(blocks),
            "blocks_missing": lost,
            "p50": float(np.median(blocks)),
            "p99": float(np.quantile(blocks, 0.99)),
            "max": max(blocks),
            "frames_to_silence": delay,
        }
    ]
    return found


def _silent_from(ear: SoundEar) -> int | None:
    """The frame from which the sound is zero; None if blocks are missing on the way to it."""
    last = expected = None
    for frame, samples in ear.read(LONGEST_SECONDS):
        if expected is not None and frame != expected:
            return None
        expected = frame + len(samples)
        sounding = np.flatnonzero(np.any(samples != 0.0, axis=1))
        if len(sounding):
            last = frame + int(sounding[-1])
        elif last is not None:
            return last + 1
    return None


def _twin(cue: Cue, block_frames: int) -> Engine:
    """An engine such as the server's sessions have."""
    wanted = cue.mix.loudness_lufs
    mix = replace(cue.mix, loudness_lufs=LOUDNESS_LUFS if wanted is None else wanted)
    return Engine(session_channels(cue), mix=mix, block_frames=block_frames, gain_db=GAIN_DB)


def silence_frames(cue: Cue, *, blocks: tuple[int, ...] = (20, 33, 60)) -> int:
    """Frames from the block before which the master gain is set to 0 to the first zero.

    Raises SegueError if that is not always so many.
    """
    names = [channel.name for channel in session_channels(cue)]
    rows = [(0, 10**7, 50 + 4 * n, 0.7, names.index(name)) for n, name in enumerate(LAYERS)]
    found = set()
    for count in blocks:
        with _twin(cue, BLOCK_FRAMES) as engine:
            engine.schedule(np.array(rows, EVENT))
            engine.render(count * BLOCK_FRAMES)
            engine.control("master.gain", 0.0, 0.0)
            rest = engine.render(10 * BLOCK_FRAMES)
        found.add(int(np.flatnonzero(np.any(rest != 0.0, axis=1))[-1]) + 1)
    if len(found) != 1:
        raise SegueError(f"an engine takes {sorted(found)} frames to be silent, not always as many")
    return found.pop()


# Quantised ----------------------------------------------------------------------------------------


def measure_quantised(tell: Tell, *, stingers: int = STINGERS, cues: tuple[str, ...] = ()) -> Found:
    """`quantised_frame_error_max`, over stingers at all kinds of moments in the shipped cues.

    :param stingers: of each cue, a session for each, so that none sounds into another
    """
    rows: Rows = []
    names = cues or tuple(shipped_cues())
    with (
        TemporaryDirectory() as folder,
        ServerProcess(folder=folder) as server,
        Client(server.endpoint) as client,
    ):
        for number in range(len(names) * stingers):
            name = names[number // stingers]
            tell(f"stingers of {name}", number / (len(names) * stingers))
            rows.append(_one_stinger(client, load_cue(name), number % stingers))
    found = Found()
    found.results["quantised_frame_error_max"] = float(max(abs(row["error"]) for row in rows))
    table = [_summary([row for row in rows if row["at"] == at]) for at in _kinds(rows)]
    found.tables["stingers in silent sessions against their promised frames"] = table
    return found


def _kinds(rows: Rows) -> list[str]:
    return sorted({row["at"] for row in rows})


def _summary(rows: Rows) -> dict[str, Any]:
    lags = [row["lag"] for row in rows]
    return {
        "at": rows[0]["at"],
        "stingers": len(rows),
        "frame_error_max": max(abs(row["error"]) for row in rows),
        "onset_lag_taken_off": f"{min(lags)} to {max(lags)}",
    }


def _one_stinger(client: Client, cue: Cue, number: int) -> dict[str, Any]:
    """Play a stinger somewhere in a session whose layers are silent; how far off it is heard."""
    rng = random.Random(f"{cue.name} {number}")
    stinger = cue.stingers[number // len(KINDS) % len(cue.stingers)].name
    with (
        client.open(cue.name, director="table", output="stream", clock="manual") as session,
        SoundEar(client.server.events, session.id) as ear,
    ):
        for layer in session.cue.layers:
            session.level(layer, 0.0, ramp_seconds=0.0)
        here = session.advance(rng.uniform(*BEFORE_SECONDS))
        at = moment(KINDS[number % len(KINDS)], here, rng)
        promised = session.stinger(stinger, at=at, duck_db=0.0)
        session.advance(promised.eta_seconds + AFTER_SECONDS)
        onset = _first_sound(ear, promised.scheduled_frame)
        told = [event for event in session.events() if isinstance(event, p.NotesEvent)]
    pitch, start, frames = next(e.notes[0] for e in told if e.notes[0][0] == stinger)[1:4]
    lag = onset_lag(cue, stinger, pitch, start, frames)
    return {
        "at": KINDS[number % len(KINDS)],
        "error": onset - promised.scheduled_frame - lag,
        "lag": lag,
    }


def moment(kind: str, here: p.Position, rng: random.Random) -> str:
    """A moment of a kind, somewhat later than here."""
    if kind == "beat:N":
        return f"beat:{math.ceil(here.beat) + rng.randrange(8, 48) / 8}"
    if kind == "frame:N":
        return f"frame:{here.frame + rng.randrange(20_000, 150_000)}"
    return kind


def _first_sound(ear: SoundEar, promised: int) -> int:
    """The frame of the first sample that is not zero, among the blocks that come."""
    for frame, samples in ear.read(HEARD_SECONDS):
        sounding = np.flatnonzero(np.any(samples != 0.0, axis=1))
        if len(sounding):
            return frame + int(sounding[0])
        if frame > promised + SAMPLE_RATE:
            break
    return FAR_FRAMES


def onset_lag(cue: Cue, stinger: str, pitch: int, start: int, frames: int) -> int:
    """Frames from the frame of a stinger's first note to its first sample, in a twin engine."""
    names = [channel.name for channel in session_channels(cue)]
    channel = names.index(stinger_channel(cue.stinger(stinger).instrument))
    first = 10 * OFFLINE_BLOCK_FRAMES + start % OFFLINE_BLOCK_FRAMES
    with _twin(cue, OFFLINE_BLOCK_FRAMES) as engine:
        note = (first, frames, pitch, cue.stinger(stinger).velocity, channel)
        engine.schedule(np.array([note], EVENT))
        sound = engine.render(first + SAMPLE_RATE // 2)
    return int(np.flatnonzero(np.any(sound != 0.0, axis=1))[0]) - first
