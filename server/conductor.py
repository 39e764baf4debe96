"""Deciding bars ahead of the sound, and taking decisions back while nobody has heard of them.

The conductor keeps `look_ahead_bars` bars decided beyond the sounding one. A bar is settled once
its events are published; until then a wish that cannot wait (`go`, a dislike) rolls the performer
back to the state before it, speaks, and has it decided again.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ..agents.live import Live, Performed
from ..agents.performing import make_performer
from ..music.cue import PHRASE_BARS, Cue, Transition
from ..music.errors import RangeError, SegueError, UnknownNameError, check_range
from ..music.events import Events
from ..music.mood import Mood
from ..music.world import Bar, World
from .expression import Players
from .loops import MAX_LOOP_BARS, Loop, Loops, Source, decide_again, sources_of
from .timeline import GRIDS, Due, Place, Slot, Timeline, Told

SPOKEN = ("direct", "release", "switch", "rate", "thumb", "unlearn", "adapt", "report")
"""Methods of a performer that commands call."""

AT_ONCE = ("now", "beat", "bar")
MAX_BOOKMARKS = 256  # bars that can be gone back
RESTORED = "the session was restored"  # why what waited was dropped


@dataclass
class Departure:
    """A section that was asked for and has not begun."""

    command: str
    section: str
    bar: int  # index of the first bar at which it may begin, then of the one promised
    scheduled_frame: int
    place: Place | None = None  # that is waited for
    lead: bool | None = None  # whether a filler bar leads into it; None: as the cue says
    entry: str = "start"  # or same: at the bar at which the old section is left
    fade_beats: float = 0.0  # the layers fade in over so many
    told: bool = False  # the performer knows
    told_bar: int = 0  # index of the bar that was decided next
    expires_frame: int | None = None  # it must have begun by then


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


class Conductor:
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
        self.departures: list[Departure] = []
        self.dropped: list[tuple[str, str]] = []  # command and reason, for the session to tell
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

    def _decide_one(self, frame: int) -> None:
        for departure in [d for d in self.departures if not d.told]:
            self._tell_when_near(departure)
        index = self.performer.world.bar_index
        if any(departure.told for departure in self.departures):
            self.loops.end(index, asked=False)
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
        world = self.performer.world
        index = world.bar_index
        while (found := self.loops.repeated(index)) is not None:
            loop, number = found
            slot = loop.sources[number].slot if number in loop.sources else None
            yield (slot or self.timeline.slot(number)).place
            index += 1
        yield from world.coming()

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

    # Going ------------------------------------------------------------------------------------

    def go(
        self,
        command: str,
        section: str,
        at: str,
        frame: int,
        expires_frame: int | None = None,
        *,
        lead: bool | None = None,
        entry: str = "start",
        fade_beats: float = 0.0,
    ) -> Departure:
        """Ask for a section; raises if the cue has no such section or, at once, no way there."""
        self.cue.section_index(section)
        departure = Departure(
            command,
            section,
            0,
            0,
            place=self.timeline.place(at),
            lead=lead,
            entry=entry,
            fade_beats=fade_beats,
            expires_frame=expires_frame,
        )
        if not at_once(at):
            departure.bar = self._bar_of(at, departure, frame)
            departure.scheduled_frame = self.timeline.bar_start(departure.bar).frame
            self.departures.append(departure)
            self.revise(frame)
            return departure
        self.timeline.due(at, frame)  # which refuses what cannot be
        self.roll_back(frame)
        try:
            self._tell_go(departure)
            self.departures.append(departure)
        finally:
            self.decide(frame)
        departure.scheduled_frame = self.timeline.bar_start(departure.bar).frame
        return departure

    def _bar_of(self, at: str, departure: Departure, frame: int) -> int:
        """Index of the bar at which a departure asked for later may begin."""
        timeline = self.timeline
        first = self._first_open(frame)
        before = timeline.slots[max(first - 1, 0)].performed.bar.section
        earliest = timeline.slots[0].performed.bar.index + first
        earliest += self._filled(before, departure)  # the bar before leads into it
        if at in GRIDS or departure.place is not None:
            return timeline.due(at, timeline.bar_start(earliest).frame).bar
        return max(timeline.line_from(timeline.due(at, frame)).bar, earliest)

    def _filled(self, here: str, departure: Departure) -> bool:
        """Whether a filler bar leads from a section to where a departure goes."""
        rule = self.cue.transition(here, departure.section)
        return rule is not None and has_filler(rule, departure.lead)

    def _tell_when_near(self, departure: Departure) -> None:
        """Hand a departure on so that it begins at its bar: one before if a bar leads into it."""
        index, here = self.performer.world.bar_index, self.performer.world.section
        rule = self.cue.transition(here, departure.section)
        leads = rule is not None and (has_filler(rule, departure.lead) or rule.at not in AT_ONCE)
        if departure.place is not None:
            departure.bar = self.timeline.next_place(departure.place, index + leads).bar
        if index < departure.bar - leads:
            return
        try:
            self._tell_go(departure)
        except SegueError as error:
            self.departures.remove(departure)
            self.dropped.append((departure.command, str(error)))

    def _tell_go(self, departure: Departure) -> None:
        bar = first_entry(self.performer.world, departure.section, departure.lead)
        start, expires = self.timeline.bar_start(bar).frame, departure.expires_frame
        if expires is not None and start > expires:
            late_seconds = (start - expires) / self.timeline.sample_rate
            raise SegueError(
                f"section {departure.section!r} can begin {late_seconds:.2f} s after the command "
                "expires; give it more time"
            )
        self.performer.go(departure.section, departure.lead, departure.entry)
        departure.bar = bar
        departure.told, departure.told_bar = True, self.performer.world.bar_index
        for other in [d for d in self.departures if d.told and d is not departure]:
            self.departures.remove(other)
            self.dropped.append((other.command, f"replaced by command {departure.command!r}"))

    def expired(self, frame: int) -> list[Departure]:
        """Take out the departures whose time has run out before the performer knew."""
        late = [
            d
            for d in self.departures
            if not d.told and d.expires_frame is not None and d.expires_frame < frame
        ]
        self.departures = [d for d in self.departures if d not in late]
        return late

    def elsewhere(self) -> str | None:
        """Another section that can be gone to from here: the one not heard for longest."""
        here = self.performer.world.section
        heard = {slot.performed.bar.section: n for n, slot in enumerate(self.timeline.slots)}
        ways = [
            section.name
            for section in self.cue.sections
            if section.name != here and self.cue.transition(here, section.name)
        ]
        return min(ways, key=lambda name: heard.get(name, -1), default=None)

    def withdraw(self, command: str) -> bool:
        """Forget a departure of which the performer does not know yet."""
        for departure in self.departures:
            if departure.command == command and not departure.told:
                self.departures.remove(departure)
                return True
        return False

    def arrived(self, slot: Slot) -> list[Departure]:
        """Departures that the bar in `slot` fulfils; they are done with."""
        bar = slot.performed.bar
        there = [
            d for d in self.departures if d.told and d.section == bar.section and bar.index >= d.bar
        ]
        self.departures = [d for d in self.departures if d not in there]
        return there

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
        for departure in self.departures:  # the state that is gone back to knows nothing of these
            departure.told &= departure.told_bar <= index
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

    # Keeping and returning --------------------------------------------------------------------

    def snapshot(self, frame: int) -> dict[str, Any]:
        """The sounding bar, those decided beyond it and what was said since, as JSON values."""
        number = self.timeline.number_at(frame)
        slots = self.timeline.slots[number:]
        first = slots[0].performed.bar.index
        return {
            "beat": self.timeline.beat_of(max(frame, slots[0].start_frame)),
            "performer": slots[0].before,
            "bars": [
                {
                    "wanted": slot.performed.wanted.axes,
                    "told": [told.plain for told in slot.told],
                    "repeats": slot.repeats,
                }
                for slot in slots
            ],
            "loops": self.loops.snapshot(first, self._source),
        }

    def rehearse(self, state: dict[str, Any]) -> None:
        """Play a snapshot on a stand-in, which raises if it cannot be played."""
        if not state["bars"] or not math.isfinite(state["beat"]):
            raise SegueError("the snapshot holds no bar; take another one")
        performer = make_performer(self.cue, self.performer.director_name, seed=self.performer.seed)
        played = performer.decide_again(sources_of(state.get("loops", [])))
        for _, _, bar in decide_again(performer, state, played):
            for told in map(_told, bar["told"]):
                getattr(performer, told.verb)(*told.names, **told.values)
        for plain in state.get("loops", []):
            _loop(plain)

    def restore(self, state: dict[str, Any], frame: int) -> None:
        """Take up the music of a snapshot that has been rehearsed, at `frame`."""
        played = self.performer.decide_again(sources_of(state.get("loops", [])))
        self._player.cancel(frame)
        timeline = self.timeline
        timeline.slots.clear()
        self._settled = 0
        self.dropped += [(departure.command, RESTORED) for departure in self.departures]
        self.departures.clear()
        self._take_up_loops(state.get("loops", []), played)
        for performed, before, bar in decide_again(self.performer, state, played):
            if not timeline.slots:
                timeline.offset_frames = 0
                timeline.offset_frames = frame - timeline.frame_of(state["beat"])
            slot = timeline.add(performed, before)
            slot.repeats = bar.get("repeats")
            self._remember(slot)
            again = self._repeated(performed.bar.index) if slot.repeats is not None else None
            self._place(slot, frame, again)
            for told in bar["told"]:
                self.tell(_told(told))
        self.decide(frame)

    def _take_up_loops(self, plains: list[dict[str, Any]], played: dict[int, Performed]) -> None:
        """Go on with the loops of a snapshot, whose past bars have been decided again."""
        self.loops.clear()
        for plain in plains:
            loop = _loop(plain)
            for kept in plain["sources"]:
                performed = played[int(kept["bar"])]
                bar = performed.bar
                frames = round(bar.beats * 60.0 / bar.bpm * self.timeline.sample_rate)
                events = self._players.play(bar, 0, frames)
                slot = Slot(performed, 0, frames, None, events=events)
                loop.sources[int(kept["bar"])] = Source(
                    slot, kept["performer"], performed.wanted.axes
                )
            self.loops.loops.append(loop)

    # Trying -----------------------------------------------------------------------------------

    @contextmanager
    def trial(self, frame: int) -> Iterator[None]:
        """What is done inside is undone at the end, and nothing sounds of it."""
        timeline, performer = self.timeline, self.performer
        first = max(self._first_open(frame) - 1, 0)
        slots = timeline.slots[first:]
        told = [list(slot.told) for slot in slots]
        departures = [replace(departure) for departure in self.departures]
        loops = [replace(loop, sources=dict(loop.sources)) for loop in self.loops.loops]
        kept = (self._player, list(self.dropped), dict(self._bookmarks), timeline.offset_frames)
        state, director = performer.snapshot(), (performer.director, performer.director_name)
        self._player = Mute()
        try:
            yield
        finally:
            performer.restore(state)
            performer.director, performer.director_name = director
            self._player, self.dropped, self._bookmarks, timeline.offset_frames = kept
            self.departures, self.loops.loops = departures, loops
            timeline.slots[first:] = slots
            for slot, words in zip(slots, told, strict=True):
                slot.told[:] = words

    def due_of(self, departure: Departure) -> Due:
        """When a departure is to begin."""
        return self.timeline.bar_start(departure.bar)


def at_once(at: str) -> bool:
    """Whether a departure asked for at `at` may begin with the next bar."""
    return at in AT_ONCE or at.startswith("grid:")


def has_filler(rule: Transition, lead: bool | None) -> bool:
    """Whether a filler bar leads along a way, if `lead` is asked for."""
    return rule.fill if lead is None else lead


def first_entry(world: World, section: str, lead: bool | None = None) -> int:
    """Index of the first bar that can be of `section`, if it is asked for now.

    :param lead: whether a filler bar leads into it; None: as the cue says
    """
    target = world.check_go(section)
    here = world.cue.sections[world.cue.section_index(world.section)]
    rule = world.cue.transition(here.name, section)
    if rule is None or world.cue.sections[target] is here:
        return world.bar_index
    number = int(world.worlds.number[0])
    to_end = here.bars - number
    if rule.at in AT_ONCE:
        ahead = 1 if has_filler(rule, lead) else 0
    elif rule.at == "phrase":
        ahead = min(PHRASE_BARS - number % PHRASE_BARS, to_end)
    else:
        ahead = to_end
    return world.bar_index + ahead


def _loop(plain: dict[str, Any]) -> Loop:
    """A loop as a snapshot tells it, without its bars."""
    end = plain["end"]
    loop = Loop(int(plain["first"]), int(plain["bars"]), None if end is None else int(end))
    check_range("bars of the loop in the snapshot", loop.bars, 1, MAX_LOOP_BARS)
    loop.asked = bool(plain["asked"])
    return loop


def _told(plain: list[Any]) -> Told:
    command, verb, names, values = plain
    if verb not in SPOKEN:
        raise UnknownNameError("word to a performer", str(verb), SPOKEN)
    return Told(str(command), verb, tuple(names), dict(values))
