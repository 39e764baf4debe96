"""This machine: `segue doctor` and `bench`."""

from pathlib import Path
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
    name: Annotated[
        str, typer.Argument(help="What to measure: analysis, env, server, synth or voice.")
    ],
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Part of synth (clicks, ...), server (latency, ...) or analysis (rhythm, ...)."
        ),
    ] = None,
    long: Annotated[
        bool, typer.Option("--long", help="Of synth and server: ten minutes live, a long soak.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--set", help="Of analysis: the development set, else SEGUE_MIR_SET."),
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Of analysis: measure others as well.")
    ] = True,
    keep: Annotated[
        Path | None,
        typer.Option(help="Of analysis: a folder where answers of peers are kept and looked for."),
    ] = None,
    json: Json = None,
) -> None:
    """Measure speed, ours beside the peers, in one run."""
    from ..benchmarks import BENCHMARKS, OPTIONS, run_benchmark
    from ..benchmarks.results import write_results
    from ..music.errors import SegueError, UnknownNameError

    if name not in BENCHMARKS:
        raise UnknownNameError("benchmark", name, BENCHMARKS)
    given: dict[str, Any] = {"only": only, "long": long or None, "folder": folder, "keep": keep}
    given |= {"peers": None if peers else False}
    options = {option: value for option, value in given.items() if value is not None}
    for option in options:
        if option not in OPTIONS.get(name, ()):
            flag = {"folder": "--set", "peers": "--no-peers"}.get(option, f"--{option}")
            owners = " and ".join(owner for owner, has in OPTIONS.items() if option in has)
            raise SegueError(f"options as {flag} belong to {owners}, not to {name}; leave them out")
    with console.status(f"measuring {name}: {BENCHMARKS[name]}") as status:
        if name in OPTIONS:
            options["tell"] = lambda what, share: status.update(f"measuring {what} ({share:.0%})")
        results, tables = run_benchmark(name, **options)
    for title, rows in tables.items():
        print_table(rows, title)
    print_table([{"result": key, "value": value} for key, value in results.items()], "results")
    if json:
        write_results(json, name, results, tables)
        console.print(f"written: {json}")
