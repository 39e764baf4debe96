"""A picture of an analysis: waveform, spectrum, pitch classes, with beats, chords and sections."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...music.errors import SegueError
from ...music.files import write_whole
from ...music.theory import NAMES
from .told import analysis_row, key_text

if TYPE_CHECKING:
    from .analysis import Analysis
    from .joining import Outline

_INCHES, _DPI = (14.0, 8.0), 110
_MOST_BEATS = 400  # that are drawn; more would be a grey field
_LETTER = 0.0045  # of a chord's name, share of the width
_SPREAD_DB = 70.0  # of the spectrum below its loudest
_COLOURS = ("#4878d0", "#ee854a", "#6acc64", "#d65f5f", "#956cb4", "#8c613c", "#dc7ec0", "#797979")


def draw_analysis(found: "Analysis", path: str | Path) -> None:
    """Draw a sound that was analysed with `outline=True` as a PNG file.

    Raises SegueError for a score, for an analysis without outline, and for a file that cannot be
    written.
    """
    if found.outline is None:
        raise SegueError(
            f"{found.path} has no outline to draw; a picture needs a sound file, analysed with "
            "outline=True"
        )
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_INCHES, layout="constrained")
    FigureCanvasAgg(figure)
    wave, chords, spectrum, chroma = figure.subplots(
        4, 1, sharex=True, gridspec_kw={"height_ratios": [2, 0.7, 3, 2]}
    )
    outline = found.outline
    _draw_wave(wave, found, outline)
    _draw_chords(chords, found)
    _draw_spectrum(spectrum, found, outline)
    _draw_chroma(chroma, found, outline)
    chroma.set_xlim(0.0, max(found.duration_seconds, 1e-3))
    chroma.set_xlabel("seconds")
    figure.suptitle(_title(found), x=0.01, ha="left", fontsize=11)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    write_whole(path, buffer.getvalue())


def _title(found: "Analysis") -> str:
    row = analysis_row(found)
    told = [found.path.name, row["duration"]]
    if found.loudness_lufs is not None:
        told.append(f"{row['LUFS']} LUFS")
    if found.beats is not None and len(found.beats):
        told.append(f"{row['bpm']} bpm, {row['meter']} beats a bar")
    if found.key is not None and found.key.key is not None:
        told.append(key_text(found.key.key))
    return "   ".join(told).replace("$", r"\$")


def _draw_wave(axes: Any, found: "Analysis", outline: "Outline") -> None:
    """The level as a waveform, beats and bar lines over it, sections behind it."""
    top = max(float(outline.rms.max(initial=0.0)), 1e-4) * 1.1
    axes.fill_between(
        outline.times_seconds, -outline.rms, outline.rms, color="#30343f", lw=0, step="post"
    )
    axes.set_ylim(-top, top)
    axes.set_ylabel("level (RMS)")
    if found.beats is not None and len(found.beats):
        bars = found.beats.downbeat_times_seconds
        beats = found.beats.times_seconds
        if len(beats) <= _MOST_BEATS:
            axes.vlines(beats, -top, top, color="#c44e52", lw=0.4, alpha=0.6)
        if len(bars) <= _MOST_BEATS:
            axes.vlines(bars, -top, top, color="#c44e52", lw=1.1, alpha=0.9)
    letters: dict[str, str] = {}
    for section in found.form.sections if found.form else ():
        colour = letters.setdefault(section.label, _COLOURS[len(letters) % len(_COLOURS)])
        axes.axvspan(
            section.start_seconds, section.end_seconds, color=colour, alpha=0.3, lw=0, zorder=0
        )
        axes.text(
            section.start_seconds,
            top * 0.97,
            f" {section.label}",
            va="top",
            fontsize=9,
            clip_on=True,
        )


def _draw_chords(axes: Any, found: "Analysis") -> None:
    axes.set_yticks([])
    axes.set_ylabel("chords")
    if found.chords is None:
        axes.text(0.5, 0.5, "not heard", transform=axes.transAxes, ha="center", va="center")
        return
    axes.set_ylim(0.0, 1.0)
    spans = zip(
        found.chords.start_seconds,
        found.chords.end_seconds,
        found.chords.chords,
        found.chords.labels(),
        strict=True,
    )
    wide = max(found.duration_seconds, 1e-9)
    for start, end, chord, label in spans:
        if chord is None:
            continue
        colour = _colour_of_class(chord.root)
        axes.axvspan(start, end, color=colour, alpha=0.55, lw=0.3, ec="white")
        if (end - start) / wide > _LETTER * (len(label) + 1):
            axes.text(start, 0.5, f" {label}", va="center", fontsize=7, clip_on=True)


def _colour_of_class(pitch_class: int) -> Any:
    """Fifths apart look alike."""
    from matplotlib import colormaps

    return colormaps["hsv"]((pitch_class * 7 % 12) / 12.0)


def _draw_spectrum(axes: Any, found: "Analysis", outline: "Outline") -> None:
    table = outline.log_mel_db.T
    top = float(table.max(initial=-100.0))
    edges = np.append(outline.times_seconds, found.duration_seconds)
    axes.pcolormesh(
        edges, np.arange(len(table) + 1), table, vmin=top - _SPREAD_DB, vmax=top, cmap="magma"
    )
    from ..spectra import mel_centres

    centres = mel_centres(len(table), 0.0, 11_025.0)
    shown = [100.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0]
    axes.set_yticks(np.interp(shown, centres, np.arange(len(table)) + 0.5))
    axes.set_yticklabels([f"{hz:g}" for hz in shown])
    axes.set_ylabel("Hz")


def _draw_chroma(axes: Any, found: "Analysis", outline: "Outline") -> None:
    edges = np.append(outline.times_seconds, found.duration_seconds)
    axes.pcolormesh(edges, np.arange(13), outline.chroma.T, vmin=0.0, vmax=1.0, cmap="viridis")
    axes.set_yticks(np.arange(12) + 0.5)
    axes.set_yticklabels(NAMES, fontsize=7)
    axes.set_ylabel("pitch class")
    for local in found.key.local if found.key else ():
        axes.text(
            local.start_seconds,
            12.05,
            f" {key_text(local.key)}",
            fontsize=8,
            va="bottom",
            clip_on=False,
        )
