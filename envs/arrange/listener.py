"""Simulated listeners: each feels music in a way of their own that nobody sees.

A listener's felt mood follows the impression of the bars with a lag, scaled and shifted by hidden
traits:  felt += rate * (gain * impression + bias - felt).  The lag (4 bars), the spread of bias
(0.6) and of log gain (0.25) are what the ratings of VGMIDI support: a memory of 4 to 8 bars
predicts them best, and listeners' biases differ by more than the music itself does; the spread used
here is at the cautious end. Moods are in standard deviations of listeners' ratings
(`music.mood.MOOD_PER_SD`). How listeners answer is in `feedback`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...music.errors import UnknownNameError, check_range

FloatArray = NDArray[np.float64]

FELT_LIMIT = 2.5
"""Nobody reports more than this many standard deviations."""

CHANNELS = ("rating", "thumbs", "skip", "silence")
"""Ways in which a listener answers; see `feedback`."""


@dataclass(frozen=True)
class ListenerSettings:
    """How listeners differ and how they answer. Units: standard deviations (sd) of ratings."""

    memory_bars: float = 4.0  # time constant of what is felt [bars]; 0: felt at once
    bias_sd: float = 0.6  # spread of the hidden bias [sd]; 0: everybody feels alike
    bias_mean_valence: float = 0.0  # mean of the bias in the population [sd]
    bias_mean_arousal: float = 0.0
    log_gain_sd: float = 0.25  # spread of the log of the hidden gain
    feedback: tuple[str, ...] = ("rating",)  # of `CHANNELS`; none: nobody ever answers
    rating_every_bars: int = 4  # bars between ratings; 0: never
    rating_noise: float = 0.4  # of a rating [sd]
    thumbs_every_bars: int = 2  # bars between the times that listeners like, dislike or complain
    complaint_share: float = 0.3  # of the times that something is disliked, listeners say so

    def __post_init__(self) -> None:
        check_range("memory_bars", self.memory_bars, 0.0, 1000.0)
        check_range("bias_sd", self.bias_sd, 0.0, 5.0)
        check_range("bias_mean_valence", self.bias_mean_valence, -2.5, 2.5)
        check_range("bias_mean_arousal", self.bias_mean_arousal, -2.5, 2.5)
        check_range("log_gain_sd", self.log_gain_sd, 0.0, 2.0)
        check_range("rating_noise", self.rating_noise, 0.0, 10.0)
        check_range("rating_every_bars", self.rating_every_bars, 0, 100_000)
        check_range("thumbs_every_bars", self.thumbs_every_bars, 0, 100_000)
        check_range("complaint_share", self.complaint_share, 0.0, 1.0)
        for channel in self.feedback:
            if channel not in CHANNELS:
                raise UnknownNameError("channel of feedback", channel, CHANNELS)

    @classmethod
    def from_options(cls, **options: Any) -> "ListenerSettings":
        """Settings from plain options; `feedback` may be a text such as "rating+thumbs"."""
        if "feedback" in options:
            channels = options["feedback"]
            names = channels.split("+") if isinstance(channels, str) else channels
            options["feedback"] = tuple(name for name in names if name not in ("", "none"))
        return cls(**options)

    @property
    def bias_mean(self) -> FloatArray:
        """Mean of the bias in the population [shape=(2,), sd]."""
        return np.array([self.bias_mean_valence, self.bias_mean_arousal])

    @property
    def rate(self) -> float:
        """Share of the way that felt mood moves in a bar."""
        return 1.0 if self.memory_bars <= 0 else float(1.0 - np.exp(-1.0 / self.memory_bars))


class Listeners:
    """n simulated listeners: `bias`, `gain` and what they feel by now, `felt`.

    Each is a pair of valence and arousal [shape=(n, 2)], in sd but for the gain.
    """

    def __init__(self, n: int, settings: ListenerSettings) -> None:
        self.settings = settings
        self.bias = np.zeros((n, 2))
        self.gain = np.ones((n, 2))
        self.felt = np.zeros((n, 2))

    def draw(self, rng: np.random.Generator, n: int) -> tuple[FloatArray, FloatArray]:
        """Biases (sd) and gains [each shape=(n, 2)] of n new listeners, without meeting them."""
        bias = self.settings.bias_mean + self.settings.bias_sd * rng.standard_normal((n, 2))
        return bias, np.exp(self.settings.log_gain_sd * rng.standard_normal((n, 2)))

    def meet(self, bias: FloatArray, gain: FloatArray) -> None:
        """Take these listeners; at first they feel their own bias."""
        self.bias, self.gain = bias, gain
        self.felt = np.clip(bias, -FELT_LIMIT, FELT_LIMIT)

    def feel(self, impression: FloatArray) -> FloatArray:
        """Let a bar of that impression [shape=(n, 2), sd] sound; returns `felt` after it."""
        pull = self.gain * impression + self.bias - self.felt
        felt = self.felt + self.settings.rate * pull
        self.felt = np.minimum(np.maximum(felt, -FELT_LIMIT), FELT_LIMIT)
        return self.felt
