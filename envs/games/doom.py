"""A real first-person game, played headless: ViZDoom with a scripted player.

The scenarios come with the `vizdoom` package (Wydmuch, Kempka and Jaskowski, "ViZDoom Competitions:
Playing Doom from Pixels", IEEE Transactions on Games 2019), and so do the levels of Freedoom, whole
games made for people. The engine runs as a child process
without sound or window; it is killed if it stops answering or if its owner disappears
(`keeper.Keeper`).
"""

import math
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...music.errors import MissingPartError, SegueError, UnknownNameError, check_range
from .game import GameTick
from .keeper import Keeper
from .player import ScriptedPlayer, Sight, Thing

TICS_PER_SECOND = 35
FIELD_OF_VIEW_DEGREES = 90.0
START_LIMIT_SECONDS = 30.0  # wall time for starting the engine or an episode
STEP_LIMIT_SECONDS = 10.0  # wall time for one step

LEVELS = {
    f"{game}_{level}": (game, level)
    for game, levels in {
        "freedoom1": ("e1m2", "e1m5", "e2m1", "e2m3", "e3m2", "e3m3", "e4m3"),
        "freedoom2": ("map02", "map04", "map10", "map11", "map12", "map26"),
    }.items()
    for level in levels
}
"""Levels of Freedoom in which monsters are near the start: game and level by name of scenario."""

SCENARIOS = (
    "basic",
    "deadly_corridor",
    "deathmatch",
    "defend_the_center",
    "defend_the_line",
    "health_gathering",
    "health_gathering_supreme",
    "my_way_home",
    "predict_position",
    "rocket_basic",
    "take_cover",
    *LEVELS,
)
"""What the vizdoom package has for one player that starts and ends by itself."""

_VARIABLES = (
    "HEALTH",
    "ARMOR",
    "HITCOUNT",
    "KILLCOUNT",
    "DAMAGE_TAKEN",
    "DAMAGECOUNT",
    "ITEMCOUNT",
    "AMMO2",  # bullets
    "AMMO3",  # shells
    "AMMO5",  # rockets
    "AMMO6",  # cells
    "SELECTED_WEAPON_AMMO",
    "POSITION_X",
    "POSITION_Y",
)
_AMMO = ("AMMO2", "AMMO3", "AMMO5", "AMMO6")
_BOX = 4.0  # rounds in the smallest box; some scenarios hand rounds back one by one
_TELEPORT_UNITS = 200.0  # more than a player can run in a tick
_start_lock = threading.Lock()  # an engine is told from others by what appeared during its start


