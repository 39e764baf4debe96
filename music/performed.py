"""What was performed as a score: the bars of a world, with their sections, as tracks of layers."""

from collections.abc import Iterator, Sequence

import numpy as np

from .book import Book
from .cue import Cue
from .midi import DRUM_CHANNEL
from .orchestra import ORCHESTRA
from .score import NOTE, Marker, Notes, Score, Track, sort_notes
from .tempo import TempoMap
from .world import Bar, bar_notes
from .worlds import Bars

_FREE_CHANNELS = [channel for channel in range(16) if channel != DRUM_CHANNEL]


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


def bars_score(book: Book, played: Sequence[Bars], index: int) -> Score:
    """What one of n worlds played.

    :param book: that the worlds play from
    :param played: the bars of all n, one after another, of the same cue
    :param index: which of them
    """
    if not played:
        return Score(())
    cue = book.cues[int(played[0].cue[index])]
    tempo = TempoMap(float(played[0].setting.bpm[index]))
    beats = 0.0
    parts, markers, before = [], [], ""
    for bars in played:
        tempo.change(beats, float(bars.setting.bpm[index]))
        section = book.section_name(int(bars.section[index]))
        if section != before:
            markers.append(Marker(beats, section))
            before = section
        parts.append(bar_notes(book, bars, index, beats))
        beats += float(bars.beats[index])
    return session_score(cue, parts, [], tempo, markers)
