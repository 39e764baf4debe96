"""Music that outlasts its engine."""

import os
import signal
import threading
import time

import numpy as np

from segue.client import protocol as p
from segue.server.sessions.session import Session
from segue.server.sounding.lasting import LastingSound
from segue.synth.stream import PcmBlock, Stream


class Ear:
    """Hears the blocks of a stream."""

    def __init__(self) -> None:
        self.blocks: list[PcmBlock] = []
        self.heard = threading.Condition()

    def __call__(self, block: PcmBlock) -> None:
        with self.heard:
            self.blocks.append(block)
            self.heard.notify_all()

    @property
    def loud(self) -> int:
        """Blocks that are not silent."""
        return sum(bool(np.abs(block.samples).max() > 1e-4) for block in self.blocks)


def play_until(session: Session, done: object, seconds: float = 30.0) -> list[p.Event]:
    events: list[p.Event] = []
    deadline = time.monotonic() + seconds
    nap = threading.Event()
    while not done() and time.monotonic() < deadline:  # type: ignore[operator]
        session.pump()
        events += session.events()
        nap.wait(0.005)
    assert done(), "it did not come to that in time"  # type: ignore[operator]
    return events


def engine_of(session: Session) -> LastingSound:
    sound = session._sound
    assert isinstance(sound, LastingSound)
    return sound


def test_a_killed_engine_is_made_again_and_the_music_goes_on_in_its_place() -> None:
    ear = Ear()
    stream = Stream(ear, realtime=True)
    with Session.open("neon", director="table", output=stream, clock="realtime") as session:
        play_until(session, lambda: ear.loud > 20)
        sound = engine_of(session)
        before = session.position()
        os.kill(sound.engine.process_id, signal.SIGKILL)
        began = time.monotonic()
        play_until(session, lambda: not sound.playing)
        told = play_until(session, lambda: sound.playing)
        ear.blocks.clear()
        told += play_until(session, lambda: ear.loud > 20)
        after, took = session.position(), time.monotonic() - began
        warnings = [event for event in told if isinstance(event, p.WarningEvent)]
        assert [event.code for event in warnings] == ["engine"]
        assert sound.restarts == 1
        moved = (after.frame - before.frame) / session.sample_rate
        assert abs(moved - took) < 0.5  # time went on as if nothing had happened
        assert abs(ear.blocks[-1].frame - after.frame) < session.sample_rate // 2
        numbers = [block.sequence for block in ear.blocks]
        assert numbers == sorted(set(numbers))
        assert session.level("beat", 0.5).scheduled_frame >= after.frame


def test_what_is_asked_while_there_is_no_engine_counts_afterwards() -> None:
    with Session.open("neon", director="table", output="null", clock="realtime") as session:
        session.pump()
        sound = engine_of(session)
        session.level("beat", 0.25, ramp_seconds=0.0)
        os.kill(sound.engine.process_id, signal.SIGKILL)
        play_until(session, lambda: not sound.playing)
        session.control("layer.beat.pan", -0.5, ramp_seconds=0.0)
        session.pause()
        play_until(session, lambda: sound.playing)
        assert sound.engine._process.controls()["layer.beat.pan"] == -0.5
        assert sound.engine._process.paused
        here = session.position().frame
        session.resume()
        play_until(session, lambda: session.position().frame > here + 4800)


def test_a_session_can_end_while_its_engine_is_being_made() -> None:
    session = Session.open("neon", director="table", output="null", clock="realtime")
    session.pump()
    sound = engine_of(session)
    os.kill(sound.engine.process_id, signal.SIGKILL)
    play_until(session, lambda: not sound.playing)
    assert session.close() == []
