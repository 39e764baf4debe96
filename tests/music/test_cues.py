"""The shipped cues: instruments that can play their parts, and mixes that stand on their feet."""

import numpy as np
import pytest

from segue.music.arranger import arrange
from segue.music.cue_file import check_cue, load_cue, shipped_cues
from segue.music.orchestra import ORCHESTRA
from segue.music.theory import MODES

CUES = {name: load_cue(name) for name in shipped_cues()}


def part(cue, layer: int) -> np.ndarray:
    """Every note that a layer can have, at all levels, modes and registers."""
    arrangement = arrange(cue)
    numbers = np.unique(arrangement.index[:, :, :, layer, :])
    return np.concatenate([arrangement.template(int(number)) for number in numbers])


@pytest.mark.parametrize("name", CUES)
def test_a_cue_has_no_fault(name):
    assert check_cue(name) == []


@pytest.mark.parametrize("name", CUES)
def test_instruments_can_play_their_parts(name):
    cue = CUES[name]
    for number, layer in enumerate(cue.layers):
        player = ORCHESTRA[layer.instrument]
        assert player.is_kit == (layer.role == "drums"), layer.name
        pitch = part(cue, number)["pitch"]
        inside = np.mean((pitch >= player.lowest) & (pitch <= player.highest))
        assert inside > 0.75, (layer.name, layer.instrument, inside)


@pytest.mark.parametrize("name", CUES)
def test_stingers_lie_where_their_instruments_play(name):
    cue = CUES[name]
    for stinger in cue.stingers:
        player = ORCHESTRA[stinger.instrument]
        assert not player.is_kit
        scale = MODES[cue.key.mode]
        steps = [12 * (degree // 7) + scale[degree % 7] for degree in stinger.degrees]
        tonic = 12 * (stinger.octave + 1) + cue.key.tonic
        assert tonic + min(steps) >= player.lowest, stinger.name
        assert tonic + max(steps) <= player.highest, stinger.name


@pytest.mark.parametrize("name", CUES)
def test_the_low_end_stands_in_the_middle_and_the_rest_beside_it(name):
    cue = CUES[name]
    low = [layer for layer in cue.layers if layer.role in ("bass", "drums")]
    assert all(abs(layer.pan) <= 0.2 for layer in low)
    pans = [layer.pan for layer in cue.layers]
    assert min(pans) <= -0.3 and max(pans) >= 0.3


def test_the_beat_moves_the_pad():
    chains = {(chain.source, chain.target) for chain in CUES["neon"].mix.sidechains}
    assert ("beat", "pad") in chains
    assert any(layer.delay > 0 for layer in CUES["neon"].layers)
