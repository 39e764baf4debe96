"""`segue doctor`: what this machine has, what it lacks, and what to do about it."""

import importlib.util
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from ..analysis.cards import list_cards, model_folders
from ..music.cue_file import check_cue, shipped_cues
from ..music.errors import SegueError
from ..synth.devices import Device, devices
from ..synth.midi_ports import input_names, output_names
from ..synth.priority import may_raise_priority
from ..synth.sinks import FORMATS


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
    "sb3_contrib": ("train", "training"),
    "optuna": ("train", "segue tune"),
    "yaml": ("train", "training"),
    "vizdoom": ("game", "segue demo"),
    "rtmidi": ("ports", "MIDI ports"),
    "jack": ("ports", "live voices"),
    "onnxruntime": ("ears", "segue analyze"),
    "music21": ("ears", "segue transcribe to MusicXML"),
}
_PACKAGES = {
    "stable_baselines3": "stable-baselines3",
    "sb3_contrib": "sb3-contrib",
    "yaml": "PyYAML",
    "rtmidi": "python-rtmidi",
    "jack": "JACK-Client",
    "zmq": "pyzmq",
}


def examine() -> list[Finding]:
    """Look at everything; takes a few seconds, as audio drivers are tried in child processes."""
    return [
        Finding("python", True, f"{platform.python_version()} on {platform.platform()}"),
        *(_package(name) for name in ("numpy", "pyo", "mido", "zmq", "gymnasium", *EXTRAS)),
        *_sound(devices()),
        _priority(),
        _midi("output", output_names),
        _midi("input", input_names),
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


def _sound(found: list[Device]) -> list[Finding]:
    drivers = []
    for device in found:
        format_ = f", {device.sample_rate} Hz, blocks of {device.block_frames}"
        detail = device.detail + (format_ if device.usable else "")
        drivers.append(Finding(f"audio {device.driver}", device.usable, detail, "live sound"))
    usable = [device.driver for device in found if device.usable]
    live = (
        f"output auto plays on {usable[0]}"
        if usable
        else "nothing here can be heard: render to a file, take a stream, play by MIDI, or give "
        "the machine one of the two above"
    )
    endings = ", ".join(ending.removeprefix(".") for ending in FORMATS)
    return [
        *drivers,
        Finding("live sound", bool(usable), live, "segue play"),
        Finding("audio files", True, endings, "segue render"),
    ]


def _priority() -> Finding:
    if may_raise_priority():
        detail = "granted"
        return Finding("real-time priority", True, detail, "live sound on a busy machine")
    detail = (
        "not granted: sound may break up while the machine is busy; on Linux, allow rtprio 60 in "
        "/etc/security/limits.d and log in again"
    )
    return Finding("real-time priority", False, detail, "live sound on a busy machine")


def _midi(direction: str, names: Callable[[], list[str]]) -> Finding:
    part = f"MIDI {direction}"
    try:
        found = names()
    except SegueError as error:
        return Finding(part, False, str(error), "MIDI ports")
    none = f"no {direction} is connected; connect one, or use virtual:NAME"
    return Finding(part, bool(found), ", ".join(found) or none, "MIDI ports")


def _cues() -> Finding:
    faults = [f"{name}: {fault.message}" for name in shipped_cues() for fault in check_cue(name)]
    return Finding("cues", not faults, "; ".join(faults) or ", ".join(shipped_cues()), "everything")


def _models() -> Finding:
    try:
        cards = list_cards(*model_folders())
    except SegueError as error:
        return Finding("models", False, str(error), "everything")
    return Finding("models", True, f"{len(cards)}, all as signed", "everything")


def _data() -> Finding:
    folder = os.environ.get("SEGUE_DATA")
    if not folder:
        return Finding("data", False, "SEGUE_DATA is not set", "training the emotion model")
    return Finding("data", os.path.isdir(folder), folder, "training the emotion model")
