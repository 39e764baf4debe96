"""Helpers for the tests of the voice."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from segue.music.events import EVENT, Events
from segue.synth.devices import probe

Row = tuple[int, int, float, float, int]  # at_frame, duration_frames, pitch, velocity, channel


@pytest.fixture
def events() -> Callable[..., Events]:
    """Events from rows of (at_frame, duration_frames, pitch, velocity, channel)."""

    def make(*rows: Row) -> Events:
        return np.array(list(rows), dtype=EVENT)

    return make


@pytest.fixture
def band() -> Callable[..., Events]:
    """Melody, pad, bass, arpeggio and drums at velocity about 0.6: (channel numbers 0 to 4)."""

    def make(seconds: float, sample_rate: int = 48_000) -> Events:
        beat = sample_rate * 60 / 110
        chords = [(57, 60, 64), (53, 57, 60), (48, 55, 64), (55, 59, 62)]
        melody = [76, 74, 72, 79, 77, 76, 72, 71]
        rows: list[Row] = []

        def add(beats: float, length: float, pitch: int, velocity: float, channel: int) -> None:
            rows.append((int(beats * beat), int(length * beat), pitch, velocity, channel))

        for step in range(int(seconds * sample_rate / beat)):
            chord = chords[step // 4 % 4]
            add(step, 0.9, melody[step % 8], 0.6, 0)
            if step % 4 == 0:
                for pitch in chord:
                    add(step, 3.9, pitch, 0.6, 1)
            for half in (0, 0.5):
                add(step + half, 0.45, chord[0] - (24 if chord[0] > 52 else 12), 0.6, 2)
                add(step + half, 0.1, 42, 0.6 - 0.3 * half, 4)
            for quarter in range(4):
                pitch = chord[(step * 4 + quarter) % 3] + 12
                add(step + quarter / 4, 0.25, pitch, 0.65 if quarter == 0 else 0.55, 3)
            add(step, 0.1, 36 if step % 2 == 0 else 38, 0.6, 4)
            if step % 16 == 0:
                add(step, 0.1, 49, 0.6, 4)
        return np.array(rows, dtype=EVENT)

    return make


class SoundServer:
    """A sound server of its own, which can be killed and started again."""

    def __init__(self, driver: str, command: list[str]) -> None:
        self.driver, self._command = driver, command
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers; skips where it does not run."""
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 15
        while not probe(self.driver).usable:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.end()
                pytest.skip(f"{self._command[0]} does not run on this machine")

    def send(self, number: int) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self) -> None:
        """End it in good order: a killed JACK server would stay on JACK's short list of servers."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(20)


@pytest.fixture(scope="module")
def jack_server() -> Iterator[SoundServer]:
    """A JACK server on the dummy driver, at 44.1 kHz and 512 frames, or a skip."""
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed (Debian: apt install jackd2)")
    name = f"segue-test-{os.getpid()}"
    dummy = ["--no-realtime", "-d", "dummy", "-r", "44100", "-p", "512"]
    server = SoundServer("jack", ["jackd", "-n", name, *dummy])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_DEFAULT_SERVER", name)
        server.start()
        yield server
        server.end()


@pytest.fixture
def jack(jack_server: SoundServer) -> SoundServer:
    """The JACK server, running."""
    if jack_server.process is None or jack_server.process.poll() is not None:
        jack_server.start()
    return jack_server


PULSE_PCM = """
pcm.!default { type pulse }
ctl.!default { type pulse }
pcm.pulse { type pulse hint { show on description "pulse" } }
"""


@pytest.fixture(scope="module")
def pulse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoundServer]:
    """A PulseAudio server with a null sink, which PortAudio reaches through ALSA, or a skip."""
    plugins = next(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"), None)
    if shutil.which("pulseaudio") is None or plugins is None:
        pytest.skip("no PulseAudio (Debian: apt install pulseaudio libasound2-plugins)")
    folder = tmp_path_factory.mktemp("pulse")
    (folder / "asound.conf").write_text(PULSE_PCM)
    options = ["-n", "--exit-idle-time=-1", "--disallow-exit", "--use-pid-file=no"]
    modules = [
        "-L",
        "module-null-sink sink_name=null rate=48000",
        "-L",
        "module-native-protocol-unix",
    ]
    server = SoundServer("portaudio", ["pulseaudio", *options, *modules])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.setenv("ALSA_CONFIG_PATH", str(folder / "asound.conf"))
        patch.setenv("ALSA_PLUGIN_DIR", str(plugins.parent))
        server.start()
        yield server
        server.end()


@pytest.fixture
def pulse(pulse_server: SoundServer) -> SoundServer:
    """The PulseAudio server, running."""
    if pulse_server.process is None or pulse_server.process.poll() is not None:
        pulse_server.start()
    return pulse_server
