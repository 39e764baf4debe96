"""Learning: `segue train`, `evaluate` and `models`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..music.errors import SegueError
from .common import Json, Seed, app, console, print_table, progress_bar

EnvOptions = Annotated[
    list[str] | None,
    typer.Option("--set", help="NAME=VALUE of segue/Arrange-v0, e.g. bias_sd=0; any number."),
]


@app.command()
def models() -> None:
    """List the learned models with their scores and licences."""
    from ..agents.arrange.directors import MODELS as POLICIES
    from ..analysis.cards import MODELS, list_cards

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
    print_table(rows)


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
    from ..agents.train import TrainSettings
    from ..agents.train import train as run_training

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
    from ..agents.arrange.directors import AGENTS
    from ..agents.evaluate import evaluate as play
    from ..agents.evaluate import over_seeds, table
    from ..benchmarks.results import write_results

    names = directors or ["agent", "adaptive", "reactive", "table", "hold", "random"]
    with progress_bar() as progress:
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
    print_table(rows, ", ".join([title, *(options or ())]))
    if json:
        results = {f"{_key(row['director'])}_reward": row["reward"] for row in rows}
        write_results(json, "evaluate", results, {"directors": rows})
        console.print(f"written: {json}")


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
