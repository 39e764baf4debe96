"""The `segue` command. Subcommands import what they need when they run, so `--help` is quick."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .client.errors import ClientError
from .music.errors import SegueError

if TYPE_CHECKING:
    from rich.progress import Progress

app = typer.Typer(
    name="segue",
    help="Adaptive music: trained agents arrange, bar by bar, what a game needs to hear.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cue_app = typer.Typer(help="List, check and import cues.", no_args_is_help=True)
app.add_typer(cue_app, name="cue")
console = Console(width=None if sys.stdout.isatty() else 160)

MAX_SECONDS = 86_400.0
STOPPED = 130  # exit code after Ctrl-C, as of any command that a signal ended

Seed = Annotated[int, typer.Option(help="Same seed, same music.", min=0, max=2**32 - 1)]
Json = Annotated[
    Path | None,
    typer.Option(help="Write the results for a machine to this file.", dir_okay=False),
]
EnvOptions = Annotated[
    list[str] | None,
    typer.Option("--set", help="NAME=VALUE of segue/Arrange-v0, e.g. bias_sd=0; any number."),
]
DirectorName = Annotated[
    str, typer.Option(help="Who decides: agent, table, adaptive, planner, ...")
]


def main() -> None:
    """Run the command; an error of the user's is one line and exit code 2, Ctrl-C is 130."""
    try:
        code = app(prog_name="segue", standalone_mode=False)
    except (SegueError, ClientError) as error:
        _fail(str(error))
    except typer.TyperException as error:
        _fail(_misuse(error))
    except ImportError as error:
        _fail(_lacking(error))
    except OSError as error:
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}")
    except KeyboardInterrupt:
        code = STOPPED
    if code == STOPPED:
        print("segue: stopped", file=sys.stderr)
    sys.exit(code)


def _fail(message: str) -> NoReturn:
    print(f"segue: {message}", file=sys.stderr)
    sys.exit(2)


def _misuse(error: typer.TyperException) -> str:
    """What was wrong with the arguments, and where to read about them."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "segue"
    message = error.format_message().rstrip(".")
    if not message:  # nothing was asked for, and the help has been shown
        sys.exit(2)
    return f"{message}{' See' if message.endswith('?') else '; see'} {command} --help"


def _lacking(error: ImportError) -> str:
    """Which extra brings the package that is missing; any other failure is not the user's."""
    from .server.doctor import EXTRAS

    package = (error.name or "").partition(".")[0]
    if package not in EXTRAS:
        raise error
    extra, needed_for = EXTRAS[package]
    return (
        f"{needed_for} needs the package {package}, which is not installed; "
        f"pip install 'segue[{extra}]' brings it"
    )


def _progress() -> "Progress":
    """A progress bar that goes away when done; nothing where nobody looks."""
    from rich.progress import Progress

    return Progress(console=console, transient=True, disable=not console.is_terminal)


def _print_table(rows: list[dict[str, Any]], title: str = "") -> None:
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        numbers = all(isinstance(row.get(name, 0), int | float) for row in rows)
        side: Literal["right", "left"] = "right" if numbers else "left"
        table.add_column(name.replace("_", " "), justify=side, no_wrap=numbers)
    for row in rows:
        table.add_row(*(_cell(row.get(name, "")) for name in names))
    console.print(table)


def _options(settings: list[str] | None) -> dict[str, Any]:
    """Options of `segue/Arrange-v0` from NAME=VALUE, numbers as numbers."""
    found: dict[str, Any] = {}
    for setting in settings or ():
        name, equals, text = setting.partition("=")
        if not equals:
            raise SegueError(f"--set {setting!r} is not of the form NAME=VALUE; e.g. bias_sd=0")
        try:
            found[name] = int(text) if text.lstrip("+-").isdigit() else float(text)
        except ValueError:
            found[name] = text
    return found


def _key(name: str) -> str:
    """A name as part of a key: words joined by underscores."""
    return "_".join(Path(name).stem.replace(",", " ").split())


def _cell(value: Any) -> str:
    """A value as text that Rich takes as it is."""
    return escape(f"{value:.3f}" if isinstance(value, float) else str(value))


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
    from .server.demo import DemoSettings, run_demo
    from .server.report import write_report

    settings = DemoSettings(cue, scenario, seconds, seed, out=out, live=live)
    with _progress() as progress:
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
    _print_table(rows, "mood-tracking error, sd of listeners' ratings (less is better)")
    console.print(f"look and listen: {out / 'report.html'}", soft_wrap=True)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Control port on 127.0.0.1; events are one up.")] = 5570,
    folder: Annotated[
        Path,
        typer.Option(help="Where sessions write their files.", exists=True, file_okay=False),
    ] = Path("."),
) -> None:
    """Serve sessions over ZeroMQ on this machine until Ctrl-C; see docs/protocol.md."""
    from .server.server import serve as run_server

    raise typer.Exit(run_server(port, folder=folder))


