"""What `segue doctor` says of this machine, with and without its parts."""

import os
import sys

import pytest

from segue.server import doctor
from segue.server.doctor import examine
from segue.synth.devices import Device


@pytest.fixture
def bare(monkeypatch):
    """A machine without JACK server, sound card and MIDI system."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "segue-no-such-server")
    monkeypatch.setenv("ALSA_CONFIG_PATH", os.devnull)
    monkeypatch.setenv("MIDO_BACKEND", "mido.backends.no_such_backend")


@pytest.mark.skipif(sys.platform != "linux", reason="hides the devices in ALSA's way")
@pytest.mark.usefixtures("bare")
def test_a_bare_machine_is_told_what_is_missing_and_the_way_out(capfd):
    found = {finding.part: finding for finding in examine()}
    assert found["pyo"].ok and found["cues"].ok
    assert "jack" in found["audio jack"].detail.lower() and not found["audio jack"].ok
    assert "sound card" in found["audio portaudio"].detail
    assert not found["live sound"].ok and "render to a file" in found["live sound"].detail
    assert found["audio files"].detail == "wav, flac, ogg"
    for part in ("MIDI output", "MIDI input"):
        assert not found[part].ok and found[part].detail
    assert found["real-time priority"].detail
    assert all(finding.detail and "\n" not in finding.detail for finding in found.values())
    assert capfd.readouterr() == ("", "")  # libraries that complain by themselves are kept quiet


def test_a_machine_that_sounds(monkeypatch):
    here = [
        Device("jack", False, "no JACK server 'default' runs; start one"),
        Device("portaudio", True, "Speakers", 48_000, 256),
    ]
    monkeypatch.setattr(doctor, "devices", lambda: here)
    monkeypatch.setattr(doctor, "output_names", list)
    found = {finding.part: finding for finding in examine()}
    assert found["audio portaudio"].detail == "Speakers, 48000 Hz, blocks of 256"
    assert found["live sound"].ok and "plays on portaudio" in found["live sound"].detail
    assert "connect one" in found["MIDI output"].detail
