"""`segue accompany`: chords to a melody."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from .common import Seed, app, console


@app.command()
def accompany(
    file: Annotated[Path, typer.Argument(help="MIDI file of a melody.", dir_okay=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="MIDI file.")] = Path(
        "accompanied.mid"
    ),
    track: Annotated[str, typer.Option(help="The melody's track; default: the first.")] = "",
    temperature: Annotated[float, typer.Option(help="Lower is surer, 1 as learned.")] = 0.5,
    seed: Seed = 0,
) -> None:
    """Play chords to a melody as it comes, an eighth at a time, without looking ahead."""
    from ..agents.accompany.tune import accompany as play_along
    from ..envs.accompany.chords import chord_of
    from ..music.midi import read_midi, write_midi

    score, chords = play_along(read_midi(file), track=track, temperature=temperature, seed=seed)
    write_midi(score, output)
    changes = [int(chords[0]), *(int(b) for a, b in pairwise(chords) if a != b)]
    named = " ".join(str(chord_of(number) or "-") for number in changes)
    console.print(f"{output}: {len(chords) / 2:g} beats, {len(changes)} chords", soft_wrap=True)
    console.print(named, soft_wrap=True, markup=False)
