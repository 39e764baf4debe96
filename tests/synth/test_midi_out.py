"""Events on a MIDI port, by hand-driven clocks."""

import threading

import mido
import numpy as np
import pytest
from mido.ports import BaseOutput

from segue.music.errors import MissingPartError, RangeError, SegueError, UnknownNameError
from segue.music.events import EVENT, INSTRUMENTS, PROGRAMS, Channel
from segue.synth.midi_out import MidiOut, midi_channels, open_output

RATE = 48_000
BAND = [Channel("lead", "piano", gain_db=-6.0, pan=0.5), Channel("kit", "drums")]


class Recorder(BaseOutput):
    """A mido port that keeps what it is sent, with the time on a clock."""

    def __init__(self):
        super().__init__()
        self.clock = HandClock()
        self.sent = []

    def _send(self, message):
        self.sent.append((self.clock.seconds, message))

    def notes(self):
        return [
            (seconds, message.type, message.channel, message.note)
            for seconds, message in self.sent
            if message.type in ("note_on", "note_off")
        ]


class HandClock:
    """A clock that jumps to where it is asked to wait."""

    def __init__(self):
        self.seconds = 0.0
        self.waits = []

    def now(self):
        return self.seconds

    def wait_until(self, seconds):
        self.waits.append(seconds)
        self.seconds = max(self.seconds, seconds)


def test_channels_programs_and_mix_are_set_at_the_start():
    port = Recorder()
    MidiOut(port, BAND)
    messages = [message for _, message in port.sent]
    assert mido.Message("program_change", channel=9, program=0) in messages
    controls = {(m.channel, m.control): m.value for m in messages if m.type == "control_change"}
    assert controls[0, 7] == 71 and controls[0, 10] == 96 and controls[9, 10] == 64
    assert set(PROGRAMS) == set(INSTRUMENTS)


def test_drums_take_channel_ten_and_others_go_round_it():
    many = [Channel(str(n), "piano") for n in range(11)]
    assert midi_channels([*many, BAND[1]]) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 9]
    with pytest.raises(SegueError, match="15 channels"):
        midi_channels([Channel(str(n), "piano") for n in range(16)])


def test_advance_sends_what_falls_due_and_no_more(events):
    port = Recorder()
    out = MidiOut(port, BAND)
    out.schedule(events((1_000, 500, 60, 0.5, 0), (1_000, 10, 36, 1.0, 1), (3_000, 10, 61.6, 1, 0)))
    out.advance(1_000)
    assert port.notes() == []
    out.advance(1)
    assert port.notes() == [(0.0, "note_on", 0, 60), (0.0, "note_on", 9, 36)]
    assert [m.velocity for _, m in port.sent if m.type == "note_on"] == [64, 127]
    out.advance(2_000)
    assert [note[1:] for note in port.notes()[2:]] == [
        ("note_off", 9, 36),
        ("note_off", 0, 60),
        ("note_on", 0, 62),
    ]
    assert out.frame == 3_001


def test_playing_keeps_absolute_deadlines(events):
    port = Recorder()
    out = MidiOut(port, BAND, sample_rate=RATE)
    onsets = np.cumsum(np.random.default_rng(0).integers(500, 9_000, 40)).tolist()
    out.schedule(events(*[(frame, 400, 60, 0.5, 0) for frame in onsets]))
    out.play(onsets[-1] + 1_000, port.clock)
    heard = [seconds for seconds, kind, _, _ in port.notes() if kind == "note_on"]
    ended = [seconds for seconds, kind, _, _ in port.notes() if kind == "note_off"]
    assert np.allclose(heard, np.array(onsets) / RATE)
    assert np.allclose(ended, (np.array(onsets) + 400) / RATE)
    assert max(np.diff([0.0, *port.clock.waits])) <= 0.1 + 1e-9  # so that `stop` is seen


def test_stop_ends_playing(events):
    port, stop = Recorder(), threading.Event()
    out = MidiOut(port, BAND)
    out.schedule(events((RATE, 400, 60, 0.5, 0)))
    stop.set()
    out.play(10 * RATE, port.clock, stop)
    assert port.notes() == [] and port.clock.waits == []


def test_a_repeated_key_is_ended_first_and_held_to_its_own_end(events):
    port = Recorder()
    out = MidiOut(port, BAND)
    out.schedule(events((0, 1_000, 60, 0.5, 0), (500, 1_000, 60, 0.5, 0)))
    out.advance(1_400)
    assert [note[1] for note in port.notes()] == ["note_on", "note_off", "note_on"]
    out.advance(200)
    assert [note[1] for note in port.notes()][3:] == ["note_off"]


def test_cancel_keeps_the_ends_of_what_sounds(events):
    port = Recorder()
    out = MidiOut(port, BAND)
    out.schedule(events((0, 5_000, 60, 0.5, 0), (4_000, 100, 64, 0.5, 0)))
    out.advance(100)
    assert out.cancel(0) == 1
    out.advance(10_000)
    assert [note[1:] for note in port.notes()] == [("note_on", 0, 60), ("note_off", 0, 60)]


def test_leaving_by_an_error_silences_everything(events):
    port = Recorder()
    with pytest.raises(KeyboardInterrupt), MidiOut(port, BAND, owns_port=True) as out:
        out.schedule(events((0, RATE, 60, 0.5, 0)))
        out.advance(10)
        raise KeyboardInterrupt
    assert port.notes()[-1][1:] == ("note_off", 0, 60)
    final = {(m.channel, m.control) for _, m in port.sent if m.type == "control_change"}
    assert {(0, 123), (9, 123), (0, 120), (9, 120)} <= final
    assert port.closed


def test_controls_become_controllers_and_bad_ones_are_told():
    port = Recorder()
    out = MidiOut(port, BAND)
    out.control("layer.lead.gain", 0.5, ramp_seconds=1.0)
    out.control("layer.lead.pan", -1.0)
    values = [(m.control, m.value) for _, m in port.sent[-2:]]
    assert values == [(7, 64), (10, 1)]
    with pytest.raises(UnknownNameError, match=r"did you mean 'layer\.lead\.gain'"):
        out.control("layer.led.gain", 0.5)
    with pytest.raises(RangeError):
        out.control("layer.lead.gain", 1.5)
    with pytest.raises(RangeError):
        out.schedule(np.array([(0, 1, np.nan, 0.5, 0)], dtype=EVENT))


def test_no_midi_system_or_an_unknown_port_is_told(monkeypatch):
    def fail():
        raise OSError("no sequencer")

    monkeypatch.setattr(mido, "get_output_names", fail)
    with pytest.raises(MissingPartError, match=r"no sequencer.*segue\[ports\].*MIDI file"):
        open_output()
    monkeypatch.setattr(mido, "get_output_names", lambda: [])
    with pytest.raises(MissingPartError, match="no MIDI output"):
        open_output()
    monkeypatch.setattr(mido, "get_output_names", lambda: ["Synth A", "Synth B"])
    with pytest.raises(UnknownNameError, match="did you mean 'Synth B'"):
        open_output("Synth C")
