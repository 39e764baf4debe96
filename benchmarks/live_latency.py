"""From an event's birth to its sound, through a JACK graph on the dummy driver.

This process stamps the time and sends the event to an `EngineProcess`; another one records what the
engine plays into the graph, and finds the onsets. An onset's time is that of its sample in the
graph cycle; a sound card adds one more period.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from ..music.errors import MissingPartError, SegueError
from ..music.events import EVENT, Channel

if TYPE_CHECKING:
    from ..synth.engine_process import EngineProcess

SAMPLE_RATE, PERIOD_FRAMES = 48_000, 256
HAT, VELOCITY = 42, 0.9
THRESHOLD, QUIET_SECONDS = 0.004, 0.03
GAP_SECONDS = (40 + (5**0.5 - 1) / 2) * PERIOD_FRAMES / SAMPLE_RATE
"""Between events; by the golden ratio, they fall evenly into the graph's cycle."""
LONGEST_SECONDS = 0.1  # from an event to its onset
PORTS = ("segue:output_1", "segue:output_2")


def measure_event_to_sound(events: int = 100) -> dict[str, float]:
    """Milliseconds from sending an event to its onset in the graph, over `events` hi-hat strokes.

    `event_to_sound_ms_p50`, `_p99` and `_max`, how many were `heard`, the `late_blocks` that the
    graph had to do without, and whether JACK ran with `realtime` priority (1 or 0). Raises
    MissingPartError without jackd or JACK-Client.
    """
    from ..synth.engine_process import EngineProcess

    with (
        dummy_jack() as realtime,
        EngineProcess(
            [Channel("hat", "drums", reverb=0.0)],
            sink="jack",
            sample_rate=SAMPLE_RATE,
            block_frames=PERIOD_FRAMES,
        ) as engine,
    ):
        with _Recorder() as recorder:
            start = time.monotonic()
            sent = [_strike(engine, start + GAP_SECONDS * (n + 1)) for n in range(events)]
            time.sleep(LONGEST_SECONDS)
            onsets = recorder.onsets()
        late = engine.sink_state().late_blocks
    delays = [
        1000 * (onset - at)
        for at in sent
        for onset in onsets[np.searchsorted(onsets, at) :][:1]
        if onset - at < LONGEST_SECONDS
    ]
    if not delays:
        raise SegueError("no event was heard in the JACK graph; is the machine overloaded?")
    return {
        "event_to_sound_ms_p50": float(np.percentile(delays, 50)),
        "event_to_sound_ms_p99": float(np.percentile(delays, 99)),
        "event_to_sound_ms_max": float(max(delays)),
        "heard": float(len(delays)),
        "late_blocks": float(late),
        "realtime": float(realtime),
    }


def _strike(engine: "EngineProcess", due: float) -> float:
    """Send one stroke for now when it is due; the `time.monotonic` of sending."""
    time.sleep(max(due - time.monotonic(), 0.0))
    at = time.monotonic()
    engine.schedule(np.array([(engine.frame, 480, HAT, VELOCITY, 0)], dtype=EVENT))
    return at


@contextmanager
def dummy_jack() -> Iterator[bool]:
    """A JACK server of its own on the dummy driver, which clients started meanwhile use.

    Gives whether it runs with real-time priority. Raises MissingPartError where it cannot run.
    """
    if shutil.which("jackd") is None:
        raise MissingPartError("jackd is not installed (Debian: apt install jackd2)")
    name = f"segue-bench-{os.getpid()}"
    kept = {key: os.environ.get(key) for key in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER")}
    os.environ |= {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
    server = None
    try:
        for realtime in (True, False):
            server = _start_jackd(name, realtime)
            if server is not None:
                break
        if server is None:
            raise MissingPartError("jackd does not run on this machine; try it by hand")
        yield realtime
    finally:
        if server is not None:
            server.terminate()
            server.wait()
        for key, value in kept.items():
            if value is None:
                os.environ.pop(key)
            else:
                os.environ[key] = value


def _start_jackd(name: str, realtime: bool) -> "subprocess.Popen[bytes] | None":
    from ..synth.devices import probe

    priority = ["-R", "-P", "70"] if realtime else ["--no-realtime"]
    driver = ["-d", "dummy", "-r", str(SAMPLE_RATE), "-p", str(PERIOD_FRAMES)]
    server = subprocess.Popen(
        ["jackd", *priority, "-n", name, *driver],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 15
    while server.poll() is None and time.monotonic() < deadline:
        if probe("jack").usable:
            return server
    server.terminate()
    server.wait()
    return None


class _Recorder:
    """Another process that listens to the engine in the graph."""

    def __enter__(self) -> "_Recorder":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "segue.benchmarks.live_latency"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline().strip()
        if said != "listening":
            self._process.wait()
            raise MissingPartError(said or "the graph could not be recorded")
        return self

    def onsets(self) -> "np.ndarray[Any, np.dtype[np.float64]]":
        """The `time.monotonic` of each onset so far; ends the recording."""
        heard, _ = self._process.communicate("stop\n", timeout=60)
        return np.array(json.loads(heard), np.float64)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def _listen() -> None:
    """Record the engine's left channel until standard input says so; print its onsets as JSON."""
    try:
        import jack
    except (ImportError, OSError) as error:
        print(
            f"the graph cannot be recorded ({error}); install JACK-Client: pip install JACK-Client"
        )
        return
    client = jack.Client("segue-listen", no_start_server=True)
    port = client.inports.register("in")
    rate = client.samplerate
    blocks: list[tuple[float, Any]] = []

    def process(_frames: int) -> None:
        start = time.monotonic() - client.frames_since_cycle_start / rate
        blocks.append((start, port.get_array().copy()))

    client.set_process_callback(process)
    client.activate()
    client.connect(PORTS[0], port)
    print("listening", flush=True)
    sys.stdin.readline()
    client.deactivate()
    client.close()
    print(json.dumps(find_onsets(blocks, rate)), flush=True)


def find_onsets(blocks: list[tuple[float, Any]], sample_rate: int) -> list[float]:
    """Times at which sound begins after quiet, in blocks of (start in seconds, samples)."""
    onsets: list[float] = []
    last_loud = -1.0
    for start, samples in blocks:
        loud = np.flatnonzero(np.abs(samples) > THRESHOLD)
        for place in loud:
            at = start + place / sample_rate
            if at - last_loud > QUIET_SECONDS:
                onsets.append(at)
            last_loud = at
    return onsets


if __name__ == "__main__":
    _listen()
