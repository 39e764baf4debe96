"""Whole files or none: reading and writing without half-written results."""

import os
import tempfile
from pathlib import Path

from .errors import SegueError


def read_whole(path: str | Path) -> bytes:
    """The bytes of a file; SegueError with the system's reason if it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SegueError(f"cannot read {path}: {error.strerror}; check the path") from error


def write_whole(path: str | Path, data: bytes) -> None:
    """Write a file under a temporary name beside the target, then rename it into place.

    On any failure (disk full, no permission) the target keeps what it held; SegueError is raised.
    """
    target = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise SegueError(
            f"cannot write {path}: {error.strerror}; nothing was left there, "
            "choose a folder that exists, can be written and has space"
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
