"""What only pyo can do to a channel: a low-pass that moves, and stepping back for another.

All inserts of a mixer are one graph of their own. What they read is written to buses, what they say
is heard on outputs of its host, and those that do nothing sleep.
"""

from typing import Any

import numpy as np

from ..music.events import Sidechain
from .controls import FILTER_HZ
from .pyo_host import Samples
from .rack import Rack
from .ramps import Ramp

OPEN_LOG_HZ = float(np.log(FILTER_HZ[1]))
RECOVERED = 0.999  # gain from which on a side chain does nothing


def amplitude(gain_db: float) -> float:
    """Factor of a gain in dB."""
    return float(10.0 ** (gain_db / 20.0))


class Lowpass:
    """A stereo low-pass that is computed only while it is closed; it makes up the rack's group.

    :param left: pyo object that it filters, and so `right`
    :param output: of the host, on which the left side is heard; the right one is on the next
    """

    def __init__(self, rack: Rack, left: object, right: object, output: int) -> None:
        self.cutoff = Ramp(OPEN_LOG_HZ)  # natural logarithm of Hz
        self.group = rack.group
        self._hz = rack.bus()
        self.sides = [
            rack.out(rack.pyo.ButLP(side, self._hz.stream), output + number)
            for number, side in enumerate((left, right))
        ]
        self._outputs = slice(output, output + 2)
        self._closed = (False, False)  # where the next block begins and ends
        self.settled = False  # the next block may stay as it is
        self.group.sleep()

    @property
    def closed(self) -> bool:
        """Whether it changes the next block."""
        return any(self._closed)

    def write(self, frames: int, ceiling: float = OPEN_LOG_HZ) -> None:
        """Write the cutoff of the next block, no higher than `ceiling` (logarithm of Hz)."""
        moving = self.cutoff.moving
        curve = np.minimum(self.cutoff.block(frames) if moving else self.cutoff.value, ceiling)
        before, now = self._closed[1], bool(curve.min() < OPEN_LOG_HZ - 0.01)
        self._closed = before, now
        if self.closed:
            self._hz.samples[:] = np.exp(curve)
        else:
            self.group.sleep()
        self.settled = before == now and not moving

    def filtered(self, dry: Samples, block: Samples) -> Samples:
        """What is heard [shape=(2, frames)] of the next block of sound.

        :param block: what its host has computed [shape=(frames, outputs)]
        """
        wet = block[:, self._outputs].T
        if all(self._closed):
            return wet
        blend = np.linspace(*self._closed, wet.shape[1], dtype=np.float32)
        faded: Samples = dry + blend * (wet - dry)
        return faded


class Duck:
    """The gain of a channel that steps back while another one sounds.

    :param source: low-pass of the other one, which is heard in place of `bus` while it is closed
    :param before: those that the other one steps back for itself
    :param output: of the host, which says the gain
    """

    def __init__(
        self, rack: Rack, chain: Sidechain, source: Lowpass, before: list["Duck"], output: int
    ) -> None:
        pyo = rack.pyo
        self.group = rack.new_group()
        self._source, self._output = source, output
        self._bus = rack.bus()
        self._heard = loud = rack.add(pyo.Sig(self._bus.stream))
        self._filtered = False
        for duck in before:
            loud = rack.times(loud, duck.gain)
        level = rack.add(pyo.Follower2(loud, risetime=0.005, falltime=chain.release_seconds))
        share = rack.add(pyo.Clip(rack.times(level, 12.0), 0.0, 1.0))
        depth = 1.0 - amplitude(-chain.depth_db)
        self.gain: Any = rack.out(pyo.Sig(share, mul=-depth, add=1.0), output)
        self._recovered = True
        self._keep = level, share
        self.group.sleep()

    def listen(self, sound: Samples, awake: bool) -> None:
        """Take in the next block of the other channel [shape=(2, frames)], before its low-pass.

        :param awake: whether one of the two channels sounds
        """
        if awake:
            self.group.wake()
        elif self._recovered:
            self.group.sleep()
        if self.group.awake:
            np.add(sound[0], sound[1], out=self._bus.samples)
            if self._filtered != self._source.group.awake:
                self._filtered = self._source.group.awake
                left, right = self._source.sides if self._filtered else (self._bus.stream, 0.0)
                self._heard.setValue(left)
                self._heard.setAdd(right)

    def curve(self, block: Samples) -> Samples:
        """The gain in the block that its host has computed [shape=(frames,)]."""
        gain: Samples = block[:, self._output]
        self._recovered = bool(gain[-1] > RECOVERED)
        return gain
