import numpy as np
import pytest

from segue.analysis.pitch.tuning import Tuner, find_tuning
from segue.music.errors import RangeError, SegueError

RATE = 44_100


def tone(midi, seconds=0.5, cents=0.0, rate=RATE):
    t = np.arange(round(seconds * rate)) / rate
    hz = 440.0 * 2.0 ** ((midi - 69 + cents / 100) / 12)
    return 0.1 * sum(0.6**rank * np.sin(2 * np.pi * hz * (rank + 1) * t) for rank in range(8))


def tune(cents, rate=RATE):
    return np.concatenate([tone(midi, 0.4, cents, rate) for midi in (57, 60, 64, 67, 71, 62, 53)])


def read(sound, rate=RATE, block=1000, **options):
    tuner = Tuner(rate, **options)
    readings = []
    for start in range(0, len(sound), block):
        readings += tuner.push(sound[start : start + block])
    return readings + tuner.finish()


@pytest.mark.parametrize("cents", [-49.0, -30.0, -7.0, 0.0, 12.0, 33.0, 48.0])
def test_the_tuning_of_a_recording(cents):
    found = find_tuning(tune(cents), RATE)
    apart = (found.cents - cents + 50) % 100 - 50  # -50 and 50 are one
    assert abs(apart) < 2.0
    assert found.reference_hz == pytest.approx(440.0 * 2 ** (found.cents / 1200))
    assert found.confidence > 0.85


def test_drums_and_noise_have_hardly_a_tuning():
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * RATE)
    assert find_tuning(noise, RATE).confidence < 0.2
    assert find_tuning(tune(10.0) + 0.02 * noise[: len(tune(0.0))], RATE).confidence > 0.5


def test_silence_and_nothing_are_in_tune_without_confidence():
    for sound in (np.zeros(RATE), np.zeros(0), np.zeros((100, 2))):
        found = find_tuning(sound, RATE)
        assert (found.cents, found.reference_hz, found.confidence) == (0.0, 440.0, 0.0)


@pytest.mark.parametrize(
    ("midi", "note"), [(40, "E2"), (45, "A2"), (55, "G3"), (64, "E4"), (70, "A#4"), (81, "A5")]
)
@pytest.mark.parametrize("cents", [-20.0, 4.0])
def test_a_tuner_names_the_note_and_the_cents(midi, note, cents):
    readings = [r for r in read(tone(midi, 0.6, cents)) if 0.2 < r.time_seconds < 0.5]
    assert {r.note for r in readings} == {note}
    assert {r.midi for r in readings} == {midi}
    assert np.abs([r.cents - cents for r in readings]).max() < 2.0
    assert min(r.confidence for r in readings) > 0.8


def test_a_tuner_to_another_reference():
    readings = read(tone(69, 0.5, 1200 * np.log2(442 / 440)), reference_hz=442.0)
    middle = readings[len(readings) // 2]
    assert middle.note == "A4"
    assert middle.hz == pytest.approx(442.0, rel=1e-3)
    assert abs(middle.cents) < 1.5


def test_a_tuner_in_silence_shows_nothing():
    readings = read(np.concatenate([tone(57, 0.3), np.zeros(RATE // 2)]))
    assert readings[10].note == "A3"
    assert all(r.note == "" and r.midi == -1 and r.hz == 0.0 for r in readings[-20:])
    assert [r.time_seconds for r in readings[:3]] == [0.0, 0.01, 0.02]


def test_blocks_do_not_matter():
    sound = np.concatenate([tone(57, 0.3, 5.0), tone(60, 0.3, 5.0)])
    assert read(sound, block=64) == read(sound, block=5000)


def test_bad_input_is_told():
    with pytest.raises(RangeError, match="reference"):
        Tuner(RATE, reference_hz=300.0)
    with pytest.raises(RangeError, match="sample rate"):
        Tuner(100)
    with pytest.raises(SegueError, match="finite"):
        find_tuning(np.array([0.0, np.nan]), RATE)
