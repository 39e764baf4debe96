"""The gateway as a process: how it begins, ends, dies and comes again."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed

from segue.client import Client
from segue.server.serving.server import Server

from .conftest import Gateway, StartGateway, config_of, web_client


def test_it_tells_where_it_is_on_free_ports(standing: Gateway) -> None:
    assert standing.web.startswith("http://127.0.0.1:")
    assert standing.get("/health")[0] == 200
    assert standing.udp[0] == "127.0.0.1" and standing.udp[1] > 0


def test_a_door_that_is_not_wanted_is_not_opened(start_gateway: StartGateway) -> None:
    without_osc = start_gateway(osc_port=None)
    assert without_osc.osc == "" and without_osc.get("/health")[0] == 200
    without_web = start_gateway(web_port=None)
    assert without_web.web == "" and without_web.osc


@pytest.mark.parametrize(("kind", "name"), [("web_port", "web"), ("osc_port", "osc")])
def test_a_port_in_use_is_told(server: Server, tmp_path: Path, kind: str, name: str) -> None:
    stream = socket.SOCK_STREAM if name == "web" else socket.SOCK_DGRAM
    with closing(socket.socket(socket.AF_INET, stream)) as taken:
        taken.bind(("127.0.0.1", 0))
        if name == "web":
            taken.listen()
        port = taken.getsockname()[1]
        config = config_of(server, tmp_path, **{kind: port})
        done = subprocess.run(
            [sys.executable, "-m", "segue.server.gateway"],
            input=msgspec.json.encode(config).decode() + "\n",
            capture_output=True,
            text=True,
            timeout=30,
        )
    assert done.returncode == 2 and done.stdout == ""
    assert f"127.0.0.1:{port}" in done.stderr and f"segue serve --{name} N" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_ends_when_its_input_does_and_says_goodbye(start_gateway: StartGateway) -> None:
    gateway = start_gateway()
    pid = gateway.child.pid
    with web_client(gateway) as web:
        assert web.ask("ping")[0] == "pong"
        began = time.monotonic()
        gateway.child.end()
        assert time.monotonic() - began < 5.0
        with pytest.raises(ConnectionClosed):
            web.socket.recv(timeout=10)
        assert web.socket.close_code == 1012  # service restart
    assert pid is not None and not Path(f"/proc/{pid}").exists()


def test_a_gateway_that_is_killed_comes_again_and_the_music_plays_on(
    start_gateway: StartGateway, client: Client, server: Server
) -> None:
    gateway = start_gateway()
    with web_client(gateway) as web:
        session = web.open()
        before = gateway.web
        pid = gateway.child.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert client.list().sessions == [session]
    deadline = time.monotonic() + 30.0
    while gateway.web == before or gateway.child.pid is None:
        assert time.monotonic() < deadline
    with web_client(gateway) as web:
        assert web.ask("subscribe", {}, session)[0] == "subscribed"
        assert web.ask("advance", {"seconds": 1.0}, session)[0] == "advanced"


def test_a_configuration_that_is_none_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "segue.server.gateway"],
        input="",
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert "segue serve" in done.stderr and "Traceback" not in done.stderr
