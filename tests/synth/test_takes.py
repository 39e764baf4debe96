"""Recording a cue: stems of its sections, made by the engine."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from segue.cli import app
from segue.music.cue_file import check_cue, load_cue, write_cue
from segue.music.errors import SegueError
from segue.music.themes import compose_theme
from segue.synth.takes import record_stems


def test_a_cue_is_recorded_into_stems_that_sound(tmp_path: Path) -> None:
    cue = compose_theme(2, bars=8)
    shares: list[float] = []
    made = record_stems(cue, tmp_path / "made", bpm=150, progress=shares.append)
    assert check_cue(tmp_path / "made") == []
    assert shares[-1] == 1.0
    read = load_cue(tmp_path / "made")
    assert [layer.name for layer in read.layers] == [layer.name for layer in made.layers]
    for layer in read.layers:
        sound, rate = soundfile.read(read.stem_path(layer))
        assert len(sound) >= layer.beats * 60.0 / layer.bpm * rate - 1
        assert 0.01 < np.abs(sound).max() < 1.0
        onset = int(np.argmax(np.abs(sound).max(axis=1) > 0.02 * np.abs(sound).max()))
        notes = read.tracks[layer.track]
        first = notes["onset_beats"].min() * 60.0 / layer.bpm
        assert abs(onset / rate - first) < 0.15  # the recording begins with its first note


def test_a_recording_is_not_recorded_again(tmp_path: Path) -> None:
    record_stems(compose_theme(2, bars=8), tmp_path / "made", bpm=200)
    with pytest.raises(SegueError, match="a recording already"):
        record_stems(load_cue(tmp_path / "made"), tmp_path / "again")


def test_the_command_records_a_folder(tmp_path: Path) -> None:
    write_cue(compose_theme(4, bars=8), tmp_path / "theme")
    told = CliRunner().invoke(
        app,
        ["cue", "record", str(tmp_path / "theme"), "-o", str(tmp_path / "made"), "--bpm", "180"],
    )
    assert told.exit_code == 0, told.output
    assert "--director stems" in told.output.replace("\n", " ")
    assert load_cue(tmp_path / "made").tempo_bpm == (180.0, 180.0)
