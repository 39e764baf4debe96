"""The network hears all keys alike, exactly."""

import numpy as np
import pytest

from segue.envs.accompany.chords import CHORDS, NONE, transpose_chords
from segue.envs.accompany.clips import draw_clips, forced_observations
from segue.envs.accompany.corpus import load_songs
from segue.envs.accompany.network import Network, circulant, draw, log_softmax
from segue.envs.accompany.perception import BLOCKS, OBSERVATION, OWN_BLOCKS, PLAIN_SIZE

CHANNELS = 3


def kernels(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    gates = 3 * CHANNELS
    shapes = {
        "blocks": (gates, BLOCKS, 12),
        "plain": (gates, PLAIN_SIZE),
        "bias": (gates,),
        "state": (gates, CHANNELS, 12),
        "state_bias": (gates,),
        "out_state": (OWN_BLOCKS, CHANNELS, 12),
        "out_blocks": (OWN_BLOCKS, BLOCKS, 12),
        "out_plain": (OWN_BLOCKS, PLAIN_SIZE),
        "out_bias": (OWN_BLOCKS,),
        "none_state": (CHANNELS,),
        "none_plain": (PLAIN_SIZE,),
        "none_bias": (1,),
    }
    return {name: rng.normal(0.0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def logits(network: Network, seen: np.ndarray) -> np.ndarray:
    state, found = network.start(len(seen)), []
    for at in range(seen.shape[1]):
        told, state = network.step(seen[:, at], state)
        found.append(told)
    return np.stack(found, 1)


@pytest.mark.parametrize("semitones", [1, 5, 7, 11])
def test_a_transposed_melody_gives_the_transposed_chords(semitones: int) -> None:
    network = Network(kernels())
    clips = draw_clips(load_songs("themes", "train"), 4, np.random.default_rng(0))
    moved = clips.transposed(np.full(4, semitones - 12 if semitones > 6 else semitones))
    seen, turned = (forced_observations(one, one.chords) for one in (clips, moved))
    pitch = OBSERVATION.index("pitch")
    turned[..., pitch] = seen[..., pitch]  # height alone is no part of the symmetry
    expected = np.empty((4, 128, CHORDS), np.float32)
    expected[..., transpose_chords(np.arange(CHORDS), semitones)] = logits(network, seen)
    assert np.allclose(logits(network, turned), expected, atol=1e-4)


def test_a_circulant_matrix_turns_with_its_input() -> None:
    rng = np.random.default_rng(1)
    matrix, x = circulant(rng.normal(size=(2, 3, 12))), rng.normal(size=(3, 12))
    turned = matrix @ np.roll(x, 4, 1).ravel()
    assert np.allclose(turned.reshape(2, 12), np.roll((matrix @ x.ravel()).reshape(2, 12), 4, 1))


def test_drawing_follows_the_chances() -> None:
    told = np.full((20_000, CHORDS), -30.0)
    told[:, [3, NONE]] = np.log([0.25, 0.75])
    drawn = draw(told, np.random.default_rng(0).random(20_000))
    assert set(drawn) == {3, NONE}
    assert (drawn == 3).mean() == pytest.approx(0.25, abs=0.01)
    assert np.exp(log_softmax(told)).sum(-1) == pytest.approx(1.0)
