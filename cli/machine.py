"""This machine: `segue doctor` and `bench`."""

from typing import Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from .common import Json, app, console, print_table


@app.command()
def doctor() -> None:
    """Say what this machine has, what it lacks and what to do about it."""
    from ..server.doctor import examine

    with console.status("looking; audio drivers are tried one by one"):
        findings = examine()
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("part", "", "detail", "needed for"):
        table.add_column(name)
    for finding in findings:
        mark = "[green]yes[/]" if finding.ok else "[red]no[/]"
        table.add_row(finding.part, mark, escape(finding.detail), finding.needed_for)
    console.print(table)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="What to measure: env or synth.")],
    only: Annotated[
        list[str] | None, typer.Option(help="Part of synth: exactness, speed, peers, ...")
    ] = None,
    long: Annotated[bool, typer.Option("--long", help="Of synth: ten minutes live.")] = False,
    json: Json = None,
) -> None:
    """Measure speed, ours beside the peers, in one run."""
    from ..benchmarks import BENCHMARKS, run_benchmark
    from ..benchmarks.results import write_results
    from ..music.errors import SegueError, UnknownNameError

    if name not in BENCHMARKS:
        raise UnknownNameError("benchmark", name, BENCHMARKS)
    options: dict[str, Any] = {}
    if only or long:
        if name != "synth":
            raise SegueError(f"--only and --long belong to synth, not to {name}; leave them out")
        options = {"only": only or (), "long": long}
    with console.status(f"measuring {name}: {BENCHMARKS[name]}") as status:
        if name == "synth":
            options["tell"] = lambda what, share: status.update(f"measuring {what} ({share:.0%})")
        results, tables = run_benchmark(name, **options)
    for title, rows in tables.items():
        print_table(rows, title)
    print_table([{"result": key, "value": value} for key, value in results.items()], "results")
    if json:
        write_results(json, name, results, tables)
        console.print(f"written: {json}")
