"""The files that a sampled instrument consists of."""

from pathlib import Path

from .errors import SegueError
from .sample_names import SampleName
from .sfz_text import Value, find_file, read_names

SOUND_ENDINGS = (".wav", ".flac", ".ogg", ".aif", ".aiff", ".mp3")


def sample_files(name: SampleName) -> list[Path]:
    """All files of a set: a SoundFont, an SFZ file with all it names, or a folder's recordings.

    Raises SegueError for an SFZ file that cannot be read, that names a file which is not there, or
    one by an absolute path, which would not be found if the set lay elsewhere; and for a folder
    without recordings.
    """
    if name.kind == ".sf2":
        return [name.path]
    if name.kind == ".sfz":
        return [name.path, *(_named(name.path, value) for value in read_names(name.path))]
    if found := sound_files(name.path):
        return found
    raise SegueError(f"the folder {name.path} has no sound file; put recordings there")


def sound_files(folder: Path) -> list[Path]:
    """The recordings that lie in a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SOUND_ENDINGS)


def _named(sfz: Path, value: Value) -> Path:
    if Path(value.text.replace("\\", "/")).is_absolute():
        raise SegueError(
            f"{value.place}: {value.text} is an absolute path, and would not be found from a copy; "
            f"write it as seen from {sfz}"
        )
    path = find_file(sfz.parent, value.text)
    if not path.is_file():
        raise SegueError(f"{value.place}: there is no sample {path}; check its name and folder")
    return path
