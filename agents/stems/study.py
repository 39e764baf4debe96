"""The study of `segue/Stems-v0`: who directs recorded music, and what is measured of it."""

from ...envs import STEMS
from ..study import Study
from .players import AGENTS, PLAYERS, POLICIES, make_player

STUDY = Study(
    environment=STEMS,
    players=PLAYERS
    | {name: "the training of agent, with this seed" for name in AGENTS}
    | {name: "its policy alone" for name in POLICIES},
    make=make_player,
    baseline="table",
    seeds=AGENTS,
    splits=("train", "validation", "test", "heldout"),
)
