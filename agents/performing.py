"""Who performs a cue with a director: the arranger, or who directs recorded music."""

from ..music.cue import Cue
from .arrange.performer import Performer
from .live import Live
from .stems.performer import PREFIX, StemsPerformer

DIRECTORS = (*Performer.DIRECTORS, *StemsPerformer.DIRECTORS)
"""Every director that plays live, those of recorded music last."""


def make_performer(cue: Cue, director: str = "agent", *, seed: int = 0) -> Live:
    """A performance of a cue, led by a director of the arranger or of recorded music (`stems...`).

    :param director: one of `DIRECTORS`, or the path of a policy
    """
    kind = StemsPerformer if director.partition("-")[0] == PREFIX else Performer
    return kind(cue, director, seed=seed)
