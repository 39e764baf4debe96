"""Cues: `segue cue list`, `check` and `import`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from .common import app, console, print_table

cue_app = typer.Typer(help="List, check and import cues.", no_args_is_help=True)
app.add_typer(cue_app, name="cue")


@cue_app.command("list")
def cue_list() -> None:
    """List the shipped cues."""
    from ..music.cue_file import load_cue, shipped_cues

    cues = [load_cue(name) for name in shipped_cues()]
    print_table(
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
    from ..music.cue_file import check_cue, shipped_cues
    from ..music.errors import UnknownNameError
    from ..synth.sample_check import sample_faults

    if folder not in shipped_cues() and not Path(folder).exists():
        raise UnknownNameError("cue or cue folder", folder, shipped_cues())
    with console.status(f"checking {folder}"):
        faults = check_cue(folder, sample_faults)
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
    from ..music.cue_import import import_midi

    target = folder or Path(midi.stem)
    cue = import_midi(midi, target)
    console.print(
        f"{target}: {cue.key}, {cue.meter}, {len(cue.sections)} sections, "
        f"{cue.bars} bars; hear it: segue render {target} -o {target.name}.wav",
        soft_wrap=True,
    )
