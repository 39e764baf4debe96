"""The world of `segue/Accompany-v0`: what is seen, what it is worth, and what is not told."""

import numpy as np
import pytest

from segue.envs.accompany.chords import NONE, TRIADS, chord_number
from segue.envs.accompany.core import AccompanyCore
from segue.envs.accompany.perception import OBSERVATION
from segue.envs.accompany.songs import CLIP_FRAMES, REST
from segue.music.errors import RangeError, SegueError, UnknownNameError


def started(n: int = 3, seed: int = 0, **options: object) -> AccompanyCore:
    core = AccompanyCore(n, **options)
    core.reset(np.random.default_rng(seed))
    return core


def seen(core: AccompanyCore, name: str) -> np.ndarray:
    return core.observe()[:, OBSERVATION.index(name)]


def test_the_coming_note_is_not_seen() -> None:
    """Worlds whose melodies differ from a frame on look the same up to and at that frame."""
    one, other = started(split="test"), started(split="test", shift_semitones=1, shift_beat=8.0)
    for frame in range(20):
        assert np.array_equal(one.observe(), other.observe()) == (frame <= 16)
        for core in (one, other):
            core.step(np.full(3, 5))


def test_what_sounded_and_what_was_played_is_seen() -> None:
    core = started()
    assert (seen(core, "begun") == 0).all()
    for _ in range(9):
        core.step(np.full(3, chord_number(2, "m")))
    assert (seen(core, "own_Dm") == 1).all()
    assert (seen(core, "begun") == 1).all()
    assert seen(core, "held") == pytest.approx(np.log2(10) / 7)
    pitch = core.clips.melody[:, 8]
    names = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    for row in range(3):
        if pitch[row] != REST:
            assert seen(core, f"sounding_1_{names[pitch[row] % 12]}")[row] == 1
        assert seen(core, "rest")[row] == (pitch[row] == REST)
        assert seen(core, f"place_{core.clips.place[row, 9]}")[row] == 1
        heard = [seen(core, f"heard_4_beats_{name}")[row] for name in names]
        assert sum(heard) == pytest.approx(1.0, abs=1e-5)


def test_chord_tones_are_paid_and_bad_habits_cost() -> None:
    core = started(n=1)
    good = int(np.flatnonzero(TRIADS[:, core.clips.melody[0, 0] % 12])[0])
    assert core.clips.melody[0, 0] != REST
    first = core.step(np.array([good]))[3]
    assert first["chord_tone"] == 1.0
    assert first["change"] == 0.0
    other = core.step(np.array([NONE]))[3]
    assert other["change"] == pytest.approx(-0.1)
    assert other["flicker"] == pytest.approx(-0.2)
    assert other["silence"] == (-0.5 if core.clips.melody[0, 1] != REST else 0.0)
    for frame in range(2, 40):
        terms = core.step(np.array([NONE]))[3]
        assert terms["hold"] == (-0.1 if frame >= 33 else 0.0)
        assert terms["prior"] == 0.0


def test_evaluation_meets_every_clip_once_before_any_again() -> None:
    core = started(n=40, split="validation")
    names = [core.about(at)["clip"] for at in range(40)]
    assert len(set(names[:32])) == 32
    assert set(names[32:]) <= set(names[:32])


def test_training_and_test_are_other_songs() -> None:
    train, test = started(n=64), started(n=32, split="test")
    names = [
        {core.about(at)["clip"].split("@")[0] for at in range(core.n)} for core in (train, test)
    ]
    assert not names[0] & names[1]


def test_metrics_are_of_what_was_played() -> None:
    core = started(n=2)
    for at in range(CLIP_FRAMES):
        core.step(core.clips.chords[:, at])
    told = core.metrics()
    assert (told["triad_note_in_chord"] > 0.5).all()
    assert (told["seventh_share"] == 0).all()
    changes = (core.clips.chords[:, 1:] != core.clips.chords[:, :-1]).sum(1)
    assert told["mean_length_beats"] == pytest.approx(64 / (changes + 1))


def test_the_score_holds_melody_and_chords() -> None:
    core = started(n=1)
    for at in range(16):
        core.step(core.clips.chords[:, at])
    score = core.score()
    melody, harmony = score.tracks
    onsets = core.clips.onset[0, :16].sum()
    assert len(melody.notes) == onsets
    assert score.end_beats <= 8.0
    assert {int(p) % 12 for p in harmony.notes["pitch"]} >= {int(core.clips.chords[0, 0]) % 12}


def test_settings_are_checked() -> None:
    with pytest.raises(UnknownNameError, match="corpus"):
        AccompanyCore(1, corpus="hits")
    with pytest.raises(RangeError, match="change_weight"):
        AccompanyCore(1, change_weight=-1.0)
    with pytest.raises(SegueError, match="whole number"):
        AccompanyCore(1, shift_semitones=1.5)
