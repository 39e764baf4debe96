"""A score for SuperCollider's scsynth: instruments of about the same make as ours, one room.

Definitions follow the General MIDI program of an instrument: detuned saws through a filter on both
sides, a struck string as saws under a closing filter with a knock, Karplus-Strong strings, two
operators of frequency modulation, a blown tone of few partials with breath, filtered noise and
swept sines for drums. The master is a reverb, a filter, a compressor and a limiter on both sides,
as ours is. Sounds were matched by the kind and number of their parts, not by ear.
"""

import struct
from importlib import import_module
from pathlib import Path
from typing import Any

from ..music.events import PROGRAMS
from .synth_piece import SAMPLE_RATE, Piece

REVERB_BUS = 16
TAIL_SECONDS = 1.0

# the last General MIDI program of a group, and the definition that plays it
GROUPS = (
    (7, "struck"),
    (15, "bells"),
    (23, "saws"),
    (31, "plucked"),
    (39, "bass"),
    (44, "saws"),
    (46, "plucked"),
    (47, "drum"),
    (63, "saws"),
    (79, "blown"),
    (127, "saws"),
)


def definition(instrument: str, pitch: float) -> str:
    """The synth definition that plays a note of an instrument."""
    if instrument.startswith("drums"):
        return "drum" if pitch in (35, 36, 41, 43, 45, 47, 48, 50) else "noise"
    return next(name for last, name in GROUPS if PROGRAMS[instrument] <= last)


def write_score(piece: Piece, path: Path) -> None:
    """Write what scsynth plays without real time: length, bundle, length, bundle, ..."""

    score: Any = _supriya().Score()
    definitions = _definitions()
    with score.at(0):
        with score.add_synthdefs(*definitions.values()):
            notes = score.add_group()
            score.add_synth(definitions["master"], add_action=_supriya().AddAction.ADD_TO_TAIL)
    for event in piece.events:
        channel = piece.channels[int(event["channel"])]
        pitch, velocity = float(event["pitch"]), float(event["velocity"])
        at = float(event["at_frame"]) / SAMPLE_RATE
        with score.at(at):
            synth = notes.add_synth(
                definitions[definition(channel.instrument, pitch)],
                frequency=440.0 * 2.0 ** ((pitch - 69.0) / 12.0),
                amplitude=0.1 * velocity**1.6 * 10 ** (channel.gain_db / 20),
                pan=channel.pan,
                send=channel.reverb,
            )
        with score.at(at + float(event["duration_frames"]) / SAMPLE_RATE):
            synth.set(gate=0)
    with score.at(piece.seconds + TAIL_SECONDS):
        score.do_nothing()
    data = b"".join(struct.pack(">i", len(part)) + part for part in score.iterate_datagrams())
    path.write_bytes(data)


def _supriya() -> Any:
    """The package, imported on first use: it is there only with the extra `bench`."""
    return import_module("supriya")


def _definitions() -> dict[str, Any]:
    makers = {
        "saws": _saws,
        "struck": _struck,
        "plucked": _plucked,
        "bells": _bells,
        "bass": _bass,
        "blown": _blown,
        "drum": _drum,
        "noise": _noise,
    }
    built = {name: _voice(name, make) for name, make in makers.items()}
    return built | {"master": _master()}


def _voice(name: str, make: Any) -> Any:
    """A definition whose two sides go to the mix by pan and to the room by send."""
    u = _supriya().ugens
    with _supriya().SynthDefBuilder(
        frequency=440.0, amplitude=0.1, gate=1.0, pan=0.0, send=0.2
    ) as builder:
        left, right = make(builder["frequency"], builder["gate"])
        placed = u.Balance2.ar(
            left=left, right=right, position=builder["pan"], level=builder["amplitude"]
        )
        u.Out.ar(bus=0, source=placed)
        u.Out.ar(bus=REVERB_BUS, source=(placed[0] + placed[1]) * builder["send"])
    return builder.build(name=name)


def _envelope(
    gate: Any,
    attack: float,
    decay: float,
    sustain: float,
    release: float,
    *,
    audio: bool = True,
    ends: bool = False,
) -> Any:
    u = _supriya().ugens
    line = _supriya().Envelope.adsr(
        attack_time=attack, decay_time=decay, sustain=sustain, release_time=release
    )
    done = _supriya().DoneAction.FREE_SYNTH if ends else _supriya().DoneAction.NOTHING
    make = u.EnvGen.ar if audio else u.EnvGen.kr
    return make(envelope=line, gate=gate, done_action=done)


def _saws(frequency: Any, gate: Any) -> tuple[Any, Any]:
    u = _supriya().ugens
    amplitude = _envelope(gate, 0.1, 0.3, 0.85, 0.45, ends=True)
    moving = frequency * (1.0 + 0.0025 * u.SinOsc.kr(frequency=5.1))
    sides = []
    for ratios in ((0.9985, 1.0012), (1.0015, 0.9988)):
        saws = sum(u.Saw.ar(frequency=moving * ratio) for ratio in ratios)
        sides.append(u.LPF.ar(source=saws, frequency=2500.0) * amplitude)
    return sides[0], sides[1]


