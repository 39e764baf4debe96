"""The `segue` command. Commands import what they need when they run, so `--help` is quick."""

import sys
from typing import NoReturn

import typer

from ..client.errors import ClientError
from ..music.errors import SegueError
from . import (
    accompany,
    cues,
    ears,
    feedback,
    keys,
    learning,
    machine,
    play,
    serving,
    sound,
    training,
    transcribe,
)
from .common import app

__all__ = [
    "accompany",
    "app",
    "cues",
    "ears",
    "feedback",
    "keys",
    "learning",
    "machine",
    "main",
    "play",
    "serving",
    "sound",
    "training",
    "transcribe",
]

STOPPED = 130  # exit code after Ctrl-C, as of any command that a signal ended


def main() -> None:
    """Run the command; an error of the user's is one line and exit code 2, Ctrl-C is 130."""
    try:
        code = app(prog_name="segue", standalone_mode=False)
    except (SegueError, ClientError) as error:
        _fail(str(error))
    except typer.TyperException as error:
        _fail(_misuse(error))
    except ImportError as error:
        _fail(_lacking(error))
    except OSError as error:
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}")
    except KeyboardInterrupt:
        code = STOPPED
    if code == STOPPED:
        print("segue: stopped", file=sys.stderr)
    sys.exit(code)


def _fail(message: str) -> NoReturn:
    print(f"segue: {message}", file=sys.stderr)
    sys.exit(2)


def _misuse(error: typer.TyperException) -> str:
    """What was wrong with the arguments, and where to read about them."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "segue"
    message = error.format_message().rstrip(".")
    if not message:  # nothing was asked for, and the help has been shown
        sys.exit(2)
    return f"{message}{' See' if message.endswith('?') else '; see'} {command} --help"


def _lacking(error: ImportError) -> str:
    """Which extra brings the package that is missing; any other failure is not the user's."""
    from ..server.doctor import EXTRAS

    package = (error.name or "").partition(".")[0]
    if package not in EXTRAS:
        raise error
    extra, needed_for = EXTRAS[package]
    return (
        f"{needed_for} needs the package {package}, which is not installed; "
        f"pip install 'segue[{extra}]' brings it"
    )
