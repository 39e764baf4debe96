import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import zmq

from segue.client.models import Models
from segue.music.midi import write_midi
from segue.music.score import NOTE, Score, Track
from segue.server.jobs.functions import FUNCTIONS, NOTHING, Entry
from segue.server.jobs.service import Service
from segue.server.jobs.tasks import JobLimits
from segue.synth.recipes import cache_folder

RATE = 22_050

MISBEHAVING = """
import os, signal, time
import numpy as np

def echo(given, options, tell):
    return options.only

def steps(given, options, tell):
    for step in range(5):
        tell(step / 5, f"step {step}")
        time.sleep(0.15)
    return "done"

def wait(given, options, tell):
    tell(0.5, f"{os.getpid()}")
    time.sleep(600)

def stop(given, options, tell):
    os.kill(os.getpid(), signal.SIGSTOP)

def crash(given, options, tell):
    os.kill(os.getpid(), signal.SIGKILL)

def eat(given, options, tell):
    kept = []
    while True:
        kept.append(np.ones(10_000_000))

def fail(given, options, tell):
    raise RuntimeError("the secret lies in /etc/passwd")
"""


@pytest.fixture
def misbehaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Entry]:
    """Functions that do what must not harm anybody, beside those that are shipped."""
    package = tmp_path / "modules" / "misbehaving"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "tests.py").write_text(MISBEHAVING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"), prepend=os.pathsep)
    names = ("echo", "steps", "wait", "stop", "crash", "eat", "fail")
    entry = Entry("", "", NOTHING, FUNCTIONS["analyze"].options, quick=False)
    made = {name: replace(entry, runner=f"misbehaving.tests:{name}") for name in names}
    made["echo"] = replace(made["echo"], quick=True)
    made["quick_crash"] = replace(made["crash"], quick=True)
    return FUNCTIONS | made


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's folder and a library; beside them, what nobody may see."""
    tmp_path = tmp_path_factory.mktemp("house")
    for name in ("work", "songs", "songs/album", "outside", "cache"):
        (tmp_path / name).mkdir()
    score = Score((Track("tune", notes()),), title="Tune")
    write_midi(score, tmp_path / "songs" / "tune.mid")
    for name, hz in (("low", 110.0), ("high", 1_760.0), ("album/higher", 1_900.0)):
        soundfile.write(tmp_path / "songs" / f"{name}.wav", tone(hz, 4.0), RATE)
    soundfile.write(tmp_path / "work" / "mine.wav", tone(440.0), RATE)
    soundfile.write(tmp_path / "outside" / "secret.wav", tone(440.0), RATE)
    (tmp_path / "songs" / "escape.wav").symlink_to(tmp_path / "outside" / "secret.wav")
    (tmp_path / "work" / "escape.wav").symlink_to(tmp_path / "outside" / "secret.wav")
    (tmp_path / "songs" / "way").symlink_to(tmp_path / "outside")
    (tmp_path / "songs" / "notes.txt").write_text("no music")
    (tmp_path / "songs" / ".hidden.wav").write_bytes((tmp_path / "songs/low.wav").read_bytes())
    (tmp_path / "songs" / "broken.ogg").write_bytes(b"OggS no sound at all")
    return tmp_path


@pytest.fixture(scope="session")
def service(folders: Path) -> Iterator[Service]:
    """A service with the functions that are shipped, and a library."""
    for tables in cache_folder().glob("*.pcm"):  # those of instruments take long to make
        (folders / "cache" / tables.name).symlink_to(tables)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGUE_CACHE", str(folders / "cache"))
        with running(folders, FUNCTIONS, JobLimits(workers=1)) as started:
            yield started


@pytest.fixture
def models(service: Service) -> Iterator[Models]:
    """A client of it."""
    with client_of(service) as connected:
        yield connected


@pytest.fixture
def serve(
    folders: Path, misbehaving: dict[str, Entry]
) -> Iterator[Callable[..., tuple[Service, Models]]]:
    """Starts a service with misbehaving functions, and a client of it."""
    with ExitStack() as stack:

        def start(**limits: float) -> tuple[Service, Models]:
            found = JobLimits(**({"workers": 1, "warm": False} | limits))
            service = stack.enter_context(running(folders, misbehaving, found))
            return service, stack.enter_context(client_of(service))

        yield start


@contextmanager
def running(folders: Path, functions: dict[str, Entry], limits: JobLimits) -> Iterator[Service]:
    with Service(
        folder=folders / "work",
        library=[folders / "songs"],
        version="0",
        functions=functions,
        limits=limits,
    ) as service:
        thread = threading.Thread(target=service.run)
        thread.start()
        yield service
        service.stop()
        thread.join(10)


@contextmanager
def client_of(service: Service, *, packed: bool = True) -> Iterator[Models]:
    with zmq.Context() as context:
        models = Models(context, service.endpoint, timeout_seconds=60.0, packed=packed)
        yield models
        models.close()


def tone(hz: float, seconds: float = 2.0) -> np.ndarray:
    """A tone that is struck twice a second [shape=(frames,)], float32."""
    time = np.arange(int(seconds * RATE)) / RATE
    sound = 0.3 * np.sin(2 * np.pi * hz * time) * np.exp(-4.0 * (time % 0.5))
    return np.asarray(sound, np.float32)


def notes() -> np.ndarray:
    """A scale up and down, two bars."""
    rows = np.zeros(16, NOTE)
    rows["onset_beats"], rows["duration_beats"] = np.arange(16) / 2, 0.5
    rows["pitch"] = [60, 62, 64, 65, 67, 69, 71, 72, 72, 71, 69, 67, 65, 64, 62, 60]
    rows["velocity"] = 0.7
    return rows
