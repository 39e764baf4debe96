"""A picture of an episode of `segue/Timbre-v0`: target and answer, their distance, the knobs."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...analysis.sound.audio import Spectrogram, log_spectrogram
from ...analysis.spectra import RATE
from ...synth.patch import KNOBS
from ..rendering import RATE as SOUND_RATE
from ..rendering import SIZE_INCHES
from .settings import STEP_SECONDS
from .targets import target_sound

if TYPE_CHECKING:
    from .core import TimbreCore

_DPI = 100
_HIGH_HZ = 10_000.0
_QUIETEST_DB = -80.0


def draw_following(core: "TimbreCore", index: int) -> NDArray[np.uint8]:
    """The episode so far [shape=(400, 800, 3)]."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    turned = np.array([knobs[index] for knobs in core.turned])
    seconds = len(turned) * STEP_SECONDS
    assert core.targets is not None  # for the type checker
    wanted = target_sound(core.targets, core.settings, index)[: round(seconds * RATE)]
    figure = Figure(figsize=SIZE_INCHES, dpi=_DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 2, sharex=True)
    heard = core.sound(index)[:, 0]
    for axes, sound, rate, title in (
        (above[0], wanted, RATE, core.about(index)["target"]),
        (above[1], heard, SOUND_RATE, "heard"),
    ):
        drawn = log_spectrogram(sound[:, None], rate, high_hz=_HIGH_HZ, window=2048)
        _draw_spectrogram(axes, drawn, title)
    above[0].set_ylabel("Hz")
    starts = np.arange(len(turned)) * STEP_SECONDS
    below[0].step(starts, core.curve(index), where="post", color="C3")
    below[0].axhline(core.settings.tolerance, color="0.7", linewidth=0.8)
    below[0].set_ylim(0.0, None)
    below[0].set_title("distance")
    for at, knob in enumerate(KNOBS):
        below[1].step(starts, turned[:, at], where="post", label=knob.name, linewidth=1.0)
    below[1].set_ylim(-0.03, 1.03)
    below[1].set_title("knobs")
    below[1].legend(loc="upper right", ncols=4, fontsize="x-small", framealpha=0.6)
    for axes in below:
        axes.set_xlim(0.0, seconds)
        axes.set_xlabel("seconds")
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]


def _draw_spectrogram(axes: "object", drawn: Spectrogram, title: str) -> None:
    axes.pcolormesh(  # type: ignore[attr-defined]
        drawn.seconds, drawn.hz, drawn.level_db, vmin=_QUIETEST_DB, vmax=0.0, cmap="magma"
    )
    axes.set_yscale("log")  # type: ignore[attr-defined]
    axes.set_title(title)  # type: ignore[attr-defined]
