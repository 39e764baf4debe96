"""What a server offers."""

from functools import lru_cache
from pathlib import Path

from ...agents.performing import DIRECTORS
from ...client.protocol import CueInfo, Listing
from ...music.cue import Cue
from ...music.cue_file import load_cue, shipped_cues
from ..sounding.sound import OUTPUTS


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
        markers=[marker.name for marker in cue.markers],
    )


def find_cue(name_or_folder: str | Path) -> Cue:
    """A cue as `load_cue` finds it; shipped ones are read once."""
    if str(name_or_folder) in shipped_cues():
        return _shipped(str(name_or_folder))
    return load_cue(name_or_folder)


@lru_cache
def _shipped(name: str) -> Cue:
    return load_cue(name)


@lru_cache
def _shipped_infos() -> tuple[CueInfo, ...]:
    return tuple(cue_info(_shipped(name)) for name in shipped_cues())


def listing(sessions: list[str]) -> Listing:
    """The reply to `list`."""
    return Listing(
        cues=list(_shipped_infos()),
        directors=sorted(DIRECTORS),
        outputs=list(OUTPUTS),
        sessions=sessions,
    )
