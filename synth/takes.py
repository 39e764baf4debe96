"""Recording a cue: its sections as stems, played by Segue's own instruments.

What a studio would record with musicians: `music.takes` says what they play, the engine plays it
dry, and each part of each section becomes a file that rings on after its last beat.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..music.cue import Cue, Layer, Section
from ..music.cue_file import write_cue
from ..music.errors import SegueError
from ..music.events import EVENT, Channel, Events
from ..music.score import Notes
from ..music.takes import Take, cue_parts, draw_takes, record, recorded_notes
from .render import render_array

RATE = 48_000
GAIN_DB = -6.0
"""Of the recordings, so that a part of several layers does not reach the limiter."""

_TAIL_SECONDS = 4.0


def record_stems(
    cue: Cue,
    folder: str | Path,
    *,
    bpm: float | None = None,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Cue:
    """Record a cue into a folder, which is made if need be; the cue of its stems.

    Nothing is left there if it fails. Raises SegueError for a cue that has nothing to record.

    :param bpm: tempo of the recordings in quarter notes a minute; None: the middle of the cue's
    :param seed: of the takes, which go from calm to wild in the order of the sections
    :param progress: called with the share that is done, 0 to 1
    """
    parts = cue_parts(cue)
    if not parts:
        raise SegueError(f"cue {cue.name!r} has only stems; it is a recording already")
    tempo = round(float(np.sqrt(cue.tempo_bpm[0] * cue.tempo_bpm[1])), 1) if bpm is None else bpm
    takes = draw_takes(cue, np.random.default_rng(seed), in_order=True)
    recorded = record(cue, takes, tempo)
    layers = tuple(replace(layer, gain_db=-GAIN_DB, reverb=0.25) for layer in recorded.layers)
    with tempfile.TemporaryDirectory() as place:
        recorded = replace(recorded, layers=layers, folder=place)
        done = 0
        for section, take in zip(cue.sections, takes, strict=True):
            stems = [layer for layer in layers if layer.sections == (section.name,)]
            for stem in stems:
                _record(cue, section, take, parts[stem.track], stem, Path(place))
                done += 1
                if progress is not None:
                    progress(done / len(layers))
        write_cue(recorded, folder)
    return recorded


def _record(
    cue: Cue, section: Section, take: Take, layers: list[int], stem: Layer, place: Path
) -> None:
    """Write the file of one stem: some layers of a cue in one section."""
    import soundfile

    played = recorded_notes(cue, section, take)
    channels = [
        Channel(
            layer.name,
            cue.instrument(layer.instrument),
            gain_db=layer.gain_db + GAIN_DB,
            pan=layer.pan,
            reverb=0.0,
            kit=layer.is_kit,
        )
        for layer in (cue.layers[index] for index in layers)
    ]
    frames_per_beat = RATE * 60.0 / stem.bpm
    events = np.concatenate(
        [_events(played[index], at, frames_per_beat) for at, index in enumerate(layers)]
    )
    sound = render_array(
        events[np.argsort(events["at_frame"], kind="stable")],
        channels,
        sample_rate=RATE,
        tail_seconds=_TAIL_SECONDS,
    )
    length = round(stem.beats * frames_per_beat)
    missing = np.zeros((max(length - len(sound), 0), 2), np.float32)
    soundfile.write(str(place / stem.file), np.concatenate([sound, missing]), RATE)


def _events(notes: Notes, channel: int, frames_per_beat: float) -> Events:
    events = np.zeros(len(notes), EVENT)
    events["at_frame"] = np.rint(notes["onset_beats"] * frames_per_beat)
    events["duration_frames"] = np.maximum(np.rint(notes["duration_beats"] * frames_per_beat), 1)
    events["pitch"], events["velocity"] = notes["pitch"], notes["velocity"]
    events["channel"] = channel
    return events
