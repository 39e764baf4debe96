"""Patches of endless loops: one player whose colour follows his breath or bow, and sections.

How loud a wind or bowed instrument is played changes its spectrum more than its level, so loudness
is a mixture of a dark and a bright colour here. One envelope drives both: the bright colour goes
with a higher power of it, so that it comes later than the dark one and is gone sooner, as it does
where a tone is blown. The sides are a loop of their own that is added left and taken away right:
nothing is lost in mono, and the width is known.
"""

from itertools import count
from typing import Any

import numpy as np

from .instrument import BasePatch, Touch
from .players import swaying
from .pyo_host import Samples
from .rack import Rack
from .recipes import Recipe

GOLDEN = 0.618  # of a loop from one note's beginning to the next's
VIBRATO_SECONDS = 6.0  # after which its irregularities come again
NOISE_PITCH = 60  # the one zone of what is read at an onset


class Reader:
    """Reads one layer of endless material, at a speed and from a place shared with others."""

    def __init__(self, rack: Rack, recipe: Recipe, speed: Any, mul: Any) -> None:
        self.material = rack.material(recipe)
        self.stream = rack.add(rack.pyo.Osc(self.material.any, speed, mul=mul, interp=2))
        self._base = self.stream.getBaseObjects()[0]

    def tune(self, pitch: float, layer: int, place: float = 0.0) -> None:
        """Pick table and beginning (0..1 of the loop) for a note, while the voice rests."""
        share = (layer + 0.5) / self.material.layers
        self._base.setTable(self.material.table(pitch, share, 0))
        self._base.setPhase(place)
        self._base.reset()


class Places:
    """Where in the loops the next note of an instrument begins, so that no two are alike.

    :param roam: share of the loop that notes begin in
    """

    def __init__(self, rack: Rack, recipe: Recipe, roam: float) -> None:
        self._notes: count[int] = rack.once(("notes", recipe), count)
        self._roam = roam

    def next(self) -> float:
        """A place 0..1."""
        return self._roam * ((next(self._notes) * GOLDEN) % 1.0)


class TwoColours(BasePatch):
    """Loops of a dark (layer 0) and a bright colour (layer 1), and of the sides (layer 2).

    Vibrato grows while the envelope settles from its peak to what it sustains; `vibrato_cents` 0
    leaves it out, `throb` is how much the bright colour goes with it. `width` is the level of the
    sides against the middle, 0 leaves them out.
    """

    recipe: Recipe
    onset: Recipe | None = None  # noise of the first moment, read once
    onset_level = 1.0
    attack, settle, sustain = 0.06, 0.6, 0.8
    attack_seconds, release_seconds = 0.05, 0.2
    late = 1  # how often the envelope is squared to be the bright colour's
    vibrato_hz, vibrato_cents, throb = 5.2, 0.0, 0.0
    width = 0.0
    least, most = 0.05, 1.0  # share of the bright colour, played softest and loudest
    roam = 1.0  # share of the loop that notes begin in

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        self._body = rack.envelope(
            gate, self.attack, self.settle, self.sustain, self.release_seconds, power=2
        )
        body = edge = self._body.stream
        for _ in range(self.late):
            edge = rack.times(edge, edge)
        self._dark, self._bright = rack.level(body), rack.level(edge)
        bright = self._bright.stream
        if self.vibrato_cents:
            freq, throbbing = self._vibrato(rack, freq, edge)
            bright = rack.times(bright, throbbing) if self.throb else bright
        self._speed = rack.level(freq)
        self._places = Places(rack, self.recipe, self.roam)
        self._readers = [
            Reader(rack, self.recipe, self._speed.stream, mul)
            for mul in (self._dark.stream, bright, body)[: 2 + bool(self.width)]
        ]
        middle = rack.sum(self._readers[0].stream, self._readers[1].stream)
        self._shot = None
        if self.onset is not None:
            self._shot = rack.shot(self.onset, rack.strike())
            self._scrape = rack.level(self._shot.stream, add=middle)
            middle = self._scrape.stream
        self.left = self.right = middle
        if self.width:
            aside = self._readers[2].stream
            self.left = rack.level(aside, self.width, middle).stream
            self.right = rack.level(aside, -self.width, middle).stream

    def _vibrato(self, rack: Rack, freq: Any, edge: Any) -> tuple[Any, Any]:
        """The frequency with vibrato, and the factor that the bright colour throbs by."""
        settled = self.sustain ** (2**self.late)
        depth = rack.times(edge, rack.level(edge, -1.0, 1.0).stream)
        wobble = rack.times(vibrato(rack, self.vibrato_hz), depth)
        scale = 1.0 / (settled * (1.0 - settled))
        cents = (2.0 ** (self.vibrato_cents / 1200.0) - 1.0) * scale
        swayed = rack.times(freq, rack.level(wobble, cents, 1.0).stream)
        return swayed, rack.level(wobble, self.throb * scale, 1.0).stream if self.throb else 1.0

    def tune(self, touch: Touch) -> None:
        share = self.least + (self.most - self.least) * touch.loudness**1.3
        self._dark.set(1.0 - 0.75 * share)
        self._bright.set(share)
        self._body.set(attack=attack_of(touch, self.attack))
        self._speed.set(self._readers[0].material.cycles_per_hz(touch.pitch))
        place = self._places.next()
        for layer, reader in enumerate(self._readers):
            reader.tune(touch.pitch, layer, place)
        if self._shot is not None:
            self._shot.tune(NOISE_PITCH, touch.loudness)
            self._scrape.set(self.onset_level * 2.0 ** (2.0 * (touch.attack - 0.5)))


