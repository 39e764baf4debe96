"""Seams without clicks, and clicks that would be found there."""

import numpy as np
import pytest

from segue.analysis.sound.audio import find_clicks
from segue.benchmarks import synth_cleanliness, synth_seams
from segue.benchmarks.synth_scenes import RATE, Heard, with_clicks
from segue.benchmarks.synth_stems import chord_sound, drum_sound, play_stem
from segue.music.errors import SegueError
from segue.synth import stem_player, stems, transport


def quiet(what: str, share: float) -> None:
    assert 0.0 <= share <= 1.0


def clicks_of(heard: dict[str, Heard]) -> dict[str, int]:
    return {scene: len(find_clicks(part.sound, RATE)) for scene, part in heard.items()}


@pytest.mark.parametrize("make", [chord_sound, drum_sound])
def test_the_detector_tells_a_click_in_chords_and_drums(make):
    sound = make(4.0, RATE) * np.hanning(4 * RATE)[:, None]
    assert find_clicks(sound, RATE).size == 0
    places = (1.0, 1.75, 2.5)  # between two strokes of the drums
    found = find_clicks(with_clicks(sound, places, 0.03), RATE)
    assert found / RATE == pytest.approx(places, abs=1e-4)
    assert Heard(sound, places).least_click() <= 0.03


def test_where_no_click_would_be_found_is_told():
    noise = 0.3 * np.random.default_rng(1).standard_normal(RATE)
    assert Heard(noise, (0.5,)).least_click() == float("inf")
    with pytest.raises(SegueError, match="no click put into drums, roll"):
        synth_cleanliness._seam_row("drums", "roll", Heard(noise, (0.5,)), 0)


@pytest.mark.parametrize(("kind", "rate"), [("chord", 44_100), ("drums", 48_000)])
def test_stems_do_not_click(kind, rate):
    heard = play_stem(kind, rate)
    assert set(clicks_of(heard).values()) == {0}
    for scene, part in heard.items():
        assert part.least_click() <= 0.1, scene


@pytest.mark.parametrize("source", ["sampled keys", "full chord", "parts of a voice"])
def test_other_seams_do_not_click(source):
    heard = synth_seams.SEAMS[source]()
    assert set(clicks_of(heard).values()) == {0}
    assert all(part.least_click() <= 0.1 for part in heard.values() if part.seams)


def test_seams_that_are_not_closed_are_found(monkeypatch):
    monkeypatch.setattr(stems, "close_seam", lambda audio, length, *_, **__: audio[:length])
    found = clicks_of(play_stem("chord", 44_100))
    assert found["loop seam"] == 2
    assert found["tempo changes while stretched"] >= 1


def test_fades_that_are_left_out_are_found(monkeypatch):
    monkeypatch.setattr(stem_player, "gain", lambda level: (level > 0).astype(np.float32))
    monkeypatch.setattr(transport, "FADE_SECONDS", 1e-6)
    found = clicks_of(play_stem("drums", 48_000))
    for scene in (
        "entry at the same place",
        "late entry at the same place",
        "cross-fade in beats",
        "seek",
        "stop in the middle",
        "entry called off",
        "pause and resume",
    ):
        assert found[scene] >= 1, scene


def test_seams_are_counted_and_told(monkeypatch):
    monkeypatch.setattr(synth_cleanliness, "shipped_cues", lambda: ())
    parts = synth_seams.SEAMS["parts of a voice"]()
    monkeypatch.setattr(synth_cleanliness, "SEAMS", {"voice": lambda: parts})
    found = synth_cleanliness.measure_clicks(quiet, instruments=())
    assert found.results == {"clicks": 0.0}
    rows = found.tables["clicks at seams"]
    assert [(row["source"], row["scene"]) for row in rows] == [("voice", name) for name in parts]
    assert all(0.0 < row["smallest_click_found"] <= 0.1 for row in rows)
    bad = parts["rests"]
    worse = {"rests": Heard(with_clicks(bad.sound, bad.seams, 0.1), bad.seams)}
    monkeypatch.setattr(synth_cleanliness, "SEAMS", {"voice": lambda: worse})
    found = synth_cleanliness.measure_clicks(quiet, instruments=())
    assert found.results == {"clicks": len(bad.seams)}
    (place,) = found.tables["where it clicks"]
    assert (place["source"], place["scene"]) == ("voice", "rests")
