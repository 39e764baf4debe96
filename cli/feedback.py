"""Learning from real listeners: `segue learn-from`."""

from pathlib import Path
from typing import Annotated

import typer

from ..music.errors import SegueError
from .common import Json, app, console, print_table, progress_bar


@app.command(name="learn-from")
def learn_from(
    logs: Annotated[list[Path], typer.Argument(help="Session logs, or folders of them.")],
    out: Annotated[Path, typer.Option(help="Folder for the policy.")] = Path("runs/learned"),
    director: Annotated[
        str, typer.Option(help="What to begin with: policy, or a policy's card.")
    ] = "policy",
    updates: Annotated[
        int, typer.Option(help="Updates of further training; 0: fit what it expects.", min=0)
    ] = 0,
    cue: Annotated[
        list[Path] | None, typer.Option(help="Folder of a cue of your own; any number.")
    ] = None,
    json: Json = None,
) -> None:
    """Improve a policy by what listeners answered in recorded sessions.

    It is kept only if it would have done better in sessions that it was not fitted to, and does not
    do worse with other listeners.
    """
    from ..agents.feedback.learn_from import learn_from as learn
    from ..benchmarks.results import write_results
    from ..music.cue_file import load_cue

    cues = {load_cue(folder).name: str(folder) for folder in cue or ()}
    with progress_bar() as progress:
        task = progress.add_task("learning", total=1.0)
        lesson = learn(
            _files(logs),
            out,
            director=director,
            updates=updates,
            cues=cues,
            on_stage=lambda stage, share: progress.update(task, description=stage, completed=share),
        )
    population = lesson.population
    print_table(
        [
            {
                "who listened": axis,
                "bias, sd": float(population.mean[at]),
                "spread, sd": float(population.sd[at]),
            }
            for at, axis in enumerate(("valence", "arousal"))
        ],
        f"{lesson.sessions} sessions, {lesson.bars} bars",
    )
    print_table(
        [
            {
                "estimate": "the recorded sessions, played again",
                "gain": lesson.gain,
                "low": lesson.gain_low,
                "high": lesson.gain_high,
            },
            {
                "estimate": "simulated again, listeners like these",
                "gain": lesson.rerun,
                "low": lesson.rerun_low,
                "high": lesson.rerun_high,
            },
            {
                "estimate": "simulated again, the usual listeners",
                "gain": lesson.usual,
                "low": lesson.usual_low,
                "high": lesson.usual_high,
            },
        ],
        "reward a bar, 95 % intervals",
    )
    if lesson.path is not None:
        console.print(
            f"kept: {lesson.why}\npolicy: {lesson.path}; try it: segue play --director "
            f"{lesson.path}",
            soft_wrap=True,
        )
    else:
        console.print(f"not kept: {lesson.why}", soft_wrap=True)
    if json:
        names = [
            f"{key}{end}" for key in ("gain", "rerun", "usual") for end in ("", "_low", "_high")
        ]
        results = {name: float(getattr(lesson, name)) for name in names}
        results |= {"kept": float(lesson.kept), "sessions": float(lesson.sessions)}
        write_results(json, "learn-from", results, {})
        console.print(f"written: {json}")


def _files(logs: list[Path]) -> list[Path]:
    """The logs themselves, and those in folders."""
    found = [
        file for log in logs for file in (sorted(log.glob("*.jsonl")) if log.is_dir() else [log])
    ]
    if not found:
        raise SegueError(f"there is no log (*.jsonl) in {', '.join(map(str, logs))}")
    return found
