"""Browsers and engines by WebSocket: requests, events, sound, and clients that behave badly."""

import contextlib
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zmq
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from segue.client import Client
from segue.client import protocol as p
from segue.client.wire import Message
from segue.server.gateway.feeds import Sound
from segue.server.gateway.websocket import packed_sound
from segue.server.serving.server import Server

from .conftest import Gateway, Models, StartGateway, Web, web_client


def test_hello_offers_json_alone(web: Web) -> None:
    kind, welcome = web.ask("hello", {"encodings": ["msgpack", "json"], "client": "a page"})
    assert kind == "welcome"
    assert welcome["encoding"] == "json" and welcome["encodings"] == ["json"]
    assert welcome["protocol"] == p.PROTOCOL_VERSION and welcome["rights"] == "admin"


def test_a_session_is_steered_as_by_the_control_socket(web: Web, client: Client) -> None:
    session = web.open(parameters={"danger": 0.2})
    kind, promise = web.ask("set", {"parameters": {"danger": 0.9}, "ramp_seconds": 0.0}, session)
    assert kind == "accepted" and promise["scheduled_frame"] >= 0
    web.ask("advance", {"seconds": 4.0}, session)
    kind, content = web.ask("position", {}, session)
    assert content["position"]["parameters"]["danger"] == pytest.approx(0.9)
    assert client.list().sessions == [session]
    assert web.ask("close", {}, session)[0] == "closed"


def test_many_requests_at_once_are_answered_in_their_order(web: Web) -> None:
    ids = [web.send("ping", {"t0_ns": n}) for n in range(2000)]
    replies = [web.receive() for _ in ids]
    assert [reply["parent"]["id"] for reply in replies] == ids
    assert [reply["content"]["t0_ns"] for reply in replies] == list(range(2000))


def test_two_clients_do_not_get_each_others_replies(gateway: Gateway) -> None:
    with web_client(gateway) as one, web_client(gateway) as other:
        one.send("ping", {"t0_ns": 1})
        other.send("ping", {"t0_ns": 2})
        assert other.receive()["content"]["t0_ns"] == 2
        assert one.receive()["content"]["t0_ns"] == 1


def test_events_come_in_order_and_none_is_missed(web: Web) -> None:
    session = web.open()
    assert web.ask("subscribe", {}, session)[0] == "subscribed"
    web.ask("advance", {"seconds": 30.0}, session)
    newest = web.ask("position", {}, session)[1]["position"]["sequence"]
    web.wait_for(lambda web: bool(web.events) and web.events[-1]["sequence"] == newest)
    assert [event["sequence"] for event in web.events] == list(range(1, newest + 1))
    assert {event["session"] for event in web.events} == {session}


def test_kept_events_after_a_number_and_of_some_types(web: Web) -> None:
    session = web.open()
    web.ask("advance", {"seconds": 20.0}, session)
    newest = web.ask("position", {}, session)[1]["position"]["sequence"]
    subscribed = web.ask("subscribe", {"events": ["bar", "beat"], "after": 10}, session)[1]
    assert subscribed["sequence"] == newest
    assert subscribed["sample_rate"] == subscribed["channels"] == 0
    web.wait_for(lambda web: len(web.events) > 10)
    assert {event["type"] for event in web.events} == {"bar", "beat"}
    assert min(event["sequence"] for event in web.events) > 10


def test_a_number_beyond_the_newest_event_means_from_now_on(web: Web) -> None:
    session = web.open()
    web.ask("advance", {"seconds": 20.0}, session)
    newest = web.ask("subscribe", {"after": 10**9}, session)[1]["sequence"]
    web.ask("advance", {"seconds": 4.0}, session)
    web.wait_for(lambda web: len(web.events) > 3)
    assert web.events[0]["sequence"] == newest + 1


def test_the_end_of_a_session_is_told_to_whoever_wants_to_know(gateway: Gateway, web: Web) -> None:
    session = web.open()
    with web_client(gateway) as watcher:
        watcher.ask("subscribe", {"events": ["closed"]}, session)
        web.ask("close", {}, session)
        watcher.wait_for(lambda watcher: bool(watcher.events))
        assert [event["type"] for event in watcher.events] == ["closed"]


