"""What is done to a server, and how long its music is silent for it.

A session plays into a stream and is steered all the while; a process is killed or stopped, or the
disk takes no more. Silence is counted between two samples that are heard; each command that was
accepted has to be executed or dropped.

`python -m segue.benchmarks.server_faults EVENTS` is a subscriber that reads.
"""

import os
import signal
import sys
import threading
import time
import urllib.request
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from typing import Any, Self

import msgspec
import numpy as np
import zmq

from ..client import Client, ClientError, RemoteSession, RequestError
from ..client import protocol as p
from ..server.serving.launch import ServerProcess
from ..server.sounding.sound import SAMPLE_RATE
from .findings import Found, Rows, Tell
from .server_clients import await_ends
from .server_ears import EventEar, SoundEar
from .server_processes import find, megabytes
from .server_steering import Plan, Steering

CUE = "dungeon"
HEARD = 1e-4  # -80 dB
CALM_SECONDS, WATCH_SECONDS, STOPPED_SECONDS = 2.0, 4.0, 8.0
JOB_SECONDS, BACK_SECONDS = (
    10.0,
    60.0,
)  # of a short job; in which what was killed has to be there again
STEER_SECONDS = 0.05  # between two commands
DISK_BYTES = 2000  # that the log may still grow
SOUND_RATE, QUICK_SECONDS, LONG_SECONDS = 22_050, 5, 120  # of what the models are given


