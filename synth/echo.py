"""The echo that all channels share."""

import math

from ..music.events import MixSettings
from .rack import Rack

LONGEST_ECHO_SECONDS = 4.0
SILENT_DB = -100.0  # at which the echo has died away


class Echo:
    """Two echoes in tempo, the right one half as far again; computed only while they sound.

    They are the first two outputs of the rack's host.
    """

    def __init__(self, rack: Rack, mix: MixSettings) -> None:
        self._mix, self._sample_rate = mix, rack.sample_rate
        self.group = rack.new_group()
        self._bus = rack.bus()
        self.send = self._bus.samples  # the next block
        self._dark = rack.add(rack.pyo.ButLP(self._bus.stream, 4500.0))
        self.sides = [
            rack.out(
                rack.pyo.SmoothDelay(
                    self._dark, 0.5, feedback=mix.echo_feedback, maxdelay=LONGEST_ECHO_SECONDS
                ),
                output,
            )
            for output in range(2)
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
