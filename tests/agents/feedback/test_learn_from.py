"""Learning from recorded sessions of simulated listeners, by the real session and its log."""

from pathlib import Path

import numpy as np
import pytest

from segue.agents.arrange.directors import load_policy, make_director
from segue.agents.arrange.prior import prior_of, with_prior
from segue.agents.feedback.hindsight import look_back
from segue.agents.feedback.learn_from import learn_from
from segue.agents.feedback.recorded import read_recording
from segue.client.protocol import DirectionEvent
from segue.envs.arrange.listener import Listeners, ListenerSettings
from segue.music.errors import SegueError
from segue.music.mood import MOOD_PER_SD
from segue.server.sessions.session import Session

BARS = 28


def listen(path: Path, bias: float, seed: int, *, thumbs: bool = False) -> Path:
    """The log of a session whose listener hears everything brighter and more exciting by `bias`."""
    rng = np.random.default_rng(seed)
    listener = Listeners(1, ListenerSettings())
    listener.meet(np.full((1, 2), bias), np.ones((1, 2)))
    with Session.open("dungeon", director="agent", seed=seed, log=path) as session:
        heard = 0
        while heard < BARS:
            session.mood(*rng.uniform(-0.6, 0.6, 2))
            session.advance(2.0)
            for event in session.events():
                if not isinstance(event, DirectionEvent):
                    continue
                heard += 1
                impression = np.array([[event.heard.valence, event.heard.arousal]]) / MOOD_PER_SD
                felt = listener.feel(impression)[0] * MOOD_PER_SD
                if heard % 4:
                    continue
                if thumbs:
                    wanted = np.array([event.wanted.valence, event.wanted.arousal])
                    session.feedback(1.0 if np.abs(felt - wanted).mean() < 0.25 else -1.0)
                else:
                    valence, arousal = np.clip(felt, -1.0, 1.0)
                    session.feedback(valence=float(valence), arousal=float(arousal))
    return path


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("logs")
    return [listen(folder / f"{seed}.jsonl", 1.2, seed) for seed in range(6)]


def test_a_recording_tells_who_listened(logs: list[Path]) -> None:
    session = look_back(read_recording(logs[0]), "dungeon", ListenerSettings())
    assert session.feedback == ("rating",)
    assert session.listener.bias == pytest.approx([1.2, 1.2], abs=0.5)
    assert len(session.wanted) == len(session.seconds) >= BARS - 1


def test_thumbs_tell_too(tmp_path: Path) -> None:
    log = listen(tmp_path / "log.jsonl", 1.2, 0, thumbs=True)
    session = look_back(read_recording(log), "dungeon", ListenerSettings())
    assert session.feedback == ("thumbs",)
    assert (session.listener.precision > 0).any()


@pytest.mark.slow
def test_what_proves_better_is_kept(logs: list[Path], tmp_path: Path) -> None:
    lesson = learn_from(logs, tmp_path / "new" / "learned")
    assert lesson.population.mean == pytest.approx([0.8, 0.8], abs=0.4)
    assert lesson.gain_low > 0
    assert lesson.kept, lesson.why
    learned = make_director(str(lesson.path))
    assert prior_of(learned).bias_mean == pytest.approx(lesson.population.mean, abs=1e-6)
    with Session.open("dungeon", director=str(lesson.path)) as session:
        session.advance(4.0)
        assert session.position().director == str(lesson.path)


@pytest.mark.slow
def test_what_does_not_is_not_kept(logs: list[Path], tmp_path: Path) -> None:
    present = load_policy("policy")
    assert present.card is not None
    wrong = with_prior(present, ListenerSettings(bias_mean_valence=1.2, bias_mean_arousal=1.2))
    wrong.save(tmp_path, present.card)
    lesson = learn_from(logs, tmp_path / "out", director=str(tmp_path / "arranger.json"))
    assert not lesson.kept
    assert "no better" in lesson.why
    assert not (tmp_path / "out").exists()


def test_too_little_is_refused(logs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(SegueError, match="at least 3 sessions"):
        learn_from(logs[:2], tmp_path)
    with pytest.raises(SegueError, match="is no policy"):
        learn_from(logs, tmp_path, director="adaptive")
    silent = tmp_path / "silent.jsonl"
    with Session.open("dungeon", log=silent) as session:
        session.advance(60.0)
    with pytest.raises(SegueError, match="no feedback"):
        look_back(read_recording(silent), "dungeon", ListenerSettings())
    short = tmp_path / "short.jsonl"
    with Session.open("dungeon", log=short) as session:
        session.advance(6.0)
    with pytest.raises(SegueError, match="at least 8 are needed"):
        look_back(read_recording(short), "dungeon", ListenerSettings())
