"""A scripted player for Crafter: it fights, drinks, eats, sleeps, gathers and makes tools.

It knows only the part of the map that the screen shows. `aim` is the share of time in which it is
attentive; else it strolls and heeds nothing. Cells are (x, y) relative to the player, y downward; a
direction is a unit step.
"""

from collections import deque
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

Cell = tuple[int, int]
Names = NDArray[np.str_]

MONSTERS = ("zombie", "skeleton")
MOVES: dict[Cell, str] = {
    (-1, 0): "move_left",
    (1, 0): "move_right",
    (0, -1): "move_up",
    (0, 1): "move_down",
}
WALKABLE = ("grass", "sand", "path")
LAPSE_RATE = 0.1  # probability in each decision that attention is drawn anew, so lapses last
TURN_RATE = 0.1  # probability in each decision that a stroll takes another direction
FIGHT_CELLS = 5  # it goes for monsters within
COURAGE = 3  # with less health (of 9) it runs away
WANT = 6  # it drinks and eats below this (of 9)
TIRED = 3  # it sleeps below this (of 9)
TABLE_WOOD, TOOL_WOOD = 2, 5  # wood that a table takes, and that is gathered before it is made
STONE_WANTED = 3


class Forager:
    """Turns what the screen shows into the name of one of Crafter's actions.

    :param aim: share of time in [0, 1] in which the player is attentive
    :param rng: all chance comes from here, so equal seeds play equally
    """

    def __init__(self, *, aim: float, rng: np.random.Generator) -> None:
        self.aim = aim
        self.facing: Cell = (0, 1)  # as at the start of an episode
        self._rng = rng
        self._attentive = True

    def act(self, seen: Names, inventory: Mapping[str, int]) -> str:
        """The action until the next decision.

        :param seen: names of what the cells hold [shape=(width, height)], the player in the middle
        :param inventory: amounts by name, as Crafter reports them
        """
        if self._rng.random() < LAPSE_RATE:
            self._attentive = bool(self._rng.random() < self.aim)
        wishes = self._wishes(seen, inventory) if self._attentive else iter(())
        action = next((wish for wish in wishes if wish), None) or self._stroll(seen)
        self.facing = next((step for step, name in MOVES.items() if name == action), self.facing)
        return action

    def _wishes(self, seen: Names, inventory: Mapping[str, int]) -> Iterator[str | None]:
        """What to do in order of urgency; None where a wish cannot be met here."""
        monsters = _places(seen, *MONSTERS)
        near = [(x, y) for x, y in monsters if abs(x) + abs(y) <= FIGHT_CELLS]
        if near:
            yield (
                self._use(seen, *MONSTERS)
                if inventory["health"] >= COURAGE
                else _flee(seen, near[0])
            )
        if inventory["drink"] < WANT:
            yield self._use(seen, "water")
        if inventory["food"] < WANT:
            yield self._use(seen, "cow")
        if inventory["energy"] < TIRED and not monsters:
            yield "sleep"
        yield _make(seen, inventory)
        if inventory["wood"] < TOOL_WOOD:
            yield self._use(seen, "tree")
        if inventory["wood_pickaxe"] and inventory["stone"] < STONE_WANTED:
            yield self._use(seen, "stone")

    def _use(self, seen: Names, *names: str) -> str | None:
        """A step of the shortest way to the nearest of what is named, or "do" in front of it."""
        step = _first_step(seen, names)
        if step is None:
            return None
        if step == self.facing and _at(seen, step) in names:
            return "do"
        return MOVES[step]

    def _stroll(self, seen: Names) -> str:
        ahead = _at(seen, self.facing)
        if ahead in WALKABLE and self._rng.random() >= TURN_RATE:
            return MOVES[self.facing]
        free = [step for step in MOVES if _at(seen, step) in WALKABLE]
        return MOVES[free[self._rng.integers(len(free))]] if free else "noop"


def _make(seen: Names, inventory: Mapping[str, int]) -> str | None:
    """A tool that can be made here and now, or the table for it."""
    if not _beside_table(seen):
        if inventory["wood"] >= TOOL_WOOD and not inventory["wood_pickaxe"]:
            return "place_table"
        return None
    if not inventory["wood"]:
        return None
    for material in ("wood", "stone"):
        for tool in ("sword", "pickaxe"):
            if not inventory[f"{material}_{tool}"] and inventory[material]:
                return f"make_{material}_{tool}"
    return None


def _beside_table(seen: Names) -> bool:
    x, y = seen.shape[0] // 2, seen.shape[1] // 2
    return bool((seen[x - 1 : x + 2, y - 1 : y + 2] == "table").any())


def _flee(seen: Names, danger: Cell) -> str | None:
    """A step to the free neighbour that is farthest from the danger."""
    free = [step for step in MOVES if _at(seen, step) in WALKABLE]
    if not free:
        return None
    return MOVES[max(free, key=lambda step: abs(step[0] - danger[0]) + abs(step[1] - danger[1]))]


def _first_step(seen: Names, names: tuple[str, ...]) -> Cell | None:
    """Where the shortest way over free cells to the nearest of `names` begins, by breadth."""
    reached: dict[Cell, Cell] = {}
    queue: deque[Cell] = deque([(0, 0)])
    while queue:
        here = queue.popleft()
        for step in MOVES:
            cell = (here[0] + step[0], here[1] + step[1])
            if cell in reached or cell == (0, 0):
                continue
            reached[cell] = reached.get(here, step)
            what = _at(seen, cell)
            if what in names:
                return reached[cell]
            if what in WALKABLE:
                queue.append(cell)
    return None


def _at(seen: Names, cell: Cell) -> str:
    """What a cell holds; nothing beyond the screen."""
    x, y = seen.shape[0] // 2 + cell[0], seen.shape[1] // 2 + cell[1]
    return str(seen[x, y]) if 0 <= x < seen.shape[0] and 0 <= y < seen.shape[1] else ""


def _places(seen: Names, *names: str) -> list[Cell]:
    """Where the screen shows one of `names`, the nearest first."""
    middle = (seen.shape[0] // 2, seen.shape[1] // 2)
    found = [(int(x) - middle[0], int(y) - middle[1]) for x, y in np.argwhere(np.isin(seen, names))]
    return sorted(found, key=lambda cell: (abs(cell[0]) + abs(cell[1]), cell))
