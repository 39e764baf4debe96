"""The ear hears in tables exactly what the notes of a bar say."""

import numpy as np
import pytest

from segue.analysis.scores.ear import Ear
from segue.analysis.scores.symbolic import bar_features
from segue.music.cue_file import load_cue, shipped_cues
from segue.music.direction import KNOBS, Direction
from segue.music.world import Bar, World


def features_of_notes(world: World, bar: Bar) -> np.ndarray:
    drums = np.array([layer.role == "drums" for layer in world.cue.layers])[bar.notes["layer"]]
    return bar_features(
        bar.notes[~drums],
        tonic=world.cue.key.tonic,
        bar_beats=bar.beats,
        bar_seconds=bar.beats * 60.0 / bar.bpm,
        percussive=bar.notes[drums],
        start_beats=bar.start_beats,
    )


@pytest.mark.parametrize("name", shipped_cues())
def test_tables_and_notes_agree(name: str) -> None:
    world = World(load_cue(name), seed=3)
    ear = Ear(world.book)
    rng = np.random.default_rng(0)
    for _ in range(40):
        bar = world.advance(Direction().with_knobs(rng.random(len(KNOBS))))
        heard = ear.hear(bar.bars)[0]
        np.testing.assert_allclose(heard, features_of_notes(world, bar), atol=1e-4)


def test_several_bars_at_once_are_heard_as_one_by_one() -> None:
    world = World(load_cue("neon"))
    ear = Ear(world.book)
    one, two = (world.advance(Direction()).bars for _ in range(2))
    both = ear.hear(one, two)
    np.testing.assert_allclose(both, np.concatenate([ear.hear(one), ear.hear(two)]), atol=1e-6)
