"""What an agent can know, bar by bar, in training and in play: one function builds its observation.

Moods are in standard deviations of listeners' ratings. Three things are kept for each of n worlds:

* **estimate**: what an average listener feels by now, from the impressions of the bars that
sounded;
* **belief**: Gaussian posterior over this listener's gain g and bias b. As felt mood obeys
  felt = g * estimate + b, every rating is a linear measurement of (g, b), and Bayesian linear
  regression on running sums is exact but for clipping;
* **target**: the mood wanted at the last bars, of which level and trend are seen.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...analysis.emotion.model import EmotionModel
from ...analysis.scores.ear import Ear
from ...analysis.scores.symbolic import FEATURES
from ...music.book import Book
from ...music.cue import PHRASE_BARS
from ...music.direction import KNOBS
from ...music.worlds import Bars, Worlds
from .listener import FELT_LIMIT, ListenerSettings

FloatArray = NDArray[np.float64]

KNOB_STEP = 0.35
"""How far a knob can move in a bar, as a share of its range."""

DEAD_ZONE = 0.2
"""Actions smaller than this leave a knob where it is, so that keeping still is easy to learn."""

HEARD = {  # feature -> (centre, scale) that bring it to about -1..1
    "onset_density": (1.5, 0.6),
    "percussion_density": (1.0, 0.8),
    "polyphony": (1.6, 0.5),
    "pitch_mean": (58.0, 8.0),
    "velocity_mean": (0.45, 0.15),
    "log_duration": (-0.8, 0.6),
    "third": (0.0, 0.25),
    "rhythm_entropy": (2.0, 0.5),
}
"""Music features of the bar that sounded which an agent sees."""

_HEARD_AT = [FEATURES.index(name) for name in HEARD]
_HEARD_CENTRE, _HEARD_SCALE = np.array(list(HEARD.values())).T

_TURN = 2.0 * np.pi / PHRASE_BARS * np.arange(PHRASE_BARS)
_PHASES = np.stack([np.sin(_TURN), np.cos(_TURN), np.arange(PHRASE_BARS) == 0], axis=1)

_AXES = ("valence", "arousal")
OBSERVATION: tuple[str, ...] = (
    *(f"knob_{name}" for name in KNOBS),
    *(f"estimate_{axis}" for axis in _AXES),  # felt by an average listener, sd
    *(f"felt_{axis}" for axis in _AXES),  # by this listener, as far as is known
    *(f"gain_{axis}" for axis in _AXES),  # of this listener, less 1
    *(f"bias_{axis}" for axis in _AXES),
    *(f"doubt_{axis}" for axis in _AXES),  # sd of what is known of felt
    *(f"bias_doubt_{axis}" for axis in _AXES),
    *(f"next_{axis}" for axis in _AXES),  # impression of the next bar if nothing is changed
    *(f"next_pull_{axis}" for axis in _AXES),  # where that would pull this listener, less felt
    *(f"gap_{axis}" for axis in _AXES),  # target less felt
    *(f"target_{axis}" for axis in _AXES),
    *(f"change_{axis}" for axis in _AXES),  # of the target over the last bar
    *(f"change_before_{axis}" for axis in _AXES),  # and over the bar before
    *(f"trend_{axis}" for axis in _AXES),  # target less its mean over some eight bars
    "phase_sin",
    "phase_cos",
    "phrase_boundary",  # 1 if the next bar begins a phrase
    "leaving",  # 1 if a change of section is on its way
    "brightness",  # of the mode of the last bar, -1 phrygian .. 1 lydian within the cue
    "ratings",  # n / (n + 2)
    *(f"heard_{name}" for name in HEARD),
)
"""The numbers of an observation, in order."""

_STATE = (
    "knobs",
    "estimate",
    "targets",
    "slow_target",
    "heard",
    "next",
    "brightness",
    "count",
    "sums",
)
_FORGET = 1.0 / 8.0  # share of a bar in the slow mean of the target
_LEAST_SD = 1e-3  # of traits that do not vary, so that their precision stays finite
_MOST_PRECISION = 1e4  # of a rating without noise
_GAIN_SD_FACTOR = 1.05  # sd of a log-normal gain by that of its logarithm, near 0.25


def move_knobs(knobs: FloatArray, action: FloatArray) -> FloatArray:
    """Knobs [shape=(n, 9)] after actions in [-1, 1]: up to `KNOB_STEP`, beyond the dead zone."""
    size = np.maximum(np.abs(action) - DEAD_ZONE, 0.0) / (1.0 - DEAD_ZONE)
    moved = knobs + np.sign(action) * size * KNOB_STEP
    return np.minimum(np.maximum(moved, 0.0), 1.0)


class Perception:
    """The agent's side of n performances.

    In each bar the caller sets `knobs`, then calls `look`, `hear`, `rate` (if there is a rating)
    and `want`, in this order. Arrays are [shape=(n, ...)], pairs valence and arousal in sd:
    `knobs` (n, 9), `estimate` (n, 2), `targets` (3, n, 2) the newest first, `slow_target` (n, 2),
    `next` (n, 2) the impression of the bar to come; of the belief `gain`, `bias`, `gain_var`,
    `bias_var` and `covariance`, each (n, 2).

    :param n: how many
    :param settings: what is assumed of listeners (the spread of their traits, their memory)
    """

    def __init__(self, n: int, settings: ListenerSettings) -> None:
        self.n = n
        self.settings = settings
        self.knobs = np.full((n, len(KNOBS)), 0.5)
        self.estimate = np.zeros((n, 2))
        self.targets = np.zeros((3, n, 2))  # newest first
        self.slow_target = np.zeros((n, 2))
        self.heard = np.zeros((n, len(HEARD)))
        self.next = np.zeros((n, 2))
        self.brightness = np.zeros(n)
        self.count = np.zeros((n, 1))
        self.sums = np.zeros((4, n, 2))  # of q, q^2, r and q r over ratings r at estimates q
        self._believe()

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain JSON values."""
        return {name: getattr(self, name).tolist() for name in _STATE}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot of as many performances."""
        for name in _STATE:
            setattr(self, name, np.array(snapshot[name], dtype=float))
        self._believe()

    def reset(self, knobs: FloatArray, target: FloatArray) -> None:
        """Begin anew, for listeners of whom nothing is known.

        :param knobs: where the knobs are [shape=(n, 9)], each in [0, 1]
        :param target: the mood wanted [shape=(n, 2), sd]
        """
        self.knobs = np.array(knobs, dtype=float)
        self.estimate = np.zeros((self.n, 2))
        self.want_first(target)
        self.heard = np.zeros((self.n, len(HEARD)))
        self.next = np.zeros((self.n, 2))
        self.brightness = np.zeros(self.n)
        self.count = np.zeros((self.n, 1))
        self.sums = np.zeros((4, self.n, 2))
        self._believe()

    def want_first(self, target: FloatArray) -> None:
        """The mood wanted [shape=(n, 2), sd] before the first bar: as if it had long been so."""
        self.targets = np.stack([target] * 3)
        self.slow_target = target.copy()

    def want(self, target: FloatArray) -> None:
        """The mood wanted [shape=(n, 2), sd] in the bar that has just gone by."""
        self.targets = np.stack([target, self.targets[0], self.targets[1]])
        self.slow_target = self.slow_target + _FORGET * (target - self.slow_target)

    def look(self, ear: Ear, model: EmotionModel, *bars: Bars) -> tuple[FloatArray, FloatArray]:
        """Hear bars together, which is faster than one after another.

        :param bars: any number of bars of n worlds each; the last are those that come if no knob
            moves, and their impression is kept as `next`
        :return: impressions [shape=(bars * n, 2), sd] and features [shape=(bars * n, F)]
        """
        features = ear.hear(*bars)
        impressions = model.predict(features)
        self.next = impressions[-self.n :]
        return impressions, features

    def hear(self, impression: FloatArray, features: FloatArray, bars: Bars, book: Book) -> None:
        """Take in the bar that sounded.

        :param impression: of an average listener [shape=(n, 2), sd]
        :param features: as in `symbolic.FEATURES` [shape=(n, F)]
        """
        self.estimate = self.estimate + self.settings.rate * (impression - self.estimate)
        self.heard = (features[:, _HEARD_AT] - _HEARD_CENTRE) / _HEARD_SCALE
        self.brightness = 2.0 * (bars.setting.mode + 0.5) / book.n_modes[bars.cue] - 1.0

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
        self.bias_sd = np.sqrt(self.bias_var)

    @property
    def felt(self) -> FloatArray:
        """What this listener feels, as far as is known [shape=(n, 2), sd]."""
        felt: FloatArray = self.gain * self.estimate + self.bias
        return np.minimum(np.maximum(felt, -FELT_LIMIT), FELT_LIMIT)

    def observe(self, worlds: Worlds) -> FloatArray:
        """The observation [shape=(n, len(OBSERVATION))], in the order of `OBSERVATION`."""
        q, felt = self.estimate, self.felt
        target, before, earlier = self.targets
        doubt = self.gain_var * q * q + 2.0 * self.covariance * q + self.bias_var
        place = np.stack([worlds.pending >= 0, self.brightness], axis=1)
        return np.concatenate(
            [
                self.knobs,
                q,
                felt,
                self.gain - 1.0,
                self.bias,
                np.sqrt(np.maximum(doubt, 0.0)),
                self.bias_sd,
                self.next,
                self.gain * self.next + self.bias - felt,
                target - felt,
                target,
                target - before,
                before - earlier,
                target - self.slow_target,
                _PHASES[worlds.number % PHRASE_BARS],
                place,
                self.count / (self.count + 2.0),
                self.heard,
            ],
            axis=1,
        )
