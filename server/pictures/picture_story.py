"""Panels for pictures of sessions: form, notes, activity, directions and moods over seconds.

Each function draws one panel of a `Story` on matplotlib axes whose time has been set: labels are
left out where they would not fit.
"""

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import hsv_to_rgb, to_rgb
from numpy.typing import NDArray

from ...music.direction import KNOBS
from ...music.midi import DRUM_CHANNEL
from ...music.parameters import AXES
from ...music.score import Track
from ...music.theory import MODES, Key
from .picture_frame import SMALL_PRINT, Panel, name_panel
from .story import Story

FloatArray = NDArray[np.float64]

LAYER_COLOURS = (
    "#3b6fb6", "#d1495b", "#2a9d63", "#e08e1b", "#7b4fa3", "#17a2b8",
    "#8c5a3c", "#d65db1", "#6b8e23", "#4a5a8a", "#b8a000", "#c2410c",
)  # fmt: skip
"""One a layer, in the order of the cue, again from the first where there are more."""

STINGER_COLOUR = "#222222"
SECTION_COLOURS = ("#dbe7f6", "#fbe3d1", "#dff0dc", "#f3dcef", "#f8f1c8", "#d6efef", "#eadfd3")
WANTED, HEARD, FELT = "#111111", "#9bb7d9", "#d1495b"

_DRUMS = {
    35: "kick", 36: "kick", 37: "rim", 38: "snare", 39: "clap", 40: "snare", 41: "tom", 42: "hat",
    43: "tom", 44: "pedal hat", 45: "tom", 46: "open hat", 47: "tom", 48: "tom", 49: "crash",
    50: "tom", 51: "ride", 53: "ride bell", 54: "tambourine", 56: "cowbell", 57: "crash",
    59: "ride", 70: "maracas", 75: "claves", 81: "triangle",
}  # fmt: skip
_ROW_INCHES = 0.18
_LETTER_PX = 6.2  # of the small print, about


def _fits(axes: Axes, text: str, seconds: float) -> bool:
    low, high = axes.get_xlim()
    width_px = seconds / (high - low) * axes.bbox.width
    return width_px > (len(text) + 1) * _LETTER_PX


def _name_rows(axes: Axes, names: Sequence[str], colours: Iterable[str] | None = None) -> None:
    """Names beside rows of height 1, the first on top."""
    axes.set_ylim(len(names), 0)
    axes.set_yticks(np.arange(len(names)) + 0.5, names)
    axes.tick_params(axis="y", length=0)
    for label, colour in zip(axes.get_yticklabels(), colours or (), strict=False):
        label.set_color(colour)


def _blocks(
    axes: Axes, spans: Iterable[tuple[float, float, str, object]], row: float, height: float = 1.0
) -> None:
    """Coloured blocks (start, end, text, colour) in a row, with their text where it fits."""
    for start, end, text, colour in spans:
        axes.broken_barh(
            [(start, end - start)], (row, height), facecolor=colour, edgecolor="white", lw=0.4
        )
        if _fits(axes, text, end - start):
            axes.text(
                (start + end) / 2, row + height / 2, text, fontsize=SMALL_PRINT, ha="center",
                va="center", clip_on=True,
            )  # fmt: skip


def story_panels(story: Story, *, moods: bool = True) -> list[Panel]:
    """Form, notes, drums, activity, directions and moods, as far as the story knows them.

    :param story: of at least one bar
    """
    panels = [Panel(3 * _ROW_INCHES, partial(draw_form, story=story))]
    if story.score is not None:
        panels.append(Panel(3.6, partial(draw_notes, story=story)))
    if rows := drum_rows(story):
        panels.append(Panel(_ROW_INCHES * len(rows), partial(draw_drums, story=story)))
    layers = len(layer_colours(story))
    panels.append(Panel(_ROW_INCHES * layers, partial(draw_activity, story=story)))
    if story.directions:
        panels.append(Panel(_ROW_INCHES * len(KNOBS), partial(draw_knobs, story=story)))
        for axis in AXES if moods else ():
            panels.append(Panel(0.8, partial(draw_mood, story=story, axis=axis)))
    return [panels[0], *with_bar_lines(panels[1:], story)]


def with_bar_lines(panels: Iterable[Panel], story: Story) -> list[Panel]:
    """The same panels with lines where sections begin, and at each bar where there is room."""

    def draw(panel: Panel, axes: Axes) -> None:
        panel.draw(axes)
        _draw_bar_lines(axes, story)

    return [Panel(panel.height, partial(draw, panel)) for panel in panels]


def layer_colours(story: Story) -> dict[str, str]:
    """A colour for each layer of a story."""
    names = story.bars[0].activity
    return {name: LAYER_COLOURS[n % len(LAYER_COLOURS)] for n, name in enumerate(names)}


