"""MIDI messages as they come in."""

import time

from mido import Message
from mido.ports import EchoPort

from segue.synth.midi_in import MidiIn


def test_a_list_gives_its_messages_at_their_own_times() -> None:
    score = [Message("note_on", note=60 + n, time=n * 0.5) for n in range(4)]
    with MidiIn(score) as source:
        assert not source.live
        assert [a.message.note for a in source.take(0.6)] == [60, 61]
        assert source.take(0.9) == []
        assert [(a.seconds, a.message.note) for a in source.take()] == [(1.0, 62), (1.5, 63)]
        assert source.take() == []


def test_a_port_gives_what_has_come_with_the_time_of_the_machine() -> None:
    port = EchoPort()
    with MidiIn(port) as source:
        assert source.live and source.take() == []
        before = time.monotonic()
        port.send(Message("control_change", control=1, value=5))
        port.send(Message("clock"))
        arrived = source.take(0.0)  # a port has no times to wait for
        assert [a.message.type for a in arrived] == ["control_change", "clock"]
        assert all(before <= a.seconds <= time.monotonic() for a in arrived)
    assert port.closed


def test_a_driver_that_calls_back_is_heard_at_once() -> None:
    class Driver:
        """As mido's ports of python-rtmidi are."""

        callback = None

        def iter_pending(self) -> list[Message]:
            raise AssertionError("nobody should ask")

        def close(self) -> None: ...

    driver = Driver()
    source = MidiIn(driver)
    driver.callback(Message("start"))
    assert [a.message.type for a in source.take()] == ["start"]


def test_a_port_that_nobody_reads_keeps_the_newest() -> None:
    port = EchoPort()
    source = MidiIn(port)
    for number in range(source.MOST_WAITING + 10):
        port.send(Message("songpos", pos=number % 16384))
    arrived = source.take()
    assert len(arrived) == source.MOST_WAITING and arrived[0].message.pos == 10


def test_no_midi_system_gives_nothing() -> None:
    with MidiIn("null") as source:
        assert source.live and source.take() == []
