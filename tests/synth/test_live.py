"""Live sinks: pacing, real JACK and PulseAudio servers, devices that go away and come back."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from segue.music.errors import MissingPartError, SegueError, UnknownNameError
from segue.music.events import Channel
from segue.synth import devices as devices_module
from segue.synth import live
from segue.synth.devices import Device, DeviceProcess, devices, probe
from segue.synth.engine_process import EngineProcess
from segue.synth.live import DeviceSink, SilentSink, SinkState, open_device


@pytest.fixture
def no_devices(monkeypatch):
    """No JACK server of the default name, and no ALSA configuration."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "segue-no-such-server")
    monkeypatch.setenv("ALSA_CONFIG_PATH", os.devnull)


class Sine:
    """A sine of 440 Hz; `when` waits, block by block, until something holds."""

    def __init__(self, sample_rate):
        self.frame, self._rate = 0, sample_rate
        self._changed = threading.Condition()

    def __call__(self, frames):
        turns = (self.frame + np.arange(frames)) * 440 / self._rate
        with self._changed:
            self.frame += frames
            self._changed.notify_all()
        return np.repeat(0.2 * np.sin(2 * np.pi * turns), 2).reshape(-1, 2).astype(np.float32)

    def when(self, holds, seconds=20.0):
        with self._changed:
            return self._changed.wait_for(holds, seconds)


def test_silent_sink_pulls_on_time_and_stops():
    sink, sine = SilentSink(48_000, 480), Sine(48_000)
    start = time.monotonic()
    sink.start(sine)
    assert sine.when(lambda: sine.frame >= 24_000)
    passed = time.monotonic() - start
    sink.close()
    assert passed == pytest.approx(0.5, abs=0.2)
    assert sink.frames == sine.frame and sink.failure is None and sink.state == SinkState()


@pytest.mark.skipif(sys.platform != "linux", reason="hides the devices in ALSA's way")
@pytest.mark.usefixtures("no_devices")
def test_no_device_is_one_clear_error_even_where_booting_crashes():
    told = r"no audio device\. jack: .*(no JACK server|not installed)"
    with pytest.raises(MissingPartError, match=told):
        open_device("jack", 48_000, 256)
    with pytest.raises(MissingPartError, match=told + r".*\. portaudio: .*sound card"):
        open_device("auto", 48_000, 256)
    with pytest.raises(MissingPartError, match=told):
        EngineProcess([Channel("a", "piano")], sink="jack")
    assert [(device.driver, device.usable) for device in devices()] == [
        ("jack", False),
        ("portaudio", False),
    ]


def test_unknown_drivers():
    with pytest.raises(UnknownNameError, match="audio driver"):
        probe("coreaudio")


def test_a_device_that_does_not_answer_is_given_up(monkeypatch):
    monkeypatch.setattr(devices_module, "START_SECONDS", 0.0)
    assert "no answer" in probe("jack").detail


def test_probe_says_what_the_server_imposes(jack):
    assert probe("jack") == Device("jack", True, "a running server", 44_100, 512)


def test_portaudio_plays_what_it_is_given(pulse):
    recorder = shutil.which("parec")
    if recorder is None:
        pytest.skip("parec is not installed (Debian: apt install pulseaudio-utils)")
    with contextlib.closing(open_device("portaudio", 48_000, 512)) as sink:
        sine = Sine(sink.sample_rate)
        sink.start(sine)
        assert sine.when(lambda: sine.frame > 24_000)
        command = [recorder, "-d", "null.monitor", "--format=float32le", "--rate=48000"]
        with subprocess.Popen([*command, "--channels=2"], stdout=subprocess.PIPE) as parec:
            heard = np.zeros(1)
            while np.abs(heard).max() < 0.02:  # a second at a time, until the device has begun
                heard = np.frombuffer(parec.stdout.read(8 * 48_000), np.float32)
            heard = np.frombuffer(parec.stdout.read(8 * 48_000), np.float32).reshape(-1, 2)
            parec.kill()
        assert sink.state.device == "portaudio"
    assert pitch(heard[:, 0], 48_000) == pytest.approx(440, abs=5)


