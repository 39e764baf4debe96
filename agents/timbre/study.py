"""The study of `segue/Timbre-v0`: who turns the knobs, and what is measured of it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ...envs import TIMBRE
from ..policy import Policy
from ..study import Player, Study
from .baselines import Climb, Hold, Nearest, Oracle, Random, Search
from .table import SIZE

MODELS = Path(__file__).parents[1] / "models"

_MANY = 512  # renders of a search that is not fair

PLAYERS = {
    "random": "any movement",
    "hold": "leaves the knobs where they are",
    "climb": "hill climbing by ear, knob by knob",
    "search": "32 renders aside, as many as an episode has steps, improved by CMA-ES",
    "nearest": f"the nearest of {SIZE} settings that were rendered before",
    "nearest-climb": "goes to the nearest, and climbs from there",
    "search-512": "512 renders aside, CMA-ES: sixteen times what an episode has; not fair",
    "agent": "trained: imitation of who knows the target, then PPO",
    "oracle": "knows the knobs of the target: an upper bound for settings and glides",
}


def make_player(name: str, seed: int = 0) -> Player:
    """A player of `PLAYERS`.

    :param seed: of what it draws
    """
    makers: dict[str, Callable[[], Player]] = {
        "random": partial(Random, seed),
        "hold": Hold,
        "climb": Climb,
        "search": partial(Search, 32, seed),
        "nearest": Nearest,
        "nearest-climb": lambda: Climb(Nearest()),
        "search-512": partial(Search, _MANY, seed),
        "oracle": Oracle,
    }
    if name in makers:
        return makers[name]()
    return Policy.load(MODELS / "timbre.json", TIMBRE, seed=seed)


STUDY = Study(
    environment=TIMBRE,
    players=PLAYERS,
    make=make_player,
    baseline="nearest",
)
