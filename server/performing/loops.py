"""Loops: bars that are played again and again, note by note, until they are let go.

A loop knows its bars by their indices. What is played again is kept whole, with the state that it
was decided from, so that a snapshot can bring it back when the bars themselves are long past.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ...agents.live import Live, Performed
from ...music.mood import Mood
from .timeline import Slot

MAX_LOOP_BARS = 64


@dataclass(frozen=True)
class Source:
    """A bar that is played again, and how it was decided."""

    slot: Slot
    before: dict[str, Any]  # the performer just before
    wanted: list[float]  # valence, arousal and tension

    @property
    def plain(self) -> dict[str, Any]:
        """How it was decided, as plain JSON values."""
        return {
            "bar": self.slot.performed.bar.index,
            "performer": self.before,
            "wanted": self.wanted,
        }


@dataclass
class Loop:
    """Some bars that go round."""

    first: int  # index of the first bar
    bars: int
    end: int | None = None  # index of the bar with which the music goes on
    asked: bool = True  # that it ends there; else a section that was gone to has ended it
    sources: dict[int, Source] = field(default_factory=dict)  # by index of the bar

    def source_of(self, index: int) -> int:
        """The bar that is played again at an index behind the first round."""
        return self.first + (index - self.first) % self.bars

    def holds(self, index: int) -> bool:
        """Whether the bar of an index belongs to it."""
        return self.first <= index and (self.end is None or index < self.end)

    @property
    def plain(self) -> dict[str, Any]:
        """The same as plain JSON values, without its bars."""
        return {"first": self.first, "bars": self.bars, "end": self.end, "asked": self.asked}


class Loops:
    """The loops of a performance: the newest one, and one before it until it goes round."""

    def __init__(self) -> None:
        self.loops: list[Loop] = []

    def begin(self, first: int, bars: int) -> None:
        """Let the bars from an index on go round."""
        self.loops = [*self.loops[-1:], Loop(first, bars)]

    def end(self, index: int, *, asked: bool) -> None:
        """Let the music go on with the bar of an index."""
        for loop in self.loops:
            if loop.end is None or index < loop.end:
                loop.end, loop.asked = index, asked

    def repeated(self, index: int) -> tuple[Loop, int] | None:
        """The loop that repeats a bar at an index, and which; None if a new one is decided."""
        for loop in reversed(self.loops):
            if loop.holds(index) and index >= loop.first + loop.bars:
                return loop, loop.source_of(index)
        return None

    def bars_at(self, index: int) -> int:
        """Length of the loop that a bar belongs to, 0 if to none."""
        return next((loop.bars for loop in reversed(self.loops) if loop.holds(index)), 0)

    def roll_back(self, index: int) -> None:
        """The bars from an index on are decided anew, and what they ended is open again."""
        for loop in self.loops:
            if loop.end is not None and not loop.asked and loop.end >= index:
                loop.end = None
            loop.sources = {at: kept for at, kept in loop.sources.items() if at < index}

    def clear(self) -> None:
        """Forget all."""
        self.loops = []

    # Keeping and returning --------------------------------------------------------------------

    def snapshot(self, before: int, source: Callable[[int], Source]) -> list[dict[str, Any]]:
        """The loops with their bars that lie before an index, as plain JSON values.

        :param source: how a decided bar was decided
        """
        found = []
        for loop in self.loops:
            if loop.end is None or loop.end > before:
                past = range(loop.first, min(loop.first + loop.bars, before))
                bars = [(loop.sources.get(at) or source(at)).plain | {"bar": at} for at in past]
                found.append(loop.plain | {"sources": bars})
        return found


def decide_again(
    performer: Live, state: dict[str, Any], played: dict[int, Performed]
) -> Iterator[tuple[Performed, dict[str, Any], dict[str, Any]]]:
    """Take the decisions of a snapshot's music again.

    Each comes with the performer's state just before it and with its entry in the snapshot. What
    was told afterwards is said to the performer by whoever asks for the next one.

    :param played: bars that are played again, by index; those that are decided join them
    """
    performer.restore(state["performer"])
    for entry in state["bars"]:
        before, wanted = performer.snapshot(), Mood(*entry["wanted"])
        again = entry.get("repeats")
        performed = (
            performer.next_bar(wanted)
            if again is None
            else performer.again(played[int(again)], wanted)
        )
        played[performed.bar.index] = performed
        yield performed, before, entry


def sources_of(loops: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How the past bars of a snapshot's loops were decided."""
    return [source for loop in loops for source in loop["sources"]]
