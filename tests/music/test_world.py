"""The world: deterministic, and it goes from section to section as the cue's transitions say."""

import json
from dataclasses import replace

import numpy as np
import pytest

from segue.music.book import Book
from segue.music.cue import Cue, Section, Transition
from segue.music.cue_file import load_cue
from segue.music.direction import KNOBS, Direction
from segue.music.errors import RangeError, SegueError, UnknownNameError
from segue.music.themes import compose_theme
from segue.music.world import World
from segue.music.worlds import Worlds


def directed(seed: int) -> Direction:
    return Direction().with_knobs(np.random.default_rng(seed).random(len(KNOBS)))


def two_sections(*transitions: Transition) -> Cue:
    cue = compose_theme(1)
    a, b = cue.sections[:2]
    sections: tuple[Section, ...] = (replace(a, name="a", repeats=2), replace(b, name="b"))
    return replace(cue, sections=sections, transitions=transitions)


def sections_of(world: World, bars: int, **go: int) -> list[str]:
    """Sections that sound; `go` asks for a section at a bar."""
    at = {bar: name for name, bar in go.items()}
    return [world.advance(Direction(section=at.get(bar))).section for bar in range(bars)]


def test_same_seed_and_directions_same_music() -> None:
    cue = load_cue("dungeon")
    one, two = World(cue, 5), World(cue, 5)
    for bar in range(40):
        a, b = one.advance(directed(bar)), two.advance(directed(bar))
        assert np.array_equal(a.notes, b.notes)
        assert (a.section, a.bpm) == (b.section, b.bpm)


def test_seeds_differ_in_the_ways_the_cue_takes_by_itself() -> None:
    cue = two_sections(Transition("a", "b", weight=1.0), Transition("a", "c", weight=1.0))
    cue = replace(cue, sections=(*cue.sections, replace(cue.sections[1], name="c")))
    ends = {sections_of(World(cue, seed), 20)[-1] for seed in range(8)}
    assert ends == {"b", "c"}


def test_snapshot_and_restore_go_on_alike() -> None:
    cue = load_cue("voyage")
    world = World(cue, 2)
    for bar in range(13):
        world.advance(directed(bar))
    world.advance(Direction(section=cue.sections[2].name))
    state = json.loads(json.dumps(world.snapshot()))
    expected = [world.advance(directed(bar)) for bar in range(20)]
    other = World(cue, 99)
    other.restore(state)
    for bar, wanted in enumerate(expected):
        found = other.advance(directed(bar))
        assert np.array_equal(found.notes, wanted.notes)
        assert found.start_beats == wanted.start_beats
    assert other.tempo.steps == world.tempo.steps
    with pytest.raises(SegueError, match="open that cue"):
        World(load_cue("neon")).restore(state)


def test_bars_follow_one_another_on_the_tempo_map() -> None:
    world = World(load_cue("meadow"))
    bars = [world.advance(directed(bar)) for bar in range(16)]
    assert [bar.start_beats for bar in bars] == [3.0 * bar for bar in range(16)]
    for bar in bars:
        seconds = [world.tempo.seconds(bar.start_beats + beat) for beat in (0, 1)]
        assert seconds[1] - seconds[0] == pytest.approx(60.0 / bar.bpm)
        assert (bar.notes["onset_beats"] >= bar.start_beats).all()
        assert (bar.notes["onset_beats"] < bar.start_beats + bar.beats).all()


def test_a_fill_and_a_cadence_lead_into_the_change() -> None:
    world = World(two_sections(Transition("*", "*", at="bar", fill=True)))
    world.advance(Direction())
    before = world.advance(Direction(section="b"))
    assert (before.section, before.fill, before.cadence) == ("a", True, True)
    after = world.advance(Direction())
    assert (after.section, after.bar_in_section, after.cadence) == ("b", 0, False)


def test_without_a_fill_the_very_bar_changes() -> None:
    world = World(two_sections(Transition("*", "*", at="bar", fill=False)))
    assert sections_of(world, 5, b=2) == ["a", "a", "b", "b", "b"]


def test_phrase_and_section_wait_for_their_ends() -> None:
    at_phrase = World(two_sections(Transition("*", "*", at="phrase")))
    assert sections_of(at_phrase, 6, b=1) == ["a"] * 4 + ["b"] * 2
    at_section = World(two_sections(Transition("*", "*", at="section")))
    assert sections_of(at_section, 10, b=1) == ["a"] * 8 + ["b"] * 2


def test_the_exact_rule_comes_before_wildcards() -> None:
    rules = (Transition("*", "*", at="section"), Transition("a", "b", at="bar", fill=False))
    assert sections_of(World(two_sections(*rules)), 3, b=1) == ["a", "b", "b"]


def test_the_cue_moves_on_by_itself_after_its_repeats() -> None:
    moving = World(two_sections(Transition("a", "b", weight=1.0)))
    assert sections_of(moving, 20) == ["a"] * 16 + ["b"] * 4
    staying = World(two_sections(Transition("a", "b")))
    assert sections_of(staying, 20) == ["a"] * 20


def test_a_section_that_no_rule_leads_to_is_refused_with_the_ways() -> None:
    world = World(two_sections(Transition("b", "a")))
    with pytest.raises(SegueError, match=r"no transition from 'a' to 'b'; it can go to: none"):
        world.advance(Direction(section="b"))
    with pytest.raises(UnknownNameError, match="did you mean 'a'"):
        World(two_sections(Transition("*", "*"))).advance(Direction(section="aa"))
    assert world.bar_index == 0  # nothing was played


