"""Every command with every `at`, in this process and in a server: accepted, explained, done."""

import json
from pathlib import Path
from typing import Any

import pytest

from segue.agents.feedback.recorded import first_difference, read_recording
from segue.client import Client
from segue.client import protocol as p
from segue.client.errors import RequestError
from segue.music.cue_file import load_cue
from segue.music.errors import RangeError, SegueError, UnknownNameError
from segue.server.sessions.checks import COMMANDS
from segue.server.sessions.session import Session

RATE = 48_000
CONTENTS: dict[str, dict[str, Any]] = {
    "set": {"parameters": {"danger": 0.7}, "curve": "smooth"},
    "mood": {"valence": -0.3, "arousal": 0.5, "curve": "late"},
    "go": {"section": "boss", "entry": "same", "fade_beats": 2.0},
    "stinger": {"name": "victory", "duck_db": 3.0},
    "feedback": {"value": -1.0},
    "game": {"features": {"health": 0.5}},
    "unlearn": {},
    "learning": {"on": False},
    "direct": {"changes": {"drums": 0.9}},
    "release": {"names": ["drums"]},
    "level": {"layer": "drums", "value": 0.5, "curve": "early"},
    "control": {"name": "layer.drums.pan", "value": 0.5},
    "duck": {"depth_db": 6.0, "seconds": 0.5},
    "switch": {"director": "hold"},
    "tempo": {"bpm": 100.0},
    "loop": {"bars": 2},
}
MOMENTS = (
    "now",
    "beat",
    "bar",
    "phrase",
    "section",
    "grid:0.5",
    "bars:2",
    "marker:ambush",
    "section:calm",
    "beat:20",
    "frame:480000",
)


