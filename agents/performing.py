"""Who performs a cue with a director: the arranger, or who directs recorded music."""

from ..music.cue import Cue
from .arrange.performer import Performer
from .live import Live
from .stems.performer import PREFIX, StemsPerformer


def make_performer(cue: Cue, director: str = "agent", *, seed: int = 0) -> Live:
    """A performance of a cue, led by a director of the arranger or of recorded music (`stems...`).

    :param director: a name of `arrange.directors.DIRECTORS`; `stems`, or `stems-` and one of
        `stems.players.DIRECTORS`
    """
    kind = StemsPerformer if director.partition("-")[0] == PREFIX else Performer
    return kind(cue, director, seed=seed)
