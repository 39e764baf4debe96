"""The gateway process: configuration on standard input, `{"ready": {...}}` on standard output.

It ends when its standard input does, so that it does not outlive the server.
"""

import asyncio
import json
import logging
import os
import socket
import sys
import threading
from contextlib import AsyncExitStack

import msgspec
import uvicorn

from ...client.protocol import MAX_UPLOAD_BYTES
from ...music.errors import SegueError
from ..security.tokens import Tokens
from ..serving.children import REFUSED
from ..serving.settings import ChildConfig, read_config
from .app import web_app
from .guard import WebGuard
from .hub import Hub
from .osc import OscDoor
from .patience import cut_off_slow_clients

MAX_CONNECTIONS = 512  # of HTTP and WebSocket
UNREAD_MS = 15_000  # a peer whose system takes nothing for so long is cut off
PING_SECONDS = 20.0
RECEIVE_BYTES = 1024 * 1024  # of datagrams that wait to be read, if the system lets us
END_SECONDS = 2  # for what goes on when the gateway is to end


def main() -> int:
    """Serve until standard input ends; the exit code."""
    logging.basicConfig(format="%(name)s: %(message)s", level=logging.ERROR)
    logging.getLogger("segue").setLevel(logging.WARNING)
    # Not a page of the log for each stranger that sends no UTF-8.
    logging.getLogger("uvicorn.error").addFilter(lambda told: "Invalid" not in str(told.msg))
    try:
        config = read_config(sys.stdin.readline())
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(serve(config))
    except msgspec.DecodeError:
        print("segue: the gateway needs a configuration; start it by: segue serve", file=sys.stderr)
        return REFUSED
    except SegueError as error:
        print(f"segue: {error}", file=sys.stderr)
        return REFUSED
    return 0


async def serve(config: ChildConfig) -> None:
    """Open the doors of a configuration; SegueError if a port is in use."""
    async with AsyncExitStack() as stack:
        hub = Hub(config)
        stack.callback(hub.close)
        facts: dict[str, str] = {}
        web: uvicorn.Server | None = None
        if config.osc_port is not None:
            udp = bind(config.host, config.osc_port, socket.SOCK_DGRAM, "osc")
            facts["osc"] = name_of(udp)
            await open_osc(hub, udp, stack)
        if config.web_port is not None:
            tcp = bind(config.host, config.web_port, socket.SOCK_STREAM, "web")
            stack.callback(tcp.close)
            facts["web"] = f"http://{name_of(tcp)}"
            web = web_server(hub)
        print(json.dumps({"ready": facts}), flush=True)
        ended = end_of_input()
        if web is None:
            await ended.wait()
        else:
            await serve_web(web, tcp, ended)


async def open_osc(hub: Hub, udp: socket.socket, stack: AsyncExitStack) -> None:
    """Take OSC at a socket, until the stack ends."""
    config = hub.config
    link = hub.link()
    stack.callback(link.close)
    door = OscDoor(link, hub.feeds, peers=config.osc_peers, ahead_seconds=config.osc_ahead_seconds)
    stack.callback(door.close)
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: door, sock=udp)
    listeners = asyncio.create_task(door.listeners.run())

    async def end() -> None:
        listeners.cancel()
        await asyncio.gather(listeners, return_exceptions=True)

    stack.push_async_callback(end)


def web_server(hub: Hub) -> uvicorn.Server:
    """HTTP and WebSocket, not yet begun."""
    config = hub.config
    tokens = Tokens(config.tokens) if config.tokens else None
    guard = WebGuard(config.host, tokens, config.pages)
    settings = uvicorn.Config(
        web_app(hub, guard),
        http="h11",
        ws="websockets-sansio",
        ws_max_size=MAX_UPLOAD_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        log_level=logging.ERROR,  # not a line for each stranger that speaks no HTTP
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=END_SECONDS,
    )
    return uvicorn.Server(settings)


async def serve_web(server: uvicorn.Server, tcp: socket.socket, ended: asyncio.Event) -> None:
    """Serve until `ended`, or a signal."""

    async def stop() -> None:
        await ended.wait()
        server.should_exit = True

    beside = [asyncio.create_task(stop()), asyncio.create_task(cut_off_slow_clients(server))]
    try:
        await server.serve(sockets=[tcp])
    finally:
        for task in beside:
            task.cancel()


def bind(host: str, port: int, kind: socket.SocketKind, name: str) -> socket.socket:
    """A socket at an address of this machine, port 0 for any; SegueError if it cannot be had."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
    bound = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_DGRAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        else:
            if os.name == "posix":  # elsewhere it would let two servers share a port
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
        bound.bind(address)
        if kind == socket.SOCK_STREAM:
            bound.listen()
    except OSError as error:
        bound.close()
        raise SegueError(
            f"cannot listen on {host}:{port} for {name}: {error.strerror}; end what uses that "
            f"port, or choose another: segue serve --{name} N"
        ) from None
    bound.setblocking(False)
    return bound


def name_of(bound: socket.socket) -> str:
    """Host and port of a socket, as in a URL."""
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def end_of_input() -> asyncio.Event:
    """An event that is set when standard input ends."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()

    def wait() -> None:
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, name="segue-end", daemon=True).start()
    return ended


if __name__ == "__main__":
    sys.exit(main())
