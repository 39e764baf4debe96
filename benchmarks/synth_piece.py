"""What is played to be measured: notes and the moves of the mixer, and how they are kept."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np

from ..music.events import Channel, Events, MixSettings

SAMPLE_RATE = 48_000


@dataclass(frozen=True)
class Piece:
    """What a session plays: notes, and the moves of the mixer's controls."""

    channels: tuple[Channel, ...]
    events: Events
    moves: tuple[tuple[int, str, float, float], ...]  # at_frame, control, value, ramp_seconds
    seconds: float
    gain_db: float
    mix: MixSettings = field(default_factory=MixSettings)

    def first(self, seconds: float) -> "Piece":
        """The notes that begin in the first seconds, none of which lasts beyond them."""
        end = round(seconds * SAMPLE_RATE)
        events = self.events[self.events["at_frame"] < end].copy()
        events["duration_frames"] = np.minimum(events["duration_frames"], end - events["at_frame"])
        moves = tuple(move for move in self.moves if move[0] < end)
        return replace(self, events=events, moves=moves, seconds=seconds)


def save_piece(piece: Piece, path: Path) -> None:
    """Write a piece, without the moves of controls."""
    head = {"channels": piece.channels, "mix": piece.mix, "gain_db": piece.gain_db}
    text = msgspec.json.encode(head | {"seconds": piece.seconds}).decode()
    np.savez(path, events=piece.events, head=np.array(text))


def load_piece(path: Path) -> Piece:
    """What `save_piece` wrote."""
    with np.load(path) as held:
        head, events = json.loads(str(held["head"])), held["events"]
    channels = msgspec.convert(head["channels"], tuple[Channel, ...])
    mix = msgspec.convert(head["mix"], MixSettings)
    return Piece(channels, events, (), head["seconds"], head["gain_db"], mix)
