"""What is believed of a listener: a Gaussian posterior over their gain g and bias b, for each axis.

A felt mood obeys  felt = g * estimate + b,  where the estimate is what an average listener feels.
So a rating is a linear measurement of (g, b), and Bayesian linear regression on running sums is
exact (but for clipping, and a log-normal gain taken as normal).

Likes, skips and silence are no linear measurements. Their likelihood is kept on a fixed set of
quasi-random listeners (an importance sampler; the points by the additive recurrence of Roberts,
2018, spread more widely than listeners are); mean and covariance of the set, so weighted, take the
place of the regression's prior (moment matching, as in Minka's assumed density filtering, 2001). So
answers of all kinds add up in one posterior.
"""

from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .feedback import like_probability, more_displeased, skip_probability
from .listener import FELT_LIMIT, ListenerSettings
from .rewards import distance

FloatArray = NDArray[np.float64]

POINTS = 256
"""Quasi-random listeners."""

_WIDER = 1.6  # spread of the points by that of listeners, so that rare ones are among them
_LEAST_SD = 1e-3  # of traits that do not vary, so that their precision stays finite
_MOST_PRECISION = 1e4  # of a rating without noise
_GAIN_SD_FACTOR = 1.05  # sd of a log-normal gain by that of its logarithm, near 0.25
_RESOLUTION = 0.15  # of the points, as a share of the prior sd: no set of weights tells more
_LEAST_GAIN, _MOST_GAIN = 0.2, 3.0  # whatever anybody answers
_LEAST_PROBABILITY = 1e-3  # of any answer, as people also slip


