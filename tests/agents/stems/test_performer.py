"""Recorded music live: the same bars as in training, by authored ways alone."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from segue.agents.feedback.recorded import first_difference, read_recording
from segue.agents.performing import make_performer
from segue.agents.stems.performer import StemsPerformer
from segue.client import protocol as p
from segue.envs.stems.core import StemsCore
from segue.envs.stems.library import MIX_LEVELS
from segue.music.cue import Cue
from segue.music.errors import SegueError, UnknownNameError
from segue.music.mood import MOOD_PER_SD, Mood
from segue.server.sessions.session import Session
from segue.server.sounding.stems import stem_segments

DIRECTORS = ("stems", "stems-policy", "stems-adaptive", "stems-planner", "stems-random")


def moods(count: int) -> list[Mood]:
    """A game that goes from calm to wild and back."""
    turns = np.arange(count) / 9.0
    return [Mood(0.6 * float(np.sin(a / 1.7)), 0.8 * float(np.sin(a))) for a in turns]


def way_on(cue: Cue, before: str, after: str) -> bool:
    return before == after or cue.transition(before, after) is not None


@pytest.mark.parametrize("director", DIRECTORS)
def test_a_director_takes_authored_ways_alone(recorded: Cue, director: str) -> None:
    performer = StemsPerformer(recorded, director, seed=4)
    bars = [performer.next_bar(mood) for mood in moods(90)]
    assert not any(one.fault for one in bars)
    sections = [one.bar.section for one in bars]
    assert len(set(sections)) > 1
    assert all(way_on(recorded, a, b) for a, b in itertools.pairwise(sections))
    for one, after in itertools.pairwise(bars):
        if one.bar.section != after.bar.section:
            rule = recorded.transition(one.bar.section, after.bar.section)
            length = recorded.sections[recorded.section_index(one.bar.section)].bars
            number = one.bar.bar_in_section
            assert rule.at != "section" or number == length - 1
            assert rule.at != "phrase" or number == length - 1 or number % 4 == 3
            assert one.bar.cadence == rule.fill
        assert any(after.bar.levels)  # something sounds


@pytest.mark.parametrize("director", ["stems", "stems-policy", "stems-adaptive", "stems-planner"])
def test_live_is_what_training_is(recorded: Cue, director: str) -> None:
    """The same cue, moods and ratings give the same observations, decisions and bars."""
    core = StemsCore(1, cues=(recorded.folder,), bars=48)
    core.reset(np.random.default_rng(3))
    core.worlds.seed[:] = 9
    performer = StemsPerformer(recorded, director, seed=9)
    player = performer.make(director)
    for bar in range(48):
        wanted = Mood(*np.clip(core.course.mood[0] * MOOD_PER_SD, -1.0, 1.0))
        performed = performer.next_bar(wanted, core.course.features[0])
        assert np.array_equal(performed.observation, core.observe()[0])
        action = player.act(core)
        assert performed.action[0] == action[0]
        core.step(action)
        if (bar + 1) % 4 == 0:
            performer.perception.rate(core.listeners.felt + core.answering.noise[bar])
        assert performer.perception.mix[0] == core.perception.mix[0]
        assert performer.world.section == recorded.sections[core.worlds.section[0]].name


def test_a_session_is_directed_by_sections_and_parts(recorded: Cue) -> None:
    with Session.open(recorded, director="stems-planner", seed=1) as session:
        for mood in moods(30):
            session.mood(valence=mood.valence, arousal=mood.arousal)
            session.advance(4.0)
        bars = [event for event in session.events() if isinstance(event, p.BarEvent)]
    assert len({bar.section for bar in bars}) > 1
    assert all(way_on(recorded, a.section, b.section) for a, b in itertools.pairwise(bars))
    mixes = {tuple(sorted(set(bar.activity.values()))) for bar in bars}
    assert len(mixes) > 1
    for bar in bars:
        sounding = {name for name, level in bar.activity.items() if level}
        assert sounding and all(name.startswith(f"{bar.section}_") for name in sounding)


@pytest.mark.parametrize("director", ["stems", "stems-policy"])
def test_a_recorded_session_plays_again_to_the_bit(
    recorded: Cue, director: str, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    with Session.open(recorded, director=director, seed=5, log=path) as session:
        for number, mood in enumerate(moods(24)):
            session.mood(valence=mood.valence, arousal=mood.arousal)
            if number % 5 == 3:
                session.feedback(valence=0.2, arousal=-0.3)
            session.advance(3.0)
        session.seek(4)
        session.advance(9.0)
    recording = read_recording(path)
    assert recording.bars > 24 and len(recording.stretches) == 2
    assert first_difference(recording, recorded) == ""


def test_a_session_switches_among_directors_of_its_kind(recorded: Cue) -> None:
    with Session.open(recorded, director="stems-hold") as session:
        session.switch("stems-random")
        session.advance(9.0)
        assert session.position().director == "stems-random"
        with pytest.raises(UnknownNameError, match="agent"):
            session.switch("agent")
        assert "stems-planner" in session.directors
    with Session.open("dungeon", director="table") as session:
        with pytest.raises(UnknownNameError, match="stems"):
            session.switch("stems")


def test_a_person_goes_first(recorded: Cue) -> None:
    """A section that a person asks for is played, whatever the director would rather have."""
    performer = StemsPerformer(recorded, "stems-random", seed=2)
    here = performer.world.section
    target = next(s.name for s in recorded.sections if recorded.transition(here, s.name))
    performer.go(target)
    sections = [performer.next_bar(Mood()).bar.section for _ in range(10)]
    assert next(name for name in sections if name != here) == target


def test_parts_that_are_off_do_not_sound(recorded: Cue) -> None:
    performer = StemsPerformer(recorded, "stems-hold")
    bar = performer.next_bar(Mood()).bar
    mix = MIX_LEVELS[performer.perception.mix[0]]
    on = [part for part, level in zip(performer.library.parts[0], mix, strict=False) if level]
    segments = stem_segments(recorded, bar, 0, 1000)
    tracks = {recorded.layers[channel].track for channel in segments["channel"]}
    assert tracks and tracks <= set(on)
    assert len(on) < len(performer.library.parts[0])
    soft = {layer.name for layer in recorded.layers if layer.track in on}
    assert all(bar.direction.levels[name] == 1.0 for name in soft)


def test_a_snapshot_goes_on_as_if_nothing_had_been(recorded: Cue) -> None:
    performer = StemsPerformer(recorded, "stems-random", seed=5)
    for mood in moods(13):
        performer.next_bar(mood)
    performer.rate(0.3, -0.2)
    state = json.loads(json.dumps(performer.snapshot()))
    first = [performer.next_bar(mood).bar for mood in moods(12)]
    performer.restore(state)
    second = [performer.next_bar(mood).bar for mood in moods(12)]
    assert [(b.section, b.levels) for b in first] == [(b.section, b.levels) for b in second]


def test_a_director_that_fails_is_replaced(recorded: Cue) -> None:
    class Broken:
        def act(self, scene: object) -> np.ndarray:
            return np.array([97])  # to a section that is not there

    performer = StemsPerformer(recorded, "stems-hold")
    performer.director = Broken()
    performed = performer.next_bar(Mood())
    assert "does not allow" in performed.fault and StemsPerformer.FALLBACK in performed.fault
    assert performer.director_name == StemsPerformer.FALLBACK
    assert not performer.next_bar(Mood()).fault


def test_cues_that_play_notes_and_unknown_directors_are_refused(recorded: Cue) -> None:
    with pytest.raises(SegueError, match="is no stem"):
        Session.open("dungeon", director="stems")
    with pytest.raises(UnknownNameError, match="director of recorded music"):
        make_performer(recorded, "stems-nobody")


def test_why_and_loops_of_recorded_music(recorded: Cue, tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    with Session.open(recorded, director="stems", seed=4, log=log) as session:
        for number in range(6):
            session.mood(arousal=number / 3 - 1.0)
            session.advance(4.0)
            told = session.why()
            assert set(told.knobs) == {layer.track for layer in recorded.layers}
            names = {one.director for one in told.alternatives}
            assert names == {"stems-adaptive", "stems-table", "stems-hold"}
            assert all(set(one.knobs) == set(told.knobs) for one in told.alternatives)
        session.loop(2)
        session.advance(14.0)
        mixes = {e.bar: e.activity for e in session.events() if isinstance(e, p.BarEvent)}
        last = max(mixes)
        assert session.position().loop_bars == 2 and mixes[last] == mixes[last - 2]
        session.loop(0)
        session.advance(8.0)
    assert first_difference(read_recording(log), recorded) == ""