class Section(BasePatch):
    """Loops of a whole section: a layer for each loudness in the middle, the last for the sides."""

    recipe: Recipe
    attack, settle, sustain = 0.15, 0.5, 0.85
    attack_seconds, release_seconds = 0.06, 0.6
    width = 0.55
    roam = 0.15  # share of the loop that notes begin in

    def __init__(self, rack: Rack, gate: Any, freq: Any) -> None:
        self._body = rack.envelope(
            gate, self.attack, self.settle, self.sustain, self.release_seconds, power=2
        )
        self._speed = rack.level(freq)
        self._places = Places(rack, self.recipe, self.roam)
        self._readers = [
            Reader(rack, self.recipe, self._speed.stream, self._body.stream) for _ in range(2)
        ]
        middle, aside = (reader.stream for reader in self._readers)
        self.left = rack.level(aside, self.width, middle).stream
        self.right = rack.level(aside, -self.width, middle).stream

    def tune(self, touch: Touch) -> None:
        material = self._readers[0].material
        layers = material.layers - 1
        self._body.set(attack=attack_of(touch, self.attack))
        self._speed.set(material.cycles_per_hz(touch.pitch))
        layer, place = min(int(self.among(touch) * layers), layers - 1), self._places.next()
        self._readers[0].tune(touch.pitch, layer, place)
        self._readers[1].tune(touch.pitch, layers, place)

    def among(self, touch: Touch) -> float:
        """Where among the layers a note is played, 0..1."""
        return touch.loudness


def attack_of(touch: Touch, seconds: float) -> float:
    """How long a note takes to its peak: soft ones take longer."""
    return touch.slower(seconds) * (1.2 - 0.4 * touch.velocity)


def vibrato(rack: Rack, hz: float) -> Any:
    """A swaying of about -1 to 1 at a rate and depth that are not quite even."""

    def make() -> Any:
        return rack.table(_swing(hz, rack.sample_rate))

    return rack.add(rack.pyo.TableScan(rack.once(("vibrato", hz), make)))


def _swing(hz: float, sample_rate: int) -> Samples:
    frames = round(VIBRATO_SECONDS * sample_rate)
    turns = round(VIBRATO_SECONDS * hz)
    rng = np.random.default_rng(17)
    hurry = 0.08 * swaying(rng, frames, sample_rate, 0.3, 2.0)
    phase = turns * (np.arange(frames) + np.cumsum(hurry - hurry.mean())) / frames
    depth = 1.0 + 0.15 * swaying(rng, frames, sample_rate, 0.3, 2.0)
    swing = depth * np.sin(2.0 * np.pi * phase)
    period = round(sample_rate / hz)
    total = np.cumsum(np.concatenate([[0.0], swing, swing[: period - 1]]))
    drift = np.roll((total[period:] - total[:-period]) / period, period // 2)
    return np.asarray(swing - drift, np.float32)  # as much above the note as below
