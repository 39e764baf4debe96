"""Made-up play: a semi-Markov chain of scenes, for variety beside the recorded traces.

A session is a chain of scenes (calm, search, fight, boss, victory, defeat). Each lasts a random
number of bars; its level of threat rises or falls from start to end; blows, kills and finds happen
by chance around the scene's rates; health is what they leave. The mood wanted follows by the
formula of `game.py`, plus a colour for each scene (a composer's intention that no game variable
tells).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...music.errors import check_range
from .game import BAR_SECONDS, FEATURE, MOOD_LIMIT, N_FEATURES, instant_mood, smooth_mood

Floats = NDArray[np.float32]

COLOUR_SD = 0.35
"""Standard deviation, in z, of the scene's own shift of valence and of arousal."""

INTENSITY_SD = 0.35
"""Standard deviation of the logarithm of a scene's intensity, which scales its rates."""

ROUGHNESS = 0.25
"""Standard deviation of the logarithm of monsters, area and speed from bar to bar."""


PORTION = 0.08
"""Damage and healing come in portions of this share of full health."""

_LEAST_HEALTH, _FIRST_SUPPLY = 0.05, 0.7  # shares; a session lives until a defeat ends
_FOUND, _SPENT = 0.1, 0.02  # supply by an item, and by a shot


@dataclass(frozen=True)
class Scene:
    """One kind of scene; means at full intensity, in the units of `GAME_FEATURES`."""

    bars: tuple[int, int]  # shortest and longest
    monsters: float  # visible
    monster_area: float  # share of the screen
    shots: float
    hits: float
    kills: float
    damage_taken: float
    healed: float
    items: float
    speed: float
    ramp: tuple[float, float]  # intensity at the start and at the end of the scene
    following: dict[str, float]  # probability of each next scene


SCENES: dict[str, Scene] = {
    "calm": Scene(
        (4, 12), 0.05, 0.0, 0.02, 0.0, 0.0, 0.0, 0.01, 0.08, 0.5, (1.0, 1.0),
        {"search": 0.6, "fight": 0.4},
    ),
    "search": Scene(
        (3, 8), 0.6, 0.005, 0.15, 0.1, 0.03, 0.004, 0.01, 0.35, 0.8, (0.5, 1.3),
        {"fight": 0.65, "boss": 0.1, "calm": 0.25},
    ),
    "fight": Scene(
        (3, 10), 3.0, 0.03, 1.8, 1.1, 0.5, 0.035, 0.01, 0.15, 0.6, (0.6, 1.3),
        {"victory": 0.45, "boss": 0.15, "defeat": 0.15, "calm": 0.25},
    ),
    "boss": Scene(
        (6, 16), 2.0, 0.07, 2.5, 1.2, 0.08, 0.055, 0.02, 0.2, 0.8, (0.7, 1.5),
        {"victory": 0.55, "defeat": 0.45},
    ),
    "victory": Scene(
        (2, 5), 0.1, 0.0, 0.3, 0.2, 0.15, 0.0, 0.08, 0.8, 0.4, (1.3, 0.6),
        {"calm": 0.7, "search": 0.3},
    ),
    "defeat": Scene(
        (2, 5), 1.0, 0.02, 0.2, 0.1, 0.0, 0.12, 0.0, 0.0, 0.2, (1.3, 0.2),
        {"calm": 1.0},
    ),
}  # fmt: skip
"""The scenes by name."""

_NAMES = tuple(SCENES)
_SHORTEST = min(scene.bars[0] for scene in SCENES.values())
_NEXT = np.cumsum(
    [[s.following.get(name, 0.0) for name in _NAMES] for s in SCENES.values()], axis=1
)
_RATES = ("shots", "hits", "kills", "items")  # events that come one by one
_FLOWS = ("damage_taken", "healed")  # amounts
_LEVELS = ("monsters", "monster_area", "speed")
_TABLE = {
    name: np.array([getattr(scene, name) for scene in SCENES.values()])
    for name in (*_RATES, *_FLOWS, *_LEVELS, "bars", "ramp")
}


def generate_sessions(
    rng: np.random.Generator, n_sessions: int, n_bars: int, *, bar_seconds: float = BAR_SECONDS
) -> tuple[Floats, Floats]:
    """Make sessions up.

    :param rng: all chance comes from here
    :param n_sessions: 1 to a million
    :param n_bars: bars in each, 1 to 100,000
    :param bar_seconds: game time of a bar, 0.2 to 20
    :return: targets (valence, arousal in z, within +-MOOD_LIMIT) [shape=(n_sessions, n_bars, 2)]
        and features [shape=(n_sessions, n_bars, N_FEATURES)]
    """
    shape = check_shape(n_sessions, n_bars)
    seconds = check_range("bar_seconds", bar_seconds, 0.2, 20.0)
    scene, place, visit = _chain(rng, shape)
    start, end = np.moveaxis(_TABLE["ramp"][scene], -1, 0)
    slots = visit.max() + 1
    boldness = np.exp(rng.normal(0.0, INTENSITY_SD, (shape[0], slots)))
    intensity = np.take_along_axis(boldness, visit, 1) * (start + place * (end - start))
    features = _events(rng, scene, intensity, seconds)
    _live(features, scene, place, seconds)
    colour = rng.normal(0.0, COLOUR_SD, (shape[0], slots, 2))
    goal = instant_mood(features) + np.take_along_axis(colour, visit[..., None], 1)
    goal = np.clip(goal, -MOOD_LIMIT, MOOD_LIMIT).astype(np.float32)
    return smooth_mood(goal, seconds=seconds), features