@pytest.mark.parametrize(
    ("content", "session", "code"),
    [
        ({}, "s99", "unknown_session"),
        ({"events": ["bars"]}, "", "unknown_name"),
        ({"after": "all"}, "", "invalid"),
    ],
)
def test_what_cannot_be_subscribed_to(
    standing: Gateway, content: dict[str, object], session: str, code: str
) -> None:
    with web_client(standing) as web:
        kind, error = web.ask("subscribe", content, session)
        assert (kind, error["code"]) == ("error", code)
        assert web.ask("ping")[0] == "pong"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "malformed"),
        ("garbage", "malformed"),
        ("[1, 2]", "malformed"),
        ('{"header": ', "malformed"),
        ('{"content": {}}', "invalid"),
        ('{"header": {"type": "bow"}}', "unknown_type"),
        ('{"header": {"type": "ping", "version": "2.0"}}', "version"),
        ('{"header": {"type": "ping"}, "content": {"t0_ns": NaN}}', "malformed"),
        ("\u07ff" * 10, "malformed"),  # its first byte is one of MessagePack's
        (" " * (p.MAX_MESSAGE_BYTES + 1), "too_large"),
    ],
)
def test_what_is_no_request_is_answered_and_the_next_one_too(
    standing: Gateway, text: str, code: str
) -> None:
    with web_client(standing) as web:
        web.socket.send(text)
        reply = web.receive()
        assert (reply["header"]["type"], reply["content"]["code"]) == ("error", code)
        assert web.ask("ping")[0] == "pong"


def test_buffers_without_a_call_are_refused(standing: Gateway) -> None:
    with web_client(standing) as web:
        web.socket.send(b"\x00" * 64)
        assert web.ask("ping")[1]["code"] == "malformed"
        assert web.ask("ping")[0] == "pong"


# The models socket --------------------------------------------------------------------------------


def test_models_are_asked_with_the_buffers_sent_before(
    start_gateway: StartGateway, models: Models
) -> None:
    def answer(message: Message) -> tuple[p.Reply, list[bytes]]:
        shape = p.Buffer(dtype="uint8", shape=[len(message.buffers[0])])
        result = p.Result(function=message.read(p.Call).function, value=1.5, buffers=[shape])
        return result, [bytes(reversed(message.buffers[0]))]

    models.answer = answer
    gateway = start_gateway(models=models.endpoint)
    with web_client(gateway) as web:
        _until_models_are_up(web, models)
        web.socket.send(b"abcd")
        kind, content = web.ask(
            "call", {"function": "key", "source": {"buffers": [{"shape": [4]}]}}
        )
        assert (kind, content["function"], content["value"]) == ("result", "key", 1.5)
        assert web.binary == [b"SEGBdcba"]


def test_progress_comes_after_the_job_and_ends_with_the_result(
    start_gateway: StartGateway, models: Models
) -> None:
    job = p.Job(id="j1", function="analyze", state="queued", share=0.0)
    models.answer = lambda message: (p.JobReply(job=job), [])
    with web_client(start_gateway(models=models.endpoint)) as web:
        _until_models_are_up(web, models)
        assert web.ask("submit", {"function": "analyze"})[1]["job"]["id"] == "j1"
        asked = models.asked[-1]
        assert asked.multipart and asked.header.type == "submit"


def test_without_models_their_requests_are_refused_at_once(web: Web) -> None:
    assert web.ask("functions")[1]["code"] == "unavailable"
    assert web.ask("ping")[0] == "pong"


def test_requests_that_died_with_the_models_are_answered(
    start_gateway: StartGateway, models: Models
) -> None:
    with web_client(start_gateway(models=models.endpoint)) as web:
        _until_models_are_up(web, models)
        models.answer = lambda message: None
        models.heard.clear()
        id = web.send("jobs")
        assert models.heard.wait(10)
        models.close()
        reply = web.receive()
        assert (reply["parent"]["id"], reply["content"]["code"]) == (id, "unavailable")
        assert web.ask("ping")[0] == "pong"


