"""What an agent can know of recorded music in play, in training and live: the same observation.

Moods are in standard deviations (sd) of listeners' ratings. As for the arranger, three things are
kept for each of n performances: the `estimate` of what an average listener feels by now; the belief
about this listener (felt = gain * estimate + bias, so each rating is a linear measurement of gain
and bias, and Bayesian linear regression on running sums is exact but for clipping); and the mood
wanted at the last bars. With it comes the `mix`.
"""

from typing import Any

import numpy as np

from ...music.cue import PHRASE_BARS
from ...music.worlds import Worlds
from ..arrange.listener import FELT_LIMIT, ListenerSettings
from .actions import changed_mixes
from .library import (
    LEVELS,
    MIX_LEVELS,
    MIXES,
    NOWHERE,
    PARTS,
    PRESETS,
    SLOTS,
    FloatArray,
    IntArray,
    Library,
)

_AXES = ("valence", "arousal")
OBSERVATION: tuple[str, ...] = (
    *(f"target_{axis}" for axis in _AXES),  # mood wanted at the last bar that is known, sd
    *(f"change_{axis}" for axis in _AXES),  # over that bar
    *(f"change_before_{axis}" for axis in _AXES),  # and over the bar before
    *(f"trend_{axis}" for axis in _AXES),  # target less its mean over some eight bars
    *(f"estimate_{axis}" for axis in _AXES),  # felt by an average listener
    *(f"felt_{axis}" for axis in _AXES),  # by this listener, as far as is known
    *(f"gain_{axis}" for axis in _AXES),  # of this listener, less 1
    *(f"bias_{axis}" for axis in _AXES),
    *(f"doubt_{axis}" for axis in _AXES),  # sd of what is known of felt
    *(f"bias_doubt_{axis}" for axis in _AXES),
    "ratings",  # n / (n + 2)
    *(f"gap_{axis}" for axis in _AXES),  # target less felt
    *(f"next_gap_{axis}" for axis in _AXES),  # less where the next bar pulls, if nothing changes
    "phase_sin",
    "phase_cos",
    "phrase_boundary",  # 1 if the next bar begins a phrase
    "to_end",  # bars to the end of the section, by 8
    "turn",  # times that the section was played before, up to 4, by 4
    "leaving",  # 1 if a section was asked for and has not begun
    "bar_seconds",  # less 2
    *(f"part_{part}_level" for part in range(PARTS)),  # 0 off, .5 soft, 1 full
    *(f"part_{part}_present" for part in range(PARTS)),  # in this section
    *(  # what each change of the mix adds to the mean mood of the section
        f"{change}_{axis}"
        for change in (
            *(f"part_{part}_up" for part in range(PARTS)),
            *(f"part_{part}_down" for part in range(PARTS)),
            *PRESETS,
        )
        for axis in _AXES
    ),
    *(
        f"slot_{slot}_{what}"
        for slot in range(SLOTS)
        for what in (
            "here",
            "coming",  # it was asked for
            "open",  # a way leads there
            "wait",  # bars until it could begin, by the quickest way, by 8, up to 3
            *(f"gap_{axis}" for axis in _AXES),  # target less the listener's mood there, this mix
            *(f"all_gap_{axis}" for axis in _AXES),  # the same with all parts full
            *(f"quiet_gap_{axis}" for axis in _AXES),  # and with few of them soft
        )
    ),
)
"""The numbers of an observation, in order."""

_STATE = ("mix", "estimate", "targets", "slow_target", "count", "sums")
_FORGET = 1.0 / 8.0  # share of a bar in the slow mean of the target
_LEAST_SD = 1e-3  # of traits that do not vary, so that their precision stays finite
_MOST_PRECISION = 1e4  # of a rating without noise
_GAIN_SD_FACTOR = 1.05  # sd of a log-normal gain by that of its logarithm, near 0.25
_TURN = 2.0 * np.pi / PHRASE_BARS * np.arange(PHRASE_BARS)
_PHASES = np.stack([np.sin(_TURN), np.cos(_TURN), np.arange(PHRASE_BARS) == 0], axis=1)
_FAR_AWAY = 3.0  # of a wait by 8 bars


