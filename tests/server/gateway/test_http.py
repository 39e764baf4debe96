"""What is served by HTTP: the console, facts, audio features; and to whom."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

from segue.client import protocol as p
from segue.client.schema import asyncapi
from segue.client.wire import Message
from segue.server.security.keys import KeyFolder
from segue.server.security.tokens import Tokens
from segue.server.serving.children import Child
from segue.server.serving.server import Server

from .conftest import Gateway, StartGateway, Web, config_of, served_models, web_client


def test_health_tells_that_music_answers(standing: Gateway) -> None:
    status, facts = standing.get("/health")
    assert status == 200
    assert facts["status"] == "ok" and facts["protocol"] == p.PROTOCOL_VERSION
    assert facts["models"] is False and facts["clients"] == 0


def test_the_schema_is_that_of_the_types(standing: Gateway) -> None:
    assert standing.get("/asyncapi.json") == (200, json.loads(json.dumps(asyncapi())))


def test_the_console_is_served_and_loads_nothing_from_elsewhere(standing: Gateway) -> None:
    status, content, headers = standing.fetch("/")
    assert status == 200 and b"<html" in content
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    status, _, headers = standing.fetch("/segue.js")
    assert status == 200 and "javascript" in headers["content-type"]


@pytest.mark.parametrize(
    "path", ["/../app.py", "/%2e%2e/app.py", "/..%2fapp.py", "/nothing", "/console", "//etc/passwd"]
)
def test_nothing_else_is_served(standing: Gateway, path: str) -> None:
    assert standing.fetch(path)[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"host": "music.example"}, 403),
        ({"host": "127.0.0.1.example:80"}, 403),
        ({"host": "]"}, 403),
        ({"origin": "http://music.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_foreign_names_and_pages_are_refused(
    standing: Gateway, headers: dict[str, str], status: int
) -> None:
    assert standing.get("/health", **headers)[0] == status


def test_a_page_of_the_server_may_connect_and_no_other(standing: Gateway) -> None:
    with web_client(standing, origin=standing.web) as web:
        assert web.ask("ping")[0] == "pong"
    for origin in ("http://music.example", "null", standing.web.replace("127.0.0.1", "localhost")):
        with (
            pytest.raises(InvalidStatus, match="403"),
            connect(standing.websocket, origin=origin),
        ):
            pass


def test_half_a_request_holds_up_nobody(standing: Gateway) -> None:
    address = standing.web.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=20) as half:
        half.sendall(b"GET / HTTP/1.1\r\nHost: ")
        assert standing.get("/health")[0] == 200
        half.sendall(b"\r\nnonsense\r\n\r\n" + b"\x00" * 70_000)
        assert half.recv(100).startswith(b"HTTP/1.1 4")
    assert standing.get("/health")[0] == 200


@pytest.mark.slow
def test_half_a_request_is_cut_off(standing: Gateway) -> None:
    host, port = standing.web.removeprefix("http://").split(":")
    whole = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for begun in (b"", b"GET / HT", whole + b"GET / HT"):
        with socket.create_connection((host, int(port)), timeout=30) as half:
            half.sendall(begun)
            began = time.monotonic()
            with contextlib.suppress(ConnectionResetError):
                while half.recv(65_536):
                    pass
            assert time.monotonic() - began < 20.0


def test_who_asks_now_and_then_keeps_the_connection(standing: Gateway) -> None:
    connection = HTTPConnection(standing.web.removeprefix("http://"), timeout=20)
    with closing(connection):
        for _ in range(3):
            connection.request("GET", "/health")
            assert connection.getresponse().read()
        assert connection.sock is not None


# Tokens -------------------------------------------------------------------------------------------


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(KeyFolder(tmp_path / "keys", make=True).token_path)


@pytest.fixture
def closed(start_gateway: StartGateway, tokens: Tokens, tmp_path: Path) -> Gateway:
    """A gateway that wants tokens."""
    return start_gateway(tokens=str(tmp_path / "keys" / "token.secret"))


def test_without_a_token_nobody_comes_in(closed: Gateway, tokens: Tokens) -> None:
    token = tokens.make("page", "play", 1.0)
    for query in ("", "?token=", "?token=segue1.e30.AAAA", f"?token={token[:-2]}"):
        with (
            pytest.raises(InvalidHandshake),
            connect(closed.websocket + query),
        ):
            pass
    assert closed.get("/v1/search?q=a")[0] == 403


def test_a_token_brings_its_rights(closed: Gateway, tokens: Tokens) -> None:
    token = tokens.make("page", "play", 1.0)
    with connect(f"{closed.websocket}?token={token}") as socket:
        socket.send('{"header": {"type": "hello", "id": "h"}}')
        assert json.loads(socket.recv(timeout=20))["content"]["rights"] == "play"
        for type in ("open", "shutdown", "call"):
            socket.send(json.dumps({"header": {"type": type, "id": type}}))
            reply = json.loads(socket.recv(timeout=20))
            assert (reply["parent"]["id"], reply["content"]["code"]) == (type, "forbidden")


def test_a_token_may_come_as_a_subprotocol_or_as_a_bearer(closed: Gateway, tokens: Tokens) -> None:
    token = tokens.make("page", "admin", 1.0)
    offered = f"segue.token.{token}"
    with connect(closed.websocket, subprotocols=[offered]) as socket:
        assert socket.subprotocol == offered
        socket.send('{"header": {"type": "ping"}}')
        assert json.loads(socket.recv(timeout=20))["header"]["type"] == "pong"
    assert closed.get("/v1/search?q=a", authorization=f"Bearer {token}")[0] == 503


def test_who_has_a_token_that_expires_is_sent_away(closed: Gateway, tokens: Tokens) -> None:
    token = tokens.make("page", "play", 2.0 / 3600)
    with connect(f"{closed.websocket}?token={token}") as socket:
        with pytest.raises(ConnectionClosed, match="expired"):
            socket.recv(timeout=20)
        assert socket.close_code == 1008


def test_a_server_with_keys_takes_its_own_gateway(tmp_path: Path) -> None:
    served = Server(0, folder=tmp_path, keys=tmp_path / "keys")
    thread = threading.Thread(target=served.run)
    thread.start()
    assert served.keys is not None
    secret = served.keys.token_path
    gateway = Gateway(
        config_of(served, tmp_path, tokens=str(secret), keys=str(tmp_path), curve=served.own_keys)
    )
    try:
        gateway.child.start()
        token = Tokens(secret).make("page", "steer", 1.0)
        with connect(f"{gateway.websocket}?token={token}") as socket:
            web = Web(socket)
            session = web.open()
            assert web.ask("subscribe", {}, session)[0] == "subscribed"
            assert web.ask("advance", {"seconds": 5.0}, session)[0] == "advanced"
            web.wait_for(lambda web: len(web.events) > 5)
            assert web.ask("shutdown")[1]["code"] == "forbidden"
    finally:
        gateway.child.end()
        served.stop()
        thread.join(20)
        served.close()


# Audio features -----------------------------------------------------------------------------------


def answer(message: Message) -> tuple[p.Reply, list[bytes]]:
    """Models that know all songs but one called `no`."""
    if message.header.type == "library":
        items = [p.LibraryItem(id="songs/one.ogg", title="one", kind="sound", seconds=1.5)]
        return p.Library(items=items, total=1), []
    call = message.read(p.Call)
    if call.source.library == "no":
        return p.Error(code="unknown_name", message="no such song"), []
    value = {"id": call.source.library, "function": call.function, "options": call.options}
    return p.Result(function=call.function, value=value | {"tempo": 120.0}), []


@pytest.fixture(scope="module")
def features(standing: Gateway) -> Iterator[Gateway]:
    """A gateway with those models."""
    with served_models() as models:
        models.answer = answer
        config = msgspec.structs.replace(standing.config, models=models.endpoint)
        gateway = Gateway(config)
        try:
            gateway.child.start()
            wait_for_models(gateway)
            yield gateway
        finally:
            gateway.child.end()


def wait_for_models(gateway: Gateway) -> None:
    deadline = time.monotonic() + 20.0
    while not gateway.get("/health")[1]["models"]:
        assert time.monotonic() < deadline


def test_features_and_analysis_of_one_song(features: Gateway) -> None:
    status, found = features.get("/v1/audio-features/songs/one.ogg")
    assert (status, found["id"], found["tempo"]) == (200, "songs/one.ogg", 120.0)
    assert found["function"] == "audio_features"
    found = features.get("/v1/audio-analysis/songs%2Fone.ogg")[1]
    assert (found["id"], found["function"]) == ("songs/one.ogg", "audio_analysis")


def test_features_of_many_songs_keep_their_order_and_miss_none(features: Gateway) -> None:
    ids = [f"s{n}" for n in range(50)] + ["no"]
    status, found = features.get(f"/v1/audio-features?ids={','.join(ids)}")
    assert status == 200
    assert [one and one["id"] for one in found["audio_features"]] == [*ids[:-1], None]


def test_recommendations_take_seeds_limits_and_targets(features: Gateway) -> None:
    query = "seed_tracks=a,b&limit=5&target_energy=0.8&min_tempo=90&market=DE"
    assert features.get(f"/v1/recommendations?{query}")[1]["options"] == {
        "seeds": ["a", "b"],
        "limit": 5,
        "target_energy": 0.8,
        "min_tempo": 90.0,
    }


def test_search_finds_tracks_of_the_library(features: Gateway) -> None:
    tracks = features.get("/v1/search?q=on&type=track&limit=3")[1]["tracks"]
    assert tracks["total"] == 1
    assert tracks["items"][0]["id"] == "songs/one.ogg"
    assert tracks["items"][0]["duration_ms"] == 1500


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/audio-features/no", 404),
        ("/v1/audio-features", 400),
        ("/v1/audio-features?ids=" + ",".join(["a"] * 101), 400),
        ("/v1/recommendations?target_energy=much", 400),
        ("/v1/recommendations?target_energy=nan", 400),
        ("/v1/recommendations?seed_genres=techno", 400),
        ("/v1/recommendations?limit=1000", 400),
        ("/v1/search?q=a&limit=0", 400),
    ],
)
def test_errors_have_the_shape_that_is_known(features: Gateway, path: str, status: int) -> None:
    found, content = features.get(path)
    assert found == status == content["error"]["status"]
    assert content["error"]["message"]


def test_without_models_there_are_no_features(standing: Gateway) -> None:
    assert standing.get("/v1/audio-features/a")[0] == 503


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_real_song_is_found_and_heard(standing: Gateway, tmp_path: Path) -> None:
    seconds = np.arange(22_050 * 8) / 22_050
    clicks = 0.3 * np.sin(2 * np.pi * 220 * seconds) * np.exp(-8 * (seconds * 2 % 1))  # 120 bpm
    (tmp_path / "songs").mkdir()
    soundfile.write(tmp_path / "songs" / "one.wav", clicks, 22_050)
    facts: dict[str, Any] = {}
    config = msgspec.structs.replace(
        standing.config, models="tcp://127.0.0.1:*", library=[str(tmp_path / "songs")]
    )
    models = Child("segue.server.jobs", lambda: config, facts.update)
    gateway = Gateway(standing.config)
    try:
        models.start()
        gateway.config = msgspec.structs.replace(config, models=facts["models"])
        gateway.child.start()
        wait_for_models(gateway)
        (track,) = gateway.get("/v1/search?q=one&type=track", seconds=200)[1]["tracks"]["items"]
        status, found = gateway.get(f"/v1/audio-features/{track['id']}", seconds=200)
        assert status == 200 and found["id"] == track["id"]
        assert found["tempo"] == pytest.approx(120.0, rel=0.02)
        assert found["duration_ms"] == track["duration_ms"] == 8000
        assert gateway.get("/v1/audio-features/nothing", seconds=200)[0] == 404
    finally:
        gateway.child.end()
        models.end()
