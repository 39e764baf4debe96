"""The voice of sampled instruments: how it reads recordings.

A head is read once from the very frame of the note. The frame after its last, a loop goes on at the
very place in the wave where the head ended, so that there is neither gap nor fade between them.
Recordings are read by a cubic through four samples, as they are far from their own pitch at times.
"""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from .instrument import NEUTRAL, Sound, Strand, Touch, panned
from .material import whole_turns
from .pyo_host import Samples
from .samples import Region, SampleSet, Zone
from .tape import Floats, Reading, Tape

QUICKEST_ATTACK_SECONDS = 1e-5  # heads begin smoothly themselves
SOFT_ATTACK_SECONDS = 0.12  # where a layer's attack control is 0
SHORTEST_RELEASE_SECONDS = 0.012
HEAD_ATTACK_SECONDS = 0.002  # slower attacks are drawn as straight lines
RELEASE_SHARE = 0.45  # of a release to -100 dB: where a fourth power has to end to sound alike
SHAPE_FRAMES = 4096


def envelope_shape(zone: Zone) -> Samples:
    """Attack, hold and decay of a zone, less its sustained level [shape=(SHAPE_FRAMES,)]."""
    time = np.linspace(0.0, shape_seconds(zone), SHAPE_FRAMES)
    held = zone.attack_seconds + zone.hold_seconds
    floor = max(zone.sustain, 1e-5)
    fall = floor ** np.clip((time - held) / max(zone.decay_seconds, 1e-6), 0.0, 1.0)
    shape = np.where(time < held, 1.0, fall)
    if zone.attack_seconds > HEAD_ATTACK_SECONDS:
        shape *= np.minimum(time / zone.attack_seconds, 1.0)
    shape -= zone.sustain
    shape[-1] = 0.0
    return np.asarray(shape, np.float32)


def shape_seconds(zone: Zone) -> float:
    """How long attack, hold and decay of a zone last."""
    return max(zone.attack_seconds + zone.hold_seconds + zone.decay_seconds, 0.001)


def _shaped(zone: Zone) -> bool:
    """Whether a zone's level moves by itself while it is held."""
    return zone.sustain < 1.0 or zone.attack_seconds > HEAD_ATTACK_SECONDS


class SamplePatch:
    """Plays as many regions of a set as sound at once."""

    def __init__(self, samples: SampleSet, tape: Tape) -> None:
        self._samples, self._tape = samples, tape

    def sound(self, touch: Touch) -> Sound:
        pitch, velocity = touch.pitch, min(max(round(127 * touch.loudness), 1), 127)
        key = min(max(round(pitch), 0), 127)
        turn = self._tape.turn(f"{self._samples.name} {key}")
        regions = self._samples.choose(pitch, velocity, turn)
        zones = [region.zone for region in regions]
        lasts = [lasting(region, pitch, self._tape.sample_rate) for region in regions]
        release = RELEASE_SHARE * max(zone.release_seconds for zone in zones)
        soft = max(1.0 - touch.attack / NEUTRAL, 0.0)
        return Sound(
            [strand for region in regions for strand in self._strands(region, pitch)],
            attack=max(soft * SOFT_ATTACK_SECONDS, QUICKEST_ATTACK_SECONDS),
            release=max(release, SHORTEST_RELEASE_SECONDS),
            shortest_seconds=0.005,
            ring_seconds=None if math.inf in lasts else max(lasts),
            one_shot=all(zone.one_shot for zone in zones),
        )

    def _strands(self, region: Region, pitch: float) -> list[Strand]:
        gain = 10.0 ** (region.zone.gain_db / 20.0)
        levels = panned(gain, region.zone.pan) if self._samples.stereo else (gain, gain)
        sides = range(region.head.shape[1])
        takes = [
            self._tape.take(
                (id(region), pitch, side),
                partial(read_region, region, pitch, side, self._tape),
            )
            for side in sides
        ]
        if len(takes) == 1:
            return [Strand(takes[0], levels[0], levels[1], 4)]
        return [Strand(takes[0], levels[0], 0.0, 4), Strand(takes[1], 0.0, levels[1], 4)]


def lasting(region: Region, pitch: float, sample_rate: int) -> float:
    """Seconds that a region sounds at a pitch, infinity for as long as it is held."""
    whole = math.inf
    if region.loop is None:
        whole = len(region.head) / region.zone.ratio(pitch) / sample_rate
    return whole if region.zone.sustain > 0.0 else min(whole, shape_seconds(region.zone))


def read_region(region: Region, pitch: float, side: int, tape: Tape) -> Reading:
    """One side of a region at a pitch, with the envelope of its zone."""
    ratio, head = region.zone.ratio(pitch), region.head[:, side]
    tail = np.zeros(3, np.float32)
    if region.loop is not None:  # what a cubic meets behind the head
        tail = _looped(region, side, region.loop_entry + np.arange(3.0))
    around = np.concatenate([head[:1], head, tail])
    once = math.ceil(len(head) / ratio)
    shaped = _shaped(region.zone)
    still = round(shape_seconds(region.zone) * tape.sample_rate) if shaped else 0
    shape = envelope_shape(region.zone) if shaped else np.zeros(0)
    turns, ring = 0, tape.block_frames
    if region.loop is not None:
        turns, ring = whole_turns(region.loop_frames, ratio, tape.block_frames, 64)

    def read(first: int, count: int) -> Samples:
        frames = np.arange(first, first + count, dtype=np.float64)
        split = min(max(once - first, 0), count)
        wave = np.zeros(len(frames), np.float32)
        wave[:split] = cubic(around, 1.0 + frames[:split] * ratio)
        if region.loop is not None and split < len(frames):
            speed = turns * region.loop_frames / ring
            beyond = once * ratio - len(head) + region.loop_entry
            wave[split:] = _looped(region, side, beyond + (frames[split:] - once) * speed)
        if shaped:
            place = np.minimum(frames / still, 1.0) * (len(shape) - 1)
            level = np.interp(place, np.arange(len(shape)), shape) + region.zone.sustain
            wave *= level.astype(np.float32)
        return wave

    return Reading(read, max(once, still), ring)


def _looped(region: Region, side: int, places: Floats) -> Samples:
    """A region's loop at places in the engine's frames."""
    assert region.loop is not None
    loop = region.loop[:, side]
    place = np.mod(places / region.loop_frames, 1.0) * len(loop)
    index = place.astype(np.intp)
    points = [loop.take(index + offset, mode="wrap") for offset in (-1, 0, 1, 2)]
    return through(points, place - index)


def cubic(table: Samples, places: Floats) -> Samples:
    """A table at places, none within a sample of its ends."""
    index = np.minimum(places.astype(np.intp), len(table) - 3)
    return through([table.take(index + offset) for offset in (-1, 0, 1, 2)], places - index)


def through(points: Sequence[Samples], share: Floats) -> Samples:
    """What lies at a share of the way from the second of four points to the third.

    The cubic of Catmull and Rom (1974): it leaves a point in the direction of its neighbours.
    """
    before, low, high, after = points
    x = share.astype(np.float32)
    slope = high - before
    bend = 2.0 * before - 5.0 * low + 4.0 * high - after
    twist = 3.0 * (low - high) + after - before
    return np.asarray(low + 0.5 * x * (slope + x * (bend + x * twist)), np.float32)
