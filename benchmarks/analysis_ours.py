"""Segue's own ears in the form in which the benchmark asks all: see `analysis_listeners.py`."""

from collections.abc import Callable
from typing import Any

from .analysis_listeners import RATE, timed_hops

Listen = Callable[[Any, str], Any]
HOP = 512  # samples that come at once, live


def rhythm() -> Listen:
    """Beats by a network and a decoder."""
    from ..analysis.rhythm.beats import find_beats

    def listen(samples: Any, path: str) -> Any:
        found = find_beats(samples, RATE)
        return {
            "tempo": found.tempo_bpm,
            "beats": found.times_seconds.tolist(),
            "downbeats": found.times_seconds[found.numbers == 1].tolist(),
        }

    return listen


def key() -> Listen:
    """The key of the whole."""
    from ..analysis.harmony.key import find_key, key_label

    return lambda samples, path: key_label(find_key(samples, RATE).key)


def chords() -> Listen:
    """Chords with sevenths."""
    from ..analysis.harmony.chords import chord_label, find_chords

    def listen(samples: Any, path: str) -> Any:
        found = find_chords(samples, RATE)
        labels = [chord_label(chord) for chord in found.chords]
        spans = (found.start_seconds.tolist(), found.end_seconds.tolist())
        return [list(row) for row in zip(*spans, labels, strict=True)]

    return listen


def notes() -> Listen:
    """Notes of everything that sounds together."""
    from ..analysis.notes.polyphonic import find_notes

    def listen(samples: Any, path: str) -> Any:
        found = find_notes(samples, RATE)
        parts = (found.onset_seconds, found.offset_seconds, found.pitch)
        return [list(row) for row in zip(*(part.tolist() for part in parts), strict=True)]

    return listen


def pitch() -> Listen:
    """The pitch of one line."""
    from ..analysis.pitch.f0 import track_f0

    def listen(samples: Any, path: str) -> Any:
        found = track_f0(samples, RATE)
        return {"times": found.times_seconds.tolist(), "hz": found.hz.tolist()}

    return listen


def form() -> Listen:
    """Sections and letters, with beats of its own."""
    from ..analysis.form.sections import find_form

    def listen(samples: Any, path: str) -> Any:
        found = find_form(samples, RATE)
        return [[one.start_seconds, one.end_seconds, one.label] for one in found.sections]

    return listen


def features() -> Listen:
    """The features of a recording at 22.05 kHz."""
    from ..analysis.sound.features import extract_features
    from ..analysis.spectra import RATE as HALF_RATE

    def listen(samples: Any, path: str) -> Any:
        extract_features(samples, HALF_RATE)

    return listen


def hops() -> Listen:
    """The features of the core set, live: windows of 2048, hops of 512, at 44.1 kHz."""
    from ..analysis.sound.feature_stream import FeatureStream

    def listen(samples: Any, path: str) -> Any:
        stream = FeatureStream(RATE, rate=RATE)
        return timed_hops(samples, HOP, stream.push)

    return listen


def live() -> Listen:
    """What the live listener tells of itself, at half the rate: features, loudness, onsets."""
    return _live(False)


def live_all() -> Listen:
    """The same with beats and chords, by networks."""
    return _live(True)


def _live(everything: bool) -> Listen:
    from ..analysis.sound.live_listener import LiveListener

    def listen(samples: Any, path: str) -> Any:
        heard = LiveListener(RATE, follow_beats=everything, follow_chords=everything)
        return timed_hops(samples, HOP, heard.push)

    return listen
