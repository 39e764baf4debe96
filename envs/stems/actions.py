"""What an agent can ask of recorded music in a bar: one way out or none, and one change of the mix.

An action is `way * len(CHANGES) + change`. Way 0 stays (or lets a section that was asked for come);
way i goes to the slot i - 1 of the cue. What the cue's author did not allow is masked.
"""

import numpy as np
from numpy.typing import NDArray

from .library import LEVELS, MIX_LEVELS, NOWHERE, PARTS, PRESETS, SLOTS, UNITS, IntArray, Library

BoolArray = NDArray[np.bool_]

CHANGES = (
    "keep",
    *(f"part_{part}_up" for part in range(PARTS)),
    *(f"part_{part}_down" for part in range(PARTS)),
    *PRESETS,
)
WAYS = ("stay", *(f"go_{slot}" for slot in range(SLOTS)))
ACTIONS = tuple(f"{way}, {change}" for way in WAYS for change in CHANGES)
"""The choices of the action space, in order."""

_UP, _DOWN, _PRESET = 1, 1 + PARTS, 1 + 2 * PARTS


def changed_mixes(library: Library, section: IntArray, mix: IntArray) -> IntArray:
    """The mix after each change [shape=(n, len(CHANGES))]; one that cannot be keeps it.

    Parts that the section lacks stay as they are, under the presets too.

    :param section: that the next bar belongs to, over all cues [shape=(n,)]
    """
    present = library.present[section]
    levels = MIX_LEVELS[mix]
    up = mix[:, None] + UNITS * (present & (levels < len(LEVELS) - 1))
    down = mix[:, None] - UNITS * (present & (levels > 0))
    absent = ((levels * ~present) @ UNITS)[:, None]
    return np.concatenate([mix[:, None], up, down, library.presets[section] + absent], axis=1)


def allowed_changes(library: Library, section: IntArray, mix: IntArray) -> BoolArray:
    """Which changes make a difference and leave something sounding [shape=(n, len(CHANGES))]."""
    mixes = changed_mixes(library, section, mix)
    sounding = (MIX_LEVELS[mixes] * library.present[section][:, None]).any(axis=2)
    allowed: BoolArray = (mixes != mix[:, None]) & sounding
    allowed[:, 0] = True
    return allowed


def allowed_ways(
    library: Library, cue: IntArray, section: IntArray, pending: IntArray
) -> BoolArray:
    """Which ways the author allowed from here, and which are not taken already [n, len(WAYS)].

    :param pending: the section that waits for its point of entry [shape=(n,)], `NOWHERE` for none
    """
    target = library.slots[cue]
    there = np.maximum(target, 0)
    rule = library.leave_at[section[:, None], there]
    go = (target != NOWHERE) & (rule >= 0) & (target != pending[:, None])
    return np.concatenate([np.ones((len(cue), 1), bool), go], axis=1)


def masks(
    library: Library, cue: IntArray, section: IntArray, pending: IntArray, mix: IntArray
) -> BoolArray:
    """Which actions are allowed [shape=(n, len(ACTIONS))]."""
    ways = allowed_ways(library, cue, section, pending)
    changes = allowed_changes(library, section, mix)
    return (ways[:, :, None] & changes[:, None]).reshape(len(cue), -1)


def read_actions(
    library: Library, cue: IntArray, section: IntArray, mix: IntArray, actions: IntArray
) -> tuple[IntArray, IntArray]:
    """The sections asked for, `NOWHERE` for none, and the mixes [each shape=(n,)] of actions."""
    way, change = np.divmod(actions, len(CHANGES))
    go = np.where(way > 0, library.slots[cue, np.maximum(way - 1, 0)], NOWHERE)
    mixes = changed_mixes(library, section, mix)
    return go, np.take_along_axis(mixes, change[:, None], axis=1)[:, 0]


def sounding(library: Library, section: IntArray, mix: IntArray) -> IntArray:
    """The mix [shape=(n,)], or the quiet preset where nothing of it sounds in a section [n]."""
    silent = ~(MIX_LEVELS[mix] * library.present[section]).any(axis=1)
    return np.where(silent, mix + library.presets[section, 0], mix)
