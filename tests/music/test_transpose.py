import numpy as np
import pytest

from segue.music.cue_file import load_cue, shipped_cues
from segue.music.direction import Direction
from segue.music.errors import RangeError
from segue.music.transpose import transpose
from segue.music.world import World


@pytest.mark.parametrize("name", shipped_cues())
def test_key_and_theme_move(name):
    cue = load_cue(name)
    moved = transpose(cue, semitones := -5)
    assert moved.key.tonic == (cue.key.tonic + semitones) % 12
    for track, notes in cue.tracks.items():
        other = moved.tracks[track]
        np.testing.assert_array_equal(other["onset_beats"], notes["onset_beats"])
        np.testing.assert_array_equal(other["pitch"], notes["pitch"].astype(int) + semitones)


def test_the_arrangement_moves():
    cue = load_cue("meadow")
    semitones = 3
    there, here = World(transpose(cue, semitones)), World(cue)
    for _ in range(8):
        bar, plain = there.advance(Direction()), here.advance(Direction())
        melody = [at for at, layer in enumerate(cue.layers) if layer.role == "melody"]
        mine, its = (b.notes[np.isin(b.notes["layer"], melody)] for b in (bar, plain))
        shift = mine["pitch"].astype(int) - its["pitch"]
        assert ((shift - semitones) % 12 == 0).all()


def test_nothing_to_move():
    cue = load_cue("dungeon")
    assert transpose(cue, 0) is cue


def test_too_far():
    with pytest.raises(RangeError, match="transposition"):
        transpose(load_cue("dungeon"), 12)
