"""MIDI into a session: controllers, keys, a player, another machine's clock."""

import logging
import math
from collections.abc import Iterable

import numpy as np
import pytest
from mido import Message
from mido.ports import EchoPort

from segue.client import protocol as p
from segue.music.cue import Cue
from segue.music.cue_file import load_cue
from segue.music.errors import RangeError, SegueError, UnknownNameError
from segue.server.playing.accompany import FOLLOWED, Accompanist
from segue.server.playing.midi_control import MidiControl
from segue.server.playing.midi_map import moved, parse_map
from segue.server.sessions.session import Session
from segue.synth.midi_in import MidiIn


@pytest.fixture
def cue() -> Cue:
    return load_cue("dungeon")


def play(session: Session, control: MidiControl, seconds: float) -> list[p.Event]:
    """Let time go on in small steps; the events meanwhile."""
    for _ in range(round(seconds / 0.02)):
        control.step()
        session.advance(0.02)
    control.step()
    return session.events()


def heard(session: Session, messages: Iterable[Message], **options: bool) -> MidiControl:
    return MidiControl(session, MidiIn(list(messages)), **options)


# The map --------------------------------------------------------------------------------------


def test_routes_know_their_targets_and_ranges(cue: Cue) -> None:
    routes = parse_map(
        ["cc:1=danger", "cc:2 = mood.valence", "bend=knob.tempo:1..0.5", "note:36=stinger.danger"],
        cue,
    )
    assert [(r.source, r.kind, r.name, r.low, r.high) for r in routes] == [
        ("cc:1", "parameter", "danger", 0.0, 1.0),
        ("cc:2", "mood", "valence", -1.0, 1.0),
        ("bend", "knob", "tempo", 1.0, 0.5),
        ("note:36", "stinger", "danger", 0.0, 1.0),
    ]
    assert routes[2].value(0.5) == 0.75


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("cc:1=dangr", UnknownNameError, "did you mean 'danger'"),
        ("cc:1", SegueError, "write e.g. cc:1=danger"),
        ("cc:=danger", SegueError, "not of the form"),
        ("cc=danger", UnknownNameError, "MIDI source 'cc'"),
        ("bend:2=danger", UnknownNameError, "MIDI source"),
        ("key:2=danger", UnknownNameError, "MIDI source"),
        ("cc:128=danger", RangeError, "number of 'cc'"),
        ("cc:1=danger:0..2", RangeError, "range of 'cc:1=danger:0..2'"),
        ("cc:1=danger:0..1.2.3", RangeError, "range of"),
        ("cc:1=mood.anger", UnknownNameError, "mood axis 'anger'"),
        ("cc:1=knob.volume", UnknownNameError, "knob 'volume'"),
        ("cc:1=level.flute", UnknownNameError, "layer 'flute'"),
        ("cc:1=room.size", UnknownNameError, "MIDI target 'room.size'"),
        ("note:1=stinger.boo", UnknownNameError, "stinger 'boo'"),
        ("note:1=section.boo", UnknownNameError, "section 'boo'"),
        ("note:1=section.fight:0..1", SegueError, "gives a range to a section"),
    ],
)
def test_a_bad_route_is_told(cue: Cue, text: str, error: type[SegueError], words: str) -> None:
    with pytest.raises(error, match=words):
        parse_map([text], cue)


def test_messages_as_sources_and_values() -> None:
    assert moved(Message("control_change", control=7, value=127)) == ("cc:7", 1.0)
    assert moved(Message("pitchwheel", pitch=-8192)) == ("bend", 0.0)
    assert moved(Message("pitchwheel", pitch=8191)) == ("bend", 1.0)
    assert moved(Message("aftertouch", value=0)) == ("pressure", 0.0)
    assert moved(Message("note_on", note=5, velocity=127)) == ("note:5", 1.0)
    assert moved(Message("note_off", note=5, velocity=64)) == ("note:5", 0.0)
    assert moved(Message("clock")) is None


# Controllers and keys -------------------------------------------------------------------------


