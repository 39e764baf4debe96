"""Gains of the layers: what the listener's side, the parameters, the bar and a stinger ask for."""

from dataclasses import dataclass

from ...music.cue import Cue
from ...music.direction import Direction
from ...music.parameters import Parameters, Ramp
from ...music.world import Bar
from .sound import Sound

SMOOTH_SECONDS = 0.05
SMALLEST_STEP = 0.002  # of gain; smaller changes wait
DUCK_SECONDS, RECOVER_SECONDS = 0.05, 0.4
SHAPE_AHEAD_SECONDS = 0.06  # a bar's colour is there before its first note
SHAPES = {
    "brightness": ("dynamics", 0.25, 0.75),
    "attack": ("articulation", 0.85, 0.15),
    "density": ("harmony", 0.2, 0.8),
}
"""Which knob of the direction moves which control of all layers, at 0 and at 1."""


@dataclass(frozen=True)
class _Duck:
    """The layers step back to `gain` between two frames."""

    gain: float
    start_frame: int
    end_frame: int


@dataclass(frozen=True)
class _FadeIn:
    """All layers rise from nothing between two frames, silent from `dark_frame` on."""

    dark_frame: int
    start_frame: int
    end_frame: int

    def gain(self, frame: int) -> float:
        if not self.dark_frame <= frame < self.end_frame:
            return 1.0
        return max(frame - self.start_frame, 0) / (self.end_frame - self.start_frame)


class Mix:
    """Sends each layer's gain to the sound whenever it has changed."""

    def __init__(self, cue: Cue, parameters: Parameters, sound: Sound) -> None:
        self._cue, self._parameters, self._sound = cue, parameters, sound
        self._levels = {layer.name: Ramp(1.0, 1.0) for layer in cue.layers}
        self._sent = dict.fromkeys(self._levels, 1.0)
        self._ducks: list[_Duck] = []
        self._fades: list[_FadeIn] = []
        self._ducked = False
        self._bpm = 0.0
        self._shaped: dict[str, float] = {}  # controls of all layers, 0.5 where not listed

    def level(
        self,
        layer: str,
        value: float,
        at_seconds: float,
        ramp_seconds: float,
        curve: str = "linear",
    ) -> None:
        """Move a layer's gain (0..1)."""
        self._levels[layer].move(value, at_seconds, ramp_seconds, curve)

    def fade_out(self, at_seconds: float, ramp_seconds: float) -> None:
        """Move the gains of all layers to nothing; not the master's, which a MIDI device keeps."""
        for ramp in self._levels.values():
            ramp.move(0.0, at_seconds, ramp_seconds)

    def levels(self, at_seconds: float) -> dict[str, float]:
        """Gain of each layer as set by `level`."""
        return {name: ramp.value(at_seconds) for name, ramp in self._levels.items()}

    def targets(self) -> dict[str, float]:
        """Where the gains are going."""
        return {name: ramp.target for name, ramp in self._levels.items()}

    def control(self, name: str, value: float, ramp_seconds: float) -> None:
        """Move a control of the mixer that nothing else moves."""
        self._sound.control(name, value, ramp_seconds)

    def duck(self, duck_db: float, start_frame: int, end_frame: int) -> None:
        """Let all layers step back by some dB between two frames."""
        self._ducks.append(_Duck(10 ** (-abs(duck_db) / 20), start_frame, end_frame))

    def fade_in(self, start_frame: int, end_frame: int) -> None:
        """Let all layers rise from nothing between two frames."""
        dark = start_frame - round(SMOOTH_SECONDS * self._sound.sample_rate)
        self._fades.append(_FadeIn(dark, start_frame, end_frame))

    def next_frame(self, frame: int) -> int | None:
        """The next frame after `frame` at which a duck begins or ends."""
        edges = [edge for duck in self._ducks for edge in (duck.start_frame, duck.end_frame)]
        edges += [edge for f in self._fades for edge in (f.dark_frame, f.start_frame, f.end_frame)]
        return min((edge for edge in edges if edge > frame), default=None)

    def update(self, frame: int, direction: Direction, *, at_once: bool = False) -> None:
        """Send what has changed by `frame`; `at_once` without the usual smoothing."""
        self._ducks = [duck for duck in self._ducks if duck.end_frame > frame]
        active = [duck.gain for duck in self._ducks if duck.start_frame <= frame]
        self._fades = [fade for fade in self._fades if fade.end_frame > frame]
        ducked = min([*active, *(fade.gain(frame) for fade in self._fades)], default=1.0)
        ramp = DUCK_SECONDS if active else RECOVER_SECONDS if self._ducked else SMOOTH_SECONDS
        self._ducked = bool(active)
        seconds = frame / self._sound.sample_rate
        for name, level in self._levels.items():
            gain = ducked * level.value(seconds) * self._parameters.level(name, seconds)
            gain *= direction.levels.get(name, 1.0)
            if abs(gain - self._sent[name]) > SMALLEST_STEP or (gain == 0.0) != (
                self._sent[name] == 0.0
            ):
                self._sound.control(f"layer.{name}.gain", gain, 0.0 if at_once else ramp)
                self._sent[name] = gain

    def shape(self, bar: Bar) -> None:
        """Let a bar's direction colour the notes that begin from now on, and the echo follow it."""
        for control, (knob, low, high) in SHAPES.items():
            value = low + (high - low) * float(getattr(bar.direction, knob))
            if abs(value - self._shaped.get(control, 0.5)) > SMALLEST_STEP:
                self._shaped[control] = value
                for name in self._levels:
                    self._sound.control(f"layer.{name}.{control}", value, 0.0)
        if bar.bpm != self._bpm:
            self._bpm = bar.bpm
            self._sound.control("master.tempo", bar.bpm, 0.0)
