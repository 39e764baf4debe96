import numpy as np
import pytest

from segue.analysis.harmony.chord_follower import ChordFollower
from segue.analysis.harmony.chords import (
    Chords,
    chord_label,
    chords_of,
    find_chords,
)
from segue.analysis.harmony.harmony_frames import FRAME_SECONDS, hear_harmony
from segue.analysis.harmony.key import find_key, key_of
from segue.analysis.spectra import RATE
from segue.music.errors import RangeError, SegueError, UnknownNameError
from segue.music.theory import Chord, Key

SONG = ("C", "Am", "F", "G7", "C", "Am", "Dm", "G7", "C")
SECONDS = 1.5


def play(names, seconds=SECONDS, rate=RATE, up=0.0):
    """Chords on something like an organ, an octave and a half wide, over their bass."""
    t = np.arange(round(seconds * rate)) / rate
    shape = np.minimum(1.0, np.minimum(t, seconds - t) / 0.02) * np.exp(-0.5 * t)
    pieces = []
    for name in names:
        chord = Chord.parse(name)
        midi = [36 + chord.bass_class, *(60 + step for step in chord.pitch_classes)]
        wave = np.zeros(len(t))
        for pitch in midi:
            hz = 440.0 * 2.0 ** ((pitch + up - 69) / 12)
            for k in range(1, 7):
                wave += np.sin(2 * np.pi * k * hz * t + k) / k**1.3
        pieces.append(0.05 * wave * shape)
    return np.concatenate(pieces).astype(np.float32)


@pytest.fixture(scope="module")
def song():
    return play(SONG)


@pytest.fixture(scope="module")
def heard(song):
    return hear_harmony(song, RATE)


def share_right(found, names, seconds=SECONDS):
    times = np.arange(0.05, len(names) * seconds, 0.1)
    right = []
    for time in times:
        true, chord = Chord.parse(names[int(time / seconds)]), found.at(time)
        right.append(chord is not None and (chord.root, chord.quality) == (true.root, true.quality))
    return np.mean(right)


def test_a_song(heard):
    found = chords_of(heard)
    assert share_right(found, SONG) > 0.85
    assert found.start_seconds[0] == 0.0
    assert found.end_seconds[-1] == pytest.approx(len(SONG) * SECONDS)
    assert (found.start_seconds[1:] == found.end_seconds[:-1]).all()
    assert ((found.confidence > 0) & (found.confidence <= 1)).all()
    assert len(found.labels()) == len(found) == len(found.confidence)


def test_triads_only(heard):
    found = chords_of(heard, vocabulary="majmin")
    assert {chord.quality for chord in found.chords if chord} <= {"", "m"}
    assert share_right(found, [name.removesuffix("7") for name in SONG]) > 0.85


def test_the_bass_of_an_inversion():
    found = find_chords(play(["C", "C/E", "F", "F/C", "C"], 4.0), RATE)
    assert found.at(2.0) == Chord.parse("C")
    assert found.at(6.0) == Chord.parse("C/E")
    assert found.at(10.0) == Chord.parse("F")


def test_the_key(song, heard):
    found = key_of(heard)
    assert found.key == Key.parse("C major")
    assert found.confidence == found.candidates[0][1] > 0.4
    assert found.local[0].start_seconds == 0.0
    assert found.local[-1].end_seconds == pytest.approx(heard.seconds)
    assert find_key(song, RATE) == found


@pytest.mark.parametrize("steps", [-5, 3, 6.3])
def test_transposition_changes_only_the_names(steps, heard):
    there = hear_harmony(play(SONG, up=steps), RATE)
    moved = chords_of(there)
    here = chords_of(heard)
    for time in (0.7, 2.2, 3.7, 5.2):
        one, other = here.at(time), moved.at(time)
        assert (one.root + round(steps)) % 12 == other.root
        assert one.quality == other.quality
    tuning = 100 * (steps - round(steps))
    assert there.tuning_cents == pytest.approx(tuning, abs=8.0)
    assert key_of(there).key == Key(round(steps) % 12)


def test_rate_channels_and_level_do_not_matter(heard):
    loud = play(SONG, rate=44_100)
    stereo = 0.3 * np.stack([loud, loud], axis=1)
    found = chords_of(hear_harmony(stereo, 44_100))
    assert share_right(found, SONG) > 0.85


def test_silence_and_nothing():
    quiet = find_chords(np.zeros(3 * RATE, np.float32), RATE)
    assert quiet.chords == (None,)
    assert quiet.labels() == ("N",)
    assert quiet.end_seconds.tolist() == [3.0]
    assert find_key(np.zeros(RATE, np.float32), RATE).key is None
    nothing = find_chords(np.zeros(0, np.float32), RATE)
    assert len(nothing) == 0
    assert nothing.at(0.0) is None
    assert find_key(np.zeros(0, np.float32), RATE).local == ()