class DoomGame:
    """One game that never ends: after death, victory or time-out the next episode starts by itself.

    Use it in a `with` block, or call `close`.

        with DoomGame("defend_the_center", seed=1) as game:
            for _ in range(100):
                tick = game.step()

    Raises MissingPartError without the vizdoom package, UnknownNameError for another scenario,
    RangeError for a number out of its range, SegueError when the engine cannot be started or stops
    answering.

    :param scenario: one of `SCENARIOS`
    :param seed: 0 to 2**32 - 1; equal arguments give equal games
    :param aim: skill of the player, the share of time in [0, 1] in which it is attentive
    :param difficulty: 1 (easiest) to 5; None takes the scenario's own
    :param tics_per_step: length of a tick in tics of 1/35 s, 1 to 35
    :param episode_seconds: game time after which an episode ends at the latest, 1 to 600
    """

    def __init__(
        self,
        scenario: str,
        *,
        seed: int,
        aim: float = 0.7,
        difficulty: int | None = None,
        tics_per_step: int = 7,
        episode_seconds: float = 120.0,
    ) -> None:
        self._vizdoom = _load_vizdoom()
        if scenario not in SCENARIOS:
            raise UnknownNameError("scenario", scenario, SCENARIOS)
        self.scenario = scenario
        self._seed, self._episode, self._episode_of_seed = _check_seed(seed), -1, 0
        self._aim = check_range("aim", aim, 0.0, 1.0)
        self._tics = int(check_range("tics_per_step", tics_per_step, 1, TICS_PER_SECOND))
        limit = check_range("episode_seconds", episode_seconds, 1.0, 600.0)
        self._time_tics, self._moved = 0, 0.0
        self._closed, self._over, self._first, self._fired = False, False, True, False
        self._frame: NDArray[np.uint8] = np.zeros((120, 160, 3), np.uint8)
        level = None if difficulty is None else int(check_range("difficulty", difficulty, 1, 5))
        self._folder = tempfile.TemporaryDirectory(prefix="segue-doom-")
        self._game = self._configure(limit, level)
        self._buttons = _choose_buttons(self._game, self._vizdoom)
        self._start_engine()
        self._begin(self._seed)

    def step(self) -> GameTick:
        """Play on for a tick. If the episode was over, this is the first tick of the next one."""
        if self._closed:
            raise SegueError("this game is closed; open another DoomGame")
        if self._over:
            self._episode_of_seed += 1
            sequence = np.random.SeedSequence([self._seed, self._episode_of_seed])
            self._begin(int(sequence.generate_state(1)[0]))
        before, start_tic = self._values, self._game.get_episode_time()
        press = self._player.act(self._sight)
        if "TURN_LEFT_RIGHT_DELTA" in press:  # the engine turns by this much in every tic
            press["TURN_LEFT_RIGHT_DELTA"] /= self._tics
        self._fired = "ATTACK" in press
        action = [press.get(name, 0.0) for name in self._buttons]
        with self._answering(STEP_LIMIT_SECONDS, "a step"):
            self._game.make_action(action, self._tics)
            self._look()
        tick = self._tick(before, max(1, self._game.get_episode_time() - start_tic))
        self._first = False
        return tick

    def begin(self, seed: int, *, aim: float | None = None) -> None:
        """Start a new episode now, with its own seed and, if given, another skill of the player."""
        if aim is not None:
            self._aim = check_range("aim", aim, 0.0, 1.0)
        self._seed, self._episode_of_seed = _check_seed(seed), 0
        self._begin(self._seed)

    def frame(self) -> NDArray[np.uint8]:
        """The screen as last seen: uint8 [120, 160, 3], RGB."""
        return self._frame.copy()

    @property
    def engine_pid(self) -> int | None:
        """Process id of the engine, where the system tells it."""
        return self._keeper.pid

    def close(self) -> None:
        """End the engine. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        try:
            with self._keeper.limit(STEP_LIMIT_SECONDS), suppress(Exception):
                self._game.close()  # whatever it says, the keeper ends the process
        finally:
            self._keeper.release()
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _configure(self, episode_limit_seconds: float, difficulty: int | None) -> Any:
        vizdoom = self._vizdoom
        game = vizdoom.DoomGame()
        name, level = LEVELS.get(self.scenario, (self.scenario, None))
        game.load_config(os.path.join(vizdoom.scenarios_path, f"{name}.cfg"))
        if level is not None:
            game.set_doom_map(level)
        game.set_doom_config_path(os.path.join(self._folder.name, "engine.ini"))
        game.set_mode(vizdoom.Mode.PLAYER)
        game.set_window_visible(False)
        game.set_sound_enabled(False)
        game.set_audio_buffer_enabled(False)
        game.set_automap_buffer_enabled(False)
        game.set_labels_buffer_enabled(True)
        game.set_screen_resolution(vizdoom.ScreenResolution.RES_160X120)
        game.set_screen_format(vizdoom.ScreenFormat.RGB24)
        if difficulty is not None:  # the engine takes it at its start only
            game.set_doom_skill(difficulty)
        limit_tics = int(episode_limit_seconds * TICS_PER_SECOND)
        game.set_episode_timeout(min(game.get_episode_timeout() or limit_tics, limit_tics))
        return game

    def _start_engine(self) -> None:
        with _start_lock:
            self._keeper = Keeper("vizdoom")
            litter = Path("_vizdoom")  # the engine makes this empty folder wherever it starts
            was_there = litter.exists()
            with self._answering(START_LIMIT_SECONDS, "its start"):
                self._game.init()
            if not was_there:
                with suppress(OSError):
                    litter.rmdir()
            self._keeper.adopt()

    def _begin(self, episode_seed: int) -> None:
        rng = np.random.default_rng(episode_seed)
        self._player = ScriptedPlayer(self._buttons, aim=self._aim, rng=rng)
        self._game.set_seed(episode_seed)
        self._episode += 1
        self._moved, self._first = 0.0, True
        with self._answering(START_LIMIT_SECONDS, "the start of an episode"):
            self._game.new_episode()
            self._look()

    def _look(self) -> None:
        """Read what the engine shows: counters always, the screen while the episode runs."""
        game, names = self._game, self._vizdoom.GameVariable
        self._over = bool(game.is_episode_finished())
        self._values = {name: game.get_game_variable(getattr(names, name)) for name in _VARIABLES}
        state = game.get_state()
        labels = [] if state is None else state.labels
        if state is not None:
            self._frame = state.screen_buffer
        here = (self._values["POSITION_X"], self._values["POSITION_Y"])
        self._monsters = [label for label in labels if label.object_category == "Monster"]
        self._sight = Sight(
            things=tuple(_thing(label, here) for label in labels),
            moved=self._moved,
            ammo=self._values["SELECTED_WEAPON_AMMO"],
            health=self._values["HEALTH"],
        )

    def _tick(self, before: dict[str, float], played_tics: int) -> GameTick:
        now = self._values
        rise = {name: max(0.0, now[name] - before[name]) for name in now}
        ammo = {moment: sum(v[name] for name in _AMMO) for moment, v in ((0, before), (1, now))}
        moved = math.dist(*((v["POSITION_X"], v["POSITION_Y"]) for v in (before, now)))
        self._moved = moved if moved < _TELEPORT_UNITS else 0.0
        self._time_tics += played_tics
        return GameTick(
            time_seconds=self._time_tics / TICS_PER_SECOND,
            seconds=played_tics / TICS_PER_SECOND,
            episode=self._episode,
            health=min(100.0, max(0.0, now["HEALTH"])),
            armor=now["ARMOR"],
            ammo=ammo[1],
            shots=float(self._fired),
            hits=rise["HITCOUNT"],
            kills=rise["KILLCOUNT"],
            damage_taken=max(rise["DAMAGE_TAKEN"], before["HEALTH"] - max(0.0, now["HEALTH"]), 0.0),
            damage_dealt=rise["DAMAGECOUNT"],
            healed=rise["HEALTH"],
            items=max(
                rise["ITEMCOUNT"],
                float(sum((rise["HEALTH"] > 0, rise["ARMOR"] > 0, ammo[1] - ammo[0] >= _BOX))),
            ),
            monsters=len(self._monsters),
            monster_area=min(1.0, sum(m.width * m.height for m in self._monsters) / (160 * 120)),
            distance=self._moved,
            died=self._over and bool(self._game.is_player_dead()),
            new_life=self._first,
            over=self._over,
        )

    @contextmanager
    def _answering(self, limit_seconds: float, what: str) -> Iterator[None]:
        """Bound the block's time, and end the game cleanly if the engine failed in it."""
        try:
            with self._keeper.limit(limit_seconds):
                yield
        except BaseException as error:
            self.close()
            if not isinstance(error, Exception):
                raise
            raise SegueError(
                f"the ViZDoom engine failed or hung during {what} of scenario {self.scenario!r}: "
                f"{error}; open the game again"
            ) from error


