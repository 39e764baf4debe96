"""The server over real sockets."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import zmq

from segue.client import Client, NoAnswerError, RequestError
from segue.client import protocol as p
from segue.client.wire import Message, unpack
from segue.music.errors import SegueError
from segue.server.serving.serve import serve
from segue.server.serving.server import Server
from segue.server.serving.settings import ServeSettings
from segue.server.sessions.session import Session

QUIET = {"director": "table", "clock": "manual"}


class Peer:
    """A bare socket that speaks JSON by hand."""

    def __init__(self, endpoint: str, kind: int = zmq.DEALER) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(kind)
        self.socket.linger = 0
        self.socket.rcvtimeo = 5000
        self.socket.connect(endpoint)

    def ask(self, *frames: bytes) -> Message:
        self.socket.send_multipart(frames)
        message = Message()
        answer = self.socket.recv_multipart()
        unpack(answer[1:] if answer[0] == b"" else answer, message)
        return message

    def ask_json(self, type: str, session: str = "", **content: object) -> tuple[str, dict]:
        header = {"id": "x1", "type": type, "session": session, "version": "1.0"}
        message = self.ask(json.dumps({"header": header, "content": content}).encode())
        return message.header.type, json.loads(message.content)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *args: object) -> None:
        self.socket.close(0)
        self.context.term()


# What is served -------------------------------------------------------------------------------


def test_the_server_tells_what_it_is_and_what_it_has(client: Client, server: Server) -> None:
    assert client.server.protocol == p.PROTOCOL_VERSION
    assert client.server.events == server.events_endpoint
    listing = client.list()
    assert "dungeon" in [cue.name for cue in listing.cues]
    assert "agent" in listing.directors and listing.sessions == []
    round_trip, offset = client.ping()
    assert 0 < round_trip < 1 and abs(offset) < 0.5  # one machine, one clock


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
def test_a_game_is_scored_over_the_wire(server: Server, tmp_path: Path, encoding: str) -> None:
    with Client(server.endpoint, encoding=encoding) as music:
        session = music.open("dungeon", midi="run/music.mid", log="run/log.jsonl", **QUIET)
        session.set(danger=0.8, health=0.3)
        session.advance(3.0)
        answer = session.go("boss", at="bar")
        session.stinger("victory", at="beat")
        session.advance(answer.eta_seconds + 1.0)
        assert session.position().section == "boss"
        events = list(session.events())
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        done = [event.command for event in events if isinstance(event, p.ExecutedEvent)]
        assert answer.id in done
        assert session.close() == ["run/music.mid", "run/log.jsonl"]
    assert (tmp_path / "run/music.mid").read_bytes()[:4] == b"MThd"


def test_the_wire_and_this_process_give_the_same_music(client: Client, tmp_path: Path) -> None:
    def play(session: object) -> list[tuple]:
        session.set(danger=0.6)
        session.advance(2.5)
        session.go("fight")
        session.stinger("danger")
        session.feedback(valence=0.3, arousal=0.5)
        session.advance(7.25)
        session.direct(drums=0.9, fill=True)
        session.mood(arousal=0.8, at="bar")
        session.feedback(-1)
        session.switch("adaptive", at="bars:2")
        session.advance(11.0)
        session.restore(session.snapshot())
        session.level("bass", 0.5)
        session.advance(4.0)
        events = [
            (type(e).__name__, e.sequence, e.at_frame, e.beat, e.bar) for e in session.events()
        ]
        session.close()
        return events

    here = Session.open("dungeon", director="table", seed=7, midi=tmp_path / "here.mid")
    there = client.open("dungeon", seed=7, midi="there.mid", **QUIET)
    assert play(here) == play(there)
    assert (tmp_path / "here.mid").read_bytes() == (tmp_path / "there.mid").read_bytes()


def test_the_mixer_is_moved_over_the_wire(client: Client, tmp_path: Path) -> None:
    def play(name: str, *, quiet: bool) -> np.ndarray:
        session = client.open("dungeon", output=f"file:{name}", seed=1, **QUIET)
        session.mood(arousal=0.6)
        if quiet:
            answer = session.control("master.gain", 0.25, ramp_seconds=0.0, at="frame:96000")
            assert answer.scheduled_frame == 96_000
            session.duck(12.0, seconds=1.4, at="frame:24000")
        session.advance(3.0)
        done = {e.verb: e.at_frame for e in session.events() if isinstance(e, p.ExecutedEvent)}
        assert not quiet or (done["duck"], done["control"]) == (24_000, 96_000)
        session.close()
        return soundfile.read(tmp_path / name)[0]

    plain, moved = play("plain.wav", quiet=False), play("moved.wav", quiet=True)
    assert np.array_equal(plain[:24_000], moved[:24_000])
    # the room rings on from before, and the master compresses less
    assert -13 < db(moved[60_000:90_000]) - db(plain[60_000:90_000]) < -9
    assert db(moved[97_000:140_000]) - db(plain[97_000:140_000]) == pytest.approx(-12.0, abs=1.5)


def db(sound: np.ndarray) -> float:
    """Level of sound."""
    return float(10 * np.log10(np.mean(np.square(sound))))


def test_a_session_pauses_resumes_and_seeks_over_the_wire(server: Server) -> None:
    with Client(server.endpoint) as music:
        session = music.open("dungeon", **QUIET)
        session.advance(6.0)
        at_bar = session.position().bar
        assert session.pause().paused
        with pytest.raises(RequestError, match="paused"):
            session.advance(1.0)
        assert not session.resume().paused
        assert not session.resume().paused  # a second one changes nothing
        waiting = session.go("boss", at="bars:6")
        here = session.seek(1)
        assert (here.bar, here.beat_in_bar, here.pending) == (1, pytest.approx(0, abs=1e-4), [])
        session.advance(1.0)
        events = list(session.events())
        assert [e.at_frame for e in events if isinstance(e, p.PausedEvent)] == [6 * 48_000]
        assert [e.at_frame for e in events if isinstance(e, p.ResumedEvent)] == [6 * 48_000]
        dropped = [e for e in events if isinstance(e, p.DroppedEvent)]
        assert waiting.id in [event.command for event in dropped]
        for bar in (at_bar + 50, -1):
            with pytest.raises(RequestError) as caught:
                session.seek(bar)
            assert caught.value.code == "out_of_range" and caught.value.remediation
        assert session.position().bar == 1


def test_a_session_in_real_time_stands_while_it_is_paused(server: Server) -> None:
    with Client(server.endpoint) as music:
        session = music.open("dungeon", director="table", clock="realtime")
        events = session.events(timeout_seconds=10.0)
        while not isinstance(next(events), p.BeatEvent):
            pass
        stood = session.pause()
        assert session.position().frame == stood.frame
        later = session.position()
        assert later.paused and later.frame == stood.frame and later.ts_ns > stood.ts_ns
        assert session.resume().frame - stood.frame < 0.1 * 48_000
        kinds = [p.PausedEvent, p.ResumedEvent, p.BeatEvent]
        for event in events:
            if isinstance(event, kinds[0]):
                kinds.pop(0)
            if not kinds:
                break
        session.close()


def test_errors_carry_code_place_and_way_out(client: Client) -> None:
    session = client.open("dungeon", **QUIET)
    cases = [
        (lambda: session.set(dangr=1.0), "unknown_name", "did you mean 'danger'"),
        (lambda: session.set(danger=float("nan")), "out_of_range", "0 to 1"),
        (lambda: session.set(danger="high"), "invalid", "$.content.parameters[...]"),
        (lambda: session.go("bos"), "unknown_name", "did you mean 'boss'"),
        (lambda: session.go("boss", at="soon"), "refused", "write one of"),
        (lambda: session.cancel("c0"), "refused", "position"),
        (lambda: session.control("layer.bass.pann", 0.0), "unknown_name", "'layer.bass.pan'"),
        (lambda: session.control("layer.bass.gain", 0.5), "unknown_name", "known"),
        (lambda: session.control("master.filter", 5.0), "out_of_range", "40"),
        (lambda: session.control("master.gain", float("nan")), "out_of_range", "0 to 1"),
        (lambda: session.control("master.gain", 1.0, ramp_seconds=-1), "out_of_range", "ramp"),
        (lambda: session.duck(float("inf")), "out_of_range", "0 to 60"),
        (lambda: session.duck(6.0, seconds=-1.0), "out_of_range", "seconds"),
        (lambda: session.restore({"format": 1}), "refused", "take another"),
        (lambda: client.open("dungeon", director="agnet"), "unknown_name", "'agent'"),
        (lambda: client.open("dungeon", **QUIET, output="radio"), "unknown_name", "known"),
        (lambda: client.open("dungeon", **QUIET, timeout_seconds=-1.0), "out_of_range", "timeout"),
        (lambda: client.request(p.GetPosition(), p.PositionReply), "unknown_session", "open one"),
    ]
    for act, code, words in cases:
        with pytest.raises(RequestError) as caught:
            act()
        error = caught.value
        assert error.code == code, error
        assert words in f"{error.message} {error.path} {error.remediation}"
        assert error.remediation
    session.set(danger=0.5)  # goes on


@pytest.mark.parametrize("path", ["/tmp/elsewhere.mid", "../up.mid", "a/../../up.mid", "."])
def test_files_are_written_in_the_servers_folder_only(client: Client, path: str) -> None:
    for options in ({"midi": path}, {"log": path}, {"output": f"file:{path}"}):
        with pytest.raises(RequestError, match="does not lie in the folder"):
            client.open("dungeon", **QUIET, **options)
    assert client.list().sessions == []


def test_a_repeated_open_opens_once(server: Server) -> None:
    with Peer(server.endpoint) as peer:
        first = peer.ask_json("open", cue="dungeon", director="table", clock="manual")
        again = peer.ask_json("open", cue="dungeon", director="table", clock="manual")
        assert first[0] == "opened" and first[1]["session"] == again[1]["session"]
        assert peer.ask_json("list")[1]["sessions"] == [first[1]["session"]]


def test_two_clients_hear_of_one_session(client: Client, server: Server) -> None:
    session = client.open("dungeon", **QUIET)
    session.advance(1.0)
    with Peer(server.endpoint) as peer, Peer(server.events_endpoint, zmq.SUB) as ear:
        kind, here = peer.ask_json("position", session=session.id)
        assert kind == "position" and here["position"]["frame"] == 48_000
        ear.socket.subscribe(f"SEGUE/1/{session.id}/dropped")
        _, late = peer.ask_json("events", session=session.id, after=2, limit=3)
        assert [event["sequence"] for event in late["events"]] == [3, 4, 5]
        assert late["sequence"] == here["position"]["sequence"] and late["oldest"] == 1
        assert not ear.socket.poll(0)


# Who asks -------------------------------------------------------------------------------------


def test_a_req_socket_gets_exactly_one_reply_to_each_request(server: Server) -> None:
    with Peer(server.endpoint, zmq.REQ) as peer:
        for _ in range(3):
            assert peer.ask_json("ping")[0] == "pong"
        assert peer.ask(b"junk").header.type == "error"
        assert peer.ask_json("hello", encodings=["morse"])[1]["encoding"] == "json"


def test_the_reply_takes_form_and_header_of_its_request(server: Server) -> None:
    with Peer(server.endpoint) as peer:
        header = b'{"id": "c1", "type": "ping", "colour": "red"}'
        message = peer.ask(b"SEGUE/1", b"", header, b"{}", b'{"any": 1}', b'{"t0_ns": 5}')
        assert message.multipart and not message.packed
        assert message.parent["id"] == "c1" and message.header.type == "pong"
        assert message.read(p.Pong).t0_ns == 5


BAD = [
    (b"", "malformed"),
    (b"hello", "malformed"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "malformed"),
    (b"{" * 50_000, "malformed"),
    (b'{"header": {"type": "set"}, "content": {"parameters": {"danger": NaN}}}', "malformed"),
    (b'{"header": {"type": "set"}, "content": {"parameters": {"danger": 1e999}}}', "invalid"),
    (b"\x81\xa6header\xc1", "malformed"),
    (b"\x00" * 70_000, "malformed"),
    (b"[]", "invalid"),
    (b'{"header": {}}', "invalid"),
    (b'{"header": {"type": "open"}}', "invalid"),
    (b'{"header": {"type": "ping"}, "content": {"t0_ns": "now"}}', "invalid"),
    (b'{"header": {"type": "dance"}}', "unknown_type"),
    (b'{"header": {"type": "ping", "version": "2.1"}}', "version"),
    (
        b'{"header": {"type": "go", "session": "s77"}, "content": {"section": "a"}}',
        "unknown_session",
    ),
]


def test_bad_messages_are_answered_and_disturb_nobody(client: Client, server: Server) -> None:
    session = client.open("dungeon", **QUIET)
    with Peer(server.endpoint) as peer:
        for data, code in BAD:
            message = peer.ask(data)
            assert message.header.type == "error"
            assert message.read(p.Error).code == code, data[:60]
        assert json.loads(peer.ask(*[b"x"] * 20).content)["code"] == "malformed"
        assert json.loads(peer.ask(b"SEGUE/3", *[b"{}"] * 5).content)["code"] == "version"
    session.advance(1.0)
    assert session.position().frame == 48_000


def test_what_is_too_large_ends_that_connection_only(client: Client, server: Server) -> None:
    with Peer(server.endpoint) as peer:
        half = b" " * (p.MAX_MESSAGE_BYTES // 2 + 1)
        assert json.loads(peer.ask(half, half).content)["code"] == "too_large"
        peer.socket.rcvtimeo = 200
        peer.socket.send(b" " * (p.MAX_MESSAGE_BYTES + 1))
        with pytest.raises(zmq.Again):
            peer.socket.recv()
    assert client.ping()[0] < 5


def test_strangers_on_the_port_disturb_nobody(client: Client, server: Server) -> None:
    host, port = server.endpoint.removeprefix("tcp://").split(":")
    for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\x01\x00\x05\x00hello", os.urandom(4096), b""):
        with socket.create_connection((host, int(port)), timeout=5) as stranger:
            stranger.sendall(junk)
            assert client.ping()[0] < 5


def test_a_client_that_vanishes_leaves_its_music_until_the_time_out(server: Server) -> None:
    with Peer(server.endpoint) as peer:
        opened = peer.ask_json(
            "open", cue="dungeon", director="table", clock="manual", timeout_seconds=0.5
        )[1]
    with Client(server.endpoint) as other:
        assert other.list().sessions == [opened["session"]]
        with Peer(server.events_endpoint, zmq.SUB) as ear:
            ear.socket.subscribe(opened["topic"] + "closed")
            _, event = ear.socket.recv_multipart()
        assert json.loads(event)["reason"] == "no client spoke of it for 0.5 s"
        assert other.list().sessions == []


def test_a_ping_keeps_sessions_alive_and_names_those_that_are_not(server: Server) -> None:
    with Peer(server.endpoint) as peer:
        opened = peer.ask_json(
            "open", cue="dungeon", director="table", clock="manual", timeout_seconds=0.4
        )[1]
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            pong = peer.ask_json("ping", sessions=[opened["session"], "s9"])[1]
            assert pong["unknown"] == ["s9"]


def test_a_client_that_only_listens_keeps_its_session(server: Server) -> None:
    with Client(server.endpoint, heartbeat_seconds=0.1) as music:
        session = music.open("dungeon", timeout_seconds=0.5, director="table")
        until = time.monotonic() + 1.2
        while (left := until - time.monotonic()) > 0:
            for event in session.events(timeout_seconds=left):
                assert not isinstance(event, p.ClosedEvent)
                if time.monotonic() > until:
                    break


def test_a_rendering_lets_others_have_their_turn(client: Client, server: Server) -> None:
    busy = client.open("dungeon", **QUIET)
    with Peer(server.endpoint) as peer, Peer(server.endpoint) as other:
        header = {"type": "advance", "session": busy.id, "id": "a1"}
        content = {"seconds": 3000.0}
        peer.socket.send(json.dumps({"header": header, "content": content}).encode())
        while other.ask_json("position", session=busy.id)[1]["position"]["frame"] == 0:
            pass
        early = other.ask_json("position", session=busy.id)[1]["position"]["frame"]
        assert 0 < early < 3000 * 48_000
        assert other.ask_json("close", session=busy.id)[0] == "closed"
        message = Message()
        unpack(peer.socket.recv_multipart(), message)
        assert message.header.type == "error" and message.parent["id"] == "a1"
    busy.closed = True


# Clients --------------------------------------------------------------------------------------


def test_no_server_is_one_clear_error_and_no_hang() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        start = time.monotonic()
        with pytest.raises(NoAnswerError, match="is a server running there"):
            Client(endpoint, timeout_seconds=0.2)
        assert time.monotonic() - start < 5


def test_a_server_that_dies_is_one_clear_error(tmp_path: Path) -> None:
    from segue.server.serving.launch import ServerProcess

    with ServerProcess(folder=tmp_path) as process:
        music = Client(process.endpoint)
        session = music.open("dungeon", **QUIET)
        music.timeout_seconds = 0.3
        os.kill(process.pid or 0, signal.SIGKILL)
        with pytest.raises(NoAnswerError):
            while True:
                session.position()
        music.close()


def test_events_that_were_lost_on_the_way_are_asked_for(client: Client) -> None:
    session = client.open("dungeon", **QUIET)
    client.inbox._queues.clear()  # as if nothing came by itself
    session.advance(10.0)
    events = list(session.events())
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert len(events) > 20
    assert list(session.events()) == []


def test_events_can_be_waited_for_and_end_with_the_session(server: Server) -> None:
    with Client(server.endpoint) as music:
        session = music.open("dungeon", director="table", clock="realtime")
        kinds = []
        for event in session.events(timeout_seconds=10.0):
            kinds.append(type(event))
            if len(kinds) == 4:
                break
        assert p.BarEvent in kinds and p.BeatEvent in kinds
        session.close()
        assert isinstance(list(session.events(timeout_seconds=5.0))[-1], p.ClosedEvent)


def test_a_client_closes_what_it_opened(server: Server) -> None:
    with Client(server.endpoint) as music, Client(server.endpoint) as other:
        kept = other.open("dungeon", **QUIET)
        music.open("dungeon", **QUIET)
        music.open("meadow", **QUIET)
        assert len(other.list().sessions) == 3
        music.close()
        assert other.list().sessions == [kept.id]


# Starting and ending --------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example"])
def test_other_hosts_than_loopback_are_refused(host: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SegueError, match=r"127\.0\.0\.1"):
        Server(0, host=host)
    assert serve(ServeSettings(port=0, host=host)) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_port_in_use_is_one_line_and_exit_code_2(
    server: Server, capsys: pytest.CaptureFixture
) -> None:
    port = int(server.endpoint.rsplit(":", 1)[1])
    assert serve(ServeSettings(port=port)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "in use" in lines[0] and "--port" in lines[0]


def test_shutdown_closes_everything(tmp_path: Path) -> None:
    from segue.server.serving.launch import ServerProcess

    with ServerProcess(folder=tmp_path) as process, Client(process.endpoint) as music:
        session = music.open("dungeon", midi="a.mid", **QUIET)
        session.advance(1.0)
        assert music.shutdown() == 1
        assert process.end() == 0
    assert (tmp_path / "a.mid").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_everything_and_leaves_whole_files(
    tmp_path: Path, number: signal.Signals
) -> None:
    code = (
        "from segue.server.serving.serve import serve;"
        "from segue.server.serving.settings import ServeSettings;"
        "raise SystemExit(serve(ServeSettings(port=0, models=False, web_port=None, osc_port=None)))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        assert "Ctrl-C" in process.stdout.readline()
        endpoint = process.stdout.readline().split()[1]
        with Client(endpoint, timeout_seconds=30.0) as music:
            session = music.open("dungeon", midi="a.mid", output="file:a.wav", **QUIET)
            session.advance(1.0)
            process.send_signal(number)
            assert process.wait(30) == 0
            session.closed = True
    assert (tmp_path / "a.mid").read_bytes()[:4] == b"MThd"
    wav = (tmp_path / "a.wav").read_bytes()
    assert wav[:4] == b"RIFF" and len(wav) > 48_000 * 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mid", "a.wav"]


def test_a_server_tells_when_it_was_started(server: Server, client: Client) -> None:
    assert 0 < client.server.started_ns < time.monotonic_ns()
    with Client(server.endpoint) as other:
        assert other.server.started_ns == client.server.started_ns
