"""What the stems of a cue play in a decided bar."""

import numpy as np

from ...music.cue import Cue, Layer
from ...music.stems import SEGMENT, Segments
from ...music.world import Bar


def stem_segments(cue: Cue, bar: Bar, start_frame: int, end_frame: int) -> Segments:
    """The segments [shape=(n,)] of a bar: one for each stem that sounds in it.

    A stem sounds in its sections while its layer's activity is not 0, and then always runs at the
    same place as all else: so many beats after its anchor, round its loop. What comes and goes is
    cross-faded by the player, so no gain has to move.

    :param start_frame: where the bar begins
    :param end_frame: where it ends
    """
    rows = [
        (start_frame, end_frame - start_frame, source_beats(cue, layer, bar), bar.beats, channel)
        for channel, layer in cue.stems.items()
        if bar.levels[channel] > 0 and (not layer.sections or bar.section in layer.sections)
    ]
    return np.array(rows, SEGMENT)


def source_beats(cue: Cue, layer: Layer, bar: Bar) -> float:
    """The beat of a stem with which a bar begins, within its loop."""
    if layer.anchor == "cue":
        since = bar.start_beats
    else:
        section = cue.sections[cue.section_index(bar.section)]
        since = (bar.turn * section.bars + bar.bar_in_section) * cue.meter.bar_beats
    return since % layer.beats
