"""Real CURVE handshakes, and what those who came in may do."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from zmq.utils.monitor import recv_monitor_message

from segue.client import Client, NoAnswerError, RequestError
from segue.client import protocol as p
from segue.client.keys import ClientKeys, read_keys, use_keys
from segue.client.wire import Message, pack, unpack
from segue.music.errors import SegueError
from segue.server.security.guard import Roll
from segue.server.security.keys import KeyFolder, curve_pair
from segue.server.security.limits import Limits
from segue.server.serving.server import Server

QUIET = {"director": "table", "clock": "manual"}
Start = Callable[..., Server]


class Peer:
    """A bare DEALER with or without keys, and what its handshake came to."""

    def __init__(self, endpoint: str, keys: ClientKeys | None = None) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvtimeo = 5000
        use_keys(self.socket, keys)
        self.monitor = self.socket.get_monitor_socket()
        self.monitor.linger = 0
        self.socket.connect(endpoint)

    def handshake(self) -> bool:
        """Whether the server let it in."""
        good, bad = (
            zmq.EVENT_HANDSHAKE_SUCCEEDED,
            (
                zmq.EVENT_HANDSHAKE_FAILED_AUTH
                | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
                | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
                | zmq.EVENT_DISCONNECTED
            ),
        )
        while self.monitor.poll(5000):
            kind = recv_monitor_message(self.monitor)["event"]
            if kind & good:
                return True
            if kind & bad:
                return False
        raise AssertionError("the server neither let it in nor refused it")

    def send(self, content: p.Request, *, session: str = "", id: str = "x") -> None:
        header = p.Header(id=id, type=content.TYPE, session=session)
        self.socket.send_multipart(pack(content, header))

    def reply(self) -> Message:
        message = Message()
        unpack(self.socket.recv_multipart(), message)
        return message

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(0)
        self.context.term()


def stranger(server: Server, server_key: str = "") -> ClientKeys:
    """A pair of keys that no server knows."""
    public, secret = curve_pair()
    known = server.keys.server.public_key if server.keys else ""
    return ClientKeys(server_key=server_key or known, public_key=public, secret_key=secret)


# Who comes in ---------------------------------------------------------------------------------


def test_a_known_key_comes_in_and_hears_events(serve: Start, keys: KeyFolder) -> None:
    path = keys.new("laptop", "steer")
    server = serve(keys=keys.folder)
    with Client(server.endpoint, keys=path) as music:
        assert music.server.rights == "steer"
        session = music.open("dungeon", **QUIET)
        session.set(danger=0.5)
        session.advance(2.0)
        assert music.inbox.wait(5.0)  # by the events socket itself, which asks for keys too
        assert isinstance(next(session.events()), p.Event)


@pytest.mark.parametrize("socket_name", ["endpoint", "events_endpoint", "heartbeat"])
def test_all_others_stay_outside_of_every_socket(
    serve: Start, keys: KeyFolder, socket_name: str
) -> None:
    known = read_keys(keys.new("laptop", "admin"))
    server = serve(keys=keys.folder)
    places = {"heartbeat": server.addresses.heartbeat}
    endpoint = places.get(socket_name) or getattr(server, socket_name)
    other_server, _ = curve_pair()
    wrong = ClientKeys(
        server_key=other_server, public_key=known.public_key, secret_key=known.secret_key
    )
    for peer_keys in (None, stranger(server), wrong):
        with Peer(endpoint, peer_keys) as peer:
            assert not peer.handshake(), peer_keys
    if socket_name != "events_endpoint":  # a DEALER has no business there
        with Peer(endpoint, known) as peer:
            assert peer.handshake()


def test_a_client_with_wrong_keys_gets_one_clear_error(
    serve: Start, keys: KeyFolder, tmp_path: Path
) -> None:
    elsewhere = KeyFolder(tmp_path / "elsewhere", make=True).new("laptop", "admin")
    server = serve(keys=keys.folder)
    for path in ("", elsewhere):
        with pytest.raises(NoAnswerError, match="keys"):
            Client(server.endpoint, keys=path, timeout_seconds=0.3)


def test_who_is_revoked_is_refused_from_then_on(
    serve: Start, keys: KeyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segue.server.security.guard.REREAD_SECONDS", 0.0)
    path = keys.new("laptop", "steer")
    held = read_keys(path)
    server = serve(keys=keys.folder)
    with Client(server.endpoint, keys=path) as music:
        assert music.list().sessions == []
        keys.revoke("laptop")
        with pytest.raises(RequestError) as caught:
            music.list()
        assert caught.value.code == "forbidden"
    with Peer(server.endpoint, held) as peer:
        assert not peer.handshake()
    with Client(server.endpoint, keys=keys.new("laptop", "play")) as music:  # made while it runs
        assert music.server.rights == "play"


def test_the_servers_own_processes_are_admin(serve: Start, keys: KeyFolder) -> None:
    server = serve(keys=keys.folder)
    own = server.own_keys
    assert own is not None
    with Peer(
        server.endpoint, ClientKeys(**{n: getattr(own, n) for n in own.__struct_fields__})
    ) as peer:
        peer.send(p.Hello())
        assert peer.reply().read(p.Welcome).rights == "admin"
    assert own.secret_key not in "".join(path.read_text() for path in keys.folder.iterdir())


def test_a_list_of_clients_that_cannot_be_read_lets_nobody_in(keys: KeyFolder) -> None:
    known = read_keys(keys.new("laptop", "steer"))
    roll = Roll(keys.clients_path, "own")
    assert roll.find(known.public_key) is not None and roll.find("other") is None
    keys.clients_path.write_text("{broken")
    roll._read_at = -1.0
    assert roll.find(known.public_key) is None and roll.find("own") is not None


# Where a server listens -----------------------------------------------------------------------


def test_other_machines_need_keys(tmp_path: Path, keys: KeyFolder) -> None:
    for host in ("0.0.0.0", "::", "192.168.1.7"):
        with pytest.raises(SegueError, match=r"127\.0\.0\.1.*segue keys"):
            Server(0, host=host, folder=tmp_path)
    with Server(0, host="0.0.0.0", folder=tmp_path, keys=keys.folder) as server:
        assert server.endpoint.startswith("tcp://0.0.0.0:")


def test_a_server_on_all_interfaces_is_reached_by_any(serve: Start, keys: KeyFolder) -> None:
    server = serve(host="0.0.0.0", keys=keys.folder)
    endpoint = server.endpoint.replace("0.0.0.0", "127.0.0.1")
    with Client(endpoint, keys=keys.new("laptop", "steer")) as music:
        session = music.open("dungeon", **QUIET)
        session.advance(1.0)
        assert music.inbox.wait(5.0)


def test_the_servers_pair_is_made_at_the_first_use(serve: Start, tmp_path: Path) -> None:
    server = serve(keys=tmp_path / "new keys")
    assert server.keys is not None
    assert KeyFolder(tmp_path / "new keys").server == server.keys.server


def test_the_folder_of_keys_cannot_be_reached(serve: Start, tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path / "served" / "keys", make=True)
    path = keys.new("laptop", "steer")
    server = serve(keys=keys.folder)
    with Client(server.endpoint, keys=path) as music:
        for name in ("clients.json", "new.mid"):
            with pytest.raises(RequestError, match="does not lie in the folder"):
                music.open("dungeon", midi=f"keys/{name}", **QUIET)


# Rights and limits ----------------------------------------------------------------------------


def test_rights_bound_what_a_client_does(serve: Start, keys: KeyFolder) -> None:
    listener, player = keys.new("listener", "play"), keys.new("player", "steer")
    server = serve(keys=keys.folder)
    with (
        Client(server.endpoint, keys=player) as steer,
        Client(server.endpoint, keys=listener) as play,
    ):
        session = steer.open("dungeon", **QUIET)

        def ask(content: p.Request, reply: type[p.Reply]) -> p.Reply:
            return play.request(content, reply, session=session.id)

        assert ask(p.GetPosition(), p.PositionReply)
        assert ask(p.Feedback(value=1.0), p.Accepted)
        refused: list[p.Request] = [
            p.Set(parameters={"danger": 1.0}),
            p.Close(),
            p.Pause(),
            p.Advance(seconds=1.0),
            p.Open(cue="dungeon"),
        ]
        for content in refused:
            with pytest.raises(RequestError) as caught:
                ask(content, p.Reply)
            assert caught.value.code == "forbidden" and "steer" in caught.value.message
        with pytest.raises(RequestError) as caught:
            steer.request(p.Shutdown(), p.Bye)
        assert caught.value.code == "forbidden" and "admin" in caught.value.remediation
        assert session.position().frame == 0 and steer.list().sessions == [session.id]


def test_a_client_that_floods_is_told_and_others_are_not(serve: Start, keys: KeyFolder) -> None:
    flooder, calm = read_keys(keys.new("flooder", "steer")), keys.new("calm", "steer")
    server = serve(keys=keys.folder, limits=Limits(requests_per_second=200.0, burst=100))
    with Client(server.endpoint, keys=calm) as music:
        with Peer(server.endpoint, flooder) as first, Peer(server.endpoint, flooder) as second:
            for number in range(300):
                first.send(p.Ping(), id=f"a{number}")
                second.send(p.Ping(), id=f"b{number}")
            assert music.ping()[0] < 5.0
            replies = [peer.reply() for _ in range(300) for peer in (first, second)]
        codes = [m.read(p.Error).code for m in replies if m.header.type == "error"]
        # one client by two connections has one allowance
        assert set(codes) == {"busy"} and 200 < len(codes) <= 600 - 101
        assert [m.parent["id"] for m in replies[:4]] == ["a0", "b0", "a1", "b1"]
        assert music.ping()[0] < 5.0


def test_openings_of_one_client_are_bounded(serve: Start) -> None:
    server = serve(limits=Limits(openings=2))
    with Peer(server.endpoint) as peer, Peer(server.endpoint) as other:
        for number in range(4):
            peer.send(p.Open(cue="dungeon", director="table", output="null"), id=f"o{number}")
        replies = {m.parent["id"]: m for m in (peer.reply() for _ in range(4))}
        errors = [m.read(p.Error).code for m in replies.values() if m.header.type == "error"]
        assert errors == ["busy", "busy"] and replies["o0"].header.type == "opened"
        other.send(p.Open(cue="dungeon", director="table"))
        assert other.reply().header.type == "opened"


# Clients that misbehave -----------------------------------------------------------------------


@pytest.fixture
def server(serve: Start) -> Iterator[Server]:
    yield serve()


def test_half_a_message_holds_up_nobody(server: Server) -> None:
    with Client(server.endpoint) as music, Peer(server.endpoint) as peer:
        peer.socket.send(b"SEGUE/1", zmq.SNDMORE)
        peer.socket.send(b"", zmq.SNDMORE)
        assert music.ping()[0] < 5.0
    host, port = server.endpoint.removeprefix("tcp://").split(":")
    with Client(server.endpoint) as music, socket.create_connection((host, int(port))) as half:
        half.sendall(b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03")  # half a greeting
        assert music.ping()[0] < 5.0


def test_a_huge_frame_ends_that_connection_alone(server: Server) -> None:
    with Client(server.endpoint) as music, Peer(server.endpoint) as peer:
        assert peer.handshake()
        peer.socket.send(bytes(p.MAX_MESSAGE_BYTES + 1))
        assert not peer.handshake()
        assert music.ping()[0] < 5.0


def test_a_client_that_never_reads_holds_up_nobody(server: Server) -> None:
    with Client(server.endpoint) as music:
        session = music.open("dungeon", **QUIET)
        session.advance(300.0)  # thousands of events
        with Peer(server.endpoint) as peer:
            peer.socket.sndtimeo = 5000
            for _ in range(300):
                peer.send(p.GetEvents(limit=8192), session=session.id)
                assert music.ping()[0] < 5.0
        assert session.position().frame == 300 * 48_000


def test_ancient_and_foreign_protocols_are_not_taken_for_messages(server: Server) -> None:
    host, port = server.endpoint.removeprefix("tcp://").split(":")
    for junk in (b"\x01\x00\x05\x00hello", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(junk)
            connection.settimeout(5)
            try:
                while connection.recv(4096):
                    pass
            except ConnectionResetError:
                pass  # ended at once, this way or that


def test_a_server_full_of_connections_refuses_more_and_goes_on(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client(server.endpoint) as music:
        monkeypatch.setattr("segue.server.security.guard._descriptors", lambda: 0)
        with Peer(server.endpoint) as peer:
            assert not peer.handshake()
        assert music.ping()[0] < 5.0
        monkeypatch.undo()
        with Peer(server.endpoint) as peer:
            assert peer.handshake()


# What is told ---------------------------------------------------------------------------------


def test_a_fault_of_the_server_tells_nothing_of_its_insides(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise OSError(2, "No such file", "/home/somebody/secret/place.txt")

    with Client(server.endpoint) as music:
        monkeypatch.setattr("segue.server.serving.desk.listing", broken)
        with pytest.raises(RequestError) as caught:
            music.list()
        told = f"{caught.value.message} {caught.value.remediation}"
        assert caught.value.code == "internal"
        assert "secret" not in told and "OSError" not in told
        number = caught.value.message.rpartition("fault ")[2].rstrip(")")
        assert number in caplog.text and "/home/somebody/secret/place.txt" in caplog.text


PATHS = [
    "/etc/passwd",
    "../up",
    "a/../../up",
    "~/x/../../..",
    "a\0b",
    "x" * 5000,
    "a/" * 600,
    ".hidden",
    ".ssh/authorized_keys",
    "out/link/x.mid",
    "out/round/x.mid",
    "C:\\Windows\\x.mid",
    "\udcff.mid",
]


@pytest.mark.parametrize("path", PATHS, ids=range(len(PATHS)))
def test_no_path_leads_out_of_the_folder_or_tells_where_it_lies(
    server: Server, tmp_path: Path, path: str
) -> None:
    out = tmp_path / "served" / "out"
    out.mkdir()
    (out / "link").symlink_to(tmp_path)
    (out / "round").symlink_to(out / "round")
    before = {p for p in tmp_path.rglob("*") if "served" not in p.parts}
    asked: list[dict[str, str]] = [{"midi": path}, {"log": path}, {"output": f"file:{path}"}]
    asked += [{"cue": path}]
    with Peer(server.endpoint) as peer:
        for number, fields in enumerate(asked):
            header = {"id": str(number), "type": "open"}
            content = {"cue": "dungeon", **QUIET, **fields}
            text = json.dumps({"header": header, "content": content})
            peer.socket.send(text.encode("utf-8", "surrogatepass"))
            message = peer.reply()
            if message.header.type == "error":
                error = message.read(p.Error)
                assert error.code in ("refused", "unknown_name", "malformed", "invalid"), error
                assert str(tmp_path) not in f"{error.message}{error.remediation}"
            else:
                assert path == "C:\\Windows\\x.mid" and os.name == "posix"  # a name like any other
    assert {p for p in tmp_path.rglob("*") if "served" not in p.parts} == before


def test_a_cue_of_ones_own_lies_in_the_servers_folder(server: Server, tmp_path: Path) -> None:
    from segue.music.cue_file import load_cue, write_cue

    write_cue(load_cue("meadow"), tmp_path / "served" / "cues" / "mine")
    write_cue(load_cue("meadow"), tmp_path / "elsewhere")
    broken = tmp_path / "served" / "broken"
    broken.mkdir()
    (broken / "cue.toml").write_text("title = 3")
    with Client(server.endpoint) as music:
        assert music.open("cues/mine", **QUIET).cue.name == "mine"
        codes = {}
        for cue in (str(tmp_path / "elsewhere"), "../elsewhere", "..", ".", "nowhere", "broken"):
            with pytest.raises(RequestError) as caught:
                music.open(cue, **QUIET)
            codes[cue] = caught.value.code
            assert str(tmp_path) not in str(caught.value)
        assert codes.pop("broken") == "refused"
        assert set(codes.values()) == {"unknown_name"}  # whether it is there is not told


# Ending ---------------------------------------------------------------------------------------


def test_idle_takes_no_time(server: Server) -> None:
    with Client(server.endpoint) as music:
        music.list()
        start, used = time.monotonic(), time.process_time()
        while time.monotonic() - start < 0.5:
            assert not music.inbox.wait(0.5)
        assert time.process_time() - used < 0.1
