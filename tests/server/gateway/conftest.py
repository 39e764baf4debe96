"""A gateway as the real process, beside a server whose loop runs in a thread."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from email.message import Message as Headers
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
import zmq
from websockets.sync.client import connect

from segue.client import protocol as p
from segue.client.wire import Message, pack, unpack
from segue.server.serving.children import Child
from segue.server.serving.server import Server
from segue.server.serving.settings import ChildConfig


class Gateway:
    """A gateway process and where it is."""

    def __init__(self, config: ChildConfig) -> None:
        self.config = config
        self.web = self.osc = ""
        self.child = Child("segue.server.gateway", lambda: self.config, self._ready)

    def _ready(self, facts: dict[str, str]) -> None:
        self.web, self.osc = facts.get("web", ""), facts.get("osc", "")

    @property
    def udp(self) -> tuple[str, int]:
        host, _, port = self.osc.rpartition(":")
        return host, int(port)

    def get(self, path: str, seconds: float = 20.0, **headers: str) -> tuple[int, Any]:
        """Status and content (of JSON) of an HTTP answer."""
        status, content, _ = self.fetch(path, seconds, **headers)
        return status, json.loads(content)

    def fetch(self, path: str, seconds: float = 20.0, **headers: str) -> tuple[int, bytes, Headers]:
        """Status, content and headers of an HTTP answer."""
        connection = HTTPConnection(self.web.removeprefix("http://"), timeout=seconds)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read(), response.headers
        finally:
            connection.close()

    @property
    def websocket(self) -> str:
        return self.web.replace("http", "ws") + "/ws"


class Web:
    """A WebSocket client: replies in order, events aside, binary messages aside."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.binary: list[bytes] = []
        self._count = 0

    def send(
        self, type: str, content: dict[str, Any] | None = None, session: str = "", **header: Any
    ) -> str:
        self._count += 1
        id = f"w{self._count}"
        told = {"id": id, "type": type, "session": session} | header
        self.socket.send(json.dumps({"header": told, "content": content or {}}))
        return str(told["id"])

    def receive(self) -> dict[str, Any]:
        """The next reply."""
        while True:
            received = self.socket.recv(timeout=20)
            if isinstance(received, bytes):
                self.binary.append(received)
                continue
            message = json.loads(received)
            if "event" not in message:
                return dict(message)
            self.events.append(message["event"])

    def ask(
        self, type: str, content: dict[str, Any] | None = None, session: str = ""
    ) -> tuple[str, dict[str, Any]]:
        """Type and content of the reply."""
        id = self.send(type, content, session)
        reply = self.receive()
        assert reply["parent"]["id"] == id
        return reply["header"]["type"], reply["content"]

    def open(self, cue: str = "dungeon", **options: Any) -> str:
        """A session on a manual clock."""
        kind, content = self.ask(
            "open", {"cue": cue, "director": "table", "clock": "manual", **options}
        )
        assert kind == "opened", content
        return str(content["session"])

    def wait_for(self, wanted: Callable[[Self], bool]) -> None:
        """Receive until something holds; replies are not expected."""
        while not wanted(self):
            received = self.socket.recv(timeout=20)
            if isinstance(received, bytes):
                self.binary.append(received)
            else:
                self.events.append(json.loads(received)["event"])


@contextmanager
def web_client(gateway: Gateway, **options: Any) -> Iterator[Web]:
    with connect(gateway.websocket, max_size=None, close_timeout=1, **options) as socket:
        yield Web(socket)


def config_of(server: Server, folder: Path, **changes: Any) -> ChildConfig:
    """What a gateway of a server is told; keywords change it."""
    config = ChildConfig(
        control=server.endpoint,
        events=server.addresses.events,
        models="",
        heartbeat=server.addresses.heartbeat,
        version="0.0.0",
        host="127.0.0.1",
        web_port=0,
        osc_port=0,
        folder=str(folder),
        library=[],
        osc_peers=[],
        osc_ahead_seconds=0.0,
        keys="",
        tokens="",
        curve=None,
    )
    return msgspec.structs.replace(config, **changes)


StartGateway = Callable[..., Gateway]


@pytest.fixture
def start_gateway(server: Server, tmp_path: Path) -> Iterator[StartGateway]:
    """Starts a gateway of the server; keywords change its configuration."""
    with ExitStack() as stack:

        def start(**changes: Any) -> Gateway:
            gateway = Gateway(config_of(server, tmp_path, **changes))
            stack.callback(gateway.child.end)
            gateway.child.start()
            return gateway

        yield start


@pytest.fixture
def gateway(start_gateway: StartGateway) -> Gateway:
    return start_gateway()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all tests of a module that change nothing of it."""
    folder = tmp_path_factory.mktemp("server")
    served = Server(0, folder=folder)
    thread = threading.Thread(target=served.run)
    thread.start()
    made = Gateway(config_of(served, folder))
    try:
        made.child.start()
        yield made
    finally:
        made.child.end()
        served.stop()
        thread.join(20)
        served.close()


@pytest.fixture
def web(gateway: Gateway) -> Iterator[Web]:
    with web_client(gateway) as client:
        yield client


Answer = Callable[[Message], tuple[p.Reply, list[bytes]] | None]


class Models:
    """A models socket whose answers a test gives; requests are kept."""

    def __init__(self) -> None:
        self.answer: Answer = lambda message: None
        self.asked: list[Message] = []
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.heard = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Go, as a process that dies."""
        if self._socket.closed:
            return
        self._end.set()
        self._thread.join()
        self._socket.close(0)
        self._context.term()

    def _run(self) -> None:
        while not self._end.is_set():
            if not self._socket.poll(20):
                continue
            identity, *frames = self._socket.recv_multipart()
            message = Message()
            unpack(frames, message, max_bytes=p.MAX_UPLOAD_BYTES)
            self.asked.append(message)
            answer = self.answer(message)
            self.heard.set()
            if answer is not None:
                reply, buffers = answer
                header = p.Header(id=message.header.id, type=reply.TYPE)
                frames = pack(
                    reply,
                    header,
                    parent=message.header,
                    multipart=message.multipart,
                    buffers=buffers,
                )
                self._socket.send_multipart([identity, *frames])


@contextmanager
def served_models() -> Iterator[Models]:
    made = Models()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def models() -> Iterator[Models]:
    with served_models() as made:
        yield made
