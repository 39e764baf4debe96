"""The story of a session: what was played lies where it sounded, live and read again."""

from pathlib import Path

import numpy as np
import pytest

from segue.analysis.scores.writing import measure_writing
from segue.client.protocol import BarEvent
from segue.music.errors import FileFormatError, SegueError
from segue.music.theory import Key
from segue.server.pictures.story import Story, read_story
from segue.server.sessions.session import Session


def played(folder: Path) -> tuple[Story, Path, Path]:
    log, midi = folder / "session.jsonl", folder / "music.mid"
    with Session.open("dungeon", director="table", seed=3, log=log, midi=midi) as session:
        story = Story.of(session)
        for second in range(40):
            session.mood(valence=0.5, arousal=second / 40, ramp_seconds=0.0)
            if second == 20:
                session.stinger("victory")
            session.advance(1.0)
            story.follow(session)
        story.finish(session)
    return story, log, midi


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Story, Path, Path]:
    return played(tmp_path_factory.mktemp("story"))


def test_bars_and_directions_follow_each_other(told: tuple[Story, Path, Path]) -> None:
    story, _, _ = told
    assert [bar.bar for bar in story.bars] == [*range(len(story.bars))]
    assert len(story.directions) == len(story.bars) > 10
    assert [stinger.name for stinger in story.stingers] == ["victory"]
    edges = story.edges()
    assert edges[0] == 0
    assert edges[-1] >= 39.5
    frames = [bar.at_frame / story.sample_rate for bar in story.bars]
    np.testing.assert_allclose(edges[:-1], frames)


def test_beats_sound_where_the_score_has_them(told: tuple[Story, Path, Path]) -> None:
    story, _, _ = told
    assert story.score is not None
    tempos = {bar.bpm for bar in story.bars}
    assert len(tempos) > 3
    beats = np.linspace(0, story.bars[-1].beat, 97)
    expected = [story.score.tempo.seconds(beat) for beat in beats]
    np.testing.assert_allclose(story.seconds(beats), expected, atol=2e-4)
    end = story.bars[-1].beat + story.bars[-1].beats
    later = story.seconds(np.array([end, end + 2.0]))
    assert later[1] - later[0] == pytest.approx(2 * 60 / story.bars[-1].bpm)


def test_the_log_and_the_midi_file_tell_the_same(told: tuple[Story, Path, Path]) -> None:
    story, log, midi = told
    again = read_story(log, midi)
    assert again.bars == story.bars
    assert again.directions == story.directions
    assert again.stingers == story.stingers
    assert again.key == story.key
    assert again.sample_rate == story.sample_rate
    assert again.score is not None and story.score is not None
    assert measure_writing(again.score).tracks == measure_writing(story.score).tracks
    assert read_story(log).score is None


def test_the_arranged_harmony_fits_the_chords_told(told: tuple[Story, Path, Path]) -> None:
    story, _, _ = told
    assert story.score is not None
    spans = story.chord_spans()
    starts = np.array([span.start_beats for span in spans])
    notes = story.score.track("strings").notes
    at = np.searchsorted(starts, notes["onset_beats"] + 1e-6) - 1
    fitting = [
        int(pitch) % 12 in spans[n].pitch_classes
        for pitch, n in zip(notes["pitch"], at, strict=True)
    ]
    assert len(fitting) > 30
    assert np.mean(fitting) == 1.0


def bar(number: int, key: str, *chords: str, cadence: bool = False) -> BarEvent:
    return BarEvent(
        at_frame=96_000 * number,
        beat=4.0 * number,
        bar=number,
        section="calm",
        bar_in_section=number,
        beats=4.0,
        bpm=120.0,
        meter="4/4",
        key=key,
        chords=[*chords],
        fill=False,
        cadence=cadence,
        activity={"theme": 2},
    )


def test_chords_are_told_as_they_sound_in_their_mode() -> None:
    story = Story(48_000, Key.parse("D minor"))
    story.add([bar(0, "D aeolian", "Dm", "Gm"), bar(1, "D dorian", "Gm"), bar(2, "D dorian", "Dm")])
    story.add([bar(3, "D phrygian", "Dm", "A7", cadence=True)])
    assert [chord.name for chord in story.chords()] == ["Dm", "Gm", "G", "Dm", "Dm", "A7"]
    starts = [chord.start_beats for chord in story.chords()]
    assert starts == [0.0, 2.0, 4.0, 8.0, 12.0, 14.0]


def test_what_is_played_again_after_a_restore_replaces_the_old() -> None:
    story = Story(48_000, Key.parse("D minor"))
    story.add([bar(n, "D aeolian", "Dm") for n in range(4)])
    again = bar(2, "D dorian", "Gm")
    again.at_frame = 900_000
    story.add([again])
    assert [told.bar for told in story.bars] == [0, 1, 2]
    assert story.bars[-1].at_frame == 900_000


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    for text in ("", "not json", '{"line": "command"}', '{"line": "session", "cue": "dungeon"}'):
        path.write_text(text)
        with pytest.raises(FileFormatError, match=r"x\.jsonl"):
            read_story(path)
    with pytest.raises(SegueError, match="cannot read"):
        read_story(tmp_path / "missing.jsonl")
