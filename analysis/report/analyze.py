"""Everything that the ears find in one file: sound of any length, or a MIDI file.

`of_sound` hears sounds, `of_score` reads scores; `told` and `picture` show what was found.
"""

from collections.abc import Iterable
from pathlib import Path

from ...music.errors import SegueError, UnknownNameError
from ..sound.sound_file import SOUND_SUFFIXES
from .analysis import Analysis, Progress
from .of_score import analyze_score
from .of_sound import SoundAnalysis

PARTS = (
    "loudness",
    "features",
    "roughness",
    "tuning",
    "tempo",
    "key",
    "chords",
    "sections",
    "notes",
)
"""What can be asked for; all but notes are found where nothing is asked."""

USUAL_PARTS = frozenset(PARTS) - {"notes"}
MIDI_SUFFIXES = frozenset((".mid", ".midi", ".kar"))

_SOUND_HEADS = (b"RIFF", b"RF64", b"fLaC", b"OggS", b"FORM", b"ID3", b"caff", b".snd")


def check_parts(names: Iterable[str]) -> frozenset[str]:
    """The names as a set; UnknownNameError for one that is none of `PARTS`."""
    wanted = frozenset(names)
    for name in sorted(wanted - frozenset(PARTS)):
        raise UnknownNameError("part of an analysis", name, PARTS)
    return wanted


def analyze_file(
    path: str | Path,
    *,
    only: Iterable[str] | None = None,
    outline: bool = False,
    progress: Progress | None = None,
) -> Analysis:
    """What the ears find in a sound or MIDI file.

    Parts that cannot be found here (a package is missing) are told in `remarks`, and the rest is
    found. Raises SegueError for a file that cannot be read, FileFormatError for one that is neither
    sound nor a score.

    :param only: names from `PARTS`; None: `USUAL_PARTS`
    :param outline: whether curves for a picture are kept
    """
    wanted = USUAL_PARTS if only is None else check_parts(only)
    tell = progress or (lambda _share, _what: None)
    if _is_midi(Path(path)):
        return analyze_score(Path(path))
    return SoundAnalysis(Path(path), wanted, outline, tell).run()


def find_files(paths: Iterable[str | Path], *, recursive: bool = False) -> list[Path]:
    """The files that are named, and those in the named folders that look like sound or MIDI.

    Hidden ones, such as those that some systems leave beside others, are left out.

    Raises SegueError for a path that does not exist, or where there is nothing to analyse.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise SegueError(f"there is no file or folder {path}; check the path")
        if not path.is_dir():
            found.append(path)
            continue
        inside = path.rglob("*") if recursive else path.glob("*")
        known = SOUND_SUFFIXES | MIDI_SUFFIXES
        found += sorted(
            file
            for file in inside
            if file.suffix.lower() in known and file.name[0] != "." and file.is_file()
        )
    if not found:
        raise SegueError(
            "there are no sound or MIDI files in what was named; give files, or a folder that "
            "holds some (-r looks into folders within)"
        )
    return list(dict.fromkeys(found))


def _is_midi(path: Path) -> bool:
    """Whether a file's contents are MIDI, or else its name says so."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except (OSError, ValueError):
        return False  # the reader of sound will say why
    if head[:4] == b"MThd" or (head[:4] == b"RIFF" and head[8:] == b"RMID"):
        return True
    return path.suffix.lower() in MIDI_SUFFIXES and not head.startswith(_SOUND_HEADS)
