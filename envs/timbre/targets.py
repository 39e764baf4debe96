"""What is to be followed in an episode: the same synthesizer's settings, or instruments.

A setting can be reached exactly; a glide can be followed, a step late; what an instrument plays can
be come near to. All are drawn at the start of an episode.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...analysis.sound.descriptors import DESCRIPTORS, Describer, FloatArray
from ...synth.patch import KNOBS, Patch, play_knobs
from .perception import at_ears_rate, step_frames
from .phrases import PHRASES, load_phrases, note_sound, phrase_sound
from .settings import SPLITS, TARGETS, TimbreSettings

_STAY_STEPS = (4, 12)  # of a glide, from one place to the next
_SYNTHETIC = ("setting", "glide")
_MIXED = {"setting": 0.4, "glide": 0.2, "note": 0.2, "phrase": 0.2}
_KINDS = TARGETS[:-1]


@dataclass(frozen=True)
class Targets:
    """The targets of n episodes over their steps, and the moment before the first of these."""

    kinds: NDArray[np.int64]  # [shape=(n,)] index into TARGETS
    knobs: FloatArray  # [n, steps + 1, 8] of settings and glides, NaN of instruments
    phrases: NDArray[np.int64]  # [n] of instruments, by number; -1 of settings and glides
    descriptors: FloatArray  # [n, steps + 1, 29]

    def name(self, index: int, split: str) -> str:
        """What an episode's target is."""
        kind = _KINDS[self.kinds[index]]
        if kind in _SYNTHETIC:
            return kind
        return f"{kind} of {load_phrases(split).names[self.phrases[index]]}"


def draw_targets(
    settings: TimbreSettings, rng: np.random.Generator, n: int, describer: Describer
) -> Targets:
    """Targets of n episodes; the same generator draws others in another split."""
    # a split has draws of its own, and chance is used up alike whatever the target
    split = SPLITS.index(settings.split)
    rng = np.random.default_rng([int(rng.integers(2**63)), split])
    shares = _MIXED if settings.target == "mixed" else {settings.target: 1.0}
    kinds = np.repeat(
        [_KINDS.index(kind) for kind in shares], rng.multinomial(n, list(shares.values()))
    )
    rng.shuffle(kinds)
    knobs = np.full((n, settings.steps + 1, len(KNOBS)), np.nan)
    phrases = np.full(n, -1)
    descriptors = np.empty((n, settings.steps + 1, len(DESCRIPTORS)))
    for number in np.unique(kinds):
        where = np.flatnonzero(kinds == number)
        kind = _KINDS[number]
        if kind in _SYNTHETIC:
            draw = _drawn_settings if kind == "setting" else _drawn_glides
            knobs[where] = draw(rng, len(where), settings.steps + 1)
            descriptors[where] = _rendered(knobs[where], settings, describer)
            continue
        library = load_phrases(settings.split)
        chosen = rng.integers(0, len(library.names), len(where))
        phrases[where] = chosen
        if kind == "note":
            descriptors[where] = library.notes[chosen][:, None]
        else:
            at = np.arange(settings.steps + 1) % library.descriptors.shape[1]
            descriptors[where] = library.descriptors[chosen][:, at]
    return Targets(kinds, knobs, phrases, descriptors)


def _drawn_settings(rng: np.random.Generator, n: int, steps: int) -> FloatArray:
    return np.repeat(rng.uniform(0.0, 1.0, (n, 1, len(KNOBS))), steps, axis=1)


def _drawn_glides(rng: np.random.Generator, n: int, steps: int) -> FloatArray:
    """Knobs that move from place to place in straight lines, and some of them not at all."""
    found = np.empty((n, steps, len(KNOBS)))
    for path in found:
        lengths = rng.integers(*_STAY_STEPS, steps)
        times = np.concatenate([[0], np.cumsum(lengths)])
        places = rng.uniform(0.0, 1.0, (len(times), len(KNOBS)))
        stays = rng.random(len(KNOBS)) < 0.5
        places[:, stays] = places[0, stays]
        for knob in range(len(KNOBS)):
            path[:, knob] = np.interp(np.arange(steps), times, places[:, knob])
    return found


def _rendered(knobs: FloatArray, settings: TimbreSettings, describer: Describer) -> FloatArray:
    """Descriptors of what the synthesizer sounds [shape=(n, steps + 1, 29)].

    A setting that stays is heard once.
    """
    n, steps, _ = knobs.shape
    still = bool((knobs == knobs[:, :1]).all())
    patch = Patch(knobs[:, 0], settings.sample_rate)
    frames = step_frames(settings.sample_rate)
    found = np.empty((n, 1 if still else steps, len(DESCRIPTORS)))
    for step in range(found.shape[1]):
        patch.turn(knobs[:, step])
        sound = at_ears_rate(patch.play(frames), settings.sample_rate)
        found[:, step] = describer.describe(sound)
    patch.close()
    return np.repeat(found, steps, axis=1) if still else found


def target_sound(targets: Targets, settings: TimbreSettings, index: int) -> NDArray[np.float32]:
    """What the target of an episode sounds like [shape=(samples,)] at the ears' rate."""
    kind = _KINDS[targets.kinds[index]]
    if kind in _SYNTHETIC:
        frames = step_frames(settings.sample_rate)
        played = play_knobs(targets.knobs[index], settings.sample_rate, frames)
        heard: NDArray[np.float32] = at_ears_rate(played[:, None], settings.sample_rate)[0]
        return heard
    name = load_phrases(settings.split).names[targets.phrases[index]]
    make = note_sound if kind == "note" else phrase_sound
    sound: NDArray[np.float32] = make(name, int(targets.phrases[index]) % PHRASES)
    return sound
