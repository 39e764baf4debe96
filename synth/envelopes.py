"""Envelopes as takes: drawn once on the tape, then read as sounds are.

An envelope is a straight line raised to a power, which comes near to the exponential of nature: it
rises to 1 in its attack and falls to what is sustained in its decay, and once the gate has closed,
from wherever it stands to zero in its release. Each begins with a block of what comes before it, so
that a note may begin at any frame of a block.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log2

import numpy as np

from .instrument import Sound
from .pyo_host import Samples
from .tape import Reading, Take, Tape

ATTACKS_PER_OCTAVE = 6  # that are told apart, so that few envelopes do for all notes
FADE_SECONDS = 0.015


@dataclass(frozen=True)
class Line:
    """The straight line of a note, in frames."""

    attack: float
    decay: float
    sustain: float
    release: float

    def at(self, frame: float) -> float:
        """Where it stands so many frames after its beginning, while the gate is open."""
        fallen = min(max(frame + 1.0 - self.attack, 0.0) / self.decay, 1.0)
        return max(0.0, min((frame + 1.0) / self.attack, 1.0 - (1.0 - self.sustain) * fallen))


@lru_cache(maxsize=1024)
def _line(attack: float, decay: float, sustain: float, release: float) -> Line:
    steps = round(ATTACKS_PER_OCTAVE * log2(max(attack, 1.0)))
    attack = float(2.0 ** (steps / ATTACKS_PER_OCTAVE))
    return Line(attack, max(1.0, decay), sustain**0.5, max(1.0, release))


def line_of(sound: Sound, sample_rate: int) -> Line:
    """The line of a sound; `Sound.sustain` is of strands of power 2."""
    rate = sample_rate
    return _line(sound.attack * rate, sound.decay * rate, sound.sustain, sound.release * rate)


def held(tape: Tape, line: Line, power: int) -> Take:
    """The envelope of an open gate: a block of silence, then the line, which stands in the ring."""
    key = "held", power and (line.attack, line.decay, line.sustain), power
    return tape.take(key, lambda: _held(tape.block_frames, line, power))


def _held(lead: int, line: Line, power: int) -> Reading:
    def read(first: int, count: int) -> Samples:
        time = np.arange(first, first + count) - (lead - 1.0)
        fallen = np.clip((time - line.attack) / line.decay, 0.0, 1.0)
        curve = np.minimum(time / line.attack, 1.0 - (1.0 - line.sustain) * fallen)
        return np.asarray(np.maximum(curve, 0.0) ** power * (time > 0.0), np.float32)

    still = lead if power == 0 else lead + ceil(line.attack + line.decay)
    return Reading(read, still, lead)


def released(tape: Tape, line: Line, power: int) -> Take:
    """The envelope of a closed gate, from 1: a block at 1, then the fall, then silence."""
    key = "released", power and line.release, power
    return tape.take(key, lambda: _released(tape.block_frames, line.release, power))


def _released(lead: int, release: float, power: int) -> Reading:
    def read(first: int, count: int) -> Samples:
        fall = np.clip(1.0 - (np.arange(first, first + count) - lead) / release, 0.0, 1.0)
        return np.asarray(fall**power, np.float32)

    return Reading(read, lead + ceil(release), lead)


def faded(tape: Tape) -> Take:
    """The quick end of a note that gives way: a block at 1, half a cosine, then silence."""
    lead, size = tape.block_frames, FADE_SECONDS * tape.sample_rate

    def read(first: int, count: int) -> Samples:
        share = np.clip((np.arange(first, first + count) - lead) / size, 0.0, 1.0)
        return np.asarray(0.5 + 0.5 * np.cos(np.pi * share), np.float32)

    return tape.take("faded", lambda: Reading(read, lead + ceil(size), lead))
