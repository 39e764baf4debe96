"""A session on a real MIDI port: notes at their times, all ended at the close."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np
import pytest

import segue
from segue.client import Client
from segue.music.cue_file import load_cue
from segue.music.errors import SegueError, UnknownNameError
from segue.music.events import PROGRAMS
from segue.server.sessions.session import Session
from segue.server.sounding.midi_sound import MidiSound, midi_output
from segue.server.sounding.sound import open_sound

SERVER = f"seguetest{os.getpid()}"  # JACK servers are known by name on the whole machine

needs_jack = pytest.mark.skipif(
    shutil.which("jackd") is None, reason="needs jackd (apt-get install jackd2) for a MIDI system"
)


@pytest.fixture
def midi_system(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """JACK with its silent driver; mido reaches its MIDI ports through rtmidi."""
    pytest.importorskip("rtmidi", reason="needs the extra segue[ports]")
    command = ["jackd", "-n", SERVER, "--sync", "--no-realtime", "-d", "dummy", "-p", "1024"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    monkeypatch.setenv("JACK_DEFAULT_SERVER", SERVER)
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    environment = os.environ | {"JACK_DEFAULT_SERVER": SERVER}
    try:
        subprocess.run(["jack_wait", "-w", "-t", "10"], env=environment, check=True, timeout=15)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=10)


LISTEN = """
import mido, time
port = mido.open_input("listener", virtual=True)
print("ready", flush=True)
for message in port:
    print(f"{time.monotonic():.6f} {message}", flush=True)
    if message.type == "pitchwheel" and message.channel == 9:
        break
"""

PLAY = """
import mido, segue
name = next(n for n in mido.get_output_names() if "listener" in n)
with segue.open("dungeon", director="table", output=f"midi:{name}?clock&mpe=theme") as session:
    session.mood(arousal=0.8)
    while session.position().beat < 6.0:
        pass
    print(session.position().bpm, flush=True)
    session.pause()
    session.resume()
    while session.position().beat < 7.0:
        pass
"""


@needs_jack
def test_a_session_plays_on_a_port_and_silences_it_at_the_end(midi_system: None) -> None:
    environment = os.environ | {"MIDO_BACKEND": "mido.backends.rtmidi/UNIX_JACK"}
    command = [sys.executable, "-c", LISTEN]
    listener = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert listener.stdout is not None
        assert listener.stdout.readline().strip() == "ready"
        player = subprocess.run(
            [sys.executable, "-c", PLAY],
            env=environment,
            check=True,
            timeout=60,
            stdout=subprocess.PIPE,
            text=True,
        )
        heard, _ = listener.communicate(timeout=30)  # it ends with the panic's last message
    finally:
        listener.kill()
        listener.communicate()
    arrived = [line.split(" ", 1) for line in heard.splitlines()]
    seconds = [float(stamp) for stamp, _ in arrived]
    messages = [mido.Message.from_str(text) for _, text in arrived]
    cue = load_cue("dungeon")
    programs = {m.channel: m.program for m in messages if m.type == "program_change"}
    wanted = {PROGRAMS[layer.instrument] for layer in cue.layers}
    assert wanted <= set(programs.values()) and 9 in programs  # nothing of the burst was lost
    sounding: set[tuple[int, int]] = set()
    for message in messages:
        if message.type == "note_on":
            sounding.add((message.channel, message.note))
        elif message.type == "note_off":
            sounding.discard((message.channel, message.note))
        elif message.type == "control_change" and message.control == 123:  # all notes off
            sounding = {note for note in sounding if note[0] != message.channel}
    assert sounding == set()
    theme = {m.channel for m in messages if m.type == "note_on" and m.channel in range(1, 9)}
    assert len(theme) > 1  # the zone's members take turns
    kinds = [m.type for m in messages if m.type in ("start", "stop", "continue", "songpos")]
    assert kinds == ["start", "stop", "songpos", "continue", "stop"]
    ticks = [at for at, m in zip(seconds, messages, strict=True) if m.type == "clock"]
    bpm = 60 / 24 / (np.diff(ticks[48:120]).mean())  # the second bar and on, before the pause
    slowest, fastest = cue.tempo_bpm
    assert slowest * 0.95 <= bpm <= fastest * 1.05
    assert bpm == pytest.approx(float(player.stdout), rel=0.1)


@needs_jack
def test_a_server_that_is_told_to_end_silences_its_ports(midi_system: None, tmp_path: Path) -> None:
    environment = os.environ | {"MIDO_BACKEND": "mido.backends.rtmidi/UNIX_JACK"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": environment, "text": True}
    listener = subprocess.Popen([sys.executable, "-c", LISTEN], **pipes)
    command = [sys.executable, "-m", "segue.server.serving.launch", "0", str(tmp_path)]
    server = subprocess.Popen(command, **pipes)
    try:
        assert listener.stdout is not None and server.stdout is not None
        assert listener.stdout.readline().strip() == "ready"
        with Client(server.stdout.readline().strip()) as music:
            name = next(n for n in jack_outputs() if "listener" in n)
            session = music.open(
                "dungeon", director="table", clock="realtime", output=f"midi:{name}"
            )
            session.closed = True
            notes = 0
            while notes < 8:
                notes += " note_on " in listener.stdout.readline()
            server.send_signal(signal.SIGTERM)
            assert server.wait(20) == 0
        heard, _ = listener.communicate(timeout=30)  # it ends with the panic's last message
    finally:
        for process in (listener, server):
            process.kill()
            process.communicate()
    messages = [mido.Message.from_str(line.split(" ", 1)[1]) for line in heard.splitlines()]
    volumes = [m.value for m in messages if m.type == "control_change" and m.control == 7]
    assert volumes[0] > 60 and volumes[-1] < 20  # faded
    quiet = {m.channel for m in messages if m.type == "control_change" and m.control == 123}
    assert {m.channel for m in messages if m.type == "note_on"} <= quiet


def jack_outputs() -> list[str]:
    """Names of the ports that can be played on."""
    names: list[str] = mido.Backend("mido.backends.rtmidi/UNIX_JACK").get_output_names()
    return names


RECEIVE = """
import segue, sys
from segue.server.playing.midi_control import MidiControl
with segue.open("dungeon", director="table", clock="realtime") as session:
    with MidiControl(session, "virtual:segue-in", routes=["cc:1=danger"], follow_clock=True):
        print("ready", flush=True)
        while session.position().parameters["danger"] < 1.0:
            pass
        print("danger", flush=True)
        while not session.position().paused:
            pass
        print("paused", flush=True)
