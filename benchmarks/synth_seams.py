"""Scenes of samples, of many instruments at once and of the parts of a voice, and all with seams.

All of them are dark and soft in attack where it might click, so that nothing hides a click from the
detector. How small a click it finds there is measured with clicks put in by hand.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..music.events import EVENT, Channel
from ..synth.engine import Engine
from ..synth.pitch_shift import shift_pitch
from .synth_scenes import (
    RATE,
    Deed,
    Heard,
    Scene,
    folder_of,
    move,
    pause,
    play_scene,
    play_scenes,
    release,
    resume,
    seek,
)
from .synth_stems import play_stem

FloatArray = NDArray[np.float64]

KEYS = """<global> ampeg_release=0.3 lokey=0 hikey=127
<group> key=55 lokey=0 hikey=127 hivel=70 loop_mode=loop_continuous loop_start=9001 loop_end=19877
<region> sample=a.wav seq_length=2 seq_position=1
<region> sample=b.wav seq_length=2 seq_position=2
<group> key=55 lokey=0 hikey=127 lovel=71 loop_mode=loop_continuous loop_start=9001 loop_end=19877
<region> sample=c.wav seq_length=2 seq_position=1
<region> sample=d.wav seq_length=2 seq_position=2"""
"""Two layers with two turns each; the loops close at no place that fits."""

KIT = """<global> loop_mode=one_shot pitch_keytrack=0
<region> sample=a.wav key=46 group=1 off_by=1
<region> sample=b.wav key=42 group=1 off_by=1
<region> sample=c.wav key=49"""


def play_keys() -> dict[str, Heard]:
    """A sampled instrument: the scenes of all instruments, long notes, layers and turns."""
    tones = {
        name: _tone(196.2, 0.6, level) for name, level in zip("abcd", (1, 2, 3, 4), strict=True)
    }
    with folder_of(44_100, **tones) as folder:
        name = _sfz(folder, KEYS)
        heard = {scene: Heard(sound) for scene, sound in play_scenes(name).items()}
        held = tuple((0.0, 6.0, pitch, 0.4) for pitch in (43, 50, 55, 62))
        again = tuple(
            (0.25 * n, 0.3, 43 + 5 * (n // 2 % 3), 0.4 if n % 4 < 2 else 0.7) for n in range(16)
        )
        many = tuple((0.2 * n, 1.9, 36 + 5 * n % 13, 0.4) for n in range(10))
        scenes = [
            Scene("held for many rounds of the loop", 7.0, held, (), (1.0, 3.0, 5.0)),
            Scene("layers and turns", 4.5, again, (), (0.9, 1.9, 2.9)),
            Scene("stolen voices", 3.0, many, (), (0.8, 1.2, 1.6)),
            Scene("seek in a low chord", 2.5, many, ((0.9, seek(5.0)),), (0.9,)),
        ]
        return heard | _dry(name, scenes)


def play_kit() -> dict[str, Heard]:
    """Sampled percussion of which some chokes some."""
    tones = {"a": _tone(111.7, 1.5, 2), "b": _tone(91.3, 0.12, 1), "c": _tone(70.9, 1.5, 3)}
    with folder_of(44_100, **tones) as folder:
        hits = [(0.0, 46), (0.1, 49), (0.5, 42), (0.8, 46), (1.1, 46), (1.4, 42)]
        for roll in range(4):  # faster than what is choked fades
            hits += [
                (1.7 + 0.301 * roll + at, pitch) for at, pitch in ((0, 46), (0.2, 42), (0.209, 42))
            ]
        notes = tuple((at, 0.1, pitch, 0.8) for at, pitch in hits)
        return _dry(_sfz(folder, KIT), [Scene("choke", 3.5, notes, (), (0.5, 1.1))])


def _dry(name: str, scenes: list[Scene]) -> dict[str, Heard]:
    channels = [Channel("a", name, reverb=0.0)]
    return {scene.name: Heard(play_scene(channels, scene), scene.seams) for scene in scenes}


def _tone(hz: float, seconds: float, brightness: int) -> FloatArray:
    """A tone that dies away a little, of so many partials [shape=(frames,)]."""
    time = np.arange(round(seconds * 44_100)) / 44_100
    rise, fall = np.sin(0.5 * np.pi * np.minimum(time / 0.02, 1.0)) ** 2, np.exp(-0.8 * time)
    partials = range(1, brightness + 1)
    return rise * fall * sum(0.3 / n**2 * np.sin(2.0 * np.pi * n * hz * time) for n in partials)


def _sfz(folder: Path, text: str) -> str:
    path = folder / "play.sfz"
    path.write_text(text)
    return str(path)


BAND = ("piano", "epiano", "vibraphone", "harp", "guitar", "horn", "bass", "subbass")


def play_band() -> dict[str, Heard]:
    """A full chord of eight instruments in a room, which stands still, jumps and stops."""
    channels = [Channel(name, name, reverb=0.1) for name in BAND]
    dark = tuple((0.0, move(f"layer.{name}.brightness", 0.0)) for name in BAND)
    chord = tuple((0.0, 6.0, pitch, 0.6) for pitch in (43, 50, 55, 59))

    def strike(engine: Engine) -> None:
        first, rows = engine.frame, range(len(BAND))
        engine.schedule(
            np.array([(first + 4800, 6 * RATE, 55, 0.6, number) for number in rows], EVENT)
        )

    deeds: dict[str, tuple[tuple[float, Deed], ...]] = {
        "pause, resume and release": ((0.5, pause), (1.0, resume), (1.5, release)),
        "seek onward and back": ((0.5, seek(3.0)), (0.5, strike), (1.2, seek(-3.0)), (1.2, strike)),
    }
    heard = {}
    for name, some in deeds.items():
        seams = tuple(dict.fromkeys(at for at, _ in some))
        scene = Scene(name, 2.5, chord, (*dark, *some), seams)
        heard[name] = Heard(play_scene(channels, scene, gain_db=-9.0), seams)
    return heard


def play_parts() -> dict[str, Heard]:
    """Parts made of a hummed voice: other chords, rests, and a voice that breaks off."""
    time = np.arange(3 * RATE) / RATE
    sung = ((time > 0.1) & (time < 1.4)) | ((time > 1.7) & (time < 2.8))
    pitch = 196.0 * 2.0 ** (0.4 * np.sin(2.0 * np.pi * 5.5 * time) / 12.0)
    turns, hz = np.cumsum(pitch) / RATE, np.where(sung, pitch, 0.0)
    gate = np.convolve(sung, np.hanning(1920) / 960.0, "same")
    voice = gate * sum(0.25 / n**2 * np.sin(2.0 * np.pi * n * turns) for n in range(1, 5))
    chords = np.where(time < 0.8, 1.26, np.where(time < 2.2, 0.75, 1.5))[None]
    rests = ((time < 0.9) | (time > 1.1)).astype(float)[None]
    return {
        "other chords": Heard(shift_pitch(voice, RATE, hz, chords)[0], (0.8, 1.4, 2.2)),
        "rests": Heard(shift_pitch(voice, RATE, hz, 0.75 + 0 * chords, rests)[0], (0.9, 1.1)),
    }


SEAMS: dict[str, Callable[[], dict[str, Heard]]] = {
    **{
        f"stem of {kind}, {rate} Hz": partial(play_stem, kind, rate)
        for kind in ("chord", "drums")
        for rate in (44_100, 48_000)
    },
    "sampled keys": play_keys,
    "sampled kit": play_kit,
    "full chord": play_band,
    "parts of a voice": play_parts,
}
"""What plays the scenes that belong together."""
