"""A picture of a recording that became a cue: its sections, and how intense they are."""

from pathlib import Path

from ...music.errors import SegueError
from ...music.files import write_whole
from .song import Song

PICTURE_SUFFIXES = (".png", ".svg", ".pdf")


def check_picture(path: str | Path) -> None:
    """Raise SegueError for a name that no picture can have."""
    if Path(path).suffix.lower() not in PICTURE_SUFFIXES:
        raise SegueError(f"a picture cannot be {path}; name it {' or '.join(PICTURE_SUFFIXES)}")


def draw_song(song: Song, path: str | Path, title: str) -> None:
    """Draw form, intensity and the stretches that became loops; SegueError if it cannot be written.

    :param path: of a picture, by its suffix PNG, SVG or PDF
    """
    import io

    from matplotlib.figure import Figure

    check_picture(path)
    figure = Figure(figsize=(12, 4), layout="constrained")
    axes = figure.subplots()
    labels = list(dict.fromkeys(section.label for section in song.form.sections))
    for section in song.form.sections:
        colour = f"C{labels.index(section.label) % 10}"
        axes.axvspan(section.start_seconds, section.end_seconds, color=colour, alpha=0.25, lw=0)
        axes.text(section.start_seconds, 1.01, f" {section.label}", va="bottom")
    curve = song.intensity
    axes.plot(curve.times_seconds, curve.values, color="black", label="intensity")
    for values, name in (
        (curve.loudness, "loudness"),
        (curve.attacks, "attacks"),
        (curve.brightness, "brightness"),
    ):
        axes.plot(curve.times_seconds, values, lw=0.7, alpha=0.7, label=name)
    for loop in song.sections:
        axes.plot([loop.start_seconds, loop.end_seconds], [0.02, 0.02], "k", lw=3, alpha=0.7)
    axes.set(xlabel="seconds", ylim=(0, 1), xlim=(0, song.form.sections[-1].end_seconds))
    axes.set_title(f"{title}: {song.tempo_bpm:.1f} bpm, {song.key}, {song.meter}", pad=18)
    axes.legend(loc="upper right", fontsize="small")
    buffer = io.BytesIO()
    figure.savefig(buffer, format=Path(path).suffix[1:].lower())
    write_whole(path, buffer.getvalue())
