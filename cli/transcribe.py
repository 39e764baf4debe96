"""From sound or played notes to a score: `segue transcribe`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import Json, app, console, print_table, progress_bar

if TYPE_CHECKING:
    from ..analysis.notation.transcribe import Transcription


@app.command()
def transcribe(
    file: Annotated[
        Path, typer.Argument(help="WAV, FLAC, OGG, MP3, or a MIDI file.", dir_okay=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=".mid or .musicxml; by default beside the file."),
    ] = None,
    quantise: Annotated[
        bool, typer.Option(help="Put the notes on a grid; MusicXML always has one.")
    ] = True,
    lines: Annotated[
        str, typer.Option(help="one: a single instrument or voice; many; auto hears which.")
    ] = "auto",
    drums: Annotated[bool, typer.Option(help="Listen for drums.")] = True,
    json: Json = None,
) -> None:
    """Write down what a sound file plays, or engrave a MIDI file: notes, bars, key, hands."""
    from ..analysis.notation.transcribe_file import check_target, transcribe_file, write_score

    target = check_target(file, output, quantised=quantise)
    with progress_bar() as progress:
        task = progress.add_task("listening", total=1.0)
        made = transcribe_file(
            file,
            quantised=quantise,
            lines=lines,
            drums=drums,
            progress=lambda share, what: progress.update(task, completed=share, description=what),
        )
        write_score(made, target)
    print_table(_rows(made), str(file))
    console.print(f"written: {target}", soft_wrap=True)
    if json:
        from ..benchmarks.results import write_results

        write_results(json, "transcribe", made.to_dict(), {"tracks": _rows(made)})
        console.print(f"written: {json}", soft_wrap=True)


def _rows(made: "Transcription") -> list[dict[str, str | int | float]]:
    return [
        {
            "track": track.name,
            "notes": len(track.notes),
            "bars": int(-(-made.score.end_beats // made.score.meter.bar_beats)),
            "meter": str(made.score.meter),
            "bpm": round(made.tempo_bpm, 1),
            "key": str(made.key or "none"),
            "begins_seconds": round(made.start_seconds, 3),
        }
        for track in made.score.tracks
    ]
