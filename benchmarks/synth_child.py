"""A player in a process of its own: `python -m segue.benchmarks.synth_child NAME SCORE OUT.wav`.

So that what it used can be read when it ends, as with any other program. NAME is `segue`,
`segue:BLOCK_FRAMES` or `tono`; SCORE is what `save_piece` wrote.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..music.events import Channel, Events

SAMPLE_RATE = 48_000


def save_piece(channels: tuple[Channel, ...], events: Events, gain_db: float, path: Path) -> None:
    """Write what is to be played."""
    head = json.dumps({"channels": [asdict(channel) for channel in channels], "gain_db": gain_db})
    np.savez(path, events=events, head=np.array(head))


def load_piece(path: Path) -> tuple[tuple[Channel, ...], Events, float]:
    """What `save_piece` wrote: channels, events and the gain of the whole in dB."""
    with np.load(path) as held:
        head = json.loads(str(held["head"]))
        events = held["events"]
    return tuple(Channel(**channel) for channel in head["channels"]), events, head["gain_db"]


def main(name: str, score: Path, out: Path) -> None:
    """Play a score into a file."""
    channels, events, gain_db = load_piece(score)
    player, _, block = name.partition(":")
    if player == "tono":
        from .synth_tono import render

        render(channels, events, out)
        return
    from ..synth.render import OFFLINE_BLOCK_FRAMES, render_events

    frames = int(block) if block else OFFLINE_BLOCK_FRAMES
    render_events(events, channels, out, block_frames=frames, gain_db=gain_db)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
