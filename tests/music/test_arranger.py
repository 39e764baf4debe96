"""The arranger: templates that are in range, in the chord, led smoothly and ready to cadence."""

from itertools import pairwise

import numpy as np
import pytest

from segue.music.arranger import Arrangement, arrange
from segue.music.cue import Cue
from segue.music.cue_file import load_cue, shipped_cues
from segue.music.parts import FILL_LEVEL, approach
from segue.music.patterns import GROOVES, LEVELS, bar_steps, drum_hits
from segue.music.tempo import Meter
from segue.music.themes import compose_theme
from segue.music.theory import Chord, chord_to_mode
from segue.music.voicing import CLASHES, lead

NAMES = [*shipped_cues(), "theme 3"]


@pytest.fixture(scope="module", params=NAMES)
def arrangement(request: pytest.FixtureRequest) -> Arrangement:
    name: str = request.param
    return arrange(compose_theme(3) if name == "theme 3" else load_cue(name))


def layers_of(cue: Cue, role: str) -> list[int]:
    return [at for at, layer in enumerate(cue.layers) if layer.role == role]


def test_notes_are_playable(arrangement: Arrangement) -> None:
    notes = arrangement.notes
    bar = arrangement.cue.meter.bar_beats
    assert (notes["onset_beats"] >= 0).all()
    assert (notes["onset_beats"] < bar).all()
    assert (notes["duration_beats"] > 0).all()
    assert ((notes["pitch"] >= 12) & (notes["pitch"] <= 119)).all()
    assert ((notes["velocity"] > 0) & (notes["velocity"] <= 1 / 1.1)).all()  # room for dynamics


def test_level_zero_is_silent_and_busier_levels_play_more(arrangement: Arrangement) -> None:
    cue, index = arrangement.cue, arrangement.index
    lengths = np.diff(arrangement.starts)
    assert (index[..., 0] == 0).all()
    assert lengths[0] == 0
    for role in ("arpeggio", "bass"):
        for layer in layers_of(cue, role):
            played = lengths[index[: cue.bars, 0, 1, layer, 1:LEVELS]].mean(axis=0)
            assert (np.diff(played) >= -0.1).all()  # notes that would grate are left out
            assert played[-1] > 1.5 * played[0] > 0


def test_harmony_holds_only_chord_tones(arrangement: Arrangement) -> None:
    cue = arrangement.cue
    for layer in layers_of(cue, "harmony"):
        for row in range(cue.bars):
            section = next(s for s in cue.sections if row < first_row(cue, s.name) + s.bars)
            chords = section.chords[row - first_row(cue, section.name)]
            for at, mode in enumerate(cue.modes):
                allowed = {
                    pitch for chord in chords for pitch in chord_to_mode(chord, cue.key, mode)[1]
                }
                notes = arrangement.template(arrangement.index[row, at, 1, layer, 3])
                assert {int(pitch) % 12 for pitch in notes["pitch"]} <= allowed


def first_row(cue: Cue, name: str) -> int:
    return sum(section.bars for section in cue.sections[: cue.section_index(name)])


def test_arpeggios_do_not_grate_against_the_melody(arrangement: Arrangement) -> None:
    cue = arrangement.cue
    melody_layer = layers_of(cue, "melody")[0]
    for layer in layers_of(cue, "arpeggio"):
        if cue.layers[layer].octave:
            continue
        for row in range(0, 2 * cue.bars, 3):
            melody = arrangement.template(arrangement.index[row, 0, 1, melody_layer, 2])
            for note in arrangement.template(arrangement.index[row, 0, 1, layer, 4]):
                onset = note["onset_beats"]
                sounding = melody[
                    (melody["onset_beats"] <= onset)
                    & (melody["onset_beats"] + melody["duration_beats"] >= onset + 0.25)
                ]
                apart = {int(note["pitch"]) - int(pitch) for pitch in sounding["pitch"]}
                assert not apart & set(CLASHES)


def test_cadences_end_on_the_dominant(arrangement: Arrangement) -> None:
    cue = arrangement.cue
    dominant = {(cue.key.tonic + step) % 12 for step in (7, 11, 2, 5)}
    half = cue.meter.bar_beats / 2
    for layer in layers_of(cue, "harmony") + layers_of(cue, "melody"):
        for row in range(cue.bars, 2 * cue.bars):
            notes = arrangement.template(arrangement.index[row, 0, 1, layer, 3])
            late = notes[notes["onset_beats"] >= half]
            assert {int(pitch) % 12 for pitch in late["pitch"]} <= dominant


def test_fills_differ_from_the_groove(arrangement: Arrangement) -> None:
    for layer in layers_of(arrangement.cue, "drums"):
        index = arrangement.index[0, 0, 0, layer]
        fill, groove = (arrangement.template(index[level]) for level in (FILL_LEVEL, 3))
        half = arrangement.cue.meter.bar_beats / 2
        assert set(fill["pitch"][fill["onset_beats"] >= half]) - set(groove["pitch"])


def test_voices_move_little() -> None:
    chords = [Chord.parse(name).pitch_classes for name in "C Am F G7 Em Am Dm G7 C".split()]
    voicings = lead(chords, 60)
    for before, after in pairwise(voicings):
        assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= 5
    for voicing, classes in zip(voicings, chords, strict=True):
        assert {pitch % 12 for pitch in voicing} == set(classes)


def test_approach_is_a_step_of_the_scale() -> None:
    c_major = frozenset((0, 2, 4, 5, 7, 9, 11))
    assert approach(36, 41, c_major) == 40  # from below: E into F
    assert approach(45, 41, c_major) == 43  # from above: G into F


@pytest.mark.parametrize("groove", GROOVES)
@pytest.mark.parametrize("meter", [Meter(4, 4), Meter(3, 4), Meter(6, 8), Meter(5, 4), Meter(7, 8)])
def test_grooves_fit_any_meter(groove: str, meter: Meter) -> None:
    for level in range(1, LEVELS):
        for fill in (False, True):
            hits = drum_hits(groove, level, meter, fill)
            assert hits
            assert all(0 <= onset < meter.bar_beats for onset, _, _ in hits)
            assert all(0 < velocity <= 1 for _, _, velocity in hits)
    assert bar_steps(meter) == meter.bar_beats * 4
