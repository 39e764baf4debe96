import itertools
import time

import numpy as np
import pytest

from segue.music.arranger import arrange
from segue.music.cue_file import check_cue, write_cue
from segue.music.errors import SegueError
from segue.music.themes import compose_theme
from segue.music.theory import MODES

CUES = [compose_theme(seed) for seed in range(150)]
STRONG = {"4/4": (0.0, 2.0), "3/4": (0.0,), "6/8": (0.0, 1.5)}


def melody_with_chords(cue):
    """(note, its chord, beat in the bar) of a theme."""
    chords = [bar for section in cue.sections for bar in section.chords]
    for note in cue.tracks["melody"]:
        bar, beat = divmod(float(note["onset_beats"]), cue.meter.bar_beats)
        in_bar = chords[int(bar)]
        yield note, in_bar[int(beat * len(in_bar) / cue.meter.bar_beats)], beat


def test_a_seed_gives_the_same_theme_and_another_another():
    one, again, other = compose_theme(7), compose_theme(7), compose_theme(8)
    assert one.tracks["melody"].tolist() == again.tracks["melody"].tolist()
    assert one.tracks["melody"].tolist() != other.tracks["melody"].tolist()
    one.tracks.clear()
    again.tracks.clear()
    assert one == again


@pytest.mark.parametrize("seed", range(0, 150, 10))
def test_themes_are_cues_without_faults(tmp_path, seed):
    write_cue(CUES[seed], tmp_path / "theme")
    assert check_cue(tmp_path / "theme") == []
    assert arrange(CUES[seed]).notes.size


@pytest.mark.parametrize("bars", [8, 24, 240])
def test_length(tmp_path, bars):
    cue = compose_theme(1, bars=bars)
    assert cue.bars == bars
    write_cue(cue, tmp_path / "theme")
    assert check_cue(tmp_path / "theme") == []


@pytest.mark.parametrize("bars", [0, -8, 4, 12])
def test_bad_length(bars):
    with pytest.raises(SegueError, match=f"bars is {bars}"):
        compose_theme(1, bars=bars)


def test_strong_beats_are_chord_tones():
    for cue in CUES:
        strong = STRONG[str(cue.meter)]
        for note, chord, beat in melody_with_chords(cue):
            if beat in strong:
                assert int(note["pitch"]) % 12 in chord.pitch_classes


def test_no_minor_ninth_is_held():
    for cue in CUES:
        for note, chord, _ in melody_with_chords(cue):
            if note["duration_beats"] >= 1 and int(note["pitch"]) % 12 not in chord.pitch_classes:
                assert all((int(note["pitch"]) - pc) % 12 != 1 for pc in chord.pitch_classes)


def test_melodies_move_mostly_by_step_in_a_singable_range():
    intervals = np.concatenate([np.diff(c.tracks["melody"]["pitch"].astype(int)) for c in CUES])
    assert np.mean(np.abs(intervals) <= 2) > 0.6
    for cue in CUES:
        pitches = cue.tracks["melody"]["pitch"]
        assert np.ptp(pitches.astype(int)) <= 21
        assert pitches.min() >= 55
        assert pitches.max() <= 88


def test_leaps_turn_back():
    """After a fifth or more the melody turns back by a fourth at most, or stays."""
    for cue in CUES:
        moves = np.diff(cue.tracks["melody"]["pitch"].astype(int))
        for leap, after in itertools.pairwise(moves.tolist()):
            if abs(leap) >= 7:
                assert abs(after) <= 5
                assert after * leap <= 0


def test_the_end_is_the_tonic_or_the_third():
    for cue in CUES:
        scale = MODES[cue.key.mode]
        step = (int(cue.tracks["melody"]["pitch"][-1]) - cue.key.tonic) % 12
        assert step in (scale[0], scale[2])
        last = cue.sections[-1].chords[-1][-1]
        assert last.root == cue.key.tonic


def test_phrases_end_with_a_rest():
    for cue in CUES:
        notes, bar = cue.tracks["melody"], cue.meter.bar_beats
        ends = notes["onset_beats"] + notes["duration_beats"]
        for phrase_end in np.arange(4, 17, 4) * bar:
            assert ends[ends <= phrase_end].max() < phrase_end


def test_motifs_return():
    """The rhythm of a phrase's first bar comes again in its second, and in the next phrase."""
    for cue in CUES:
        notes, bar = cue.tracks["melody"], cue.meter.bar_beats

        def rhythm(index, notes=notes, bar=bar):
            at = notes["onset_beats"] - index * bar
            return at[(at >= 0) & (at < bar)].tolist()

        assert rhythm(0) == rhythm(1) == rhythm(4) == rhythm(5)
        assert rhythm(8) == rhythm(9) == rhythm(12)


def test_variety():
    assert {cue.key.mode for cue in CUES} == set(MODES)
    assert {str(cue.meter) for cue in CUES} == {"4/4", "3/4", "6/8"}
    assert len({cue.key.tonic for cue in CUES}) == 12
    assert {len(cue.modes) for cue in CUES} == {3, 4, 5, 6}
    for cue in CUES:
        slow, fast = cue.tempo_bpm
        assert 55 <= slow < fast <= 165
        assert fast / slow > 1.5
        assert [layer.role for layer in cue.layers] == [
            "melody",
            "harmony",
            "arpeggio",
            "bass",
            "drums",
        ]


def test_fast():
    start = time.perf_counter()
    for seed in range(50):
        compose_theme(seed)
    assert (time.perf_counter() - start) / 50 < 0.02
