"""What a session leaves behind: its log and its music as a MIDI file, each whole or not at all."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ..music.cue import Cue
from ..music.errors import SegueError
from ..music.files import write_whole
from ..music.midi import DRUM_CHANNEL
from ..music.orchestra import ORCHESTRA
from ..music.score import NOTE, Marker, Notes, Score, Track, sort_notes
from ..music.tempo import TempoMap
from ..music.world import Bar

_FREE_CHANNELS = [channel for channel in range(16) if channel != DRUM_CHANNEL]


def check_writable(path: str | Path) -> Path:
    """The path if its folder exists and it is no folder itself; told before the music starts."""
    target = Path(path)
    if target.is_dir() or not target.parent.is_dir():
        fact = (
            "is a folder" if target.is_dir() else f"lies in {target.parent}, which does not exist"
        )
        raise SegueError(f"cannot write {target}: it {fact}; name a file in a folder that exists")
    return target


class SessionLog:
    """Lines of JSON: the session, then every command and event as they come."""

    def __init__(self, path: str | Path | None) -> None:
        self.path = check_writable(path) if path else None
        self._lines: list[bytes] = []

    def add(self, kind: str, **fields: Any) -> None:
        """Add a line with `line` as its kind."""
        if self.path is not None:
            self._lines.append(msgspec.json.encode({"line": kind, **fields}))

    def close(self) -> list[str]:
        """Write the file; its path."""
        if self.path is None:
            return []
        write_whole(self.path, b"\n".join(self._lines) + b"\n")
        return [str(self.path)]


def section_markers(bars: list[Bar]) -> list[Marker]:
    """A marker with the name of the section at each bar that begins another one."""
    before = [""] + [bar.section for bar in bars]
    return [
        Marker(bar.start_beats, bar.section)
        for bar, last in zip(bars, before, strict=False)
        if bar.section != last
    ]


def session_score(
    cue: Cue,
    bars: list[Notes],
    stingers: list[tuple[str, Notes]],
    tempo: TempoMap,
    markers: list[Marker],
) -> Score:
    """The music of a session: a track a layer, then one for each instrument of the stingers.

    Stems have no notes, and so no track.

    :param bars: notes of each bar with their `layer`
    :param stingers: instrument and notes of each stinger
    :param markers: where sections and stingers begin
    """
    free = iter(_FREE_CHANNELS * 16)
    tracks = []
    everything = np.concatenate(bars) if bars else np.zeros(0, [*NOTE.descr, ("layer", "u1")])
    for number, layer in enumerate(cue.layers):
        if layer.role == "stem":
            continue
        notes = _plain(everything[everything["layer"] == number])
        tracks.append(_track(layer.name, layer.instrument, notes, free, kit=layer.is_kit))
    for instrument in sorted({name for name, _ in stingers}):
        notes = np.concatenate([part for name, part in stingers if name == instrument])
        tracks.append(_track(f"stingers {instrument}", instrument, sort_notes(notes), free))
    return Score(tuple(tracks), tempo, cue.meter, cue.title, tuple(markers))


def _plain(notes: Notes) -> Notes:
    plain = np.zeros(len(notes), NOTE)
    for name in NOTE.names or ():
        plain[name] = notes[name]
    return sort_notes(plain)


def _track(
    name: str, instrument: str, notes: Notes, free: Iterator[int], *, kit: bool = False
) -> Track:
    """A track for an instrument; samples are written as a piano, or as the drum kit."""
    player = ORCHESTRA.get(instrument, ORCHESTRA["drums" if kit else "piano"])
    channel = DRUM_CHANNEL if player.is_kit else next(free)
    return Track(name, notes, player.program, channel, player.bank)