def pitch(sound, rate):
    assert np.abs(sound).max() > 0.02
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return np.argmax(spectrum) * rate / len(sound)


@pytest.mark.parametrize(
    ("server", "number"),
    [
        ("jack", signal.SIGKILL),
        pytest.param("jack", signal.SIGSTOP, marks=pytest.mark.slow),
        pytest.param("pulse", signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param("pulse", signal.SIGSTOP, marks=pytest.mark.slow),
    ],
)
def test_a_lost_device_costs_no_time_and_is_found_again(
    request, monkeypatch, caplog, server, number
):
    server = request.getfixturevalue(server)
    monkeypatch.setattr(live, "RETURN_SECONDS", 0.2)
    monkeypatch.setattr(live, "LOST_SECONDS", 1.0)
    sink = DeviceSink([server.driver], 48_000, 512)
    sine = Sine(sink.sample_rate)
    sink.start(sine)
    assert sine.when(lambda: sine.frame > 0.7 * sink.sample_rate)
    assert sink.state == SinkState(server.driver, 0, sink.state.late_blocks)
    server.send(number)
    assert sine.when(lambda: sink.state.device == "")
    first, start = sine.frame, time.monotonic()
    assert sine.when(lambda: sine.frame >= first + sink.sample_rate)
    assert time.monotonic() - start < 1.5  # the clock goes on, and makes up for the stall
    if number == signal.SIGSTOP:
        server.send(signal.SIGKILL)
    server.process.wait()
    server.start()
    assert sine.when(lambda: sink.state.device == server.driver)
    at = sine.frame
    assert sine.when(lambda: sine.frame > at + sink.sample_rate // 2)
    assert sink.state.losses == 1 and sink.failure is None
    sink.close()
    said = [record.message for record in caplog.records]
    assert len(said) == 2 and "the music goes on in silence" in said[0] and "is back" in said[1]


def test_a_frozen_device_does_not_hold_up_close(jack):
    sink = open_device("jack", 48_000, 512)
    sine = Sine(sink.sample_rate)
    sink.start(sine)
    assert sine.when(lambda: sine.frame > 10_000)
    jack.send(signal.SIGSTOP)
    start = time.monotonic()
    sink.close()
    assert time.monotonic() - start < 4
    jack.send(signal.SIGCONT)


def test_a_device_at_another_rate_is_told_and_not_used(jack, monkeypatch, caplog):
    monkeypatch.setattr(live, "RETURN_SECONDS", 0.05)
    sink = open_device("jack", 48_000, 512)
    sink.sample_rate = 48_000  # as if the server had run at this rate before
    sink._device._process.kill()
    sine = Sine(48_000)
    sink.start(sine)
    assert sine.when(lambda: len(caplog.records) == 2)
    sink.close()
    assert "set it to that rate" in caplog.records[1].message and sink.state.device == ""


def test_a_device_that_gets_no_blocks_goes_on_asking(jack):
    device = DeviceProcess("jack")
    device.start()
    assert device.wait(20) == 512
    numbers = set()
    for _ in range(20):
        assert device.wait(20) == 512
        numbers.add(device.late_blocks)
    assert max(numbers) > 10
    device.close()
    with pytest.raises(SegueError, match="jack went away"):
        device.wait(1)


def test_an_engine_process_is_heard_through_jack(jack, events, tmp_path):
    recorder = shutil.which("jack_rec")
    if recorder is None:
        pytest.skip("jack_rec is not installed (Debian: apt install jackd2)")
    with EngineProcess([Channel("a", "flute", reverb=0.0)], sink="auto") as engine:
        assert (engine.sample_rate, engine.block_frames) == (44_100, 512)
        assert engine.sink_state().device == "jack"
        engine.schedule(events((engine.frame + 4_410, 10**7, 69, 0.8, 0)))
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
    assert rate == 44_100
    assert pitch(sound[rate:, 0], rate) == pytest.approx(440, abs=5)
