"""Scenes of stems: seams of loops, entries, cross-fades, tempi, jumps and stops.

The stems are dark, and drums do not strike where it might click, so that nothing hides a click from
the detector.
"""

import numpy as np
from numpy.typing import NDArray

from ..music.events import Channel, StemFile
from ..music.stems import SEGMENT
from ..synth.engine import Engine
from .synth_scenes import (
    RATE,
    Deed,
    Heard,
    Scene,
    folder_of,
    move,
    pause,
    play_scene,
    resume,
    seek,
)

FloatArray = NDArray[np.float64]

BPM, LOOP_BEATS, FADE_BEATS = 120.0, 4, 0.5  # of the stems
BEYOND_SECONDS = 0.05  # that some of them ring on after the loop


def play_stem(kind: str, sample_rate: int) -> dict[str, Heard]:
    """A stem with a loop of two seconds, from its seam to a stop in the middle."""
    beyond = BEYOND_SECONDS if sample_rate != RATE else 0.0
    seconds = LOOP_BEATS * 60.0 / BPM + beyond
    sound = (chord_sound if kind == "chord" else drum_sound)(seconds, sample_rate)
    with folder_of(sample_rate, stem=sound) as folder:
        file = StemFile(str(folder / "stem.wav"), BPM, LOOP_BEATS, FADE_BEATS)
        channels = [Channel("a", "", reverb=0.0, stem=file)]
        return {
            scene.name: Heard(play_scene(channels, scene), scene.seams) for scene in _stem_scenes()
        }


def _stem_scenes() -> list[Scene]:
    twelve = (0.0, _run(0.0, 0.0, (BPM, 12)))

    def jump(engine: Engine) -> None:
        seek(1.0)(engine)
        _run(engine.frame / RATE, 3.0, (BPM, 8))(engine)

    def stop(engine: Engine) -> None:
        engine.cancel(engine.frame)
        engine.release_all()

    tempi = ((108.0, 2), (132.0, 2), (91.0, 1), (150.0, 3), (120.0, 4))
    edges = np.cumsum([60.0 / bpm * beats for bpm, beats in tempi])
    return [
        Scene("loop seam", 5.0, (), (twelve,), (2.0, 4.0)),
        Scene("entry at the same place", 3.0, (), ((0.0, _run(1.0, 2.0, (BPM, 8))),), (0.75, 1.0)),
        Scene("late entry at the same place", 3.0, (), ((0.5, twelve[1]),), (0.5,)),
        Scene(
            "cross-fade in beats",
            4.0,
            (),
            ((0.0, _run(0.0, 0.0, (BPM, 4))), (0.0, _run(2.0, 1.0, (BPM, 8)))),
            (1.75, 2.0),
        ),
        Scene(
            "tempo changes while stretched",
            5.0,
            (),
            ((0.0, _run(0.0, 0.0, *tempi)),),
            tuple(edges[:3].tolist()),
        ),
        Scene("seek", 3.0, (), (twelve, (1.5, jump)), (1.5,)),
        Scene(
            "mute and jumps of level",
            4.0,
            (),
            (
                twelve,
                (0.5, move("layer.a.gain", 0.0)),
                (1.0, move("layer.a.gain", 1.0)),
                (1.5, move("master.gain", 0.2)),
                (2.0, move("master.gain", 1.0)),
                (2.5, move("layer.a.pan", -1.0)),
            ),
            (0.5, 1.0, 1.5, 2.0, 2.5),
        ),
        Scene("pause and resume", 3.0, (), (twelve, (1.0, pause), (1.5, resume)), (1.0, 1.5)),
        Scene("stop in the middle", 3.0, (), (twelve, (1.0, stop)), (1.0, 1.25)),
        Scene(
            "entry called off",
            3.0,
            (),
            ((0.0, _run(1.0, 2.0, (BPM, 8))), (0.94, lambda engine: engine.cancel())),
            (0.94,),
        ),
        Scene(
            "next bar known late",
            4.0,
            (),
            ((0.0, _run(0.0, 0.0, (BPM, 4))), (1.94, _run(2.0, 4.0, (BPM, 8)))),
            (1.94,),
        ),
    ]


def _run(start_seconds: float, source_beats: float, *tempi: tuple[float, int]) -> Deed:
    """The deed of playing a stem from a time and a beat of it on, at tempi of so many beats."""
    edge, rows = start_seconds * RATE, []
    for bpm, beats in tempi:
        end = edge + 60.0 / bpm * beats * RATE
        rows.append((round(edge), round(end) - round(edge), source_beats, beats, 0))
        edge, source_beats = end, source_beats + beats
    return lambda engine: engine.schedule_stems(np.array(rows, SEGMENT))


def chord_sound(seconds: float, sample_rate: int) -> FloatArray:
    """A held chord that does not close by itself to a loop [shape=(frames, 2)]."""
    time = np.arange(round(seconds * sample_rate))[:, None] / sample_rate
    sides = np.array([0.0, 1.0])
    return sum(
        (
            0.1 * np.sin(2.0 * np.pi * hz * time + number * sides)
            for number, hz in enumerate((110.3, 164.6, 220.9, 277.4))
        ),
        np.zeros((len(time), 2)),
    )


def drum_sound(seconds: float, sample_rate: int) -> FloatArray:
    """A kick, a snare and hats after the beats, over a drone [shape=(frames, 2)]."""
    random = np.random.default_rng(5)
    frames = round(seconds * sample_rate)
    sound = 0.08 * np.sin(2.0 * np.pi * 55.3 * np.arange(frames) / sample_rate)
    for number in range(int(seconds * BPM / 30.0)):
        at = round((number * 30.0 / BPM + 0.1) * sample_rate)
        time = np.arange(min(round(0.4 * sample_rate), frames - at)) / sample_rate
        noise = random.standard_normal(len(time))
        if number % 2:
            hit = 0.1 * noise * np.exp(-time * 90.0)
        else:
            sweep = 50.0 * time + 4.0 * (1.0 - np.exp(-time * 40.0))
            hit = 0.5 * np.sin(2.0 * np.pi * sweep) * np.exp(-time * 14.0)
            hit += (0.3 if number % 4 else 0.1) * noise * np.exp(-time * 120.0)
        sound[at : at + len(hit)] += hit
    return np.stack([sound, 0.8 * sound], axis=1)