def _struck(frequency: Any, gate: Any) -> tuple[Any, Any]:
    u = _supriya().ugens
    amplitude = _envelope(gate, 0.002, 4.0, 0.0, 0.35, ends=True)
    cutoff = 500.0 + frequency + 4000.0 * _envelope(gate, 0.001, 1.0, 0.0, 0.3, audio=False)
    knock = _envelope(gate, 0.001, 0.05, 0.0, 0.03, audio=False)
    thud = u.BPF.ar(source=u.WhiteNoise.ar(), frequency=420.0, reciprocal_of_q=1.2) * knock
    sides = [
        u.LPF.ar(source=u.Saw.ar(frequency=frequency * ratio), frequency=cutoff) * amplitude + thud
        for ratio in (1.0003, 0.9997)
    ]
    return sides[0], sides[1]


def _plucked(frequency: Any, gate: Any) -> tuple[Any, Any]:
    u = _supriya().ugens
    amplitude = _envelope(gate, 0.001, 2.5, 0.0, 0.4, audio=False, ends=True)
    sides = [
        u.Pluck.ar(
            source=u.WhiteNoise.ar(),
            trigger=u.Impulse.kr(frequency=0.0),
            maximum_delay_time=0.05,
            delay_time=1.0 / (frequency * ratio),
            decay_time=2.5,
            coefficient=0.4,
        )
        * amplitude
        for ratio in (1.0007, 0.9993)
    ]
    return sides[0], sides[1]


def _bells(frequency: Any, gate: Any) -> tuple[Any, Any]:
    u = _supriya().ugens
    amplitude = _envelope(gate, 0.001, 3.0, 0.0, 1.0, ends=True)
    index = _envelope(gate, 0.001, 1.5, 0.0, 0.5, audio=False)
    sides = []
    for ratio in (1.001, 0.999):
        bend = u.SinOsc.ar(frequency=frequency * 3.5) * frequency * 4.0 * index
        sides.append(u.SinOsc.ar(frequency=frequency * ratio + bend) * amplitude)
    return sides[0], sides[1]


def _bass(frequency: Any, gate: Any) -> tuple[Any, Any]:
    u = _supriya().ugens
    amplitude = _envelope(gate, 0.006, 2.5, 0.45, 0.12, ends=True)
    cutoff = 300.0 + 2000.0 * _envelope(gate, 0.003, 0.35, 0.08, 0.1, audio=False)
    bright = u.Saw.ar(frequency=frequency) + 0.5 * u.Pulse.ar(frequency=frequency)
    low = u.RLPF.ar(source=bright, frequency=cutoff, reciprocal_of_q=1.0)
    both = (low + u.SinOsc.ar(frequency=frequency)) * amplitude
    return both, both


def _blown(frequency: Any, gate: Any) -> tuple[Any, Any]:
    u = _supriya().ugens
    amplitude = _envelope(gate, 0.06, 0.2, 0.88, 0.18, ends=True)
    moving = frequency * (1.0 + 0.0035 * u.SinOsc.kr(frequency=5.0))
    tone = sum(
        level * u.SinOsc.ar(frequency=moving * n) for n, level in ((1, 1.0), (2, 0.32), (3, 0.12))
    )
    breath = u.BPF.ar(source=u.WhiteNoise.ar(), frequency=frequency, reciprocal_of_q=0.5) * 0.2
    both = (tone + breath) * amplitude
    return both, both


def _drum(frequency: Any, gate: Any) -> tuple[Any, Any]:
    u = _supriya().ugens
    amplitude = _one_shot(0.4, ends=True)
    both = 3.0 * u.SinOsc.ar(frequency=50.0 + 120.0 * _one_shot(0.08)) * amplitude
    return both, both


def _noise(frequency: Any, gate: Any) -> tuple[Any, Any]:
    u = _supriya().ugens
    noise = u.WhiteNoise.ar()
    body = u.BPF.ar(source=noise, frequency=1800.0, reciprocal_of_q=1.0)
    both = (body + u.HPF.ar(source=noise, frequency=7000.0)) * _one_shot(0.2, ends=True)
    return both, both


def _one_shot(seconds: float, *, ends: bool = False) -> Any:
    u = _supriya().ugens
    line = _supriya().Envelope.percussive(attack_time=0.001, release_time=seconds)
    done = _supriya().DoneAction.FREE_SYNTH if ends else _supriya().DoneAction.NOTHING
    return u.EnvGen.ar(envelope=line, done_action=done)


def _master() -> Any:
    u = _supriya().ugens
    with _supriya().SynthDefBuilder() as builder:
        dry = u.In.ar(bus=0, channel_count=2)
        room = u.HPF.ar(source=u.In.ar(bus=REVERB_BUS, channel_count=1), frequency=180.0)
        sides = []
        for side, size in ((dry[0], 0.8), (dry[1], 0.82)):
            wet = u.FreeVerb.ar(source=room, mix=1.0, room_size=size, damping=0.4)
            mixed = u.LPF.ar(source=side + wet, frequency=18_000.0)
            pressed = u.CompanderD.ar(source=mixed, threshold=0.125, slope_above=0.6)
            sides.append(u.Limiter.ar(source=pressed, level=0.89, duration=0.001))
        u.ReplaceOut.ar(bus=0, source=sides)
    return builder.build(name="master")
