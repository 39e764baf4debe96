"""The study of `segue/Timbre-v0`: who turns the knobs, and what is measured of it."""

from collections.abc import Callable
from functools import partial

from ...envs import TIMBRE
from ..study import Player, Study
from .baselines import Climb, Hold, Nearest, NearestMemory, Oracle, Random, Search
from .ensemble import SEEDS, Ensemble, Remembering
from .table import SIZE

_MANY = 512  # renders of a search that is not fair

PLAYERS = {
    "random": "any movement",
    "hold": "leaves the knobs where they are",
    "climb": "hill climbing by ear, knob by knob",
    "search": "32 renders aside, as many as an episode has steps, improved by CMA-ES",
    "nearest": f"the nearest of {SIZE} settings that were rendered before",
    "nearest-memory": "goes to the nearest, and back to the best that was heard",
    "nearest-climb": "goes to the nearest, and climbs from there",
    "search-512": "512 renders aside, CMA-ES: sixteen times what an episode has; not fair",
    "ensemble": "trained: the mean of five policies, without table and memory",
    "agent": "the five with a memory and the table of the nearest",
    "oracle": "knows the knobs of the target: for settings and glides",
}

AGENTS = {f"agent-{seed}": seed for seed in SEEDS}
"""One policy each, with table and memory."""


def make_player(name: str, seed: int = 0) -> Player:
    """A player of `PLAYERS` or `AGENTS`.

    :param seed: of what it draws
    """
    makers: dict[str, Callable[[], Player]] = {
        "random": partial(Random, seed),
        "hold": Hold,
        "climb": Climb,
        "search": partial(Search, 32, seed),
        "nearest": Nearest,
        "nearest-memory": NearestMemory,
        "nearest-climb": lambda: Climb(Nearest()),
        "search-512": partial(Search, _MANY, seed),
        "ensemble": Ensemble.load,
        "oracle": Oracle,
    }
    if name in makers:
        return makers[name]()
    return Remembering(Ensemble.load((AGENTS[name],) if name in AGENTS else SEEDS))


STUDY = Study(
    environment=TIMBRE,
    players=PLAYERS,
    make=make_player,
    baseline="nearest",
    seeds=tuple(AGENTS),
)
