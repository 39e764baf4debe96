"""Names of sampled instruments, as a cue's layer gives them.

`samples/violin.sfz` is an SFZ file, `samples/cello` a folder of recordings, `band.sf2#0:48` the
preset of bank 0 and program 48 of a SoundFont, and `band.sf2#Strings` its preset of that name.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from .errors import SegueError

KINDS = (".sfz", ".sf2")


@dataclass(frozen=True)
class SampleName:
    """A file or folder, and a preset inside of it ("" where there are none)."""

    path: Path
    preset: str = ""

    @property
    def kind(self) -> str:
        """`.sfz`, `.sf2`, or "" for a folder."""
        ending = self.path.suffix.lower()
        return ending if ending in KINDS else ""

    def __str__(self) -> str:
        return f"{self.path}#{self.preset}" if self.preset else str(self.path)


def is_sample_name(name: str) -> bool:
    """Whether an instrument's name means samples: it has a slash, or ends as such files do."""
    path = name.partition("#")[0]
    return "/" in path or "\\" in path or path.lower().endswith(KINDS)


def sample_name(name: str, folder: str | Path = ".") -> SampleName:
    """A name with its path seen from `folder`; SegueError if nothing is there."""
    text, _, preset = name.partition("#")
    path = Path(folder) / text.replace("\\", "/")
    found = SampleName(path, preset.strip())
    if not os.path.exists(path):  # which takes names that are too long, too
        raise SegueError(f"there are no samples at {path}; check the name, relative to the cue")
    if path.is_dir() and found.kind:
        raise SegueError(f"{path} is a folder, not a {found.kind} file; name a file in it")
    if path.is_file() and not found.kind:
        raise SegueError(
            f"{path} is no instrument; name a folder of samples, a .sfz or a .sf2#PRESET"
        )
    return found
