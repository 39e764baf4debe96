"""Scenes that may click: what an engine plays, and what is done to it while it sounds.

The same scenes are played by every instrument; `synth_seams` has more of them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from ..analysis.sound.audio import find_clicks
from ..music.events import EVENT, Channel
from ..synth.engine import Engine
from ..synth.pyo_host import Samples

RATE = 48_000
VOICES = 4  # of the instruments under test, so that they are soon stolen
PITCHES, DRUMS = (48, 60, 72, 84), (36, 38, 42, 49)
LEVEL_DB = 6.0
TAIL_SECONDS = 2
SIZES = (0.003, 0.01, 0.03, 0.1, 0.3)  # of clicks put in by hand, full scale 1
CLICK_SECONDS = 0.02  # in which such a click dies away
NEAR_SECONDS = 0.002  # a click is found if it is found so near

Deed = Callable[[Engine], object]


@dataclass(frozen=True)
class Scene:
    """Something that may click: notes, and what is done to the engine while they sound."""

    name: str
    seconds: float
    notes: tuple[tuple[float, float, int, float], ...]  # onset, length in seconds; pitch; velocity
    deeds: tuple[tuple[float, Deed], ...] = ()
    seams: tuple[float, ...] = ()  # seconds at which it is most likely to click


def move(name: str, value: float) -> Deed:
    """The deed of moving a control."""
    return lambda engine: engine.control(name, value)


def pause(engine: Engine) -> None:
    """The deed of pausing."""
    engine.pause()


def resume(engine: Engine) -> None:
    """The deed of going on after a pause."""
    engine.resume()


def release(engine: Engine) -> None:
    """The deed of letting all notes end."""
    engine.release_all()


def seek(seconds: float) -> Deed:
    """The deed of going on so many seconds from here."""
    return lambda engine: engine.seek(engine.frame + round(seconds * RATE))


def play_scene(channels: Sequence[Channel], scene: Scene, *, gain_db: float = LEVEL_DB) -> Samples:
    """A scene, of which every channel without a stem plays the notes, in a new engine."""
    players = [number for number, channel in enumerate(channels) if channel.stem is None]
    rows = [
        (round(onset * RATE), round(length * RATE), pitch, velocity, player)
        for player in players
        for onset, length, pitch, velocity in scene.notes
    ]
    parts = []
    with Engine(channels, voices_per_channel=VOICES, gain_db=gain_db) as engine:
        engine.schedule(np.array(rows, EVENT))
        done = 0
        for at_seconds, deed in scene.deeds:
            parts.append(engine.render(round(at_seconds * RATE) - done))
            done += len(parts[-1])
            deed(engine)
        parts.append(engine.render(round(scene.seconds * RATE) - done))
        # so that the end of the piece is not taken for a click
        engine.release_all()
        parts.append(engine.render(TAIL_SECONDS * RATE))
    return np.concatenate(parts)


def play_scenes(name: str, only: tuple[str, ...] = ()) -> dict[str, Samples]:
    """Each scene as an instrument plays it, dry, in a new engine."""
    pitches = DRUMS if name.startswith("drums") else PITCHES
    return {
        scene.name: play_scene([Channel("a", name, reverb=0.0)], scene)
        for scene in _scenes(pitches)
        if not only or scene.name in only
    }


def _scenes(pitches: tuple[int, ...]) -> list[Scene]:
    low, middle, high, _ = pitches
    chord = tuple((0.0, 1.4, pitch, 0.7) for pitch in pitches)
    storm = tuple((0.06 * n, 0.5, pitches[n % 4] + n // 4, 0.8) for n in range(16))
    return [
        Scene("short and soft", 2.0, ((0.0, 0.05, middle, 0.15),)),
        Scene("short and loud", 2.0, ((0.0, 0.05, high, 1.0),)),
        Scene("long and soft", 3.0, ((0.0, 1.5, high, 0.15),)),
        Scene("long and loud", 3.0, ((0.0, 1.5, low, 1.0),)),
        Scene("very short", 1.5, ((0.0, 0.002, middle, 0.8),)),
        Scene("chord", 3.0, chord),
        Scene("stealing", 3.0, storm),
        Scene(
            "mute",
            2.5,
            chord,
            ((0.5, move("layer.a.gain", 0.0)), (0.8, move("layer.a.gain", 1.0))),
        ),
        Scene(
            "jumps of level, place and filter",
            2.5,
            chord,
            (
                (0.3, move("layer.a.gain", 0.2)),
                (0.5, move("layer.a.pan", -1.0)),
                (0.7, move("master.filter", 300.0)),
                (0.9, move("master.gain", 0.3)),
                (1.1, move("layer.a.reverb", 1.0)),
            ),
        ),
        Scene("release of all", 2.0, chord, ((0.5, release),)),
        Scene("pause and resume", 3.0, chord, ((0.5, pause), (0.9, resume))),
        Scene("seek", 2.5, chord, ((0.5, seek(1.0)),)),
    ]


@dataclass(frozen=True)
class Heard:
    """What a scene sounds like."""

    sound: NDArray[np.floating]  # [shape=(frames, 2)] or [shape=(frames,)]
    seams: tuple[float, ...] = ()  # seconds at which it is most likely to click

    @property
    def seconds(self) -> float:
        """How long it sounds."""
        return len(self.sound) / RATE

    def least_click(self) -> float:
        """The smallest of `SIZES` that is found at every seam if it is put there, or infinity."""
        for size in SIZES:
            at = with_clicks(self.sound, self.seams, size)
            found = find_clicks(at, RATE) / RATE
            if all(np.abs(found - seam).min(initial=1.0) < NEAR_SECONDS for seam in self.seams):
                return size
        return float("inf")


def with_clicks(
    sound: NDArray[np.floating], seconds: tuple[float, ...], size: float
) -> NDArray[np.floating]:
    """A sound that jumps by `size` at some times, and comes back slowly."""
    worse = np.array(sound, np.float64)
    jump = size * np.exp(-np.arange(round(0.2 * RATE)) / (CLICK_SECONDS * RATE))
    for at_seconds in seconds:
        part = worse[round(at_seconds * RATE) :][: len(jump)]
        part += jump[: len(part)].reshape((-1,) + (1,) * (part.ndim - 1))
    return worse


@contextmanager
def folder_of(sample_rate: int, **recordings: NDArray[np.floating]) -> Iterator[Path]:
    """A folder with recordings by name, for a while."""
    import soundfile

    with TemporaryDirectory(prefix="segue-bench-") as folder:
        for name, sound in recordings.items():
            soundfile.write(Path(folder) / f"{name}.wav", sound, sample_rate, subtype="FLOAT")
        yield Path(folder)
