"""The ears: `segue analyze`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import Json, app, console, print_table, progress_bar

if TYPE_CHECKING:
    from ..analysis.report.analysis import Analysis, Progress

FAILED_SOME, FAILED_ALL = 1, 2


@app.command()
def analyze(
    paths: Annotated[
        list[Path], typer.Argument(help="Sound or MIDI files, or folders that hold some.")
    ],
    only: Annotated[
        str | None,
        typer.Option(
            help="Parts, with commas: loudness, features, roughness, tuning, tempo, key, "
            "chords, sections, notes. Without it: all but notes."
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Look into folders within folders.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(help="PNG of one file's waveform, spectrum, chords, sections.")
    ] = None,
    json: Json = None,
) -> None:
    """Hear files: tempo, beats, meter, key, chords, tuning, sections, loudness, timbre.

    Ends with 1 if some files of several could not be analysed, with 2 if none could.
    """
    # before numpy comes: these products are small, and a second thread only waits for the first
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ..analysis.report.analyze import check_parts, find_files
    from ..analysis.report.told import analysis_rows
    from ..music.errors import SegueError

    parts = None
    if only is not None:
        parts = check_parts(name.strip() for name in only.split(",") if name.strip())
    files = find_files(paths, recursive=recursive)
    if picture and len(files) > 1:
        raise SegueError(f"--picture draws one file, and {len(files)} were named; name one")
    if picture:
        from ..server.pictures.picture import check_picture

        check_picture(picture)
    found, failed = _hear(files, parts, outline=picture is not None)
    if len(files) == 1 and failed:
        raise failed[0][1]
    if len(files) == 1:
        print_table(analysis_rows(found[0]), str(files[0]))
    else:
        _print_several(found, failed)
    if picture:
        from ..analysis.report.picture import draw_analysis

        draw_analysis(found[0], picture)
        console.print(f"written: {picture}", soft_wrap=True)
    if json:
        _write(json, found, failed)
        console.print(f"written: {json}", soft_wrap=True)
    if failed:
        raise typer.Exit(FAILED_SOME if found else FAILED_ALL)


def _hear(
    files: list[Path], parts: frozenset[str] | None, *, outline: bool
) -> tuple[list["Analysis"], list[tuple[Path, Exception]]]:
    """The analyses, and the files that failed with why."""
    from ..analysis.report.analyze import analyze_file
    from ..music.errors import SegueError

    found: list[Analysis] = []
    failed: list[tuple[Path, Exception]] = []
    with progress_bar() as bar:
        task = bar.add_task("", total=float(len(files)))

        def progress(number: int, file: Path) -> "Progress":
            def tell(share: float, what: str) -> None:
                bar.update(task, completed=number + share, description=f"{file.name}: {what}")

            return tell

        for number, file in enumerate(files):
            try:
                found.append(
                    analyze_file(file, only=parts, outline=outline, progress=progress(number, file))
                )
            except (SegueError, OSError, MemoryError) as error:
                failed.append((file, error))
            bar.update(task, completed=number + 1)
    return found, failed


def _print_several(found: list["Analysis"], failed: list[tuple[Path, Exception]]) -> None:
    from ..analysis.report.told import analysis_row

    rows = [analysis_row(one) for one in found]
    remarks = dict.fromkeys(remark for one in found for remark in one.remarks)
    for row in rows:
        row.pop("remark", None)
    if rows:
        print_table(rows)
    for remark in remarks:
        console.print(remark, soft_wrap=True, markup=False)
    if failed:
        several = "file" if len(failed) == 1 else "files"
        console.print(f"{len(failed)} {several} could not be analysed:", markup=False)
        for _, error in failed:
            console.print(f"  {error}", soft_wrap=True, markup=False, highlight=False)


def _write(target: Path, found: list["Analysis"], failed: list[tuple[Path, Exception]]) -> None:
    from ..analysis.report.told import analysis_dict
    from ..benchmarks.results import write_results

    results = {"files": len(found), "failed": len(failed)}
    tables = {
        "files": [analysis_dict(one) for one in found],
        "failed": [{"file": str(path), "why": str(error)} for path, error in failed],
    }
    write_results(target, "analyze", results, tables)
