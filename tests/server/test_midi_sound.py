"""A session on a real MIDI port: notes at their times, all ended at the close."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

import segue
from segue.music.errors import MissingPartError

SERVER = f"seguetest{os.getpid()}"  # JACK servers are known by name on the whole machine

needs_jack = pytest.mark.skipif(
    shutil.which("jackd") is None, reason="needs jackd (apt-get install jackd2) for a MIDI system"
)


@pytest.fixture
def midi_system(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """JACK with its silent driver; mido reaches its MIDI ports through rtmidi."""
    pytest.importorskip("rtmidi", reason="needs the extra segue[ports]")
    command = ["jackd", "-n", SERVER, "--no-realtime", "-d", "dummy", "-r", "48000", "-p", "256"]
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
import mido
port = mido.open_input("listener", virtual=True)
print("ready", flush=True)
for message in port:
    print(message.type, getattr(message, "note", -1), flush=True)
    if message.type == "control_change" and message.control == 120:
        break
"""

# In real time, since JACK has room for a few messages a period only.
PLAY = """
import mido, segue
name = next(n for n in mido.get_output_names() if "listener" in n)
with segue.open("dungeon", director="table", output=f"midi:{name}") as session:
    while session.position().beat < 3.0:
        pass
"""


@needs_jack
def test_a_session_plays_on_a_port_and_silences_it_at_the_end(midi_system: None) -> None:
    environment = os.environ | {"MIDO_BACKEND": "mido.backends.rtmidi/UNIX_JACK"}
    python = sys.executable
    listener = subprocess.Popen(
        [python, "-c", LISTEN], env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert listener.stdout is not None
        assert listener.stdout.readline().strip() == "ready"
        subprocess.run([python, "-c", PLAY], env=environment, check=True, timeout=60)
        heard, _ = listener.communicate(timeout=30)  # it ends at the first "all sound off"
    finally:
        listener.kill()
        listener.communicate()
    kinds = [line.split()[0] for line in heard.splitlines()]
    assert "program_change" in kinds
    assert kinds.count("note_on") >= 3
    assert kinds[-1] == "control_change"


@pytest.mark.skipif(os.path.exists("/dev/snd/seq"), reason="this machine has a MIDI system")
def test_without_a_midi_system_it_is_said() -> None:
    with pytest.raises(MissingPartError, match="MIDI"):
        segue.open("dungeon", director="table", output="midi")
