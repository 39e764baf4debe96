"""Deciding bars ahead of the sound, and taking decisions back while nobody has heard of them.

`look_ahead_bars` bars are kept decided beyond the sounding one. A bar is settled once its events
are published; until then a wish that cannot wait rolls the performer back to the state before it,
speaks, and has it decided again. The bars of a loop are played again instead of decided.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from ...agents.live import Live
from ...music.cue import Cue
from ...music.errors import RangeError
from ...music.events import Events
from ...music.mood import Mood
from ...music.world import Bar
from .expression import Players
from .loops import Loops, Source, sources_of
from .timeline import LOOK_BARS, Place, Slot, Timeline, Told

MAX_BOOKMARKS = 256  # bars that can be gone back


class Player(Protocol):
    """Where notes go."""

    def bar(self, bar: Bar, start_frame: int, end_frame: int) -> None:
        """A bar lies between two frames; its notes come next."""

    def schedule(self, events: Events) -> None:
        """Play notes."""

    def cancel(self, from_frame: int) -> None:
        """Forget scheduled notes that begin at or after a frame."""


class Mute:
    """A player of what is only tried."""

    def bar(self, bar: Bar, start_frame: int, end_frame: int) -> None:
        """Nothing to do."""

    def schedule(self, events: Events) -> None:
        """Nothing to do."""

    def cancel(self, from_frame: int) -> None:
        """Nothing to do."""


class Decider:
    """A performer in time.

    :param wanted: the mood asked for at a time in seconds on the session's clock
    :param look_ahead_bars: decided bars beyond the sounding one
    """

    def __init__(
        self,
        cue: Cue,
        performer: Live,
        player: Player,
        wanted: Callable[[float], Mood],
        *,
        sample_rate: int,
        look_ahead_bars: int,
    ) -> None:
        self.cue, self.performer = cue, performer
        self.look_ahead_bars = look_ahead_bars
        self.timeline = Timeline(cue, sample_rate, lambda: performer.world.tempo, self._coming)
        self.loops = Loops()
        self._settled = 0  # slots whose events are published
        self._bookmarks: dict[int, dict[str, Any]] = {}  # by index of the bar
        self._player = player
        self._players = Players(cue, sample_rate)
        self._wanted = wanted

    def decide(self, frame: int, gap_frames: int = 0) -> None:
        """Decide bars until enough lie ahead of `frame`.

        If the sound has overtaken the decisions, the next bar begins `gap_frames` after `frame`.
        """
        timeline = self.timeline
        if timeline.slots and timeline.end_frame < frame:
            timeline.offset_frames += frame + gap_frames - timeline.end_frame
        while len(timeline.slots) - 1 - timeline.number_at(frame) < self.look_ahead_bars:
            self._decide_one(frame)
        timeline.forget_states(frame)

    def _before_bar(self) -> None:
        """A bar is about to be decided."""

    def _rolled_back(self, index: int) -> None:
        """The performer is about to be where it was before the bar of an index."""

    def _decide_one(self, frame: int) -> None:
        self._before_bar()
        index = self.performer.world.bar_index
        before = self.performer.snapshot()
        wanted = self._wanted(self.timeline.end_frame / self.timeline.sample_rate)
        source = self._repeated(index)
        if source is None:
            slot = self.timeline.add(self.performer.next_bar(wanted), before)
        else:
            slot = self.timeline.add(self.performer.again(source.performed, wanted), before)
            slot.repeats = source.performed.bar.index
        self._remember(slot)
        self._place(slot, frame, source)

    def _repeated(self, index: int) -> Slot | None:
        """The bar that a loop plays again at an index."""
        found = self.loops.repeated(index)
        if found is None:
            return None
        loop, number = found
        if number not in loop.sources:
            loop.sources[number] = self._source(number)
        return loop.sources[number].slot

    def _source(self, index: int) -> Source:
        """A decided bar, to be played again."""
        slot = self.timeline.slot(index)
        if slot.repeats is not None:
            for loop in self.loops.loops:
                if (old := loop.sources.get(slot.repeats)) is not None:
                    return replace(old, slot=slot)
        before = self._bookmarks[index]["performer"]
        return Source(slot, before, slot.performed.wanted.axes)

    def _coming(self) -> Iterator[Place]:
        """The places of the bars beyond the decided ones, if nobody asks for anything."""
        index, places = self.performer.world.bar_index, dict[int, Place]()
        while (found := self.loops.repeated(index)) is not None:
            loop, number = found
            if number in loop.sources:
                places[index] = loop.sources[number].slot.place
            else:
                places[index] = places.get(number) or self.timeline.slot(number).place
            yield places[index]
            index += 1
        yield from self.performer.world.coming(LOOK_BARS)

    def _remember(self, slot: Slot) -> None:
        """Keep what is needed to play a bar again."""
        bar = slot.performed.bar
        self._bookmarks[bar.index] = {
            "beat": bar.start_beats,
            "performer": slot.before,
            "bars": [{"wanted": slot.performed.wanted.axes, "told": []}],
            "loops": [],
        }
        for late in [index for index in self._bookmarks if index <= bar.index - MAX_BOOKMARKS]:
            del self._bookmarks[late]

    def bookmark(self, bar: int) -> dict[str, Any]:
        """A state for `restore` that begins with a played bar; RangeError if it is not kept."""
        last = self.timeline.slots[-1].performed.bar.index
        if bar not in self._bookmarks or bar > last:
            raise RangeError("bar to seek", bar, min(self._bookmarks), last)
        return self._bookmarks[bar]

    def _place(self, slot: Slot, from_frame: int, source: Slot | None = None) -> None:
        bar, start, end = slot.performed.bar, slot.start_frame, slot.end_frame
        self._player.bar(bar, start, end)
        if source is None:
            slot.events = self._players.play(bar, start, end)
        else:
            slot.events = source.events.copy()
            slot.events["at_frame"] += start - source.start_frame
            np.minimum(slot.events["at_frame"], end - 1, out=slot.events["at_frame"])
        events = slot.events
        self._player.schedule(events[events["at_frame"] >= min(from_frame, start)])

    @property
    def unsettled(self) -> Slot | None:
        """The first bar that is decided and not settled."""
        slots = self.timeline.slots
        return slots[self._settled] if self._settled < len(slots) else None

    def settle(self) -> Slot:
        """The first bar that is not settled; from now on it stays as it is."""
        self._settled += 1
        return self.timeline.slots[self._settled - 1]

    @property
    def settled_frame(self) -> int:
        """Where the last settled bar ends."""
        slots = self.timeline.slots
        return slots[self._settled - 1].end_frame if self._settled else slots[0].start_frame

    def is_settled(self, index: int) -> bool:
        """Whether the bar of an index stays as it is."""
        return index < self.timeline.slots[0].performed.bar.index + self._settled

    def first_open(self, frame: int) -> int:
        """Index of the first bar that can still be decided otherwise."""
        return self.timeline.slots[0].performed.bar.index + self._first_open(frame)

    # Loops ------------------------------------------------------------------------------------

    def loop_bars(self, frame: int) -> int:
        """Length of the loop of the bar that sounds at a frame, 0 if it belongs to none."""
        return self.loops.bars_at(self.timeline.at_frame(frame).performed.bar.index)

    def loop_sources(self) -> list[dict[str, Any]]:
        """How the bars were decided that loops play again, as plain JSON values."""
        loops = self.loops.snapshot(self.timeline.slots[0].performed.bar.index, self._source)
        return sources_of(loops)

    def loop(self, first: int, bars: int, frame: int) -> None:
        """Let some bars from an index on go round."""
        self.loops.begin(first, bars)
        if self.timeline.slots[-1].performed.bar.index >= first + bars:
            self.revise(frame)

    def end_loop(self, index: int, frame: int) -> None:
        """Let the music go on with the bar of an index."""
        self.loops.end(index, asked=True)
        if self.timeline.slots[-1].performed.bar.index >= index:
            self.revise(frame)

    # Speaking to the performer ----------------------------------------------------------------

    def tell(self, told: Told) -> None:
        """Say something that counts from the next undecided bar on."""
        self._say(told)
        if self.timeline.slots:
            self.timeline.slots[-1].told.append(told)

    def revise(self, frame: int) -> None:
        """Decide again what is not settled."""
        self.roll_back(frame)
        self.decide(frame)

    def roll_back(self, frame: int) -> None:
        """Take back the bars that are not settled; what was said since stays said."""
        slots, first = self.timeline.slots, self._first_open(frame)
        if first >= len(slots):
            return
        state, start = slots[first].before, slots[first].start_frame
        said = [told for slot in slots[first:] for told in slot.told]
        if state is None:
            return
        index = slots[first].performed.bar.index
        del slots[first:]
        self.loops.roll_back(index)
        self._rolled_back(index)
        self._player.cancel(start)
        self.performer.restore(state)
        for told in said:
            self.tell(told)

    def _first_open(self, frame: int) -> int:
        """The first slot that is neither settled nor sounding."""
        first = self._settled
        slots = self.timeline.slots
        while 0 < first < len(slots) and slots[first].start_frame <= frame:
            first += 1
        return first

    def _say(self, told: Told) -> Any:
        return getattr(self.performer, told.verb)(*told.names, **told.values)