def test_many_worlds_play_what_single_ones_do() -> None:
    cues = [load_cue("dungeon"), load_cue("neon"), compose_theme(4)]
    book = Book(cues)
    worlds = Worlds(book, np.array([2, 0, 1]), np.array([7, 8, 9]))
    singles = [World(cues[2], 7), World(cues[0], 8), World(cues[1], 9)]
    for bar in range(50):
        knobs = np.stack([directed(10 * bar + at).knobs for at in range(3)])
        together = worlds.advance(worlds.set(knobs))
        for at, world in enumerate(singles):
            alone = world.advance(Direction().with_knobs(knobs[at])).bars
            assert together.number[at] == alone.number[0]
            layers = alone.template.shape[1]
            offset = book.first_template[together.cue[at]]
            template = together.template[at, :layers]
            assert np.array_equal(np.where(template > 0, template - offset, 0), alone.template[0])
            assert (together.template[at, layers:] == 0).all()


def test_looking_does_not_move_on() -> None:
    book = Book([load_cue("dungeon")])
    worlds = Worlds(book, np.zeros(2, np.int64), np.array([1, 2]))
    setting = worlds.set(np.full((2, 9), 0.5))
    seen = worlds.look(setting)
    assert np.array_equal(seen.template, worlds.advance(setting).template)
    assert (worlds.index == 1).all()


def test_repeated_worlds_are_their_own() -> None:
    worlds = Worlds(Book([compose_theme(0)]), np.zeros(2, np.int64), np.array([1, 2]))
    twins = worlds.repeat(3)
    twins.advance(twins.set(np.full((6, 9), 0.5)))
    assert (worlds.index == 0).all()
    assert (twins.index == 1).all()


def test_knobs_and_names_are_checked() -> None:
    with pytest.raises(RangeError, match=r"tempo is 1\.5"):
        Direction(tempo=1.5)
    with pytest.raises(RangeError, match="dynamics is nan"):
        Direction(dynamics=float("nan"))
    with pytest.raises(UnknownNameError, match="did you mean 'tempo'"):
        Direction().with_changes(tenpo=0.5)
    with pytest.raises(SegueError, match="at least one cue"):
        Book([])


def test_the_tempo_knob_spans_the_cue() -> None:
    cue = load_cue("dungeon")
    slow, fast = World(cue).advance(Direction(tempo=0.0)), World(cue).advance(Direction(tempo=1.0))
    assert (slow.bpm, fast.bpm) == pytest.approx(cue.tempo_bpm)


@pytest.mark.parametrize("lead, fills", [(None, True), (True, True), (False, False)])
def test_a_filler_bar_leads_as_asked(lead: bool | None, fills: bool) -> None:
    world = World(two_sections(Transition("a", "b", fill=True)))
    first = world.advance(Direction(section="b", lead=lead))
    assert (first.section, first.fill) == (("a", True) if fills else ("b", False))
    assert world.advance(Direction()).section == "b"


@pytest.mark.parametrize("fill", [True, False])
def test_a_section_begins_at_the_bar_at_which_the_old_one_is_left(fill: bool) -> None:
    world = World(two_sections(Transition("a", "b", fill=fill)))
    for _ in range(3):
        world.advance(Direction())
    bars = [world.advance(Direction(section="b", entry="same"))]
    bars.append(world.advance(Direction()))
    entered = next(bar for bar in bars if bar.section == "b")
    assert entered.bar_in_section == (4 if fill else 3) % len(world.cue.sections[1].chords)
    assert world.snapshot()["same"] == 0 and world.snapshot()["lead"] == -1


def test_a_bar_again_is_the_same_notes_later_and_the_world_stays() -> None:
    world = World(load_cue("dungeon"), 3)
    bars = [world.advance(directed(bar)) for bar in range(3)]
    coming = world.coming(20)
    again = world.again(bars[1])
    assert world.coming(20) == coming  # but for the index, which decides where the cue goes
    assert again.index == 3 and again.start_beats == bars[2].start_beats + bars[2].beats
    moved = again.notes["onset_beats"] - again.start_beats
    assert moved == pytest.approx(bars[1].notes["onset_beats"] - bars[1].start_beats)
    assert again.notes["pitch"].tolist() == bars[1].notes["pitch"].tolist()
    assert world.tempo.steps[-1] == (again.start_beats, bars[1].bpm)
    follows = world.advance(directed(9))
    assert follows.bar_in_section == bars[2].bar_in_section + 1 and follows.index == 4


def test_what_comes_is_foreseen_and_nothing_moves() -> None:
    world = World(load_cue("dungeon"), 3)
    world.advance(Direction())
    state = world.snapshot()
    foreseen = world.coming(40)
    assert world.snapshot() == state
    played = [world.advance(directed(bar)) for bar in range(40)]
    assert [(bar.section, bar.bar_in_section) for bar in played] == foreseen


def test_a_snapshot_from_before_filler_bars_could_be_asked_for_is_read() -> None:
    world = World(load_cue("dungeon"), 3)
    world.advance(Direction(section="boss"))
    state = world.snapshot()
    del state["lead"], state["same"]
    other = World(load_cue("dungeon"), 3)
    other.restore(state)
    assert other.advance(Direction()).section == world.advance(Direction()).section
