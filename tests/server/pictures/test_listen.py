"""Listening to files: sound alone, with its notes, with its chords."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue.analysis.sound.sound_file import read_sound
from segue.music.errors import SegueError
from segue.server.pictures.listen import listen_to_file, listening_rows
from segue.server.sessions.session import Session

RATE = 48000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listen")
    log, midi = folder / "x.jsonl", folder / "x.mid"
    with Session.open("dungeon", director="table", seed=3, log=log, midi=midi) as session:
        session.advance(30.0)
    noise = 0.1 * np.random.default_rng(0).standard_normal((30 * RATE, 2))
    soundfile.write(folder / "x.wav", noise, RATE)
    return folder


def test_sound_notes_and_chords(files: Path) -> None:
    sound = listen_to_file(files / "x.wav")
    assert sound.writing is None
    assert sound.duration_seconds == 30
    notes = listen_to_file(files / "x.wav", midi=files / "x.mid")
    assert notes.writing is not None
    assert notes.writing.clash_share == 0
    assert {"theme", "strings"} <= set(notes.writing.tracks)
    both = listen_to_file(files / "x.wav", midi=files / "x.mid", log=files / "x.jsonl")
    assert both.writing is not None
    assert 0 < both.writing.clash_share <= both.writing.rough_share < 0.5


def test_the_table_tells_what_is_unusual(files: Path) -> None:
    rows = {row["measure"]: row for row in listening_rows(listen_to_file(files / "x.wav"))}
    assert rows["correlation"]["usual"] == "0.2 .. 0.95"
    assert float(rows["correlation"]["unusual"]) == pytest.approx(-0.2, abs=0.02)
    assert rows["clicks"]["unusual"] == ""
    assert rows["octave 8000 hz db"]["unusual"].startswith("+")  # white noise is bright
    assert rows["duration seconds"] == {
        "measure": "duration seconds",
        "value": "30",
        "usual": "",
        "unusual": "",
        "meaning": "",
    }


def test_sound_files_are_read_and_others_refused(files: Path, tmp_path: Path) -> None:
    samples, rate = read_sound(files / "x.wav")
    assert samples.shape == (30 * RATE, 2)
    assert rate == RATE
    with pytest.raises(SegueError, match="no such file"):
        read_sound(tmp_path)
    with pytest.raises(SegueError, match="no sound that can be read"):
        read_sound(files / "x.mid")
    with pytest.raises(SegueError, match="not a session log"):
        listen_to_file(files / "x.wav", log=files / "x.mid")
