"""What the mixer's graph is built with: groups of pyo objects that can sleep.

A pyo object that plays costs time even when silent, so the objects of a channel are stopped while
it rests and started again with its next note.
"""

from typing import Any, TypeVar

from .pyo_host import Bus, PyoHost

T = TypeVar("T")


class Sleepers:
    """A group of pyo objects that start and stop together."""

    def __init__(self) -> None:
        self.awake = True
        self._bases: list[Any] = []
        self._outs: list[tuple[Any, int]] = []

    def add(self, thing: Any) -> None:
        """Take in a pyo object and the input fader that pyo puts before some of them."""
        fader = getattr(thing, "_in_fader", None)
        if fader is not None:
            self._bases += fader.getBaseObjects()
        self._bases += thing.getBaseObjects()

    def out(self, thing: Any, output: int) -> None:
        """Let a pyo object of one stream be heard on an output of the host."""
        self._outs += [(base, output) for base in thing.getBaseObjects()]
        thing.out(output)

    def wake(self) -> None:
        """Start computing."""
        if not self.awake:
            self.awake = True
            for base in self._bases:
                base.play()
            for base, output in self._outs:  # `play` has taken them off
                base.out(output)

    def sleep(self) -> None:
        """Stop computing; outputs are zero from here on."""
        if self.awake:
            self.awake = False
            for base in self._bases:
                base.stop()


class Rack:
    """Makes pyo objects and files them under the group being built."""

    def __init__(self, host: PyoHost, sample_rate: int) -> None:
        self.host = host
        self.pyo = host.pyo
        self.sample_rate = sample_rate
        self.group = Sleepers()

    def new_group(self) -> Sleepers:
        """Start a group; every object made from here on belongs to it."""
        self.group = Sleepers()
        return self.group

    def add(self, thing: T) -> T:
        """File a pyo object under the current group and return it."""
        self.group.add(thing)
        return thing

    def out(self, thing: T, output: int) -> T:
        """File a pyo object under the current group, heard on an output, and return it."""
        self.add(thing)
        self.group.out(thing, output)
        return thing

    def bus(self) -> Bus:
        """A block that the host writes, filed under the current group."""
        bus = Bus(self.pyo, self.host.block_frames)
        self.group.add(bus.stream)
        return bus

    def sum(self, first: Any, *others: Any) -> Any:
        """The sum of pyo objects, as one."""
        for other in others:
            first = self.add(self.pyo.Sig(first, add=other))
        return first

    def times(self, thing: Any, factor: Any) -> Any:
        """A pyo object times another or a number."""
        return self.add(self.pyo.Sig(thing, mul=factor))

    def noise(self) -> Any:
        """White noise, by pyo's cheap generator."""
        noise = self.add(self.pyo.Noise())
        noise.setType(1)
        return noise
