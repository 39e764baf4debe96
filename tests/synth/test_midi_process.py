"""A MIDI port in a process of its own: real processes, and a mido backend that writes to a file."""

import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mido import Message
from mido.ports import BaseOutput

from segue.music.errors import SegueError, UnknownNameError
from segue.music.events import Channel, Events
from segue.synth.midi_child import Sender
from segue.synth.midi_options import MidiOptions
from segue.synth.midi_process import MidiProcess

RATE = 48_000
BAND = [Channel("lead", "piano"), Channel("kit", "drums")]
MakeEvents = Callable[..., Events]

BACKEND = """
import os, time
from mido.ports import BaseOutput

def get_devices(**kwargs):
    return [{"name": "paper", "is_input": False, "is_output": True}]

class Output(BaseOutput):
    def _send(self, message):
        with open(os.environ["PAPER"], "a") as paper:
            paper.write(f"{time.monotonic():.6f} {message}\\n")
        if os.environ.get("PAPER_TEARS") == message.type:
            raise OSError("the paper is torn")
"""


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that gets what is sent to the MIDI output `paper` of child processes."""
    (tmp_path / "paper_backend.py").write_text(BACKEND)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("MIDO_BACKEND", "paper_backend")
    monkeypatch.setenv("PAPER", str(tmp_path / "paper.txt"))
    return tmp_path / "paper.txt"


def read(paper: Path) -> list[tuple[float, Message]]:
    lines = [line.partition(" ") for line in paper.read_text().splitlines()]
    return [(float(seconds), Message.from_str(text)) for seconds, _, text in lines]


def wait_for(paper: Path, kind: str, count: int = 1, seconds: float = 20.0) -> None:
    """Until messages of a kind have been written."""
    end, nap = time.monotonic() + seconds, threading.Event()
    while not paper.exists() or paper.read_text().count(f" {kind} ") < count:
        assert time.monotonic() < end, f"no {kind} within {seconds} s"
        nap.wait(0.005)  # the program under test needs the processor as well


def is_silenced(paper: Path) -> bool:
    """Whether all notes were ended and the panic went out on both channels."""
    messages = [message for _, message in read(paper)]
    on = sum(m.type == "note_on" for m in messages)
    off = sum(m.type == "note_off" for m in messages)
    panic = {(m.channel, m.control) for m in messages if m.type == "control_change"}
    return on == off > 0 and {(c, k) for c in (0, 9) for k in (64, 120, 121, 123)} <= panic


def test_notes_go_out_at_their_times(paper: Path, events: MakeEvents) -> None:
    with MidiProcess("paper", BAND) as port:
        assert port.port == "paper"
        frames = [9_600, 12_345, 20_001]
        port.schedule(events(*[(frame, 500, 60, 0.5, 0) for frame in frames]))
        zero = time.monotonic()
        port.start(zero)
        wait_for(paper, "note_on", 3)
    on = [seconds - zero for seconds, m in read(paper) if m.type == "note_on"]
    late = [seconds - frame / RATE for seconds, frame in zip(on, frames, strict=True)]
    assert min(late) >= 0.0 and sorted(late)[1] < 0.05  # a busy machine may hold one up
    assert is_silenced(paper)


def test_time_moved_by_hand(paper: Path, events: MakeEvents) -> None:
    with MidiProcess("paper", BAND, options=MidiOptions(clock=True)) as port:
        port.schedule(events((1_000, 500, 60, 0.5, 0), (90_000, 500, 62, 0.5, 0)))
        port.bar(0, 0.0, 4.0, 120.0, 0.5)
        port.advance(24_000)
        kinds = [m.type for _, m in read(paper)]
        assert kinds.count("note_on") == 1 and kinds.count("clock") == 24
        assert port.cancel(24_000) == 1
        port.control("layer.lead.gain", 0.0)
        port.advance(100_000)
        assert [m.type for _, m in read(paper)].count("note_on") == 1
        with pytest.raises(UnknownNameError):
            port.control("layer.leed.gain", 0.0)
    with pytest.raises(SegueError, match="closed"):
        port.advance(1)
    port.close()


def test_a_pause_ends_what_sounds_and_stops_the_receiver(paper: Path, events: MakeEvents) -> None:
    with MidiProcess("paper", BAND, options=MidiOptions(clock=True)) as port:
        port.schedule(events((4_800, 480_000, 60, 0.5, 0), (72_000, 480_000, 64, 0.5, 0)))
        port.bar(0, 0.0, 64.0, 120.0)
        port.start(time.monotonic())
        wait_for(paper, "note_on")
        port.pause()
        wait_for(paper, "note_off")
        seconds = port.metrics()["ticks"] * 60 / 120 / 24
        assert read(paper)[-2][1].type == "stop"
        port.start(time.monotonic() - seconds)
        wait_for(paper, "note_on", 2)
    kinds = [m.type for _, m in read(paper)]
    here = kinds.index("stop")
    assert kinds[here:].index("songpos") < kinds[here:].index("continue")


def test_metrics_tell_how_steady_the_clock_is() -> None:
    with MidiProcess("null", BAND, options=MidiOptions(clock=True)) as port:
        port.bar(0, 0.0, 64.0, 240.0)
        port.start(time.monotonic() + 0.05)
        while (found := port.metrics())["ticks"] < 48:
            pass
    assert 0.0 <= found["jitter_p50_ms"] <= found["jitter_p99_ms"] <= found["jitter_max_ms"]
    assert found["jitter_p50_ms"] < 1.0  # half of the ticks, on any machine
    assert found["late_p50_ms"] >= 0.0


PARENT = """
import sys, time
import numpy as np
from segue.music.events import EVENT, Channel
from segue.synth.midi_process import MidiProcess
port = MidiProcess("paper", [Channel("lead", "piano"), Channel("kit", "drums")])
port.schedule(np.array([(0, 10**9, 60, 0.5, 0)], dtype=EVENT))
port.start(time.monotonic())
print(port.process_id, flush=True)
{}
"""


@pytest.mark.parametrize(
    ("ending", "stop"),
    [
        ("time.sleep(60)", signal.SIGKILL),
        ("time.sleep(60)", signal.SIGTERM),
        ("time.sleep(60)", signal.SIGINT),
        ("sys.stdin.read(1); raise ValueError('a fault of the program')", None),
        ("sys.stdin.read(1); sys.exit()", None),
        ("sys.stdin.read(1); import os; os._exit(3)", None),
    ],
)
def test_however_the_program_ends_no_note_hangs(
    paper: Path, ending: str, stop: signal.Signals | None
) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(ending)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert program.stdout is not None and program.stdin is not None
    child = int(program.stdout.readline())
    wait_for(paper, "note_on")
    assert not is_silenced(paper)
    if stop is None:
        program.stdin.write(b"x")
        program.stdin.close()
    elif stop == signal.SIGINT:
        os.killpg(program.pid, stop)  # Ctrl-C goes to all of a terminal's programs
    else:
        program.send_signal(stop)
    program.wait(20)
    program.stdout.close()
    if not program.stdin.closed:
        program.stdin.close()
    wait_for(paper, "pitchwheel", 2)
    while _alive(child):
        pass
    assert is_silenced(paper)


def _alive(process_id: int) -> bool:
    try:
        with open(f"/proc/{process_id}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_sender_that_is_ended_silences_its_port_and_says_so(
    paper: Path, events: MakeEvents
) -> None:
    port = MidiProcess("paper", BAND)
    port.schedule(events((0, 10**9, 60, 0.5, 0)))
    port.start(time.monotonic())
    wait_for(paper, "note_on")
    os.kill(port.process_id, signal.SIGTERM)
    wait_for(paper, "pitchwheel", 2)
    assert is_silenced(paper)
    with pytest.raises(SegueError, match="MIDI process ended with code 0; open the port again"):
        while True:
            port.metrics()
    with pytest.raises(SegueError, match="MIDI process ended"):
        port.close()


def test_what_goes_wrong_in_the_child_is_told_here(
    paper: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UnknownNameError, match="unknown MIDI output 'papr'; did you mean 'paper'"):
        MidiProcess("papr", BAND)
    with pytest.raises(UnknownNameError, match="layer for MPE"):
        MidiProcess("paper", BAND, options=MidiOptions(mpe=("led",)))
    monkeypatch.setenv("PAPER_TEARS", "clock")
    with (
        caplog.at_level(logging.WARNING),
        MidiProcess("paper", BAND, options=MidiOptions(clock=True)) as port,
    ):
        port.bar(0, 0.0, 4.0, 120.0)
        port.advance(24_000)
        port.metrics()
    (record,) = caplog.records
    assert "'paper' is gone (the paper is torn)" in record.message


@pytest.mark.skipif(os.path.exists("/dev/snd/seq"), reason="this machine has a MIDI system")
def test_without_a_midi_system_the_null_port_and_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with MidiProcess("", BAND) as port:
        assert port.port == "null"
        port.metrics()
    (record,) = caplog.records
    assert "no MIDI system" in record.message and "\n" not in record.message


# The sender in this process, on a clock moved by hand ----------------------------------------


class HandClock:
    """A clock that jumps to where it is asked to wait."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.seconds

    def take(self, inbox: "queue.SimpleQueue[object]", until: float) -> object:
        message = inbox.get_nowait()
        return message

    def wait_until(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds = max(self.seconds, seconds)


class Stamped(BaseOutput):
    """A port that keeps when it got what."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__()
        self.clock, self.sent = clock, []

    def _send(self, message: Message) -> None:
        self.sent.append((self.clock.seconds, message))


def test_deadlines_are_absolute(events: MakeEvents) -> None:
    clock = HandClock()
    port = Stamped(clock)
    sender = Sender(port, BAND, MidiOptions(clock=True), RATE, clock)
    sender.carry_out("bar", [0, 0.0, 40.0, 97.0, None])
    sender.carry_out("schedule", [events((7_000, 100, 60, 0.5, 0)).tobytes()])
    sender.carry_out("start", [100.5])
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    while len(port.sent) < 1000 and sender.out.next_frame() is not None:
        assert sender.turn(inbox) is None
    ticks = [seconds for seconds, message in port.sent if message.type == "clock"]
    for number, seconds in enumerate(ticks):
        assert seconds == pytest.approx(100.5 + number * 60 / 97 / 24, abs=1 / RATE)
    assert sender.metrics()["jitter_max_ms"] == pytest.approx(0.0, abs=1e-6)


def test_messages_are_taken_even_when_one_deadline_follows_another(events: MakeEvents) -> None:
    clock = HandClock()
    sender = Sender(Stamped(clock), BAND, MidiOptions(), RATE, clock)
    rows = [(n, 1, 60 + n % 12, 0.5, 0) for n in range(500)]
    sender.carry_out("schedule", [events(*rows).tobytes()])
    sender.carry_out("start", [clock.seconds])
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    inbox.put([0, "cancel", [0]])
    turns = 0
    while sender.turn(inbox) is None:
        turns += 1
    assert turns < 50


def test_a_driver_is_never_flooded_and_the_clock_does_not_wait(events: MakeEvents) -> None:
    clock = HandClock()
    port = Stamped(clock)
    sender = Sender(port, BAND, MidiOptions(clock=True), RATE, clock)
    sender.carry_out("start", [clock.seconds])
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    for _ in range(4):  # the set-up goes out, and the port rests
        sender.turn(inbox)
    before = len(port.sent)
    at = 10 * RATE
    rows = [(at + n % 2, 48_000, n, 0.5, 0) for n in range(100)]
    sender.carry_out("schedule", [events(*rows).tobytes()])
    sender.carry_out("bar", [at, 0.0, 16.0, 120.0, None])
    while len(port.sent) < before + 103:
        sender.turn(inbox)
    notes = [seconds for seconds, m in port.sent[before:] if m.type == "note_on"]
    zero = 100.0 + at / RATE
    for number, seconds in enumerate(notes):
        expected = zero + max(number - 15, 0) * 0.0005
        assert seconds == pytest.approx(expected, abs=0.0006)
    ticks = [seconds - zero for seconds, m in port.sent if m.type == "clock"]
    assert ticks[:2] == pytest.approx([0.0, 1 / 48], abs=1e-4)


def test_what_waits_goes_out_before_the_port_is_closed() -> None:
    clock = HandClock()
    port = Stamped(clock)
    many = [Channel(str(n), "piano") for n in range(12)]
    sender = Sender(port, many, MidiOptions(), RATE, clock)
    sender.out.close()
    assert port.closed
    kinds = [(m.type, m.channel) for _, m in port.sent]
    assert all(("program_change", n) in kinds for n in range(9))
    assert kinds[-1][0] == "pitchwheel"