class SilenceEar:
    """Hears a stream in a thread, and knows when nothing was heard."""

    def __init__(self, events: str, session: str) -> None:
        self._where = events, session
        self._loud: list[tuple[int, int]] = []  # first and last frame heard of each loud block
        self._changed, self._stopped = threading.Condition(), threading.Event()
        self._thread = threading.Thread(target=self._hear)

    @property
    def last_frame(self) -> int:
        """The last frame that was heard, 0 if none."""
        return self._loud[-1][1] if self._loud else 0

    def wait_for_sound(self, after_frame: int, seconds: float) -> bool:
        """Whether something is heard after a frame, within some time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.last_frame > after_frame, seconds)

    def longest_silence(self, from_frame: int) -> int:
        """Frames of the longest silence since a frame at which something was heard."""
        loud = np.array([part for part in self._loud if part[1] >= from_frame])
        return int((loud[1:, 0] - loud[:-1, 1]).max(initial=0)) if len(loud) else 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def _hear(self) -> None:
        with SoundEar(*self._where) as ear:
            while not self._stopped.is_set():
                for frame, samples in ear.read(0.1):
                    heard = np.flatnonzero(np.abs(samples).max(axis=1) > HEARD)
                    if len(heard):
                        with self._changed:
                            self._loud.append((frame + int(heard[0]), frame + int(heard[-1])))
                            self._changed.notify_all()
                    if self._stopped.is_set():
                        return


@dataclass
class House:
    """A server with a session that plays and is steered."""

    server: ServerProcess
    client: Client
    session: RemoteSession
    ear: EventEar
    sound: SilenceEar
    folder: Path
    accepted: set[str] = field(default_factory=set)
    refused: int = 0

    @property
    def pid(self) -> int:
        """Of the server."""
        assert self.server.pid is not None
        return self.server.pid

    def kill(self, words: str) -> None:
        """SIGKILL to a process of the server whose command line holds some words."""
        os.kill(find(self.pid, words)[-1], signal.SIGKILL)

    def steer(self, seconds: float, done: Callable[[], bool] = lambda: False) -> list[float]:
        """Send commands until it is done, or so long; milliseconds to each answer."""
        times: list[float] = []
        pause = threading.Event()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not done():
            number = len(times)
            began = time.perf_counter()
            try:
                if number % 3:
                    answer = self.session.set(danger=number % 10 / 10)
                else:
                    answer = self.session.level("drums", 0.5 + number % 5 / 10, at="beat")
                self.accepted.add(answer.id)
            except RequestError:  # said no, which is a word
                self.refused += 1
            times.append(1000 * (time.perf_counter() - began))
            pause.wait(STEER_SECONDS)
        return times


Fault = Callable[[House], dict[str, Any]]


def _nothing(house: House) -> dict[str, Any]:
    house.steer(WATCH_SECONDS)
    return {}


def _engine(house: House) -> dict[str, Any]:
    before = house.ear.counts["warning"]
    house.kill("engine_child")
    began = time.monotonic()
    house.steer(BACK_SECONDS, lambda: house.ear.counts["warning"] > before)
    back = time.monotonic() - began
    return {"back_seconds": back, "said": house.ear.faults[-1] if house.ear.faults else "nothing"}


def _worker(house: House) -> dict[str, Any]:
    """A worker dies over a job."""
    job = house.client.models.submit("analyze", _tone(LONG_SECONDS), sample_rate=SOUND_RATE)
    house.steer(0.3)
    house.kill("jobs.worker")
    began = time.monotonic()
    try:
        job.result(BACK_SECONDS)
        said = "its job was done"
    except ClientError as error:
        said = str(error)
    return {"back_seconds": _models_back(house, began), "said": said}


def _models(house: House) -> dict[str, Any]:
    os.kill(find(house.pid, "segue.server.jobs ")[0], signal.SIGKILL)
    return {"back_seconds": _models_back(house, time.monotonic())}


def _models_back(house: House, began: float) -> float:
    """Seconds until the models do a job again."""
    models, tone = house.client.models, _tone(QUICK_SECONDS)
    while time.monotonic() - began < BACK_SECONDS:
        house.steer(0.1)
        with suppress(ClientError):
            models.submit("key", tone, sample_rate=SOUND_RATE).result(JOB_SECONDS)
            return time.monotonic() - began
    return float("inf")


def _tone(seconds: float) -> "array[float]":
    return array("f", 0.2 * np.sin(np.arange(round(seconds * SOUND_RATE)) / 10.0))


def _gateway(house: House) -> dict[str, Any]:
    house.kill("segue.server.gateway")
    began = time.monotonic()

    def there() -> bool:
        web = house.client.request(p.Hello(), p.Welcome).web  # perhaps at another port
        with suppress(OSError), urllib.request.urlopen(f"{web}/health") as page:
            return bool(page.status == 200)
        return False

    house.steer(BACK_SECONDS, there)
    return {"back_seconds": time.monotonic() - began}


def _client(house: House) -> dict[str, Any]:
    """Clients die in the middle of what they say."""
    plan = Plan(house.client.endpoint, (house.session.id,), 8, 20.0, seed=0)
    with Steering(plan) as steering:
        steering.steers.wait(BACK_SECONDS)
        house.steer(WATCH_SECONDS / 2)
        steering.kill()
        house.steer(WATCH_SECONDS / 2)
    house.accepted |= steering.accepted
    return {"said": f"{len(steering.accepted)} commands accepted before"}


def _reader(house: House) -> dict[str, Any]:
    """A subscriber to everything is stopped and reads no more."""
    calm = house.steer(WATCH_SECONDS)
    with _subscriber(house.client.server.events) as reader:
        house.steer(0.5)
        os.kill(reader, signal.SIGSTOP)
        memory = megabytes(house.pid)
        stopped = house.steer(STOPPED_SECONDS)
        memory = megabytes(house.pid) - memory
        os.kill(reader, signal.SIGCONT)
    others = [f"{np.median(times):.2f} ms" for times in (calm, stopped)]
    said = f"others' answers {others[0]} before, {others[1]} beside; {memory:.1f} MB more"
    return {"said": f"{said}; {house.ear.missed} events missed by others"}


@contextmanager
def _subscriber(events: str) -> Iterator[int]:
    command = [sys.executable, "-m", __name__, events]
    with Popen(command, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def _disk(house: House) -> dict[str, Any]:
    """No file of the server may grow any more, for a while."""
    import resource

    log = next(house.folder.glob(".session.jsonl.*.part"))
    before = house.ear.counts["warning"]
    _, hard = limits = resource.prlimit(house.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(house.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + DISK_BYTES, hard))
    house.steer(BACK_SECONDS, lambda: house.ear.counts["warning"] > before)
    house.steer(WATCH_SECONDS)
    resource.prlimit(house.pid, resource.RLIMIT_FSIZE, limits)
    said = house.ear.faults[-1] if house.ear.counts["warning"] > before else "nothing"
    return {"said": said}


FAULTS: dict[str, Fault] = {
    "none": _nothing,
    "engine killed": _engine,
    "models' worker killed": _worker,
    "models killed": _models,
    "gateway killed": _gateway,
    "clients killed": _client,
    "subscriber stopped": _reader,
    "disk full for the log": _disk,
}
"""What is done, once for each."""


def measure(tell: Tell, *, only: tuple[str, ...] = ()) -> Found:
    """`fault_silence_bars_max` and `fault_lost_commands`.

    :param only: some of `FAULTS`
    """
    rows: Rows = []
    chosen = only or tuple(FAULTS)
    tell("starting the server", 0.0)
    with (
        TemporaryDirectory() as folder,
        ServerProcess(folder=folder, whole=True) as server,
        Client(server.endpoint, timeout_seconds=30.0) as client,
    ):
        session = client.open(CUE, output="stream", timeout_seconds=0.0, log="session.jsonl")
        with (
            EventEar(client, [session.id]) as ear,
            SilenceEar(client.server.events, session.id) as sound,
        ):
            house = House(server, client, session, ear, sound, Path(folder))
            sound.wait_for_sound(0, BACK_SECONDS)
            for number, name in enumerate(chosen):
                tell(name, number / len(chosen))
                rows.append(_suffer(house, name))
        logged = _logged(session.close(), Path(folder))
    found = Found()
    found.results = {
        "fault_silence_bars_max": max(row["silence_bars"] for row in rows),
        "fault_lost_commands": float(sum(row["lost"] for row in rows)),
        "fault_commands_not_logged": float(len(house.accepted - logged)),
    }
    found.tables["faults"] = rows
    return found


def _suffer(house: House, name: str) -> dict[str, Any]:
    """Let something go wrong, and tell what became of the music."""
    house.accepted, accepted_before = set(), house.accepted
    here, start = house.session.position(), house.sound.last_frame
    row = FAULTS[name](house)
    house.sound.wait_for_sound(house.session.position().frame, BACK_SECONDS)
    house.steer(CALM_SECONDS)
    silence = house.sound.longest_silence(start) / SAMPLE_RATE
    beats = int(here.meter.split("/")[0]) * 4 / int(here.meter.split("/")[1])
    lost = await_ends(house.ear, house.accepted)
    row = {
        "fault": name,
        "silence_seconds": silence,
        "silence_bars": silence / (beats * 60.0 / here.bpm),
        "back_seconds": row.get("back_seconds", 0.0),
        "commands": len(house.accepted),
        "lost": len(lost),
        "said": row.get("said", ""),
    }
    house.accepted |= accepted_before
    return row


def _logged(files: list[str], folder: Path) -> set[str]:
    """Ids of the commands in a session log."""
    lines = [msgspec.json.decode(line) for line in (folder / files[0]).read_bytes().splitlines()]
    return {line["id"] for line in lines if line["line"] == "command"}


def _subscribe(events: str) -> None:
    """Read what is published until standard input ends."""
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(events)
    socket.recv_multipart()
    print("reading", flush=True)
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    while sys.stdin.fileno() not in dict(poller.poll()):
        socket.recv_multipart()
    context.destroy(0)


if __name__ == "__main__":
    _subscribe(sys.argv[1])
