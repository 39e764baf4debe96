"""Does every event sound at its very frame, and how soon is a control heard?

Onsets: a short dry drum plays on four channels, two hard left and two hard right, with silence
before each of its notes, so that the first sample that is not zero shows where a note begins. An
envelope starts from zero, so that sample may be the one after the event's frame; it has to be the
same for all events and blocks.

Controls: an engine whose control is moved is compared with its twin that is left alone; where
their samples part, the control is heard.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..music.errors import SegueError
from ..music.events import EVENT, INSTRUMENTS, Channel, Events
from ..synth.engine import Engine
from ..synth.pyo_host import Samples
from .findings import Found, Rows, Tell

Frames = NDArray[np.int64]

SAMPLE_RATE = 48_000
BLOCKS = (64, 256, 1024)
SILENT = 1e-9  # what the far side of a hard pan lets through lies below
VELOCITY = 0.9
SIDES = (-1.0, 1.0)  # pan of channels 0 and 1; 2 and 3 lie like them
GUARD_FRAMES = 1100  # silence before each event: more than the longest block
FAR_FRAMES = 10**9  # the error of an event that is not heard
PIECE_FRAMES = 480_000
CONTROL_BLOCK_FRAMES, CONTROL_BLOCKS_HEARD = 256, 40
CONTROL_BLOCKS = (40, 90)  # when a control is moved
CONTROL_INSTRUMENT = "flute"
MOVES = {
    "layer.a.gain": 0.3,
    "layer.a.pan": -0.8,
    "layer.a.reverb": 0.9,
    "layer.a.filter": 400.0,
    "master.gain": 0.3,
    "master.filter": 400.0,
}


@dataclass(frozen=True)
class Knock:
    """The shortest sharp sound there is."""

    instrument: str
    pitch: int
    lag_frames: int  # from the event's frame to the first sample that is not zero, 0 or 1
    frames: int  # from the event's frame to the last


def measure(tell: Tell, *, events: int = 10_000, blocks: tuple[int, ...] = BLOCKS) -> Found:
    """`event_frame_error_max` over random events at each block size."""
    knock = shortest_knock()
    rows: Rows = []
    for number, block in enumerate(blocks):

        def tell_block(share: float, number: int = number) -> None:
            tell("onsets", (number + share) / len(blocks))

        errors = onset_errors(knock, events, block, tell_block)
        rows.append(
            {
                "block_frames": block,
                "events": events,
                "frame_error_max": int(errors.max()),
                "events_off": int(np.count_nonzero(errors)),
                "sound": f"{knock.instrument} {knock.pitch}",
            }
        )
    worst = max(row["frame_error_max"] for row in rows)
    return Found({"event_frame_error_max": float(worst)}, {"onsets of events": rows})


def shortest_knock() -> Knock:
    """The drum that sounds from its frame on (or the next) and is silent soonest."""
    found = []
    for name in [name for name in INSTRUMENTS if name.startswith("drums")]:
        pitches, spacing = range(35, 60), SAMPLE_RATE
        rows = [(i * spacing, 1, pitch, VELOCITY, 0) for i, pitch in enumerate(pitches)]
        with Engine([Channel("a", name, reverb=0.0)], block_frames=1024) as engine:
            engine.schedule(np.array(rows, EVENT))
            sound = engine.render(spacing * len(pitches))[:, 0]
        for pitch, piece in zip(pitches, sound.reshape(-1, spacing), strict=True):
            sounding = np.flatnonzero(np.abs(piece) > SILENT)
            if len(sounding) and sounding[0] <= 1:
                found.append(Knock(name, pitch, int(sounding[0]), int(sounding[-1])))
    return min(found, key=lambda knock: knock.frames)


def onset_errors(knock: Knock, count: int, block: int, tell: Callable[[float], None]) -> Frames:
    """Frames by which each of `count` random events sounds off its place [shape=(count,)]."""
    shortest = knock.frames + GUARD_FRAMES
    random = np.random.default_rng(block)
    # two streams, one on either side, each with its own silence
    sides = [
        np.cumsum(random.integers(shortest, 3 * shortest // 2, (count + 1 - n) // 2))
        for n in (0, 1)
    ]
    channels = [
        Channel(f"channel {n}", knock.instrument, pan=SIDES[n % 2], reverb=0.0) for n in range(4)
    ]
    with Engine(channels, block_frames=block) as engine:
        for side, at_frames in enumerate(sides):
            engine.schedule(_events(at_frames, side, knock, random))
        heard = _onsets(engine, int(max(side[-1] for side in sides if len(side))) + shortest, tell)
    return np.concatenate(
        [_distance(at + knock.lag_frames, onsets) for at, onsets in zip(sides, heard, strict=True)]
    )


def _events(at_frames: Frames, side: int, knock: Knock, random: np.random.Generator) -> Events:
    events = np.zeros(len(at_frames), EVENT)
    events["at_frame"], events["duration_frames"] = at_frames, 1
    events["pitch"], events["velocity"] = knock.pitch, VELOCITY
    events["channel"] = side + 2 * random.integers(0, 2, len(at_frames))
    return events


def _onsets(engine: Engine, frames: int, tell: Callable[[float], None]) -> tuple[Frames, Frames]:
    """Frames of the first sample after each silence of half a guard, left and right."""
    sounding: tuple[list[Frames], list[Frames]] = ([], [])
    while engine.frame < frames:
        start = engine.frame
        sound = np.abs(engine.render(min(PIECE_FRAMES, frames - start))) > SILENT
        for side, parts in enumerate(sounding):
            # kept are the ends of each stretch without gaps: the rest would only fill memory
            at = np.flatnonzero(sound[:, side])
            if len(at):
                far = np.diff(at) > GUARD_FRAMES // 2
                ends = np.concatenate([[True], far]) | np.concatenate([far, [True]])
                parts.append(at[ends] + start)
        tell(engine.frame / frames)
    left, right = (np.concatenate([np.array([-frames]), *parts]) for parts in sounding)
    return tuple(at[1:][np.diff(at) > GUARD_FRAMES // 2] for at in (left, right))  # type: ignore[return-value]


def _distance(expected: Frames, onsets: Frames) -> Frames:
    """Frames from each expected onset to the nearest that was heard [shape=(n,)]."""
    if not len(onsets):
        return np.full(len(expected), FAR_FRAMES)
    after = np.minimum(np.searchsorted(onsets, expected), len(onsets) - 1)
    before = np.maximum(after - 1, 0)
    nearest: Frames = np.minimum(
        np.abs(onsets[after] - expected), np.abs(onsets[before] - expected)
    )
    return nearest


def measure_controls(tell: Tell, *, trials: int = 8) -> Found:
    """`control_latency_blocks_p99`: from the call to the first sample that it changes.

    Calls come between two blocks; one that comes within a block waits for its end. The way of sound
    through the room, which a send cannot shorten, is taken off and told.
    """
    random = np.random.default_rng(0)
    left_alone = _play_note()
    room = room_frames() / CONTROL_BLOCK_FRAMES
    rows: Rows = []
    found: list[float] = []
    for number, (name, value) in enumerate(MOVES.items()):
        blocks = random.integers(*CONTROL_BLOCKS, trials).tolist()
        through = room if name.endswith(".reverb") else 0.0
        delays = [_control_delay(left_alone, name, value, block) - through for block in blocks]
        found += delays
        row = {"blocks_median": float(np.median(delays)), "blocks_max": max(delays)}
        rows.append({"control": name, **row, "taken_off_for_the_room": through})
        tell("controls", (number + 1) / len(MOVES))
    return Found(
        {"control_latency_blocks_p99": float(np.percentile(found, 99))},
        {f"from a control to sound, blocks of {CONTROL_BLOCK_FRAMES}": rows},
    )


def room_frames() -> int:
    """Frames from a note's first sample to the first that comes out of the room."""
    wet, dry = (_play_note(reverb=reverb) for reverb in (1.0, 0.0))
    return _first(wet != dry) - _first(dry != 0)


