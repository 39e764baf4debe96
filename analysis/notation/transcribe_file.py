"""Files to scores: sound or MIDI in, MIDI or MusicXML out."""

from collections.abc import Sequence
from pathlib import Path

from ...music.errors import SegueError
from ...music.files import read_whole
from ...music.midi import read_midi, write_midi
from ..sound.sound_file import read_mono
from ..spectra import RATE
from .transcribe import (
    NothingHeardError,
    Progress,
    Transcription,
    transcribe,
    transcribe_score,
)

MIDI_SUFFIXES = (".mid", ".midi")
XML_SUFFIXES = (".musicxml", ".xml")


def is_midi(path: str | Path) -> bool:
    """Whether a file begins as a MIDI file does; SegueError if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(4) == b"MThd"
    except OSError:
        return read_whole(path)[:4] == b"MThd"  # raises with the system's reason


def check_target(
    source: str | Path, target: str | Path | None = None, *, quantised: bool = True
) -> Path:
    """Where the score goes: as asked, or beside the source; SegueError if it cannot go there."""
    source = Path(source)
    midi = is_midi(source)
    path = Path(target) if target else source.with_suffix(".musicxml" if midi else ".mid")
    suffix = path.suffix.lower()
    if suffix not in MIDI_SUFFIXES + XML_SUFFIXES:
        raise SegueError(
            f"a score cannot be written as {path.name!r}; give a name that ends in .mid or "
            ".musicxml"
        )
    if not quantised and suffix in XML_SUFFIXES:
        raise SegueError(
            "MusicXML has no place for notes off the grid; write a .mid, or leave the notes "
            "quantised"
        )
    if path.resolve() == source.resolve():
        raise SegueError(f"{path} is what is to be transcribed; give another name for the score")
    if not path.parent.is_dir():
        raise SegueError(f"there is no folder {path.parent}; make it or choose another")
    return path


def transcribe_file(
    path: str | Path,
    *,
    quantised: bool = True,
    lines: str = "auto",
    drums: bool = True,
    sections: Sequence[tuple[float, str]] = (),
    progress: Progress | None = None,
) -> Transcription:
    """The score of a sound or MIDI file; options as for `transcribe.transcribe`.

    Raises SegueError that names the file if it cannot be read or holds no music.
    """
    if is_midi(path):
        score = read_midi(path)
        try:
            return transcribe_score(score, quantised=quantised)
        except NothingHeardError as error:
            raise NothingHeardError(f"{path}: {error}") from error
    sound = read_mono(path)
    try:
        return transcribe(
            sound,
            RATE,
            quantised=quantised,
            lines=lines,
            drums=drums,
            sections=sections,
            title=Path(path).stem,
            progress=progress,
        )
    except NothingHeardError as error:
        raise NothingHeardError(f"{path}: {error}") from error


def write_score(made: Transcription, path: str | Path) -> None:
    """Write a transcription as its file's name says; errors as of `write_midi`, `write_musicxml`.

    MusicXML needs music21 (extra `ears`).
    """
    if Path(path).suffix.lower() in MIDI_SUFFIXES:
        write_midi(made.score, path)
        return
    from .engrave import write_musicxml

    write_musicxml(made.score, path, made.key)
