"""Where clients may have files read and written: in the server's folder, nowhere else."""

from pathlib import Path

from ...music.cue_file import shipped_cues
from ...music.errors import SegueError, UnknownNameError

MAX_CHARACTERS = 1024


class Places:
    """The folder of a server; paths from clients are relative to it.

    :param folder: where sessions write files and cues of one's own lie
    :param closed: a folder within, or elsewhere, that clients never reach (the keys)
    """

    def __init__(self, folder: str | Path, closed: str | Path | None = None) -> None:
        self.folder = Path(folder).resolve()
        self._closed = Path(closed).resolve() if closed is not None else None

    def writable(self, text: str) -> Path | None:
        """A file to write, whose parent folders are made; None for an empty text.

        Raises SegueError for a path outside, a hidden file, or one whose folder cannot be made.
        """
        if not text:
            return None
        path = self._inside(text)
        if path == self.folder:
            raise self._outside(text)
        if any(part.startswith(".") for part in path.relative_to(self.folder).parts):
            raise SegueError(f"{text!r} is a hidden file; choose a name that begins with no dot")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SegueError(
                f"cannot make the folder of {text!r}: {error.strerror}; choose another path"
            ) from error
        return path

    def readable(self, text: str) -> Path:
        """A file in the folder that is there; SegueError for any other, and for hidden ones."""
        path = self._inside(text)
        hidden = any(part.startswith(".") for part in path.relative_to(self.folder).parts)
        if hidden or not path.is_file():
            raise SegueError(f"there is no file {text!r} in the server's folder; check the path")
        return path

    def cue(self, text: str) -> str | Path:
        """A shipped cue by its name, or a cue's folder within the server's."""
        if text in shipped_cues():
            return text
        try:
            path = self._inside(text)
            if text and path != self.folder and path.is_dir():
                return path
        except (SegueError, OSError):  # does it exist outside? not to be told
            pass
        raise UnknownNameError("cue or cue folder", text[:MAX_CHARACTERS], shipped_cues())

    def told(self, file: str | Path) -> str:
        """A path in the folder as clients see it."""
        return Path(file).relative_to(self.folder).as_posix()

    def _inside(self, text: str) -> Path:
        """The path that a text means, links followed; SegueError if it lies outside."""
        try:
            if len(text) > MAX_CHARACTERS:
                raise ValueError("too long")
            path = (self.folder / text).resolve()
            path.exists()
        except (OSError, ValueError, RuntimeError):  # NUL, too long, links in a circle
            raise SegueError(f"{text[:64]!r} cannot be a path; choose another name") from None
        closed = self._closed is not None and path.is_relative_to(self._closed)
        if closed or not path.is_relative_to(self.folder):
            raise self._outside(text)
        return path

    @staticmethod
    def _outside(text: str) -> SegueError:
        return SegueError(
            f"{text!r} does not lie in the folder in which this server writes; name a path below it"
        )