def test_a_long_recording_is_heard_piece_by_piece(song, monkeypatch):
    twice = np.tile(song, 2)
    whole = hear_harmony(twice, RATE)
    told = []
    monkeypatch.setattr("segue.analysis.harmony.harmony_frames._PIECE", 200)
    pieces = hear_harmony(twice, RATE, progress=told.append)
    assert len(pieces) == len(whole)
    assert told[-1] == 1.0
    assert len(told) == -(-len(whole) // 200)
    assert (pieces.chord.argmax(1) == whole.chord.argmax(1)).mean() > 0.98


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.5])
def test_very_short_sound(seconds):
    found = find_chords(play(["C"], seconds), RATE)
    assert found.end_seconds[-1] == pytest.approx(seconds, abs=1e-3)


def test_bad_input(song):
    with pytest.raises(UnknownNameError):
        find_chords(song, RATE, vocabulary="ninths")
    with pytest.raises(SegueError, match="not finite"):
        find_chords(np.full(RATE, np.nan, np.float32), RATE)
    with pytest.raises(RangeError):
        find_chords(song, 10)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("C", "C:maj"),
        ("Eb7/G", "Eb:7/3"),
        ("F#m7b5", "F#:hdim7"),
        ("Am7/G", "A:min7/b7"),
        ("Dadd9", "D:maj(9)"),
        ("G6", "G:maj6"),
    ],
)
def test_labels(name, label):
    assert chord_label(Chord.parse(name)) == label


def test_labels_are_known_to_mir_eval(heard):
    chord = pytest.importorskip("mir_eval.chord")
    for label in (*chords_of(heard).labels(), "F#:hdim7", "D:maj(9)", "Eb:7/3", "N"):
        chord.encode(label)


def test_at_tells_nothing_outside():
    one = Chords(np.array([1.0]), np.array([2.0]), (Chord(0),), np.array([0.5]))
    assert one.at(0.5) is None
    assert one.at(1.5) == Chord(0)
    assert one.at(2.0) is None


def follow(samples, rate, block, **options):
    follower = ChordFollower(rate, **options)
    told = []
    for start in range(0, len(samples), block):
        told += follower.push(samples[start : start + block])
    return follower, [*told, *follower.finish()]


def test_following(song):
    follower, told = follow(song, RATE, 512)
    times = np.array([answer.seconds for answer in told])
    np.testing.assert_allclose(np.diff(times), 4 * FRAME_SECONDS)
    assert times[-1] == pytest.approx(len(SONG) * SECONDS, abs=0.2)
    right = []
    for answer in told:
        true = Chord.parse(SONG[min(int(answer.seconds / SECONDS), len(SONG) - 1)])
        inside = 0.25 < answer.seconds % SECONDS < SECONDS - 0.1
        if inside:
            right.append(answer.chord is not None and answer.chord.root == true.root)
    assert np.mean(right) > 0.8
    assert told[-1].key is not None
    assert 0.0 < told[-1].key_confidence <= 1.0
    assert told[-1].posterior.sum() == pytest.approx(1.0, abs=1e-4)
    assert 0.2 < follower.latency_seconds < 1.0


def test_blocks_do_not_matter(song):
    short = song[: 5 * RATE]
    _, one = follow(short, RATE, 512)
    _, other = follow(short, RATE, 7_777)
    assert [a.chord for a in one] == [a.chord for a in other]
    np.testing.assert_allclose([a.confidence for a in one], [a.confidence for a in other])


def test_an_answer_comes_within_the_latency(song):
    follower = ChordFollower(RATE)
    for start in range(0, 5 * RATE, 512):
        for answer in follower.push(song[start : start + 512]):
            assert (start + 512) / RATE - answer.seconds <= follower.latency_seconds + 512 / RATE


def test_following_at_another_rate():
    _, told = follow(play(SONG[:3], rate=44_100), 44_100, 1_024)
    assert told[12].chord is not None
    assert len(told) == pytest.approx(3 * SECONDS / (4 * FRAME_SECONDS), abs=1.5)


def test_following_bad_blocks():
    with pytest.raises(SegueError, match="not finite"):
        ChordFollower(RATE).push(np.array([np.nan]))
    with pytest.raises(SegueError, match="shape"):
        ChordFollower(RATE).push(np.zeros((2, 2, 2)))
    with pytest.raises(RangeError):
        ChordFollower(10)
    assert ChordFollower(RATE).finish() == ()
