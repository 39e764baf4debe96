"""Stopping without a click: notes ring out, what is left fades, then there is silence."""

import threading

import numpy as np

from .engine import Engine
from .pyo_host import Samples

QUIET = 1e-4  # -80 dBFS: below this a tail has ended
QUIET_SECONDS = 0.25
SILENCE_SECONDS = 0.05  # rendered after the fade, so that a device's buffers are empty of sound
FADE_SECONDS = 0.02  # longer than the engine's fade and its look-ahead


class Ending:
    """Ends what an engine plays; `take` is called with each block that it renders after that.

    `done` is set when all is silent.

    :param tail_seconds: how long notes may ring at most; 0 fades at once
    """

    def __init__(self, engine: Engine, tail_seconds: float) -> None:
        self.done = threading.Event()
        self._engine = engine
        self._left = round(tail_seconds * engine.sample_rate)
        self._quiet = 0
        self._fading = False
        engine.cancel()
        engine.release_all()
        if self._left <= 0 or engine.paused:
            self._fade()

    def take(self, block: Samples) -> None:
        """Look at the next block."""
        self._left -= len(block)
        self._quiet = self._quiet + len(block) if np.abs(block).max(initial=0.0) < QUIET else 0
        if self._fading:
            if self._left <= 0:
                self.done.set()
        elif self._left <= 0 or self._quiet >= QUIET_SECONDS * self._engine.sample_rate:
            self._fade()

    def _fade(self) -> None:
        self._engine.pause()
        self._left = round((FADE_SECONDS + SILENCE_SECONDS) * self._engine.sample_rate)
        self._fading = True
