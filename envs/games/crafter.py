"""A survival game seen from above, played headless: Crafter with a scripted player.

Hafner, "Benchmarking the Spectrum of Agent Capabilities", ICLR 2022. The package `crafter` is plain
Python; it makes its worlds anew in each episode: meadows, woods, water, caves; day and night, a day
of 60 s, and in the dark come the zombies.

The units of `game.GameTick` are those of ViZDoom, so Crafter's are brought to them: 9 points of
health are 100, a cell is 64 map units (the grid of Doom's maps; a walk makes 320 a second), and a
step is 0.2 s, as it is when people play it. Anything that comes into the bags counts as an item, a
drink and a meal too. There are no armour and no ammunition.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...music.errors import MissingPartError, SegueError, check_range
from .forager import MONSTERS, Forager
from .game import GameTick

STEP_SECONDS = 0.2
HEALTH_POINTS = 100.0 / 9.0  # for one of Crafter's
CELL_UNITS = 64.0
VIEW_CELLS = (9, 7)  # of the map on the screen
SWORD_DAMAGE = {"iron_sword": 5, "stone_sword": 3, "wood_sword": 2}  # of Crafter's points; else 1
_MIDDLE = np.array(VIEW_CELLS) // 2
_STATES = ("health", "energy")  # counted beside the things in the bags
_CREATURES = ("player", "cow", "zombie", "skeleton", "arrow", "plant")


class CrafterGame:
    """One game that never ends: after death or time-out the next episode starts by itself.

        with CrafterGame(seed=1) as game:
            for _ in range(100):
                tick = game.step()

    Raises MissingPartError without the crafter package, RangeError for a number out of its range.

    :param seed: 0 to 2**32 - 1; equal arguments give equal games
    :param aim: skill of the player, the share of time in [0, 1] in which it is attentive
    :param episode_seconds: game time after which an episode ends at the latest, 1 to 600
    """

    scenario = "crafter"

    def __init__(self, *, seed: int, aim: float = 0.7, episode_seconds: float = 120.0) -> None:
        self._aim = check_range("aim", aim, 0.0, 1.0)
        limit = check_range("episode_seconds", episode_seconds, 1.0, 600.0)
        self._world = _make_world(max(1, round(limit / STEP_SECONDS)))
        self._episode, self._steps, self._closed, self._over = -1, 0, False, False
        self._info: dict[str, Any] = {}
        self._seen: NDArray[np.str_] = np.full(VIEW_CELLS, "")
        self.begin(seed)

    def step(self) -> GameTick:
        """Play on for a tick. If the episode was over, this is the first tick of the next one."""
        if self._closed:
            raise SegueError("this game is closed; open another CrafterGame")
        if self._over:
            self._episode_of_seed += 1
            sequence = np.random.SeedSequence([self._seed, self._episode_of_seed])
            self._begin(int(sequence.generate_state(1)[0]))
        before = self._info
        action = self._player.act(self._seen, before["inventory"])
        ahead = self._seen[tuple(_MIDDLE + self._player.facing)]
        struck = action == "do" and ahead in MONSTERS and not self._world.asleep
        _, _, self._over, self._info = self._world.step(self._world.action_names.index(action))
        self._look()
        self._steps += 1
        tick = self._tick(before, swung=action == "do", struck=struck)
        self._first = False
        return tick

    def begin(self, seed: int, *, aim: float | None = None) -> None:
        """Start a new episode now, with its own seed and, if given, another skill of the player."""
        if aim is not None:
            self._aim = check_range("aim", aim, 0.0, 1.0)
        self._seed, self._episode_of_seed = int(check_range("seed", seed, 0, 2**32 - 1)), 0
        self._begin(self._seed)

    def frame(self) -> NDArray[np.uint8]:
        """The screen as it is now: uint8 [180, 180, 3], RGB."""
        return np.asarray(self._world.render((180, 180)), np.uint8)

    def close(self) -> None:
        """End the game. Safe to call twice."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self, episode_seed: int) -> None:
        self._player = Forager(aim=self._aim, rng=np.random.default_rng(episode_seed))
        self._info = self._world.begin(episode_seed)
        self._look()
        self._episode += 1
        self._over, self._first = False, True

    def _look(self) -> None:
        """Keep what the screen shows: names of its cells, "" beyond the edge of the world."""
        whole = np.pad(self._info["semantic"], [(side, side) for side in VIEW_CELLS])
        x, y = self._info["player_pos"] + np.array(VIEW_CELLS) - _MIDDLE
        self._seen = self._world.names[whole[x : x + VIEW_CELLS[0], y : y + VIEW_CELLS[1]]]

    def _tick(self, before: dict[str, Any], *, swung: bool, struck: bool) -> GameTick:
        now, bags = self._info, self._info["inventory"]
        rise = {name: bags[name] - before["inventory"][name] for name in bags}
        defeated = [
            sum(info["achievements"][f"defeat_{name}"] for name in MONSTERS)
            for info in (before, now)
        ]
        swords = before["inventory"]
        blow = max([1, *(damage for name, damage in SWORD_DAMAGE.items() if swords[name])])
        monsters = int(np.isin(self._seen, MONSTERS).sum())
        cells = float(np.abs(now["player_pos"] - before["player_pos"]).sum())
        return GameTick(
            time_seconds=self._steps * STEP_SECONDS,
            seconds=STEP_SECONDS,
            episode=self._episode,
            health=bags["health"] * HEALTH_POINTS,
            shots=float(swung),
            hits=float(struck),
            kills=float(defeated[1] - defeated[0]),
            damage_taken=max(0.0, -rise["health"] * HEALTH_POINTS),
            damage_dealt=struck * blow * HEALTH_POINTS,
            healed=max(0.0, rise["health"] * HEALTH_POINTS),
            items=float(sum(rise[name] > 0 for name in bags if name not in _STATES)),
            monsters=monsters,
            monster_area=monsters / (VIEW_CELLS[0] * VIEW_CELLS[1]),
            distance=cells * CELL_UNITS,
            died=bags["health"] <= 0,
            new_life=self._first,
            over=self._over,
        )


def _make_world(length: int) -> Any:
    """Crafter's environment without pictures, the same for the same seed in every process."""
    try:
        import crafter
    except ImportError as error:
        raise MissingPartError(
            f"the game needs the package crafter, which cannot be loaded ({error}); "
            "pip install 'segue[game]' brings it"
        ) from error

    class World(crafter.Env):  # type: ignore[misc]
        names = np.array(["", *crafter.constants.materials, *_CREATURES])

        def begin(self, seed: int) -> dict[str, Any]:
            """A new episode; what `step` would tell of its start."""
            self._seed, self._episode = seed, 0
            self.reset()
            return {
                "inventory": self._player.inventory.copy(),
                "achievements": self._player.achievements.copy(),
                "semantic": self._sem_view(),
                "player_pos": self._player.pos,
            }

        @property
        def asleep(self) -> bool:
            return bool(self._player.sleeping)

        def _obs(self) -> None:
            """No picture in each step: drawing takes most of the time."""

        def _balance_chunk(self, chunk: Any, objects: Any) -> None:
            # The creatures of a chunk are a set, and one is drawn by its place in it.
            super()._balance_chunk(chunk, sorted(objects, key=lambda one: tuple(one.pos)))

    return World(area=(64, 64), view=(9, 9), length=length, seed=0)
