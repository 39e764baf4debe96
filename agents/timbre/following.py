"""Following a sound file, with everything that a command leaves behind."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from ...analysis.sound.sound_file import read_sound
from ...envs import TIMBRE
from ...envs.timbre.perception import OBSERVATION
from ...music.errors import SegueError
from ...music.files import write_whole
from ...synth.sinks import FileSink
from ..policy import Policy
from .ensemble import Ensemble
from .follower import SAMPLE_RATE, Followed, follow_sound
from .table import rendered_table

_BLOCK = 4096  # frames that are written at once


def follow_file(
    target: Path,
    written: Path,
    *,
    still: bool = False,
    policy: Path | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Followed:
    """Follow a file; write the sound, and beside it as JSON the knobs of every step.

    Raises SegueError for a file that cannot be read, followed or written.

    :param target: WAV, FLAC, OGG or whatever can be read
    :param written: WAV, FLAC or OGG
    :param still: see `follow_sound`
    :param policy: card of a trained policy; none: those that are shipped, together
    :param progress: told the share that is done
    """
    beside = written.with_suffix(".json")
    if written.resolve() == target.resolve():
        raise SegueError(f"{written} is what is to be followed; name another file to write")
    player = Policy.load(policy, TIMBRE, OBSERVATION) if policy else Ensemble.load()
    samples, sample_rate = read_sound(target)
    table = None if policy else rendered_table()
    found = follow_sound(player, samples, sample_rate, still=still, table=table, progress=progress)
    with FileSink(written, SAMPLE_RATE) as sink:
        stereo = np.repeat(found.sound[:, None], 2, axis=1)
        for start in range(0, len(stereo), _BLOCK):
            sink.write(stereo[start : start + _BLOCK])
    report = {"target": str(target), "sound": str(written), **found.report()}
    write_whole(beside, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    return found
