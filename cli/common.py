"""What the commands share: the application, its options, progress, tables."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from rich.progress import Progress

app = typer.Typer(
    name="segue",
    help="Adaptive music: trained agents arrange, bar by bar, what a game needs to hear.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(width=None if sys.stdout.isatty() else 160)

MAX_SECONDS = 86_400.0

Seed = Annotated[int, typer.Option(help="Same seed, same music.", min=0, max=2**32 - 1)]
Json = Annotated[
    Path | None,
    typer.Option(help="Write the results for a machine to this file.", dir_okay=False),
]
DirectorName = Annotated[
    str, typer.Option(help="Who decides: agent, table, adaptive, ...; stems for recordings.")
]


def progress_bar() -> "Progress":
    """A progress bar that goes away when done; nothing where nobody looks."""
    from rich.progress import Progress

    return Progress(console=console, transient=True, disable=not console.is_terminal)


def print_table(rows: list[dict[str, Any]], title: str = "") -> None:
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        numbers = all(isinstance(row.get(name, 0), int | float) for row in rows)
        side: Literal["right", "left"] = "right" if numbers else "left"
        table.add_column(name.replace("_", " "), justify=side, no_wrap=numbers)
    for row in rows:
        table.add_row(*(cell(row.get(name, "")) for name in names))
    console.print(table)


def cell(value: Any) -> str:
    """A value as text that Rich takes as it is."""
    return escape(f"{value:.3f}" if isinstance(value, float) else str(value))
