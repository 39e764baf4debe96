"""Playing: `segue demo`, `play` and `render`."""

import math
from pathlib import Path
from typing import Annotated

import typer

from .common import MAX_SECONDS, DirectorName, Seed, app, console, print_table, progress_bar


@app.command()
def demo(
    scenario: Annotated[str, typer.Option(help="Which ViZDoom level is played.")] = "deathmatch",
    cue: Annotated[str, typer.Option(help="Which cue scores it.")] = "dungeon",
    seconds: Annotated[float, typer.Option(help="Game time.", min=10, max=3600)] = 90.0,
    seed: Seed = 1,
    out: Annotated[Path, typer.Option(help="Folder for the music and the report.")] = Path(
        "out/demo"
    ),
    live: Annotated[bool, typer.Option("--live", help="In real time, on this machine.")] = False,
) -> None:
    """Play a real game headless and score it; leaves music, MIDI, a log and a report."""
    from ..server.pictures.report import write_report
    from ..server.playing.demo import DemoSettings, run_demo

    settings = DemoSettings(cue, scenario, seconds, seed, out=out, live=live)
    with progress_bar() as progress:
        task = progress.add_task(f"playing and scoring {scenario}", total=seconds)
        result = run_demo(settings, lambda done: progress.update(task, completed=done))
        progress.update(task, description="drawing the report")
        write_report(result)
    game, agent, rival = result.game, result.agent, result.rival
    console.print(
        f"{seconds:.0f} s of {scenario} ({game.kills} kills, {game.deaths} deaths) scored with "
        f"{cue!r} in {result.wall_seconds:.0f} s"
    )
    rows = [
        {"director": take.director, "felt_to_wanted": take.error(), "heard": take.heard_error()}
        for take in (agent, rival)
    ]
    print_table(rows, "mood-tracking error, sd of listeners' ratings (less is better)")
    console.print(f"look and listen: {out / 'report.html'}", soft_wrap=True)


@app.command()
def play(
    cue: Annotated[str, typer.Argument(help="A shipped cue, or a folder.")] = "dungeon",
    director: DirectorName = "agent",
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="auto, jack, portaudio, midi, midi:PORT, null, file:X.wav"
        ),
    ] = "auto",
    seconds: Annotated[
        float | None, typer.Option(help="Stop by itself after so long.", min=0, max=MAX_SECONDS)
    ] = None,
    clock: Annotated[bool, typer.Option("--clock", help="MIDI output with a clock.")] = False,
    mpe: Annotated[
        list[str] | None, typer.Option(help="MIDI output: a layer as an MPE zone; twice for two.")
    ] = None,
    midi_in: Annotated[
        str | None, typer.Option(help="MIDI input, '' for the first, virtual:NAME for a new one.")
    ] = None,
    route: Annotated[
        list[str] | None, typer.Option("--map", help="MIDI input steers: cc:1=danger, ...")
    ] = None,
    follow_clock: Annotated[
        bool, typer.Option("--follow-clock", help="The MIDI input's clock sets the tempo.")
    ] = False,
    accompany: Annotated[
        bool, typer.Option("--accompany", help="Follow who plays on the MIDI input.")
    ] = False,
    follow_player: Annotated[
        str | None,
        typer.Option(help="Keep time with who plays: jack for JACK's input, or a sound file."),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Play a cue on this machine and steer it from the keyboard, or by MIDI."""
    from ..server.playing.play import play as run_play
    from ..server.sounding.midi_sound import midi_output

    run_play(
        cue,
        director=director,
        output=midi_output(output, clock=clock, mpe=mpe or ()),
        seed=seed,
        seconds=seconds,
        console=console,
        midi_in=midi_in,
        routes=route or (),
        follow_clock=follow_clock,
        accompany=accompany,
        follow_player=follow_player,
    )


@app.command()
def render(
    cue: Annotated[str, typer.Argument(help="A shipped cue, or a folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="WAV, FLAC or OGG.")] = Path(
        "out.wav"
    ),
    seconds: Annotated[
        float, typer.Option(min=1, max=MAX_SECONDS, help="Length of the music.")
    ] = 60.0,
    valence: Annotated[float, typer.Option(help="Dark -1 .. 1 bright.")] = 0.0,
    arousal: Annotated[float, typer.Option(help="Calm -1 .. 1 excited.")] = 0.0,
    section: Annotated[str | None, typer.Option(help="Go there first.")] = None,
    director: DirectorName = "agent",
    midi: Annotated[Path | None, typer.Option(help="Write the notes too.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw sound, notes and directions to this PNG.")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Render a cue to a sound file, much faster than real time."""
    import time

    from ..server.pictures.picture import check_picture, draw_file
    from ..server.pictures.story import Story
    from ..server.sessions.embedded import open_session

    if picture:
        check_picture(picture)
    start = time.monotonic()
    with console.status("tuning the instruments"):  # some seconds the first time they are used
        session = open_session(
            cue, director=director, output=f"file:{output}", midi=midi, seed=seed
        )
    story = Story.of(session)
    try:
        session.mood(valence=valence, arousal=arousal, ramp_seconds=0.0)
        if section:
            session.go(section)
        with progress_bar() as progress:
            task = progress.add_task(f"rendering {cue}", total=seconds)
            for second in range(math.ceil(seconds)):
                session.advance(min(1.0, seconds - second))
                story.follow(session)
                progress.update(task, completed=second + 1)
        story.finish(session)
        session.settle()
        session.close()
    except BaseException:
        session.discard()
        raise
    taken = time.monotonic() - start
    if picture:
        with console.status("drawing"):
            draw_file(picture, output, story=story)
    written = " and ".join(str(path) for path in (output, midi, picture) if path)
    console.print(f"{written}: {seconds:g} s in {taken:.1f} s", soft_wrap=True)
