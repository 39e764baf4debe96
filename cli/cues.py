"""Cues: `segue cue list`, `check`, `import` and `record`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from .common import Seed, app, console, print_table, progress_bar

if TYPE_CHECKING:
    from ..music.cue import Cue

cue_app = typer.Typer(help="List, check, import and record cues.", no_args_is_help=True)
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
    file: Annotated[Path, typer.Argument(help="Any MIDI file, or a recording.")],
    folder: Annotated[Path | None, typer.Option("--output", "-o", help="Folder to make.")] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Of a recording: draw its sections and intensity into this PNG file."),
    ] = None,
) -> None:
    """Make a cue from a MIDI file or a recording, to start from.

    Of a MIDI file: key, melody, chords, sections, bindings. Of a recording: its sections as stems
    that go round, tempo, key, chords, and what is struck apart from what is held.
    """
    from ..music.cue_import import import_midi, is_midi
    from ..music.errors import SegueError

    target = folder or Path(file.stem)
    if not is_midi(file):
        _import_recording(file, target, picture)
        return
    if picture is not None:
        raise SegueError(
            f"--picture belongs to recordings, and {file} is a MIDI file; leave it out"
        )
    _tell_made(target, import_midi(file, target))


@cue_app.command("record")
def cue_record(
    cue: Annotated[str, typer.Argument(help="A shipped cue, or a folder.")],
    folder: Annotated[Path | None, typer.Option("--output", "-o", help="Folder to make.")] = None,
    bpm: Annotated[
        float | None, typer.Option(help="Tempo of the recordings.", min=20, max=400)
    ] = None,
    seed: Seed = 0,
) -> None:
    """Record a cue as stems that can only come and go, as a studio would; from calm to wild.

    Such a cue is directed by its sections and layers: segue play FOLDER --director stems
    """
    from ..music.cue_file import load_cue
    from ..synth.takes import record_stems

    target = folder or Path(f"{Path(cue).name}-stems")
    with progress_bar() as progress:
        task = progress.add_task(f"recording {cue}", total=1.0)
        made = record_stems(
            load_cue(cue),
            target,
            bpm=bpm,
            seed=seed,
            progress=lambda done: progress.update(task, completed=done),
        )
    console.print(
        f"{target}: {len(made.layers)} stems of {len(made.sections)} sections at "
        f"{made.tempo_bpm[0]:g} bpm; hear it: segue play {target} --director stems",
        soft_wrap=True,
    )


def _import_recording(file: Path, target: Path, picture: Path | None) -> None:
    from ..analysis.form.song_cue import import_recording, section_rows
    from ..analysis.form.song_picture import check_picture, draw_song

    if picture is not None:
        check_picture(picture)
    with console.status(f"reading {file}") as status:
        cue, song = import_recording(
            file, target, tell=lambda what: status.update(f"{what} ({file})")
        )
        if picture is not None:
            draw_song(song, picture, file.name)
    print_table(section_rows(song), f"{file.name}: {song.form.pattern}")
    console.print(
        f"{song.tempo_bpm:.1f} bpm ({song.tempo_confidence:.2f}), {song.meter} "
        f"({song.meter_confidence:.2f}), {song.key} ({song.key_confidence:.2f}); confidence 0 to 1",
        soft_wrap=True,
    )
    _tell_made(target, cue)
    if picture is not None:
        console.print(f"picture: {picture}")


def _tell_made(target: Path, cue: "Cue") -> None:
    console.print(
        f"{target}: {cue.key}, {cue.meter}, {len(cue.sections)} sections, "
        f"{cue.bars} bars; hear it: segue render {target} -o {target.name}.wav",
        soft_wrap=True,
    )
