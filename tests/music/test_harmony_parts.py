from functools import cache

import numpy as np
import pytest

from segue.music.cue_file import load_cue, shipped_cues
from segue.music.direction import Direction
from segue.music.errors import RangeError, UnknownNameError
from segue.music.harmony_parts import (
    STYLES,
    Moment,
    PartWriter,
    chord_scale,
    review,
    windows,
    write_parts,
)
from segue.music.theory import Chord, Key
from segue.music.world import World

D_MINOR = Key.parse("D minor")


def moment(sung, chord="Dm", *, strong=True, after_rest=False):
    classes = Chord.parse(chord).pitch_classes
    return Moment(sung, classes, chord_scale(classes, D_MINOR), strong, after_rest)


@cache
def theme_moments(name, bars=24):
    """The melody of a shipped cue, as if it were sung a little flat."""
    cue = load_cue(name)
    world = World(cue)
    mode = (cue.modes.index(cue.key.mode) + 0.5) / len(cue.modes)
    melody = next(at for at, layer in enumerate(cue.layers) if layer.role == "melody")
    found, end = [], -1.0
    for _ in range(bars):
        bar = world.advance(Direction(mode=mode))
        share = bar.beats / len(bar.chords)
        for note in bar.notes[bar.notes["layer"] == melody]:
            at = note["onset_beats"] - bar.start_beats
            chord = Chord.parse(bar.chords[min(int(at / share), len(bar.chords) - 1)])
            scale = chord_scale(chord.pitch_classes, bar.key)
            strong = at % (bar.beats / 2) < 0.01
            rest = note["onset_beats"] - end > 0.3
            pitch = float(note["pitch"]) - 0.2
            found.append(Moment(pitch, chord.pitch_classes, scale, strong, rest))
            end = note["onset_beats"] + note["duration_beats"]
    return found


@pytest.mark.parametrize("cue", shipped_cues())
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("parts", [1, 2])
def test_parts_of_the_shipped_themes_follow_the_rules(cue, style, parts):
    moments = theme_moments(cue)
    found = review(moments, write_parts(moments, style, parts))
    assert found.scale_share == 1.0
    assert found.strong_chord_share > 0.9
    assert found.chord_share > 0.7
    assert found.crossings == 0
    assert found.parallels <= 0.03 * len(moments)
    assert found.mean_step < 4.0


@pytest.mark.parametrize("cue", shipped_cues())
def test_three_parts_and_parts_as_they_come(cue):
    moments = theme_moments(cue)
    found = review(moments, write_parts(moments, "around", 3))
    assert found.scale_share == 1.0 and found.strong_chord_share > 0.9
    assert found.crossings == 0 and found.parallels <= 0.03 * len(moments)
    writer = PartWriter("around", 2)
    live = np.array([writer.next(moment) for moment in moments])
    found = review(moments, live)
    assert found.scale_share == 1.0 and found.strong_chord_share > 0.8
    assert found.crossings == 0


def test_looking_at_the_whole_is_no_worse_than_step_by_step():
    moments = theme_moments("dungeon")
    writer = PartWriter("around", 3)
    live = review(moments, np.array([writer.next(moment) for moment in moments]))
    whole = review(moments, write_parts(moments, "around", 3))
    assert whole.mean_step <= live.mean_step + 0.05
    assert whole.parallels <= live.parallels


def test_a_held_melody_keeps_its_parts_under_one_chord():
    pitches = write_parts([moment(69.0)] * 4, "around", 2)
    assert (pitches == pitches[0]).all()


def test_parts_move_with_the_chord():
    first, second = write_parts([moment(69.0, "Dm"), moment(69.0, "A")], "above", 1)[:, 0]
    assert first % 12 in Chord.parse("Dm").pitch_classes
    assert second % 12 in Chord.parse("A").pitch_classes


def test_the_tone_that_is_meant():
    assert moment(69.3).melody == 69
    assert moment(60.6).melody == 60  # C of D minor, sung sharp: C sharp is not in it
    assert moment(60.6, "A").melody == 61  # here it is
    assert moment(69.3).tuning == pytest.approx(0.3)


def test_tones_foreign_to_the_key_replace_their_neighbours():
    scale = chord_scale(Chord.parse("A").pitch_classes, D_MINOR)
    assert 1 in scale and 0 not in scale
    assert chord_scale(Chord.parse("F").pitch_classes, D_MINOR) == frozenset(D_MINOR.scale)


def test_windows_are_kept():
    moments = theme_moments("meadow")
    for style, places in STYLES.items():
        pitches = write_parts(moments, style, 2)
        for at, row in zip(moments, pitches, strict=True):
            for (low, high), pitch in zip(places, row, strict=False):
                assert low <= pitch - at.melody <= high


def test_review_counts_faults():
    moments = [moment(69.0), moment(71.0)]
    found = review(
        moments, np.array([[62], [64]])
    )  # fifths in parallel; E is not in D minor's chord
    assert found.parallels == 1 and found.crossings == 0
    assert found.chord_share == 0.5
    found = review(moments, np.array([[62], [73]]))
    assert found.crossings == 1
    assert found.scale_share == 0.5  # C sharp


def test_nothing_sung_has_no_parts():
    assert write_parts([], "around", 2).shape == (0, 2)


def test_what_there_is_not():
    with pytest.raises(UnknownNameError, match="around"):
        windows("arround", 2)
    with pytest.raises(RangeError, match="parts"):
        windows("around", 4)
