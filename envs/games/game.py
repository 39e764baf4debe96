"""From the state of a game to the mood wanted of its music.

A game reports ticks (`GameTick`, a fraction of a second each). A `GameMeter` sums them up over a
window, by default a bar of 2 s, into a feature vector (`GAME_FEATURES`), and a fixed formula turns
features into the mood wanted. Moods here are (valence, arousal) in units of listener standard
deviations ("z"): 0 is the mean rating of music, 1 is one standard deviation above it
(`music.mood.MOOD_PER_SD` is 1 z in mood units).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...music.errors import SegueError, UnknownNameError, check_range

Floats = NDArray[np.float32]

BAR_SECONDS = 2.0
"""Length of the default window in game seconds."""

MOOD_LIMIT = 1.4
"""The mood wanted stays within +- this, in z."""

TICK_FIELDS = (
    "health",  # 0 to 100, at the end of the tick; more than 100 counts as 100
    "armor",  # 0 to 200, at the end
    "ammo",  # rounds of all kinds, at the end
    "shots",  # pulls of the trigger in the tick
    "hits",  # of the player on others
    "kills",
    "damage_taken",  # health points
    "damage_dealt",  # health points
    "healed",  # health points
    "items",  # things picked up
    "monsters",  # visible at the end
    "monster_area",  # share of the screen they cover, 0 to 1
    "distance",  # map units moved; a running player makes about 400 a second
    "died",  # 1 if the player died in the tick
    "new_life",  # 1 in the first tick of an episode
)
"""Order of the numbers in an array of ticks."""

GAME_FEATURES = (
    "health",  # 0 to 1, at the end of the window
    "armor",  # 0 to 1 (100 points and more), at the end
    "ammo",  # n / (n + 20), 0 to 1, at the end
    "shots",  # per second
    "hits",  # per second
    "kills",  # per second
    "damage_taken",  # of full health per second
    "damage_dealt",  # of full health per second
    "healed",  # of full health per second
    "items",  # per second
    "monsters",  # mean number visible
    "monster_area",  # mean share of the screen, 0 to 1
    "speed",  # mean, 1 = 400 map units per second
    "died",  # 1 if the player died in the window
    "new_life",  # 1 if an episode began in the window
)
"""Names, order and units of a feature vector."""

N_FEATURES = len(GAME_FEATURES)
FEATURE = {name: index for index, name in enumerate(GAME_FEATURES)}
_TICK = {name: index for index, name in enumerate(TICK_FIELDS)}
_RATES = (  # (feature, tick field, units per feature unit)
    ("shots", "shots", 1.0),
    ("hits", "hits", 1.0),
    ("kills", "kills", 1.0),
    ("damage_taken", "damage_taken", 100.0),
    ("damage_dealt", "damage_dealt", 100.0),
    ("healed", "healed", 100.0),
    ("items", "items", 1.0),
    ("speed", "distance", 400.0),
)


MOST_OF_A_FEATURE = 1e4
"""No feature is beyond this."""


def feature_list(features: Mapping[str, float]) -> list[float]:
    """Features by name as a list in the order of `GAME_FEATURES`; what is left out is 0, health 1.

    Raises UnknownNameError and RangeError for what is no feature, or no number of one.
    """
    for name in features:
        if name not in FEATURE:
            raise UnknownNameError("feature of a game", name, GAME_FEATURES)
    told = {"health": 1.0, **features}
    return [
        check_range(name, told.get(name, 0.0), 0.0, MOST_OF_A_FEATURE) for name in GAME_FEATURES
    ]


@dataclass(frozen=True, slots=True)
class GameTick:
    """What happened in one short stretch of game time; units as in `TICK_FIELDS`."""

    time_seconds: float  # game time at the end of the tick, since the game was opened
    seconds: float  # length of the tick
    episode: int  # counts lives, rounds or levels from 0
    health: float
    armor: float = 0.0
    ammo: float = 0.0
    shots: float = 0.0
    hits: float = 0.0
    kills: float = 0.0
    damage_taken: float = 0.0
    damage_dealt: float = 0.0
    healed: float = 0.0
    items: float = 0.0
    monsters: float = 0.0
    monster_area: float = 0.0
    distance: float = 0.0
    died: bool = False
    new_life: bool = False
    over: bool = False  # the episode ended with this tick; the next one starts another

    def numbers(self) -> list[float]:
        """The values in the order of `TICK_FIELDS`."""
        return [float(getattr(self, name)) for name in TICK_FIELDS]


def window_features(ticks: ArrayLike, seconds: ArrayLike) -> Floats:
    """Features of windows of ticks.

    :param ticks: [shape=(..., ticks in a window, len(TICK_FIELDS))]
    :param seconds: game time that each window covers, above 0 [shape=(...), or one for all]
    :return: [shape=(..., N_FEATURES)], units as in `GAME_FEATURES`
    """
    values = np.asarray(ticks, np.float32)
    features = np.zeros((*values.shape[:-2], N_FEATURES), np.float32)
    last, total, mean = values[..., -1, :], values.sum(axis=-2), values.mean(axis=-2)
    features[..., FEATURE["health"]] = np.clip(last[..., _TICK["health"]] / 100.0, 0.0, 1.0)
    features[..., FEATURE["armor"]] = np.clip(last[..., _TICK["armor"]] / 100.0, 0.0, 1.0)
    features[..., FEATURE["ammo"]] = _saturate(last[..., _TICK["ammo"]], 20.0)
    for feature, field, unit in _RATES:
        features[..., FEATURE[feature]] = total[..., _TICK[field]] / (unit * np.asarray(seconds))
    for name in ("monsters", "monster_area"):
        features[..., FEATURE[name]] = mean[..., _TICK[name]]
    for name in ("died", "new_life"):
        features[..., FEATURE[name]] = values[..., _TICK[name]].max(axis=-1)
    return features


def instant_mood(features: ArrayLike) -> Floats:
    """The mood that a window asks for by itself, before smoothing and limits.

    With s(x, h) = x / (x + h), which is 1/2 at x = h:

        arousal = -1.25 + 1.1 s(monsters, 3) + 1.1 s(monster_area, 0.05) + 0.9 (1 - health)
                  + 1.6 s(damage_taken, 0.1) + 1.3 s(hits, 1.5) + 0.6 s(kills, 0.6)
                  + 0.5 s(speed, 1)
        valence = -1.40 + 1.7 health + 1.6 s(kills, 0.6) + 0.9 s(items, 0.6)
                  + 0.6 s(healed, 0.1) + 0.5 s(hits, 1.5) - 2.2 s(damage_taken, 0.1)
                  - 0.9 s(monsters, 3) - 1.0 died

    Danger near, peril and blows excite; strength and success brighten, harm darkens.
    The weights are a designer's choice, set so that recorded play fills the plane of moods.

    :param features: [shape=(..., N_FEATURES)]
    :return: valence and arousal in z [shape=(..., 2)]
    """
    f = {name: np.asarray(features, np.float32)[..., FEATURE[name]] for name in GAME_FEATURES}
    hurt, hits, kills = (
        _saturate(f["damage_taken"], 0.1),
        _saturate(f["hits"], 1.5),
        _saturate(f["kills"], 0.6),
    )
    arousal = -1.25 + 1.1 * _saturate(f["monsters"], 3.0) + 0.9 * (1.0 - f["health"])
    arousal += 1.1 * _saturate(f["monster_area"], 0.05) + 1.6 * hurt
    arousal += 1.3 * hits + 0.6 * kills + 0.5 * _saturate(f["speed"], 1.0)
    valence = -1.4 + 1.7 * f["health"] + 1.6 * kills + 0.9 * _saturate(f["items"], 0.6)
    valence += 0.6 * _saturate(f["healed"], 0.1) + 0.5 * hits - 2.2 * hurt
    valence -= 0.9 * _saturate(f["monsters"], 3.0) + 1.0 * f["died"]
    return np.stack([valence, arousal], axis=-1).astype(np.float32)


def mood_wanted(
    features: ArrayLike, previous: ArrayLike | None = None, *, seconds: ArrayLike = BAR_SECONDS
) -> Floats:
    """The mood wanted after a window: `instant_mood`, smoothed and limited to +-MOOD_LIMIT.

    :param features: [shape=(..., N_FEATURES)]
    :param previous: the mood wanted after the window before [shape=(..., 2)]; None at the start of
        a game
    :param seconds: game time of the windows [shape=(...), or one for all]; after 2 s, half of the
        way to the instant mood is gone
    :return: valence and arousal in z [shape=(..., 2)]
    """
    goal = np.clip(instant_mood(features), -MOOD_LIMIT, MOOD_LIMIT)
    if previous is None:
        return goal
    before = np.asarray(previous, np.float32)
    return before + _smoothing_weight(seconds)[..., None] * (goal - before)


def mood_path(features: ArrayLike, *, seconds: float = BAR_SECONDS) -> Floats:
    """`mood_wanted` carried along a sequence of windows: [..., n, N_FEATURES] -> [..., n, 2]."""
    return smooth_mood(np.clip(instant_mood(features), -MOOD_LIMIT, MOOD_LIMIT), seconds=seconds)


def smooth_mood(goals: ArrayLike, *, seconds: float = BAR_SECONDS) -> Floats:
    """Moods [..., n, 2] as they follow goals [..., n, 2], one for each window of `seconds`."""
    path = np.array(goals, np.float32)
    weight = _smoothing_weight(seconds)
    for index in range(1, path.shape[-2]):
        before = path[..., index - 1, :]
        path[..., index, :] = before + weight * (path[..., index, :] - before)
    return path


def game_parameters(features: ArrayLike) -> dict[str, float]:
    """What a game programmer would send of a feature vector: danger, health, action, all in [0, 1].

    `danger` is threat (monsters near, harm taken, more at low health), `action` how busy the fight.
    """
    f = {name: float(np.asarray(features)[FEATURE[name]]) for name in GAME_FEATURES}
    threat = float(
        0.5 * _saturate(f["monsters"], 1.5)
        + 0.4 * _saturate(f["monster_area"], 0.03)
        + 0.8 * _saturate(f["damage_taken"], 0.08)
    )
    busy = 0.4 * f["shots"] + 0.6 * f["hits"] + 2.0 * f["damage_dealt"] + 3.0 * f["damage_taken"]
    return {
        "danger": float(np.clip(threat * (1.3 - 0.5 * f["health"]), 0.0, 1.0)),
        "health": float(np.clip(f["health"], 0.0, 1.0)),
        "action": float(np.clip(_saturate(busy, 1.0), 0.0, 1.0)),
    }


class GameMeter:
    """Sums up game ticks over windows of any length and keeps the mood wanted.

    Add ticks as they come; when `full` (or at any time, for instance at a bar line), `take` closes
    the window, returns its features and moves `mood` on.

        meter = GameMeter()
        meter.add(game.step())
        if meter.full:
            features = meter.take()
            valence, arousal = meter.mood

    :param window_seconds: game time after which `full` becomes true, 0.05 to 60
    """

    def __init__(self, window_seconds: float = BAR_SECONDS) -> None:
        self.window_seconds = check_range("window_seconds", window_seconds, 0.05, 60.0)
        self.mood: Floats | None = None  # [2], valence, arousal in z; None before the first window
        self._ticks: list[list[float]] = []
        self._seconds = 0.0
        self._features: Floats | None = None

    @property
    def seconds(self) -> float:
        """Game time gathered since the last `take`."""
        return self._seconds

    @property
    def full(self) -> bool:
        """Whether the ticks gathered cover a window (to half a millisecond)."""
        return self._seconds >= self.window_seconds - 5e-4

    def add(self, tick: GameTick) -> None:
        """Take in a tick; RangeError if its length is not 0 to 60 s or a value is not finite."""
        seconds = check_range("tick.seconds", tick.seconds, 0.0, 60.0)
        numbers = [
            check_range(f"tick.{name}", value, -1e6, 1e6)
            for name, value in zip(TICK_FIELDS, tick.numbers(), strict=True)
        ]
        self._ticks.append(numbers)
        self._seconds += seconds

    def take(self) -> Floats:
        """Close the window: features [N_FEATURES] of the ticks since the last call.

        Without new ticks the game stands still: the last features are returned and `mood` stays.
        """
        if self._ticks and self._seconds > 0:
            self._features = window_features(self._ticks, self._seconds)
            self.mood = mood_wanted(self._features, self.mood, seconds=self._seconds)
            self._ticks.clear()
            self._seconds = 0.0
        if self._features is None:
            raise SegueError("no game tick was added yet, so there are no features; call add first")
        return self._features.copy()


def _saturate(value: ArrayLike, half: float) -> Floats:
    """x / (x + half): 0 at 0, 1/2 at `half`, towards 1."""
    x = np.maximum(np.asarray(value, np.float32), 0.0)
    return np.asarray(x / (x + half), np.float32)


def _smoothing_weight(seconds: ArrayLike) -> Floats:
    return np.asarray(1.0 - 0.5 ** (np.asarray(seconds) / BAR_SECONDS), np.float32)
