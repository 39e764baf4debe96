"""What an agent hears of itself and of what it follows, in training as in live play.

Descriptors are those of `analysis.sound.descriptors` [shape=(n, 29)]. Distances are in steps that
are clear to anybody: 12 dB, one and a half octaves of brightness, 18 dB of flatness, an octave of
pitch; none counts more than `FARTHEST`.
"""

import numpy as np
from numpy.typing import NDArray

from ...analysis.sound import descriptors as heard
from ...analysis.sound.descriptors import DESCRIPTORS, FloatArray
from ...analysis.spectra import RATE
from ...synth.patch import KNOBS
from .settings import STEP_SECONDS

FARTHEST = 2.0
OBSERVATION_LIMIT = 5.0

CENTRES = np.array(
    [-30.0, 0.0, -45.0, 60.0, 0.5] + [80.0] + [0.0] * (heard.MFCCS - 1) + [0.3] * heard.CLASSES
)
SCALES = np.array(
    [12.0, 1.5, 18.0, 12.0, 0.25]
    + [40.0, 40.0, 20.0, 15.0, 10.0, 10.0] + [8.0] * (heard.MFCCS - 6)
    + [0.35] * heard.CLASSES
)  # fmt: skip
ENVELOPE_SCALE = 16.0  # dB, mean over coefficients of two settings drawn at random
UNSURE, SURE = 0.5, 0.9  # voicing below and above which pitch counts not at all and wholly

OBSERVATION = (
    *(f"own_{name}" for name in DESCRIPTORS),
    *(f"target_{name}" for name in DESCRIPTORS),
    *(f"gap_{name}" for name in DESCRIPTORS),
    *(f"knob_{knob.name}" for knob in KNOBS),
    "time",
)
"""The numbers of an observation."""


def surely_pitched(descriptors: FloatArray) -> FloatArray:
    """Whether there is a pitch [shape=(n,)], 0..1."""
    sure = (descriptors[:, heard.VOICING] - UNSURE) / (SURE - UNSURE)
    return np.asarray(np.clip(sure, 0.0, 1.0))


def scaled(descriptors: FloatArray) -> FloatArray:
    """Descriptors about -2..2; pitch counts by how much of it there is."""
    found = (descriptors - CENTRES) / SCALES
    found[:, heard.PITCH] *= surely_pitched(descriptors)
    return np.asarray(found)


def distances(own: FloatArray, target: FloatArray) -> dict[str, FloatArray]:
    """How far sounds are apart, by name, each [shape=(n,)] in 0..`FARTHEST`; one may be a row."""
    apart = np.abs(own - target)
    sure, wanted = surely_pitched(own), surely_pitched(target)
    mine, theirs = own[:, heard.CHROMA], target[:, heard.CHROMA]
    alike = (mine * theirs).sum(axis=1)
    norm = np.linalg.norm(mine, axis=1) * np.linalg.norm(theirs, axis=1)
    cosine = np.divide(alike, norm, out=np.ones_like(norm), where=norm > 1e-9)
    found = {
        "loudness": apart[:, heard.LOUDNESS] / SCALES[heard.LOUDNESS],
        "brightness": apart[:, heard.BRIGHTNESS] / SCALES[heard.BRIGHTNESS],
        "noisiness": apart[:, heard.NOISINESS] / SCALES[heard.NOISINESS],
        "pitch": sure * wanted * apart[:, heard.PITCH] / 12.0 + np.abs(sure - wanted),
        "envelope": apart[:, heard.MFCC].mean(axis=1) / ENVELOPE_SCALE,
        "chroma": 1.0 - cosine,
    }
    return {name: np.minimum(value, FARTHEST) for name, value in found.items()}


def distance(own: FloatArray, target: FloatArray, weights: dict[str, float]) -> FloatArray:
    """The weighted mean of the distances [shape=(n,)]."""
    apart = distances(own, target)
    return np.asarray(sum(weight * apart[name] for name, weight in weights.items()))


def observe(own: FloatArray, target: FloatArray, knobs: FloatArray, time: float) -> FloatArray:
    """The observation [shape=(n, len(OBSERVATION))].

    :param own: descriptors of what the synthesizer sounded in the last step
    :param target: and of what is followed, in the same step
    :param knobs: where they stand, 0..1 [shape=(n, 8)]
    :param time: share of the episode that has passed, 0..1
    """
    mine, theirs = scaled(own), scaled(target)
    clock = np.full((len(own), 1), time)
    return np.concatenate([mine, theirs, theirs - mine, 2.0 * knobs - 1.0, clock], axis=1)


def step_frames(sample_rate: int) -> int:
    """Samples of a step."""
    return round(STEP_SECONDS * sample_rate)


def at_ears_rate(sound: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Sound of a step [shape=(frames, n)] as the ears take it [shape=(n, samples)].

    What changing the rate does to its ends lies outside of what is heard, or under the end of a
    window.
    """
    if sample_rate != RATE:
        import soxr

        sound = np.asarray(soxr.resample(sound, sample_rate, RATE), np.float32)
    return np.ascontiguousarray(sound.T)
