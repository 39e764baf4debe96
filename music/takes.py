"""A cue as it would have been recorded: every section in one take, every layer of it a stem.

The arranger can play a section in any mode, register and activity; a `Take` settles them, as a
recording does. `record` gives the cue of such recordings: layers of the role `stem`, which can only
come and go, with the notes that they hold as tracks of the theme file, so that ears need not listen
to the audio. `synth.takes` makes the audio.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .book import Book
from .cue import Cue, Layer, Section, Transition
from .errors import SegueError, check_range
from .parts import REGISTERS
from .patterns import LEVELS
from .score import Notes, sort_notes

_QUIETEST, _LOUDEST = 0.45, 1.1  # share of the written velocity in the calmest and wildest take
_LEAST_PARTS = 3  # of a section that is recorded
_LEFT_OUT = 0.2  # chance of a layer to be left out of a take
_STRAY = 0.4  # sd by which the activity of a layer strays from its section's intensity, levels


@dataclass(frozen=True)
class Take:
    """How one section was recorded."""

    mode: str  # one of theory.MODES
    register: int  # 0 low .. 2 high
    levels: tuple[int, ...]  # activity of each layer: 1 sparse .. 4 full, 0 not recorded
    velocity_scale: float = 1.0  # share of the written velocity
    articulation: float = 0.5  # 0 staccato .. 1 legato


def cue_parts(cue: Cue) -> dict[str, list[int]]:
    """The parts that a cue is recorded in, with the indices of the layers of each.

    A part is what layers of one role play together, the tracks of the theme with the melody; one of
    a single layer has the name of its instrument, the others that of the role.
    """
    roles: dict[str, list[int]] = {}
    for index, layer in enumerate(cue.layers):
        if layer.role != "stem":
            role = "melody" if layer.role == "track" else layer.role
            roles.setdefault(role, []).append(index)
    named = {
        role: cue.layers[of[0]].instrument if len(of) == 1 else role for role, of in roles.items()
    }
    if len(set(named.values())) < len(named):
        named = {role: role for role in roles}
    return {named[role]: of for role, of in roles.items()}


def draw_takes(cue: Cue, rng: np.random.Generator, *, in_order: bool = False) -> tuple[Take, ...]:
    """A take for each section of a cue, spread from calm to wild and, apart from that, from dark to
    bright.

    The first two parts are in every take, and at least three; the others are left out here and
    there.

    :param in_order: the first section is the calmest and the last the wildest
    """
    parts, sections = list(cue_parts(cue).values()), len(cue.sections)
    spread = (np.arange(sections) + rng.uniform(0.2, 0.8, sections)) / sections
    intensity, brightness = rng.permutation(spread), rng.permutation(spread)
    intensity = spread if in_order else intensity
    takes = []
    for wild, bright in zip(intensity, brightness, strict=True):
        activity = 1.0 + (LEVELS - 2) * wild + _STRAY * rng.standard_normal(len(cue.layers))
        levels = np.clip(np.rint(activity), 1, LEVELS - 1).astype(int)
        absent = rng.random(len(parts)) < _LEFT_OUT
        absent[:2] = False
        absent[rng.permutation(len(parts))[:_LEAST_PARTS]] = False
        for part in np.flatnonzero(absent):
            levels[parts[part]] = 0
        takes.append(
            Take(
                mode=cue.modes[min(int(bright * len(cue.modes)), len(cue.modes) - 1)],
                register=int(rng.integers(REGISTERS)),
                levels=tuple(levels.tolist()),
                velocity_scale=_QUIETEST + (_LOUDEST - _QUIETEST) * float(wild),
                articulation=float(np.clip(1.0 - wild + rng.uniform(-0.3, 0.3), 0.0, 1.0)),
            )
        )
    return tuple(takes)


def record(
    cue: Cue,
    takes: Sequence[Take],
    bpm: float,
    *,
    transitions: Sequence[Transition] | None = None,
) -> Cue:
    """The cue of stems that these takes leave, `SECTION_PART` each, at one tempo and in one mode.

    Its theme has a track for each part; the stems' files, `SECTION_PART.flac`, are named and not
    made.

    :param takes: one for each section
    :param bpm: tempo of the recordings in quarter notes a minute, 20..400
    :param transitions: ways between the sections; None: those of the cue
    :raises SegueError: there is not one take for each section, of each layer
    """
    check_range("tempo of the recordings", bpm, 20.0, 400.0)
    if len(takes) != len(cue.sections) or any(
        len(take.levels) != len(cue.layers) for take in takes
    ):
        raise SegueError(
            f"cue {cue.name!r} has {len(cue.sections)} sections of {len(cue.layers)} layers; give "
            "one take for each section, with a level for each layer"
        )
    parts, stems, sections, start = cue_parts(cue), [], [], 0
    tracks: dict[str, list[Notes]] = {part: [] for part in parts}
    for section, take in zip(cue.sections, takes, strict=True):
        recorded = recorded_notes(cue, section, take)
        for part, layers in parts.items():
            for layer in layers:
                recorded[layer]["onset_beats"] += start * cue.meter.bar_beats
                tracks[part].append(recorded[layer])
            if any(take.levels[layer] for layer in layers):
                stems.append(_stem(cue, section, part, bpm, kit=cue.layers[layers[0]].is_kit))
        sections.append(replace(section, start_bar=start))
        start += section.bars
    return replace(
        cue,
        tempo_bpm=(bpm, bpm),
        modes=(cue.key.mode,),
        layers=tuple(stems),
        sections=tuple(sections),
        transitions=cue.transitions if transitions is None else tuple(transitions),
        bindings=tuple(b for b in cue.bindings if not b.to.startswith("level.")),
        mix=replace(cue.mix, sidechains=()),
        tracks={part: sort_notes(np.concatenate(held)) for part, held in tracks.items()},
    )


def _stem(cue: Cue, section: Section, part: str, bpm: float, *, kit: bool) -> Layer:
    return Layer(
        f"{section.name}_{part}",
        "stem",
        kit=kit or None,
        track=part,
        reverb=0.0,
        file=f"{section.name}_{part}.flac",
        bpm=bpm,
        beats=section.bars * cue.meter.bar_beats,
        sections=(section.name,),
    )


def recorded_notes(cue: Cue, section: Section, take: Take) -> list[Notes]:
    """The notes of each layer in a take of one section, onsets in beats from its start."""
    book = Book([replace(cue, sections=(section,), modes=(take.mode,))])
    arrangement = book.arrangements[0]
    length = book.shortest[0] + (book.longest[0] - book.shortest[0]) * take.articulation
    recorded = []
    for layer, level in enumerate(take.levels):
        bars = []
        for number in range(section.bars):
            template = arrangement.index[number, 0, take.register, layer, level]
            notes = arrangement.template(int(template)).copy()
            notes["onset_beats"] += number * cue.meter.bar_beats
            bars.append(notes)
        notes = np.concatenate(bars)
        notes["duration_beats"] *= length[layer]
        notes["velocity"] = np.clip(notes["velocity"] * take.velocity_scale, 0.01, 1.0)
        recorded.append(notes)
    return recorded