def _first(true: NDArray[np.bool_]) -> int:
    """The first frame where it is so on either side, else the length."""
    frames = np.flatnonzero(np.any(true, axis=1))
    return int(frames[0]) if len(frames) else len(true)


def _play_note(
    name: str = "", value: float = 0.0, block: int = CONTROL_BLOCKS[1], *, reverb: float = 0.2
) -> Samples:
    """A held note, with a control moved after some blocks if one is named."""
    channels = [Channel("a", CONTROL_INSTRUMENT, reverb=reverb)]
    with Engine(channels, block_frames=CONTROL_BLOCK_FRAMES, seed=1) as engine:
        engine.schedule(np.array([(0, 10**6, 70, 0.7, 0)], EVENT))
        before = engine.render(block * CONTROL_BLOCK_FRAMES)
        if name:
            engine.control(name, value)
        rest = CONTROL_BLOCKS[1] + CONTROL_BLOCKS_HEARD - block
        return np.concatenate([before, engine.render(rest * CONTROL_BLOCK_FRAMES)])


def _control_delay(left_alone: Samples, name: str, value: float, block: int) -> float:
    """Blocks from the call to the first sample that differs from the note left alone."""
    first = _first(_play_note(name, value, block) != left_alone)
    if first < block * CONTROL_BLOCK_FRAMES:
        raise SegueError(
            f"two engines of one seed differ at frame {first}, before anything was moved; "
            "the engine has to give the same samples twice before delays can be measured"
        )
    return first / CONTROL_BLOCK_FRAMES - block