def test_controllers_move_parameters_moods_knobs_and_levels(session: Session) -> None:
    def cc(control: int, value: int, time: float) -> Message:
        return Message("control_change", control=control, value=value, time=time)

    sweep = [cc(1, value, 0.2 + value / 1000) for value in range(128)]
    rest = [cc(2, 127, 1.0), cc(3, 127, 1.0), cc(4, 0, 1.0), cc(99, 5, 1.0)]
    control = MidiControl(
        session,
        MidiIn(sweep + rest),
        routes=["cc:1=danger:0..0.5", "cc:2=mood.valence", "cc:3=knob.drums", "cc:4=level.theme"],
    )
    events = play(session, control, 12.0)
    here = session.position()
    assert here.parameters["danger"] == pytest.approx(0.5)
    assert here.wanted.valence == 1.0
    assert here.levels["theme"] == 0.0
    assert [e for e in events if isinstance(e, p.DirectionEvent)][-1].knobs["drums"] == 1.0
    done = [event for event in events if isinstance(event, p.ExecutedEvent)]
    assert len([event for event in done if event.verb == "set"]) < 10  # not one a message


def test_keys_and_pads_ask_for_stingers_and_sections(session: Session) -> None:
    messages = [
        Message("note_on", note=36, velocity=100, time=1.0),
        Message("note_off", note=36, time=1.1),
        Message("control_change", control=20, value=100, time=2.0),
        Message("control_change", control=20, value=127, time=2.1),  # still up: not again
        Message("control_change", control=20, value=0, time=2.2),
    ]
    control = MidiControl(
        session, MidiIn(messages), routes=["note:36=stinger.danger", "cc:20=section.fight"]
    )
    events = play(session, control, 10.0)
    assert [e.name for e in events if isinstance(e, p.StingerEvent)] == ["danger"]
    assert [e.verb for e in events if isinstance(e, p.ExecutedEvent)].count("go") == 1
    assert session.position().section == "fight"


