"""A scripted player for first-person games: fights what it sees, collects what it needs, explores.

It knows only what the screen shows (bearing and distance of visible things), so it can be
surprised, and its attention lapses: `aim` is the share of time in which it is attentive, so that it
aims, dodges and chooses well. Angles are degrees, positive to the right.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PICKUPS = frozenset({"Health", "Armor", "Ammo", "Weapon", "Powerup", "Key", "Item", "Other Item"})
MAX_TURN_DEGREES = 45.0  # in one decision
MISS_SD_DEGREES = 30.0  # of the aim when a decision is not aimed true
LAPSE_RATE = 0.2  # probability in each decision that attention is drawn anew, so lapses last
PATIENCE = 25  # decisions spent walking to a pickup before it is given up as out of reach
STUCK_UNITS = 8.0  # moving less than this in a decision while walking means a wall
AIM_TOLERANCE_DEGREES = 4.0  # beside a target's edge, where it still shoots
NEAR_UNITS, FAR_UNITS = 120.0, 500.0  # it steps back from nearer enemies, towards farther ones
DODGE_RATE = 0.15  # probability in each decision of a fight that it turns to the other side
STRAY_RATE = 0.1  # the same where it stands and nothing comes
SEARCH_DEGREES = 25.0  # of a look round in each decision
WANDER_SD_DEGREES = 6.0  # of the way it walks when nothing is in sight
DETOUR_DEGREES = (60.0, 180.0)  # of a turn at a wall
AHEAD_DEGREES = 45.0  # it walks only towards what lies within


@dataclass(frozen=True, slots=True)
class Thing:
    """Something on the screen."""

    id: int
    category: str  # "Monster", "Health", "Ammo", ...
    bearing: float  # degrees from the middle of the view
    half_width: float  # degrees
    distance: float  # map units


@dataclass(frozen=True, slots=True)
class Sight:
    """What the player knows at a decision."""

    things: tuple[Thing, ...]
    moved: float  # map units since the last decision
    ammo: float  # of the selected weapon
    health: float  # 0 to 100


class ScriptedPlayer:
    """Turns a `Sight` into button values for the buttons that the scenario offers.

    :param buttons: names as ViZDoom has them; "TURN_LEFT_RIGHT_DELTA" takes degrees, others 0 or 1
    :param aim: share of time in [0, 1] in which the player is attentive
    :param rng: all chance comes from here, so equal seeds play equally
    """

    def __init__(self, buttons: Sequence[str], *, aim: float, rng: np.random.Generator) -> None:
        self.buttons = tuple(buttons)
        self.aim = aim
        self._rng = rng
        self._can_walk = "MOVE_FORWARD" in buttons
        self._can_shoot = "ATTACK" in buttons
        self._attentive = True
        self._side = "MOVE_LEFT"
        self._turn_left_to_do = 0.0
        self._chased: dict[int, int] = {}
        self._weapon_keys = [name for name in buttons if name.startswith("SELECT_WEAPON")]

    def act(self, sight: Sight) -> dict[str, float]:
        """The buttons to press until the next decision; those not named stay up."""
        if self._rng.random() < LAPSE_RATE:
            self._attentive = bool(self._rng.random() < self.aim)
        monsters = [thing for thing in sight.things if thing.category == "Monster"]
        pickup = self._pickup(sight) if self._attentive else None
        if monsters and self._can_shoot and not (sight.ammo == 0 and pickup):
            return self._fight(min(monsters, key=lambda monster: monster.distance), sight)
        if not self._can_walk:
            return self._stand(sight, monsters)
        if pickup is not None:
            return self._walk(pickup.bearing)
        return self._explore(sight)

    def _fight(self, target: Thing, sight: Sight) -> dict[str, float]:
        error = 0.0 if self._attentive else self._rng.normal(0.0, MISS_SD_DEGREES)
        press = self._turn(target.bearing + error)
        if abs(target.bearing + error) <= target.half_width + AIM_TOLERANCE_DEGREES:
            press["ATTACK"] = 1.0
        if self._rng.random() < DODGE_RATE:
            self._change_side()
        press[self._side] = 1.0
        if sight.ammo == 0:
            press["MOVE_FORWARD"] = 1.0  # to use the fist
            if self._weapon_keys:
                press[self._weapon_keys[self._rng.integers(len(self._weapon_keys))]] = 1.0
        elif target.distance < NEAR_UNITS:
            press["MOVE_BACKWARD"] = 1.0
        elif target.distance > FAR_UNITS:
            press["MOVE_FORWARD"] = 1.0
        return press

    def _stand(self, sight: Sight, monsters: list[Thing]) -> dict[str, float]:
        """Where there is no walking: step out of a shot's way, or look round for an enemy."""
        shots = [thing for thing in sight.things if thing.category == "Projectile"]
        if shots and self._attentive:
            nearest = min(shots, key=lambda shot: shot.distance)
            self._side = "MOVE_LEFT" if nearest.bearing >= 0 else "MOVE_RIGHT"
        elif self._rng.random() < STRAY_RATE:
            self._change_side()
        press = {} if monsters else self._turn(SEARCH_DEGREES)
        press[self._side] = 1.0
        return press

    def _change_side(self) -> None:
        self._side = "MOVE_RIGHT" if self._side == "MOVE_LEFT" else "MOVE_LEFT"

    def _pickup(self, sight: Sight) -> Thing | None:
        wanted = [
            thing
            for thing in sight.things
            if thing.category in PICKUPS
            and not (thing.category == "Health" and sight.health >= 100.0)
            and self._chased.get(thing.id, 0) < PATIENCE
        ]
        if not wanted:
            return None
        nearest = min(wanted, key=lambda thing: thing.distance)
        self._chased[nearest.id] = self._chased.get(nearest.id, 0) + 1
        return nearest

    def _explore(self, sight: Sight) -> dict[str, float]:
        if sight.moved < STUCK_UNITS and abs(self._turn_left_to_do) < 1.0:
            self._turn_left_to_do = float(
                self._rng.uniform(*DETOUR_DEGREES) * self._rng.choice([-1, 1])
            )
        if abs(self._turn_left_to_do) < 1.0:
            return self._walk(float(self._rng.normal(0.0, WANDER_SD_DEGREES)))
        turn = float(np.clip(self._turn_left_to_do, -MAX_TURN_DEGREES, MAX_TURN_DEGREES))
        self._turn_left_to_do -= turn
        return self._walk(turn)

    def _walk(self, bearing: float) -> dict[str, float]:
        press = self._turn(bearing)
        if abs(bearing) < AHEAD_DEGREES:
            press["MOVE_FORWARD"] = 1.0
            press["SPEED"] = 1.0
        return press

    def _turn(self, degrees: float) -> dict[str, float]:
        return {
            "TURN_LEFT_RIGHT_DELTA": float(np.clip(degrees, -MAX_TURN_DEGREES, MAX_TURN_DEGREES))
        }
