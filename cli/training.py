"""Environments and those who play them: `segue environments`, `train`, `tune`, `evaluate`."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..music.errors import SegueError, UnknownNameError
from .common import Json, app, console, print_table, progress_bar

if TYPE_CHECKING:
    from ..agents.config import Config

Environment = Annotated[
    str | None, typer.Argument(help="arrange, Arrange-v0 or segue/Arrange-v0, ...")
]
EnvOptions = Annotated[
    list[str] | None,
    typer.Option("--set", help="NAME=VALUE of the environment, e.g. bias_sd=0; any number."),
]
ConfigName = Annotated[
    str, typer.Option("--config", help="A YAML file, or the name of a shipped one.")
]
_TIMED_DECISIONS = 500
_MEASURES_ABREAST = 8
_COMMON = ("player", "reward", "iqm", "gain", "decision_ms", "decision_ms_p99", "train_cpu_seconds")


@app.command()
def environments() -> None:
    """List the environments: what is seen and done, what trains on them, what is shipped."""
    from ..agents.config import shipped_configs
    from ..analysis.cards import list_cards, model_folders
    from ..envs import ENVIRONMENTS, make_core

    configs = shipped_configs()
    cards = list_cards(*model_folders(), verify=False)
    rows = []
    for name in ENVIRONMENTS:
        core = make_core(name, 1)
        rows.append(
            {
                "environment": name,
                "seen": "x".join(map(str, core.observation_space.shape)),
                "done": _space(core.action_space),
                "steps": core.steps,
                "reward": ", ".join(core.REWARDS),
                "trained by": ", ".join(
                    f"{key} ({one.algorithm})"
                    for key, one in configs.items()
                    if one.environment == name
                ),
                "shipped": ", ".join(card.name for card in cards if card.environment == name),
            }
        )
    print_table(rows)


@app.command()
def train(
    environment: Environment = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run; runs/NAME if none is given.")
    ] = None,
    config: ConfigName = "",
    steps: Annotated[int | None, typer.Option(help="Steps to train on.", min=1)] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the training; else that of the file.", min=0)
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Train so many seeds, in RUN/seed0, RUN/seed1, ...", min=1, max=99)
    ] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint, as it began.")
    ] = False,
    options: EnvOptions = None,
) -> None:
    """Train an agent; `tensorboard --logdir RUN` and RUN/curve.png show the curves.

    With --resume, the settings are those that the run began with.
    """
    from msgspec.structs import replace

    from ..agents.callbacks import has_checkpoint
    from ..agents.curves import draw_curves
    from ..agents.train import train as run_training

    loaded, short = _loaded(environment, config, steps)
    chosen = given_options(options)
    folder = run or Path("runs") / short
    first = loaded.seed if seed is None else seed
    numbers = range(first, first + seeds)
    runs = [folder] if seeds == 1 else [folder / f"seed{number}" for number in numbers]
    for number, one in zip(numbers, runs, strict=True):
        settings = replace(loaded, seed=number)
        going_on = resume and (seeds == 1 or has_checkpoint(one))
        if going_on and not config and has_checkpoint(one):
            settings, _ = _loaded(environment, str(one / "config.yaml"), steps)
        settings = replace(settings, train=settings.train | chosen)
        try:
            run_training(settings, one, resume=going_on, tell=_tell)
        except KeyboardInterrupt:
            again = shlex.join(["segue", *(word for word in sys.argv[1:] if word != "--resume")])
            console.print(f"go on with: {again} --resume", soft_wrap=True)
            raise
    if seeds > 1:
        draw_curves(sorted(folder.glob("seed*")), folder / "curve.png")
    found = " ".join(str(_trained(one)) for one in runs)
    console.print(f"trained: {found}; try it: segue evaluate {short} {found}", soft_wrap=True)


def _tell(line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)


def _trained(run: Path) -> Path:
    """What plays the result of a run: its policy, or its model where there is none."""
    policy = run / "policy.json"
    return policy if policy.exists() else run / "best.zip"


@app.command()
def tune(
    environment: Environment = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the search; runs/NAME-tune if none is given.")
    ] = None,
    config: ConfigName = "",
    trials: Annotated[int, typer.Option(help="In all, with those that are there.", min=1)] = 20,
    steps: Annotated[int | None, typer.Option(help="Steps of each trial.", min=1)] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the search; else that of the file.", min=0)
    ] = None,
    options: EnvOptions = None,
) -> None:
    """Search for hyper-parameters on the validation split; it goes on where it was stopped."""
    from msgspec.structs import replace

    from ..agents.tuning import BEST_CONFIG
    from ..agents.tuning import tune as search

    loaded, short = _loaded(environment, config, steps)
    first = loaded.seed if seed is None else seed
    settings = replace(loaded, seed=first, train=loaded.train | given_options(options))
    folder = run or Path("runs") / f"{short}-tune"
    with progress_bar() as progress:
        task = progress.add_task("searching", total=trials)

        def told(number: int, worth: float | None) -> None:
            what = "stopped early" if worth is None else f"validation {worth:+.3f}"
            console.print(f"trial {number}: {what}")
            progress.update(task, completed=number + 1)

        search(settings, folder, trials, told=told)
    best = folder / BEST_CONFIG
    console.print(
        f"best settings: {best}; use them: segue train {short} --config {best}", soft_wrap=True
    )


@app.command()
def evaluate(
    environment: Environment = None,
    players: Annotated[
        list[str] | None, typer.Argument(help="Names, or policies' cards; none: all baselines.")
    ] = None,
    episodes: Annotated[
        int, typer.Option(min=5, help="Of each player and split, over five seeds.")
    ] = 256,
    split: Annotated[
        list[str] | None, typer.Option(help="Of the data, any number; all for testing if none.")
    ] = None,
    baseline: Annotated[
        str, typer.Option(help="Gains are over this player; else over that of the study.")
    ] = "",
    time_decisions: Annotated[
        bool, typer.Option("--time/--no-time", help="Time decisions, one episode at a time.")
    ] = True,
    options: EnvOptions = None,
    json: Json = None,
) -> None:
    """Compare players on the same unseen episodes, with intervals."""
    from ..agents.evaluate import SEEDS, everyone
    from ..agents.evaluate import evaluate as play
    from ..agents.statistics import over_seeds, result_key, table
    from ..agents.study import find_study
    from ..benchmarks.results import write_results
    from ..envs import make_core

    name, _ = _names(environment)
    study = find_study(name)
    if baseline and baseline not in (players or everyone(study)):
        raise UnknownNameError("baseline", baseline, players or everyone(study))
    names = tuple(players or everyone(study))
    splits = tuple(split or study.test_splits)
    results: dict[str, float] = {}
    summary: dict[str, float] = {}
    tables: dict[str, list[dict[str, Any]]] = {}
    chosen = given_options(options)
    steps = make_core(name, 1, **chosen).steps * len(SEEDS) * len(names) * len(splits)
    with progress_bar() as progress:
        task = progress.add_task("playing", total=steps)
        for one in splits:
            played = play(
                study,
                names,
                episodes=episodes,
                split=one,
                options=chosen,
                decisions=_TIMED_DECISIONS if time_decisions and one == splits[0] else 0,
                on_step=lambda who: progress.update(task, advance=1, description=f"playing {who}"),
            )
            rows = table(played, baseline or study.baseline)
            if (seeds := over_seeds(rows, study)) is not None:
                rows.append(seeds)
            tables[one] = rows
            results |= {result_key(row["player"], "reward", one): row["reward"] for row in rows}
            summary |= {
                result_key("", key, one): value for key, value in study.summary(played).items()
            }
    for one, rows in tables.items():
        title = f"{name}, {episodes} episodes of the {one} split"
        _print_rows(rows, ", ".join([title, *(options or ())]))
    if summary:
        print_table([{"result": key, "value": value} for key, value in summary.items()], "results")
    for line in study.notes:
        console.print(line)
    if json:
        write_results(json, "evaluate", results | summary, tables)
        console.print(f"written: {json}")


def given_options(settings: list[str] | None) -> dict[str, Any]:
    """Options of an environment from NAME=VALUE, numbers as numbers."""
    found: dict[str, Any] = {}
    for setting in settings or ():
        name, equals, text = setting.partition("=")
        if not equals:
            raise SegueError(f"--set {setting!r} is not of the form NAME=VALUE; e.g. bias_sd=0")
        try:
            found[name] = int(text) if text.lstrip("+-").isdigit() else float(text)
        except ValueError:
            found[name] = {"true": True, "false": False}.get(text, text)
    return found


def _loaded(environment: str | None, config: str, steps: int | None) -> tuple["Config", str]:
    """The configuration that was asked for, and the short name of its environment."""
    from ..agents.algorithms import check_settings
    from ..agents.config import config_path, load_config, naming

    name, short = _names(environment)
    changes: dict[str, Any] = {} if steps is None else {"steps": steps}
    loaded = load_config(config or short, **changes)
    if loaded.environment != name:
        raise SegueError(f"{config} trains on {loaded.environment}, not on {name}; name that one")
    with naming(config_path(config or short)):
        check_settings(loaded)
    return loaded, short


def _space(space: Any) -> str:
    """A space of actions in a few words."""
    if hasattr(space, "nvec"):
        return f"{len(space.nvec)} choices of {', '.join(map(str, sorted(set(space.nvec))))}"
    return f"1 of {space.n}" if hasattr(space, "n") else f"{space.shape[0]} numbers"


def _print_rows(rows: list[dict[str, Any]], title: str) -> None:
    """Rows for people: first what all environments have, then its own measures, some at a time.

    Intervals stand beside reward and gain; the others are in the JSON file.
    """
    keys = dict.fromkeys(key for row in rows for key in row if not key.endswith(("_low", "_high")))
    measures = [key for key in keys if key not in _COMMON]
    print_table([_shown(row, [key for key in _COMMON if key in keys]) for row in rows], title)
    for at in range(0, len(measures), _MEASURES_ABREAST):
        some = measures[at : at + _MEASURES_ABREAST]
        print_table([_shown(row, ["player", *some]) for row in rows])


def _shown(row: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key in keys:
        shown[key] = row.get(key, "")
        if key in ("reward", "gain") and key in row:
            low, high = row[f"{key}_low"], row[f"{key}_high"]
            shown[key] = f"{row[key]:.3f} [{low:.3f}, {high:.3f}]"
    return shown


def _names(environment: str | None) -> tuple[str, str]:
    """The id of an environment and its short name.

    UnknownNameError if there is none; SegueError says how, where the name of a player was given
    alone, as commands took it once.
    """
    from ..agents.arrange.directors import DIRECTORS
    from ..envs import ENVIRONMENTS, environment_id, short_name

    if environment is None:
        known = ", ".join(map(short_name, ENVIRONMENTS))
        raise SegueError(f"name an environment: {known}; segue environments describes them")
    try:
        name = environment_id(environment)
    except UnknownNameError:
        if environment in DIRECTORS or environment.endswith((".json", ".zip")):
            first = "arrange" if environment in DIRECTORS else "ENVIRONMENT"
            raise SegueError(
                f"{environment!r} is a player, not an environment; "
                f"name the environment first: segue evaluate {first} {environment}"
            ) from None
        raise
    return name, short_name(name)
