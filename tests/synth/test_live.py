"""Live sinks: pacing, probing, a real JACK server where there is one."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from segue.music.errors import MissingPartError, UnknownNameError
from segue.music.events import Channel
from segue.synth import live
from segue.synth.engine_process import EngineProcess
from segue.synth.live import SilentSink, devices, open_live, probe

JACK_SERVER = "segue-test"


@pytest.fixture
def no_devices(monkeypatch):
    """No JACK server of the default name, and no ALSA configuration."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "segue-no-such-server")
    monkeypatch.setenv("ALSA_CONFIG_PATH", os.devnull)


@pytest.fixture
def jack(monkeypatch):
    """A JACK server on the dummy driver, or a skip."""
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed (Debian: apt install jackd2)")
    name = f"{JACK_SERVER}-{os.getpid()}"
    monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
    command = ["jackd", "-n", name, "--no-realtime", "-d", "dummy", "-r", "44100", "-p", "512"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 15
        while not probe("jack").usable:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.skip("jackd does not run on this machine")
        yield name
    finally:
        server.terminate()
        server.wait()


def test_silent_sink_pulls_on_time_and_stops():
    sink = SilentSink(48_000, 480)
    enough = threading.Event()
    times = []

    def pull(frames):
        assert frames == 480
        times.append(time.monotonic())
        if len(times) == 51:
            enough.set()
        return np.zeros((frames, 2), np.float32)

    sink.start(pull)
    assert enough.wait(20)
    sink.close()
    count = len(times)
    assert times[50] - times[0] == pytest.approx(0.5, abs=0.2)
    assert len(times) == count and sink.failure is None


def test_a_failing_pull_stops_the_sink_and_is_kept():
    sink = SilentSink(48_000, 480)
    failed = threading.Event()

    def pull(frames):
        failed.set()
        raise ValueError("broken")

    sink.start(pull)
    assert failed.wait(20)
    sink.close()
    assert isinstance(sink.failure, ValueError)


@pytest.mark.skipif(sys.platform != "linux", reason="hides the devices in ALSA's way")
@pytest.mark.usefixtures("no_devices")
def test_no_device_is_one_clear_error_even_where_booting_crashes():
    with pytest.raises(MissingPartError, match=r"no audio device \(jack: .*render to a file"):
        open_live("jack")
    with pytest.raises(MissingPartError, match="no audio device"):
        open_live("auto")
    with pytest.raises(MissingPartError, match="no audio device"):
        EngineProcess([Channel("a", "piano")], sink="auto")
    assert [(device.driver, device.usable) for device in devices()] == [
        ("jack", False),
        ("portaudio", False),
    ]


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="did you mean 'jack'"):
        open_live("jak")
    with pytest.raises(UnknownNameError):
        probe("coreaudio")


def test_a_probe_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(live, "_PROBE", "import threading; threading.Event().wait()")
    monkeypatch.setattr(live, "PROBE_SECONDS", 0.2)
    assert "no answer" in probe("jack").detail


def test_jack_plays_what_the_engine_makes(jack, events, tmp_path):
    found = probe("jack")
    assert (found.usable, found.sample_rate, found.block_frames) == (True, 44_100, 512)
    with EngineProcess([Channel("a", "flute", reverb=0.0)], sink="auto") as engine:
        assert (engine.sample_rate, engine.block_frames) == (44_100, 512)
        engine.schedule(events((engine.frame + 4_410, 10**7, 69, 0.8, 0)))
        recorder = shutil.which("jack_rec")
        if recorder is None:
            pytest.skip("jack_rec is not installed (Debian: apt install jackd2)")
        path = tmp_path / "heard.wav"
        ports = ["segue:output_1", "segue:output_2"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [recorder, "-f", str(path), "-d", "2", "-b", "16", *ports],
                capture_output=True,
                timeout=30,
            )
        import soundfile

        sound, rate = soundfile.read(path)
        assert engine.metrics().events_played == 1
    late = sound[rate:, 0]
    assert rate == 44_100 and np.abs(late).max() > 0.02
    spectrum = np.abs(np.fft.rfft(late * np.hanning(len(late))))
    assert np.argmax(spectrum) * rate / len(late) == pytest.approx(440, abs=5)
