"""The `segue` command. Subcommands import what they need when they run, so `--help` is quick."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .music.errors import SegueError

app = typer.Typer(
    name="segue",
    help="Adaptive music: trained agents arrange, bar by bar, what a game needs to hear.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cue_app = typer.Typer(help="List, check and import cues.", no_args_is_help=True)
app.add_typer(cue_app, name="cue")
console = Console()

Seed = Annotated[int, typer.Option(help="Same seed, same music.")]
Json = Annotated[Path | None, typer.Option(help="Write the results for a machine to this file.")]
DirectorName = Annotated[
    str, typer.Option(help="Who decides: agent, table, adaptive, planner, ...")
]


def main() -> None:
    """Run the command; an error of the user's is one line and exit code 2, Ctrl-C is 130."""
    try:
        app()
    except SegueError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}")
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        sys.exit(130)


def _fail(message: str) -> None:
    print(f"segue: {message}", file=sys.stderr)
    sys.exit(2)


def _print_table(rows: list[dict[str, Any]], title: str = "") -> None:
    table = Table(title=title or None, title_justify="left")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if name == "director" else "right")
    for row in rows:
        table.add_row(*(_cell(row.get(name, "")) for name in rows[0]))
    console.print(table)


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


@app.command()
def train(
    run: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("runs/arranger"),
    steps: Annotated[int, typer.Option(help="Bars to train on.", min=1)] = 2_500_000,
    seed: Seed = 0,
    targets: Annotated[str, typer.Option(help="Games: traces, generator or mixed.")] = "mixed",
    resume: Annotated[bool, typer.Option(help="Go on from the run's last checkpoint.")] = False,
) -> None:
    """Train an arranger with PPO; `tensorboard --logdir RUN` shows the curves."""
    from .agents.train import TrainSettings
    from .agents.train import train as run_training

    try:
        settings = TrainSettings(steps=steps, seed=seed)
        run_training(run, settings, resume=resume, targets=targets)
    except KeyboardInterrupt:
        console.print(f"\nstopped; go on with: segue train --run {run} --steps {steps} --resume")
        raise
    console.print(
        f"policy: {run / 'policy.json'}; try it: segue evaluate {run / 'policy.json'} table"
    )


@app.command()
def evaluate(
    directors: Annotated[list[str] | None, typer.Argument(help="Names, or policy files.")] = None,
    episodes: Annotated[int, typer.Option(min=5, help="Episodes of 64 bars.")] = 1280,
    split: Annotated[str, typer.Option(help="train, validation, test or heldout.")] = "test",
    json: Json = None,
) -> None:
    """Compare directors on the same unseen games, themes and listeners."""
    from rich.progress import Progress

    from .agents.evaluate import evaluate as play
    from .agents.evaluate import table
    from .benchmarks.results import write_results

    names = directors or ["agent", "adaptive", "reactive", "table", "hold", "random"]
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("playing", total=len(names) * 5 * 64)
        played = play(
            names,
            episodes=episodes,
            split=split,
            on_bar=lambda name: progress.update(task, advance=1, description=f"playing {name}"),
        )
    rows = table(played)
    _print_table(rows, f"reward a bar, {episodes} episodes of the {split} split")
    if json:
        results = {f"{row['director']}_reward": row["reward"] for row in rows}
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
