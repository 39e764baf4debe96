"""The same notes for tono-py, by its instruments that come nearest.

It plays on a grid; the tempo is set so high that a step of the grid is 12.5 ms. Only eight drums
are known to it: others are played by the nearest of those.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from ..music.events import PROGRAMS, Channel, Events
from .synth_piece import SAMPLE_RATE

TEMPO_BPM = 1200.0
BEAT_SECONDS = 60.0 / TEMPO_BPM
STEPS_PER_BEAT, BEATS_PER_BAR = 4, 4

# the last General MIDI program of a group, and the instrument that plays it
GROUPS = (
    (3, "piano"),
    (7, "electric_piano"),
    (13, "mallets"),
    (15, "bells"),
    (23, "organ"),
    (31, "guitar"),
    (39, "bass"),
    (44, "strings"),
    (46, "guitar"),
    (55, "strings"),
    (63, "brass"),
    (79, "flute"),
    (127, "strings"),
)
DRUMS = {
    35: "kick",
    36: "kick",
    37: "clap",
    38: "snare",
    39: "clap",
    40: "snare",
    41: "tom",
    43: "tom",
    45: "tom",
    46: "openhat",
    47: "tom",
    48: "tom",
    49: "crash",
    50: "tom",
    51: "ride",
    53: "ride",
    57: "crash",
    59: "ride",
}
OTHER_DRUM = "hat"


def render(channels: tuple[Channel, ...], events: Events, out: Path) -> None:
    """Play events into a WAV file."""
    import soundfile

    tono: Any = import_module("tono")

    song = tono.Song("bench", tempo=TEMPO_BPM, seed=0)
    for number, channel in enumerate(channels):
        played = events[events["channel"] == number]
        if not len(played):
            continue
        voice = _voice(tono.instruments, channel)
        song.track(channel.name, voice)
        song.arrange(channel.name, _pattern(tono, channel, played))
    sound = song.compile(sample_rate=SAMPLE_RATE).render()
    soundfile.write(out, sound, SAMPLE_RATE, subtype="PCM_24")


def _voice(instruments: Any, channel: Channel) -> Any:
    if channel.instrument.startswith("drums"):
        voice = instruments.drums()
    else:
        program = PROGRAMS[channel.instrument]
        name = next(name for last, name in GROUPS if program <= last)
        voice = getattr(instruments, name)()
    level = min(10 ** (channel.gain_db / 20), 2.0)
    return voice.gain(level).pan(channel.pan).reverb(channel.reverb)


def _pattern(tono: Any, channel: Channel, events: Events) -> Any:
    beats = events["at_frame"] / SAMPLE_RATE / BEAT_SECONDS
    steps = (beats * STEPS_PER_BEAT).round() / STEPS_PER_BEAT
    lengths = events["duration_frames"] / SAMPLE_RATE / BEAT_SECONDS
    bars = int((beats + lengths).max() // BEATS_PER_BAR) + 2
    pattern = tono.Pattern(bars=bars)
    for at, length, pitch, velocity in zip(
        steps.tolist(),
        lengths.tolist(),
        events["pitch"].tolist(),
        events["velocity"].tolist(),
        strict=True,
    ):
        if channel.instrument.startswith("drums"):
            pattern.hit(DRUMS.get(round(pitch), OTHER_DRUM), [at])
        else:
            whole = max(round(length * STEPS_PER_BEAT), 1) / STEPS_PER_BEAT
            pattern.note(f"midi:{round(pitch)}", at=at, duration=whole, gain=velocity)
    return pattern