def _until_models_are_up(web: Web, models: Models) -> None:
    """The gateway learns from its own connection that they are there."""
    before, models.answer = models.answer, lambda message: (p.JobList(jobs=[]), [])
    deadline = time.monotonic() + 10.0
    while web.ask("jobs")[0] == "error":
        assert time.monotonic() < deadline
    models.answer = before


# The events socket --------------------------------------------------------------------------------


class Publisher:
    """An events socket of a test's own."""

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self._context.socket(zmq.XPUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def subscribed(self, topic: bytes) -> None:
        """Wait until somebody has subscribed to a topic."""
        while self.socket.poll(10_000):
            if self.socket.recv() == b"\x01" + topic:
                return
        raise AssertionError(f"nobody subscribes to {topic!r}")

    def close(self) -> None:
        self.socket.close(0)
        self._context.term()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    made = Publisher()
    yield made
    made.close()


def test_events_that_the_events_socket_loses_are_asked_for(
    start_gateway: StartGateway, publisher: Publisher
) -> None:
    with web_client(start_gateway(events=publisher.endpoint)) as web:
        session = web.open()
        web.ask("subscribe", {}, session)
        topic = f"SEGUE/1/{session}/".encode()
        publisher.subscribed(topic)
        web.ask("advance", {"seconds": 10.0}, session)
        kept = web.ask("events", {"after": 0}, session)[1]
        newest = kept["events"][-1]
        publisher.socket.send_multipart([topic + b"beat", msgspec.json.encode(newest)])
        web.wait_for(lambda web: len(web.events) >= newest["sequence"])
        assert web.events == kept["events"]


def test_sound_comes_as_binary_messages(start_gateway: StartGateway, publisher: Publisher) -> None:
    with web_client(start_gateway(events=publisher.endpoint)) as web:
        session = web.open()
        subscribed = web.ask("subscribe", {"audio": True}, session)[1]
        assert (subscribed["sample_rate"], subscribed["channels"]) == (48_000, 2)
        topic = f"SEGUE/1/audio/{session}".encode()
        publisher.subscribed(topic)
        samples = np.array([[0.0, 1.0], [-1.0, 0.5], [2.0, -2.0]], "<f4")
        facts = {
            "session": session,
            "at_frame": 1024,
            "buffer": {"dtype": "float32", "shape": [3, 2], "sample_rate": 48_000},
        }
        publisher.socket.send_multipart([topic, msgspec.json.encode(facts), samples.tobytes()])
        web.wait_for(lambda web: bool(web.binary))
        tag, frame, channels = struct.unpack("<4sQI", web.binary[0][:16])
        assert (tag, frame, channels) == (b"SEGA", 1024, 2)
        heard = np.frombuffer(web.binary[0][16:], "<i2").reshape(-1, 2)
        assert heard.tolist() == [[0, 32767], [-32767, 16384], [32767, -32767]]


def test_a_session_is_heard_in_the_page(web: Web) -> None:
    session = web.open(output="stream", clock="realtime")
    web.ask("subscribe", {"events": ["closed"], "audio": True}, session)
    web.wait_for(lambda web: len(web.binary) >= 100)
    frames = [struct.unpack("<4sQI", block[:16]) for block in web.binary]
    assert {(tag, channels) for tag, _, channels in frames} == {(b"SEGA", 2)}
    starts = np.array([frame for _, frame, _ in frames])
    sizes = np.array([(len(block) - 16) // 4 for block in web.binary])
    assert np.all(np.diff(starts) == sizes[:-1]), "no block is missing"
    heard = np.frombuffer(b"".join(block[16:] for block in web.binary), "<i2")
    assert np.abs(heard).max() > 500


def test_packed_sound_is_the_documented_header_and_half_the_bytes() -> None:
    packed = packed_sound(Sound(2**40, 48_000, 1, np.zeros(512, "<f4").tobytes()))
    assert struct.unpack("<4sQI", packed[:16]) == (b"SEGA", 2**40, 1)
    assert len(packed) == 16 + 1024


# Clients that behave badly ------------------------------------------------------------------------


@contextmanager
def deaf_client(gateway: Gateway) -> Iterator[threading.Thread]:
    """Asks and asks, and reads nothing; the thread ends once it is cut off."""
    with connect(gateway.websocket, max_queue=1, close_timeout=0.1) as deaf:
        deaf.socket.settimeout(60)
        content = {"sessions": ["x" * 30_000]}  # comes back as unknown
        frame = json.dumps({"header": {"type": "ping"}, "content": content})

        def flood() -> None:
            with contextlib.suppress(ConnectionClosed, OSError):
                while True:
                    deaf.send(frame)

        thread = threading.Thread(target=flood)
        thread.start()
        yield thread
        with contextlib.suppress(OSError):  # it was cut off
            deaf.socket.shutdown(socket.SHUT_RDWR)
        thread.join(20)


def test_a_client_that_does_not_read_is_dropped_and_nobody_waits_for_it(
    gateway: Gateway, web: Web
) -> None:
    waits: list[float] = []
    deadline = time.monotonic() + 60.0
    with deaf_client(gateway):
        while gateway.get("/health")[1]["clients"] == 2:
            for _ in range(50):
                began = time.monotonic()
                assert web.ask("ping")[0] == "pong"
                waits.append(time.monotonic() - began)
            assert began < deadline
    assert sorted(waits)[int(len(waits) * 0.95)] < 0.25


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux cuts off who does not read")
def test_the_connection_of_a_client_that_does_not_read_is_cut_off(gateway: Gateway) -> None:
    assert gateway.get("/health")[0] == 200
    files = Path(f"/proc/{gateway.child.pid}/fd")
    before = len(list(files.iterdir()))
    with deaf_client(gateway) as thread:
        thread.join(60)
        assert not thread.is_alive()
        assert len(list(files.iterdir())) <= before


def test_a_client_that_floods_is_slowed(gateway: Gateway, web: Web) -> None:
    count = 3000
    with web_client(gateway) as flooder:
        began = time.monotonic()
        thread = threading.Thread(target=lambda: [flooder.send("ping") for _ in range(count)])
        thread.start()
        waits = []
        for _ in range(100):
            asked = time.monotonic()
            web.ask("ping")
            waits.append(time.monotonic() - asked)
        for _ in range(count):
            assert flooder.receive()["header"]["type"] == "pong"
        thread.join()
        assert time.monotonic() - began > 1.9, "1,000 at once, then 1,000 a second"
    assert sorted(waits)[50] < 0.1


def test_a_client_that_dies_leaves_no_trace_and_the_music_plays(
    gateway: Gateway, client: Client, server: Server
) -> None:
    with web_client(gateway) as web:
        session = web.open()
        web.ask("subscribe", {}, session)
        raw = web.socket.socket
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.shutdown(socket.SHUT_RD)
        raw.close()
    with web_client(gateway) as other:
        assert other.ask("advance", {"seconds": 1.0}, session)[0] == "advanced"
    assert client.list().sessions == [session]


def test_a_message_that_is_far_too_large_ends_the_connection_alone(
    gateway: Gateway, web: Web
) -> None:
    with connect(gateway.websocket) as huge, pytest.raises(ConnectionClosed):
        huge.send(b"\x00" * (p.MAX_UPLOAD_BYTES + 1))
        huge.recv(timeout=20)
    assert web.ask("ping")[0] == "pong"


def test_too_many_buffers_fail_their_call_alone(
    start_gateway: StartGateway, models: Models
) -> None:
    models.answer = lambda message: (p.JobList(jobs=[]), [])
    with web_client(start_gateway(models=models.endpoint)) as web:
        _until_models_are_up(web, models)
        for _ in range(20):
            web.socket.send(b"\x00")
        assert web.ask("call", {"function": "key"})[1]["code"] == "too_large"
        assert web.ask("jobs")[0] == "jobs"