def draw_form(axes: Axes, story: Story) -> None:
    """Sections, modes (dark to bright) and chords (coloured round the fifths) as rows of blocks."""
    edges = story.edges()
    names = list(dict.fromkeys(bar.section for bar in story.bars))
    tints = {n: SECTION_COLOURS[at % len(SECTION_COLOURS)] for at, n in enumerate(names)}
    sections = _runs([bar.section for bar in story.bars], edges)
    _blocks(axes, ((*span, tints[span[2]]) for span in sections), 0)
    modes = _runs([bar.key for bar in story.bars], edges)
    _blocks(axes, ((*span, _mode_colour(span[2])) for span in modes), 1)
    chords = story.chords()
    starts = story.seconds(np.array([c.start_beats for c in chords]))
    ends = story.seconds(np.array([c.start_beats + c.beats for c in chords]))
    _blocks(
        axes,
        (
            (start, end, chord.name, _chord_colour(chord.root, chord.pitch_classes))
            for start, end, chord in zip(starts, ends, chords, strict=True)
        ),
        2,
    )
    for stinger in story.stingers:
        at = stinger.at_frame / story.sample_rate
        axes.annotate(
            stinger.name, (at, 0), (0, 7), textcoords="offset points", fontsize=SMALL_PRINT,
            ha="center", arrowprops={"arrowstyle": "-|>", "lw": 0.8}, annotation_clip=True,
        )  # fmt: skip
    _name_rows(axes, ("section", "mode", "chord"))
    name_panel(axes, "form")


def _runs(names: Sequence[str], edges: FloatArray) -> list[tuple[float, float, str]]:
    """(start, end, name) of the runs of equal names of bars."""
    starts = [n for n, name in enumerate(names) if n == 0 or name != names[n - 1]]
    ends = [*starts[1:], len(names)]
    return [(float(edges[a]), float(edges[b]), names[a]) for a, b in zip(starts, ends, strict=True)]


def _mode_colour(key: str) -> tuple[float, float, float]:
    brightness = [*MODES].index(Key.parse(key).mode) / (len(MODES) - 1)
    return 0.72 + 0.27 * brightness, 0.74 + 0.24 * brightness, 0.82 + 0.02 * brightness


def _chord_colour(root: int, classes: frozenset[int]) -> FloatArray:
    minor = (root + 3) % 12 in classes and (root + 4) % 12 not in classes
    return np.asarray(
        hsv_to_rgb((root * 7 % 12 / 12, 0.45 if minor else 0.3, 0.84 if minor else 0.97))
    )


def _draw_bar_lines(axes: Axes, story: Story) -> None:
    edges = story.edges()
    if _fits(axes, "bar", float(np.median(np.diff(edges)))):
        axes.vlines(edges, 0, 1, transform=axes.get_xaxis_transform(), color="#00000014", lw=0.6)
    starts = [start for start, _, _ in _runs([bar.section for bar in story.bars], edges)]
    axes.vlines(starts, 0, 1, transform=axes.get_xaxis_transform(), color="#00000059", lw=0.8)


