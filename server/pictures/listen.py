"""Listening to a file: its sound, and with a session's log and MIDI file its notes as well."""

from pathlib import Path

from ...analysis.sound.listening import Listening, listen
from ...analysis.sound.sound_file import read_sound
from ...music.midi import read_midi
from .story import read_story


def listen_to_file(
    path: str | Path, *, log: str | Path | None = None, midi: str | Path | None = None
) -> Listening:
    """What is to be said of a sound file; `analysis.sound.listening.listen` says what is measured.

    :param log: of the session that made it, for the chords
    :param midi: of the same session, or any MIDI file of this music, for the notes
    """
    samples, rate = read_sound(path)
    score = read_midi(midi) if midi is not None else None
    chords = read_story(log).chord_spans() if log is not None else ()
    return listen(samples, rate, score, chords)


def listening_rows(listening: Listening) -> list[dict[str, str]]:
    """Measures as rows of a table: value, the usual range, and what lies outside it."""
    return [
        {
            "measure": finding.name.replace("_", " "),
            "value": f"{finding.value:.3g}",
            "usual": f"{finding.low:g} .. {finding.high:g}" if finding.meaning else "",
            "unusual": f"{finding.excess:+.2g}" if finding.excess else "",
            "meaning": finding.meaning,
        }
        for finding in listening.findings()
    ]
