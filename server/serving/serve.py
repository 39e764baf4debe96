"""A whole server: the sessions' sockets in this process, models and bridges in others beside it."""

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from types import FrameType

from ...music.errors import SegueError
from ..security.guard import use_all_descriptors
from .children import Child
from .server import Server, port_after
from .settings import ChildConfig, ServeSettings

PORT_IN_USE = 2  # exit code


def serve(
    settings: ServeSettings | None = None, *, ready: Callable[[Server], None] | None = None
) -> int:
    """Serve until Ctrl-C, SIGTERM or a `shutdown` request; the exit code.

    :param ready: called once everything serves; default: print where it is
    """
    asked = settings or ServeSettings()
    use_all_descriptors()
    try:
        server = Server(
            asked.port,
            host=asked.host,
            events_port=asked.events_port,
            heartbeat_port=asked.heartbeat_port,
            folder=asked.folder,
            keys=asked.keys or None,
        )
    except SegueError as error:
        print(f"segue: {error}", file=sys.stderr)
        return PORT_IN_USE
    with server, ExitStack() as stack:
        stack.enter_context(_signals_stop(server))
        try:
            for child in children_of(server, asked):
                stack.callback(child.end)
                child.start()
        except SegueError as error:
            print(f"segue: {error}", file=sys.stderr)
            return PORT_IN_USE
        gc.collect()
        gc.freeze()  # what was imported stays; looking through it each time would take 10 ms
        (ready or _announce)(server)
        server.run()
    return 0


def children_of(server: Server, settings: ServeSettings) -> list[Child]:
    """The processes that a server of these settings has beside itself, not yet started."""
    addresses = server.addresses
    host = server.endpoint.removeprefix("tcp://").rpartition(":")[0]
    port = int(server.endpoint.rpartition(":")[2])
    if settings.models:
        second = port_after(port if settings.port else 0, 2, settings.models_port)
        addresses.models = f"tcp://{host}:{second or '*'}"

    def config() -> ChildConfig:
        return ChildConfig(
            control=server.endpoint,
            events=addresses.events,
            models=addresses.models,
            heartbeat=addresses.heartbeat,
            version=version("segue"),
            host=settings.host,
            web_port=_kept(settings.web_port, addresses.web),
            osc_port=_kept(settings.osc_port, addresses.osc),
            folder=str(settings.folder),
            library=list(settings.library),
            osc_peers=list(settings.osc_peers),
            osc_ahead_seconds=settings.osc_ahead_seconds,
            keys=settings.keys,
            tokens=str(server.keys.token_path) if server.keys else "",
            curve=server.own_keys,
            pages=list(settings.pages),
        )

    def ready(facts: dict[str, str]) -> None:
        for name, value in facts.items():
            setattr(addresses, name, value)

    children = [Child("segue.server.jobs", config, ready)] if settings.models else []
    if settings.web_port is not None or settings.osc_port is not None:
        children.append(Child("segue.server.gateway", config, ready))
    return children


def _kept(port: int | None, address: str) -> int | None:
    """The port that a bridge had before it was started again; the one asked for at first."""
    return int(address.rpartition(":")[2]) if address else port


def _announce(server: Server) -> None:
    names = ("web", "osc", "events", "models", "heartbeat")
    found = [(name, getattr(server.addresses, name)) for name in names]
    told = [("control", server.endpoint), *((name, at) for name, at in found if at)]
    print("segue serves; Ctrl-C ends", *(f"  {n:<10}{at}" for n, at in told), sep="\n", flush=True)


@contextmanager
def _signals_stop(server: Server) -> Iterator[None]:
    """SIGINT and SIGTERM end the loop, a second one the process, where that can be had."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    asked: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:
            os._exit(128 + number)  # the other processes end with this one; logs are kept so far
        server.stop()

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
