"""The frame of pictures over time: panels below each other on one axis of seconds."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

SMALL_PRINT = 7.5  # points

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)
_MOST_TICKS = 24
_DPI = 100
_NARROWEST, _WIDEST, _INCHES_PER_SECOND = 16.0, 28.0, 0.045
_LEFT, _RIGHT, _ABOVE, _BELOW, _GAP = 1.05, 0.25, 0.75, 0.35, 0.33  # inches
_TITLE = 0.27  # inches from the top


@dataclass(frozen=True)
class Panel:
    """One panel: its height in inches, and what draws it on axes whose time has been set."""

    height: float
    draw: Callable[[Axes], None]


def draw_panels(panels: Sequence[Panel], seconds: float, title: str = "") -> bytes:
    """A PNG file of panels from the top down, for 0 to so many seconds; longer ones are wider."""
    width = min(max(_NARROWEST, seconds * _INCHES_PER_SECOND), _WIDEST)
    height = sum(panel.height + _GAP for panel in panels) - _GAP + _ABOVE + _BELOW
    figure = Figure(figsize=(width, height), dpi=_DPI)
    figure.suptitle(title, y=1.0 - _TITLE / height, va="center", fontsize=13, fontweight="bold")
    bottom = height - _ABOVE
    shared: Axes | None = None
    for panel in panels:
        bottom -= panel.height
        place = (_LEFT, bottom, width - _LEFT - _RIGHT, panel.height)
        sides = (width, height, width, height)
        inside = [inches / side for inches, side in zip(place, sides, strict=True)]
        axes = figure.add_axes((inside[0], inside[1], inside[2], inside[3]), sharex=shared)
        if shared is None:
            _set_time(axes, seconds)
        axes.tick_params(labelbottom=panel is panels[-1])
        panel.draw(axes)
        shared = axes
        bottom -= _GAP
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()


def _set_time(axes: Axes, duration_seconds: float) -> None:
    """Show 0 to a duration, in minutes and seconds; panels that share the axis follow."""
    step = next((s for s in _STEPS if duration_seconds / s <= _MOST_TICKS), _STEPS[-1])
    axes.set_xlim(0.0, duration_seconds)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(_minutes))


def _minutes(seconds: float, _: int | None = None) -> str:
    whole = f"{int(seconds // 60)}:{seconds % 60:04.1f}"
    return whole.removesuffix(".0")


def name_panel(axes: Axes, name: str, detail: str = "") -> None:
    """A title on the left, what it says beside it, and a plain frame."""
    axes.set_title(name, loc="left", fontsize=9.5, fontweight="bold", pad=3)
    axes.set_title(detail, loc="right", fontsize=8.5, color="#444444", pad=3)
    axes.tick_params(labelsize=SMALL_PRINT, length=2.5)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
