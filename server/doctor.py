"""`segue doctor`: what this machine has, what it lacks, and what to do about it."""

import importlib.util
import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from ..agents.directors import MODELS as POLICIES
from ..analysis.cards import MODELS, list_cards
from ..music.cue_file import check_cue, shipped_cues
from ..music.errors import SegueError
from ..synth.devices import devices
from ..synth.midi_ports import output_names


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    part: str
    ok: bool
    detail: str
    needed_for: str = ""


EXTRAS = {
    "torch": ("train", "training"),
    "stable_baselines3": ("train", "training"),
    "vizdoom": ("game", "segue demo"),
    "rtmidi": ("ports", "MIDI ports"),
}
_PACKAGES = {
    "stable_baselines3": "stable-baselines3",
    "rtmidi": "python-rtmidi",
    "zmq": "pyzmq",
}


def examine() -> list[Finding]:
    """Look at everything; takes a few seconds, as audio drivers are tried in child processes."""
    return [
        Finding("python", True, f"{platform.python_version()} on {platform.platform()}"),
        *(_package(name) for name in ("numpy", "pyo", "mido", "zmq", "gymnasium", *EXTRAS)),
        *(Finding(f"audio {d.driver}", d.usable, d.detail, "live sound") for d in devices()),
        _midi(),
        _cues(),
        _models(),
        _data(),
    ]


def _package(name: str) -> Finding:
    extra, needed_for = EXTRAS.get(name, ("", "everything"))
    if importlib.util.find_spec(name) is None:
        way = f"pip install 'segue[{extra}]'" if extra else "install segue again"
        return Finding(name, False, f"not installed: {way}", needed_for)
    try:
        return Finding(name, True, version(_PACKAGES.get(name, name)), needed_for)
    except PackageNotFoundError:
        return Finding(name, True, "installed", needed_for)


def _midi() -> Finding:
    try:
        names = output_names()
    except SegueError as error:
        return Finding("MIDI", False, str(error), "MIDI ports")
    return Finding("MIDI", bool(names), ", ".join(names) or "no output is connected", "MIDI ports")


def _cues() -> Finding:
    faults = [f"{name}: {fault.message}" for name in shipped_cues() for fault in check_cue(name)]
    return Finding("cues", not faults, "; ".join(faults) or ", ".join(shipped_cues()), "everything")


def _models() -> Finding:
    try:
        cards = list_cards(MODELS, POLICIES)
    except SegueError as error:
        return Finding("models", False, str(error), "everything")
    return Finding("models", True, f"{len(cards)}, all as signed", "everything")


def _data() -> Finding:
    folder = os.environ.get("SEGUE_DATA")
    if not folder:
        return Finding("data", False, "SEGUE_DATA is not set", "training the emotion model")
    return Finding("data", os.path.isdir(folder), folder, "training the emotion model")