@lru_cache(maxsize=16)
def _points(settings: ListenerSettings) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gains and biases of quasi-random listeners [each shape=(POINTS, 2)], log weights [POINTS]."""
    ratio = 1.1673039782614187  # root of x^5 = x + 1: of the recurrence in four dimensions
    steps = (0.5 + np.arange(1, POINTS + 1)[:, None] / ratio ** np.arange(1, 5)) % 1.0
    normal = NormalDist()
    z = _WIDER * np.array([[normal.inv_cdf(float(u)) for u in row] for row in steps])
    weight = -0.5 * (z**2).sum(axis=1) * (1.0 - 1.0 / _WIDER**2)
    share = np.exp(weight - weight.max())
    share /= share.sum()
    z -= share @ z
    z /= np.sqrt(share @ z**2)
    gain_sd, bias_sd = _spreads(settings)
    bias = settings.bias_mean + bias_sd * z[:, 2:]
    return _gain_mean(settings) + gain_sd * z[:, :2], bias, np.log(share)


def _spreads(settings: ListenerSettings) -> tuple[float, float]:
    """Prior sd of gain and bias."""
    gain_sd = max(settings.log_gain_sd, _LEAST_SD) * _GAIN_SD_FACTOR
    return gain_sd, max(settings.bias_sd, _LEAST_SD)


def _gain_mean(settings: ListenerSettings) -> float:
    return float(np.exp(settings.log_gain_sd**2 / 2))


class Belief:
    """What is believed of n listeners.

    Of the posterior, each [shape=(n, 2)]: `gain` and `bias`, their variances `gain_var`,
    `bias_var`, their `covariance`, and `bias_sd`. `count` [n, 1] counts ratings.

    :param n: how many
    :param settings: the spread of listeners' traits and how they answer
    :param exact: the posterior; else its ablation: everybody's gain is 1, their bias the shrunk
        mean of what ratings differed by, and doubt never falls
    """

    def __init__(self, n: int, settings: ListenerSettings, *, exact: bool = True) -> None:
        self.n, self.settings, self.exact = n, settings, exact
        self.reset()

    def reset(self) -> None:
        """Forget all."""
        self.count = np.zeros((self.n, 1))
        self.sums = np.zeros((4, self.n, 2))  # of q, q^2, r and q r over ratings r at estimates q
        self.evidence: FloatArray | None = None  # log likelihood of other answers [n, POINTS]
        self.displeasure: FloatArray | None = None  # that each point would have by now [n, POINTS]
        self._prior()
        self._update()

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain JSON values."""
        arrays = (self.count, self.sums, self.evidence, self.displeasure)
        names = ("count", "sums", "evidence", "displeasure")
        return {
            name: None if array is None else array.tolist()
            for name, array in zip(names, arrays, strict=True)
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot of as many listeners."""
        self.count, self.sums = (np.array(snapshot[name], float) for name in ("count", "sums"))
        self.evidence, self.displeasure = (
            None if snapshot[name] is None else np.array(snapshot[name], float)
            for name in ("evidence", "displeasure")
        )
        self._prior()
        self._update()

    def rate(self, estimate: FloatArray, rating: FloatArray) -> None:
        """Take in ratings [shape=(n, 2), sd] given where an average listener feels that [n, 2]."""
        q = estimate
        self.count = self.count + 1.0
        self.sums = self.sums + np.stack([q, q * q, rating, q * rating])
        self._update()

    def thumb(self, estimate: FloatArray, wanted: FloatArray, thumbs: FloatArray) -> None:
        """Take in likes (1) and dislikes (-1) [shape=(n,)]; between them they count for less.

        :param estimate: what an average listener feels [n, 2]
        :param wanted: the mood wanted [n, 2]
        """
        like = like_probability(self._apart(estimate, wanted))
        told = np.where(thumbs[:, None] > 0, like, 1.0 - like)
        self._weigh(told, np.abs(thumbs))

    def complain(
        self, estimate: FloatArray, wanted: FloatArray, complaints: NDArray[np.bool_]
    ) -> None:
        """Take in complaints, and the silence of the others [shape=(n,)]."""
        dislike = 1.0 - like_probability(self._apart(estimate, wanted))
        share = self.settings.complaint_share * dislike
        self._weigh(np.where(complaints[:, None], share, 1.0 - share))

    def skip(self, estimate: FloatArray, wanted: FloatArray, skips: NDArray[np.bool_]) -> None:
        """Take in who skipped a bar and who did not [shape=(n,)]; once for every bar."""
        before = np.zeros((self.n, POINTS)) if self.displeasure is None else self.displeasure
        displeasure = more_displeased(before, self._apart(estimate, wanted))
        skip = skip_probability(displeasure)
        self.displeasure = np.where(skips[:, None], 0.0, displeasure)
        self._weigh(np.where(skips[:, None], skip, 1.0 - skip))

    def know(self, gain: FloatArray, bias: FloatArray) -> None:
        """Be told the truth [each shape=(n, 2)], as nobody is but in ablations."""
        self.gain, self.bias = gain, bias
        self.gain_var = self.bias_var = self.covariance = self.bias_sd = np.zeros((self.n, 2))

    @property
    def shrunk_residual(self) -> FloatArray:
        """Mean of rating less estimate [shape=(n, 2), sd].

        Drawn towards the population's bias while few are known: the belief about the bias of one
        who knows nothing of gains.
        """
        s = self.settings
        weight = s.rating_noise**2 / max(s.bias_sd, _LEAST_SD) ** 2
        residual = self.sums[2] - self.sums[0] + weight * s.bias_mean
        return np.asarray(residual / (self.count + weight))

    def felt(self, estimate: FloatArray) -> FloatArray:
        """What listeners feel where an average one feels that [both shape=(n, 2), sd]."""
        felt: FloatArray = self.gain * estimate + self.bias
        return np.minimum(np.maximum(felt, -FELT_LIMIT), FELT_LIMIT)

    def doubt(self, estimate: FloatArray) -> FloatArray:
        """Posterior sd of that [shape=(n, 2), sd]."""
        variance = self.gain_var * estimate**2 + 2.0 * self.covariance * estimate + self.bias_var
        return np.sqrt(np.maximum(variance, 0.0))

    def _apart(self, estimate: FloatArray, wanted: FloatArray) -> FloatArray:
        """Distance of felt and wanted mood for each quasi-random listener [shape=(n, POINTS)]."""
        gain, bias, _ = _points(self.settings)
        felt = np.clip(estimate[:, None] * gain + bias, -FELT_LIMIT, FELT_LIMIT)
        return distance(felt, wanted[:, None])

    def _weigh(self, likelihood: FloatArray, share: FloatArray | None = None) -> None:
        """Add what an answer tells: its likelihood for each quasi-random listener, or a share."""
        told = np.log(np.maximum(likelihood, _LEAST_PROBABILITY))
        if share is not None:
            told *= share[:, None]
        self.evidence = told if self.evidence is None else self.evidence + told
        self._prior()
        self._update()

    def _prior(self) -> None:
        """The regression's prior: precision (2 x 2) and precision times mean, by axis."""
        gain_sd, bias_sd = _spreads(self.settings)
        shape = (self.n, 2)
        if self.evidence is None:
            gain_mean = _gain_mean(self.settings)
            self._gain_precision = np.full(shape, 1.0 / gain_sd**2)
            self._bias_precision = np.full(shape, 1.0 / bias_sd**2)
            self._cross = np.zeros(shape)
            self._gain_information = np.full(shape, gain_mean / gain_sd**2)
            self._bias_information = np.full(shape, self.settings.bias_mean / bias_sd**2)
            return
        gain, bias, prior = _points(self.settings)
        weight = np.exp(self.evidence + prior - (self.evidence + prior).max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        gain_mean, bias_mean = weight @ gain, weight @ bias
        least = np.array([gain_sd, bias_sd]) * _RESOLUTION
        gain_var = np.maximum(weight @ gain**2 - gain_mean**2, 0.0) + least[0] ** 2
        bias_var = np.maximum(weight @ bias**2 - bias_mean**2, 0.0) + least[1] ** 2
        covariance = weight @ (gain * bias) - gain_mean * bias_mean
        det = gain_var * bias_var - covariance**2
        self._gain_precision, self._bias_precision = bias_var / det, gain_var / det
        self._cross = -covariance / det
        self._gain_information = self._gain_precision * gain_mean + self._cross * bias_mean
        self._bias_information = self._bias_precision * bias_mean + self._cross * gain_mean

    def _update(self) -> None:
        """Posterior of (gain, bias) for each axis: a 2 x 2 system in closed form."""
        if not self.exact:
            self.know(np.ones((self.n, 2)), self.shrunk_residual)
            gain_sd, bias_sd = _spreads(self.settings)
            self.gain_var, self.bias_var = self.gain_var + gain_sd**2, self.bias_var + bias_sd**2
            self.bias_sd = np.sqrt(self.bias_var)
            return
        noise = self.settings.rating_noise
        precision = 1.0 / noise**2 if noise > 0 else _MOST_PRECISION
        sum_q, sum_qq, sum_r, sum_qr = self.sums
        a = self._gain_precision + precision * sum_qq
        b = self._cross + precision * sum_q
        d = self._bias_precision + precision * self.count
        u = self._gain_information + precision * sum_qr
        v = self._bias_information + precision * sum_r
        det = a * d - b * b
        self.gain = np.minimum(np.maximum((d * u - b * v) / det, _LEAST_GAIN), _MOST_GAIN)
        self.bias = np.minimum(np.maximum((a * v - b * u) / det, -FELT_LIMIT), FELT_LIMIT)
        self.gain_var, self.bias_var, self.covariance = d / det, a / det, -b / det
        self.bias_sd = np.sqrt(self.bias_var)
