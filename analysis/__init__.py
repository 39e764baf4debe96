"""The ears: what is heard in notes and sound, and what it expresses.

`from segue.analysis import find_beats` and the like: every function and class of `__all__`, found
in the module that holds it when it is first asked for. `docs/ears.md` says what each is for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .form.intensity import find_intensity as find_intensity
    from .form.loops import find_loops as find_loops
    from .form.patterns import find_bar_patterns as find_bar_patterns
    from .form.patterns import find_patterns as find_patterns
    from .form.sections import find_form as find_form
    from .harmony.cadences import find_cadences as find_cadences
    from .harmony.chord_follower import ChordFollower as ChordFollower
    from .harmony.chords import find_chords as find_chords
    from .harmony.key import find_key as find_key
    from .harmony.key import key_of_score as key_of_score
    from .harmony.roman import roman_spans as roman_spans
    from .harmony.tension import tension_of_chords as tension_of_chords
    from .harmony.tension import tension_of_notes as tension_of_notes
    from .notation.transcribe import transcribe as transcribe
    from .notation.transcribe import transcribe_score as transcribe_score
    from .notes.drums import find_drums as find_drums
    from .notes.polyphonic import NoteListener as NoteListener
    from .notes.polyphonic import find_notes as find_notes
    from .pitch.f0 import F0Tracker as F0Tracker
    from .pitch.f0 import track_f0 as track_f0
    from .pitch.melody import find_melody as find_melody
    from .pitch.melody_hmm import find_melody_hmm as find_melody_hmm
    from .pitch.tuning import Tuner as Tuner
    from .pitch.tuning import find_tuning as find_tuning
    from .pitch.voice import PitchTracker as PitchTracker
    from .pitch.voice import track_pitch as track_pitch
    from .report.analyze import analyze_file as analyze_file
    from .rhythm.beat_follower import BeatFollower as BeatFollower
    from .rhythm.beats import find_beats as find_beats
    from .rhythm.onsets import find_onsets as find_onsets
    from .rhythm.swing import find_swing as find_swing
    from .scores.score_features import score_features as score_features
    from .sound.audio import measure_audio as measure_audio
    from .sound.feature_stream import FeatureStream as FeatureStream
    from .sound.features import Features as Features
    from .sound.features import extract_features as extract_features
    from .sound.harmonic_percussive import separate_harmonic as separate_harmonic
    from .sound.listening import listen as listen
    from .sound.live_listener import LiveListener as LiveListener
    from .sound.loudness_meter import LoudnessMeter as LoudnessMeter
    from .sound.roughness import find_roughness as find_roughness
    from .sound.sound_file import read_sound as read_sound
    from .sound.sound_file import stream_sound as stream_sound

_HOMES = {
    "find_intensity": "form.intensity",
    "find_loops": "form.loops",
    "find_bar_patterns": "form.patterns",
    "find_patterns": "form.patterns",
    "find_form": "form.sections",
    "find_cadences": "harmony.cadences",
    "ChordFollower": "harmony.chord_follower",
    "find_chords": "harmony.chords",
    "find_key": "harmony.key",
    "key_of_score": "harmony.key",
    "roman_spans": "harmony.roman",
    "tension_of_chords": "harmony.tension",
    "tension_of_notes": "harmony.tension",
    "transcribe": "notation.transcribe",
    "transcribe_score": "notation.transcribe",
    "find_drums": "notes.drums",
    "NoteListener": "notes.polyphonic",
    "find_notes": "notes.polyphonic",
    "F0Tracker": "pitch.f0",
    "track_f0": "pitch.f0",
    "find_melody": "pitch.melody",
    "find_melody_hmm": "pitch.melody_hmm",
    "Tuner": "pitch.tuning",
    "find_tuning": "pitch.tuning",
    "PitchTracker": "pitch.voice",
    "track_pitch": "pitch.voice",
    "analyze_file": "report.analyze",
    "BeatFollower": "rhythm.beat_follower",
    "find_beats": "rhythm.beats",
    "find_onsets": "rhythm.onsets",
    "find_swing": "rhythm.swing",
    "score_features": "scores.score_features",
    "measure_audio": "sound.audio",
    "FeatureStream": "sound.feature_stream",
    "Features": "sound.features",
    "extract_features": "sound.features",
    "separate_harmonic": "sound.harmonic_percussive",
    "listen": "sound.listening",
    "LiveListener": "sound.live_listener",
    "LoudnessMeter": "sound.loudness_meter",
    "find_roughness": "sound.roughness",
    "read_sound": "sound.sound_file",
    "stream_sound": "sound.sound_file",
}

__all__ = [
    "BeatFollower",
    "ChordFollower",
    "F0Tracker",
    "FeatureStream",
    "Features",
    "LiveListener",
    "LoudnessMeter",
    "NoteListener",
    "PitchTracker",
    "Tuner",
    "analyze_file",
    "extract_features",
    "find_bar_patterns",
    "find_beats",
    "find_cadences",
    "find_chords",
    "find_drums",
    "find_form",
    "find_intensity",
    "find_key",
    "find_loops",
    "find_melody",
    "find_melody_hmm",
    "find_notes",
    "find_onsets",
    "find_patterns",
    "find_roughness",
    "find_swing",
    "find_tuning",
    "key_of_score",
    "listen",
    "measure_audio",
    "read_sound",
    "roman_spans",
    "score_features",
    "separate_harmonic",
    "stream_sound",
    "tension_of_chords",
    "tension_of_notes",
    "track_f0",
    "track_pitch",
    "transcribe",
    "transcribe_score",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
