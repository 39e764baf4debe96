"""Stems in decided bars: where they sound, and that the player follows them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from segue.music.cue import Cue
from segue.music.cue_file import load_cue
from segue.music.direction import Direction
from segue.music.stems import SEGMENT
from segue.music.world import Bar, World
from segue.server.sounding.stems import stem_segments
from segue.synth.stem_player import StemPlayer
from segue.synth.stems import Stem

RATE = 48_000


@pytest.fixture
def cue(tmp_path: Path) -> Cue:
    """Sections of 2 and 3 bars; three stems of a click on each beat."""
    signal = np.zeros(RATE * 8)
    signal[:: RATE // 2] = 0.5
    soundfile.write(tmp_path / "loop.wav", signal, RATE)  # 16 beats at 120
    stem = '[[layers]]\nrole = "stem"\nfile = "loop.wav"\nbpm = 120\n'
    (tmp_path / "cue.toml").write_text(
        '[cue]\ntitle = "T"\nkey = "C"\ntempo_bpm = [90, 160]\nmodes = ["ionian"]\norigin = "own"\n'
        f'{stem}name = "loop"\nbeats = 12\n'
        f'{stem}name = "whole"\nanchor = "cue"\n'
        f'{stem}name = "fight"\nsections = ["fight"]\nknob = "drums"\nfrom_level = 0.5\n'
        '[[sections]]\nname = "calm"\nchords = "C | F"\nrepeats = 2\n'
        '[[sections]]\nname = "fight"\nchords = "C | F | G"\n'
        '[[transitions]]\nfrom = "*"\nto = "*"\nat = "section"\nfill = false\nweight = 1\n'
    )
    return load_cue(tmp_path)


def rows(cue: Cue, bar: Bar) -> dict[str, float]:
    """The beat at which each sounding stem is when a bar begins."""
    segments = stem_segments(cue, bar, 1_000, 2_000)
    assert segments.dtype == SEGMENT
    assert set(segments["at_frame"]) <= {1_000}
    assert set(segments["duration_frames"]) <= {1_000}
    assert set(segments["length_beats"]) <= {4.0}
    return {cue.layers[row["channel"]].name: float(row["source_beats"]) for row in segments}


def test_stems_run_at_the_place_of_the_music(cue: Cue) -> None:
    world = World(cue)
    heard = [rows(cue, world.advance(Direction(drums=0.9))) for _ in range(7)]
    calm = [("loop", 0), ("loop", 4), ("loop", 8), ("loop", 0)]  # both turns, round its 12 beats
    assert [("loop", bar["loop"]) for bar in heard[:4]] == calm
    assert [bar["loop"] for bar in heard[4:]] == [0, 4, 8]  # from the new section's beginning
    assert [bar["whole"] for bar in heard] == [0, 4, 8, 12, 0, 4, 8]
    assert ["fight" in bar for bar in heard] == [False] * 4 + [True] * 3


def test_a_stem_below_its_level_does_not_sound(cue: Cue) -> None:
    world = World(cue)
    for _ in range(4):
        world.advance(Direction())
    entered = [rows(cue, world.advance(Direction(drums=level))) for level in (0.2, 0.9)]
    assert "fight" not in entered[0]
    assert entered[1]["fight"] == 4  # where it would be, had it sounded all along


def test_a_cue_with_stems_plays_no_notes_for_them(cue: Cue) -> None:
    bar = World(cue).advance(Direction())
    assert len(bar.notes) == 0
    assert bar.levels == (2, 2, 0)


def test_a_player_sounds_the_beats_of_the_bars(cue: Cue) -> None:
    world = World(cue)
    layer = cue.layers[1]
    player = StemPlayer(Stem.load(cue.stem_path(layer), RATE, layer.bpm, layer.beats))
    beats = []
    for tempo in (0.2, 0.9, 0.5):
        bar = world.advance(Direction(tempo=tempo))
        start, end = (world.tempo.frame(beat, RATE) for beat in (bar.start_beats, world.beats))
        segments = stem_segments(cue, bar, start, end)
        player.schedule(segments[segments["channel"] == 1])
        beats += [world.tempo.frame(bar.start_beats + beat, RATE) for beat in range(4)]
    heard = player.render(0, end)[:, 0]
    found = np.flatnonzero(np.abs(heard) > 0.02)
    assert len(found) == len(beats) - 1  # the very first frame is the one that rises
    assert np.abs(found - beats[1:]).max() <= 0.001 * RATE
