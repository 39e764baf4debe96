"""`segue harmonize --live`: a singer at a JACK input, harmonies at the outputs, the cue behind.

The audio callback is Python, in a process that does nothing else: the voice's parts are computed in
it, and the choir and the band are engines that render in it, block by block.
"""

import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...music.cue import Cue
from ...music.cue_file import load_cue
from ...music.errors import SegueError, UnknownNameError
from ...music.events import Channel, Events
from ...music.transpose import transpose
from ...synth.engine import Engine
from ...synth.jack_client import open_jack_client
from ...synth.master import Limiter
from .harmonize_live import LiveHarmonizer
from .harmonize_mix import Samples, pan
from .harmonize_stems import CHOIR, PANS, SOUNDS, band_engine, band_events
from .harmony_plan import Course

CLIENT_NAME = "segue-harmonize"
LONGEST_SECONDS = 3600.0
ENDED = "the JACK server ended; start it again"


_ENGINE_DB = -8.0  # brings an engine near the level of a voice at -20 LUFS


@dataclass(frozen=True)
class LiveOptions:
    """How a live voice is harmonised; levels in dB."""

    section: str | None = None  # of the cue, where it begins; None: the first
    bpm: float | None = None  # within the cue's range; None: its middle
    transpose: int = 0  # semitones that the cue is moved by
    style: str = "around"
    parts: int = 2
    sound: str = "both"  # choir, shifted or both
    voice_db: float = 0.0  # of the voice itself in the output
    parts_db: float = -5.0
    band: bool = True
    band_db: float = -5.0
    low_hz: float = 80.0
    wait_seconds: float = 0.0


@dataclass(frozen=True)
class LiveReport:
    """How it went."""

    seconds: float
    xruns: int
    notes: int  # of the choir
    shift_latency_seconds: float
    guess_latency_seconds: float
    note_latency_seconds: float
    busiest_share: float  # longest computation of a block over its length
    mean_share: float


class LiveMix:
    """Everything that sounds with a live voice, block by block: mono in, stereo out.

    :param course: the cue in time; frame 0 is its beginning
    """

    def __init__(
        self, course: Course, options: LiveOptions, *, sample_rate: int, block_frames: int
    ) -> None:
        self.options = options
        self.harmonizer = LiveHarmonizer(
            course,
            sample_rate=sample_rate,
            style=options.style,
            parts=options.parts,
            low_hz=options.low_hz,
            wait_seconds=options.wait_seconds,
        )
        self.choir_notes = 0
        size = min(max(block_frames, 64), 8192)
        self._choir = self._band = None
        if options.sound != "shifted":
            gain_db = options.parts_db + _ENGINE_DB
            self._choir = Engine(
                [Channel("choir", CHOIR, reverb=0.4)],
                sample_rate=sample_rate,
                block_frames=size,
                gain_db=gain_db,
            )
        if options.band:
            gain_db = options.band_db + _ENGINE_DB
            self._band = band_engine(
                course, sample_rate=sample_rate, block_frames=size, gain_db=gain_db
            )
            self._band.schedule(band_events(course, 0.0, sample_rate))
        self._limiter = Limiter(sample_rate)

    def push(self, voice: NDArray[np.floating]) -> Samples:
        """The next block of the voice; as much of the mix [shape=(n, 2)]."""
        frames = len(voice)
        live = self.harmonizer.push(voice)
        clean = np.nan_to_num(np.asarray(voice, np.float64), posinf=0.0, neginf=0.0)
        mix = _gain(self.options.voice_db) * np.repeat(clean, 2).reshape(-1, 2)
        if self.options.sound != "choir":
            level = _gain(self.options.parts_db)
            for part, place in zip(live.parts, PANS, strict=False):
                mix += level * pan(part, place)
        if self._choir is not None:
            self._sing(self._choir, live.events, live.release)
            mix += self._choir.render(frames)
        if self._band is not None:
            mix += self._band.render(frames)
        return np.asarray(self._limiter.process(mix), np.float32)

    def _sing(self, choir: Engine, events: Events, release: bool) -> None:
        if release:
            choir.release_all()
        if len(events):
            self.choir_notes += len(events)
            choir.schedule(events)

    def close(self) -> None:
        """Free the engines."""
        for engine in (self._choir, self._band):
            if engine is not None:
                engine.close()


def _gain(level_db: float) -> float:
    return float(10 ** (level_db / 20))


