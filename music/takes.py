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


def draw_takes(cue: Cue, rng: np.random.Generator) -> tuple[Take, ...]:
    """A take for each section of a cue, spread from calm to wild and, apart from that, from dark to
    bright.

    The first two layers are in every take; the others are left out here and there.
    """
    sections, layers = len(cue.sections), len(cue.layers)
    spread = (np.arange(sections) + rng.uniform(0.2, 0.8, sections)) / sections
    intensity, brightness = rng.permutation(spread), rng.permutation(spread)
    takes = []
    for wild, bright in zip(intensity, brightness, strict=True):
        activity = 1.0 + (LEVELS - 2) * wild + _STRAY * rng.standard_normal(layers)
        levels = np.clip(np.rint(activity), 1, LEVELS - 1).astype(int)
        absent = rng.random(layers) < _LEFT_OUT
        absent[:2] = False
        absent[rng.permutation(layers)[:_LEAST_PARTS]] = False
        takes.append(
            Take(
                mode=cue.modes[min(int(bright * len(cue.modes)), len(cue.modes) - 1)],
                register=int(rng.integers(REGISTERS)),
                levels=tuple(int(level) for level in np.where(absent, 0, levels)),
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
    suffix: str = ".flac",
) -> Cue:
    """The cue of stems that these takes leave, `SECTION_LAYER` each, at one tempo and in one mode.

    Its theme has a track for each layer of the cue; the stems' files are named and not made.

    :param takes: one for each section
    :param bpm: tempo of the recordings in quarter notes a minute, 20..400
    :param transitions: ways between the sections; None: those of the cue
    :param suffix: of the stems' files
    :raises SegueError: there is not one take for each section, of each layer
    """
    check_range("tempo of the recordings", bpm, 20.0, 400.0)
    layers = cue.layers
    if len(takes) != len(cue.sections) or any(len(take.levels) != len(layers) for take in takes):
        raise SegueError(
            f"cue {cue.name!r} has {len(cue.sections)} sections of {len(layers)} layers; give one "
            "take for each section, with a level for each layer"
        )
    tracks = _track_names(cue)
    stems: list[Layer] = []
    sections: list[Section] = []
    notes: list[list[Notes]] = [[] for _ in layers]
    start = 0
    for section, take in zip(cue.sections, takes, strict=True):
        for number, layer in enumerate(layers):
            if take.levels[number]:
                stems.append(
                    Layer(
                        f"{section.name}_{layer.name}",
                        "stem",
                        kit=True if layer.is_kit else None,
                        track=tracks[number],
                        reverb=0.0,
                        file=f"{section.name}_{layer.name}{suffix}",
                        bpm=bpm,
                        beats=section.bars * cue.meter.bar_beats,
                        sections=(section.name,),
                    )
                )
        for held, part in zip(notes, _record_section(cue, section, take), strict=True):
            part["onset_beats"] += start * cue.meter.bar_beats
            held.append(part)
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
        tracks={
            track: sort_notes(np.concatenate(held))
            for track, held in zip(tracks, notes, strict=True)
        },
    )


def _record_section(cue: Cue, section: Section, take: Take) -> list[Notes]:
    """The notes of each layer in one section, onsets in beats from its start."""
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


def _track_names(cue: Cue) -> list[str]:
    """A track for each layer, called by its instrument where no other layer has that one."""
    instruments = [layer.instrument for layer in cue.layers]
    names = [layer.name for layer in cue.layers]
    called = [
        instrument if instruments.count(instrument) == 1 else name
        for name, instrument in zip(names, instruments, strict=True)
    ]
    return called if len(set(called)) == len(called) else names
