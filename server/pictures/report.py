"""The demo's report: one picture and one page of what the game did and how the music answered."""

import base64
import html
import io
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from ...analysis.sound.audio import AudioMeasures, measure_audio
from ...analysis.sound.sound_file import read_sound
from ...music.files import write_whole
from ...music.midi import read_midi
from ...music.mood import MOOD_PER_SD
from ...music.theory import Key
from ..playing.demo import DemoResult, Take
from .picture_frame import Panel, draw_panels, name_panel
from .picture_sound import sound_panels
from .picture_story import story_panels, with_bar_lines
from .story import Story

AGENT, RIVAL, WANTED = "tab:blue", "tab:orange", "black"
AXES = ("valence", "arousal")


def write_report(result: DemoResult) -> list[Path]:
    """Write `report.png` and `report.html` beside the music; their paths."""
    out = result.settings.out
    audio = out / "music.wav"
    samples, rate, measures = None, 0, None
    if audio.exists():
        samples, rate = read_sound(audio)
        measures = measure_audio(samples, rate)
    picture = draw(result, samples, rate)
    write_whole(out / "report.png", picture)
    page = _page(result, picture, measures)
    write_whole(out / "report.html", page.encode())
    return [out / "report.png", out / "report.html"]


def draw(result: DemoResult, samples: NDArray[np.float32] | None, rate: int) -> bytes:
    """The picture as PNG: game, moods, errors, then the agent's music and its sound."""
    story = _story(result.agent, result.sample_rate)
    story.score = read_midi(result.settings.out / "music.mid")
    sound = sound_panels(samples, rate) if samples is not None else []
    panels = [
        Panel(1.6, partial(_draw_game, result=result)),
        *(Panel(1.7, partial(_draw_mood, result=result, axis=axis)) for axis in AXES),
        Panel(1.3, partial(_draw_errors, result=result)),
        *story_panels(story, moods=False),
        *with_bar_lines(sound, story),
    ]
    title = (
        f"{result.settings.scenario}, scored with {result.settings.cue!r}: "
        f"{result.agent.director} {result.agent.error():.2f} sd from the mood wanted, "
        f"{result.rival.director} {result.rival.error():.2f} sd"
    )
    return draw_panels(panels, result.settings.seconds, title)


def _story(take: Take, sample_rate: int) -> Story:
    key = Key.parse(take.session.cue.key)
    return Story(sample_rate, key, bars=take.bars, directions=take.directions)


def _draw_game(axes: Axes, result: DemoResult) -> None:
    log = result.game
    for name, colour in (("health", "tab:green"), ("danger", "tab:red"), ("action", "tab:purple")):
        axes.plot(log.seconds, [values[name] for values in log.parameters], colour, label=name)
    for seconds, name in log.stingers:
        axes.axvline(seconds, color="grey", lw=0.8, ls=":")
        axes.text(seconds, 1.02, name, fontsize=7, ha="center")
    axes.set_ylim(-0.02, 1.1)
    axes.legend(loc="upper right", ncols=3, fontsize=8)
    name_panel(axes, "game")


def _draw_mood(axes: Axes, result: DemoResult, axis: str) -> None:
    number = AXES.index(axis)
    for take, colour in ((result.agent, AGENT), (result.rival, RIVAL)):
        starts = _story(take, result.sample_rate).edges()
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
    axes.set_ylim(-2.6, 2.6)
    axes.legend(loc="upper right", ncols=3, fontsize=8)
    name_panel(axes, axis, "sd of listeners' ratings; thin: what each bar expresses")


def _draw_errors(axes: Axes, result: DemoResult) -> None:
    for take, colour in ((result.agent, AGENT), (result.rival, RIVAL)):
        error = np.abs(np.array(take.felt) - take.wanted()).mean(axis=1)
        starts = _story(take, result.sample_rate).edges()[1 : len(error) + 1]
        axes.plot(starts, error, colour, lw=0.7)
        mean = float(error.mean())
        axes.axhline(mean, color=colour, ls="--", label=f"{take.director}: mean {mean:.2f}")
    axes.set_ylim(0, None)
    axes.legend(loc="upper right", ncols=2, fontsize=8)
    name_panel(axes, "distance of felt and wanted", "sd")


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
