import numpy as np
import pytest

from segue.analysis.harmony.chord_decoder import (
    CLASSES,
    NO_CHORD,
    QUALITIES,
    THEORY,
    Moves,
    as_triads,
    best_sequence,
    majmin_of,
    viterbi,
)
from segue.music.theory import QUALITIES as KNOWN

SIZE = len(QUALITIES)


@pytest.fixture
def moves():
    counts = np.ones((12, SIZE + 1, SIZE + 1))
    counts[7, 0, 0] = 500.0  # C to G is common
    return Moves.of_counts(counts, change_rate=0.5)


def logs_of(path, sure=0.9):
    chances = np.full((len(path), CLASSES), (1 - sure) / (CLASSES - 1), np.float32)
    chances[np.arange(len(path)), path] = sure
    return np.log(chances)


def test_qualities_are_known_to_the_theory():
    assert all(name in KNOWN for name in THEORY)
    assert len(THEORY) == SIZE


def test_moves_are_chances_and_blind_to_transposition(moves):
    chances = np.exp(moves.change)
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, atol=0.01)
    assert chances[0, 7 * SIZE] == chances[5 * SIZE, 0] == chances[0, :].max()
    assert chances[0, 0] < 1e-5


def test_the_best_path_beats_all_others():
    random = np.random.default_rng(0)
    scores, ways = random.normal(size=(5, 3)), random.normal(size=(3, 3))
    paths = np.stack(np.meshgrid(*[range(3)] * 5), -1).reshape(-1, 5)
    totals = scores[np.arange(5), paths].sum(1) + ways[paths[:, :-1], paths[:, 1:]].sum(1)
    found = viterbi(scores.astype(np.float32), ways.astype(np.float32))
    assert found.tolist() == paths[totals.argmax()].tolist()


def test_a_slip_of_one_frame_is_smoothed_and_a_change_is_kept(moves):
    path = np.array([0] * 20 + [7 * SIZE] * 20)
    heard = path.copy()
    heard[9] = 4 * SIZE + 1
    found = best_sequence(logs_of(heard), moves, 0.046)
    assert found.tolist() == path.tolist()


def test_no_frames(moves):
    assert len(best_sequence(np.zeros((0, CLASSES), np.float32), moves, 0.046)) == 0


def test_triads_stand_for_their_kin():
    chances = np.exp(as_triads(logs_of([QUALITIES.index("min7"), NO_CHORD], 0.8)))
    assert chances[0].argmax() == QUALITIES.index("min")
    assert chances[1].argmax() == NO_CHORD
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, atol=1e-3)


def test_what_counts_as_major_or_minor():
    table = majmin_of()
    assert table[3 * SIZE + QUALITIES.index("maj7")] == 3 * SIZE
    assert table[3 * SIZE + QUALITIES.index("min6")] == 3 * SIZE + 1
    assert table[3 * SIZE + QUALITIES.index("dim")] == -1
    assert table[NO_CHORD] == NO_CHORD
