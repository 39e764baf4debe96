"""Serving, and what a server leaves: `segue serve`, `protocol` and `replay`."""

from pathlib import Path
from typing import Annotated

import typer

from .common import Json, app, console, progress_bar

SHOWN_DIFFERENCES = 5


@app.command()
def serve(
    port: Annotated[
        int, typer.Option(help="Control port; events, models and heartbeat have the next three.")
    ] = 5570,
    host: Annotated[
        str, typer.Option(help="Address to listen on; other than this machine's needs --keys.")
    ] = "127.0.0.1",
    web: Annotated[
        int, typer.Option("--web", help="Port of the console and of WebSockets.")
    ] = 5580,
    osc: Annotated[int, typer.Option("--osc", help="UDP port that takes OSC.")] = 5590,
    no_web: Annotated[bool, typer.Option("--no-web", help="No console, no WebSockets.")] = False,
    no_osc: Annotated[bool, typer.Option("--no-osc", help="No OSC.")] = False,
    no_models: Annotated[bool, typer.Option("--no-models", help="No analysis, no jobs.")] = False,
    folder: Annotated[
        Path,
        typer.Option(help="Where sessions write their files.", exists=True, file_okay=False),
    ] = Path("."),
    library: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of sound and MIDI files; may be given again."),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="Folder of keys, as `segue keys` makes them.")
    ] = None,
    osc_peer: Annotated[
        list[str] | None,
        typer.Option(help="An address whose OSC is taken from another machine; may be repeated."),
    ] = None,
    osc_ahead: Annotated[
        float, typer.Option(help="Seconds that OSC events are sent before they sound.")
    ] = 0.0,
    page: Annotated[
        list[str] | None,
        typer.Option(help="Origin of web pages that may connect, e.g. http://localhost:8000."),
    ] = None,
) -> None:
    """Serve sessions to games, browsers and installations until Ctrl-C; see docs/protocol.md."""
    from ..server.serving.serve import serve as run_server
    from ..server.serving.settings import ServeSettings

    settings = ServeSettings(
        port=port,
        host=host,
        web_port=None if no_web else web,
        osc_port=None if no_osc else osc,
        models=not no_models,
        folder=folder,
        library=tuple(str(path) for path in library or ()),
        keys=str(keys) if keys else "",
        osc_peers=tuple(osc_peer or ()),
        osc_ahead_seconds=osc_ahead,
        pages=tuple(page or ()),
    )
    raise typer.Exit(run_server(settings))


@app.command()
def protocol() -> None:
    """Print the wire protocol for machines: an AsyncAPI document in JSON."""
    import json

    from ..client.schema import asyncapi

    print(json.dumps(asyncapi(), indent=1, ensure_ascii=False))


@app.command("replay")
def replay_session(
    log: Annotated[Path, typer.Argument(help="A session log, as `open` writes it with log=...")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="WAV, FLAC or OGG of the music.")
    ] = None,
    midi: Annotated[Path | None, typer.Option(help="MIDI file of the music.")] = None,
    cue: Annotated[
        str | None, typer.Option(help="The cue's folder, if its name alone does not find it.")
    ] = None,
    json: Json = None,
) -> None:
    """Play a recorded session again from its commands, and compare the bars."""
    import msgspec

    from ..music.files import check_writable, write_whole
    from ..server.sessions.replay import read_log, replay

    recorded = read_log(log)
    sound = "none" if output is None else f"file:{check_writable(output)}"
    with progress_bar() as progress:
        task = progress.add_task("playing again", total=1.0)
        result = replay(
            recorded,
            output=sound,
            cue=cue,
            midi=midi,
            progress=lambda share: progress.update(task, completed=share),
        )
    for difference in result.differences[:SHOWN_DIFFERENCES]:
        console.print(difference, markup=False)
    console.print(f"{result.same} of {result.bars} bars came out the same")
    if not recorded.whole:
        console.print("the log was cut off: the session did not end in good order")
    for file in result.files:
        console.print(f"written: {file}", markup=False, soft_wrap=True)
    if json:
        write_whole(json, msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    if result.differences:
        raise typer.Exit(1)
