"""The demo's report: one picture and one page of what the game did and how the music answered."""

import base64
import html
import io
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..analysis.audio import AudioMeasures, log_spectrogram, measure_audio
from ..client.protocol import BarEvent
from ..music.files import write_whole
from ..music.midi import read_midi
from ..music.mood import MOOD_PER_SD
from .demo import DemoResult, Take

FloatArray = NDArray[np.float64]

AGENT, RIVAL, WANTED = "tab:blue", "tab:orange", "black"
AXES = ("valence", "arousal")


def write_report(result: DemoResult) -> list[Path]:
    """Write `report.png` and `report.html` beside the music; their paths."""
    out = result.settings.out
    audio = out / "music.wav"
    samples, rate, measures = None, 0, None
    if audio.exists():
        import soundfile

        samples, rate = soundfile.read(audio, dtype="float32", always_2d=True)
        measures = measure_audio(samples, rate)
    picture = draw(result, samples, rate)
    write_whole(out / "report.png", picture)
    page = _page(result, picture, measures)
    write_whole(out / "report.html", page.encode())
    return [out / "report.png", out / "report.html"]


def draw(result: DemoResult, samples: NDArray[np.float32] | None, rate: int) -> bytes:
    """The picture as PNG: game, moods, errors, sections and layers, notes, spectrogram."""
    figure = Figure(figsize=(16, 20), layout="constrained")
    heights = [1.2, 1.3, 1.3, 1.0, 1.4, 2.0, 1.6]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    _draw_game(axes[0], result)
    for number, axis in enumerate(AXES):
        _draw_mood(axes[1 + number], result, number, axis)
    _draw_errors(axes[3], result)
    _draw_layers(axes[4], result)
    _draw_notes(axes[5], result)
    _draw_spectrogram(axes[6], samples, rate)
    axes[6].set_xlabel("seconds")
    axes[0].set_xlim(0, result.settings.seconds)
    figure.suptitle(
        f"{result.settings.scenario}, scored with {result.settings.cue!r}: "
        f"{result.agent.director} {result.agent.error():.2f} sd from the mood wanted, "
        f"{result.rival.director} {result.rival.error():.2f} sd"
    )
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=90)
    return data.getvalue()


def _draw_game(axes: Axes, result: DemoResult) -> None:
    log = result.game
    for name, colour in (("health", "tab:green"), ("danger", "tab:red"), ("action", "tab:purple")):
        axes.plot(log.seconds, [values[name] for values in log.parameters], colour, label=name)
    for seconds, name in log.stingers:
        axes.axvline(seconds, color="grey", lw=0.8, ls=":")
        axes.text(seconds, 1.02, name, fontsize=7, ha="center")
    axes.set(ylabel="game", ylim=(-0.02, 1.1))
    axes.legend(loc="upper right", ncols=3, fontsize=8)


def bar_seconds(take: Take, sample_rate: int) -> FloatArray:
    """Start of each bar that was told [shape=(bars,)], seconds."""
    return np.array([bar.at_frame for bar in take.bars]) / sample_rate


def _draw_mood(axes: Axes, result: DemoResult, number: int, axis: str) -> None:
    for take, colour in ((result.agent, AGENT), (result.rival, RIVAL)):
        starts = bar_seconds(take, result.sample_rate)
        felt = np.array(take.felt)[:, number]
        axes.plot(starts[1 : len(felt) + 1], felt, colour, label=f"felt, {take.director}")
        heard = [getattr(d.heard, axis) / MOOD_PER_SD for d in take.directions]
        axes.step(
            starts[: len(heard)], heard[: len(starts)], colour, where="post", lw=0.7, alpha=0.5
        )
        if take is result.agent:
            wanted = take.wanted()[:, number]
            starts = starts[1 : len(wanted) + 1]
            axes.step(starts, wanted, WANTED, where="post", lw=1.6, label="wanted")
    axes.axhline(0, color="grey", lw=0.5)
    axes.set(ylabel=f"{axis}, sd\n(thin: of each bar)", ylim=(-2.6, 2.6))
    axes.legend(loc="upper right", ncols=3, fontsize=8)


def _draw_errors(axes: Axes, result: DemoResult) -> None:
    for take, colour in ((result.agent, AGENT), (result.rival, RIVAL)):
        error = np.abs(np.array(take.felt) - take.wanted()).mean(axis=1)
        starts = bar_seconds(take, result.sample_rate)[1 : len(error) + 1]
        axes.plot(starts, error, colour, lw=0.7)
        mean = float(error.mean())
        axes.axhline(mean, color=colour, ls="--", label=f"{take.director}: mean {mean:.2f}")
    axes.set(ylabel="distance of felt\nand wanted, sd", ylim=(0, None))
    axes.legend(loc="upper right", ncols=2, fontsize=8)


