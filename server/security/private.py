"""Files that nobody else on the machine may read."""

import os
import secrets
from pathlib import Path

from ...music.errors import SegueError

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
OTHERS = 0o077  # bits of a mode that let others in


def make_private_folder(folder: Path) -> None:
    """Make a folder that its owner alone can enter; one that is there is left as it is."""
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True)
    except FileExistsError:
        if not folder.is_dir():
            raise SegueError(f"{folder} is not a folder; choose another place for keys") from None
    except OSError as error:
        raise SegueError(
            f"cannot make the folder {folder}: {error.strerror}; choose another with --folder"
        ) from error


def write_private(path: Path, data: bytes) -> None:
    """Write a whole file, readable by its owner from the first moment on."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SegueError(f"cannot write {path}: {error.strerror}; check its folder") from error


def read_private(path: Path) -> bytes:
    """The bytes of a secret file; SegueError if it is not there or others can read it."""
    try:
        if os.name == "posix" and path.stat().st_mode & OTHERS:
            raise SegueError(f"{path} can be read by others; chmod 600 {path}, or make new keys")
        return path.read_bytes()
    except OSError as error:
        raise SegueError(
            f"cannot read {path}: {error.strerror}; `segue keys new NAME` makes keys"
        ) from error
