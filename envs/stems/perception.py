"""What an agent can know of recorded music in play, in training and live: the same observation.

Moods are in standard deviations (sd) of listeners' ratings. As for the arranger, there are for each
of n performances the `estimate` of what an average listener feels by now, the `belief` about this
one, and the `forecast` of the moods wanted; and there is the `mix` that sounds.
"""

from typing import Any

import numpy as np

from ...music.cue import PHRASE_BARS
from ...music.worlds import Worlds
from ..arrange.attention import Attention
from ..arrange.belief import Belief
from ..arrange.listener import ListenerSettings
from ..games.forecast import BARS as FORECAST_BARS
from ..games.forecast import Forecast, load_forecast
from .actions import CHANGES, changed_mixes
from .library import (
    LEVELS,
    MIX_LEVELS,
    NOWHERE,
    PARTS,
    PRESETS,
    SLOTS,
    FloatArray,
    IntArray,
    Library,
)
from .route import Place

_AXES = ("valence", "arousal")
AHEAD_BARS = 5
"""Bars ahead of which the mood expected is seen; the first is the one that is being decided."""

SOON_BARS = 3
"""Bars that music stays, to see how far a listener would be from the mood wanted soon."""

_DOUBTED = (0, 3)  # those whose doubt is seen, counted from 0
OBSERVATION: tuple[str, ...] = (
    *(f"target_{axis}" for axis in _AXES),  # mood wanted at the last bar that is known, sd
    *(f"change_{axis}" for axis in _AXES),  # over that bar
    *(  # mood expected after each of the coming bars, less target
        f"ahead_{bar}_{axis}" for bar in range(1, AHEAD_BARS + 1) for axis in _AXES
    ),
    *(f"ahead_doubt_{bar + 1}_{axis}" for bar in _DOUBTED for axis in _AXES),  # its scale
    *(f"estimate_{axis}" for axis in _AXES),  # felt by an average listener
    *(f"felt_{axis}" for axis in _AXES),  # by this listener, as far as is known
    *(f"gain_{axis}" for axis in _AXES),  # of this listener, less 1
    *(f"bias_{axis}" for axis in _AXES),
    *(f"doubt_{axis}" for axis in _AXES),  # sd of what is known of felt
    *(f"bias_doubt_{axis}" for axis in _AXES),
    "ratings",  # n / (n + 2)
    *(f"gap_{axis}" for axis in _AXES),  # target less felt
    *(f"next_gap_{axis}" for axis in _AXES),  # ahead_1 less where the next bar pulls, unchanged
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
    *(  # how far this listener would be from the mood wanted in some bars, after each change
        f"{change}_{what}" for what in ("soon", "settled") for change in CHANGES
    ),
    *(
        f"slot_{slot}_{what}"
        for slot in range(SLOTS)
        for what in (
            "here",
            "coming",  # it was asked for
            "open",  # a way leads there
            "wait",  # bars until it could begin, by the quickest way, by 8, up to 3
            *(f"gap_{axis}" for axis in _AXES),  # mood expected then, less that there, this mix
            "soon",  # how far this listener would be from it some bars after, in the best plain mix
            "settled",  # and in the long run
        )
    ),
)
"""The numbers of an observation, in order."""

_TURN = 2.0 * np.pi / PHRASE_BARS * np.arange(PHRASE_BARS)
_PHASES = np.stack([np.sin(_TURN), np.cos(_TURN), np.arange(PHRASE_BARS) == 0], axis=1)
_FAR_AWAY = 3.0  # of a wait by 8 bars


