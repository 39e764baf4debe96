"""Sound files: `segue picture`, `listen` and `harmonize`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .common import Json, Seed, app, console, print_table, progress_bar

SoundFile = Annotated[Path, typer.Argument(help="WAV, FLAC or OGG.", dir_okay=False)]
Log = Annotated[Path | None, typer.Option(help="The session's log, for what was decided.")]
Midi = Annotated[Path | None, typer.Option(help="The session's MIDI file, for the notes.")]


@app.command()
def picture(
    file: SoundFile,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="PNG.")] = None,
    log: Log = None,
    midi: Midi = None,
) -> None:
    """Draw a sound file: waveform, spectrogram, loudness; notes and directions with --log."""
    from ..music.errors import SegueError
    from ..server.pictures.picture import draw_file
    from ..server.pictures.story import read_story

    if midi and not log:
        raise SegueError("--midi shows its notes beside what --log tells; give both, or neither")
    target = output or file.with_suffix(".png")
    with console.status(f"drawing {file}"):
        draw_file(target, file, story=read_story(log, midi) if log else None)
    console.print(f"written: {target}", soft_wrap=True)


@app.command()
def listen(file: SoundFile, log: Log = None, midi: Midi = None, json: Json = None) -> None:
    """Judge a sound file as a studio would: loudness, balance, width, clicks, and more."""
    from ..benchmarks.results import write_results
    from ..server.pictures.listen import listen_to_file, listening_rows

    with console.status(f"listening to {file}"):
        found = listen_to_file(file, log=log, midi=midi)
    rows = listening_rows(found)
    print_table(rows, str(file))
    if json:
        write_results(json, "listen", found.to_dict(), {"listening": rows})
        console.print(f"written: {json}")


@app.command()
def harmonize(
    voice: Annotated[
        Path | None, typer.Argument(help="A recording of one voice; none with --live.")
    ] = None,
    cue: Annotated[str, typer.Option(help="Whose chords the parts follow.")] = "dungeon",
    output: Annotated[Path, typer.Option("--output", "-o", help="WAV, FLAC or OGG.")] = Path(
        "harmony.wav"
    ),
    section: Annotated[str | None, typer.Option(help="Where the cue begins.")] = None,
    bpm: Annotated[float | None, typer.Option(help="Tempo, within the cue's range.")] = None,
    at: Annotated[float, typer.Option(help="Where in the cue the voice begins, seconds.")] = 0.0,
    transpose: Annotated[
        str, typer.Option(help="Semitones that the cue moves, or auto to fit the recording.")
    ] = "0",
    parts: Annotated[int, typer.Option(help="1 to 3.", min=1, max=3)] = 2,
    style: Annotated[str, typer.Option(help="above, below or around the voice.")] = "around",
    sound: Annotated[str, typer.Option(help="choir, shifted or both.")] = "both",
    voice_db: Annotated[float, typer.Option(help="Level of the voice.")] = 0.0,
    parts_db: Annotated[float, typer.Option(help="Level of the parts.")] = -5.0,
    accompany: Annotated[bool, typer.Option(help="The cue plays along.")] = True,
    accompany_db: Annotated[float, typer.Option(help="Level of the cue.")] = -5.0,
    live: Annotated[bool, typer.Option("--live", help="Sing into JACK, until Ctrl-C.")] = False,
    seed: Seed = 0,
    json: Json = None,
) -> None:
    """Add parts to a voice that fit a cue's chords, as a choir or as the voice itself."""
    from ..benchmarks.results import write_results
    from ..music.errors import SegueError
    from ..server.harmonies.harmonize import HarmonizeSettings
    from ..server.harmonies.harmonize import harmonize as run_harmonize

    if (voice is None) != live:
        raise SegueError(
            "harmonize needs a recording, or --live to sing into JACK; give one of the two"
        )
    moved = _semitones(transpose, auto=not live)
    if voice is None:
        _harmonize_live(
            cue,
            section=section,
            bpm=bpm,
            transpose=moved,
            style=style,
            parts=parts,
            sound=sound,
            voice_db=voice_db,
            parts_db=parts_db,
            band=accompany,
            band_db=accompany_db,
        )
        return
    settings = HarmonizeSettings(
        section=section,
        bpm=bpm,
        at_seconds=at,
        transpose=moved,
        parts=parts,
        style=style,
        sound=sound,
        voice_db=voice_db,
        parts_db=parts_db,
        accompany=accompany,
        accompany_db=accompany_db,
        measure=json is not None,
        seed=seed,
    )
    with progress_bar() as progress:
        task = progress.add_task("harmonizing", total=1.0)
        result = run_harmonize(
            voice,
            cue,
            output,
            settings,
            progress=lambda share, what: progress.update(task, completed=share, description=what),
        )
    console.print(
        f"{result.path}: {result.notes} sung notes, {settings.parts} parts in {result.key} at "
        f"{result.bpm:.4g} bpm, {result.loudness_lufs:.1f} LUFS",
        soft_wrap=True,
    )
    if result.advice():
        console.print(result.advice(), soft_wrap=True)
    if json:
        write_results(json, "harmonize", result.results(), {"stretches": result.rows})
        console.print(f"written: {json}")


