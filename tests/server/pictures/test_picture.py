"""Pictures show what is there: sound alone, and a session's render with its music."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.image import imread

from segue.music.errors import SegueError
from segue.server.pictures.picture import draw_file, draw_picture
from segue.server.pictures.picture_frame import Panel, draw_panels
from segue.server.pictures.picture_sound import draw_loudness, draw_spectrogram, draw_waveform
from segue.server.pictures.picture_story import (
    draw_activity,
    draw_form,
    draw_knobs,
    draw_notes,
    drum_rows,
    story_panels,
)
from segue.server.pictures.story import Story
from segue.server.sessions.session import Session

RATE = 48000
SECONDS = 30


@pytest.fixture(scope="module")
def story() -> Story:
    with Session.open("dungeon", director="table", seed=3) as session:
        told = Story.of(session)
        session.mood(arousal=0.6, ramp_seconds=0.0)
        session.direct(drums=0.9)  # toms play where drums are full
        session.advance(SECONDS)
        told.finish(session)
    return told


def sound(seconds: float = SECONDS, channels: int = 2) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return np.stack([0.2 * np.sin(2 * np.pi * 220 * time)] * channels, axis=1)


def axes_of(seconds: float) -> Axes:
    axes = Figure(figsize=(16, 2)).add_subplot()
    axes.set_xlim(0, seconds)
    return axes


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_a_picture_of_sound_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    draw_picture(path, sound(5), RATE, title="five seconds")
    alone = imread(path)
    assert alone.shape[1] == 1600
    assert alone.std() > 0.1


def test_with_its_story_the_music_stands_above(tmp_path: Path, story: Story) -> None:
    draw_picture(tmp_path / "alone.png", sound(), RATE)
    draw_picture(tmp_path / "whole.png", sound(), RATE, story=story)
    alone, whole = imread(tmp_path / "alone.png"), imread(tmp_path / "whole.png")
    assert whole.shape[0] > 2 * alone.shape[0]
    assert len(story_panels(story)) == 8
    assert len(story_panels(story, moods=False)) == 5


def test_the_same_picture_twice_is_the_same_file(tmp_path: Path, story: Story) -> None:
    for name in ("a.png", "b.png"):
        draw_picture(tmp_path / name, sound(4), RATE, story=story)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(("seconds", "channels"), [(0.001, 1), (0.3, 2), (2.0, 1), (2.0, 5)])
def test_short_mono_and_surround_sound(tmp_path: Path, seconds: float, channels: int) -> None:
    draw_picture(tmp_path / "x.png", sound(seconds, channels), RATE)
    assert imread(tmp_path / "x.png").shape[1] == 1600


def test_silence_is_drawn(tmp_path: Path) -> None:
    draw_picture(tmp_path / "x.png", np.zeros((RATE, 2)), RATE)
    assert (tmp_path / "x.png").exists()


def test_an_hour_is_wider_but_not_endless() -> None:
    drawn: list[tuple[float, float]] = []
    panel = Panel(1.0, lambda axes: drawn.append(axes.get_xlim()))
    for seconds in (3600.0, 60.0):
        draw_panels([panel], seconds)
    assert drawn == [(0.0, 3600.0), (0.0, 60.0)]


def test_what_needs_a_look_is_marked() -> None:
    wave = sound(10) * np.hanning(10 * RATE)[:, None]
    wave[RATE : RATE + 20] = 1.0
    axes = axes_of(10)
    draw_waveform(axes, wave, RATE)
    marks = {line.get_color(): line.get_xdata() for line in axes.lines}
    assert [len(at) for at in marks.values()] == [1, 1, 1]
    np.testing.assert_allclose(np.concatenate([*marks.values()]), 1.0, atol=0.1)
    assert "1 clipped runs" in axes.get_title("right")
    assert "1 clicks" in axes.get_title("right")


def test_the_spectrogram_is_brightest_where_the_tone_is() -> None:
    axes = axes_of(10)
    draw_spectrogram(axes, sound(10), RATE)
    image = axes.images[0]
    rows = np.asarray(image.get_array()).mean(axis=1)
    left, right, low, high = image.get_extent()
    at = low + (rows.argmax() + 0.5) / len(rows) * (high - low)
    assert (left, right) == (0.0, 10.0)
    assert 2**at == pytest.approx(220, rel=0.03)


def test_loudness_is_told() -> None:
    axes = axes_of(10)
    draw_loudness(axes, sound(10), RATE)
    assert "-14.9 LUFS integrated, range 0.0 LU" in axes.get_title("right")
    assert len(axes.lines) == 3
    axes = axes_of(0.1)
    draw_loudness(axes, sound(0.1), RATE)
    assert "not defined" in axes.get_title("right")


def test_every_note_is_in_the_roll_in_its_place(story: Story) -> None:
    axes = axes_of(SECONDS)
    draw_notes(axes, story)
    assert story.score is not None
    pitched = [t for t in story.score.tracks if t.channel != 9 and len(t.notes)]
    rolls = [c for c in axes.collections if isinstance(c, PolyCollection)]
    shown = [[path.get_extents() for path in roll.get_paths()] for roll in rolls[: len(pitched)]]
    assert [len(boxes) for boxes in shown] == [len(track.notes) for track in pitched]
    for boxes, track in zip(shown, pitched, strict=True):
        starts = [box.x0 for box in boxes]
        np.testing.assert_allclose(starts, story.seconds(track.notes["onset_beats"]))
        centres = [(box.y0 + box.y1) / 2 for box in boxes]
        np.testing.assert_allclose(centres, track.notes["pitch"])


def test_sections_and_chords_are_named_where_there_is_room(story: Story) -> None:
    axes = axes_of(SECONDS)
    draw_form(axes, story)
    assert {bar.section for bar in story.bars} <= set(texts(axes))
    assert {chord.name for chord in story.chords()} <= set(texts(axes))
    crowded = axes_of(3600)
    draw_form(crowded, story)
    assert "Dm" not in texts(crowded)


def test_activity_and_directions_are_those_of_the_bars(story: Story) -> None:
    axes = axes_of(SECONDS)
    draw_activity(axes, story)
    strengths = np.asarray(axes.collections[0].get_array())[..., 3]
    expected = [[bar.activity[name] / 5 for bar in story.bars] for name in story.bars[0].activity]
    np.testing.assert_allclose(strengths, expected)
    axes = axes_of(SECONDS)
    draw_knobs(axes, story)
    values = np.asarray(axes.collections[0].get_array())
    knobs = [[*direction.knobs.values()] for direction in story.directions]
    np.testing.assert_allclose(values, np.array(knobs).T)
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == [*story.directions[0].knobs]


def test_drums_have_rows_of_their_own(story: Story) -> None:
    assert {"kick", "tom"} <= set(drum_rows(story))
    assert drum_rows(Story(RATE, story.key, bars=story.bars)) == []


def test_files_are_drawn_and_bad_ones_are_refused(tmp_path: Path, story: Story) -> None:
    soundfile.write(tmp_path / "x.flac", sound(2), RATE)
    draw_file(tmp_path / "x.png", tmp_path / "x.flac")
    assert (tmp_path / "x.png").exists()
    with pytest.raises(SegueError, match="no such file"):
        draw_file(tmp_path / "y.png", tmp_path / "y.wav")
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(SegueError, match="no sound that can be read"):
        draw_file(tmp_path / "y.png", tmp_path / "text.wav")
    with pytest.raises(SegueError, match="cannot write"):
        draw_file(tmp_path / "missing" / "y.png", tmp_path / "x.flac")
    with pytest.raises(SegueError, match="NaN"):
        draw_picture(tmp_path / "y.png", np.full((RATE, 2), np.nan), RATE)
    assert not (tmp_path / "y.png").exists()
