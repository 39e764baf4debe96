"""What a server with an engine is asked: how loud, how well, what is ready, and its sound."""

import json
import time
from typing import Any

import numpy as np
import pytest
import zmq

from segue.client import Client
from segue.client import protocol as p
from segue.client.errors import ClientError, RequestError
from segue.client.wire import pack
from segue.music.errors import RangeError, SegueError
from segue.server.serving.server import Server
from segue.server.sessions.session import AHEAD_FRAMES, Session

QUIET = {"director": "table", "seed": 1}
DEEP_ENOUGH_DB = 30.0


def of(kind: type[p.Event], events: Any) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_meters_are_told_at_their_frames_and_asked_for() -> None:
    with Session.open("dungeon", output="null", meter_hz=10.0, **QUIET) as session:
        session.advance(2.0)
        told = of(p.MeterEvent, session.events())
        assert [event.at_frame for event in told] == [4_800 * (n + 1) for n in range(20)]
        asked = session.meters()
        last = told[-1]
        assert (asked.frame, asked.lufs) == (96_000, last.lufs)
        assert -40.0 < asked.lufs < 0.0 and len(asked.peak_db) == len(asked.rms_db) == 2
        assert all(p >= r for p, r in zip(asked.peak_db, asked.rms_db, strict=True))
        assert set(asked.layers) == {layer.name for layer in session.cue.layers}
        assert asked.voices > 0 and session.metrics().voices == asked.voices
        session.level("theme", 0.0)
        session.advance(3.0)
        assert session.meters().layers["theme"] < asked.layers["theme"] - DEEP_ENOUGH_DB


def test_a_session_without_an_engine_has_no_meters(session: Session, client: Client) -> None:
    with pytest.raises(SegueError, match="no engine"):
        session.meters()
    with pytest.raises(SegueError, match="no engine"):
        Session.open("dungeon", director="table", meter_hz=5.0)
    remote = client.open("dungeon", director="table", clock="manual")
    with pytest.raises(RequestError, match="no engine") as refused:
        remote.meters()
    assert refused.value.code == "refused"


def test_voices_are_capped() -> None:
    def most(voices: int) -> int:
        with Session.open("neon", output="null", voices=voices, **QUIET) as session:
            session.mood(arousal=1.0, ramp_seconds=0.0)
            session.direct(harmony=1.0, arpeggio=1.0, drums=1.0, articulation=1.0)
            found = []
            for _ in range(12):
                session.advance(0.5)
                found.append(session.meters().voices)
            return max(found)

    assert most(1) < most(0)
    with pytest.raises(RangeError, match="voices"):
        Session.open("neon", voices=65)


@pytest.mark.parametrize("option", [{"grid_beats": 0.01}, {"meter_hz": 51.0}, {"grid_beats": -1}])
def test_options_out_of_range_are_refused(option: dict[str, float]) -> None:
    with pytest.raises(RangeError):
        Session.open("dungeon", director="table", **option)


def test_everything_is_told_two_blocks_ahead_in_real_time(client: Client) -> None:
    session = client.open("dungeon", director="table", clock="realtime", grid_beats=0.5)
    session.go("fight")
    session.stinger("danger", at="now")
    kinds, told = set(), 0
    for event in session.events(timeout_seconds=5.0):
        kinds.add(type(event))
        told += 1
        if event.bar >= 3:
            break
    assert {p.NotesEvent, p.GridEvent, p.StingerEvent, p.BeatEvent} <= kinds
    assert client.metrics().sessions[session.id].late_events == 0


def test_what_is_told_too_late_is_counted(session: Session) -> None:
    """A stinger whose moment is nearer than two blocks."""
    announcer = session._announcer
    assert announcer.late_events == 0
    announcer._ahead_frames = AHEAD_FRAMES
    here = session.position()
    event = p.GridEvent(at_frame=here.frame + AHEAD_FRAMES - 1, beat=0.0, bar=0, line=0)
    announcer._ahead(event, here.frame)
    assert session.metrics().late_events == 1


