"""What is like what, on a library of a few struck tones."""

from math import log2
from pathlib import Path
from typing import Any

import pytest

from segue.client import RequestError
from segue.client.models import Models
from segue.server.jobs.audio_features import features_of
from segue.server.jobs.measures import Measures

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SECONDS = 250.0
SPOTIFY = {
    "danceability": float,
    "energy": float,
    "key": int,
    "loudness": float,
    "mode": int,
    "speechiness": None,
    "acousticness": float,
    "instrumentalness": None,
    "liveness": None,
    "valence": float,
    "tempo": float,
    "type": str,
    "id": str,
    "uri": str,
    "track_href": str,
    "analysis_url": str,
    "duration_ms": int,
    "time_signature": int,
}


def recommended(models: Models, **options: Any) -> list[dict[str, Any]]:
    found = models.call("recommendations", timeout_seconds=SECONDS, **options).value
    assert all(track["distance"] >= 0.0 for track in found["tracks"])
    return list(found["tracks"])


def test_features_have_the_shape_of_the_withdrawn_endpoint(models: Models) -> None:
    found = models.call("audio_features", library="songs/low.wav", timeout_seconds=SECONDS).value
    assert list(found) == list(SPOTIFY)
    for name, kind in SPOTIFY.items():
        assert found[name] is None or (kind is not None and isinstance(found[name], kind)), name
    assert found["key"] in range(-1, 12) and found["mode"] in (0, 1)
    assert found["duration_ms"] == 4000 and -70.0 <= found["loudness"] <= 0.0
    assert found["id"] == "songs/low.wav" and found["uri"] == "segue:track:songs%2Flow.wav"
    several = models.call(
        "audio_features", ids=["songs/low.wav", "songs/tune.mid"], timeout_seconds=SECONDS
    ).value["audio_features"]
    assert several[0] == found
    assert several[1]["key"] == 0 and several[1]["tempo"] == 120.0 and several[1]["mode"] == 1
    assert several[1]["loudness"] is None


def test_analysis_has_the_shape_of_the_withdrawn_endpoint(models: Models) -> None:
    found = models.call("audio_analysis", library="songs/low.wav", timeout_seconds=SECONDS).value
    assert set(found) == {
        *("meta", "track", "bars", "beats", "tatums", "sections", "segments"),
    }
    ends = [one["start"] + one["duration"] for one in found["segments"]]
    assert len(ends) >= 7 and ends[-1] == pytest.approx(4.0, abs=1e-4)
    for one in found["segments"]:
        assert len(one["pitches"]) == len(one["timbre"]) == 12 and max(one["pitches"]) <= 1.0
        assert one["duration"] > 0.0 and one["loudness_max"] >= one["loudness_start"]
    for one in found["beats"] + found["tatums"] + found["sections"]:
        assert {"start", "duration", "confidence"} <= set(one)
    assert found["track"]["duration"] == 4.0


def test_similar_sounds_come_first_with_the_reason(models: Models, folders: Path) -> None:
    found = models.call("similar", library="songs/high.wav", timeout_seconds=SECONDS).value
    assert [one["id"] for one in found["items"]] == ["songs/album/higher.wav", "songs/low.wav"]
    assert found["compared"] == 3
    for one in found["items"]:
        assert len(one["near"]) == 3
        assert {"feature", "difference_sd"} == set(one["near"][0])
    sent = (folders / "songs/high.wav").read_bytes()
    same = models.call("similar", sent, timeout_seconds=SECONDS, limit=1).value["items"]
    assert same[0]["id"] == "songs/high.wav" and same[0]["distance"] == pytest.approx(0, abs=1e-6)


def test_recommendations_by_seeds_bounds_and_targets(models: Models) -> None:
    near = recommended(models, seeds=["songs/high.wav"])
    assert [one["id"] for one in near] == ["songs/album/higher.wav", "songs/low.wav"]
    assert near == recommended(models, seeds=["songs/high.wav"])
    assert near[0]["nearest_seed"] == "songs/high.wav" and near[0]["near"]
    assert len(recommended(models, seeds=["songs/high.wav"], limit=1)) == 1
    energy = {one["id"]: one["audio_features"]["energy"] for one in near}
    least = max(energy.values())
    bounded = recommended(models, seeds=["songs/high.wav"], min_energy=least)
    assert [one["id"] for one in bounded] == [id for id in energy if energy[id] >= least]
    low = recommended(models, target_energy=min(energy.values()), max_duration_ms=5_000)
    assert low[0]["targets"]["energy"] == pytest.approx(0.0, abs=0.05)
    assert recommended(models, seeds=["songs/low.wav"], min_speechiness=0.0) == []


def test_seeds_of_sound_and_notes_are_not_compared(models: Models) -> None:
    for options in ({"seeds": ["songs/low.wav", "songs/tune.mid"]}, {}):
        with pytest.raises(RequestError, match="seeds"):
            recommended(models, **options)


def test_measures_are_kept_by_contents(models: Models, folders: Path) -> None:
    models.call("audio_features", library="songs/low.wav", timeout_seconds=SECONDS)
    kept = sorted((folders / "cache" / "measures").glob("*.msgpack"))
    copy = folders / "work" / "copy.wav"
    copy.write_bytes((folders / "songs/low.wav").read_bytes())
    models.call("audio_features", file="copy.wav", timeout_seconds=SECONDS)
    assert kept and sorted((folders / "cache" / "measures").glob("*.msgpack")) == kept


def loud(**changes: Any) -> dict[str, Any]:
    vector = {
        "onsets_per_second": 9.0,
        "brightness_octaves": 2.0,
        "flux": 1.5,
        "crest_db": 6.0,
        "percussive_share": 0.6,
        "tempo_octaves": log2(1.18),
    }
    measures = Measures(
        **{
            "kind": "sound",
            "seconds": 1.0,
            "tempo_bpm": 118.0,
            "tempo_confidence": 1.0,
            "meter_beats": 4,
            "meter_confidence": 1.0,
            "tonic": 9,
            "major": False,
            "key_confidence": 1.0,
            "valence": None,
            "arousal": None,
            "loudness_lufs": -6.0,
            "beat_confidence": 1.0,
            "vector": vector | changes.pop("vector", {}),
        }
        | changes
    )
    return features_of(measures, "x")


def test_features_follow_what_they_are_made_of() -> None:
    full = loud()
    assert (full["energy"], full["danceability"], full["acousticness"]) == (1.0, 1.0, 0.0)
    assert full["valence"] is None and (full["key"], full["mode"]) == (9, 0)
    calm = {"onsets_per_second": 0.0, "brightness_octaves": -1.0, "flux": 0.0, "crest_db": 22.0}
    soft = loud(loudness_lufs=-40.0, vector=calm)
    assert (soft["energy"], soft["acousticness"]) == (0.0, 1.0)
    assert loud(tempo_bpm=0.0)["danceability"] == 0.0
    assert loud(tempo_spread=0.1)["danceability"] == 0.75
    assert loud(tonic=None)["key"] == -1
