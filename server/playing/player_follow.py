"""A session that follows who plays: the beat that is heard sets the tempo, bars move under it.

A beat follower hears a microphone, a line or a recording and says tempo and place; the session's
own tempo knob is moved from bar to bar so that its beats fall on the player's, within the range of
the cue. A player who rests leaves the tempo where it is.
"""

import logging
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ...analysis.rhythm.beat_follower import BeatFollower, Pulse
from ...analysis.sound.sound_file import read_sound
from ...client.protocol import Direct
from ...music.errors import SegueError
from ...synth.sound_in import HeardBlock, JackIn, RecordingIn, SoundIn
from ..performing.tempo_follow import LOOK_SECONDS, SLIGHT_TEMPO, TempoFollower
from ..sessions.session import Session

log = logging.getLogger(__name__)

STEP_SECONDS = 0.02
LEAST_CONFIDENCE = 0.2  # of a pulse that is followed
FOLDS = (1.0, 2.0, 0.5)  # beats of the music to a beat of the player, the likest first


def open_sound_in(source: str) -> SoundIn:
    """`jack`, or the path of a recording that is heard from now on as if it were played."""
    if source == "jack":
        return JackIn()
    if not Path(source).is_file():
        raise SegueError(f"there is no recording {source}; give a sound file, or jack")
    return RecordingIn(*read_sound(source))


class Ear(Protocol):
    """What hears a pulse; `BeatFollower` is one."""

    pulse: Pulse | None

    def push(self, block: NDArray[np.floating]) -> Any:
        """Take the next samples."""


class HeardClock:
    """Tempo and place of a player, as a `tempo_follow.Clock`.

    Where the player's tempo lies outside `bpm_range`, twice or half of it counts if that fits.
    """

    def __init__(self, ear: Ear, sample_rate: int, bpm_range: tuple[float, float]) -> None:
        self._ear, self._rate, self._range = ear, sample_rate, bpm_range
        self._frames = 0
        self._start_seconds = math.inf  # of the first sample, on the listener's clock

    def take(self, heard: HeardBlock) -> None:
        """Hear a block; the earliest of the times that blocks say of the beginning counts."""
        begun = heard.seconds - self._frames / self._rate
        self._start_seconds = min(self._start_seconds, begun)
        self._frames += len(heard.samples)
        self._ear.push(heard.samples)

    @property
    def running(self) -> bool:
        """Whether a pulse is heard."""
        return self.bpm is not None

    @property
    def bpm(self) -> float | None:
        """The tempo that the music should have; None while no pulse is sure enough."""
        pulse = self._ear.pulse
        if pulse is None or pulse.confidence < LEAST_CONFIDENCE:
            return None
        return pulse.tempo_bpm * self._fold(pulse)

    def beat_at(self, seconds: float) -> float | None:
        """The place at a time, in beats of the music, a downbeat being a multiple of the bar."""
        pulse = self._ear.pulse
        if pulse is None:
            return None
        since = seconds - self._start_seconds - pulse.beat_seconds
        return (pulse.number - 1 + since * pulse.tempo_bpm / 60.0) * self._fold(pulse)

    def _fold(self, pulse: Pulse) -> float:
        slowest, fastest = self._range
        fitting = [f for f in FOLDS if slowest <= pulse.tempo_bpm * f <= fastest]
        return fitting[0] if fitting else 1.0


class PlayerFollower:
    """Lets a player's beat set a session's tempo; stepped by hand, or by itself after `start`.

    :param source: `jack`, the path of a recording, or an open input
    :param ear: what hears the beat; None: a `BeatFollower`
    """

    def __init__(
        self, session: Session, source: str | SoundIn = "jack", *, ear: Ear | None = None
    ) -> None:
        self.session = session
        self._input = open_sound_in(source) if isinstance(source, str) else source
        rate = self._input.sample_rate
        self.clock = HeardClock(ear or BeatFollower(rate), rate, session.cue.tempo_bpm)
        self._tempo = TempoFollower(session.cue, self.clock, grid_beats=1.0)
        self._knob: float | None = None
        self._looked_seconds = -math.inf
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="segue-player", daemon=True)

    def start(self) -> Self:
        """Step by itself from now on, until `close` or the end of the session."""
        self._thread.start()
        return self

    def step(self) -> None:
        """Hear what has come in since the last step, and say how fast the next bar is to be."""
        here = self.session.position()
        for heard in self._input.take(here.seconds):
            self.clock.take(heard)
        if 0.0 <= here.seconds - self._looked_seconds < LOOK_SECONDS:
            return
        self._looked_seconds = here.seconds
        frame, beat = self.session.decided_until()
        ahead = (frame - here.frame) / self.session.sample_rate
        since = here.ts_ns / 1e9 if self._input.live else here.seconds
        knob = self._tempo.knob(since + ahead, beat)
        if knob is None:
            return
        if self._knob is None or abs(knob - self._knob) > SLIGHT_TEMPO:
            self._knob = knob
            self.session.command(Direct(changes={"tempo": knob}))

    def close(self) -> None:
        """End, close the input and give the tempo back to the director. Twice is allowed."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._input.close()
        if self._knob is not None and not self.session.closed:
            self.session.release("tempo")
        self._knob = None

    def _run(self) -> None:
        while not self._stop.wait(STEP_SECONDS) and not self.session.closed:
            _try(self.step)

    def __enter__(self) -> Self:
        return self.start() if self.session.realtime else self

    def __exit__(self, *_: object) -> None:
        self.close()


def _try(act: Callable[[], object]) -> None:
    """Do something; what the session refuses is logged, and the playing goes on."""
    try:
        act()
    except SegueError as error:
        log.warning("following a player: %s", error)
