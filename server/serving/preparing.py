"""Loading a cue, a director and the tables of its instruments before anybody needs them."""

import itertools
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ...client import protocol as p
from ...client.errors import RequestError
from ..sessions.catalogue import find_cue
from ..sessions.session import Session

MAX_PREPARING = 16  # at once


class Kitchen:
    """Prepares one thing after another, in a thread of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "segue-prepare")
        self._numbers = itertools.count(1)
        self._running: list[tuple[p.Prepare, Future[float]]] = []

    def prepare(self, content: p.Prepare, find: Callable[[], str | Path]) -> p.Preparing:
        """Begin to prepare a cue with a director.

        :param find: where the cue is
        """
        if len(self._running) >= MAX_PREPARING:
            raise RequestError(
                "busy", f"{MAX_PREPARING} cues are being prepared", "", "try again later"
            )
        place = find()
        self._running.append((content, self._pool.submit(_load, place, content.director)))
        return p.Preparing(cue=content.cue, director=content.director)

    @property
    def busy(self) -> bool:
        """Whether something is being prepared."""
        return bool(self._running)

    def ready(self) -> list[p.Event]:
        """Events of what has become ready since the last call; a warning where it failed."""
        events: list[p.Event] = []
        for content, future in [pair for pair in self._running if pair[1].done()]:
            self._running.remove((content, future))
            error = future.exception()
            told: dict[str, Any] = {"at_frame": 0, "beat": 0.0, "bar": 0}
            event: p.Event
            if error is None:
                seconds = future.result()
                event = p.ReadyEvent(
                    **told, cue=content.cue, director=content.director, seconds=seconds
                )
            else:
                message = f"cue {content.cue!r} cannot be prepared: {error}"
                event = p.WarningEvent(**told, code="prepare", message=message)
            event.sequence, event.ts_ns = next(self._numbers), time.monotonic_ns()
            events.append(event)
        return events

    def close(self) -> None:
        """End, once what is being made is made."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _load(place: str | Path, director: str) -> float:
    """Open a session that nobody hears, which makes all that is kept; how long it took."""
    began = time.monotonic()
    Session.open(find_cue(place), director=director, output="null").discard()
    return time.monotonic() - began
