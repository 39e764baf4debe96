"""What an item of music is like in numbers: measured once, then kept on disk.

Measures of an item are kept in the user's cache (where instruments keep their tables) under a hash
of its contents, so that a file that moves is not heard again, and one that changes is. Of sound
that lasts longer than two minutes, the middle two are heard.
"""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from ... import analysis
from ...analysis.harmony.key import KeyTrack
from ...analysis.rhythm.beats import Beats
from ...analysis.spectra import RATE, to_mono
from ...music.errors import SegueError
from ...music.files import write_whole
from ...music.midi import read_midi
from ...music.score import Score
from ...synth.recipes import cache_folder
from .given import Given, Samples
from .library import NOTES, kind_of
from .scores import moods_of

VERSION = 1  # another where what is measured changes
HEARD_SECONDS = 120.0
FLOOR_LUFS = -70.0
_BLOCK_BYTES = 1 << 20


class Measures(Struct, kw_only=True):
    """Of one item; None where it cannot be known."""

    kind: str
    seconds: float
    tempo_bpm: float  # 0 where there is no beat
    tempo_confidence: float
    meter_beats: int
    meter_confidence: float
    tonic: int | None  # pitch class, 0 = C
    major: bool | None
    key_confidence: float
    valence: float | None  # -1..1, of the notes
    arousal: float | None
    loudness_lufs: float | None = None
    beat_confidence: float = 0.0  # mean over beats, 0..1
    tempo_spread: float = 0.0  # of the tempo curve, relative
    vector: dict[str, float] = {}  # what items of one kind are compared by


def measure_file(path: Path) -> Measures:
    """The measures of a file, from the cache if it was measured before."""
    kept = cache_folder() / "measures" / f"{_hash_of(path)}-{VERSION}.msgpack"
    try:
        return msgspec.msgpack.decode(kept.read_bytes(), type=Measures)
    except (OSError, msgspec.DecodeError):
        pass
    if kind_of(path) == NOTES:
        found = measure_score(read_midi(path))
    else:
        found = measure_sound(*analysis.read_sound(path))
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_whole(kept, msgspec.msgpack.encode(found))
    return found


def measure_given(given: Given) -> Measures:
    """The measures of what a task works on."""
    return measure_file(given.path())


def measure_sound(samples: Samples, rate: int) -> Measures:
    """The measures of sound [shape=(frames, channels)]; SegueError below 0.4 seconds."""
    seconds = len(samples) / rate
    middle = slice(0, None)
    if seconds > HEARD_SECONDS:
        first = int((seconds - HEARD_SECONDS) / 2 * rate)
        middle = slice(first, first + int(HEARD_SECONDS * rate))
    heard = samples[middle]
    level = analysis.measure_audio(heard, rate)
    mono = to_mono(heard, rate)
    beats, key = analysis.find_beats(mono, RATE), analysis.find_key(mono, RATE)
    mood = _mood_of_sound(mono, beats, key)
    curve = beats.tempo_curve_bpm
    return Measures(
        kind="sound",
        seconds=seconds,
        tempo_bpm=beats.tempo_bpm,
        tempo_confidence=beats.tempo_confidence,
        meter_beats=beats.meter_beats,
        meter_confidence=beats.meter_confidence,
        tonic=key.key.tonic if key.key else None,
        major=key.key.mode == "ionian" if key.key else None,
        key_confidence=key.confidence,
        valence=mood[0] if mood else None,
        arousal=mood[1] if mood else None,
        loudness_lufs=max(level.loudness_lufs, FLOOR_LUFS),
        beat_confidence=float(beats.confidence.mean()) if len(beats) else 0.0,
        tempo_spread=float(curve.std() / curve.mean()) if len(curve) else 0.0,
        vector=_sound_vector(mono, beats.tempo_bpm, level.true_peak_db - level.rms_db),
    )


def _sound_vector(mono: Samples, tempo_bpm: float, crest_db: float) -> dict[str, float]:
    """Timbre, dissonance, strokes, loudness and speed, each a number."""
    heard = analysis.extract_features(mono, RATE).summary()
    onsets = analysis.find_onsets(mono, RATE)
    vector = {
        "brightness_octaves": float(np.log2(max(float(heard["centroid_hz"].mean), 20.0) / 1_000.0)),
        "bandwidth_octaves": float(np.log2(max(float(heard["bandwidth_hz"].mean), 20.0) / 1_000.0)),
        "rolloff_octaves": float(np.log2(max(float(heard["rolloff_hz"].mean), 20.0) / 1_000.0)),
        "flatness": float(heard["flatness"].mean),
        "flux": float(heard["flux"].mean),
        "onset_strength": float(heard["onset_strength"].mean),
        "zero_crossings_hz": float(heard["zero_crossings_hz"].mean),
        "crest_db": crest_db,
        "level_spread": float(heard["rms"].sd / max(float(heard["rms"].mean), 1e-6)),
        "onsets_per_second": len(onsets) / max(len(mono) / RATE, 1e-6),
        "percussive_share": analysis.separate_harmonic(mono, RATE, hop=1024).percussive_share,
        "roughness": analysis.find_roughness(mono, RATE).mean,
        "tempo_octaves": float(np.log2(max(tempo_bpm, 30.0) / 100.0)),
    }
    for number in range(1, 13):
        vector[f"mfcc_{number}"] = float(heard["mfcc"].mean[number])
        vector[f"mfcc_{number}_sd"] = float(heard["mfcc"].sd[number])
    return vector


def _mood_of_sound(mono: Samples, beats: Beats, key: KeyTrack) -> tuple[float, float] | None:
    """Valence and arousal of the notes that are heard, None where there are none."""
    try:
        written = analysis.transcribe(mono, RATE, lines="many", drums=False, beats=beats, key=key)
        return _mood(written.score)
    except (SegueError, ImportError):
        return None


def _mood(score: Score) -> tuple[float, float] | None:
    moods, _ = moods_of(score, "vgmidi")
    return (float(moods[:, 0].mean()), float(moods[:, 1].mean())) if len(moods) else None


def measure_score(score: Score) -> Measures:
    """The measures of notes."""
    key = analysis.key_of_score(score)
    found = analysis.score_features(score)
    mood = _mood(score)
    seconds = float(score.tempo.seconds(score.end_beats))
    vector = {name: float(one.mean) for name, one in found.summary().items()}
    bpm = 60.0 * score.end_beats / seconds if seconds > 0.0 else score.tempo.bpm
    return Measures(
        kind="notes",
        seconds=seconds,
        tempo_bpm=bpm,
        tempo_confidence=1.0,
        meter_beats=score.meter.numerator,
        meter_confidence=1.0,
        tonic=key.key.tonic if key.key else None,
        major=key.key.mode == "ionian" if key.key else None,
        key_confidence=key.confidence,
        valence=mood[0] if mood else None,
        arousal=mood[1] if mood else None,
        beat_confidence=1.0,
        vector=vector | {"tempo_octaves": float(np.log2(max(bpm, 30.0) / 100.0))},
    )


def _hash_of(path: Path) -> str:
    """Of a file's contents; it is remembered while size and time of change are the same."""
    stamp = path.stat()
    mark = f"{path.resolve()}|{stamp.st_size}|{stamp.st_mtime_ns}".encode()
    place = cache_folder() / "measures" / f"{hashlib.sha256(mark).hexdigest()[:32]}.hash"
    try:
        return place.read_text("ascii")
    except OSError:
        pass
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            found.update(block)
    name = found.hexdigest()[:32]
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, name.encode("ascii"))
    return name
