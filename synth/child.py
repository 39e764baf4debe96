"""What a parent does with a child process of its own: its last words, its errors, its end."""

import subprocess
import threading
from typing import IO

from ..music import errors
from ..music.errors import SegueError

END_SECONDS = 5.0  # given to a child to end by itself


def last_words(process: "subprocess.Popen[bytes]", complaints: IO[bytes]) -> str:
    """How a child ended: its exit code, and the last line it wrote to standard error."""
    complaints.seek(0)
    lines = complaints.read().decode(errors="replace").strip().splitlines()
    last = f" ({lines[-1].strip()})" if lines else ""
    return f"ended with code {process.returncode}{last}"


def end_child(process: "subprocess.Popen[bytes]", reader: threading.Thread) -> None:
    """Close a child's input, wait for it, kill it if need be, and free what joined it to us."""
    if process.stdin is not None:
        try:
            process.stdin.close()
        except OSError:
            pass  # nobody is left to read what was buffered
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    reader.join(END_SECONDS)
    if process.stdout is not None:
        process.stdout.close()


def revive(kind: str, text: str) -> SegueError:
    """A child's error as one of the same class, with the same text."""
    found = getattr(errors, kind, SegueError)
    error: SegueError = found.__new__(found)
    Exception.__init__(error, text)
    return error