def check_shape(n_sessions: int, n_bars: int) -> tuple[int, int]:
    """Numbers of sessions (1 to a million) and bars (1 to 100,000) as integers, or RangeError."""
    return (
        int(check_range("n_sessions", n_sessions, 1, 1_000_000)),
        int(check_range("n_bars", n_bars, 1, 100_000)),
    )


def _chain(
    rng: np.random.Generator, shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Scene, place within it (0 to 1) and number of the visit, each [n_sessions, n_bars]."""
    n_sessions, n_bars = shape
    slots = -(-n_bars // _SHORTEST)
    scenes = np.zeros((n_sessions, slots), np.int64)  # a session starts calm
    for slot in range(1, slots):
        scenes[:, slot] = (rng.random(n_sessions)[:, None] > _NEXT[scenes[:, slot - 1]]).sum(axis=1)
    shortest, longest = np.moveaxis(_TABLE["bars"][scenes], -1, 0)
    lengths = rng.integers(shortest, longest + 1)
    before = np.cumsum(lengths, axis=1) - lengths
    used = np.clip(n_bars - before, 0, lengths).ravel()
    visit = np.repeat(np.tile(np.arange(slots), n_sessions), used).reshape(shape)
    position = np.arange(n_bars) - np.take_along_axis(before, visit, 1)
    last = np.maximum(np.take_along_axis(lengths, visit, 1) - 1, 1)
    return np.take_along_axis(scenes, visit, 1), np.minimum(position / last, 1.0), visit


def _events(
    rng: np.random.Generator,
    scene: NDArray[np.int64],
    intensity: NDArray[np.float64],
    seconds: float,
) -> Floats:
    """Features [..., N_FEATURES] but for health and what depends on it."""
    features = np.zeros((*scene.shape, N_FEATURES), np.float32)
    for name in _RATES:
        mean = _TABLE[name][scene] * intensity * seconds
        features[..., FEATURE[name]] = rng.poisson(mean) / seconds
    for name in _FLOWS:
        mean = _TABLE[name][scene] * intensity * seconds
        features[..., FEATURE[name]] = PORTION * rng.poisson(mean / PORTION) / seconds
    for name in _LEVELS:
        noise = np.exp(rng.normal(0.0, ROUGHNESS, scene.shape))
        features[..., FEATURE[name]] = _TABLE[name][scene] * intensity * noise
    features[..., FEATURE["damage_dealt"]] = 0.15 * features[..., FEATURE["hits"]]
    features[..., FEATURE["speed"]] = np.minimum(features[..., FEATURE["speed"]], 1.0)
    features[..., FEATURE["monster_area"]] = np.minimum(features[..., FEATURE["monster_area"]], 1.0)
    return features


def _live(
    features: Floats, scene: NDArray[np.int64], place: NDArray[np.float64], seconds: float
) -> None:
    """Carry health, armor and ammo through the session; a defeat that ends is a new life."""
    n_sessions, n_bars = scene.shape
    health = np.ones(n_sessions, np.float32)
    supply = np.full(n_sessions, _FIRST_SUPPLY, np.float32)
    defeat = _NAMES.index("defeat")
    features[:, 0, FEATURE["new_life"]] = 1.0
    for bar in range(n_bars):
        now = features[:, bar]
        if bar:
            reborn = (scene[:, bar - 1] == defeat) & (scene[:, bar] != defeat)
            now[:, FEATURE["new_life"]] = reborn
            health, supply = np.where(reborn, 1.0, health), np.where(reborn, _FIRST_SUPPLY, supply)
        change = seconds * (now[:, FEATURE["healed"]] - now[:, FEATURE["damage_taken"]])
        dying = (scene[:, bar] == defeat) & (place[:, bar] >= 1.0)
        health = np.where(dying, 0.0, np.clip(health + change, _LEAST_HEALTH, 1.0))
        supply += (
            _FOUND * seconds * now[:, FEATURE["items"]]
            - _SPENT * seconds * now[:, FEATURE["shots"]]
        )
        supply = np.clip(supply, 0.05, 1.0)
        now[:, FEATURE["died"]] = dying
        now[:, FEATURE["health"]] = health
        now[:, FEATURE["ammo"]] = 0.95 * supply
        now[:, FEATURE["armor"]] = np.maximum(0.0, supply - 0.5)
