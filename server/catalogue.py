"""What a server offers."""

from functools import lru_cache

from ..agents.directors import DIRECTORS
from ..client.protocol import CueInfo, Listing
from ..music.cue import Cue
from ..music.cue_file import load_cue, shipped_cues
from .sound import OUTPUTS


def cue_info(cue: Cue) -> CueInfo:
    """What a client can ask of a cue."""
    return CueInfo(
        name=cue.name,
        title=cue.title,
        key=str(cue.key),
        meter=str(cue.meter),
        tempo_bpm=cue.tempo_bpm,
        sections=[section.name for section in cue.sections],
        layers=[layer.name for layer in cue.layers],
        stingers=[stinger.name for stinger in cue.stingers],
        parameters={p.name: (p.minimum, p.maximum, p.default) for p in cue.parameters},
    )


@lru_cache(maxsize=1)
def _shipped() -> tuple[CueInfo, ...]:
    return tuple(cue_info(load_cue(name)) for name in shipped_cues())


def listing(sessions: list[str]) -> Listing:
    """The reply to `list`."""
    return Listing(
        cues=list(_shipped()),
        directors=sorted(DIRECTORS),
        outputs=list(OUTPUTS),
        sessions=sessions,
    )
