"""Departures: sections that were asked for, and when they can begin."""

from dataclasses import dataclass

from ...music.cue import PHRASE_BARS, Transition
from ...music.world import World
from .timeline import Place

AT_ONCE = ("now", "beat", "bar")


@dataclass
class Departure:
    """A section that was asked for and has not begun."""

    command: str
    section: str
    bar: int  # index of the first bar at which it may begin, then of the one promised
    scheduled_frame: int
    place: Place | None = None  # that is waited for
    lead: bool | None = None  # whether a filler bar leads into it; None: as the cue says
    entry: str = "start"  # or same: at the bar at which the old section is left
    fade_beats: float = 0.0  # the layers fade in over so many
    told: bool = False  # the performer knows
    told_bar: int = 0  # index of the bar that was decided next
    expires_frame: int | None = None  # it must have begun by then


def at_once(at: str) -> bool:
    """Whether a departure asked for at `at` may begin with the next bar."""
    return at in AT_ONCE or at.startswith("grid:")


def has_filler(rule: Transition, lead: bool | None) -> bool:
    """Whether a filler bar leads along a way, if `lead` is asked for."""
    return rule.fill if lead is None else lead


def first_entry(world: World, section: str, lead: bool | None = None) -> int:
    """Index of the first bar that can be of `section`, if it is asked for now.

    :param lead: whether a filler bar leads into it; None: as the cue says
    """
    target = world.check_go(section)
    here = world.cue.sections[world.cue.section_index(world.section)]
    rule = world.cue.transition(here.name, section)
    if rule is None or world.cue.sections[target] is here:
        return world.bar_index
    number = int(world.worlds.number[0])
    to_end = here.bars - number
    if rule.at in AT_ONCE:
        ahead = 1 if has_filler(rule, lead) else 0
    elif rule.at == "phrase":
        ahead = min(PHRASE_BARS - number % PHRASE_BARS, to_end)
    else:
        ahead = to_end
    return world.bar_index + ahead
