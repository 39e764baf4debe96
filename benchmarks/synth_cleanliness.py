"""Clicks, found by `analysis.sound.audio.find_clicks`, and what silence costs.

Every instrument plays short and long, soft and loud notes, chords and more notes than it has
voices, while its level, place and the filter jump; stems, samples, a full chord and the parts of a
voice go through their seams; every cue goes through its sections. The detector is first tried on a
tone cut off, which it has to find, and on the same tone left whole; at the seams it is measured how
small a click it would find.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from ..agents.arrange.performer import Performer
from ..analysis.sound.audio import find_clicks
from ..music.cue import Cue
from ..music.cue_file import load_cue, shipped_cues
from ..music.errors import SegueError
from ..music.events import EVENT, INSTRUMENTS, Channel, Events
from ..server.sessions.session import Session
from ..server.sounding.sound import GAIN_DB, Silence, session_channels
from ..synth.engine import Engine
from ..synth.pyo_host import Samples
from .findings import Found, Rows, Tell
from .synth_scenes import DRUMS, PITCHES, RATE, TAIL_SECONDS, VOICES, Heard, play_scenes
from .synth_seams import SEAMS

MOST_SECONDS = 60  # waited for a section
MOST_CHANNELS = 64
STRUCK_SECONDS, HELD_SECONDS, MUTED_SECONDS, AFTER_SECONDS = 1, 5, 4, 6
SOFT_DB = -40.0
CUT_SECONDS = 1.0012  # between two zeros of the tone
SECTION_BARS = 3  # bars heard of each section


def measure_clicks(
    tell: Tell, *, instruments: tuple[str, ...] = INSTRUMENTS, every_way: bool = False
) -> Found:
    """`clicks` of all instruments, seams and cues, and where they are.

    Raises SegueError if the detector does not find clicks that are put in by hand.

    :param every_way: cues go every way from section to section, not only once into each
    """
    check_detector()
    players: dict[str, Callable[[], dict[str, Heard]]] = {
        name: partial(_play_scenes, name) for name in instruments
    }
    players |= SEAMS
    for name in shipped_cues():
        players[f"cue {name}"] = partial(_play_transitions, name, every_way)
    sources: Rows = []
    seams: Rows = []
    places: Rows = []
    for number, (source, play) in enumerate(players.items()):
        tell(f"clicks of {source}", number / len(players))
        heard = play()
        clicks = {scene: find_clicks(part.sound, RATE) for scene, part in heard.items()}
        seconds = sum(part.seconds for part in heard.values())
        count = sum(len(frames) for frames in clicks.values())
        sources.append({"source": source, "seconds": seconds, "clicks": count})
        for scene, frames in clicks.items():
            if len(frames):
                at = ", ".join(f"{frame / RATE:.4f}" for frame in frames[:5])
                row = {"source": source, "scene": scene, "clicks": len(frames)}
                places.append({**row, "at_seconds": at})
            if heard[scene].seams:
                seams.append(_seam_row(source, scene, heard[scene], len(frames)))
    found = Found({"clicks": float(sum(row["clicks"] for row in sources))}, {"clicks": sources})
    if seams:
        found.tables["clicks at seams"] = seams
    if places:
        found.tables["where it clicks"] = places
    return found


def _seam_row(source: str, scene: str, heard: Heard, clicks: int) -> dict[str, object]:
    """A row of the table of seams; SegueError where no click would be found."""
    least = heard.least_click()
    if not clicks and math.isinf(least):
        raise SegueError(
            f"no click put into {source}, {scene}, is found; make its sound darker or move its "
            "seams away from attacks"
        )
    row = {"source": source, "scene": scene, "seconds": heard.seconds, "clicks": clicks}
    return {**row, "smallest_click_found": least}


def _play_scenes(name: str) -> dict[str, Heard]:
    return {scene: Heard(sound) for scene, sound in play_scenes(name).items()}


def _play_transitions(name: str, every_way: bool) -> dict[str, Heard]:
    return {"transitions": Heard(play_transitions(load_cue(name), every_way))}


def check_detector() -> None:
    """SegueError unless the detector finds a tone cut off, and nothing in the tone as it is."""
    seconds = np.arange(2 * RATE) / RATE
    swell = np.sin(np.pi * seconds / 2) ** 2
    tone = swell * sum(0.2 / n * np.sin(2 * np.pi * 220 * n * seconds) for n in range(1, 6))
    cut = np.where(seconds < CUT_SECONDS, tone, 0.0)
    if len(find_clicks(tone, RATE)) or find_clicks(cut, RATE).size != 1:
        raise SegueError("the click detector does not tell a tone cut off from a whole one")


class HandEngine(Silence):
    """An engine in this process as the sound of a session; keeps what it renders."""

    def __init__(self, channels: list[Channel]) -> None:
        super().__init__(realtime=False)
        self.engine = Engine(channels, block_frames=1024, gain_db=GAIN_DB)
        self.blocks: list[Samples] = []

    def schedule(self, events: Events) -> None:
        """Play the notes."""
        self.engine.schedule(events)

    def cancel(self, from_frame: int) -> None:
        """Drop the notes from a frame on."""
        self.engine.cancel(from_frame)

    def control(self, name: str, value: float, ramp_seconds: float) -> None:
        """Move a control."""
        self.engine.control(name, value, ramp_seconds)

    def release_all(self) -> None:
        """Let all notes end."""
        self.engine.release_all()

    def advance_to(self, frame: int) -> None:
        """Render up to a frame."""
        if frame > self.frame:
            self.blocks.append(self.engine.render(frame - self.frame))
        super().advance_to(frame)


def play_transitions(cue: Cue, every_way: bool) -> Samples:
    """A performance that goes from section to section, once into each or every way there is."""
    sound = HandEngine(session_channels(cue))
    session = Session(cue, Performer(cue, "agent", seed=0), sound)
    session.mood(arousal=1.0, ramp_seconds=0.0)
    try:
        for section in _route(cue, every_way):
            session.go(section)
            for _ in range(MOST_SECONDS):
                session.advance(1.0)
                where = session.position()
                if where.section == section and where.bar_in_section >= SECTION_BARS:
                    break
        sound.engine.cancel(sound.frame)
        sound.engine.release_all()
        sound.blocks.append(sound.engine.render(TAIL_SECONDS * RATE))
    finally:
        session.discard()
        sound.engine.close()
    return np.concatenate(sound.blocks)


def _route(cue: Cue, every_way: bool) -> list[str]:
    """Sections in the order they are gone to, from the first one; only ways that exist."""
    names = [section.name for section in cue.sections]
    if not every_way:
        return names[1:] + names[:1]
    route, here = [], names[0]
    left = {(a, b) for a in names for b in names if a != b and cue.transition(a, b)}
    while left:
        ways = sorted(way for way in left if way[0] == here)
        # no way is left from here: go to where one begins, over a way that was gone before
        target = ways[0][1] if ways else sorted(left)[0][0]
        left.discard((here, target))
        route.append(target)
        here = target
    return route


def measure_silence(tell: Tell, *, instruments: tuple[str, ...] = INSTRUMENTS) -> Found:
    """`denormal_ratio`: what silence costs at most, over what sound costs.

    All instruments strike chords and hold them until many have died away; then all layers are
    muted while the rest goes on, and the room dies away; then the notes end. What each stretch
    takes is compared with the first second. Processor time of this thread; the whole is so soft
    that the limiter has nothing to do.
    """
    names = instruments[:MOST_CHANNELS]
    channels = [Channel(f"{n} {name}", name) for n, name in enumerate(names)]
    held = (STRUCK_SECONDS + HELD_SECONDS + MUTED_SECONDS) * RATE
    rows = [
        (0, held, pitch, 0.7, channel)
        for channel, name in enumerate(names)
        for pitch in (DRUMS if name.startswith("drums") else PITCHES)
    ]
    with Engine(channels, voices_per_channel=VOICES, gain_db=SOFT_DB) as engine:
        engine.schedule(np.array(rows, EVENT))
        tell("cost of silence", 0.0)
        costs = {"struck": _window_costs(engine, STRUCK_SECONDS)}
        costs["held, dying away"] = _window_costs(engine, HELD_SECONDS)
        for channel in channels:
            engine.control(f"layer.{channel.name}.gain", 0.0)
        tell("cost of silence", 0.4)
        costs["muted, notes held"] = _window_costs(engine, MUTED_SECONDS)
        tell("cost of silence", 0.8)
        costs["after the last note"] = _window_costs(engine, AFTER_SECONDS)
    table = [
        {
            "state": state,
            "us_per_block_median": 1e6 * float(np.median(values)),
            "us_per_block_max": 1e6 * _steady_max(values),
        }
        for state, values in costs.items()
    ]
    sounding = float(np.median(costs.pop("struck")))
    ratio = max(_steady_max(values) for values in costs.values()) / sounding
    return Found({"denormal_ratio": ratio}, {"cost of silence": table})


def _window_costs(engine: Engine, seconds: int) -> list[float]:
    """Seconds of processor time a block took in each quarter of a second."""
    blocks = round(0.25 * RATE / engine.block_frames)
    costs = []
    for _ in range(4 * seconds):
        start = time.thread_time()
        for _ in range(blocks):
            engine.process()
        costs.append((time.thread_time() - start) / blocks)
    return costs


def _steady_max(values: list[float]) -> float:
    """The most that three windows in a row cost in the middle: one may have been disturbed."""
    return max(float(np.median(values[n : n + 3])) for n in range(len(values) - 2))
