"""Recorded sessions looked back on: who listened, and how another director would have done.

The listener of a recorded session is known as far as their answers tell. So the session can be
played again with the same cue and the same moods wanted, for listeners drawn from what is believed,
by any director: an off-policy estimate by a model, for there are no chances to weigh by where a
director always does the same in the same place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...envs.arrange.core import ArrangeCore
from ...envs.arrange.course import Course
from ...envs.arrange.listener import ListenerSettings
from ...envs.arrange.settings import ArrangeSettings
from ...envs.arrange.sources import PathSource
from ...envs.games.game import BAR_SECONDS
from ...music.cue_file import load_cue
from ...music.direction import Direction
from ...music.errors import SegueError
from ...music.mood import MOOD_PER_SD
from ..study import Player
from .population import Evidence, Population, evidence, fit_population
from .recorded import Recording, relive

FloatArray = NDArray[np.float64]

LEAST_BARS = 8
"""Shorter sessions tell too little."""

LISTENERS = 16
"""Listeners drawn for each session that is played again."""

_ANYBODY = Population(np.zeros(2), np.ones(2))
_ANYBODY_SESSIONS = 0.5  # as how many sessions that counts: just enough where there are few


@dataclass(frozen=True)
class Session:
    """A recorded session: what was wanted, and what its listener told of themselves."""

    cue: str  # its name, or its folder
    seed: int
    seconds: FloatArray  # where each bar ends, from the start [shape=(bars,)]
    wanted: FloatArray  # mood wanted in each bar [shape=(bars, 2), sd]
    feedback: tuple[str, ...]  # channels that were used
    listener: Evidence


def look_back(recording: Recording, place: str, usual: ListenerSettings) -> Session:
    """What a recording tells; SegueError if it is too short, or nobody answered in it.

    :param place: name of its cue, or the cue's folder
    :param usual: what listeners are taken to be like
    """
    if recording.bars < LEAST_BARS:
        raise SegueError(
            f"{recording.path} holds {recording.bars} bars; at least {LEAST_BARS} are needed"
        )
    channels = recording.channels
    if not channels:
        raise SegueError(f"{recording.path} holds no feedback; there is nothing to learn from")
    performer, played = relive(recording, load_cue(place), usual)
    seconds = np.cumsum([one.bar.beats * 60.0 / one.bar.bpm for one in played])
    wanted = [[one.wanted.valence, one.wanted.arousal] for one in played]
    belief = performer.perception.belief
    told = evidence(belief.bias[0], belief.bias_var[0], population_of(usual))
    moods = np.array(wanted) / MOOD_PER_SD
    return Session(place, recording.start.seed, seconds, moods, channels, told)


def population_of(listener: ListenerSettings) -> Population:
    """The population that settings of listeners describe."""
    return Population(listener.bias_mean, np.full(2, listener.bias_sd))


def listeners_like(population: Population, usual: ListenerSettings) -> ListenerSettings:
    """Settings for listeners of a population that are as usual otherwise."""
    valence, arousal = population.mean.tolist()
    return replace(
        usual,
        bias_mean_valence=valence,
        bias_mean_arousal=arousal,
        bias_sd=float(np.sqrt(np.mean(population.sd**2))),
    )


def play_again(
    session: Session,
    crowd: Population,
    player: Player,
    assumed: ListenerSettings,
    *,
    seed: int = 0,
) -> float:
    """Mean reward a bar of a player in a recorded session, over listeners who fit its feedback.

    :param crowd: the population they are from
    :param assumed: what the player takes listeners to be like
    :param seed: of the listeners and their answers; the same for players that are compared
    """
    rng = np.random.default_rng(seed)
    bars = len(session.wanted)
    answering = replace(assumed, feedback=session.feedback)
    settings = ArrangeSettings(cues=(session.cue,), bars=bars, listener=answering)
    core = ArrangeCore(LISTENERS, settings)
    core.reset(rng)
    every = np.arange(LISTENERS)
    core.worlds.reset(every, np.zeros(LISTENERS, np.int64), np.full(LISTENERS, session.seed))
    core.course = Course([PathSource(_path(session), None)], 0 * every, 0 * every)
    told = session.listener
    sd = 1.0 / np.sqrt(told.precision + 1.0 / crowd.sd**2)
    believed = sd**2 * (told.precision * told.bias + crowd.mean / crowd.sd**2)
    bias = believed + sd * rng.standard_normal((LISTENERS, 2))
    core.listeners.meet(bias, np.ones((LISTENERS, 2)))
    core.begin(np.repeat(Direction().knobs[None], LISTENERS, axis=0))
    total, over = 0.0, False
    while not over:
        _, reward, over, _ = core.step(core.accept(player.act(core)))
        total += float(reward.mean())
    return total / bars


def _path(session: Session) -> NDArray[np.float32]:
    """The moods wanted by the clock of the game [shape=(1, cells, 2)], one cell a `BAR_SECONDS`."""
    cells = np.arange(1, int(session.seconds[-1] / BAR_SECONDS) + 2) * BAR_SECONDS
    axes = [np.interp(cells, session.seconds, session.wanted[:, axis]) for axis in (0, 1)]
    return np.stack(axes, axis=1)[None].astype(np.float32)


def crowd_of(sessions: Sequence[Session]) -> Population:
    """The population behind sessions, with next to nothing assumed of it."""
    return fit_population([one.listener for one in sessions], _ANYBODY, _ANYBODY_SESSIONS)


def gains(
    sessions: Sequence[Session],
    crowd: Population,
    candidate: tuple[Player, ListenerSettings],
    present: tuple[Player, ListenerSettings],
    *,
    seed: int = 0,
) -> FloatArray:
    """What a candidate would have earned more a bar, in each session [shape=(sessions,)].

    :param crowd: the population that their listeners are from
    """
    found = [
        play_again(one, crowd, *candidate, seed=seed + at)
        - play_again(one, crowd, *present, seed=seed + at)
        for at, one in enumerate(sessions)
    ]
    return np.array(found)