"""


@needs_jack
def test_a_session_hears_a_port(midi_system: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDO_BACKEND", "mido.backends.rtmidi/UNIX_JACK")
    command = [sys.executable, "-c", RECEIVE]
    receiver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert receiver.stdout is not None
        assert receiver.stdout.readline().strip() == "ready"
        backend = mido.Backend("mido.backends.rtmidi/UNIX_JACK")
        name = next(name for name in backend.get_output_names() if "segue-in" in name)
        with backend.open_output(name) as port:
            port.send(mido.Message("control_change", control=1, value=127))
            assert receiver.stdout.readline().strip() == "danger"
            port.send(mido.Message("stop"))
            assert receiver.stdout.readline().strip() == "paused"
        assert receiver.wait(30) == 0
    finally:
        receiver.kill()
        receiver.communicate()


def test_a_session_on_a_manual_clock_sends_as_time_moves() -> None:
    sound = open_sound("midi:null?clock", load_cue("dungeon"), seed=0, realtime=False)
    assert isinstance(sound, MidiSound)
    with Session.open("dungeon", director="table", output="midi:null?clock") as session:
        session.advance(10.0)
        state = session.snapshot()
        session.advance(3.0)
        session.restore(state)
        session.seek(0)
        session.advance(3.0)
        process = session._sound.process
        ticks = process.metrics()["ticks"]
    beats = 10 * cue_bpm(0.0) / 60  # at the least
    assert ticks > 24 * beats
    sound.close()


def cue_bpm(knob: float) -> float:
    slowest, fastest = load_cue("dungeon").tempo_bpm
    return slowest * (fastest / slowest) ** knob


def test_options_are_added_to_an_output() -> None:
    assert midi_output("midi") == "midi"
    assert midi_output("midi", clock=True) == "midi:?clock"
    assert midi_output("midi:A", mpe=["theme"]) == "midi:A?mpe=theme"
    assert midi_output("midi:A?mpe=theme", clock=True) == "midi:A?clock&mpe=theme"
    assert midi_output("auto") == "auto"
    with pytest.raises(SegueError, match="'auto' is no MIDI port"):
        midi_output("auto", clock=True)


def test_a_bad_option_or_layer_is_told_and_leaves_nothing_behind() -> None:
    with pytest.raises(UnknownNameError, match="MIDI option 'clok'"):
        Session.open("dungeon", director="table", output="midi:null?clok")
    with pytest.raises(UnknownNameError, match=r"layer for MPE 'tune'.*known: .*theme"):
        Session.open("dungeon", director="table", output="midi:null?mpe=tune")


@pytest.mark.skipif(os.path.exists("/dev/snd/seq"), reason="this machine has a MIDI system")
def test_without_a_midi_system_the_music_goes_on_and_one_line_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with segue.open("dungeon", director="table", output="midi", clock="manual") as session:
        session.advance(2.0)
    (record,) = caplog.records
    assert "no MIDI system" in record.message