@app.command()
def play(
    cue: Annotated[str, typer.Argument(help="A shipped cue, or a folder.")] = "dungeon",
    director: DirectorName = "agent",
    output: Annotated[
        str, typer.Option(help="auto, jack, portaudio, midi, midi:PORT, null, file:X.wav")
    ] = "auto",
    seconds: Annotated[
        float | None, typer.Option(help="Stop by itself after so long.", min=0, max=MAX_SECONDS)
    ] = None,
    seed: Seed = 0,
) -> None:
    """Play a cue on this machine and steer it from the keyboard."""
    from .server.play import play as run_play

    run_play(cue, director=director, output=output, seed=seed, seconds=seconds, console=console)


@app.command()
def render(
    cue: Annotated[str, typer.Argument(help="A shipped cue, or a folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="WAV or FLAC.")] = Path("out.wav"),
    seconds: Annotated[
        float, typer.Option(min=1, max=MAX_SECONDS, help="Length of the music.")
    ] = 60.0,
    valence: Annotated[float, typer.Option(help="Dark -1 .. 1 bright.")] = 0.0,
    arousal: Annotated[float, typer.Option(help="Calm -1 .. 1 excited.")] = 0.0,
    section: Annotated[str | None, typer.Option(help="Go there first.")] = None,
    director: DirectorName = "agent",
    midi: Annotated[Path | None, typer.Option(help="Write the notes too.")] = None,
    seed: Seed = 0,
) -> None:
    """Render a cue to a sound file, much faster than real time."""
    import time

    from .server.embedded import open_session

    start = time.monotonic()
    session = open_session(cue, director=director, output=f"file:{output}", midi=midi, seed=seed)
    try:
        session.mood(valence=valence, arousal=arousal, ramp_seconds=0.0)
        if section:
            session.go(section)
        with _progress() as progress:
            task = progress.add_task(f"rendering {cue}", total=seconds)
            for second in range(math.ceil(seconds)):
                session.advance(min(1.0, seconds - second))
                progress.update(task, completed=second + 1)
        session.close()
    except BaseException:
        session.discard()
        raise
    taken = time.monotonic() - start
    written = " and ".join(str(path) for path in (output, midi) if path)
    console.print(f"{written}: {seconds:g} s in {taken:.1f} s", soft_wrap=True)


@app.command()
def models() -> None:
    """List the learned models with their scores and licences."""
    from .agents.directors import MODELS as POLICIES
    from .analysis.cards import MODELS, list_cards

    rows = []
    for card in list_cards(MODELS, POLICIES):
        first = next(iter(card.metrics), None)
        score = (
            f"{first.name} {first.value:.3f} [{first.low:.3f}, {first.high:.3f}]" if first else ""
        )
        rows.append(
            {
                "name": card.name,
                "task": card.task,
                "summary": card.summary,
                "score": score,
                "commercial_use": card.commercial_use,
            }
        )
    _print_table(rows)


@app.command()
def doctor() -> None:
    """Say what this machine has, what it lacks and what to do about it."""
    from .server.doctor import examine

    with console.status("looking; audio drivers are tried one by one"):
        findings = examine()
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("part", "", "detail", "needed for"):
        table.add_column(name)
    for finding in findings:
        mark = "[green]yes[/]" if finding.ok else "[red]no[/]"
        table.add_row(finding.part, mark, escape(finding.detail), finding.needed_for)
    console.print(table)


@cue_app.command("list")
def cue_list() -> None:
    """List the shipped cues."""
    from .music.cue_file import load_cue, shipped_cues

    cues = [load_cue(name) for name in shipped_cues()]
    _print_table(
        [
            {
                "name": cue.name,
                "title": cue.title,
                "key": str(cue.key),
                "meter": str(cue.meter),
                "sections": ", ".join(section.name for section in cue.sections),
                "stingers": ", ".join(stinger.name for stinger in cue.stingers),
                "parameters": ", ".join(parameter.name for parameter in cue.parameters),
            }
            for cue in cues
        ]
    )


@cue_app.command("check")
def cue_check(folder: Annotated[str, typer.Argument(help="A cue folder, or a name.")]) -> None:
    """Find every fault of a cue; exit code 1 if there are any."""
    from .music.cue_file import check_cue, shipped_cues
    from .music.errors import UnknownNameError

    if folder not in shipped_cues() and not Path(folder).exists():
        raise UnknownNameError("cue or cue folder", folder, shipped_cues())
    faults = check_cue(folder)
    for fault in faults:
        where = f"[red]{fault.code}[/] at [bold]{escape(fault.place)}[/]"
        console.print(f"{where}: {escape(fault.message)}", soft_wrap=True)
        console.print(f"    {fault.remedy}", style="dim", markup=False, soft_wrap=True)
    if faults:
        console.print(f"{len(faults)} fault{'s' if len(faults) > 1 else ''} in {folder}")
        raise typer.Exit(1)
    console.print(f"{folder}: no faults")


@cue_app.command("import")
def cue_import(
    midi: Annotated[Path, typer.Argument(help="Any MIDI file.")],
    folder: Annotated[Path | None, typer.Option("--output", "-o", help="Folder to make.")] = None,
) -> None:
    """Make a cue from a MIDI file: key, melody, chords, sections, bindings."""
    from .music.cue_import import import_midi

    target = folder or Path(midi.stem)
    cue = import_midi(midi, target)
    console.print(
        f"{target}: {cue.key}, {cue.meter}, {len(cue.sections)} sections, "
        f"{cue.bars} bars; hear it: segue render {target} -o {target.name}.wav",
        soft_wrap=True,
    )


@app.command()
def train(
    run: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("runs/arranger"),
    steps: Annotated[int, typer.Option(help="Bars to train on.", min=1)] = 4_000_000,
    seed: Seed = 0,
    targets: Annotated[
        str, typer.Option(help="Moods: traces, generator, sliders, mixed.")
    ] = "mixed",
    resume: Annotated[bool, typer.Option(help="Go on from the run's last checkpoint.")] = False,
    options: EnvOptions = None,
) -> None:
    """Train an arranger with PPO; `tensorboard --logdir RUN` shows the curves."""
    from .agents.train import TrainSettings
    from .agents.train import train as run_training

    try:
        settings = TrainSettings(steps=steps, seed=seed)
        run_training(run, settings, resume=resume, targets=targets, **_options(options))
    except KeyboardInterrupt:
        again = f"segue train --run {run} --steps {steps} --targets {targets} --resume"
        console.print(f"go on with: {again}", soft_wrap=True)
        raise
    console.print(
        f"policy: {run / 'policy.json'}; try it: segue evaluate {run / 'policy.json'} table",
        soft_wrap=True,
    )


@app.command()
def evaluate(
    directors: Annotated[list[str] | None, typer.Argument(help="Names, or policy files.")] = None,
    episodes: Annotated[int, typer.Option(min=5, help="Episodes of 64 bars.")] = 1280,
    split: Annotated[str, typer.Option(help="train, validation, test or heldout.")] = "test",
    targets: Annotated[str, typer.Option(help="Moods: traces, generator, sliders.")] = "traces",
    options: EnvOptions = None,
    json: Json = None,
) -> None:
    """Compare directors on the same unseen games, themes and listeners."""
    from .agents.directors import AGENTS
    from .agents.evaluate import evaluate as play
    from .agents.evaluate import over_seeds, table
    from .benchmarks.results import write_results

    names = directors or ["agent", "adaptive", "reactive", "table", "hold", "random"]
    with _progress() as progress:
        task = progress.add_task("playing", total=len(names) * 5 * 64)
        played = play(
            names,
            episodes=episodes,
            split=split,
            targets=targets,
            **_options(options),
            on_bar=lambda name: progress.update(task, advance=1, description=f"playing {name}"),
        )
    rows = table(played)
    if (seeds := over_seeds(rows, AGENTS)) is not None:
        rows.append(seeds)
    title = f"reward a bar, {episodes} episodes of the {split} split, moods of {targets}"
    _print_table(rows, ", ".join([title, *(options or ())]))
    if json:
        results = {f"{_key(row['director'])}_reward": row["reward"] for row in rows}
        write_results(json, "evaluate", results, {"directors": rows})
        console.print(f"written: {json}")


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="What to measure: env.")],
    json: Json = None,
) -> None:
    """Measure speed, ours beside the peers, in one run."""
    from .benchmarks import BENCHMARKS, run_benchmark
    from .benchmarks.results import write_results
    from .music.errors import UnknownNameError

    if name not in BENCHMARKS:
        raise UnknownNameError("benchmark", name, BENCHMARKS)
    with console.status(f"measuring {name}: {BENCHMARKS[name]}"):
        results, tables = run_benchmark(name)
    for title, rows in tables.items():
        _print_table(rows, title)
    _print_table([{"result": key, "value": value} for key, value in results.items()], "results")
    if json:
        write_results(json, name, results, tables)
        console.print(f"written: {json}")


if __name__ == "__main__":
    main()
