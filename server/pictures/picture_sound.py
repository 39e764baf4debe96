"""Panels for pictures of sound: waveform, spectrogram and loudness over seconds.

Each function draws one panel on matplotlib axes whose time has been set.
"""

from functools import partial

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ...analysis.sound.audio import (
    check_audio,
    find_clicks,
    find_clipping,
    integrated_loudness,
    log_spectrogram,
    true_peak_curve,
)
from ...analysis.sound.loudness import MOMENTARY_SECONDS, loudness_curve
from .picture_frame import SMALL_PRINT, Panel, name_panel

FloatArray = NDArray[np.float64]
Samples = NDArray[np.floating]

TRUE_PEAK_LIMIT_DB = -1.0
"""Peaks above are marked: they may distort where the sound is played or coded."""

_WAVE, _WAVE_RMS = "#9db8d9", "#2f5f9e"
_CLIPPED, _PEAK, _CLICK = "#c1121f", "#e07a00", "#7b2cbf"
_COLUMNS = 2400  # of the envelope and the spectrogram
_SPECTROGRAM_DB = 85.0  # from the loudest down
_LOUDNESS_LU = 36.0


def sound_panels(samples: Samples, sample_rate: int) -> list[Panel]:
    """Waveform, spectrogram and loudness of at least two samples.

    :param samples: full scale 1 [shape=(frames,) or (frames, channels)]
    """
    sound = check_audio(samples, sample_rate)
    drawers = ((1.3, draw_waveform), (2.6, draw_spectrogram), (1.6, draw_loudness))
    return [
        Panel(height, partial(draw, samples=sound, sample_rate=sample_rate))
        for height, draw in drawers
    ]


def draw_waveform(axes: Axes, samples: Samples, sample_rate: int) -> None:
    """Envelope and RMS of all channels; peaks, clipping and clicks that need a look are marked."""
    sound = samples.reshape(len(samples), -1)
    starts = np.linspace(0, len(sound), min(_COLUMNS, len(sound)), endpoint=False).astype(np.intp)
    low = np.minimum.reduceat(sound, starts).min(axis=1)
    high = np.maximum.reduceat(sound, starts).max(axis=1)
    power = np.add.reduceat(np.square(sound, dtype=np.float64), starts).mean(axis=1)
    rms = np.sqrt(power / np.diff(np.append(starts, len(sound))))
    seconds = starts / sample_rate
    axes.fill_between(seconds, low, high, color=_WAVE, lw=0, step="post")
    axes.fill_between(seconds, -rms, rms, color=_WAVE_RMS, lw=0, step="post")
    peaks_db = true_peak_curve(sound, sample_rate)
    over = np.flatnonzero(peaks_db > TRUE_PEAK_LIMIT_DB) * 0.1 + 0.05
    clipped = find_clipping(sound, sample_rate) / sample_rate
    clicks = find_clicks(sound, sample_rate) / sample_rate
    for at, colour, height in ((over, _PEAK, 1.0), (clipped, _CLIPPED, 1.1), (clicks, _CLICK, 1.2)):
        axes.plot(at, np.full(len(at), height), "|", color=colour, ms=5, clip_on=False)
    axes.set(ylim=(-1.05, 1.25), yticks=(-1, -0.5, 0, 0.5, 1))
    name_panel(
        axes,
        "waveform",
        f"true peak {peaks_db.max():.1f} dBTP, above {TRUE_PEAK_LIMIT_DB:g} in {len(over)} tenths "
        f"of a second (orange); {len(clipped)} clipped runs (red); {len(clicks)} clicks (violet)",
    )


def draw_spectrogram(axes: Axes, samples: Samples, sample_rate: int) -> None:
    """Levels over time and frequency, the frequency by octaves."""
    spectrogram = log_spectrogram(
        samples,
        sample_rate,
        bands=180,
        low_hz=30.0,
        high_hz=min(16_000.0, sample_rate / 2),
        window=8192,  # so that the steps of a bass line can be told apart
    )
    levels = spectrogram.level_db
    columns = np.linspace(0, levels.shape[1], min(_COLUMNS, levels.shape[1]), endpoint=False)
    shown = np.maximum.reduceat(levels, columns.astype(np.intp), axis=1)
    low, high = np.log2(spectrogram.hz[[0, -1]])
    top = float(levels.max())
    axes.imshow(
        shown,
        origin="lower",
        aspect="auto",
        extent=(0.0, len(samples) / sample_rate, low, high),
        cmap="magma",
        vmin=top - _SPECTROGRAM_DB,
        vmax=top,
        interpolation="antialiased",
    )
    ticks = [hz for hz in (31.25 * 2.0**n for n in range(10)) if low <= np.log2(hz) <= high]
    labels = [f"{hz / 1000:g}k" if hz >= 1000 else f"{hz:.0f}" for hz in ticks]
    axes.set_yticks(np.log2(ticks), labels)
    name_panel(axes, "spectrogram", f"Hz; {_SPECTROGRAM_DB:.0f} dB from black to the brightest")


def draw_loudness(axes: Axes, samples: Samples, sample_rate: int) -> None:
    """Momentary and short-term loudness, and that of the whole."""
    if len(samples) < MOMENTARY_SECONDS * sample_rate:
        name_panel(axes, "loudness", f"not defined below {MOMENTARY_SECONDS} s")
        return
    curve = loudness_curve(samples, sample_rate)
    whole = integrated_loudness(samples, sample_rate)
    top = max(float(curve.momentary_lufs.max()), -60.0)
    axes.plot(curve.momentary_seconds, curve.momentary_lufs, color="#a8c5a0", lw=0.8,
              label="momentary, 0.4 s")  # fmt: skip
    axes.plot(curve.short_term_seconds, curve.short_term_lufs, color="#2a7d4f", lw=1.8,
              label="short-term, 3 s")  # fmt: skip
    if np.isfinite(whole):
        axes.axhline(whole, color="#c1121f", ls="--", lw=1.0, label="integrated")
    axes.set_ylim(top - _LOUDNESS_LU, top + 3.0)
    axes.grid(axis="y", color="#00000018", lw=0.6)
    axes.legend(loc="lower left", ncols=3, fontsize=SMALL_PRINT, framealpha=0.7, edgecolor="none")
    name_panel(
        axes,
        "loudness",
        f"{whole:.1f} LUFS integrated, range {curve.range_lu:.1f} LU, "
        f"loudest moment {curve.momentary_lufs.max():.1f} LUFS",
    )