class Perception(Attention):
    """The agent's side of n performances of recorded music.

    In each bar the caller sets `mix`, then calls `hear`, `want` and `answer` (live: `rate` or
    `answer` whenever an answer comes). Arrays are [shape=(n, ...)], pairs valence and arousal in
    sd: `mix` (n,), `estimate` (n, 2), `bar_seconds` (n,).

    :param n: how many
    :param settings: what is assumed of listeners (the spread of their traits, their memory)
    :param forecast: whether the game is forecast; else the last mood wanted is taken to stay
    """

    def __init__(self, n: int, settings: ListenerSettings, *, forecast: bool = True) -> None:
        self.n = n
        self.settings = settings
        self.belief = Belief(n, settings)
        self.forecast = Forecast(n, load_forecast() if forecast else None)
        self.reset(np.zeros(n, np.int64), np.full(n, 2.0))

    def reset(self, mix: IntArray, bar_seconds: FloatArray) -> None:
        """Begin anew, for listeners of whom nothing is known; `want_first` follows.

        :param mix: that sounds first [shape=(n,)]
        :param bar_seconds: length of the bars [n]
        """
        self.mix = np.array(mix, np.int64)
        self.bar_seconds = bar_seconds
        self.estimate = np.zeros((self.n, 2))
        self.belief.reset()
        self.forecast.begin(np.zeros((self.n, 2)), None)

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain JSON values."""
        return {
            "mix": self.mix.tolist(),
            "estimate": self.estimate.tolist(),
            "belief": self.belief.snapshot(),
            "forecast": self.forecast.snapshot(),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot of as many performances of the same cues."""
        self.mix = np.array(snapshot["mix"], np.int64)
        self.estimate = np.array(snapshot["estimate"], float)
        self.belief.restore(snapshot["belief"])
        self.forecast.restore(snapshot["forecast"])

    def hear(self, impression: FloatArray) -> None:
        """Take in the bar that sounded, by its impression of an average listener [n, 2]."""
        self.estimate = self.estimate + self.settings.rate * (impression - self.estimate)

    def observe(self, library: Library, worlds: Worlds | Place) -> FloatArray:
        """The observation [shape=(n, len(OBSERVATION))], in the order of `OBSERVATION`.

        :param worlds: where the n performances are
        """
        felt, q, belief, forecast = self.felt, self.estimate, self.belief, self.forecast
        target, before = self.targets[:2]
        ahead = forecast.moods[:, :AHEAD_BARS] - target[:, None]
        section, number, mix = worlds.section, worlds.number, self.mix
        coming = library.mood[library.row[section] + number, mix]
        moods = library.section_mood[section, changed_mixes(library, section, mix).T]
        every, then = np.arange(self.n), np.full(self.n, SOON_BARS - 1)
        soon, settled = self._distances(every, moods, then)
        place = np.stack(
            [
                (library.bars[section] - number) / 8.0,
                np.minimum(worlds.turn, 4) / 4.0,
                worlds.pending != NOWHERE,
                self.bar_seconds - 2.0,
            ],
            axis=1,
        )
        return np.concatenate(
            [
                target,
                target - before,
                ahead.reshape(self.n, -1),
                forecast.scale[:, _DOUBTED].reshape(self.n, -1),
                q,
                felt,
                belief.gain - 1.0,
                belief.bias,
                belief.doubt(q),
                belief.bias_sd,
                belief.count / (belief.count + 2.0),
                target - felt,
                forecast.moods[:, 0] - belief.gain * coming - belief.bias,
                _PHASES[number % PHRASE_BARS],
                place,
                MIX_LEVELS[mix] / (len(LEVELS) - 1),
                library.present[section],
                (moods[1:] - moods[0]).swapaxes(0, 1).reshape(self.n, -1),
                soon.T,
                settled.T,
                self._slots(library, worlds).reshape(self.n, -1),
            ],
            axis=1,
        )

    def _slots(self, library: Library, worlds: Worlds | Place) -> FloatArray:
        """What is seen of each section of the cue [shape=(n, SLOTS, 8)]; 0 where there is none."""
        target = library.slots[worlds.cue]
        known = target != NOWHERE
        who, there = known.nonzero()[0], target[known]  # all sections of all cues in a row
        section = worlds.section[who]
        hop = library.next_hop[section, there]
        wait = library.wait_bars(section, hop, worlds.number[who]) + library.path_bars[hop, there]
        here = there == section
        wait[here] = 0.0
        by_then = np.minimum(wait, FORECAST_BARS - 1).astype(np.int64)
        after = np.minimum(by_then + SOON_BARS - 1, FORECAST_BARS - 1)
        mood = self.belief.gain[who] * library.section_mood[there, self.mix[who]]
        soon, settled = self._distances(who, library.plain_mood.take(there, axis=1), after)
        seen = np.empty((len(who), 8))
        seen[:, 0] = here
        seen[:, 1] = there == worlds.pending[who]
        seen[:, 2] = (library.leave_at[section, there] >= 0) & ~here
        seen[:, 3] = np.minimum(wait / 8.0, _FAR_AWAY)
        seen[:, 4:6] = self.forecast.moods[who, by_then] - self.belief.bias[who] - mood
        seen[:, 6] = soon.min(axis=0)
        seen[:, 7] = settled.min(axis=0)
        slots = np.zeros((self.n, SLOTS, 8))
        slots[known] = seen
        return slots

    def _distances(
        self, who: IntArray, moods: FloatArray, bar: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """How far listeners would be from the mood expected then, if music of a mood stayed.

        :param who: number of each listener [shape=(k,)]
        :param moods: of the music [shape=(m, k, 2), sd]
        :param bar: of the forecast that counts [shape=(k,)]
        :return: after `SOON_BARS` bars of it, and in the long run [each shape=(m, k), sd]
        """
        wanted = self.forecast.moods[who, bar]
        share = 1.0 - (1.0 - self.settings.rate) ** SOON_BARS
        apart = self.belief.gain[who] * moods
        apart += self.belief.bias[who] - wanted
        settled = np.abs(apart)
        apart *= share
        apart += (1.0 - share) * (self.felt[who] - wanted)
        soon = np.abs(apart, out=apart)
        return (soon[..., 0] + soon[..., 1]) * 0.5, (settled[..., 0] + settled[..., 1]) * 0.5