def _semitones(text: str, *, auto: bool) -> int | str:
    """A transposition as it was written."""
    from ..music.errors import SegueError

    if text == "auto" and auto:
        return text
    try:
        return int(text)
    except ValueError:
        or_auto = ", or auto" if auto else "; auto needs a recording"
        raise SegueError(f"--transpose is {text!r}; write a number of semitones{or_auto}") from None


def _harmonize_live(cue: str, **options: Any) -> None:
    from ..server.harmonies.harmonize_jack import LiveOptions, harmonize_live

    def ready() -> None:
        console.print("sing; Ctrl-C ends it")

    report = harmonize_live(cue, LiveOptions(**options), ready=ready)
    console.print(
        f"{report.seconds:.0f} s, {report.notes} notes of the choir, {report.xruns} xruns"
    )


@app.command()
def instruments(
    gallery: Annotated[
        Path | None, typer.Option(help="Folder for a page with sounds and pictures.")
    ] = None,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Make what they need now, not when first played.")
    ] = False,
) -> None:
    """List the instruments; with --gallery, write a page to hear and see them."""
    from ..server.pictures.gallery import instrument_rows, write_gallery
    from ..server.pictures.gallery import prepare as make_material

    if gallery is None and not prepare:
        print_table(instrument_rows())
        return
    with progress_bar() as progress:
        task = progress.add_task("playing", total=1.0)

        def tell(what: str, share: float) -> None:
            progress.update(task, completed=share, description=what)

        if prepare:
            make_material(tell)
        page = write_gallery(gallery, tell) if gallery else None
    if page:
        console.print(f"written: {page}", soft_wrap=True)


@app.command()
def timbre(
    target: SoundFile,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="WAV.")] = None,
    still: Annotated[
        bool, typer.Option("--still", help="The file is one sound, such as a note: match it.")
    ] = False,
    policy: Annotated[
        Path | None, typer.Option(help="Card of a trained policy; else the one that is shipped.")
    ] = None,
) -> None:
    """Follow a sound with a synthesizer: an agent turns the knobs until it sounds alike."""
    from ..agents.timbre.following import follow_file

    written = output or target.with_suffix(".timbre.wav")
    with progress_bar() as progress:
        task = progress.add_task("following", total=1.0)
        found = follow_file(
            target,
            written,
            still=still,
            policy=policy,
            progress=lambda share: progress.update(task, completed=share),
        )
    console.print(
        f"{written}: {len(found.knobs)} steps, distance {found.distances[0]:.2f} at first, "
        f"{found.distances[-1]:.2f} at last, {found.distances.mean():.2f} on average; knobs in "
        f"{written.with_suffix('.json')}",
        soft_wrap=True,
    )
