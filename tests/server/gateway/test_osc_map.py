"""The table of addresses: as the page has it, and what is made of arguments."""

import re
from pathlib import Path

import pytest

from segue.client import protocol as p
from segue.client.errors import RequestError
from segue.music.direction import KNOBS
from segue.server.gateway.osc_map import VERBS, Telling, tellings, wekinator_request

PAGE = (Path(__file__).parents[3] / "docs" / "protocol.md").read_text()
AT = {"at_frame": 96_000, "beat": 4.0, "bar": 1}


def test_the_page_has_the_same_table() -> None:
    told = PAGE[PAGE.index("\n## OSC\n") :]
    rows = re.findall(r"^\| (`/.*?) \| (.*?) ?\| (.*?) ?\|$", told, re.MULTILINE)
    on_page = {
        address: (arguments, does)
        for addresses, arguments, does in rows
        for address in re.findall(r"`(.*?)`", addresses)
    }
    assert on_page == {name: (verb.arguments, verb.does) for name, verb in VERBS.items()}


def test_the_page_names_every_address_that_listeners_are_told() -> None:
    told = PAGE[PAGE.index("To listeners go") :]
    for event in EVENTS:
        for telling in tellings(event, 48_000):
            assert f"`{telling.address}`" in told


@pytest.mark.parametrize(
    ("address", "arguments", "content"),
    [
        ("/segue/open", ["dungeon"], p.Open(cue="dungeon", timeout_seconds=600.0)),
        (
            "/segue/open",
            ["dungeon", "table", "null"],
            p.Open(cue="dungeon", director="table", output="null", timeout_seconds=600.0),
        ),
        ("/segue/set", ["danger", 0.5], p.Set(parameters={"danger": 0.5})),
        (
            "/segue/set",
            ["danger", 1, 2.0, "bar"],
            p.Set(parameters={"danger": 1}, ramp_seconds=2.0, at="bar"),
        ),
        ("/segue/mood", [0.5, -0.5], p.SetMood(valence=0.5, arousal=-0.5)),
        (
            "/segue/mood",
            [0.5, -0.5, 0.1, 3.0],
            p.SetMood(valence=0.5, arousal=-0.5, tension=0.1, ramp_seconds=3.0),
        ),
        ("/segue/go", ["boss"], p.Go(section="boss")),
        ("/segue/go", ["boss", "now"], p.Go(section="boss", at="now")),
        ("/segue/stinger", ["victory"], p.Stinger(name="victory")),
        ("/segue/level", ["drums", 0.5], p.Level(layer="drums", value=0.5)),
        (
            "/segue/control",
            ["master.gain", 0.5, 1.0],
            p.Control(name="master.gain", value=0.5, ramp_seconds=1.0),
        ),
        ("/segue/direct", ["drums", 0.0], p.Direct(changes={"drums": 0.0})),
        ("/segue/release", [], p.Release()),
        ("/segue/release", ["drums", "bass"], p.Release(names=["drums", "bass"])),
        ("/segue/feedback", [-1.0], p.Feedback(value=-1.0)),
        ("/segue/tempo", [0.0], p.Tempo()),
        ("/segue/tempo", [120.0], p.Tempo(bpm=120.0)),
        ("/segue/loop", [4.0], p.Loop(bars=4)),
        ("/segue/duck", [9.0, 2.0], p.Duck(depth_db=9.0, seconds=2.0)),
        ("/segue/switch", ["table"], p.Switch(director="table")),
        ("/segue/pause", [], p.Pause()),
        ("/segue/resume", [], p.Resume()),
        ("/segue/close", [], p.Close()),
    ],
)
def test_arguments_become_requests(
    address: str, arguments: list[object], content: p.Request
) -> None:
    verb = VERBS[address]
    assert verb.content is not None
    assert verb.content(verb.read(arguments)) == content


@pytest.mark.parametrize(
    ("address", "arguments"),
    [
        ("/segue/set", []),
        ("/segue/set", ["danger"]),
        ("/segue/set", ["danger", "much"]),
        ("/segue/set", ["danger", float("nan")]),
        ("/segue/set", [0.5, 0.5]),
        ("/segue/set", ["danger", 0.5, 1.0, "bar", 1]),
        ("/segue/set", ["danger", [0.5]]),
        ("/segue/go", [1]),
        ("/segue/pause", [1]),
        ("/segue/release", [0.5]),
        ("/wek/inputs", []),
        ("/wek/inputs", [0.5, "x"]),
        ("/segue/listen", ["port"]),
    ],
)
def test_wrong_arguments_are_told(address: str, arguments: list[object]) -> None:
    with pytest.raises(RequestError) as told:
        VERBS[address].read(arguments)
    assert told.value.code == "invalid"


def test_wekinators_inputs_are_a_mood_or_the_named_parameters() -> None:
    assert wekinator_request([0.1, 0.2, 0.3, 9.0], []) == p.SetMood(
        valence=0.1, arousal=0.2, tension=0.3
    )
    set_two = wekinator_request([0.1, 0.2, 0.3], ["danger", "health"])
    assert isinstance(set_two, p.Set) and set_two.parameters == {"danger": 0.1, "health": 0.2}
    with pytest.raises(RequestError):
        wekinator_request([0.1], [])


MOOD = p.Mood(0.1, 0.2, 0.3)
EVENTS: list[p.Event] = [
    p.BeatEvent(**AT, beat_in_bar=2, bpm=112.0),
    p.BarEvent(
        **AT,
        section="boss",
        bar_in_section=0,
        beats=4.0,
        bpm=112.0,
        meter="4/4",
        key="D dorian",
        chords=[],
        fill=False,
        cadence=False,
        activity={},
    ),
    p.SectionEvent(**AT, name="boss", previous="calm"),
    p.MarkerEvent(**AT, name="drop"),
    p.NotesEvent(**AT, notes=[("theme", 62, 97_000, 24_000, 0.7)]),
    p.DirectionEvent(
        **AT, director="table", knobs=dict.fromkeys(KNOBS, 0.5), wanted=MOOD, heard=MOOD, felt=MOOD
    ),
    p.StingerEvent(**AT, name="victory", key="D dorian", duration_beats=4.0),
    p.ExecutedEvent(**AT, command="c1", verb="go", late_frames=0),
    p.DroppedEvent(**AT, command="c2", verb="go", reason="cancelled"),
    p.WarningEvent(**AT, code="engine", message="it was started again"),
]


def test_what_listeners_are_told() -> None:
    told = [telling for event in EVENTS for telling in tellings(event, 48_000)]
    assert told == [
        Telling("/segue/beat", [1, 2, 4.0, 112.0], 96_000),
        Telling("/segue/bar", [1, "boss", "D dorian", 112.0]),
        Telling("/segue/section", ["boss", "calm"], 96_000),
        Telling("/segue/marker", ["drop"], 96_000),
        Telling("/segue/notes", ["theme", 62, 0.5, 0.7], 97_000),
        Telling("/segue/mood", [0.1, 0.2, 0.3, 0.1, 0.2, 0.3]),
        Telling("/wek/outputs", [0.5] * 9),
        Telling("/segue/stinger", ["victory"]),
        Telling("/segue/executed", ["c1"]),
        Telling("/segue/dropped", ["c2", "cancelled"]),
        Telling("/segue/error", ["it was started again"]),
    ]
    assert tellings(p.PausedEvent(**AT), 48_000) == []
