"""How a session sounds: not at all (but in time), or through an engine in its own process."""

from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ...music.cue import Cue, Layer
from ...music.errors import SegueError, UnknownNameError
from ...music.events import Channel, Events, StemFile
from ...music.files import check_writable
from ...synth.stream import Stream
from .clock import WallClock
from .engine_sound import EngineSound
from .lasting import LastingSound, Relay
from .midi_sound import MidiSound

if TYPE_CHECKING:
    from ...synth.engine_process import EngineProcess


SAMPLE_RATE = 48_000
BLOCK_FRAMES = 512
"""Of live sessions, unless the device has its own: a control is heard within 10.7 ms."""
GAIN_DB = 6.5
"""Brings a performance of the shipped cues near `LOUDNESS_LUFS`, to spare the leveller work."""
LOUDNESS_LUFS = -16.0  # of a session whose cue names no other
STINGER_GAIN_DB = -3.0  # they sound over a mix that has stepped back

DEVICES = ("auto", "jack", "portaudio")
OUTPUTS = ("none", "null", "stream", "file:PATH.wav", "midi", "midi:PORT", *DEVICES)
CLOCKS = ("manual", "realtime", "replay")


class Sound(Protocol):
    """What a session needs of an engine."""

    sample_rate: int

    @property
    def frame(self) -> int:
        """The next frame to sound."""

    def schedule(self, events: Events) -> None:
        """Play notes at their frames."""

    def cancel(self, from_frame: int) -> None:
        """Forget notes that begin at or after a frame."""

    def control(self, name: str, value: float, ramp_seconds: float) -> None:
        """Move a control of the mixer; see `synth.controls`."""

    def pause(self) -> None:
        """Fade out and let the time stand (real time)."""

    def resume(self) -> None:
        """Let time go on, and fade in."""

    def release_all(self) -> None:
        """Let every sounding note end."""

    def settle(self) -> None:
        """Return when all that was to sound up to now has been rendered; raise what went wrong."""

    def advance_to(self, frame: int) -> None:
        """Sound up to a frame (manual clock)."""

    def take_notices(self) -> list[str]:
        """What has happened to the sound since the last call, in words."""

    def close(self) -> list[str]:
        """End the sound; the files that it left."""

    def discard(self) -> None:
        """End the sound and leave no file."""


@runtime_checkable
class HasLevels(Protocol):
    """A sound that knows how loud it is."""

    def ask_levels(self) -> "Future[dict[str, Any]]":
        """`synth.meters.Levels` as a map, once the engine has come so far."""


def session_channels(cue: Cue) -> list[Channel]:
    """Mixer channels of a cue: its layers, then one for each instrument of its stingers."""
    layers = [_layer_channel(cue, layer) for layer in cue.layers]
    instruments = sorted({stinger.instrument for stinger in cue.stingers})
    extra = [
        Channel(
            stinger_channel(name),
            name,
            gain_db=cue.gain_db + STINGER_GAIN_DB,
            reverb=0.3,
            group="stingers",
        )
        for name in instruments
    ]
    return layers + extra


def _layer_channel(cue: Cue, layer: Layer) -> Channel:
    stem = None
    if layer.role == "stem":
        stem = StemFile(str(cue.stem_path(layer)), layer.bpm, layer.beats, layer.fade_beats)
    return Channel(
        layer.name,
        cue.instrument(layer.instrument),
        gain_db=layer.gain_db + cue.gain_db,
        pan=layer.pan,
        reverb=layer.reverb,
        delay=layer.delay,
        group=layer.group,
        stem=stem,
        kit=layer.is_kit,
    )


def stinger_channel(instrument: str) -> str:
    """Name of the channel that stingers of an instrument sound on."""
    return f"stinger {instrument}"


