"""The instruments to read about, hear and see: `segue instruments`."""

import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np

from ...analysis.sound.audio import integrated_loudness
from ...music.events import EVENT, Channel, Events
from ...music.files import fill_folder, write_whole
from ...music.orchestra import FAMILIES, ORCHESTRA, Player
from ...music.theory import NAMES

RATE = 48_000
BEAT_FRAMES = RATE * 60 // 96
FIGURE = (0, 2, 4, 7, 9, 7, 4, 2)  # semitones above the tonic, an eighth note each
CHORD = (0, 4, 7, 12)
GROOVE = ((36, 38), (42, 42, 46, 42), (45, 47, 50, 49, 51, 37, 39, 54, 70))
LINE_BEATS, CHORD_BEATS, REST_BEATS = 4, 5, 2
TARGET_LUFS = -18.0

Tell = Callable[[str, float], None]
"""Called with what is being made, and the share that is done."""


def instrument_rows() -> list[dict[str, str | int]]:
    """One row for each instrument: name, family, range, General MIDI program, what it is."""
    return [
        {
            "name": name,
            "family": player.family,
            "range": _range(player),
            "program": player.program,
            "what": _about(name)[0],
        }
        for name, player in ORCHESTRA.items()
    ]


def prepare(tell: Tell | None = None) -> None:
    """Make the material of all instruments, so that it is at hand when one is played first."""
    from ...synth.engine import Engine

    for number, name in enumerate(ORCHESTRA):
        if tell is not None:
            tell(name, number / len(ORCHESTRA))
        Engine([Channel(name, name)], sample_rate=RATE, voices_per_channel=1).close()


def write_gallery(folder: Path, tell: Tell | None = None) -> Path:
    """Write `README.md` with a sound and a picture for each family into a folder; its path.

    All of them appear at the end, together; other files of the folder stay. Raises SegueError for a
    folder that cannot be made, and then, as when it is stopped, leaves it as it was.
    """
    with fill_folder(folder) as made:
        _draw_gallery(made, tell)
    return folder / "README.md"


def _draw_gallery(folder: Path, tell: Tell | None) -> None:
    lines = ["# Instruments", "", *_INTRODUCTION, ""]
    for number, family in enumerate(FAMILIES):
        if tell is not None:
            tell(family, number / len(FAMILIES))
        names = [name for name, player in ORCHESTRA.items() if player.family == family]
        stem = family.replace(" ", "_")
        _render_family(folder / stem, names)
        lines += _family_page(family, stem, names)
    write_whole(folder / "README.md", ("\n".join(lines).rstrip() + "\n").encode())


_INTRODUCTION = (
    "Each sound plays the instruments of a family one after the other, in the order of its table:",
    "a line and a chord, or of kits a groove and then their other drums. Made by",
    "`segue instruments --gallery docs/instruments`. How they work, and how to add one:",
    "[instruments.md](../instruments.md).",
)


def _family_page(family: str, stem: str, names: list[str]) -> list[str]:
    rows = [
        f"| `{name}` | {_range(ORCHESTRA[name])} | {ORCHESTRA[name].program} | "
        f"{' '.join(_about(name)[1:]) or _about(name)[0]} |"
        for name in names
    ]
    return [
        f"## {family.capitalize()}",
        "",
        f"[Listen]({stem}.ogg)",
        "",
        f"![{family}: waveform, spectrogram, loudness]({stem}.png)",
        "",
        "| name | range | program | |",
        "| --- | --- | --- | --- |",
        *rows,
        "",
    ]


def _about(name: str) -> list[str]:
    """The paragraphs of an instrument's docstring: first what it is, then how it sounds."""
    module = import_module(f"....synth.instruments.{name}", __name__)
    return [" ".join(part.split()) for part in (module.__doc__ or name).strip().split("\n\n")]


def _range(player: Player) -> str:
    if player.is_kit:
        return f"numbers {player.lowest} to {player.highest}"
    low, high = (
        f"{NAMES[pitch % 12]}{pitch // 12 - 1}" for pitch in (player.lowest, player.highest)
    )
    return f"{low} to {high}"


def _render_family(stem: Path, names: list[str]) -> None:
    """Sound and picture of some instruments, one after the other."""
    from PIL import Image

    from ...synth.engine import Engine
    from ...synth.sinks import FileSink
    from .picture import draw_picture

    channels = [Channel(name, name, reverb=0.15) for name in names]
    phrase = (LINE_BEATS + CHORD_BEATS + REST_BEATS) * BEAT_FRAMES
    with Engine(channels, sample_rate=RATE, block_frames=1024) as engine:
        for number, name in enumerate(names):
            engine.schedule(_phrase(ORCHESTRA[name], number, number * phrase))
        samples = engine.render(len(names) * phrase)
    gain = 10 ** ((TARGET_LUFS - integrated_loudness(samples, RATE)) / 20)
    samples = samples * min(gain, 0.89 / float(np.abs(samples).max()))
    with FileSink(stem.with_suffix(".ogg"), RATE) as sink:
        sink.write(samples.astype(np.float32))
    picture = stem.with_suffix(".png")
    draw_picture(picture, samples, RATE, title=", ".join(names))
    data = io.BytesIO()
    Image.open(picture).convert("RGB").quantize(96).save(data, "PNG", optimize=True)
    write_whole(picture, data.getvalue())  # a third of the size


def _phrase(player: Player, channel: int, start: int) -> Events:
    """What one instrument plays from a frame on."""
    half = BEAT_FRAMES // 2
    rows: list[tuple[int, int, float, float, int]] = []
    if player.is_kit:
        backbeat, hats, others = GROOVE
        for eighth in range(8):
            at = start + eighth * half
            rows.append((at, half, hats[eighth % 4], 0.5, channel))
            if eighth % 2 == 0:
                rows.append((at, half, backbeat[eighth // 2 % 2], 0.8, channel))
        for number, drum in enumerate(others):
            at = start + LINE_BEATS * BEAT_FRAMES + number * half
            rows.append((at, half, drum, 0.7, channel))
        return np.array(rows, EVENT)
    centre = (player.lowest + player.highest) // 2
    tonic = centre - centre % 12  # a C
    for eighth, step in enumerate(FIGURE):
        velocity = 0.45 + 0.05 * eighth
        rows.append((start + eighth * half, int(0.95 * half), tonic + step, velocity, channel))
    at = start + LINE_BEATS * BEAT_FRAMES
    chord = CHORD[:1] if player.family == "bass" else CHORD
    rows += [(at, CHORD_BEATS * BEAT_FRAMES, tonic + step, 0.6, channel) for step in chord]
    return np.array(rows, EVENT)
