"""Every function that is registered, run once by a worker; and the table as clients see it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import msgspec
import numpy as np
import pytest

from segue.analysis.cards import list_cards, model_folders
from segue.client.models import ModelResult, Models
from segue.server.jobs.catalogue import cards
from segue.server.jobs.functions import CARDS, FUNCTIONS, LIBRARY, SOUND, function_list
from segue.server.jobs.worker import load

from .conftest import RATE, tone

OPTIONS: dict[str, dict[str, Any]] = {
    "analyze": {"only": ["tempo", "key"]},
    "features": {"frames": True},
    "cue_check": {"cue": "dungeon"},
    "render": {"seconds": 2.0, "director": "table", "valence": 0.5, "parameters": {"danger": 0.5}},
    "harmonize": {"voices": "choir", "parts": 1},
    "recommendations": {"seeds": ["songs/low.wav"]},
    "timbre": {"still": True},
    "loops": {"lengths_bars": [1]},
}
BUFFERS = {
    "compose": 1,
    "accompany": 1,
    "timbre": 1,
    "harmonize": 1,
    "render": 2,
    "separate": 2,
    "features": 2,
    "loudness": 1,
    "f0": 1,
    "pitch": 1,
    "melody": 1,
    "transcribe": 1,
}
ITEMS = {"sound": "songs/low.wav", "notes": "songs/tune.mid"}
LONG_SECONDS = 100.0  # on a busy machine


def cases() -> list[Any]:
    return [
        pytest.param(name, kind, marks=[] if entry.quick else pytest.mark.slow)
        for name, entry in FUNCTIONS.items()
        for kind in entry.source or ("",)
    ]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "kind"), cases())
def test_every_function_runs(
    models: Models, sing: Callable[..., Any], name: str, kind: str
) -> None:
    source: dict[str, Any] = (
        {"library": {"sound": "songs/low.wav", "notes": "songs/tune.mid"}[kind]} if kind else {}
    )
    if name == "harmonize":
        voice, _ = sing(np.repeat([62.0, 65.0, 69.0], 20_000))
        source = {"sound": voice.astype(np.float32), "sample_rate": 48_000}
    found = models.call(name, **source, timeout_seconds=240.0, **OPTIONS.get(name, {}))
    assert found.function == name and found.value
    assert len(found.arrays) == BUFFERS.get(name, 0)
    for array in found.arrays:
        assert np.asarray(array.data).size


def test_the_table_holds_together() -> None:
    known = {name for name in all_cards()}
    for name, entry in {**FUNCTIONS, "library": LIBRARY, "cards": CARDS}.items():
        assert callable(load(entry.runner_path)) and load(entry.options_path) is entry.options
        assert not entry.model or entry.model in known, name
    told = {one.name: one for one in function_list(FUNCTIONS)}
    assert told["harmonize"].options["properties"]["parts"]["maximum"] == 3
    assert told["key"].options["properties"] == {}
    assert told["recommendations"].options["properties"]["target_energy"]
    assert told["beats"].quick and not told["transcribe"].quick


def all_cards() -> dict[str, Any]:
    return cards(None, CARDS.options(), lambda share, what: None)  # type: ignore[arg-type]


def test_cards_are_those_of_the_models(models: Models) -> None:
    found = models.cards()
    assert len(found) == sum(len(list_cards(folder)) for folder in model_folders())
    assert {"analysis/notes", "arranger"} <= set(found)
    assert set(models.cards("arranger")) == {"arranger"}


def test_what_is_written_can_be_read(models: Models, tmp_path: Path) -> None:
    made = models.call("compose", pieces=2, seed=3)
    again = models.call("compose", pieces=2, seed=3)
    assert made.value == again.value != models.call("compose", pieces=2, seed=4).value
    melody = saved(made, tmp_path / "melody.mid")
    played = models.call("accompany", melody)
    file = mido.MidiFile(tmp_path / "melody.mid")
    assert sum(message.type == "note_on" for message in file) == len(made.value["pieces"][0])
    saved(played, tmp_path / "accompanied.mid")
    assert len(mido.MidiFile(tmp_path / "accompanied.mid").tracks) == 3
    assert played.value["chords"][0]["onset_beats"] == 0.0


def saved(made: ModelResult, path: Path) -> bytes:
    path.write_bytes(made.arrays[0].data)
    return path.read_bytes()


def test_musicxml_is_text(models: Models) -> None:
    pytest.importorskip("music21")
    found = models.call(
        "transcribe", library="songs/tune.mid", format="musicxml", timeout_seconds=LONG_SECONDS
    )
    assert found.value["musicxml"].startswith("<?xml") and found.value["key"] == "C major"


def test_faults_of_a_cue_are_told(models: Models, folders: Path) -> None:
    assert models.call("cue_check", cue="dungeon").value == {"faults": []}
    cue = folders / "work" / "mycue"
    cue.mkdir(exist_ok=True)
    (cue / "cue.toml").write_text('title = "x"\n')
    faults = models.call("cue_check", cue="mycue").value["faults"]
    assert faults and str(folders) not in str(faults)


def test_mood_of_notes(models: Models) -> None:
    found = models.call("emotion", library="songs/tune.mid", timeout_seconds=LONG_SECONDS).value
    assert -1.0 <= found["valence"] <= 1.0 and len(found["bars"]) == 2


def test_the_page_shows_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "models.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
    assert rows == [
        (
            name,
            entry.title,
            " or ".join(entry.source),
            "yes" if entry.quick else "",
            ", ".join(f"`{one}`" for one in entry.options.__struct_fields__ if not tuned(one)),
        )
        for name, entry in FUNCTIONS.items()
    ]


def tuned(option: str) -> bool:
    """Whether it is one of the 39 bounds and targets of recommendations, told in words."""
    return option.partition("_")[0] in ("min", "max", "target")


def test_long_sound_does_not_keep_the_quick_worker(models: Models) -> None:
    blocked = models.submit("separate", tone(440.0, 30.0), sample_rate=RATE)
    long = models.submit("tuning", tone(440.0, 45.0), sample_rate=RATE)
    assert models.call("tuning", tone(440.0), sample_rate=RATE).value["confidence"] > 0
    blocked.cancel(), long.cancel()


def test_options_are_plain_json() -> None:
    for one in function_list(FUNCTIONS):
        assert msgspec.json.decode(msgspec.json.encode(one.options)) == one.options
        assert set(one.source) <= {SOUND, "notes"}
