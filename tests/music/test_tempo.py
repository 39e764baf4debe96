import math

import pytest

from segue.music.errors import RangeError, SegueError
from segue.music.tempo import Meter, TempoMap


@pytest.mark.parametrize(
    ("text", "beats"), [("4/4", 4), ("3/4", 3), ("6/8", 3), ("7/8", 3.5), ("2/2", 4)]
)
def test_meter(text, beats):
    meter = Meter.parse(text)
    assert meter.bar_beats == beats
    assert str(meter) == text


@pytest.mark.parametrize("text", ["", "4", "4/5", "0/4", "33/4", "-3/4", "4/4/4", "a/b"])
def test_bad_meter(text):
    with pytest.raises(SegueError, match=r"meter"):
        Meter.parse(text)


def test_constant_tempo():
    tempo = TempoMap(90)
    assert tempo.seconds(3) == pytest.approx(2)
    assert tempo.beats(2) == pytest.approx(3)
    assert tempo.frame(1, 48_000) == 32_000
    assert tempo.seconds(-3) == pytest.approx(-2)


def test_changes():
    tempo = TempoMap(60)
    tempo.change(4, 120)
    tempo.change(8, 240)
    assert tempo.steps == [(0, 60), (4, 120), (8, 240)]
    assert [tempo.seconds(beat) for beat in (4, 8, 12)] == pytest.approx([4, 6, 7])
    for beat in (0, 1.3, 4, 5.7, 8, 99.9):
        assert tempo.beats(tempo.seconds(beat)) == pytest.approx(beat)


def test_change_replaces_at_the_same_beat_and_skips_equal_ones():
    tempo = TempoMap(60)
    tempo.change(0, 100)
    tempo.change(3, 100)
    assert tempo.steps == [(0, 100)]
    assert tempo == TempoMap(100)


def test_changes_go_forwards():
    tempo = TempoMap(60)
    tempo.change(4, 120)
    with pytest.raises(SegueError, match=r"beat 3 lies before .* beat 4"):
        tempo.change(3, 90)
    with pytest.raises(SegueError):
        tempo.change(math.nan, 90)


@pytest.mark.parametrize("bpm", [0, -1, 9, 601, math.nan, math.inf])
def test_bad_tempo(bpm):
    with pytest.raises(RangeError, match="tempo in bpm"):
        TempoMap(bpm)
    with pytest.raises(RangeError, match="tempo in bpm"):
        TempoMap().change(1, bpm)
