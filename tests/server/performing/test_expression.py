"""What players make of a bar: accents, looseness, legato and strums, at exact frames."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from segue.music.cue import Cue
from segue.music.direction import Direction
from segue.music.events import Events
from segue.music.orchestra import FAMILIES
from segue.music.world import Bar, World
from segue.server.performing.expression import MANNERS, Players
from segue.server.performing.realise import note_events
from segue.server.sessions.catalogue import find_cue
from segue.server.sessions.embedded import open_session

RATE = 48_000
CUES = ("dungeon", "meadow", "neon", "voyage")
BUSY = Direction(harmony=0.55, arpeggio=0.9, bass=0.9, drums=0.9, articulation=0.6)
CALM = Direction(harmony=0.5, arpeggio=0.0, bass=0.3, drums=0.0, articulation=0.6)

Played = tuple[Bar, int, int, Events, Events]


def bars(cue: Cue, direction: Direction, count: int = 8) -> Iterator[Played]:
    """Bars as written and as performed: (bar, start, end, written, performed)."""
    world, players, start = World(cue), Players(cue, RATE), 1000
    for _ in range(count):
        bar = world.advance(direction)
        end = start + round(bar.beats * 60 / bar.bpm * RATE)
        written = note_events(
            bar.notes, bar.notes["layer"], (bar.start_beats, start), bar.bpm, RATE
        )
        yield bar, start, end, written, players.play(bar, start, end)
        start = end


def with_instrument(name: str, role: str, instrument: str) -> Cue:
    """A shipped cue whose layers of a role play another instrument."""
    cue = find_cue(name)
    layers = [
        replace(layer, instrument=instrument) if layer.role == role else layer
        for layer in cue.layers
    ]
    return replace(cue, layers=tuple(layers))


def of_role(cue: Cue, role: str, events: Events) -> np.ndarray:
    """Which events are of layers of a role."""
    return np.isin(events["channel"], [n for n, at in enumerate(cue.layers) if at.role == role])


def test_every_family_has_a_manner():
    assert set(MANNERS) == set(FAMILIES)


@pytest.mark.parametrize("name", CUES)
@pytest.mark.parametrize("direction", [BUSY, CALM])
def test_every_note_is_performed_near_its_place_and_within_its_bar(name, direction):
    for _, start, end, written, performed in bars(find_cue(name), direction):
        assert len(written) == len(performed)
        assert (performed["pitch"] == written["pitch"]).all()
        assert (performed["channel"] == written["channel"]).all()
        assert (performed["at_frame"] >= start).all() and (performed["at_frame"] < end).all()
        away_seconds = (performed["at_frame"] - written["at_frame"]) / RATE
        assert np.abs(away_seconds).max() < 0.1
        assert (performed["duration_frames"] > 0).all()
        assert (performed["velocity"] > 0).all() and (performed["velocity"] <= 1).all()


def test_a_bar_sounds_the_same_again_and_leaves_its_notes_alone():
    once = list(bars(find_cue("voyage"), BUSY))
    again = list(bars(find_cue("voyage"), BUSY))
    for (bar, *_, first), (twin, *_, second) in zip(once, again, strict=True):
        assert (first == second).all()
        assert (bar.notes == twin.notes).all()
    assert not np.array_equal(
        once[0][4]["velocity"][:4] / once[0][3]["velocity"][:4],
        once[4][4]["velocity"][:4] / once[4][3]["velocity"][:4],
    )


def test_drummers_are_tight_and_bows_are_loose():
    cue = with_instrument("dungeon", "melody", "violin")
    drums, bows = [], []
    for _, start, _, written, performed in bars(cue, BUSY, 16):
        inside = written["at_frame"] > start + RATE // 10
        away = (performed["at_frame"] - written["at_frame"]) / RATE
        drums += list(away[inside & of_role(cue, "drums", written)])
        bows += list(away[inside & of_role(cue, "melody", written)])
    assert np.abs(drums).max() <= 0.0031
    assert 0.005 < np.std(bows) < 0.012 and np.abs(np.mean(bows)) < 0.004


@pytest.mark.parametrize(
    ("instrument", "low", "high"), [("strings", 0.06, 0.12), ("choir", 0.08, 0.15)]
)
def test_held_chords_reach_into_the_next_bar(instrument, low, high):
    cue = with_instrument("dungeon", "harmony", instrument)
    for _, _, end, written, performed in bars(cue, CALM.with_changes(articulation=0.7)):
        held = of_role(cue, "harmony", written)
        last = held & (written["at_frame"] == written["at_frame"][held].max())
        over = (performed["at_frame"] + performed["duration_frames"] - end)[last] / RATE
        assert (over > low).all() and (over < high).all()


def test_what_rings_or_is_short_is_not_held_on():
    for instrument, direction in (
        ("guitar", CALM),
        ("strings", CALM.with_changes(articulation=0.0)),
    ):
        cue = with_instrument("dungeon", "harmony", instrument)
        for _, _, end, written, performed in bars(cue, direction):
            held = of_role(cue, "harmony", written)
            ends = [
                events["at_frame"] + events["duration_frames"] for events in (written, performed)
            ]
            assert (ends[0][held] == ends[1][held]).all() and ends[1][held].max() <= end


def test_guitar_chords_are_strummed_from_below():
    cue = with_instrument("meadow", "harmony", "guitar")
    strummed = 0
    for _, _, _, written, performed in bars(cue, CALM):
        held = of_role(cue, "harmony", written)
        for frame in np.unique(written["at_frame"][held]):
            chord = performed[held & (written["at_frame"] == frame)]
            chord = chord[np.argsort(chord["pitch"])]
            spread_seconds = (chord["at_frame"][-1] - chord["at_frame"][0]) / RATE
            if len(chord) > 1:
                assert spread_seconds > 0.005 * (len(chord) - 1) - 0.008
                strummed += spread_seconds > 0.01
    assert strummed >= 6


def test_downbeats_and_the_height_of_a_phrase_are_stronger():
    cue = find_cue("dungeon")
    share: dict[tuple[bool, int], list[float]] = {}
    for bar, start, _, written, performed in bars(cue, BUSY, 64):
        bass = of_role(cue, "bass", written)
        for one, other in zip(written[bass], performed[bass], strict=True):
            place = bool(one["at_frame"] == start), bar.bar_in_section % 4
            share.setdefault(place, []).append(float(other["velocity"] / one["velocity"]))
    mean = {place: np.mean(values) for place, values in share.items()}
    for number in range(4):
        assert mean[True, number] > 1.03 * mean[False, number]
    for first in (True, False):
        assert mean[first, 2] > mean[first, 1] > mean[first, 0]


def test_soft_bars_are_played_a_little_louder_than_written():
    def ratio(dynamics: float) -> float:
        direction = BUSY.with_changes(dynamics=dynamics)
        played = list(bars(find_cue("neon"), direction))
        return float(np.mean([b["velocity"].mean() / a["velocity"].mean() for *_, a, b in played]))

    assert 1.4 < ratio(0.0) / ratio(1.0) < 2.2


def test_the_midi_file_keeps_the_plain_notes():
    with open_session("dungeon", director="table") as session:
        session.advance(12.0)
        score = session.score()
    beats = np.concatenate([track.notes["onset_beats"] for track in score.tracks])
    assert np.allclose(beats * 24, np.rint(beats * 24))


def test_sampled_kits_are_played_as_kits_are():
    cue = find_cue("dungeon")
    sampled = with_instrument("dungeon", "drums", "own/")
    for (*_, mine), (*_, built_in) in zip(bars(sampled, BUSY), bars(cue, BUSY), strict=True):
        np.testing.assert_array_equal(mine, built_in)
