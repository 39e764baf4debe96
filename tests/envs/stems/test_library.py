"""What recorded cues express, measured once: tables against the notes themselves."""

from dataclasses import replace

import numpy as np
import pytest

from segue.analysis.emotion.model import load_emotion_model
from segue.analysis.scores.symbolic import bar_features
from segue.envs.stems.library import (
    GAINS,
    MIX_LEVELS,
    MIXES,
    NOWHERE,
    PARTS,
    UNITS,
    Library,
    cue_parts,
    make_library,
)
from segue.envs.stems.route import Place, ask, play_on
from segue.envs.stems.scores import all_reachable, compose_score
from segue.music.cue import Cue
from segue.music.cue_file import load_cue
from segue.music.direction import Direction
from segue.music.errors import SegueError
from segue.music.score import NOTE
from segue.music.worlds import Worlds


@pytest.fixture(scope="module")
def library() -> Library:
    return make_library([compose_score(seed) for seed in (11, 12, 13)], "vgmidi")


def bar_notes(cue: Cue, section: int, number: int, mix: int, kits: bool) -> np.ndarray:
    """The notes of one bar in a mix, soft parts with half the velocity."""
    beats = cue.meter.bar_beats
    start = (cue.sections[section].start_bar + number) * beats
    found = [np.zeros(0, NOTE)]
    for part, level in zip(cue_parts(cue), MIX_LEVELS[mix], strict=False):
        sounds = any(
            cue.sections[section].name in one.sections for one in cue.layers if one.track == part
        )
        if level and sounds and (part in cue.kit_tracks) == kits:
            notes = cue.tracks[part]
            at = notes["onset_beats"] - start
            notes = notes[(at > -1e-6) & (at < beats - 1e-6)].copy()
            notes["velocity"] *= GAINS[level]
            found.append(notes)
    return np.concatenate(found)


def test_the_table_of_moods_is_what_the_ear_hears_of_the_notes(library: Library) -> None:
    rng = np.random.default_rng(0)
    model = load_emotion_model("vgmidi")
    for _ in range(20):
        at = int(rng.integers(3))
        cue = library.cues[at]
        section, mix = int(rng.integers(len(cue.sections))), int(rng.integers(1, MIXES))
        number = int(rng.integers(cue.sections[section].bars))
        start = (cue.sections[section].start_bar + number) * cue.meter.bar_beats
        features = bar_features(
            bar_notes(cue, section, number, mix, False),
            percussive=bar_notes(cue, section, number, mix, True),
            tonic=cue.key.tonic,
            bar_beats=cue.meter.bar_beats,
            bar_seconds=float(library.bar_seconds[at]),
            start_beats=start,
        )
        row = library.row[library.book.first_section[at] + section] + number
        assert np.allclose(library.mood[row, mix], model.predict(features), atol=1e-6)


def test_slots_go_from_calm_to_wild_and_each_section_has_one(library: Library) -> None:
    for at, cue in enumerate(library.cues):
        slots = library.slots[at][library.slots[at] != NOWHERE]
        assert len(slots) == len(cue.sections)
        arousal = library.section_mood[slots, MIXES - 1, 1]
        assert (np.diff(arousal) >= 0).all()
        assert np.array_equal(library.slot[slots], np.arange(len(slots)))


def test_the_quickest_way_uses_authored_ways_alone(library: Library) -> None:
    for at, cue in enumerate(library.cues):
        first = int(library.book.first_section[at])
        for here in range(first, first + len(cue.sections)):
            for there in range(first, first + len(cue.sections)):
                place, steps = here, 0
                while place != there:
                    hop = int(library.next_hop[place, there])
                    assert library.leave_at[place, hop] >= 0
                    assert library.path_bars[hop, there] < library.path_bars[place, there]
                    place, steps = hop, steps + 1
                    assert steps <= len(cue.sections)


def test_routes_go_where_worlds_go(library: Library) -> None:
    n = 60
    rng = np.random.default_rng(3)
    cue = rng.integers(0, 3, n)
    worlds = Worlds(library.book, cue, np.arange(n))
    setting = worlds.set(np.tile(Direction().knobs, (n, 1)))
    place = Place.of(worlds)
    for _ in range(80):
        go = np.where(rng.random(n) < 0.4, library.slots[cue, rng.integers(0, 6, n)], NOWHERE)
        wait = library.wait_bars(worlds.section, np.maximum(go, 0), worlds.number)
        allowed = (go != NOWHERE) & (library.leave_at[worlds.section, np.maximum(go, 0)] >= 0)
        place = ask(library, place, go)
        bars = worlds.advance(setting, go)
        assert np.array_equal(place.section, bars.section)
        assert np.array_equal(place.number, bars.number)
        assert np.array_equal(place.turn, bars.turn)
        assert np.array_equal(bars.section[allowed & (wait == 0)], go[allowed & (wait == 0)])
        place = play_on(library, place)
        for mine, theirs in zip(place, Place.of(worlds), strict=True):
            assert np.array_equal(mine, theirs)
        assert np.array_equal(worlds.section[allowed & (wait == 1)], go[allowed & (wait == 1)])


def test_scores_have_ways_between_all_sections_and_a_dead_end() -> None:
    for seed in range(8):
        cue = compose_score(seed)
        names = [section.name for section in cue.sections]
        allowed = np.array([[cue.transition(a, b) is not None for b in names] for a in names])
        assert all_reachable(allowed)
        assert allowed.sum(axis=1).min() == 1
        assert not allowed.all()


def test_a_mix_is_a_number_of_its_levels() -> None:
    assert np.array_equal(MIX_LEVELS @ UNITS, np.arange(MIXES))
    assert MIX_LEVELS.shape == (MIXES, PARTS)


def test_what_is_no_recording_is_refused() -> None:
    with pytest.raises(SegueError, match="is no stem"):
        cue_parts(load_cue("dungeon"))
    cue = compose_score(1)
    layers = tuple(replace(layer, track="") for layer in cue.layers)
    with pytest.raises(SegueError, match="names no track"):
        cue_parts(replace(cue, layers=layers))
