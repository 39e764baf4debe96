"""Events on a MIDI port, by hand-driven clocks."""

import logging

import mido
import numpy as np
import pytest
from mido.ports import BaseOutput

from segue.music.errors import MissingPartError, RangeError, SegueError, UnknownNameError
from segue.music.events import EVENT, INSTRUMENTS, PROGRAMS, Channel
from segue.synth.midi_options import MidiOptions, format_options, parse_options
from segue.synth.midi_out import MidiOut
from segue.synth.midi_ports import NullPort, open_input, open_output
from segue.synth.mpe import lay_out

RATE = 48_000
BAND = [Channel("lead", "piano", gain_db=-6.0, pan=0.5), Channel("kit", "drums")]


class Recorder(BaseOutput):
    """A mido port that keeps what it is sent."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def _send(self, message):
        self.sent.append(message)

    def notes(self):
        return [
            (message.type, message.channel, message.note)
            for message in self.sent
            if message.type in ("note_on", "note_off")
        ]

    def values(self, controller, channel=0):
        return [
            message.value
            for message in self.sent
            if message.type == "control_change"
            and (message.control, message.channel) == (controller, channel)
        ]

    def bends(self):
        return [(m.channel, m.pitch) for m in self.sent if m.type == "pitchwheel"]


def test_channels_programs_and_mix_are_set_at_the_start():
    port = Recorder()
    MidiOut(port, BAND)
    messages = port.sent
    assert mido.Message("program_change", channel=9, program=0) in messages
    controls = {(m.channel, m.control): m.value for m in messages if m.type == "control_change"}
    assert controls[0, 7] == 71 and controls[0, 10] == 96 and controls[9, 10] == 64
    assert set(PROGRAMS) == set(INSTRUMENTS)


def test_drums_take_channel_ten_and_others_go_round_it():
    many = [Channel(str(n), "piano") for n in range(11)]
    masters = [place.master for place in lay_out([*many, BAND[1]])]
    assert masters == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 9]
    kits = [Channel("a", "drums"), Channel("b", "drums_electronic")]
    assert [place.master for place in lay_out(kits)] == [9, 9]
    sampled = [
        Channel("a", "own/"),
        Channel("b", "own/", kit=True),
        Channel("c", "flute", kit=True),
    ]
    assert [place.master for place in lay_out(sampled)] == [0, 9, 1]
    with pytest.raises(SegueError, match=r"16 layers .* do not fit into the 15 channels"):
        lay_out([*[Channel(str(n), "piano") for n in range(16)], BAND[1]])


def test_advance_sends_what_falls_due_and_no_more(events):
    port = Recorder()
    out = MidiOut(port, BAND)
    out.schedule(events((1_000, 500, 60, 0.5, 0), (1_000, 10, 36, 1.0, 1), (3_000, 10, 61.6, 1, 0)))
    out.advance(1_000)
    assert port.notes() == []
    out.advance(1)
    assert port.notes() == [("note_on", 0, 60), ("note_on", 9, 36)]
    assert [m.velocity for m in port.sent if m.type == "note_on"] == [64, 127]
    out.advance(2_000)
    assert port.notes()[2:] == [("note_off", 9, 36), ("note_off", 0, 60), ("note_on", 0, 62)]
    assert out.frame == 3_001


def test_one_message_at_a_time_and_when_it_is_due(events):
    port = Recorder()
    out = MidiOut(port, BAND)
    assert out.next_frame() is None
    out.schedule(events((700, 500, 60, 0.5, 0), (300, 10, 64, 0.5, 0)))
    dues = []
    while (due := out.next_frame()) is not None:
        dues.append(due)
        out.send_next()
        assert out.frame == due
    assert dues == [300, 310, 700, 1200]


def test_a_repeated_key_is_ended_first_and_held_to_its_own_end(events):
    port = Recorder()
    out = MidiOut(port, BAND)
    out.schedule(events((0, 1_000, 60, 0.5, 0), (500, 1_000, 60, 0.5, 0)))
    out.advance(1_400)
    assert [note[0] for note in port.notes()] == ["note_on", "note_off", "note_on"]
    out.advance(200)
    assert [note[0] for note in port.notes()][3:] == ["note_off"]


def test_cancel_keeps_the_ends_of_what_sounds(events):
    port = Recorder()
    out = MidiOut(port, BAND)
    out.schedule(events((0, 5_000, 60, 0.5, 0), (4_000, 100, 64, 0.5, 0)))
    out.advance(100)
    assert out.cancel(0) == 1
    out.advance(10_000)
    assert port.notes() == [("note_on", 0, 60), ("note_off", 0, 60)]


def test_bank_and_program_are_chosen_in_this_order():
    port = Recorder()
    MidiOut(port, BAND[:1], options=MidiOptions(programs={"lead": (81, 300)}))
    voice = [
        (m.type, getattr(m, "control", None), getattr(m, "value", getattr(m, "program", None)))
        for m in port.sent
        if m.type == "program_change" or getattr(m, "control", None) in (0, 32)
    ]
    assert voice == [
        ("control_change", 0, 2),
        ("control_change", 32, 44),
        ("program_change", None, 81),
    ]
    with pytest.raises(UnknownNameError, match="did you mean 'lead'"):
        MidiOut(port, BAND, options=MidiOptions(programs={"leed": (1, 0)}))
    with pytest.raises(RangeError, match="program of layer 'lead'"):
        MidiOut(port, BAND, options=MidiOptions(programs={"lead": (128, 0)}))


# Bends and MPE --------------------------------------------------------------------------------


def test_a_fraction_of_a_pitch_is_bent_and_the_range_is_told(events):
    port = Recorder()
    out = MidiOut(port, BAND)
    assert port.values(101)[0] == 0 and port.values(100)[0] == 0 and port.values(6) == [2]
    assert port.values(101)[-1] == 127 and port.values(100)[-1] == 127  # none is left chosen
    out.schedule(events((0, 10, 60.25, 0.5, 0), (10, 10, 60.25, 0.5, 0), (20, 10, 64.0, 0.5, 0)))
    out.advance(40)
    assert [key for kind, _, key in port.notes() if kind == "note_on"] == [60, 60, 64]
    assert port.bends() == [(0, 1024), (0, 0)]  # of 8192 for two semitones; only what changes


def test_a_bend_never_moves_a_note_that_sounds(events):
    port = Recorder()
    out = MidiOut(port, BAND)
    out.schedule(events((0, 100, 60.4, 0.5, 0), (50, 100, 67.0, 0.5, 0)))
    out.advance(60)
    assert port.bends() == [(0, 1638)]
    assert [key for kind, _, key in port.notes()] == [60, 67]  # 0.4 sharp, but 60.4 stays in tune


def test_drums_are_never_bent(events):
    port = Recorder()
    out = MidiOut(port, BAND)
    out.schedule(events((0, 100, 36.0, 0.5, 1)))
    out.advance(60)
    assert port.bends() == []


def test_an_mpe_zone_gives_each_note_a_channel_and_a_bend(events):
    port = Recorder()
    out = MidiOut(port, BAND, options=MidiOptions(mpe=("lead",)))
    members = list(range(1, 9))  # drums keep the tenth
    controls = [(m.channel, m.control, m.value) for m in port.sent if m.type == "control_change"]
    assert controls[:3] == [(0, 101, 0), (0, 100, 6), (0, 6, len(members))]
    assert {n: port.values(6, n) for n in members} == {n: [48] for n in members}
    out.schedule(events((0, 100, 60.5, 0.5, 0), (10, 100, 64.25, 0.5, 0), (20, 100, 67.0, 0.5, 0)))
    out.advance(30)
    on = [(channel, key) for kind, channel, key in port.notes()]
    assert on == [(1, 60), (2, 64), (3, 67)]
    assert port.bends() == [(1, round(8192 * 0.5 / 48)), (2, round(8192 * 0.25 / 48))]
    out.advance(200)
    out.schedule(events((300, 10, 72.0, 0.5, 0)))
    out.advance(200)
    assert port.notes()[-2] == ("note_on", 4, 72)  # a channel that rang out longest ago, or never


def test_more_notes_than_members_share_the_quietest(events):
    port = Recorder()
    out = MidiOut(port, BAND, options=MidiOptions(mpe=("lead",)))
    out.schedule(events(*[(n, 1000, 50.0 + n, 0.5, 0) for n in range(10)]))
    out.advance(100)
    assert [channel for _, channel, _ in port.notes()] == [1, 2, 3, 4, 5, 6, 7, 8, 1, 2]
    out.advance(2000)
    assert sorted(port.notes()[:10]) == sorted(("note_on", c, k) for _, c, k in port.notes()[10:])


@pytest.mark.parametrize("layers", range(1, 8))
@pytest.mark.parametrize("drums", [False, True])
@pytest.mark.parametrize("zones", [1, 2])
def test_zones_leave_the_other_layers_their_channels(layers, drums, zones):
    band = [Channel(f"l{n}", "piano") for n in range(layers + 2)]
    band += [Channel("kit", "drums")] * drums
    if zones == 2 and layers > 7:
        return
    places = lay_out(band, ("l0", "l1")[:zones])
    used = [number for place in places for number in {place.master, *place.members}]
    assert len(used) == len(set(used)) and set(used) <= set(range(16))
    assert places[0].master == 0 and places[0].members[0] == 1
    assert list(places[0].members) == list(range(1, 1 + len(places[0].members)))
    assert [place.is_zone for place in places] == [n < zones for n in range(len(band))]
    if zones == 2:
        assert places[1].master == 15 and list(places[1].members) == [14, 13, 12, 11, 10]
    if drums:
        assert places[-1].master == 9


def test_zones_that_cannot_be_are_told():
    with pytest.raises(UnknownNameError, match="layer for MPE 'leed'"):
        lay_out(BAND, ["leed"])
    with pytest.raises(SegueError, match="percussion"):
        lay_out(BAND, ["kit"])
    with pytest.raises(SegueError, match="one layer or two"):
        lay_out([Channel(name, "piano") for name in "abc"], ["a", "b", "c"])
    with pytest.raises(SegueError, match="do not fit into the 13 channels left"):
        lay_out([*[Channel(str(n), "piano") for n in range(15)], BAND[1]], ["0"])


# Controllers ----------------------------------------------------------------------------------


def test_controls_become_controllers_and_bad_ones_are_told():
    port = Recorder()
    out = MidiOut(port, BAND)
    for name, value, controller, expected in [
        ("layer.lead.gain", 0.25, 7, 35),  # half of 71: General MIDI's volume goes by the square
        ("layer.lead.pan", -1.0, 10, 1),
        ("layer.lead.reverb", 1.0, 91, 127),
        ("layer.lead.delay", 0.5, 94, 64),
        ("layer.lead.brightness", 0.75, 74, 95),
        ("layer.lead.attack", 1.0, 73, 0),  # a sharp attack takes no time
        ("group.music.gain", 0.0, 7, 0),
    ]:
        out.control(name, value)
        assert port.values(controller)[-1] == expected
    out.control("group.music.gain", 1.0)
    assert port.values(7)[-1] == 35
    out.control("master.gain", 1.0)
    assert port.sent[-1].hex() == "F0 7F 7F 04 01 7F 7F F7"
    before = len(port.sent)
    out.control("layer.lead.filter", 900.0)  # MIDI has none
    assert len(port.sent) == before
    with pytest.raises(UnknownNameError, match=r"did you mean 'layer\.lead\.gain'"):
        out.control("layer.led.gain", 0.5)
    with pytest.raises(RangeError):
        out.control("layer.lead.gain", 1.5)
    with pytest.raises(RangeError):
        out.schedule(np.array([(0, 1, np.nan, 0.5, 0)], dtype=EVENT))
    with pytest.raises(SegueError, match=r"music\.events\.EVENT"):
        out.schedule(np.zeros(3))


def test_a_ramp_moves_in_steps_and_gives_way_to_the_next():
    port = Recorder()
    out = MidiOut(port, BAND)
    out.control("layer.lead.reverb", 1.0)
    before = len(port.values(91))
    out.control("layer.lead.reverb", 0.0, ramp_seconds=1.0)
    out.advance(RATE // 2)
    half = port.values(91)[before:]
    assert half == sorted(half, reverse=True) and 60 <= half[-1] <= 68 and len(half) > 40
    out.control("layer.lead.reverb", 1.0)
    out.advance(RATE)
    assert port.values(91)[-1] == 127


def test_a_bar_says_its_dynamics_when_it_begins_and_can_be_taken_back():
    port = Recorder()
    out = MidiOut(port, BAND)
    out.bar(1000, 0.0, 4.0, 120.0, 0.0)
    out.bar(97_000, 4.0, 4.0, 120.0, 1.0)
    out.advance(2000)
    assert port.values(11) == port.values(11, 9) == [80]
    out.cancel(97_000)
    out.bar(97_000, 4.0, 4.0, 120.0, 0.5)
    out.advance(100_000)
    assert port.values(11) == [80, 104]
    with pytest.raises(RangeError, match="dynamics"):
        out.bar(0, 0.0, 4.0, 120.0, 2.0)


# Endings --------------------------------------------------------------------------------------


def test_leaving_by_an_error_silences_everything(events):
    port = Recorder()
    with pytest.raises(KeyboardInterrupt), MidiOut(port, BAND, owns_port=True) as out:
        out.schedule(events((0, RATE, 60.5, 0.5, 0)))
        out.advance(10)
        raise KeyboardInterrupt
    assert port.notes()[-1] == ("note_off", 0, 60)
    for channel in (0, 9):
        assert [port.values(controller, channel) for controller in (64, 123, 120, 121)] == [[0]] * 4
        assert port.bends()[-2 + (channel == 9)] == (channel, 0)
    assert port.closed
    out.close()


def test_every_channel_of_a_zone_is_silenced():
    port = Recorder()
    MidiOut(port, BAND, options=MidiOptions(mpe=("lead",))).close()
    assert all(port.values(123, channel) == [0] for channel in range(10))


def test_a_port_that_fails_is_left_and_the_music_goes_on(events, caplog):
    class Unplugged(Recorder):
        def _send(self, message):
            if message.type == "note_on":
                raise OSError("cable is out")
            super()._send(message)

    out = MidiOut(Unplugged(), BAND)
    out.schedule(events((0, 10, 60, 0.5, 0), (20, 10, 60, 0.5, 0)))
    with caplog.at_level(logging.WARNING):
        out.advance(100)
        out.close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "cable is out" in caplog.text and out.frame == 100


@pytest.mark.parametrize("open_port", [open_output, open_input])
def test_without_a_midi_system_there_is_the_null_port_and_one_line(monkeypatch, caplog, open_port):
    def fail():
        raise SystemError("error creating ALSA sequencer client object")

    monkeypatch.setattr(mido, "get_output_names", fail)
    monkeypatch.setattr(mido, "get_input_names", fail)
    port = open_port("Synth A")
    assert isinstance(port, NullPort) and list(port.iter_pending()) == []
    port.send(mido.Message("note_on"))
    (record,) = caplog.records
    assert "no MIDI system" in record.message and "segue[ports]" in record.message
    assert record.exc_info is None and "\n" not in record.message


def test_ports_by_name(monkeypatch, caplog):
    monkeypatch.setattr(mido, "get_output_names", lambda: [])
    assert isinstance(open_output(), NullPort)
    assert "no MIDI output" in caplog.text
    monkeypatch.setattr(mido, "get_output_names", lambda: ["Synth A", "Synth B"])
    with pytest.raises(UnknownNameError, match="did you mean 'Synth B'"):
        open_output("Synth C")
    asked = []
    monkeypatch.setattr(mido, "open_output", lambda *a, **k: asked.append((a, k)) or Recorder())
    open_output()
    open_output("Synth B")
    open_output("virtual:mine")
    assert asked == [(("Synth A",), {}), (("Synth B",), {}), (("mine",), {"virtual": True})]

    def busy(name):
        raise OSError("resource busy")

    monkeypatch.setattr(mido, "open_output", busy)
    with pytest.raises(MissingPartError, match=r"'Synth A' cannot be opened .*resource busy"):
        open_output()


def test_options_are_read_and_written_back():
    text = "Synth A:1?clock&mpe=theme,choir&program.bass=38/2"
    port, options = parse_options(text)
    assert port == "Synth A:1"
    assert options == MidiOptions(True, ("theme", "choir"), {"bass": (38, 2)})
    assert format_options(port, options) == text
    assert parse_options("") == ("", MidiOptions())
    with pytest.raises(UnknownNameError, match="did you mean 'clock'"):
        parse_options("x?clok")
    with pytest.raises(SegueError, match="PROGRAM/BANK"):
        parse_options("x?program.bass=loud")
