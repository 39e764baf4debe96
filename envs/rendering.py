"""Pictures and sound of what was played in an environment, from its score.

matplotlib and the engine are loaded only when something is drawn or heard.
"""

import numpy as np
from numpy.typing import NDArray

from ..music.events import EVENT, PROGRAMS, Channel, Events
from ..music.orchestra import ORCHESTRA
from ..music.score import Score, Track

RATE = 48_000
"""Frames a second of rendered sound."""

SIZE_INCHES = (8.0, 4.0)
_DPI = 100
_DRUM_CHANNEL = 9
_TAIL_SECONDS = 3.0


def draw_score(score: Score) -> NDArray[np.uint8]:
    """A piano roll of a score [shape=(400, 800, 3)], a colour for each track."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import PatchCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    figure = Figure(figsize=SIZE_INCHES, dpi=_DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    pitches = [60]
    for at, track in enumerate(track for track in score.tracks if len(track.notes)):
        notes = track.notes
        boxes = [
            Rectangle((float(on), float(pitch) - 0.45), float(length), 0.9)
            for on, length, pitch in zip(
                notes["onset_beats"], notes["duration_beats"], notes["pitch"], strict=True
            )
        ]
        axes.add_collection(PatchCollection(boxes, facecolor=f"C{at % 10}", edgecolor="none"))
        axes.plot([], [], color=f"C{at % 10}", linewidth=5, label=track.name)
        pitches += [int(notes["pitch"].min()), int(notes["pitch"].max())]
    axes.set_xlim(0.0, max(score.end_beats, 1.0))
    axes.set_ylim(min(pitches) - 2, max(pitches) + 2)
    axes.set_xlabel("beats")
    axes.set_ylabel("MIDI pitch")
    axes.set_title(score.title)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="upper right", ncols=4, fontsize="small", framealpha=0.7)
    for marker in score.markers:
        axes.axvline(marker.beat, color="0.8", linewidth=0.8, zorder=0)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]


def render_score(score: Score) -> NDArray[np.float32]:
    """A score as the engine plays it [shape=(frames, 2)], full scale 1, `RATE` frames a second.

    A track is played by the instrument of its name, or else by the one nearest to its program.
    """
    from ..synth.render import render_array

    tracks = [track for track in score.tracks if len(track.notes)]
    if not tracks:
        return np.zeros((0, 2), np.float32)
    channels = [Channel(track.name, _instrument(track)) for track in tracks]
    events = np.concatenate([_events(score, track, at) for at, track in enumerate(tracks)])
    ordered = events[np.argsort(events["at_frame"], kind="stable")]
    return render_array(ordered, channels, sample_rate=RATE, tail_seconds=_TAIL_SECONDS)


def _instrument(track: Track) -> str:
    if track.channel == _DRUM_CHANNEL:
        return "drums"
    if track.name in ORCHESTRA:
        return track.name
    pitched = [name for name, player in ORCHESTRA.items() if not player.is_kit]
    return min(pitched, key=lambda name: abs(PROGRAMS[name] - track.program))


def _events(score: Score, track: Track, channel: int) -> Events:
    notes = track.notes
    events = np.empty(len(notes), EVENT)
    ends = notes["onset_beats"] + notes["duration_beats"]
    events["at_frame"] = [score.tempo.frame(beat, RATE) for beat in notes["onset_beats"]]
    lasting = [score.tempo.frame(beat, RATE) for beat in ends] - events["at_frame"]
    events["duration_frames"] = np.maximum(lasting, 1)
    events["pitch"], events["velocity"] = notes["pitch"], notes["velocity"]
    events["channel"] = channel
    return events
