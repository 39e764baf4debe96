"""Listening to a file: its sound, and with a session's log and MIDI file its notes as well."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..analysis.listening import Listening, listen
from ..music.errors import FileFormatError, SegueError
from ..music.midi import read_midi
from .story import read_story


def read_sound(path: str | Path) -> tuple[NDArray[np.float32], int]:
    """Samples [shape=(frames, channels)] and sample rate of a WAV, FLAC, Ogg or AIFF file.

    Raises SegueError for a file that cannot be read, FileFormatError for one that is no sound.
    """
    import soundfile

    if not Path(path).is_file():
        raise SegueError(f"cannot read {path}: there is no such file; check the path")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise FileFormatError(
            f"{path} is no sound that can be read ({error}); give a WAV, FLAC, Ogg or AIFF file"
        ) from error
    if not len(samples):
        raise FileFormatError(f"{path} holds no sound; export it again")
    if not np.isfinite(samples).all():
        first = int(np.flatnonzero(~np.isfinite(samples).all(axis=1))[0])
        raise FileFormatError(
            f"{path} has samples that are not finite, the first at {first / rate:.2f} seconds; "
            "export it again"
        )
    return samples, int(rate)


def listen_to_file(
    path: str | Path, *, log: str | Path | None = None, midi: str | Path | None = None
) -> Listening:
    """What is to be said of a sound file; `analysis.listening.listen` says what is measured.

    :param log: of the session that made it, for the chords
    :param midi: of the same session, or any MIDI file of this music, for the notes
    """
    samples, rate = read_sound(path)
    score = read_midi(midi) if midi is not None else None
    chords = read_story(log).chord_spans() if log is not None else ()
    return listen(samples, rate, score, chords)


def listening_rows(listening: Listening) -> list[dict[str, str]]:
    """Measures as rows of a table: value, the usual range, and what lies outside it."""
    return [
        {
            "measure": finding.name.replace("_", " "),
            "value": f"{finding.value:.3g}",
            "usual": f"{finding.low:g} .. {finding.high:g}" if finding.meaning else "",
            "unusual": f"{finding.excess:+.2g}" if finding.excess else "",
            "meaning": finding.meaning,
        }
        for finding in listening.findings()
    ]