class Perception:
    """The agent's side of n performances of recorded music.

    Arrays [shape=(n, ...)], pairs valence and arousal in sd: `mix` (n,), `estimate` (n, 2),
    `targets` (3, n, 2) the newest first, `slow_target` (n, 2); of the belief `gain`, `bias`,
    `gain_var`, `bias_var` and `covariance`, each (n, 2).

    :param n: how many
    :param settings: what is assumed of listeners (the spread of their traits, their memory)
    """

    def __init__(self, n: int, settings: ListenerSettings) -> None:
        self.n = n
        self.settings = settings
        self.reset(np.zeros(n, np.int64), np.zeros((n, 2)))

    def reset(self, mix: IntArray, target: FloatArray) -> None:
        """Begin anew, for listeners of whom nothing is known.

        :param mix: that sounds first [shape=(n,)]
        :param target: the mood wanted [shape=(n, 2), sd]
        """
        self.mix = np.array(mix, np.int64)
        self.estimate = np.zeros((self.n, 2))
        self.want_first(target)
        self.count = np.zeros((self.n, 1))
        self.sums = np.zeros((4, self.n, 2))  # of q, q^2, r and q r over ratings r at estimates q
        self._believe()

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain JSON values."""
        return {name: getattr(self, name).tolist() for name in _STATE}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot of as many performances."""
        for name in _STATE:
            setattr(self, name, np.array(snapshot[name], getattr(self, name).dtype))
        self._believe()

    def want_first(self, target: FloatArray) -> None:
        """The mood wanted [shape=(n, 2), sd] before the first bar: as if it had long been so."""
        self.targets = np.stack([target] * 3)
        self.slow_target = target.copy()

    def want(self, target: FloatArray) -> None:
        """The mood wanted [shape=(n, 2), sd] in the bar that has just gone by."""
        self.targets = np.stack([target, self.targets[0], self.targets[1]])
        self.slow_target = self.slow_target + _FORGET * (target - self.slow_target)

    def hear(self, impression: FloatArray) -> None:
        """Take in the bar that sounded, by its impression of an average listener [n, 2]."""
        self.estimate = self.estimate + self.settings.rate * (impression - self.estimate)

    def rate(self, rating: FloatArray) -> None:
        """Take in every listener's rating [shape=(n, 2), sd] of what they feel now."""
        q = self.estimate
        self.count = self.count + 1.0
        self.sums = self.sums + np.stack([q, q * q, rating, q * rating])
        self._believe()

    def _believe(self) -> None:
        """Posterior of (gain, bias) for each axis: a 2 x 2 system in closed form."""
        s = self.settings
        gain_sd = max(s.log_gain_sd, _LEAST_SD) * _GAIN_SD_FACTOR
        gain_mean = np.exp(s.log_gain_sd**2 / 2)
        precision = 1.0 / s.rating_noise**2 if s.rating_noise > 0 else _MOST_PRECISION
        sum_q, sum_qq, sum_r, sum_qr = self.sums
        a = 1.0 / gain_sd**2 + precision * sum_qq
        b = precision * sum_q
        d = 1.0 / max(s.bias_sd, _LEAST_SD) ** 2 + precision * self.count
        u = gain_mean / gain_sd**2 + precision * sum_qr
        v = precision * sum_r
        det = a * d - b * b
        self.gain = (d * u - b * v) / det
        self.bias = (a * v - b * u) / det
        self.gain_var, self.bias_var, self.covariance = d / det, a / det, -b / det

    @property
    def felt(self) -> FloatArray:
        """What this listener feels, as far as is known [shape=(n, 2), sd]."""
        felt: FloatArray = self.gain * self.estimate + self.bias
        return np.minimum(np.maximum(felt, -FELT_LIMIT), FELT_LIMIT)

    def observe(self, library: Library, worlds: Worlds) -> FloatArray:
        """The observation [shape=(n, len(OBSERVATION))], in the order of `OBSERVATION`."""
        felt, q = self.felt, self.estimate
        target, before, earlier = self.targets
        doubt = self.gain_var * q * q + 2.0 * self.covariance * q + self.bias_var
        section, number, mix = worlds.section, worlds.number, self.mix
        coming = library.mood[library.row[section] + number, mix]
        here = library.section_mood[section, mix]
        changed = library.section_mood[
            section[:, None], changed_mixes(library, section, mix)[:, 1:]
        ]
        place = np.stack(
            [
                (library.bars[section] - number) / 8.0,
                np.minimum(worlds.turn, 4) / 4.0,
                worlds.pending != NOWHERE,
                library.bar_seconds[worlds.cue] - 2.0,
            ],
            axis=1,
        )
        return np.concatenate(
            [
                target,
                target - before,
                before - earlier,
                target - self.slow_target,
                q,
                felt,
                self.gain - 1.0,
                self.bias,
                np.sqrt(np.maximum(doubt, 0.0)),
                np.sqrt(self.bias_var),
                self.count / (self.count + 2.0),
                target - felt,
                target - self.gain * coming - self.bias,
                _PHASES[number % PHRASE_BARS],
                place,
                MIX_LEVELS[mix] / (len(LEVELS) - 1),
                library.present[section],
                (changed - here[:, None]).reshape(self.n, -1),
                self._slots(library, worlds).reshape(self.n, -1),
            ],
            axis=1,
        )

    def _slots(self, library: Library, worlds: Worlds) -> FloatArray:
        """What is seen of each section of the cue [shape=(n, SLOTS, 10)]; 0 where there is none."""
        section, target = worlds.section[:, None], library.slots[worlds.cue]
        known, there = target != NOWHERE, np.maximum(target, 0)
        hop = library.next_hop[section, there]
        wait = (
            library.wait_bars(section, hop, worlds.number[:, None]) + library.path_bars[hop, there]
        )
        here = there == section
        quiet = library.presets[there, 0]
        moods = np.concatenate(
            [
                library.section_mood[there, self.mix[:, None]],
                library.section_mood[there, MIXES - 1],
                library.section_mood[there, quiet],
            ],
            axis=2,
        )
        wanted = np.tile((self.targets[0] - self.bias)[:, None], 3)
        gaps = wanted - np.tile(self.gain[:, None], 3) * moods
        flags = np.stack(
            [
                here,
                there == worlds.pending[:, None],
                (library.leave_at[section, there] >= 0) & ~here,
                np.where(here, 0.0, np.minimum(wait / 8.0, _FAR_AWAY)),
            ],
            axis=2,
        )
        return np.asarray(np.concatenate([flags, gaps], axis=2) * known[:, :, None])
