"""MIDI ports of this machine, by mido; where there is none, one that leads nowhere.

A port is anything with mido's `send(message)` and `close()`, or `iter_pending()` and `close()`. The
environment variable MIDO_BACKEND chooses another backend than mido's own (ALSA, Core MIDI, Windows
MM by python-rtmidi), e.g. `mido.backends.rtmidi/UNIX_JACK`.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..music.errors import MissingPartError, UnknownNameError

log = logging.getLogger(__name__)

NULL = "null"
"""Name of the port that leads nowhere; every machine has it."""

VIRTUAL = "virtual:"
"""Before a name: a new port of that name, for other programs to connect to."""


SETTLE_SECONDS = FLUSH_SECONDS = 0.1
"""A driver connects, and hands messages on, some periods later: what was sent before or closed
too soon after might not arrive."""


class NullPort:
    """Takes every message and gives none."""

    name = NULL

    def send(self, message: Any) -> None:
        """Nothing to do."""

    def iter_pending(self) -> Iterator[Any]:
        """No message."""
        return iter(())

    def close(self) -> None:
        """Nothing to do."""


class _DriverPort:
    """An output of this machine: connected when it is made, closed once all has gone out."""

    def __init__(self, port: Any) -> None:
        time.sleep(SETTLE_SECONDS)
        self.name = port.name
        self.send = port.send
        self._port = port

    def close(self) -> None:
        time.sleep(FLUSH_SECONDS)
        self._port.close()


def output_names() -> list[str]:
    """Names of the MIDI outputs of this machine; MissingPartError if it has no MIDI system."""
    return _names("output")


def input_names() -> list[str]:
    """Names of the MIDI inputs of this machine; MissingPartError if it has no MIDI system."""
    return _names("input")


def open_output(name: str = "") -> Any:
    """An output by name: `''` is the first one, `virtual:NAME` a new one, `null` leads nowhere.

    Without a MIDI system, or for '' without any output, the null port is returned and one line is
    logged. Raises UnknownNameError for a name that is not there, MissingPartError for a port that
    is there and cannot be opened.
    """
    return _open("output", name)


def open_input(name: str = "") -> Any:
    """An input by name, as `open_output`."""
    return _open("input", name)


def _names(kind: str) -> list[str]:
    """The ports of this machine, "input" or "output"."""
    import mido

    listing: Callable[[], list[str]] = getattr(mido, f"get_{kind}_names")
    try:
        with _no_chatter():
            return list(listing())
    except Exception as error:  # whatever the backend raises, it cannot be used
        raise MissingPartError(
            f"no MIDI system can be reached ({str(error).strip() or type(error).__name__}); "
            "install segue[ports] and a MIDI driver, or write a MIDI file instead"
        ) from error


def _open(kind: str, name: str) -> Any:
    if name == NULL:
        return NullPort()
    try:
        names = _names(kind)
        if not names and not name:
            raise MissingPartError(f"this machine has no MIDI {kind}; connect one")
    except MissingPartError as error:
        log.warning("%s; until then the MIDI %s is the null port", error, kind)
        return NullPort()
    virtual = name.startswith(VIRTUAL)
    if name and not virtual and name not in names:
        raise UnknownNameError(f"MIDI {kind}", name, [*names, NULL])
    import mido

    opener = getattr(mido, f"open_{kind}")
    try:
        with _no_chatter():
            if virtual:
                port = opener(name.removeprefix(VIRTUAL) or "segue", virtual=True)
            else:
                port = opener(name or names[0])
    except Exception as error:  # of the backend's own kinds
        raise MissingPartError(
            f"MIDI {kind} {name or names[0]!r} cannot be opened ({error}); another program may "
            "hold it: close that, or choose another port"
        ) from error
    return _DriverPort(port) if kind == "output" else port


@contextmanager
def _no_chatter() -> Iterator[None]:
    """Standard error closed to C libraries: what ALSA complains of there is told as an error."""
    try:
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:  # no standard error: nothing to keep quiet
        yield
        return
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
