"""What all channels share: the room and the echo, as one graph."""

import math
from typing import Any

from ..music.events import MixSettings
from .rack import Rack

ROOM_LOW_CUT_HZ = 170.0
EARLY_SECONDS = ((0.011, 0.019, 0.031), (0.013, 0.023, 0.029))  # first reflections, left and right
PREDELAY_SECONDS = (0.021, 0.027)
LOOP_SECONDS = 0.0684  # mean delay of the room's eight lines
LONGEST_ECHO_SECONDS = 4.0
SILENT_DB = -100.0  # at which the echo has died away


class Room:
    """Two sides of a room, each with a send to be written."""

    def __init__(self, rack: Rack, mix: MixSettings, denormal_noise: bool) -> None:
        rack.new_group()
        self._buses = [rack.bus() for _ in range(2)]
        self.sends = [bus.samples for bus in self._buses]  # left and right of the next block
        inputs = [bus.stream for bus in self._buses]
        if denormal_noise:
            noise = rack.noise()
            noise.setMul(1e-9)
            inputs = [rack.sum(side, noise) for side in inputs]
        self._keep: list[Any] = []  # pyo objects that nothing else refers to
        self.sides = [self._side(rack, mix, send, side) for side, send in enumerate(inputs)]

    def _side(self, rack: Rack, mix: MixSettings, send: Any, side: int) -> Any:
        """First reflections, then eight wandering delay lines."""
        pyo = rack.pyo
        thin = rack.add(pyo.ButHP(send, ROOM_LOW_CUT_HZ))
        early = [
            rack.add(pyo.SDelay(thin, seconds, maxdelay=0.05, mul=0.25 / (1 + number)))
            for number, seconds in enumerate(EARLY_SECONDS[side])
        ]
        later = rack.add(pyo.SDelay(thin, PREDELAY_SECONDS[side], maxdelay=0.05))
        feedback = 10.0 ** (-3.0 * LOOP_SECONDS / mix.reverb_seconds)
        room = rack.add(
            pyo.WGVerb(later, feedback=feedback, cutoff=mix.reverb_hz, bal=1.0, mul=0.9)
        )
        self._keep += [thin, room]
        return rack.sum(room, *early)


class Echo:
    """Two echoes in tempo, the right one half as far again; computed only while they sound."""

    def __init__(self, rack: Rack, mix: MixSettings) -> None:
        self._mix, self._sample_rate = mix, rack.sample_rate
        self.group = rack.new_group()
        self._bus = rack.bus()
        self.send = self._bus.samples  # the next block
        self._dark = rack.add(rack.pyo.ButLP(self._bus.stream, 4500.0))
        self.sides = [
            rack.add(
                rack.pyo.SmoothDelay(
                    self._dark, 0.5, feedback=mix.echo_feedback, maxdelay=LONGEST_ECHO_SECONDS
                )
            )
            for _ in range(2)
        ]
        self._tail_frames = self._frames_left = 0  # until it is silent
        self.tempo(120.0)
        self.group.sleep()

    def tempo(self, bpm: float) -> None:
        """Follow a tempo in quarter notes a minute."""
        shortest = self._mix.echo_beats * 60.0 / bpm
        seconds = [min(shortest * factor, LONGEST_ECHO_SECONDS - 0.1) for factor in (1.0, 1.5)]
        for delay, length in zip(self.sides, seconds, strict=True):
            delay.setDelay(max(length, 0.01))
        rounds = 1.0
        if self._mix.echo_feedback:
            rounds += SILENT_DB / (20.0 * math.log10(self._mix.echo_feedback))
        tail = max(rounds * seconds[1], LONGEST_ECHO_SECONDS)  # all that lies in the delay lines
        self._tail_frames = self._frames_left = round(tail * self._sample_rate)

    def go_on(self, frames: int, sounding: bool) -> None:
        """Wake if the next block sounds; sleep once its last echo has."""
        if sounding:
            self._frames_left = self._tail_frames
            self.group.wake()
        elif self.group.awake:
            self._frames_left -= frames
            if self._frames_left <= 0:
                self.group.sleep()
