"""Audio features in the shape of the endpoint that Spotify withdrew in November 2024.

The fields are its fields; the numbers are this program's, not Spotify's, which published no
methods. What each is made of:

* `tempo`, `key`, `mode`, `time_signature`, `duration_ms`: heard (of a MIDI file: written). Where no
  beat or key is heard: tempo 0, key -1, mode 0, time signature 0.
* `loudness`: integrated loudness in LUFS (BS.1770) instead of a mean in dB; null for MIDI.
* `energy`: of sound, the mean of five ramps from 0 to 1 (`RAMPS`): loudness from -30 to -8 LUFS,
  attacks from 3 to 9 a second, centroid from 1,230 to 3,600 Hz, spectral flux from .1 to 1.2, and
  crest from 19 down to 10 dB. Of MIDI, (arousal + 1) / 2 by the emotion model.
* `danceability`: mean of how sure beats are, how steady the tempo is (1 at no spread, 0 at 10 %),
  how near the tempo is to 118 bpm (0 an octave off), and the percussive share up to a half; null
  for MIDI, and 0 where no beat is heard.
* `valence`: (valence + 1) / 2 by the emotion model, of the notes that are heard. It learned from
  listeners' ratings of piano music; how it fares on other sound was not measured.
* `acousticness`: of sound, the mean of three ramps: loudness from -8 down to -26 LUFS, centroid
  from 3,600 down to 1,230 Hz, crest from 10 up to 19 dB: what is soft, dark and not compressed. A
  rule of thumb, not a detector of electric instruments. Null for MIDI.
* `instrumentalness`, `speechiness`, `liveness`: null. Nothing here hears words or audiences.
"""

from collections.abc import Mapping
from math import log2
from typing import Any
from urllib.parse import quote

from . import options as o
from .given import Given, Tell
from .measures import Measures, measure_file, measure_given

Features = dict[str, Any]

RAMPS = {
    "loudness_lufs": (-30.0, -8.0),
    "onsets_per_second": (3.0, 9.0),
    "brightness_octaves": (0.3, 1.85),  # of the centroid above 1 kHz: 1,230 to 3,600 Hz
    "flux": (0.1, 1.2),
    "crest_db": (19.0, 10.0),
}
"""Where each feature counts as 0 and as 1: about the 2nd and the 98th percentile of 25 clips of the
ten genres of GTZAN (G. Tzanetakis and P. Cook, 2002); of loudness, the upper end is today's."""

_ENERGETIC = tuple(RAMPS)
_PRODUCED = ("loudness_lufs", "brightness_octaves", "crest_db")
_QUIETEST_ACOUSTIC_LUFS = -26.0
_DANCE_BPM = 118.0
_UNSTEADY = 0.1


def audio_features(given: Given, options: o.AudioFeatures, tell: Tell) -> Any:
    """Of the source, or of several items as `{"audio_features": [...]}`."""
    if not options.ids:
        return features_of(measure_given(given), given.title)
    found = []
    for number, id in enumerate(options.ids):
        tell(number / len(options.ids), id)
        found.append(features_of(measure_file(given.library.find(id)), id))
    return {"audio_features": found}


def features_of(measures: Measures, id: str) -> Features:
    """The features of an item, by the names of the withdrawn endpoint."""
    quoted = quote(id, safe="")
    return {
        "danceability": _danceability(measures),
        "energy": _energy(measures),
        "key": measures.tonic if measures.tonic is not None else -1,
        "loudness": _rounded(measures.loudness_lufs),
        "mode": int(bool(measures.major)),
        "speechiness": None,
        "acousticness": _acousticness(measures),
        "instrumentalness": None,
        "liveness": None,
        "valence": _rounded(_half(measures.valence)),
        "tempo": round(measures.tempo_bpm, 3),
        "type": "audio_features",
        "id": id,
        "uri": f"segue:track:{quoted}",
        "track_href": f"/v1/audio-features/{quoted}",
        "analysis_url": f"/v1/audio-analysis/{quoted}",
        "duration_ms": round(1_000.0 * measures.seconds),
        "time_signature": measures.meter_beats,
    }


def _energy(measures: Measures) -> float | None:
    if measures.loudness_lufs is None:
        return _rounded(_half(measures.arousal))
    values = _levels(measures)
    return _rounded(sum(_ramp(values, name) for name in _ENERGETIC) / len(_ENERGETIC))


def _acousticness(measures: Measures) -> float | None:
    if measures.loudness_lufs is None:
        return None
    values = _levels(measures)
    loud = _between(values["loudness_lufs"], _QUIETEST_ACOUSTIC_LUFS, RAMPS["loudness_lufs"][1])
    others = [_ramp(values, name) for name in _PRODUCED if name != "loudness_lufs"]
    return _rounded(1.0 - (loud + sum(others)) / len(_PRODUCED))


def _danceability(measures: Measures) -> float | None:
    if measures.loudness_lufs is None:
        return None
    if measures.tempo_bpm <= 0.0:
        return 0.0
    steady = _between(measures.tempo_spread, _UNSTEADY, 0.0)
    octaves = abs(measures.vector["tempo_octaves"] - log2(_DANCE_BPM / 100.0))
    struck = _between(measures.vector["percussive_share"], 0.0, 0.5)
    parts = (measures.beat_confidence, steady, _between(octaves, 1.0, 0.0), struck)
    return _rounded(sum(parts) / len(parts))


def _levels(measures: Measures) -> Mapping[str, float]:
    return measures.vector | {"loudness_lufs": measures.loudness_lufs or 0.0}


def _ramp(values: Mapping[str, float], name: str) -> float:
    return _between(values[name], *RAMPS[name])


def _between(value: float, low: float, high: float) -> float:
    """0 at `low`, 1 at `high`, which may be the smaller one; held beyond."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _half(mood: float | None) -> float | None:
    return None if mood is None else (mood + 1.0) / 2.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
