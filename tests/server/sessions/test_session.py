"""Sessions on a manual clock, without sound and without sockets."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from segue.agents.arrange.performer import Performer
from segue.client import protocol as p
from segue.music.cue_file import load_cue
from segue.music.errors import RangeError, SegueError, UnknownNameError
from segue.music.midi import read_midi
from segue.server.sessions.session import Session

RATE = 48_000


def of(kind: type[p.Event], events: list[p.Event]) -> list:
    return [event for event in events if isinstance(event, kind)]


class Ear:
    """Sound that remembers what is to be played."""

    sample_rate, frame = RATE, 0

    def __init__(self) -> None:
        self.notes: list[tuple[int, int]] = []
        self.controls: dict[str, float] = {}

    def schedule(self, events: np.ndarray) -> None:
        self.notes += [(int(e["at_frame"]), int(e["channel"])) for e in events]

    def cancel(self, from_frame: int) -> None:
        self.notes = [note for note in self.notes if note[0] < from_frame]

    def control(self, name: str, value: float, ramp_seconds: float) -> None:
        self.controls[name] = value

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def release_all(self) -> None: ...

    def advance_to(self, frame: int) -> None:
        self.frame = frame

    def take_notices(self) -> list[str]:
        return []

    def close(self) -> list[str]:
        return []


def play(session: Session) -> None:
    """A performance with something of everything."""
    session.set(danger=0.6)
    session.advance(2.0)
    session.go("fight")
    session.stinger("danger")
    session.advance(5.5)
    session.direct(drums=1.0, tempo=0.9)
    session.mood(valence=-0.5, arousal=0.7, at="bar")
    session.feedback(valence=-0.2, arousal=0.4)
    session.advance(6.0)
    session.release()
    session.feedback(-1)
    session.level("theme", 0.3, ramp_seconds=1.0)
    session.advance(12.0)


# Time and events ------------------------------------------------------------------------------


def test_events_count_without_gaps_and_come_ahead_of_the_sound(session: Session) -> None:
    seen = []
    for _ in range(100):
        frame = session.position().frame
        new = session.events()
        assert all(event.at_frame >= frame for event in new[:0])
        seen += new
        session.advance(0.1)
    assert [event.sequence for event in seen] == list(range(1, len(seen) + 1))
    assert {type(event) for event in seen} == {
        p.BarEvent,
        p.BeatEvent,
        p.DirectionEvent,
        p.NotesEvent,
        p.SectionEvent,
    }


def test_bars_are_told_a_quarter_second_ahead_and_no_sooner(session: Session) -> None:
    session.advance(0.01)
    session.events()
    start = round(session.position().next_bar_seconds * RATE) + session.position().frame
    session.advance(start / RATE - 0.01 - 0.26)
    assert not of(p.BarEvent, session.events())
    session.advance(0.02)
    (bar,) = of(p.BarEvent, session.events())
    assert bar.at_frame == start and bar.bar == 1


def test_beats_follow_the_tempo_of_their_bar(session: Session) -> None:
    session.advance(20.0)
    events = session.events()
    bars = {bar.bar: bar for bar in of(p.BarEvent, events)}
    for beat in of(p.BeatEvent, events):
        bar = bars[beat.bar]
        expected = bar.at_frame + beat.beat_in_bar * 60 / bar.bpm * RATE
        assert abs(beat.at_frame - expected) <= 1
        assert beat.beat == bar.beat + beat.beat_in_bar


def test_position_agrees_with_the_events(session: Session) -> None:
    session.advance(7.3)
    here = session.position()
    assert here.frame == round(7.3 * RATE) and here.seconds == pytest.approx(7.3)
    bars = [bar for bar in of(p.BarEvent, session.events()) if bar.at_frame <= here.frame]
    last = bars[-1]
    assert (here.bar, here.section, here.bpm) == (last.bar, last.section, last.bpm)
    passed_beats = (here.frame - last.at_frame) / RATE * here.bpm / 60
    assert here.beat_in_bar == pytest.approx(passed_beats, abs=1e-4)
    assert here.decided_bars >= here.bar + 2  # one whole bar ahead
    session.advance(here.next_beat_seconds)
    assert session.position().beat == pytest.approx(round(session.position().beat), abs=1e-3)


def test_a_bar_is_decided_ahead_by_as_many_bars_as_asked() -> None:
    with Session.open("dungeon", director="table", look_ahead_bars=3) as session:
        for _ in range(30):
            session.advance(0.7)
            here = session.position()
            assert here.decided_bars == here.bar + 4


# Commands -------------------------------------------------------------------------------------


def test_what_is_set_before_the_start_counts_from_the_first_bar(session: Session) -> None:
    session.set(danger=1.0, ramp_seconds=0.0)
    session.advance(0.1)
    calm = Session.open("dungeon", director="table", seed=3)
    calm.advance(0.1)
    mine, other = of(p.DirectionEvent, session.events())[0], of(p.DirectionEvent, calm.events())[0]
    assert mine.wanted.valence < other.wanted.valence
    assert mine.knobs != other.knobs
    calm.close()
    with Session.open("dungeon", director="table", seed=3, parameters={"danger": 1.0}) as opened:
        opened.advance(0.1)
        assert of(p.DirectionEvent, opened.events())[0].wanted == mine.wanted


@pytest.mark.parametrize(
    "at", ["now", "beat", "bar", "phrase", "bars:2", "beat:9.5", "frame:99999"]
)
def test_a_command_is_done_at_the_very_frame_that_was_promised(session: Session, at: str) -> None:
    session.advance(1.234)
    answer = session.set(danger=0.9, ramp_seconds=0.0, at=at)
    assert not answer.estimated or at in ("phrase", "bars:2", "beat:9.5")
    assert answer.eta_seconds == (answer.scheduled_frame - round(1.234 * RATE)) / RATE
    session.advance(max(answer.eta_seconds - 0.001, 0.0))
    if not answer.estimated:
        assert session.position().parameters["danger"] == (0.9 if at == "now" else 0.0)
    session.advance(0.002 if not answer.estimated else 3.0)
    assert session.position().parameters["danger"] == 0.9
    (done,) = of(p.ExecutedEvent, session.events())
    assert (done.command, done.verb) == (answer.id, "set")
    assert done.at_frame - done.late_frames == answer.scheduled_frame
    assert done.beat == pytest.approx(
        answer.scheduled_beat, abs=1e-4
    )  # wherever it has come to lie
    assert answer.estimated or done.late_frames == 0


def test_grid_lines_lie_on_beats_and_bars(session: Session) -> None:
    session.advance(1.0)
    assert session.set(danger=0.1, at="beat").scheduled_beat % 1 == 0
    assert session.set(danger=0.1, at="bar").scheduled_beat == 4
    assert session.set(danger=0.1, at="bars:3").scheduled_bar == 3
    assert session.set(danger=0.1, at="phrase").scheduled_bar == 4
    assert session.set(danger=0.1, at="section").scheduled_bar == 8


@pytest.mark.parametrize(
    "at, reason",
    [
        ("soon", "write one of"),
        ("bars:0", "whole number"),
        ("bars:1.5", "whole number"),
        ("beat:x", "not a number"),
        ("beat:-1", "not a number"),
        ("frame:nan", "not a number"),
        ("beat:0", "has been reached"),
        ("frame:10", "has been reached"),
        ("now:3", "write one of"),
        ("", "write one of"),
    ],
)
def test_a_moment_that_cannot_be_is_refused(session: Session, at: str, reason: str) -> None:
    session.advance(1.0)
    with pytest.raises(SegueError, match=reason):
        session.set(danger=0.5, at=at)
    assert session.position().pending == []


def test_two_commands_of_one_moment_are_done_in_order(session: Session) -> None:
    session.advance(0.5)
    first = session.set(danger=0.2, ramp_seconds=0.0, at="bar")
    second = session.set(danger=0.7, ramp_seconds=0.0, at="bar")
    assert session.position().pending == [first.id, second.id]
    session.advance(first.eta_seconds)
    assert session.position().parameters["danger"] == 0.7
    assert [e.command for e in of(p.ExecutedEvent, session.events())] == [first.id, second.id]


def test_the_same_id_is_done_once_and_answered_alike(session: Session) -> None:
    first = session.set(danger=0.2, ramp_seconds=0.0, id="game-1")
    again = session.set(danger=0.9, ramp_seconds=0.0, id="game-1")
    assert first == again
    assert session.position().parameters["danger"] == 0.2
    session.go("fight", id="game-2")
    session.advance(0.3)
    assert session.go("boss", id="game-2").id == "game-2"
    session.advance(20.0)
    events = session.events()
    assert [e.command for e in of(p.ExecutedEvent, events)] == ["game-1", "game-2"]
    assert "boss" not in {e.name for e in of(p.SectionEvent, events)}


def test_a_waiting_command_can_be_cancelled_or_expire(session: Session) -> None:
    session.advance(0.1)
    cancelled = session.set(danger=1.0, at="bar")
    expiring = session.set(danger=1.0, at="bars:4", expires_seconds=1.0)
    session.cancel(cancelled.id)
    with pytest.raises(SegueError, match="waits"):
        session.cancel(cancelled.id)
    session.advance(20.0)
    dropped = {e.command: e.reason for e in of(p.DroppedEvent, session.events())}
    assert dropped[cancelled.id] == "cancelled"
    assert "expired" in dropped[expiring.id]
    assert session.position().parameters["danger"] == 0.0


# Sections -------------------------------------------------------------------------------------


def test_go_leads_into_the_section_by_a_fill_and_keeps_its_promise(session: Session) -> None:
    session.advance(3.0)
    here = session.position()
    answer = session.go("fight")  # the cue: at the bar, with a fill
    assert answer.scheduled_bar == here.bar + 2
    assert answer.id in session.position().pending
    session.advance(answer.eta_seconds + 0.1)
    assert session.position().section == "fight"
    events = session.events()
    (change,) = [e for e in of(p.SectionEvent, events) if e.name == "fight"]
    assert change.bar == answer.scheduled_bar
    bars = {bar.bar: bar for bar in of(p.BarEvent, events)}
    assert bars[change.bar - 1].fill and bars[change.bar - 1].cadence
    (done,) = of(p.ExecutedEvent, events)
    assert (done.command, done.at_frame) == (answer.id, change.at_frame)


def test_go_waits_for_the_phrase_where_the_cue_says_so(session: Session) -> None:
    session.advance(3.0)
    answer = session.go("explore")
    assert answer.scheduled_bar == 4
    session.advance(15.0)
    changes = of(p.SectionEvent, session.events())
    assert [(e.name, e.bar) for e in changes] == [("calm", 0), ("explore", 4)]


@pytest.mark.parametrize("at, bar", [("bars:5", 5), ("beat:18", 5), ("section", 8), ("phrase", 4)])
def test_go_can_be_asked_for_later(session: Session, at: str, bar: int) -> None:
    answer = session.go("fight", at=at)
    assert answer.scheduled_bar == bar
    session.advance(30.0)
    changes = of(p.SectionEvent, session.events())
    assert (changes[1].name, changes[1].bar) == ("fight", bar)


def test_a_later_go_replaces_one_that_has_not_begun(session: Session) -> None:
    session.advance(3.0)
    first = session.go("fight")
    second = session.go("boss")
    session.advance(10.0)
    events = session.events()
    (dropped,) = of(p.DroppedEvent, events)
    assert dropped.command == first.id and second.id in dropped.reason
    assert [e.name for e in of(p.SectionEvent, events)] == ["calm", "boss"]


def test_a_go_that_waits_can_be_cancelled(session: Session) -> None:
    session.advance(1.0)
    answer = session.go("fight", at="bars:6")
    session.cancel(answer.id)
    session.advance(18.0)
    assert "fight" not in {e.name for e in of(p.SectionEvent, session.events())}


def test_a_go_that_cannot_begin_in_time_is_refused(session: Session) -> None:
    session.advance(0.1)
    with pytest.raises(SegueError, match="expires"):
        session.go("fight", expires_seconds=0.5)
    session.advance(18.0)
    assert "fight" not in {e.name for e in of(p.SectionEvent, session.events())}


def test_going_where_one_is_changes_nothing(session: Session) -> None:
    session.advance(1.0)
    session.go("calm")
    session.advance(6.0)
    events = session.events()
    assert [e.name for e in of(p.SectionEvent, events)] == ["calm"]
    assert len(of(p.ExecutedEvent, events)) == 1


def test_decisions_taken_back_by_go_keep_what_was_said_before() -> None:
    """A bar decided anew has the knobs that were held since it was decided first."""
    with Session.open("dungeon", director="table", seed=3) as session:
        session.advance(3.0)
        session.direct(drums=0.99)
        session.go("fight")
        session.advance(3.0)
        last = of(p.DirectionEvent, session.events())[-1]
        assert last.knobs["drums"] == pytest.approx(0.99)


def test_a_dislike_moves_on_at_the_next_phrase_and_a_like_stays(session: Session) -> None:
    session.advance(1.0)
    answer = session.feedback(-1)
    session.advance(14.0)
    events = session.events()
    changes = of(p.SectionEvent, events)
    assert changes[1].bar == 4 and changes[1].name != "calm"
    assert f"{answer.id}:elsewhere" in {e.command for e in of(p.ExecutedEvent, events)}

    with Session.open("dungeon", director="table", seed=3) as other:
        other.advance(1.0)
        other.feedback(-1)
        other.feedback(1)
        other.advance(14.0)
        assert [e.name for e in of(p.SectionEvent, other.events())] == ["calm"]


def test_ratings_reach_the_director() -> None:
    def felt(rate: bool) -> list[p.Mood]:
        with Session.open("dungeon", director="table", seed=3) as session:
            session.advance(4.0)
            if rate:
                session.feedback(valence=0.9, arousal=-0.9)
            session.advance(8.0)
            return [e.felt for e in of(p.DirectionEvent, session.events())]

    rated, unrated = felt(True), felt(False)
    assert rated[:2] == unrated[:2]
    assert rated[-1] != unrated[-1]


# Stingers -------------------------------------------------------------------------------------


def test_a_stinger_is_in_key_and_time_and_the_layers_step_back(tmp_path: Path) -> None:
    with Session.open("dungeon", director="table", midi=tmp_path / "a.mid") as session:
        session.advance(3.0)
        answer = session.stinger("victory")
        session.advance(6.0)
        events = session.events()
        (sting,) = of(p.StingerEvent, events)
        session.close()
    assert answer.scheduled_beat % 1 == 0 and sting.at_frame == answer.scheduled_frame
    bar = next(bar for bar in of(p.BarEvent, events) if bar.bar == sting.bar)
    assert sting.key == bar.key
    score = read_midi(tmp_path / "a.mid")
    notes = score.track("stingers brass").notes
    assert notes["onset_beats"][0] == pytest.approx(answer.scheduled_beat)
    tonic = 2  # D
    scale = {"phrygian": 1, "aeolian": 2, "dorian": 2}[bar.key.split()[1]]
    steps = (notes["pitch"].astype(int) - tonic) % 12
    assert steps[0] == 0 and set(steps) <= {0, scale, 3, 5, 7, 8, 9, 10, 2, 1}
    assert np.all(np.diff(notes["pitch"].astype(int)) > 0)


def test_a_stinger_outlives_bars_that_are_decided_anew(tmp_path: Path) -> None:
    ear, cue = Ear(), load_cue("dungeon")
    session = Session(cue, Performer(cue, "table"), ear)
    session.advance(0.1)
    answer = session.stinger("victory", at="beat:3")
    session.advance(answer.eta_seconds - 0.05)
    session.go("fight")
    stings = [frame for frame, channel in ear.notes if channel >= len(cue.layers)]
    assert len(stings) == 5 and stings[0] == answer.scheduled_frame
    assert len({f for f, c in ear.notes if c < len(cue.layers)}) > 4
    session.advance(0.1)
    assert ear.controls["layer.drums.gain"] == pytest.approx(10 ** (-6 / 20))
    session.advance(6.0)
    assert ear.controls["layer.drums.gain"] == 1.0


# Levels and moods -----------------------------------------------------------------------------


def test_levels_and_moods_ramp(session: Session) -> None:
    session.level("drums", 0.0, ramp_seconds=1.0)
    session.mood(valence=0.5, ramp_seconds=1.0)
    before = session.position().wanted.valence
    session.advance(0.5)
    assert session.position().levels["drums"] == pytest.approx(0.5)
    assert session.position().wanted.valence == pytest.approx((before + 0.5) / 2)
    session.advance(0.5)
    assert session.position().levels["drums"] == 0.0
    assert session.position().wanted.valence == pytest.approx(0.5)
    session.mood(ramp_seconds=0.0)
    assert session.position().wanted.valence == pytest.approx(before)


def test_switching_the_director_shows_in_the_next_decided_bar(session: Session) -> None:
    session.advance(1.0)
    session.switch("hold")
    session.advance(12.0)
    directors = [e.director for e in of(p.DirectionEvent, session.events())]
    assert directors[0] == "table" and directors[-1] == "hold"


# Bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verb, arguments, error, words",
    [
        ("set", {"dangr": 0.5}, UnknownNameError, "did you mean 'danger'"),
        ("set", {"danger": math.nan}, RangeError, "danger"),
        ("set", {"danger": 2.0}, RangeError, "danger"),
        ("set", {"danger": "high"}, RangeError, "danger"),
        ("set", {}, SegueError, "names no parameter"),
        ("set", {"danger": 0.5, "ramp_seconds": -1}, RangeError, "ramp_seconds"),
        ("set", {"danger": 0.5, "expires_seconds": math.inf}, RangeError, "expires_seconds"),
        ("mood", {"valence": 1.5}, RangeError, "valence"),
        ("mood", {"arousal": math.nan}, RangeError, "arousal"),
        ("go", {"section": "bos"}, UnknownNameError, "did you mean 'boss'"),
        ("stinger", {"name": "victroy"}, UnknownNameError, "did you mean 'victory'"),
        ("feedback", {}, SegueError, "says nothing"),
        ("feedback", {"value": 3}, RangeError, "feedback value"),
        ("feedback", {"valence": 0.5}, SegueError, "both or neither"),
        ("direct", {}, SegueError, "changes nothing"),
        ("direct", {"drum": 0.5}, UnknownNameError, "did you mean 'drums'"),
        ("direct", {"drums": 1.5}, RangeError, "drums"),
        ("direct", {"fill": 1.0}, SegueError, "true or false"),
        ("level", {"layer": "drum", "value": 0.5}, UnknownNameError, "did you mean 'drums'"),
        ("level", {"layer": "drums", "value": math.nan}, RangeError, "drums"),
        ("switch", {"director": "tabel"}, UnknownNameError, "did you mean 'table'"),
        ("advance", {"seconds": -1.0}, RangeError, "seconds to advance"),
        ("advance", {"seconds": math.nan}, RangeError, "seconds to advance"),
    ],
)
def test_bad_input_raises_and_changes_nothing(
    session: Session, verb: str, arguments: dict, error: type[SegueError], words: str
) -> None:
    session.advance(1.0)
    session.events()
    before = session.position()
    with pytest.raises(error, match=words):
        getattr(session, verb)(**arguments)
    after = session.position()
    assert (after.frame, after.parameters, after.levels, after.pending, after.wanted) == (
        before.frame,
        before.parameters,
        before.levels,
        before.pending,
        before.wanted,
    )
    assert session.events() == []


@pytest.mark.parametrize(
    "options, words",
    [
        ({"cue": "dungeo"}, "did you mean 'dungeon'"),
        ({"director": "tabel"}, "did you mean 'table'"),
        ({"clock": "wall"}, "known: manual, realtime"),
        ({"output": "speaker"}, "unknown output"),
        ({"output": "auto"}, "clock='realtime'"),
        ({"output": "file:/no/such/folder/a.wav"}, "does not exist"),
        ({"midi": "/no/such/folder/a.mid"}, "does not exist"),
        ({"log": "/"}, "is a folder"),
        ({"look_ahead_bars": 0}, "look_ahead_bars"),
        ({"parameters": {"danger": 7.0}}, "danger"),
    ],
)
def test_a_session_that_cannot_be_opened_says_why(options: dict, words: str) -> None:
    with pytest.raises(SegueError, match=words):
        Session.open(**{"cue": "dungeon", "director": "table", **options})


def test_a_closed_session_refuses_everything_but_closing(session: Session) -> None:
    session.close()
    assert session.close() == []
    for act in (lambda: session.set(danger=0.5), lambda: session.advance(1.0), session.snapshot):
        with pytest.raises(SegueError, match=r"has ended \(closed\)"):
            act()
    assert isinstance(session.events()[-1], p.ClosedEvent)


# The same again -------------------------------------------------------------------------------


def test_the_same_seed_and_commands_give_the_same_files(tmp_path: Path) -> None:
    files = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        path = tmp_path / f"{name}.mid"
        with Session.open("dungeon", director="random", seed=seed, midi=path) as session:
            play(session)
        files.append(path.read_bytes())
    assert files[0] == files[1] != files[2]


def test_the_size_of_the_steps_of_the_clock_does_not_matter(tmp_path: Path) -> None:
    logs = []
    for step in (15.0, 0.25):
        with Session.open("dungeon", director="table", seed=1) as session:
            session.go("fight", id="g")
            session.set(danger=0.5, at="beat:9", id="s")
            for _ in range(round(15.0 / step)):
                session.advance(step)
            events = session.events()
            for event in events:
                event.ts_ns = 0
            logs.append(events)
    assert logs[0] == logs[1]


def test_the_log_tells_commands_and_events_and_the_midi_what_sounded(tmp_path: Path) -> None:
    log, midi = tmp_path / "a.jsonl", tmp_path / "a.mid"
    session = Session.open("dungeon", director="table", seed=2, log=log, midi=midi)
    play(session)
    events = session.events()
    assert not log.exists() and not midi.exists()  # whole at the end, or not at all
    assert session.close() == [str(midi), str(log)]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0]["line"] == "session" and lines[0]["cue"] == "dungeon"
    verbs = [line["verb"] for line in lines if line["line"] == "command"]
    assert verbs[:3] == ["set", "go", "stinger"] and len(verbs) == 9
    told = [line["event"] for line in lines if line["line"] == "event"]
    assert [event["sequence"] for event in told] == list(range(1, len(told) + 1))
    assert len(told) == len(events) + 1  # closed
    score = read_midi(midi)
    assert [track.name for track in score.tracks][:7] == [x.name for x in session.cue.layers]
    assert score.tempo.seconds(score.end_beats) == pytest.approx(25.5, abs=4.0)


def test_a_refused_command_is_not_logged(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    with Session.open("dungeon", director="table", log=log) as session:
        session.advance(1.0)
        with pytest.raises(SegueError, match="write one of"):
            session.set(danger=1.0, at="soon")
        with pytest.raises(SegueError, match="give it more time"):
            session.go("boss", expires_seconds=0.0)
        session.set(danger=0.5, id="kept")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["id"] for line in lines if line["line"] == "command"] == ["kept"]


# Keeping and returning ------------------------------------------------------------------------


def strip(events: list[p.Event], from_beat: float) -> list[tuple]:
    return [
        (type(e).__name__, e.beat, e.bar, getattr(e, "knobs", None), getattr(e, "bpm", None))
        for e in events
        if e.beat >= from_beat and isinstance(e, p.BarEvent | p.BeatEvent | p.DirectionEvent)
    ]


def test_a_snapshot_goes_on_at_the_same_beat_with_the_same_music(tmp_path: Path) -> None:
    with Session.open("dungeon", director="table", seed=4) as session:
        session.set(danger=0.7)
        session.advance(9.0)
        session.direct(drums=0.8)
        session.level("theme", 0.5)
        session.advance(1.0)
        state = json.loads(json.dumps(session.snapshot()))  # plain values
        here = session.position()
        session.events()
        session.advance(12.0)
        first = strip(session.events(), math.ceil(here.beat) + 4)

        back = session.restore(state)
        assert back.beat == pytest.approx(here.beat, abs=1e-4)
        assert (back.section, back.bar, back.bpm) == (here.section, here.bar, here.bpm)
        assert back.parameters == here.parameters and back.levels == here.levels
        session.events()
        session.advance(12.0)
        assert strip(session.events(), math.ceil(here.beat) + 4)[: len(first)] == first

    with Session.open("dungeon", director="table", seed=99) as other:
        back = other.restore(state)
        assert back.beat == pytest.approx(here.beat, abs=1e-4) and back.frame == 0
        other.advance(12.0)
        assert strip(other.events(), math.ceil(here.beat) + 4)[: len(first)] == first


def test_a_bad_snapshot_is_refused_and_changes_nothing(session: Session) -> None:
    session.set(danger=0.4, ramp_seconds=0.0)
    session.advance(5.0)
    state, here = session.snapshot(), session.position()
    bar, speech = state["music"]["bars"][0], ["x", "restore", [{}], {}]
    bad = [
        {},
        {**state, "format": 99},
        {**state, "cue": "meadow"},
        {**state, "music": {}},
        {**state, "music": {**state["music"], "bars": []}},
        {**state, "music": {**state["music"], "performer": {"world": 3}}},
        {**state, "music": {**state["music"], "bars": [{**bar, "told": [speech]}]}},
        {**state, "parameters": {"values": {"danger": 9}, "mood": {}}},
        {**state, "levels": {"no such": 1}},
    ]
    for item in bad:
        with pytest.raises(SegueError):
            session.restore(item)
        after = session.position()
        assert (after.frame, after.bar, after.section) == (here.frame, here.bar, here.section)
        assert after.beat == pytest.approx(here.beat, abs=1e-4)
        assert after.parameters == here.parameters
    session.advance(5.0)
    beats = [e.beat for e in of(p.BeatEvent, session.events())]
    assert beats == sorted(beats)


def test_commands_that_wait_are_dropped_when_the_music_goes_elsewhere(session: Session) -> None:
    session.advance(1.0)
    state = session.snapshot()
    answer = session.set(danger=1.0, at="bars:2")
    going = session.go("boss", at="section")
    session.restore(state)
    dropped = of(p.DroppedEvent, session.events())
    assert [event.command for event in dropped] == [answer.id, going.id]
    session.advance(10.0)
    assert session.position().parameters["danger"] == 0.0


def test_what_no_decision_can_return_to_is_forgotten(session: Session) -> None:
    session.advance(60.0)
    kept = [slot for slot in session._performance.timeline.slots if slot.before is not None]
    assert len(kept) <= 3


def test_music_that_the_sound_has_overtaken_goes_on_after_it() -> None:
    """The machine slept, or the process was stopped: nothing is played in the past."""
    ear, cue = Ear(), load_cue("dungeon")
    session = Session(cue, Performer(cue, "table"), ear, clock="realtime")
    for _ in range(100):
        ear.frame += 480
        session.pump()
    before = len(ear.notes)
    ear.frame += 60 * RATE
    session.pump()
    late = [frame for frame, _ in ear.notes[before:] if frame < ear.frame]
    assert len(ear.notes) > before and not late
    here = session.position()
    assert here.decided_bars >= here.bar + 2
    beats = [e.at_frame for e in of(p.BeatEvent, session.events())]
    assert beats == sorted(beats)


def test_a_dislike_does_not_undo_where_the_game_wants_to_go() -> None:
    with Session.open("dungeon", director="table") as session:
        session.advance(1.0)
        wanted = session.go("boss")
        session.feedback(-1)
        session.advance(8.0)
        dropped = [event for event in session.events() if isinstance(event, p.DroppedEvent)]
        assert [event for event in dropped if event.command == wanted.id] == []
        assert session.position().section == "boss"


def listening(director: str = "table", **options) -> tuple[Session, Ear]:
    cue, ear = load_cue("dungeon"), Ear()
    return Session(cue, Performer(cue, director, seed=1), ear, **options), ear


def test_controls_reach_the_mixer_and_bad_ones_are_refused():
    session, ear = listening()
    session.advance(1.0)
    session.control("layer.strings.filter", 800.0, ramp_seconds=0.5)
    session.control("master.gain", 0.5)
    session.advance(0.1)
    assert ear.controls["layer.strings.filter"] == 800.0 and ear.controls["master.gain"] == 0.5
    with pytest.raises(UnknownNameError, match=r"layer\.strings\.pan"):
        session.control("layer.strings.pann", 0.0)
    with pytest.raises(UnknownNameError):  # belongs to `level`
        session.control("layer.strings.gain", 0.0)
    for value in (10.0, math.nan):
        with pytest.raises(RangeError):
            session.control("layer.strings.filter", value)


def test_all_layers_step_back_under_speech_and_return():
    session, ear = listening()
    session.advance(2.0)
    before = ear.controls.get("layer.bass.gain", 1.0)
    session.duck(12.0, seconds=1.0)
    session.advance(0.5)
    assert ear.controls["layer.bass.gain"] == pytest.approx(before * 10 ** (-12 / 20))
    session.advance(1.0)
    assert ear.controls["layer.bass.gain"] == pytest.approx(before)


def test_the_direction_colours_the_layers():
    session, ear = listening()
    session.direct(dynamics=1.0, articulation=0.0)
    session.advance(10.0)
    assert ear.controls["layer.strings.brightness"] == pytest.approx(0.75)
    assert ear.controls["layer.strings.attack"] == pytest.approx(0.85)


def test_a_paused_session_stands_and_goes_on():
    session, _ = listening()
    session.advance(3.0)
    here = session.pause()
    assert here.paused and session.pause().frame == here.frame
    with pytest.raises(SegueError, match="paused"):
        session.advance(1.0)
    assert not session.resume().paused
    assert session.advance(1.0).frame == here.frame + RATE
    events = session.events()
    assert len(of(p.PausedEvent, events)) == len(of(p.ResumedEvent, events)) == 1


def test_seeking_plays_again_from_a_bar_that_was_played():
    session, _ = listening("agent")
    session.advance(20.0)
    first = {e.bar: e for e in of(p.BarEvent, session.events())}
    here = session.seek(2)
    assert here.bar == 2 and here.beat == pytest.approx(8.0, abs=1e-4) and here.frame == 20 * RATE
    session.advance(6.0)
    again = {e.bar: e for e in of(p.BarEvent, session.events())}
    assert again[2].chords == first[2].chords and again[2].section == first[2].section
    assert again[3].at_frame > 20 * RATE
    with pytest.raises(RangeError, match="bar to seek"):
        session.seek(500)
    with pytest.raises(RangeError):
        session.seek(-1)


def test_the_layers_fade_in_with_a_section_over_so_many_beats():
    session, ear = listening()
    session.advance(3.0)
    answer = session.go("boss", fade_beats=4.0)
    session.advance(answer.eta_seconds - 0.01)
    assert ear.controls["layer.strings.gain"] == 0.0  # dark a moment before, so nothing clicks
    session.advance(0.01 + 2.0 * 60.0 / session.position().bpm)
    beats = session.position().beat - answer.scheduled_beat
    assert ear.controls["layer.strings.gain"] == pytest.approx(beats / 4.0, abs=0.05)
    session.advance(4.0)
    assert ear.controls["layer.strings.gain"] == 1.0


def test_a_stinger_lets_the_layers_step_back_as_far_as_asked():
    session, ear = listening()
    session.advance(3.0)
    answer = session.stinger("victory", duck_db=20.0)
    session.advance(answer.eta_seconds + 0.1)
    assert ear.controls["layer.bass.gain"] == pytest.approx(0.1)


def test_notes_are_told_as_they_are_played(session: Session) -> None:
    session.advance(20.0)
    session.stinger("discovery")
    session.advance(3.0)
    events = session.events()
    bars = {bar.bar: bar for bar in of(p.BarEvent, events)}
    score = session.score()
    told = of(p.NotesEvent, events)
    layers = {name for event in told for name, *_ in event.notes}
    assert layers <= {layer.name for layer in session.cue.layers} | {"discovery"}
    assert sum(n[0] == "discovery" for event in told for n in event.notes) == 4
    theme = [n for event in told for n in event.notes if n[0] == "theme"]
    written = score.track("theme").notes
    assert [n[1] for n in theme][: len(written)] == written["pitch"].tolist()
    for event in told:
        bar = bars[event.bar]
        end = bar.at_frame + bar.beats * 60.0 / bar.bpm * RATE
        assert all(frame >= event.at_frame for _, _, frame, _, _ in event.notes)
        if event.at_frame == bar.at_frame:
            assert all(frame < end + 1 for _, _, frame, _, _ in event.notes)
        assert all(frames > 0 and 0.0 < loud <= 1.0 for *_, frames, loud in event.notes)


def test_a_departure_survives_bars_that_are_decided_anew() -> None:
    """With a long look-ahead, what the performer was told lies beyond what is taken back."""
    with Session.open("dungeon", director="table", look_ahead_bars=4) as session:
        session.advance(1.0)
        answer = session.go("fight", at="bars:4")
        assert session.loop(1, at="bar").scheduled_bar == 1  # has bars decided again
        session.loop(0, at="bars:2")
        session.advance(16.0)
        bars = {bar.bar: bar.section for bar in of(p.BarEvent, session.events())}
        assert bars[answer.scheduled_bar] == "fight" and bars[answer.scheduled_bar - 1] == "calm"


def test_what_waits_when_a_session_ends_is_told(session: Session) -> None:
    session.advance(1.0)
    later = session.level("drums", 0.5, at="bars:8")
    gone = session.go("boss", at="bars:4")
    session.close()
    events = session.events_after(0)
    told = {e.command: e.reason for e in events if isinstance(e, p.DroppedEvent)}
    assert set(told) == {later.id, gone.id}
    assert all("the session ended" in reason for reason in told.values())
    assert isinstance(events[-1], p.ClosedEvent)