def of(kind: type[p.Event], events: list[p.Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def bars_of(events: list[p.Event]) -> dict[int, p.BarEvent]:
    return {bar.bar: bar for bar in of(p.BarEvent, events)}


def melody(event: p.NotesEvent) -> list[tuple[str, int, float]]:
    """Layers, pitches and loudness of a bar's notes."""
    return [(layer, pitch, loud) for layer, pitch, _, _, loud in event.notes]


def onsets(event: p.NotesEvent) -> list[int]:
    """Frames of its notes from its beginning on."""
    return [frame - event.at_frame for _, _, frame, _, _ in event.notes]


def command(verb: str, at: str) -> p.Command:
    return COMMANDS[verb](**CONTENTS[verb], at=at)


def test_the_contents_name_every_command() -> None:
    assert set(CONTENTS) == set(COMMANDS)


@pytest.mark.parametrize("at", MOMENTS)
def test_every_command_is_explained_as_it_is_then_accepted_and_done(at: str) -> None:
    for verb in COMMANDS:
        with Session.open("dungeon", director="table", seed=3) as session:
            session.advance(2.3)
            session.events()
            before = json.dumps(session.snapshot())
            told = session.explain(verb, **CONTENTS[verb], at=at)
            assert json.dumps(session.snapshot()) == before and session.events() == []
            assert told.rule and told.steps
            answer = session.command(command(verb, at), "c1")
            promised = (told.accepted.scheduled_frame, told.accepted.estimated)
            assert promised == (answer.scheduled_frame, answer.estimated), verb
            assert answer.scheduled_frame >= session.position().frame
            if at == "marker:ambush":
                assert answer.estimated and answer.id in session.position().pending
                session.go("fight", at="bars:2")
            session.advance(24.0)
            events = session.events()
            done = [e.command for e in of(p.ExecutedEvent, events)]
            dropped = {e.command: e.reason for e in of(p.DroppedEvent, events)}
            assert "c1" in done, (verb, dropped)


def test_here_and_there_are_the_same(client: Client) -> None:
    """The same answers and events, whether the session lives in this process or in a server."""

    def play(session: Any) -> list[Any]:
        told = []
        for at in MOMENTS[:-2]:
            for verb in COMMANDS:
                told.append(session.explain(verb, **CONTENTS[verb], at=at))
                told.append(session.command(command(verb, at), f"{verb} {at}"))
            told.append(session.time_to(at))
            session.advance(1.7)
            told.append(session.why())
        for event in session.events():
            event.ts_ns, event.session = 0, ""
            told.append(event)
        session.close()
        return told

    with Session.open("dungeon", director="table", seed=3) as here:
        there = client.open("dungeon", director="table", seed=3, clock="manual")
        assert play(here) == play(there)


def test_what_cannot_be_is_refused_alike_by_explain(session: Session, client: Client) -> None:
    remote = client.open("dungeon", director="table", clock="manual")
    bad: list[tuple[str, dict[str, Any], str]] = [
        ("goo", {}, "did you mean 'go'"),
        ("go", {"sectio": "boss"}, "section"),
        ("go", {"section": "boss", "entry": "end"}, "unknown entry"),
        ("go", {"section": "boss", "fade_beats": 65}, "fade_beats"),
        ("set", {"parameters": {"danger": 1.0}, "curve": "steep"}, "unknown curve"),
        ("tempo", {"bpm": 500.0}, "tempo in bpm"),
        ("loop", {"bars": 65}, "bars of the loop"),
        ("stinger", {"name": "victory", "duck_db": 61.0}, "duck_db"),
        ("set", {"parameters": {"danger": 1.0}, "at": "marker:drop"}, "unknown marker"),
        ("set", {"parameters": {"danger": 1.0}, "at": "section:calmm"}, "did you mean 'calm'"),
        ("set", {"parameters": {"danger": 1.0}, "at": "grid:0"}, "beats of at"),
    ]
    for verb, content, words in bad:
        with pytest.raises(SegueError, match=words):
            session.explain(verb, **content)
        with pytest.raises(RequestError):
            remote.explain(verb, **content)


# Moments --------------------------------------------------------------------------------------


def test_a_command_waits_for_a_marker_and_is_done_on_its_bar(session: Session) -> None:
    answer = session.stinger("victory", at="marker:ambush")
    assert answer.estimated
    session.advance(4.0)
    session.go("fight")
    session.advance(16.0)
    events = session.events()
    (marker,) = [e for e in of(p.MarkerEvent, events) if e.name == "ambush"]
    (stinger,) = of(p.StingerEvent, events)
    assert stinger.at_frame == marker.at_frame
    bar = bars_of(events)[marker.bar]
    assert (bar.section, bar.bar_in_section) == ("fight", 4)


def test_a_wait_for_a_marker_ends_with_its_time_or_when_it_is_taken_back(session: Session) -> None:
    short = session.set(danger=1.0, at="marker:ambush", expires_seconds=1.0)
    other = session.set(danger=1.0, at="section:victory")
    session.cancel(other.id)
    session.advance(5.0)
    reasons = {e.command: e.reason for e in of(p.DroppedEvent, session.events())}
    assert "expired" in reasons[short.id] and reasons[other.id] == "cancelled"
    assert session.position().pending == []


def test_a_section_is_left_where_a_marker_is_reached(session: Session) -> None:
    session.go("fight")
    session.advance(3.0)
    answer = session.go("boss", at="marker:ambush")
    session.advance(20.0)
    bars = bars_of(session.events())
    first = next(bar for bar in bars.values() if bar.section == "boss")
    assert bars[first.bar - 1].section == "fight" and bars[first.bar - 1].bar_in_section == 3
    assert first.bar == answer.scheduled_bar


def test_grid_lines_are_told_and_waited_for() -> None:
    with Session.open("dungeon", director="table", grid_beats=1.5) as session:
        session.advance(1.0)
        answer = session.set(danger=0.3, at="grid:1.5")
        assert answer.scheduled_beat % 1.5 == 0.0
        assert session.time_to("grid:1.5").beat == answer.scheduled_beat
        session.advance(8.0)
        lines = of(p.GridEvent, session.events())
    assert [event.line for event in lines] == list(range(len(lines)))
    assert all(event.beat == event.line * 1.5 for event in lines)


def test_what_waits_keeps_to_its_beat_when_the_tempo_changes(session: Session) -> None:
    session.advance(1.0)
    answer = session.stinger("danger", at="bars:4")
    session.tempo(150.0)
    session.advance(12.0)
    events = session.events()
    (stinger,) = of(p.StingerEvent, events)
    bar = bars_of(events)[answer.scheduled_bar]
    assert stinger.at_frame == bar.at_frame < answer.scheduled_frame
    (done,) = [e for e in of(p.ExecutedEvent, events) if e.command == answer.id]
    assert done.late_frames == bar.at_frame - answer.scheduled_frame


# Verbs ----------------------------------------------------------------------------------------


def test_the_tempo_is_held_and_handed_back(session: Session) -> None:
    session.advance(1.0)
    session.tempo(120.0)
    session.advance(10.0)
    assert session.position().bpm == pytest.approx(120.0)
    assert session.why().held == ["tempo"]
    session.tempo(None)
    session.advance(1.0)
    assert session.why().held == []
    with pytest.raises(RangeError, match="66"):
        session.tempo(20.0)


def test_ramps_go_along_their_curves(session: Session) -> None:
    shares = {"linear": 0.25, "smooth": 0.15625, "early": 0.4375, "late": 0.0625}
    assert set(shares) == set(p.CURVES)
    for curve, share in shares.items():
        session.set(danger=0.0, ramp_seconds=0.0)
        session.set(danger=1.0, ramp_seconds=2.0, curve=curve)
        session.level("drums", 0.0, ramp_seconds=0.0)
        session.level("drums", 1.0, ramp_seconds=2.0, curve=curve)
        here = session.advance(0.5)
        assert here.parameters["danger"] == pytest.approx(share)
        assert here.levels["drums"] == pytest.approx(share)


@pytest.mark.parametrize("fill", [True, False])
def test_a_filler_bar_leads_into_a_section_as_asked(session: Session, fill: bool) -> None:
    session.advance(1.0)
    answer = session.go("fight", fill=fill)
    assert answer.scheduled_bar == (2 if fill else 1)
    session.advance(12.0)
    bars = bars_of(session.events())
    assert bars[answer.scheduled_bar].section == "fight"
    assert bars[answer.scheduled_bar - 1].fill == fill


def test_a_section_begins_at_the_bar_at_which_the_old_one_was_left(session: Session) -> None:
    session.advance(5.0)
    answer = session.go("boss", entry="same")
    session.advance(10.0)
    bar = bars_of(session.events())[answer.scheduled_bar]
    assert (bar.section, bar.bar_in_section) == ("boss", answer.scheduled_bar)


def test_two_commands_of_one_tick_both_count_in_their_order(session: Session) -> None:
    session.advance(1.0)
    session.direct(drums=0.2)
    session.direct(bass=0.9)
    first = session.mood(valence=0.5, at="bar", ramp_seconds=0.0)
    second = session.mood(arousal=0.7, at="bar", ramp_seconds=0.0)
    third = session.set(danger=0.2, at="bar", ramp_seconds=0.0)
    fourth = session.set(danger=0.9, at="bar", ramp_seconds=0.0)
    session.stinger("danger", at="bar")
    session.loop(1, at="bar")
    session.advance(8.0)
    events = session.events()
    same = [e.command for e in of(p.ExecutedEvent, events) if e.verb in ("mood", "set")]
    assert same == [first.id, second.id, third.id, fourth.id]
    here = session.position()
    assert (here.wanted.valence, here.wanted.arousal) == (0.5, 0.7)
    assert here.parameters["danger"] == 0.9
    assert here.loop_bars == 1 and len(of(p.StingerEvent, events)) == 1
    assert set(session.why().held) == {"drums", "bass"}


# Loops ----------------------------------------------------------------------------------------


def test_a_loop_plays_its_bars_note_by_note_until_it_is_ended(session: Session) -> None:
    session.advance(3.0)
    answer = session.loop(2)
    session.advance(9.0)
    session.set(danger=1.0)
    session.direct(drums=1.0)
    session.advance(9.0)
    assert session.position().loop_bars == 2
    end = session.loop(0)
    session.advance(9.0)
    events = session.events()
    assert [(e.bar, e.bars) for e in of(p.LoopEvent, events)] == [
        (answer.scheduled_bar, 2),
        (end.scheduled_bar, 0),
    ]
    notes = {e.bar: e for e in of(p.NotesEvent, events)}
    bars, first = bars_of(events), answer.scheduled_bar
    for bar in range(first + 2, end.scheduled_bar):
        before = notes[first + (bar - first) % 2]
        assert melody(notes[bar]) == melody(before)
        assert onsets(notes[bar]) == pytest.approx(onsets(before), abs=1)
        assert bars[bar].bpm == bars[first + (bar - first) % 2].bpm
    assert list(bars) == list(range(len(bars)))
    beats = [e.beat for e in of(p.BeatEvent, events)]
    assert beats == [float(beat) for beat in range(len(beats))]
    after = of(p.DirectionEvent, events)[-1]
    assert after.knobs["drums"] == 1.0 and melody(notes[end.scheduled_bar]) != melody(notes[first])
    assert bars[end.scheduled_bar].bar_in_section == (bars[first + 1].bar_in_section + 1) % 8
    assert session.position().loop_bars == 0


def test_a_loop_of_a_loop_is_foreseen_and_played(session: Session) -> None:
    session.loop(2)
    session.advance(9.0)
    answer = session.loop(3)
    session.advance(answer.eta_seconds + 0.1)  # its first round has begun
    foreseen = session.time_to("section:boss")
    assert foreseen.estimated and foreseen.bar > answer.scheduled_bar + 100
    session.advance(20.0)
    notes = {e.bar: melody(e) for e in of(p.NotesEvent, session.events())}
    first = answer.scheduled_bar
    assert session.position().loop_bars == 3
    assert notes[first + 2] == notes[first] != notes[first + 1]  # of the loop before
    for bar in range(first + 3, max(notes)):
        assert notes[bar] == notes[bar - 3]


def test_a_section_that_is_gone_to_ends_the_loop(session: Session) -> None:
    session.loop(1)
    session.advance(9.0)
    answer = session.go("boss")
    session.advance(9.0)
    events = session.events()
    ends = [e.bar for e in of(p.LoopEvent, events) if not e.bars]
    assert ends == [answer.scheduled_bar - 1]  # the filler bar
    assert bars_of(events)[answer.scheduled_bar].section == "boss"


def test_a_snapshot_in_a_loop_goes_on_with_it(session: Session) -> None:
    session.loop(3)
    session.advance(14.0)
    state = json.loads(json.dumps(session.snapshot()))
    session.events()
    session.advance(14.0)
    first = {e.bar: melody(e) for e in of(p.NotesEvent, session.events())}
    with Session.open("dungeon", director="hold", seed=9) as other:
        assert other.restore(state).loop_bars == 3
        other.advance(14.0)
        again = {e.bar: melody(e) for e in of(p.NotesEvent, other.events())}
        whole = sorted(set(first) & set(again))[1:]
        assert len(whole) >= 3
        for bar in whole:
            assert [note[:2] for note in again[bar]] == [note[:2] for note in first[bar]]
        other.loop(0)
        other.advance(8.0)
        assert other.position().loop_bars == 0


@pytest.mark.parametrize("restored", [False, True])
def test_a_log_with_a_loop_plays_again_to_the_bit(tmp_path: Path, restored: bool) -> None:
    log = tmp_path / "a.jsonl"
    with Session.open("dungeon", director="agent", seed=2, log=log) as session:
        session.set(danger=0.4)
        session.advance(4.0)
        session.loop(2)
        session.advance(9.0)
        session.mood(valence=0.5)
        session.feedback(valence=0.1, arousal=0.2)
        if restored:
            session.restore(session.snapshot())
        session.advance(6.0)
        session.loop(0)
        session.advance(4.0)
        session.go("boss", fill=False, entry="same")
        session.advance(6.0)
    recording = read_recording(log)
    repeats = [d.repeats for s in recording.stretches for d in s.decisions]
    assert sum(found is not None for found in repeats) >= 3
    assert first_difference(recording, load_cue("dungeon")) == ""


# Questions ------------------------------------------------------------------------------------


def test_why_names_what_was_seen_and_what_others_would_do_and_changes_nothing() -> None:
    def music(*, asking: bool) -> list[tuple[int, dict[str, float]]]:
        with Session.open("dungeon", director="agent", seed=4) as session:
            for number in range(6):
                session.set(danger=number / 6)
                session.advance(2.0)
                if asking:
                    told = session.why()
                    session.explain("go", section="boss")
                    assert {a.director for a in told.alternatives} == {"adaptive", "table", "hold"}
                    assert told.inputs["knob_tempo"] <= 1.0 and told.layers["drums"].gain == 1.0
                    assert "wanted" in told.reason
            return [(e.bar, e.knobs) for e in of(p.DirectionEvent, session.events())]

    assert music(asking=True) == music(asking=False)


def test_an_alternative_is_what_that_director_would_have_done() -> None:
    with Session.open("dungeon", director="adaptive", seed=4) as session:
        session.set(danger=0.8)
        session.advance(9.0)
        told = session.why()
        same = next(a for a in told.alternatives if a.director == "adaptive")
        assert same.knobs == pytest.approx(told.knobs)


def test_a_marker_of_another_cue_is_not_known(session: Session) -> None:
    with pytest.raises(UnknownNameError, match="ambush"):
        session.time_to("marker:ambusch")