def test_the_server_tells_how_it_fares(client: Client) -> None:
    session = client.open("dungeon", director="table", clock="manual")
    session.set(danger=0.3)
    session.set(danger=0.9, at="bars:2", expires_seconds=0.0)
    with pytest.raises(RequestError):
        session.set(danger=7.0)
    session.advance(2.0)
    told = client.metrics()
    assert told.errors == 1 and told.requests >= 6 and told.uptime_seconds > 0
    assert 10.0 < told.memory_mb < 10_000.0 and told.turn_ms_p99 >= told.turn_ms_p50 >= 0.0
    mine = told.sessions[session.id]
    assert (mine.cue, mine.director, mine.frame) == ("dungeon", "table", 96_000)
    assert (mine.commands, mine.dropped, mine.waiting) == (2, 1, 0)
    assert mine.events == session.position().sequence


def test_a_cue_is_prepared_ahead_and_a_fault_is_told(client: Client) -> None:
    ready = client.prepare("meadow", "table")
    assert ready is not None and (ready.cue, ready.director) == ("meadow", "table")
    assert ready.session == "" and ready.seconds > 0
    assert client.list().sessions == []
    with pytest.raises(RequestError, match="did you mean 'meadow'"):
        client.prepare("meadw")
    with pytest.raises(ClientError, match="unknown director 'tabel'"):
        client.prepare("meadow", "tabel")


@pytest.mark.parametrize("clock", ["manual", "realtime"])
def test_sound_goes_out_on_the_events_socket(server: Server, client: Client, clock: str) -> None:
    context = zmq.Context()
    with context.socket(zmq.SUB) as listener:
        listener.linger, listener.rcvtimeo = 0, 10_000
        listener.connect(server.events_endpoint)
        listener.subscribe(b"SEGUE/1/audio/")
        session = client.open("dungeon", output="stream", clock=clock, **QUIET)
        if clock == "manual":
            session.advance(2.2)
        end, heard = 0, 0.0
        for _ in range(100):
            topic, told, samples = listener.recv_multipart()
            block = json.loads(told)
            assert topic.decode() == f"SEGUE/1/audio/{session.id}"
            sound = np.frombuffer(samples, np.float32).reshape(block["buffer"]["shape"])
            assert block["buffer"]["sample_rate"] == 48_000 and block["session"] == session.id
            assert end in (0, block["at_frame"])
            end = block["at_frame"] + len(sound)
            heard = max(heard, float(np.abs(sound).max()))
        assert heard > 0.01
        if clock == "realtime":
            session.pause()
            frames = [json.loads(listener.recv_multipart()[1])["at_frame"] for _ in range(60)]
            assert frames[-1] == frames[-2]  # it stands with the music
    context.term()


def test_closing_fades_out_first_and_holds_nobody_up(client: Client, server: Server) -> None:
    session = client.open("dungeon", output="null", clock="realtime", **QUIET)
    began = time.monotonic()
    with Client(server.endpoint) as other:
        quick = other.open("meadow", director="table", clock="manual")
        header = p.Header(id="close-1", type="close", session=session.id)
        client._control.send_multipart(pack(p.Close(fade_seconds=0.5), header))
        slowest = 0.0
        while session.id in other.list().sessions:
            asked = time.monotonic()
            quick.advance(0.1)
            slowest = max(slowest, time.monotonic() - asked)
            assert asked - began < 20.0
        assert time.monotonic() - began >= 0.5
        assert slowest < 1.5
    reply = client._wait_for("close-1", 20.0)
    assert reply.header.type == "closed"
    session.closed = True


def test_subscribing_is_for_websockets(client: Client) -> None:
    with pytest.raises(RequestError) as refused:
        client.request(p.Subscribe(), p.Subscribed)
    assert refused.value.code == "unavailable"


def test_a_session_in_this_process_fades_out_too() -> None:
    session = Session.open("dungeon", director="table", clock="realtime")
    session.pump()
    began = time.monotonic()
    assert session.close(fade_seconds=0.3) == []
    assert 0.3 <= time.monotonic() - began < 5.0
    assert set(session.position().levels.values()) == {0.0}
    with Session.open("dungeon", director="table") as manual, pytest.raises(RangeError):
        manual.close(fade_seconds=61.0)
