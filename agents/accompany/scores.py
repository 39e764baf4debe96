"""What is measured of a whole set of accompaniments, beside the measures of single clips."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...envs.accompany.chords import Ints
from ...envs.accompany.clips import Clips, forced_observations
from ...envs.accompany.measures import (
    adaptation,
    distinct_chords,
    length_entropy,
    mean_length,
    note_in_chord,
    onset_interval_distance,
    seventh_share,
    vendi,
)
from ...envs.accompany.network import Network, log_softmax
from .judge import Judge

BEFORE_BEATS, SHORT_BEATS, AFTER_BEATS = (16, 32), (36, 40), (40, 48)
"""Windows round a transposition at beat 32: before it, four beats and eight beats after it."""


@dataclass(frozen=True)
class Played:
    """The chords of one player to a set of clips [shape=(n, frames)]."""

    clips: Clips
    chords: Ints

    @classmethod
    def joined(cls, parts: "list[Played]") -> "Played":
        """Several sets as one."""
        clips = [part.clips for part in parts]
        joined = Clips(
            tuple(name for one in clips for name in one.names),
            np.concatenate([one.melody for one in clips]),
            np.concatenate([one.onset for one in clips]),
            np.concatenate([one.chords for one in clips]),
            np.concatenate([one.place for one in clips]),
            np.concatenate([one.bar for one in clips]),
        )
        return cls(joined, np.concatenate([part.chords for part in parts]))


def clip_log_probabilities(prior: Network, played: Played) -> NDArray[np.float64]:
    """Mean log-probability of a frame's chord under a model of played chords, nats [shape=(n,)]."""
    seen = forced_observations(played.clips, played.chords)
    state, total = prior.start(len(seen)), np.zeros(len(seen))
    for at in range(seen.shape[1]):
        logits, state = prior.step(seen[:, at], state)
        chosen = played.chords[:, at, None]
        total += np.take_along_axis(log_softmax(logits), chosen, 1)[:, 0]
    return np.asarray(total / seen.shape[1], np.float64)


def set_scores(played: Played, prior: Network, judge: Judge) -> dict[str, float]:
    """Measures of a set by name.

    `note_in_chord`, `triad_note_in_chord`, `seventh_share`, `chords` a clip, `mean_length_beats`:
    means over clips. `length_entropy`: of all chords, nats. `onset_distance`: earth mover's
    distance of onset intervals from the true chords', frames. `vendi` and `vendi_share_of_truth`:
    diversity. `log_probability` under the prior, nats a frame. `realism`: mean probability that the
    chords are true, by the judge.
    """
    melody, chords = played.clips.melody, played.chords
    diversity = vendi(chords)
    return {
        "note_in_chord": float(note_in_chord(melody, chords).mean()),
        "triad_note_in_chord": float(note_in_chord(melody, chords, triads=True).mean()),
        "seventh_share": float(seventh_share(chords).mean()),
        "chords": float(distinct_chords(chords).mean()),
        "mean_length_beats": float(mean_length(chords).mean()),
        "length_entropy": length_entropy(chords),
        "onset_distance": onset_interval_distance(played.clips.onset, played.clips.chords, chords),
        "vendi": diversity,
        "vendi_share_of_truth": diversity / vendi(played.clips.chords),
        "log_probability": float(clip_log_probabilities(prior, played).mean()),
        "realism": float(judge.realism(played.clips, chords).mean()),
    }


def recovery(played: Played) -> dict[str, float]:
    """Note-in-chord by triads round a transposition at beat 32, and the shares of it that are back.

    `recovered_in_4_beats` compares beats 36 to 40 with beats 16 to 32, `recovered_in_8_beats` beats
    40 to 48.
    """
    windows = (BEFORE_BEATS, (32, 36), SHORT_BEATS, AFTER_BEATS, (48, 64))
    before, at_once, short, after, late = adaptation(played.clips.melody, played.chords, windows)
    return {
        "before_shift": before,
        "beats_0_4": at_once,
        "beats_4_8": short,
        "beats_8_16": after,
        "beats_16_32": late,
        "recovered_in_4_beats": short / before,
        "recovered_in_8_beats": after / before,
    }
