"""What a session does with feedback, with directors that fail, and what its log can play again."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from segue.agents.feedback.recorded import check_cue, first_difference, read_recording, replay
from segue.analysis.cards import load_weights, save_model
from segue.client import protocol as p
from segue.music.cue_file import load_cue
from segue.music.errors import FileFormatError, RangeError, SegueError, UnknownNameError
from segue.server.sessions.session import Session

MODELS = Path(__file__).parents[3] / "agents" / "models"


def bar_seconds(session: Session) -> float:
    position = session.position()
    return 60.0 / position.bpm * 4


def listen(session: Session, bars: int) -> None:
    for _ in range(bars):
        session.advance(bar_seconds(session))


def record(path: Path, director: str = "agent") -> None:
    """A session in which much is said, played and gone back to."""
    with Session.open("dungeon", director=director, seed=5, log=path) as session:
        session.set(danger=0.9)
        listen(session, 3)
        session.feedback(valence=-0.4, arousal=0.6)
        listen(session, 2)
        session.feedback(-1)
        session.direct(drums=0.9, fill=True)
        listen(session, 4)
        session.unlearn()
        session.release()
        session.switch("adaptive")
        session.go("boss", at="bar")
        listen(session, 4)
        session.seek(2)
        session.learning(False)
        session.feedback(1.0)
        listen(session, 5)


@pytest.mark.parametrize("director", ["agent", "planner"])
def test_a_recorded_session_plays_again_to_the_bit(director: str, tmp_path: Path) -> None:
    record(tmp_path / "log.jsonl", director)
    recording = read_recording(tmp_path / "log.jsonl")
    assert recording.bars > 12
    assert recording.channels == ("rating", "thumbs")
    assert len(recording.stretches) == 2  # it was sought once
    assert first_difference(recording, load_cue("dungeon")) == ""


def test_a_replay_tells_where_another_director_differs(tmp_path: Path) -> None:
    record(tmp_path / "log.jsonl")
    recording = read_recording(tmp_path / "log.jsonl")
    now = list(replay(recording, load_cue("dungeon"), "hold"))
    assert len(now) == recording.bars
    assert {played.director for _, played in now} == {"hold"}


def test_a_log_of_another_cue_is_refused(tmp_path: Path) -> None:
    record(tmp_path / "log.jsonl")
    recording = read_recording(tmp_path / "log.jsonl")
    with pytest.raises(SegueError, match="is of cue 'dungeon', not of 'voyage'"):
        list(replay(recording, load_cue("voyage")))
    with pytest.raises(SegueError, match="another version of cue 'dungeon'"):
        check_cue(recording, load_cue("dungeon"), "0" * 16)


def test_a_damaged_log_is_told_by_its_line_and_a_cut_end_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    record(log)
    whole = log.read_bytes()
    log.write_bytes(whole[: len(whole) * 2 // 3])
    assert 0 < read_recording(log).bars
    log.write_bytes(whole.replace(b'"told":', b'"tolled":'))
    with pytest.raises(FileFormatError, match=r"line \d+ of .*log.jsonl"):
        read_recording(log)
    log.write_bytes(b"# notes\n")
    with pytest.raises(FileFormatError, match="line 1"):
        read_recording(log)
    log.write_bytes(whole.replace(b'"knobs":', b'"levers":'))
    with pytest.raises(FileFormatError, match=r"line \d+ of .*log.jsonl"):
        read_recording(log)
    log.write_bytes(whole.replace(b'"reports":', b'"tales":'))
    with pytest.raises(FileFormatError, match="by another version of Segue"):
        list(replay(read_recording(log), load_cue("dungeon")))
    with pytest.raises(SegueError, match="cannot read the log"):
        read_recording(tmp_path / "none.jsonl")


def test_feedback_can_be_unlearned_and_learning_switched_off() -> None:
    def felt(*verbs: str) -> float:
        with Session.open("dungeon", director="hold", seed=1) as session:
            listen(session, 3)
            for verb in verbs:
                match verb:
                    case "rate":
                        session.feedback(valence=1.0, arousal=1.0)
                    case "unlearn":
                        session.unlearn()
                    case "off":
                        session.learning(False)
                listen(session, 1)
            listen(session, 4 - len(verbs))
            return session.position().felt.valence

    assert felt("rate") > felt() + 0.1
    assert felt("rate", "unlearn") == pytest.approx(felt())
    assert felt("off", "rate") == pytest.approx(felt())


def test_a_director_that_fails_is_replaced_by_the_rules(tmp_path: Path) -> None:
    card, weights = load_weights(MODELS / "arranger.json")
    broken = {name: np.full_like(value, np.nan) for name, value in weights.items()}
    save_model(tmp_path, msgspec.structs.replace(card, name="bad", weights="bad.npz"), broken)
    with Session.open("dungeon", director=str(tmp_path / "bad.json")) as session:
        listen(session, 4)
        events = session.events()
        assert session.position().director == "adaptive"
    warnings = [event for event in events if isinstance(event, p.WarningEvent)]
    assert len(warnings) == 1
    assert warnings[0].code == "director"
    assert "'adaptive' goes on in its place" in warnings[0].message
    directed = [event.director for event in events if isinstance(event, p.DirectionEvent)]
    assert len(directed) >= 4


def test_what_the_game_reports_is_foreseen_from(tmp_path: Path) -> None:
    def decided(reports: bool) -> list[float]:
        log = tmp_path / f"{reports}.jsonl"
        with Session.open("dungeon", director="agent", seed=2, log=log) as session:
            for _ in range(12):
                if reports:
                    session.game({"health": 0.3, "monsters": 4.0, "damage_taken": 0.3})
                session.advance(1.0)
        recording = read_recording(log)
        assert first_difference(recording, load_cue("dungeon")) == ""
        return [a for stretch in recording.stretches for d in stretch.decisions for a in d.action]

    assert decided(True) != decided(False)
    with Session.open("dungeon") as session:
        with pytest.raises(UnknownNameError, match="did you mean 'monsters'"):
            session.game({"monster": 1.0})
        with pytest.raises(RangeError, match="health is nan"):
            session.game({"health": float("nan")})