class Silence:
    """Time without sound: a clock moved by hand, or the machine's."""

    sample_rate = SAMPLE_RATE

    def __init__(self, *, realtime: bool) -> None:
        self._frame = 0
        self._clock = WallClock(SAMPLE_RATE) if realtime else None

    @property
    def frame(self) -> int:
        return self._frame if self._clock is None else self._clock.frame

    def schedule(self, events: Events) -> None:
        """Nothing to do."""

    def cancel(self, from_frame: int) -> None:
        """Nothing to do."""

    def control(self, name: str, value: float, ramp_seconds: float) -> None:
        """Nothing to do."""

    def pause(self) -> None:
        if self._clock is not None:
            self._clock.pause()

    def resume(self) -> None:
        if self._clock is not None:
            self._clock.resume()

    def release_all(self) -> None:
        """Nothing to do."""

    def settle(self) -> None:
        """Nothing to do."""

    def advance_to(self, frame: int) -> None:
        self._frame = max(self._frame, frame)

    def take_notices(self) -> list[str]:
        return []

    def close(self) -> list[str]:
        return []

    def discard(self) -> None:
        """Nothing to do."""


def open_sound(
    output: str | Stream, cue: Cue, *, seed: int, realtime: bool, voices: int = 0
) -> Sound:
    """The sound that an output asks for.

    :param output: one of `OUTPUTS`, or a stream that takes blocks of audio
    :param voices: the most notes at once on a layer, 0 for what each instrument takes

    Raises UnknownNameError for an output that does not exist, MissingPartError for a device that
    is not there, SegueError for a file that cannot be written or a device on a manual clock.
    """
    if not isinstance(output, str):
        return _stream_sound(output, cue, seed=seed, realtime=realtime, voices=voices)
    kind, _, path = output.partition(":")
    if output == "none":
        return Silence(realtime=realtime)
    if kind == "midi":
        return MidiSound(path, session_channels(cue), realtime=realtime)
    if output == "stream":
        raise SegueError(
            "output 'stream' needs somebody who takes its blocks; open it in a server, or give a "
            "segue.synth.stream.Stream"
        )
    if output not in OUTPUTS and not (kind == "file" and path):
        raise UnknownNameError("output", output, OUTPUTS)
    if kind in DEVICES and not realtime:
        raise SegueError(
            f"output {output!r} keeps its own time; open the session with clock='realtime', or "
            "render to file:PATH.wav"
        )
    sink = "silent" if kind == "null" and realtime else kind
    file = check_writable(path) if kind == "file" else None

    def make() -> EngineSound:
        process = _engine(cue, seed=seed, realtime=realtime, voices=voices, sink=sink, path=file)
        return EngineSound(process, cue, realtime=realtime, file=path)

    return LastingSound(make) if realtime and file is None else make()


def _stream_sound(stream: Stream, cue: Cue, *, seed: int, realtime: bool, voices: int) -> Sound:
    """Blocks to a stream: in real time by themselves, else as the clock is moved."""
    stream = replace(stream, realtime=realtime)

    def make(given: Stream = stream) -> EngineSound:
        process = _engine(
            cue, seed=seed, realtime=realtime, voices=voices, sink="stream", stream=given
        )
        return EngineSound(process, cue, realtime=realtime)

    if not realtime:
        return make()
    relay = Relay(stream.on_block)
    relay.sound = LastingSound(lambda: make(replace(stream, on_block=relay)))
    return relay.sound


def _engine(cue: Cue, *, seed: int, realtime: bool, voices: int, **sink: Any) -> "EngineProcess":
    from ...synth.engine_process import EngineProcess
    from ...synth.render import OFFLINE_BLOCK_FRAMES

    wanted = cue.mix.loudness_lufs
    return EngineProcess(
        session_channels(cue),
        mix=replace(cue.mix, loudness_lufs=LOUDNESS_LUFS if wanted is None else wanted),
        sample_rate=SAMPLE_RATE,
        block_frames=BLOCK_FRAMES if realtime else OFFLINE_BLOCK_FRAMES,
        seed=seed,
        voices_per_channel=voices or None,
        gain_db=GAIN_DB,
        **sink,
    )
