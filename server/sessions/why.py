"""Why it sounds as it does: a bar's decision, what it was taken on, and what others would do."""

from typing import Any

from ...agents.live import Live
from ...client import protocol as p
from ..performing.performance import Performance, wire_mood
from ..performing.timeline import Slot

AXES = ("valence", "arousal")
SLIGHT = 0.05  # differences of mood and moves of knobs below this are not worth a word
MOST_MOVES = 3  # that are named


def explain_bar(music: Performance, frame: int) -> p.Why:
    """The bar that sounds at a frame, and why."""
    timeline, performer = music.timeline, music.conductor.performer
    number = timeline.number_at(frame)
    slot = timeline.slots[number]
    performed, bar = slot.performed, slot.performed.bar
    past = timeline.slots[number - 1] if number else None
    inputs = dict(zip(performer.OBSERVATION, map(float, performed.observation), strict=True))
    choices = performer.choices(performed)
    gains = music.mix.levels(frame / music.sample_rate)
    layers = zip(music.cue.layers, bar.levels, strict=False)
    return p.Why(
        bar=bar.index,
        section=bar.section,
        director=performed.director,
        reason=_reason(performer, slot, past, choices),
        wanted=wire_mood(performed.wanted),
        heard=wire_mood(performed.heard),
        felt=wire_mood(performed.felt),
        layers={
            layer.name: p.Sounding(activity=level, gain=gains[layer.name])
            for layer, level in layers
        },
        knobs=choices,
        held=sorted(performer.held),
        inputs=inputs,
        alternatives=_alternatives(performer, slot),
    )


def _alternatives(performer: Live, slot: Slot) -> list[p.Alternative]:
    """What other directors would have decided in the same place."""
    if slot.before is None:
        return []
    found: dict[str, Any] = performer.would(slot.before, slot.performed.wanted, performer.OTHERS)
    return [p.Alternative(director=name, knobs=knobs) for name, knobs in found.items()]


def _reason(performer: Live, slot: Slot, past: Slot | None, choices: dict[str, float]) -> str:
    """One sentence from the largest differences: of moods, and of what was moved."""
    if slot.repeats is not None:
        return f"bar {slot.repeats} is played again: a loop goes round"
    before = {} if past is None else performer.choices(past.performed)
    moves = sorted(
        ((value - before.get(name, value), name) for name, value in choices.items()),
        key=lambda move: -abs(move[0]),
    )
    named = [f"{name} {move:+.2f}" for move, name in moves[:MOST_MOVES] if abs(move) >= SLIGHT]
    if past is None:
        done = "the music begins"
    else:
        done = ", ".join(named) or "the knobs stay as they are"
    bar = slot.performed.bar
    if past is not None and bar.section != past.performed.bar.section:
        done = f"section {bar.section!r} begins; {done}"
    return f"{_gap(slot, past)}: {done}"


def _gap(slot: Slot, past: Slot | None) -> str:
    """Where what is wanted and what was felt lie furthest apart."""
    wanted = slot.performed.wanted
    felt = None if past is None else past.performed.felt
    gaps = [
        (getattr(wanted, axis) - (getattr(felt, axis) if felt is not None else 0.0), axis)
        for axis in AXES
    ]
    gap, axis = max(gaps, key=lambda found: abs(found[0]))
    is_felt = getattr(felt, axis) if felt is not None else 0.0
    if abs(gap) < SLIGHT:
        return f"what is wanted is felt ({axis} {getattr(wanted, axis):+.2f})"
    more = "more" if gap > 0 else "less"
    return f"{more} {axis} is wanted ({getattr(wanted, axis):+.2f}) than is felt ({is_felt:+.2f})"
