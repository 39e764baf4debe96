"""What an agent can know, bar by bar, in training and in play: one code path for both.

Moods are in standard deviations of listeners' ratings. For each of n performances are kept:

* **estimate**: what an average listener feels by now, from the impressions of the bars that
  sounded;
* **belief**: about this listener's gain and bias (`belief`);
* **forecast**: the moods wanted so far, and those expected (`games.forecast`);
* **response**: how the coming bars answer to the knobs (`response`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...analysis.emotion.model import EmotionModel
from ...analysis.scores.ear import Ear
from ...music.book import Book
from ...music.cue import PHRASE_BARS
from ...music.direction import KNOBS
from ...music.worlds import Bars, Worlds
from ..games.forecast import Forecast, load_forecast
from .attention import Attention
from .belief import Belief
from .listener import ListenerSettings
from .observation import AHEAD_BARS, DOUBTED
from .observation import OBSERVATION as OBSERVATION
from .response import COMPONENTS, NEXT_COMPONENTS, ThemeResponse

FloatArray = NDArray[np.float64]

KNOB_STEP = 0.35
"""How far a knob can move in a bar, as a share of its range."""

DEAD_ZONE = 0.2
"""Actions smaller than this leave a knob where it is, so that keeping still is easy to learn."""

_TURN = 2.0 * np.pi / PHRASE_BARS * np.arange(PHRASE_BARS)
_PHASES = np.stack([np.sin(_TURN), np.cos(_TURN), np.arange(PHRASE_BARS) == 0], axis=1)
_DOUBTED = [bar - 1 for bar in DOUBTED]
_STATE = ("knobs", "estimate", "next", "brightness", "bar_seconds")


def move_knobs(knobs: FloatArray, action: FloatArray) -> FloatArray:
    """Knobs [shape=(n, 9)] after actions in [-1, 1]: up to `KNOB_STEP`, beyond the dead zone."""
    size = np.maximum(np.abs(action) - DEAD_ZONE, 0.0) / (1.0 - DEAD_ZONE)
    moved = knobs + np.sign(action) * size * KNOB_STEP
    return np.minimum(np.maximum(moved, 0.0), 1.0)


def bar_seconds(bars: Bars) -> FloatArray:
    """How long bars last [shape=(n,)]."""
    return np.asarray(bars.beats * 60.0 / bars.setting.bpm)


class Perception(Attention):
    """The agent's side of n performances.

    In each bar the caller sets `knobs`, then calls `look`, `hear`, `want` and `answer` (live:
    `rate` or `answer` whenever an answer comes). Arrays are [shape=(n, ...)], pairs valence and
    arousal in sd: `knobs` (n, 9), `estimate` (n, 2), `next` (n, 2) the impression of the bar to
    come and `bar_seconds` (n,) its length, if no knob moves.

    :param n: how many
    :param settings: what is assumed of listeners (the spread of their traits, their memory)
    :param response: of the book that is played; None tells nothing of the music to come
    :param forecast: whether the game is forecast; else the last mood wanted is taken to stay
    :param belief: whether belief is exact; see `Belief`
    :param show_game: whether the features of the game are seen themselves
    """

    def __init__(
        self,
        n: int,
        settings: ListenerSettings,
        response: ThemeResponse | None = None,
        *,
        forecast: bool = True,
        belief: bool = True,
        show_game: bool = False,
    ) -> None:
        self.n = n
        self.settings = settings
        self.show_game = show_game
        self._response = response
        self.belief = Belief(n, settings, exact=belief)
        self.forecast = Forecast(n, load_forecast() if forecast else None)
        self.reset(np.full((n, len(KNOBS)), 0.5))

    def reset(self, knobs: FloatArray) -> None:
        """Begin anew, for listeners of whom nothing is known; `look` and `want_first` follow.

        :param knobs: where the knobs are [shape=(n, 9)], each in [0, 1]
        """
        self.knobs = np.array(knobs, dtype=float)
        self.estimate = np.zeros((self.n, 2))
        self.next = np.zeros((self.n, 2))
        self.brightness = np.zeros(self.n)
        self.bar_seconds = np.ones(self.n)
        self.belief.reset()
        self.forecast.begin(np.zeros((self.n, 2)), None)

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain JSON values."""
        state: dict[str, Any] = {name: getattr(self, name).tolist() for name in _STATE}
        return state | {"belief": self.belief.snapshot(), "forecast": self.forecast.snapshot()}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot of as many performances."""
        for name in _STATE:
            setattr(self, name, np.array(snapshot[name], dtype=float))
        self.belief.restore(snapshot["belief"])
        self.forecast.restore(snapshot["forecast"])

    def look(self, ear: Ear, model: EmotionModel, *bars: Bars) -> tuple[FloatArray, FloatArray]:
        """Hear bars together, which is faster than one after another.

        :param bars: any number of bars of n worlds each; the last are those that come if no knob
            moves, and their impression is kept as `next`
        :return: impressions [shape=(bars * n, 2), sd] and features [shape=(bars * n, F)]
        """
        features = ear.hear(*bars)
        impressions = model.predict(features)
        self.next = impressions[-self.n :]
        self.bar_seconds = bar_seconds(bars[-1])
        return impressions, features

    def hear(self, impression: FloatArray, bars: Bars, book: Book) -> None:
        """Take in the bars that sounded, and their impression [shape=(n, 2), sd]."""
        self.estimate = self.estimate + self.settings.rate * (impression - self.estimate)
        self.brightness = 2.0 * (bars.setting.mode + 0.5) / book.n_modes[bars.cue] - 1.0

    @property
    def ahead(self) -> FloatArray:
        """The moods expected at the ends of the coming bars (medians) [shape=(n, 6, 2), sd]."""
        return self.forecast.moods

    @property
    def ahead_scale(self) -> FloatArray:
        """Laplace scales of those: their mean absolute errors [shape=(n, 6, 2), sd]."""
        return self.forecast.scale

    @property
    def gain(self) -> FloatArray:
        """Believed gain of the listeners [shape=(n, 2)]."""
        return self.belief.gain

    @property
    def bias(self) -> FloatArray:
        """Believed bias of the listeners [shape=(n, 2), sd]."""
        return self.belief.bias

    @property
    def bias_var(self) -> FloatArray:
        """Posterior variance of that [shape=(n, 2)]."""
        return self.belief.bias_var

    @property
    def count(self) -> FloatArray:
        """Ratings so far [shape=(n, 1)]."""
        return self.belief.count

    def observe(self, worlds: Worlds) -> FloatArray:
        """The observation [shape=(n, len(OBSERVATION))], in the order of `OBSERVATION`."""
        q, belief, forecast = self.estimate, self.belief, self.forecast
        felt, target = self.felt, forecast.moods_so_far[0]
        ahead = forecast.moods[:, :AHEAD_BARS] - felt[:, None]
        count = belief.count[:, 0]
        place = [worlds.pending >= 0, self.brightness, count / (count + 2.0)]
        parts = [
            self.knobs,
            q,
            felt,
            belief.gain - 1.0,
            belief.bias,
            belief.doubt(q),
            belief.bias_sd,
            self.next,
            belief.gain * self.next + belief.bias - felt,
            target - felt,
            target,
            target - forecast.moods_so_far[1],
            ahead.reshape(self.n, -1),
            forecast.scale[:, _DOUBTED].reshape(self.n, -1),
            _PHASES[worlds.number % PHRASE_BARS],
            np.stack([*place, np.log(self.bar_seconds)], axis=1),
            self._coming_music(worlds),
        ]
        if self.show_game:
            parts.append(forecast.features[0])
        return np.concatenate(parts, axis=1)

    def _coming_music(self, worlds: Worlds) -> FloatArray:
        """Response of the bars to come [shape=(n, 16)]."""
        if self._response is None:
            return np.zeros((self.n, COMPONENTS + NEXT_COMPONENTS))
        return self._response.look(worlds.book.section_row[worlds.section] + worlds.number)
