"""The study of `segue/Arrange-v0`: who directs, and what is measured of it."""

from ...envs import ARRANGE
from ..study import Study
from .directors import AGENTS, DIRECTORS, make_director

STUDY = Study(
    environment=ARRANGE,
    players=DIRECTORS
    | {"oracle": "six-bar search that knows the listener and the future"}
    | {name: "the same training as agent, with this seed" for name in AGENTS},
    make=make_director,
    baseline="table",
    seeds=AGENTS,
    splits=("train", "validation", "test", "heldout"),
)
