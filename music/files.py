"""Whole files or none: reading and writing without half-written results."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
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


def copy_whole(source: str | Path, target: str | Path) -> None:
    """Copy a file of any size, piece by piece; SegueError, and nothing left, if that fails."""
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        Path(target).unlink(missing_ok=True)
        raise SegueError(
            f"cannot copy {source} to {target}: {error.strerror}; check that the one can be read "
            "and that there is space for the other"
        ) from error
    except BaseException:
        Path(target).unlink(missing_ok=True)
        raise


@contextmanager
def fill_folder(folder: str | Path) -> Iterator[Path]:
    """A temporary folder whose files move into `folder` when the block ends, all or none.

    `folder` is made if need be; files that it holds under other names stay. If the block or the
    moving fails or is interrupted, `folder` is what it was. Raises SegueError where it cannot be
    made or written.
    """
    target = Path(folder).resolve()
    home = target
    while not home.exists():  # on the same disk, so that moving is renaming
        home = home.parent
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=home))
    except OSError as error:
        raise _no_folder(folder, error) from error
    try:
        yield made
        try:
            os.chmod(made, 0o777 & ~_umask())
            if target.exists():
                _merge(made, target)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(made, target)
        except OSError as error:
            raise _no_folder(folder, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _no_folder(folder: str | Path, error: OSError) -> SegueError:
    return SegueError(
        f"cannot make the folder {folder}: {error.strerror}; choose another place, where folders "
        "can be made and written"
    )


def _merge(source: Path, target: Path) -> None:
    """Move all files of a folder into another, which gets back what it had if one cannot be."""
    files = [path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file()]
    undo: list[Callable[[], object]] = []
    with tempfile.TemporaryDirectory(dir=source) as kept:
        try:
            for number, name in enumerate(files):
                place, old = target / name, Path(kept, str(number))
                for parent in reversed(place.parents):
                    if not parent.exists():
                        parent.mkdir()
                        undo.append(parent.rmdir)
                if place.is_dir():
                    raise IsADirectoryError(errno.EISDIR, f"{place} is a folder, not a file")
                undo.append(partial(_put_back, old, place, was_there=place.exists()))
                if place.exists():
                    os.replace(place, old)
                os.replace(source / name, place)
        except BaseException:
            for step in reversed(undo):
                step()
            raise


def _put_back(old: Path, place: Path, *, was_there: bool) -> None:
    if old.exists():
        os.replace(old, place)
    elif not was_there:
        place.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def check_writable(path: str | Path) -> Path:
    """The path if its folder exists and it is no folder itself; told before the music starts."""
    target = Path(path)
    if target.is_dir() or not target.parent.is_dir():
        fact = (
            "is a folder" if target.is_dir() else f"lies in {target.parent}, which does not exist"
        )
        raise SegueError(f"cannot write {target}: it {fact}; name a file in a folder that exists")
    return target
