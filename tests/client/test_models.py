"""What the client makes of sound before it is sent, and of arrays that come back."""

from array import array

import pytest

from segue.client import ClientError
from segue.client import protocol as p
from segue.client.models import MOST_BYTES, _shaped, _source


def test_sound_is_described_by_what_it_is() -> None:
    source, (data,) = _source(array("f", [0.0, 0.5]), 48_000, "", "")
    assert source.buffers == [p.Buffer(dtype="float32", shape=[2], sample_rate=48_000)]
    assert data == array("f", [0.0, 0.5]).tobytes()
    assert _source(array("d", [0.0, 0.5]), 48_000, "", "")[1] == [data]
    source, (data,) = _source(b"MThd", 48_000, "", "")
    assert source.buffers == [p.Buffer(dtype="uint8", shape=[4])] and data == b"MThd"
    assert _source(None, 0, "a.wav", "") == (p.Source(file="a.wav"), [])


def test_what_is_no_sound_is_not_sent() -> None:
    with pytest.raises(ClientError, match="float32"):
        _source(array("q", [1]), 48_000, "", "")
    with pytest.raises(ClientError, match="int16"):
        _source(bytes(MOST_BYTES + 1), 0, "", "")


def test_arrays_come_back_with_their_shape() -> None:
    frame = array("f", range(6)).tobytes()
    shaped = _shaped(frame, p.Buffer(shape=[3, 2]))
    assert shaped.shape == (3, 2) and shaped[2, 1] == 5.0
    assert len(_shaped(b"", p.Buffer(shape=[0, 3]))) == 0