def draw_notes(axes: Axes, story: Story) -> None:
    """A piano roll of the pitched tracks, stronger where louder; nothing without a score."""
    tracks = [track for track in _tracks(story) if track.channel != DRUM_CHANNEL]
    colours = layer_colours(story)
    pitches = np.concatenate([track.notes["pitch"] for track in tracks] or [np.zeros(0)])
    low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (48, 72)
    for number, track in enumerate(tracks):
        height = 0.5 if number % 2 else 1.0  # layers that play the same notes stay visible
        bottom = track.notes["pitch"] - height / 2
        colour = colours.get(track.name, STINGER_COLOUR)
        _add_notes(axes, story, track, bottom, colour, height=height)
    octaves = range(-(-low // 12) * 12, high + 1, 12)
    axes.hlines(octaves, *axes.get_xlim(), color="#0000001a", lw=0.6, zorder=0)
    axes.set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
    axes.set_ylim(low - 2, high + 2)
    name_panel(axes, "notes", f"{sum(len(track.notes) for track in tracks)} notes")


def draw_drums(axes: Axes, story: Story) -> None:
    """The notes of the unpitched tracks, a row an instrument."""
    rows = drum_rows(story)
    colours = layer_colours(story)
    strokes = 0
    for track in _drum_tracks(story):
        names = [_drum_name(pitch) for pitch in track.notes["pitch"].tolist()]
        row = np.array([rows.index(name) for name in names]) + 0.1
        colour = colours.get(track.name, STINGER_COLOUR)
        _add_notes(axes, story, track, row, colour, height=0.8, longest_seconds=0.12)
        strokes += len(names)
    _name_rows(axes, rows)
    name_panel(axes, "drums", f"{strokes} strokes")


def drum_rows(story: Story) -> list[str]:
    """The unpitched instruments that play, as `draw_drums` lists them from the top."""
    tracks = _drum_tracks(story)
    played = {_drum_name(pitch) for track in tracks for pitch in track.notes["pitch"].tolist()}
    known = dict.fromkeys(_DRUMS.values())
    return [name for name in known if name in played] + sorted(played - set(known))


def _drum_name(pitch: int) -> str:
    return _DRUMS.get(pitch, str(pitch))


def _drum_tracks(story: Story) -> list[Track]:
    return [track for track in _tracks(story) if track.channel == DRUM_CHANNEL]


def _tracks(story: Story) -> list[Track]:
    return [track for track in story.score.tracks if len(track.notes)] if story.score else []


def _add_notes(
    axes: Axes,
    story: Story,
    track: Track,
    bottom: FloatArray,
    colour: str,
    *,
    height: float,
    longest_seconds: float = np.inf,
) -> None:
    notes = track.notes
    start = story.seconds(notes["onset_beats"])
    end = story.seconds(notes["onset_beats"] + notes["duration_beats"])
    low, high = axes.get_xlim()
    end = np.minimum(np.maximum(end, start + (high - low) / 1500), start + longest_seconds)
    top = bottom + height
    corners = np.stack([start, bottom, start, top, end, top, end, bottom], axis=1)
    rgba = np.empty((len(notes), 4))
    rgba[:, :3] = to_rgb(colour)
    rgba[:, 3] = 0.3 + 0.7 * notes["velocity"]
    axes.add_collection(PolyCollection([*corners.reshape(-1, 4, 2)], facecolors=rgba))


def draw_activity(axes: Axes, story: Story) -> None:
    """How much each layer plays in each bar, from nothing to full; fills and cadences marked."""
    colours = layer_colours(story)
    rgba = np.empty((len(colours), len(story.bars), 4))
    for row, (name, colour) in enumerate(colours.items()):
        rgba[row, :, :3] = to_rgb(colour)
        rgba[row, :, 3] = [bar.activity.get(name, 0) / 5.0 for bar in story.bars]
    edges = story.edges()
    axes.pcolormesh(edges, np.arange(len(colours) + 1), rgba)
    _name_rows(axes, list(colours), colours.values())
    for mark, colour, at in (
        (6, "#b45309", [start for start, bar in zip(edges, story.bars, strict=False) if bar.fill]),
        (
            7,
            "#1d4ed8",
            [end for end, bar in zip(edges[1:], story.bars, strict=True) if bar.cadence],
        ),
    ):
        axes.plot(at, np.zeros(len(at)), ls="", marker=mark, ms=5, color=colour, clip_on=False)
    name_panel(
        axes,
        "activity of the layers",
        "from silent to busy; fill (brown), cadence into a section (blue)",
    )


def draw_knobs(axes: Axes, story: Story) -> None:
    """The nine knobs of the direction behind each bar, pale 0 to dark 1."""
    values = np.array([[d.knobs[name] for name in KNOBS] for d in story.directions]).T
    edges = story.edges()[: values.shape[1] + 1]
    axes.pcolormesh(edges, np.arange(len(KNOBS) + 1), values, cmap="GnBu", vmin=0.0, vmax=1.0)
    _name_rows(axes, KNOBS)
    name_panel(axes, "directions", "each knob from pale 0 to dark 1")


def draw_mood(axes: Axes, story: Story, axis: str) -> None:
    """One axis of the moods: wanted, heard in each bar, and felt by then."""
    edges = story.edges()[: len(story.directions) + 1]
    moods = {
        kind: np.array([getattr(getattr(d, kind), axis) for d in story.directions])
        for kind in ("wanted", "heard", "felt")
    }
    axes.axhline(0.0, color="#00000030", lw=0.6)
    for kind, colour, width in (
        ("heard", HEARD, 1.0),
        ("felt", FELT, 1.6),
        ("wanted", WANTED, 1.2),
    ):
        axes.stairs(moods[kind], edges, color=colour, lw=width, label=kind, baseline=None)
    axes.stairs(moods["felt"], edges, baseline=moods["wanted"], fill=True, color=FELT, alpha=0.12)
    axes.set_ylim(-1.05, 1.05)
    if axis == AXES[0]:
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.5, 0.92), ncols=3, fontsize=8, frameon=False
        )
    apart = float(np.abs(moods["felt"] - moods["wanted"]).mean())
    name_panel(axes, axis, f"felt and wanted lie {apart:.2f} apart on average")