def _load_vizdoom() -> Any:
    try:
        import vizdoom
    except ImportError as error:
        raise MissingPartError(
            f"the game needs the package vizdoom, which cannot be loaded ({error}); "
            "pip install 'segue[game]' brings it"
        ) from error
    return vizdoom


def _check_seed(seed: int) -> int:
    return int(check_range("seed", seed, 0, 2**32 - 1))


def _choose_buttons(game: Any, vizdoom: Any) -> tuple[str, ...]:
    """The scenario's own buttons, with turning by degrees in place of turning by key."""
    offered = [button.name for button in game.get_available_buttons()]
    names = [name for name in offered if not name.startswith("TURN_") and "DELTA" not in name]
    if any(name.startswith("TURN_") for name in offered):
        names.append("TURN_LEFT_RIGHT_DELTA")
    game.set_available_buttons([getattr(vizdoom.Button, name) for name in names])
    return tuple(names)


def _thing(label: Any, here: tuple[float, float]) -> Thing:
    """A label of the engine as the player sees it."""
    half_width_pixels = 80.0
    scale = half_width_pixels / math.tan(math.radians(FIELD_OF_VIEW_DEGREES / 2))
    left = math.degrees(math.atan((label.x - half_width_pixels) / scale))
    right = math.degrees(math.atan((label.x + label.width - half_width_pixels) / scale))
    category = "Projectile" if label.object_name.endswith("Ball") else label.object_category
    return Thing(
        id=int(label.object_id),
        category=category,
        bearing=(left + right) / 2,
        half_width=(right - left) / 2,
        distance=math.dist(here, (label.object_position_x, label.object_position_y)),
    )
