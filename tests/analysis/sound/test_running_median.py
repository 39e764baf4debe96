import numpy as np
import pytest
import scipy.ndimage

from segue.analysis.sound import running_median as module
from segue.analysis.sound.running_median import median_network, running_median
from segue.music.errors import SegueError


@pytest.mark.parametrize("length", [1, 3, 5, 9, 17, 31])
@pytest.mark.parametrize("axis", [0, 1])
def test_it_is_the_median(length, axis):
    values = np.random.default_rng(length).random((70, 33)).astype(np.float32)
    values[3:20, 5:9] = 0.5  # ties
    size = [1, 1]
    size[axis] = length
    wanted = scipy.ndimage.median_filter(values, size=tuple(size), mode="nearest")
    np.testing.assert_array_equal(running_median(values, length, axis), wanted)


def test_the_input_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(module, "_VALUES_AT_ONCE", 50)
    values = np.random.default_rng(0).random((40, 7)).astype(np.float32)
    before = values.copy()
    running_median(values, 7, 0)
    np.testing.assert_array_equal(values, before)


def test_only_what_is_needed_is_compared():
    assert len(median_network(9)) < 26  # of all that sort nine values
    assert median_network(1) == ()


def test_empty_tables():
    assert running_median(np.zeros((0, 5), np.float32), 3, 0).shape == (0, 5)
    assert running_median(np.zeros((5, 0), np.float32), 3, 1).shape == (5, 0)


@pytest.mark.parametrize("length", [0, 4, 65])
def test_bad_lengths_are_told(length):
    with pytest.raises(SegueError, match="odd"):
        running_median(np.zeros((3, 3), np.float32), length, 0)
