"""Cues as they would be recorded: takes, parts, and the notes that stems hold."""

from pathlib import Path

import numpy as np
import pytest

from segue.music.cue_file import load_cue, write_cue
from segue.music.errors import SegueError
from segue.music.takes import Take, cue_parts, draw_takes, record, recorded_notes
from segue.music.themes import compose_theme
from segue.music.world import World


def test_the_layers_of_a_role_are_one_part() -> None:
    cue = load_cue("dungeon")
    parts = cue_parts(cue)
    names = {part: [cue.layers[index].name for index in of] for part, of in parts.items()}
    assert names["melody"] == ["theme", "horn"]
    assert names["harmony"] == ["strings", "choir"]
    assert names["harp"] == ["harp"]
    assert len(parts) == 5


def test_takes_go_from_calm_to_wild() -> None:
    cue = compose_theme(5, bars=40)
    takes = draw_takes(cue, np.random.default_rng(1), in_order=True)
    scales = [take.velocity_scale for take in takes]
    assert scales == sorted(scales)
    assert scales[-1] > 1.6 * scales[0]
    assert {take.mode for take in takes} <= set(cue.modes)
    assert all(sum(level > 0 for level in take.levels) >= 3 for take in takes)
    again = draw_takes(cue, np.random.default_rng(1), in_order=True)
    assert takes == again != draw_takes(cue, np.random.default_rng(2), in_order=True)


def test_stems_hold_the_notes_of_the_arrangement() -> None:
    """A take at the arranger's own setting has the notes that a world plays there."""
    cue = compose_theme(7)
    world = World(cue)
    bar = world.advance(bar_direction := _middle(cue))
    take = Take(cue.modes[int(bar.bars.setting.mode[0])], 1, bar.levels, articulation=0.5)
    notes = recorded_notes(cue, cue.sections[0], take)
    for layer in range(len(cue.layers)):
        mine = notes[layer][notes[layer]["onset_beats"] < cue.meter.bar_beats - 1e-6]
        theirs = bar.notes[bar.notes["layer"] == layer]
        assert sorted(mine["pitch"]) == sorted(theirs["pitch"])
        assert np.allclose(np.sort(mine["duration_beats"]), np.sort(theirs["duration_beats"]))
    assert bar_direction.register == 0.5


def _middle(cue):  # type: ignore[no-untyped-def]
    from segue.music.direction import Direction

    return Direction(harmony=0.5, arpeggio=0.5, bass=0.5, drums=0.5, dynamics=0.857)


def test_a_recorded_cue_is_stems_and_the_tracks_they_hold() -> None:
    cue = compose_theme(3, bars=24)
    takes = list(draw_takes(cue, np.random.default_rng(0)))
    recorded = record(cue, takes, 100.0)
    assert {layer.role for layer in recorded.layers} == {"stem"}
    assert recorded.tempo_bpm == (100.0, 100.0) and len(recorded.modes) == 1
    assert set(recorded.tracks) == set(cue_parts(cue))
    assert recorded.kit_tracks == {"drums"}
    second = recorded.sections[1]
    track = recorded.tracks["bass"]
    bars = np.floor(track["onset_beats"] / cue.meter.bar_beats + 1e-6)
    assert (bars >= second.start_bar).any() and bars.max() < recorded.bars
    with pytest.raises(SegueError, match="one take for each section"):
        record(cue, takes[:1], 100.0)


def test_a_recorded_cue_is_written_and_read(tmp_path: Path) -> None:
    import soundfile

    cue = compose_theme(3, bars=8)
    recorded = record(cue, draw_takes(cue, np.random.default_rng(0)), 120.0)
    from dataclasses import replace

    recorded = replace(recorded, folder=str(tmp_path))
    frames = round(recorded.layers[0].beats * 0.5 * 8000)
    for layer in recorded.layers:
        soundfile.write(tmp_path / layer.file, np.zeros((frames, 2)), 8000)
    write_cue(recorded, tmp_path / "made")
    read = load_cue(tmp_path / "made")
    assert [layer.track for layer in read.layers] == [layer.track for layer in recorded.layers]
    assert read.kit_tracks == {"drums"}
    for part, notes in recorded.tracks.items():
        assert np.array_equal(read.tracks[part]["pitch"], notes["pitch"])