class JackHarmonizer:
    """A JACK client with the input `voice` and the outputs `left` and `right`.

    Raises MissingPartError where JACK-Client or a JACK server is missing.

    :param course: the cue in time, from when it starts
    :param connect: join the first capture and playback ports of the sound card
    """

    def __init__(self, course: Course, options: LiveOptions, *, connect: bool = True) -> None:
        self._client: Any = open_jack_client(
            CLIENT_NAME, use="live harmonies", instead="harmonise a recording"
        )
        import jack

        self._rate, size = self._client.samplerate, self._client.blocksize
        self._mix = LiveMix(course, options, sample_rate=self._rate, block_frames=size)
        try:
            self._voice = self._client.inports.register("voice")
            self._sides = [self._client.outports.register(name) for name in ("left", "right")]
        except jack.JackError as error:  # engines took their time to load
            self._mix.close()
            self._client.close()
            raise SegueError(ENDED) from error
        self._connect = connect
        self._blocks = self._xruns = 0
        self._share = self._busiest = 0.0
        self.failure: BaseException | None = None
        self._ended = threading.Event()
        self._client.set_process_callback(self._process)
        self._client.set_xrun_callback(self._count_xrun)
        self._client.set_shutdown_callback(lambda status, reason: self._ended.set())

    def start(self) -> None:
        """Begin to sing."""
        gc.collect()
        gc.freeze()  # what is there stays: collections get short
        self._client.activate()
        if not self._connect:
            return
        captures = self._client.get_ports(is_audio=True, is_output=True, is_physical=True)
        playbacks = self._client.get_ports(is_audio=True, is_input=True, is_physical=True)
        if captures:
            self._client.connect(captures[0], self._voice)
        for side, playback in zip(self._sides, playbacks, strict=False):
            self._client.connect(side, playback)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the server ends or something fails, at most so long; whether it has."""
        return self._ended.wait(seconds)

    def report(self) -> LiveReport:
        """How it went so far."""
        live = self._mix.harmonizer
        return LiveReport(
            seconds=live.frame / self._rate,
            xruns=self._xruns,
            notes=self._mix.choir_notes,
            shift_latency_seconds=live.shift_latency_seconds,
            guess_latency_seconds=live.guess_latency_seconds,
            note_latency_seconds=live.note_latency_seconds,
            busiest_share=self._busiest,
            mean_share=self._share / max(self._blocks, 1),
        )

    def close(self) -> None:
        """Leave the graph."""
        self._client.deactivate()
        self._client.close()
        self._mix.close()
        gc.unfreeze()

    def _process(self, frames: int) -> None:
        start = self._client.frames_since_cycle_start
        try:
            mix = self._mix.push(self._voice.get_array())
        except BaseException as error:
            self.failure = self.failure or error
            mix = np.zeros((frames, 2), np.float32)
            self._ended.set()
        for side, column in zip(self._sides, mix.T, strict=True):
            side.get_array()[:] = column
        share = (self._client.frames_since_cycle_start - start) / frames
        self._blocks += 1
        self._share += share
        self._busiest = max(self._busiest, share)

    def _count_xrun(self, delayed_usecs: float) -> None:
        self._xruns += 1


def harmonize_live(
    cue: str | Path | Cue,
    options: LiveOptions | None = None,
    *,
    seconds: float | None = None,
    ready: Callable[[], object] = lambda: None,
) -> LiveReport:
    """Harmonise what is sung into JACK until Ctrl-C, the server's end or some seconds.

    The cue begins at once and plays for an hour at most. Raises as `Course` and `JackHarmonizer`,
    UnknownNameError for a sound that does not exist, SegueError when the server ends.

    :param ready: called when the voice is heard
    """
    options = options or LiveOptions()
    if options.sound not in SOUNDS:
        raise UnknownNameError("sound of the parts", options.sound, SOUNDS)
    loaded = cue if isinstance(cue, Cue) else load_cue(cue)
    course = Course(
        transpose(loaded, options.transpose),
        min(seconds or LONGEST_SECONDS, LONGEST_SECONDS),
        section=options.section,
        bpm=options.bpm,
    )
    harmonizer = JackHarmonizer(course, options)
    try:
        harmonizer.start()
        try:
            ready()
            ended = harmonizer.wait(seconds)
        except KeyboardInterrupt:
            ended = False
        if harmonizer.failure is not None:
            raise SegueError(
                f"the live voice stopped: {harmonizer.failure}; start again"
            ) from harmonizer.failure
        if ended:
            raise SegueError(ENDED)
        return harmonizer.report()
    finally:
        harmonizer.close()
