"""OSC over UDP against a real server: python-osc and oscsend steer, a socket listens."""

import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.udp_client import SimpleUDPClient

from segue.client import Client
from segue.client import protocol as p
from segue.client.client import RemoteSession

from .conftest import Gateway, StartGateway

PATIENCE_SECONDS = 20.0
Told = tuple[str, list[Any], float | None]  # address, arguments, time tag in seconds since 1970


class Peer:
    """A program that speaks OSC from one port, at which it listens too."""

    def __init__(self, gateway: Gateway) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE_SECONDS)
        self.gateway = gateway
        self.port = int(self.socket.getsockname()[1])

    def send(self, address: str, *arguments: object) -> None:
        self.raw(message(address, *arguments).dgram)

    def raw(self, data: bytes) -> None:
        self.socket.sendto(data, self.gateway.udp)

    def receive(self) -> list[Told]:
        """What the next datagram tells."""
        data = self.socket.recv(65_536)
        if not OscBundle.dgram_is_bundle(data):
            found = OscMessage(data)
            return [(found.address, found.params, None)]
        bundle = OscBundle(data)
        return [(found.address, found.params, bundle.timestamp) for found in bundle]

    def wait_for(self, wanted: str, holds: Callable[[list[Any]], bool] = lambda a: True) -> Told:
        """The next message to an address."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for told in self.receive():
                if told[0] == wanted and holds(told[1]):
                    return told
        raise AssertionError(f"{wanted} was not told")


def message(address: str, *arguments: object) -> OscMessage:
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return builder.build()


def bundle(due: float, *contents: OscMessage | OscBundle) -> OscBundle:
    builder = OscBundleBuilder(due)
    for content in contents:
        builder.add_content(content)
    return builder.build()


@pytest.fixture
def peer(gateway: Gateway) -> Iterator[Peer]:
    made = Peer(gateway)
    with closing(made.socket):
        yield made


@pytest.fixture
def session(client: Client) -> RemoteSession:
    """A session on a manual clock, the first one that is open."""
    return client.open("dungeon", director="table", clock="manual")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"


class Executed:
    """How many commands of a session were done; each look moves its manual clock a little."""

    def __init__(self, session: RemoteSession) -> None:
        self.session = session
        self.events: list[p.ExecutedEvent] = []

    def count(self) -> int:
        if not self.session.closed:
            self.session.advance(0.1)
        new = self.session.events()
        self.events += [event for event in new if isinstance(event, p.ExecutedEvent)]
        return len(self.events)


def test_a_peer_opens_a_session_steers_and_closes_it(client: Client, peer: Peer) -> None:
    peer.send("/segue/open", "dungeon", "table")
    peer.send("/segue/set", "danger", 0.9, 0.0)
    until(lambda: bool(client.list().sessions))
    (name,) = client.list().sessions
    until(lambda: _position(client, name).parameters["danger"] == pytest.approx(0.9))
    peer.send("/segue/mood", 0.5, -0.5, 0.25, 0.0)
    until(lambda: _position(client, name).wanted == p.Mood(0.5, -0.5, 0.25))
    peer.send("/segue/pause")
    until(lambda: _position(client, name).paused)
    peer.send("/segue/resume")
    until(lambda: not _position(client, name).paused)
    peer.send("/segue/close")
    until(lambda: not client.list().sessions)


def _position(client: Client, session: str) -> p.Position:
    return client.request(p.GetPosition(), p.PositionReply, session=session).position


def test_messages_go_to_the_first_session_or_to_the_one_named(client: Client, peer: Peer) -> None:
    first = client.open("dungeon", director="table", clock="manual")
    second = client.open("dungeon", director="table", clock="manual")
    done_first, done_second = Executed(first), Executed(second)
    peer.send("/segue/direct", "drums", 0.25)
    until(lambda: done_first.count() == 1)
    peer.send("/segue/session", second.id)
    peer.send("/segue/direct", "drums", 0.25)
    until(lambda: done_second.count() == 1)
    assert done_first.count() == 1
    second.close()
    peer.send("/segue/direct", "drums", 0.5)
    assert "no session" in peer.wait_for("/segue/error")[1][0]
    peer.send("/segue/direct", "drums", 0.5)
    until(lambda: done_first.count() == 2)


@pytest.mark.skipif(shutil.which("oscsend") is None, reason="Debian: apt install liblo-tools")
def test_oscsend_from_a_shell(session: RemoteSession, gateway: Gateway) -> None:
    host, port = gateway.udp
    for words in (
        ["/segue/set", "sff", "danger", "0.75", "0"],
        ["/segue/go", "s", "fight"],
        ["/segue/level", "sf", "drums", "0.5"],
    ):
        subprocess.run(["oscsend", host, str(port), *words], check=True, timeout=20)
    executed = Executed(session)
    until(lambda: executed.count() == 3)
    assert session.position().parameters["danger"] == pytest.approx(0.75)
    assert session.position().levels["drums"] == pytest.approx(0.5)


def test_wekinators_inputs_set_a_mood_or_parameters(session: RemoteSession, peer: Peer) -> None:
    executed = Executed(session)
    peer.send("/wek/inputs", 0.5, -0.25, 0.125)
    until(lambda: executed.count() == 1)
    session.advance(1.0)
    assert session.position().wanted == p.Mood(0.5, -0.25, 0.125)
    peer.send("/segue/wek/map", "health", "danger")
    peer.send("/wek/inputs", 0.25, 0.75)
    until(lambda: executed.count() == 2)
    session.advance(1.0)
    parameters = session.position().parameters
    assert parameters["health"] == pytest.approx(0.25)
    assert parameters["danger"] == pytest.approx(0.75)


def test_a_bundle_that_lies_ahead_is_done_at_its_frame(client: Client, peer: Peer) -> None:
    session = client.open("dungeon", director="table")
    here, now = session.position(), time.time()
    age_seconds = time.monotonic() - here.ts_ns / 1e9
    later = [message("/segue/set", "danger", 0.5, 0.0), message("/segue/level", "drums", 0.5)] * 20
    peer.raw(bundle(now + 1.5, *later).dgram)
    peer.raw(bundle(now + 1.0, message("/segue/set", "health", 0.5, 0.0, "now")).dgram)
    peer.raw(bundle(now - 5.0, message("/segue/direct", "drums", 0.5)).dgram)
    executed: list[p.ExecutedEvent] = []
    until(lambda: bool(executed.extend(_executed(session))) or len(executed) == 42)
    wanted = here.frame + (1.5 + age_seconds) * 48_000
    first, rest = executed[:2], executed[2:]
    assert {event.verb for event in rest} == {"set", "level"}
    assert len({event.at_frame for event in rest}) == 1, "a bundle is one moment"
    assert rest[0].at_frame == pytest.approx(wanted, abs=0.05 * 48_000)
    assert [event.verb for event in first] == ["set", "direct"], "a moment that is named counts"
    assert all(event.at_frame < wanted - 48_000 for event in first)


def _executed(session: RemoteSession) -> list[p.ExecutedEvent]:
    return [event for event in session.events(0.1) if isinstance(event, p.ExecutedEvent)]


def test_what_has_no_frame_waits_for_its_bundles_time(client: Client, peer: Peer) -> None:
    session = client.open("dungeon", director="table")
    due = time.time() + 1.0
    peer.raw(bundle(due, message("/segue/pause")).dgram)
    assert not session.position().paused
    until(lambda: session.position().paused)
    assert time.time() >= due - 0.01


def test_a_bundle_too_far_ahead_is_told(session: RemoteSession, peer: Peer) -> None:
    peer.raw(bundle(time.time() + 1e6, message("/segue/pause")).dgram)
    assert "ahead" in peer.wait_for("/segue/error")[1][0]


# Listeners ----------------------------------------------------------------------------------------


def test_listeners_are_told_when_it_sounds(client: Client, peer: Peer) -> None:
    peer.send("/segue/listen", peer.port)
    session = client.open("dungeon", director="table")
    told: list[tuple[float, Told]] = []
    while sum(one[0] == "/segue/beat" for _, one in told) < 6:
        told += [(time.time(), one) for one in peer.receive()]
    here = session.position()
    zero = time.time() - time.monotonic() + here.ts_ns / 1e9 - here.frame / 48_000
    beats = [event for event in session.events() if isinstance(event, p.BeatEvent)]
    frames = {event.beat: event.at_frame for event in beats}
    late = []
    for arrived, (address, arguments, due) in told:
        if address == "/segue/beat":
            assert due is not None
            assert due == pytest.approx(zero + frames[arguments[2]] / 48_000, abs=0.05)
            late.append(arrived - due)
    assert min(late) > -0.005
    assert sorted(late)[len(late) // 2] < 0.05
    addresses = {address for _, (address, _, _) in told}
    assert {"/segue/bar", "/segue/mood", "/wek/outputs"} <= addresses


def test_ahead_of_the_sound_with_the_exact_time(
    start_gateway: StartGateway, client: Client
) -> None:
    peer = Peer(start_gateway(osc_ahead_seconds=0.2))
    with closing(peer.socket):
        peer.send("/segue/listen", peer.port)
        client.open("dungeon", director="table")
        peer.wait_for("/segue/beat", lambda arguments: arguments[2] >= 4)
        early = []
        for _ in range(4):
            due = peer.wait_for("/segue/beat")[2]
            assert due is not None
            early.append(due - time.time())
        assert 0.1 < sorted(early)[1] <= 0.21


def test_a_listener_hears_what_became_of_commands(client: Client, peer: Peer) -> None:
    session = client.open("dungeon", director="table")
    peer.send("/segue/listen", peer.port)
    peer.wait_for("/segue/beat")
    promise = session.set(danger=0.5)
    assert peer.wait_for("/segue/executed")[1] == [promise.id]
    promise = session.go("boss", at="section:boss")
    session.cancel(promise.id)
    assert peer.wait_for("/segue/dropped")[1][0] == promise.id


def test_a_paused_session_tells_no_beats_and_goes_on(client: Client, peer: Peer) -> None:
    session = client.open("dungeon", director="table")
    peer.send("/segue/listen", peer.port)
    peer.wait_for("/segue/beat")
    session.pause()
    paused, late = time.monotonic(), []
    peer.socket.settimeout(1.5)
    with pytest.raises(TimeoutError):
        while True:
            peer.wait_for("/segue/beat")
            late.append(time.monotonic() - paused)
    assert all(seconds < 0.15 for seconds in late)
    peer.socket.settimeout(PATIENCE_SECONDS)
    session.resume()
    due = peer.wait_for("/segue/beat")[2]
    assert due == pytest.approx(time.time(), abs=0.2)


def test_events_go_to_known_machines_only(peer: Peer) -> None:
    for arguments in ([peer.port, "192.0.2.1"], [peer.port, "example"], [0], [70_000]):
        peer.send("/segue/listen", *arguments)
        assert "no events go to" in peer.wait_for("/segue/error")[1][0]


# What is wrong ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "arguments", "words"),
    [
        ("/segue/sett", ["danger", 0.5], "did you mean '/segue/set'"),
        ("/segue/set", ["danger"], "name value"),
        ("/segue/set", ["dangr", 0.5], "did you mean 'danger'"),
        ("/segue/go", ["nowhere"], "unknown section"),
        ("/segue/level", ["drums", 7.0], "7"),
    ],
)
def test_what_is_wrong_is_told(
    session: RemoteSession, peer: Peer, address: str, arguments: list[object], words: str
) -> None:
    peer.send(address, *arguments)
    assert words in peer.wait_for("/segue/error")[1][0]


def test_without_a_session_the_way_out_is_told(peer: Peer) -> None:
    peer.send("/segue/go", "boss")
    assert "/segue/open" in peer.wait_for("/segue/error")[1][0]


def test_garbage_is_answered_some_times_and_harms_nobody(
    session: RemoteSession, peer: Peer, gateway: Gateway
) -> None:
    hostile = [
        b"",
        b"\x00" * 1000,
        b"#bundle\x00" + b"\x00" * 8 + struct.pack(">i", -4) * 100,
        b"#bundle\x00" + b"\x00" * 8 + b"\xff" * 4000,
        (b"#bundle\x00" + b"\x00" * 8 + b"\x7f\xff\xff\xf0") * 500,
        b"/" + b"a" * 15_000,
        b"/a\x00\x00," + b"x" * 15_000,
        b"/a\x00\x00," + b"[" * 15_000,
    ]
    for _ in range(50):
        for data in hostile:
            peer.raw(data)
    other = SimpleUDPClient(*gateway.udp)
    with closing(other._sock):
        executed = Executed(session)

        def heard() -> bool:  # the system may have dropped some datagrams
            other.send_message("/segue/direct", ["drums", 0.5])
            return executed.count() > 0

        until(heard)
    peer.socket.settimeout(1.0)
    errors = []
    with pytest.raises(TimeoutError):
        while True:
            errors += peer.receive()
    assert 1 <= len(errors) <= 50
    assert {address for address, _, _ in errors} == {"/segue/error"}


def test_a_peer_that_floods_does_not_delay_the_others(
    session: RemoteSession, peer: Peer, gateway: Gateway
) -> None:
    flood = bundle(0, *[message("/segue/direct", "drums", 0.5)] * 50).dgram
    for _ in range(100):
        peer.raw(flood)
    other = SimpleUDPClient(*gateway.udp)
    with closing(other._sock):

        def heard() -> bool:  # the system drops datagrams, too
            other.send_message("/segue/set", ["danger", 0.5, 0.0])
            session.advance(0.1)
            return session.position().parameters["danger"] == pytest.approx(0.5)

        began = time.monotonic()
        until(heard)
        assert time.monotonic() - began < 5.0
