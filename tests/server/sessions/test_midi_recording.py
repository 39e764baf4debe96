"""What a session writes to its MIDI file: sections and stingers are marked."""

from dataclasses import replace
from pathlib import Path

import pytest

from segue.client import protocol as p
from segue.music.cue_file import load_cue
from segue.music.events import PROGRAMS
from segue.music.midi import DRUM_CHANNEL, read_midi
from segue.music.orchestra import ORCHESTRA
from segue.music.performed import session_score
from segue.music.tempo import TempoMap
from segue.server.sessions.session import Session


def test_the_file_marks_sections_and_stingers_where_they_began(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    with Session.open("dungeon", director="table", midi=path) as session:
        session.advance(2.0)
        session.go("fight")
        session.stinger("danger")
        session.advance(20.0)
        events = session.events()
    told = [(e.beat, e.name) for e in events if isinstance(e, p.SectionEvent)]
    told += [(e.beat, f"stinger {e.name}") for e in events if isinstance(e, p.StingerEvent)]
    assert len(told) >= 3
    score = read_midi(path)
    assert sorted((mark.beat, mark.text) for mark in score.markers) == [
        (pytest.approx(beat, abs=1e-3), text) for beat, text in sorted(told)
    ]


def test_the_file_holds_the_tempos_the_meter_and_the_programs(tmp_path: Path) -> None:
    path = tmp_path / "a.mid"
    with Session.open("dungeon", director="table", midi=path) as session:
        session.mood(arousal=0.9)
        session.advance(30.0)
        bars = [event for event in session.events() if isinstance(event, p.BarEvent)]
    score, cue = read_midi(path), load_cue("dungeon")
    assert score.meter == cue.meter
    beginnings = {bar.beat: bar.bpm for bar in bars}
    assert len(score.tempo.steps) > 2
    for beat, bpm in score.tempo.steps:
        assert bpm == pytest.approx(beginnings[beat], rel=1e-5)
    for layer in cue.layers:
        track = score.track(layer.name)
        assert track.program == PROGRAMS[layer.instrument]
        assert (track.channel == DRUM_CHANNEL) == ORCHESTRA[layer.instrument].is_kit


def test_sampled_kits_are_written_as_drums() -> None:
    cue = load_cue("dungeon")
    sampled = tuple(replace(layer, instrument="own/") for layer in cue.layers)
    score = session_score(replace(cue, layers=sampled), [], [], TempoMap(100.0), [])
    for layer, track in zip(sampled, score.tracks, strict=True):
        assert (track.channel == DRUM_CHANNEL) == (layer.role == "drums")
        assert track.program == 0