def _draw_layers(axes: Axes, result: DemoResult) -> None:
    take = result.agent
    names = list(take.bars[0].activity)
    starts = bar_seconds(take, result.sample_rate)
    edges = np.append(starts, _end(take.bars[-1], starts[-1]))
    levels = np.array([[bar.activity[name] for bar in take.bars] for name in names])
    axes.pcolormesh(
        edges, np.arange(len(names) + 1), levels, cmap="viridis", vmin=0, vmax=5, alpha=0.85
    )
    axes.set_yticks(np.arange(len(names)) + 0.5, names)
    axes.set(ylabel="layers")
    previous = ""
    for bar, start in zip(take.bars, starts, strict=True):
        if bar.section != previous:
            axes.axvline(start, color="white", lw=1)
            axes.text(start + 0.2, len(names) + 0.1, bar.section, fontsize=9)
            previous = bar.section
        if bar.fill or bar.cadence:
            axes.plot(start, len(names) - 0.2, "w|", ms=8)


def _end(bar: BarEvent, start: float) -> float:
    return start + bar.beats * 60.0 / bar.bpm


def _draw_notes(axes: Axes, result: DemoResult) -> None:
    score = read_midi(result.settings.out / "music.mid")
    for number, track in enumerate(score.tracks):
        onsets = [score.tempo.seconds(beat) for beat in track.notes["onset_beats"]]
        ends = track.notes["onset_beats"] + track.notes["duration_beats"]
        widths = [score.tempo.seconds(e) - s for e, s in zip(ends, onsets, strict=True)]
        axes.barh(
            track.notes["pitch"], widths, left=onsets, height=0.8, color=f"C{number % 10}",
            label=track.name,
        )  # fmt: skip
    axes.set(ylabel="notes (MIDI)")
    axes.legend(loc="upper right", ncols=4, fontsize=7)


def _draw_spectrogram(axes: Axes, samples: NDArray[np.float32] | None, rate: int) -> None:
    axes.set(ylabel="Hz", yscale="log", ylim=(40, 16000))
    if samples is None:
        axes.text(0.5, 0.5, "played live: no file", transform=axes.transAxes, ha="center")
        return
    spectrogram = log_spectrogram(samples.mean(axis=1), rate)
    axes.pcolormesh(
        spectrogram.seconds,
        spectrogram.hz,
        spectrogram.level_db,
        cmap="magma",
        vmin=-90,
        vmax=0,
        shading="nearest",
        rasterized=True,
    )


def _page(result: DemoResult, picture: bytes, measures: AudioMeasures | None) -> str:
    settings, game = result.settings, result.game
    rows = "".join(
        f"<tr><td>{html.escape(take.director)}</td><td>{take.error():.3f}</td>"
        f"<td>{take.heard_error():.3f}</td><td>{len(take.felt)}</td></tr>"
        for take in (result.agent, result.rival)
    )
    screens = "".join(
        f'<figure><img width="240" src="data:image/png;base64,{_screen(pixels)}" alt="the game">'
        f"<figcaption>{seconds:.0f} s</figcaption></figure>"
        for seconds, pixels in game.screens
    )
    sound = ""
    if measures is not None:
        sound = (
            '<p><audio controls src="music.wav"></audio></p>'
            f"<p>{measures.loudness_lufs:.1f} LUFS, true peak {measures.true_peak_db:.1f} dBTP, "
            f"{len(measures.clicks)} clicks.</p>"
        )
    encoded = base64.b64encode(picture).decode()
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Segue: {html.escape(settings.scenario)}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 1200px; margin: 2em auto; padding: 0 1em }}
table {{ border-collapse: collapse }} td, th {{ padding: .2em 1em; border-bottom: 1px solid #ccc }}
td + td {{ text-align: right }} figure {{ display: inline-block; margin: .3em }}
img.report {{ width: 100% }}
</style></head><body>
<h1>{html.escape(settings.scenario)}, scored with “{html.escape(settings.cue)}”</h1>
<p>{settings.seconds:.0f} s of ViZDoom (seed {settings.seed}), played headless in
{result.wall_seconds:.0f} s: {game.kills} kills, {game.deaths} deaths. The game sent danger, health
and action over ZeroMQ; a simulated listener, whose taste no director is told, rated every fourth
bar.</p>
{sound}
<h2>Who kept in step with the game</h2>
<table><tr><th>director</th><th>felt to wanted, sd</th><th>heard to wanted, sd</th>
<th>bars</th></tr>
{rows}</table>
<p>Distances are means over bars, valence and arousal, in standard deviations of listeners'
ratings; less is better. Felt is what this listener feels, late and in a way of their own; heard is
what each bar expresses by itself.</p>
<h2>The game</h2>
{screens}
<h2>What happened</h2>
<img class="report" src="data:image/png;base64,{encoded}" alt="game, moods, layers, notes, sound">
<p>Files: <a href="music.wav">music.wav</a>, <a href="music.mid">music.mid</a>,
<a href="session.jsonl">session.jsonl</a> (every command, direction and event).</p>
</body></html>
"""


def _screen(pixels: NDArray[np.uint8]) -> str:
    from matplotlib.image import imsave

    data = io.BytesIO()
    imsave(data, pixels, format="png")
    return base64.b64encode(data.getvalue()).decode()