def test_what_the_session_refuses_is_logged(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    source = MidiIn([Message("control_change", control=1, value=5, time=0.0)])
    control = MidiControl(session, source, routes=["cc:1=danger"])
    session.close()
    with caplog.at_level(logging.WARNING), pytest.raises(SegueError, match="ended"):
        control.step()
        session.advance(1.0)
    control.close()


def test_a_live_port_steers_a_session_in_real_time() -> None:
    port = EchoPort()
    with (
        Session.open("dungeon", director="table", clock="realtime") as session,
        MidiControl(session, MidiIn(port), routes=["cc:1=danger"]),
    ):
        port.send(Message("control_change", control=1, value=127))
        while session.position().parameters["danger"] < 1.0:
            session.pump()
    assert port.closed


# The clock ------------------------------------------------------------------------------------


def clock_messages(
    bpm: float, seconds: float, *, start: float = 0.0, jitter: float = 0.0
) -> list[Message]:
    """Start, then ticks at a tempo."""
    rng = np.random.default_rng(0)
    period = 60 / bpm / 24
    ticks = start + np.arange(round(seconds / period)) * period
    ticks = np.sort(ticks + rng.uniform(-jitter, jitter, len(ticks)).clip(-start))
    return [Message("start", time=start)] + [Message("clock", time=t) for t in ticks.tolist()]


def bar_starts(events: Iterable[p.Event], rate: int) -> list[tuple[float, float]]:
    """Second and tempo of each bar."""
    return [(e.at_frame / rate, e.bpm) for e in events if isinstance(e, p.BarEvent)]


@pytest.mark.parametrize(("bpm", "start"), [(97.0, 0.0), (120.0, 0.7), (140.0, 1.1)])
def test_bars_come_to_lie_on_the_other_machines_bars(
    session: Session, bpm: float, start: float
) -> None:
    control = heard(session, clock_messages(bpm, 70, start=start, jitter=0.002), follow_clock=True)
    bars = bar_starts(play(session, control, 60.0), session.sample_rate)[-6:]
    bar_seconds = 4 * 60 / bpm
    off = [
        (seconds - start + bar_seconds / 2) % bar_seconds - bar_seconds / 2 for seconds, _ in bars
    ]
    assert max(map(abs, off)) < 0.02
    assert np.mean([tempo for _, tempo in bars]) == pytest.approx(bpm, rel=0.01)


def test_a_clock_without_start_gives_its_tempo_only(session: Session) -> None:
    messages = clock_messages(111.0, 40)[1:]
    control = heard(session, messages, follow_clock=True)
    bars = bar_starts(play(session, control, 30.0), session.sample_rate)
    assert bars[-1][1] == pytest.approx(111.0, rel=0.004)


def test_a_tempo_beyond_the_cue_is_held_and_said_once(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    control = heard(session, clock_messages(250.0, 25), follow_clock=True)
    with caplog.at_level(logging.WARNING):
        bars = bar_starts(play(session, control, 20.0), session.sample_rate)
    assert bars[-1][1] == pytest.approx(session.cue.tempo_bpm[1])
    (record,) = caplog.records
    assert "250" in record.message and "150" in record.message


def test_closing_gives_the_tempo_back(session: Session) -> None:
    control = heard(session, clock_messages(140.0, 20), follow_clock=True)
    play(session, control, 15.0)
    control.close()
    control.close()
    bars = bar_starts(play(session, heard(session, []), 15.0), session.sample_rate)
    assert bars[-1][1] < 135.0


def test_stop_and_continue_hold_a_live_session() -> None:
    port = EchoPort()
    with Session.open("dungeon", director="table", clock="realtime") as session:
        control = MidiControl(session, MidiIn(port), follow_clock=True)
        for kind, paused in (("stop", True), ("continue", False), ("stop", True), ("start", False)):
            port.send(Message(kind))
            control.step()
            assert session.position().paused == paused
        control.close()


# The player -----------------------------------------------------------------------------------


def phrase(cue: Cue, pitches: Iterable[int], every: float, velocity: int) -> Accompanist:
    """An accompanist that has heard a phrase which ends at second 10."""
    accompanist = Accompanist(cue)
    pitches = list(pitches)
    for number, pitch in enumerate(pitches):
        accompanist.hear(10.0 - (len(pitches) - number) * every, pitch, velocity)
    return accompanist


def settled(accompanist: Accompanist) -> dict[str, float]:
    """Where the knobs come to rest."""
    for _ in range(8):
        wishes = accompanist.wishes(10.0)
    return wishes


def test_the_accompaniment_follows_density_loudness_and_register(cue: Cue) -> None:
    calm = settled(phrase(cue, [50, 52, 53, 55], 1.2, 35))
    wild = settled(phrase(cue, [74, 76, 77, 79] * 6, 0.15, 115))
    for knob in ("arpeggio", "bass", "drums", "register", "dynamics", "harmony"):
        assert wild[knob] > calm[knob] + 0.2, knob
    assert set(calm) == set(FOLLOWED)
    assert all(0.0 <= value <= 1.0 for value in [*calm.values(), *wild.values()])


def test_the_accompaniment_follows_the_mode_that_is_played(cue: Cue) -> None:
    modes = cue.modes
    tonic = 60 + cue.key.tonic
    steps = {
        "phrygian": (0, 1, 3, 5, 7, 8),
        "aeolian": (0, 2, 3, 5, 7, 8),
        "dorian": (0, 2, 3, 5, 7, 9, 10),
        "mixolydian": (0, 2, 4, 5, 7, 9, 10),
        "ionian": (0, 2, 4, 5, 7, 9, 11),
        "lydian": (0, 2, 4, 6, 7, 9, 11),
    }
    for index, mode in enumerate(modes):
        knob = settled(phrase(cue, [tonic + step for step in steps[mode]], 0.4, 80))["mode"]
        assert min(math.floor(knob * len(modes)), len(modes) - 1) == index, mode


def test_a_knob_moves_by_steps_and_rest_lets_go(cue: Cue) -> None:
    accompanist = phrase(cue, [80] * 20, 0.1, 127)
    first = accompanist.wishes(10.0)
    assert first["dynamics"] == 0.75 and accompanist.wishes(10.0)["dynamics"] == 1.0
    assert accompanist.wishes(20.0) == {}
    accompanist.hear(20.0, 60, 64)
    assert accompanist.wishes(20.1) == {}  # one note is no phrase


def test_a_player_is_accompanied_and_left_to_rest(session: Session) -> None:
    struck = [
        Message("note_on", note=72 + n % 5, velocity=120, time=2 + n * 0.12) for n in range(150)
    ]
    control = heard(session, struck, accompany=True)
    loud = [e.knobs for e in play(session, control, 20.0) if isinstance(e, p.DirectionEvent)]
    assert loud[-1]["dynamics"] > 0.95 and loud[-1]["arpeggio"] > 0.9
    rest = play(session, control, 30.0)
    assert any(isinstance(e, p.ExecutedEvent) and e.verb == "release" for e in rest)
    after = [e.knobs for e in rest if isinstance(e, p.DirectionEvent)]
    assert after[-1]["dynamics"] < 0.9
