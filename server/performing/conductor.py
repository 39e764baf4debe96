"""The conductor: who decides bars in time, goes where it is asked to, and can be kept.

A `go` or a dislike cannot wait for the next undecided bar: it has those that are not settled
decided again.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ...agents.live import Live, Performed
from ...agents.performing import make_performer
from ...music.cue import Cue
from ...music.errors import SegueError, UnknownNameError, check_range
from ...music.mood import Mood
from .decider import Decider, Mute, Player
from .departures import AT_ONCE, Departure, at_once, first_entry, has_filler
from .loops import MAX_LOOP_BARS, Loop, Source, decide_again, sources_of
from .timeline import GRIDS, Due, Slot, Told

SPOKEN = ("direct", "release", "switch", "rate", "thumb", "unlearn", "adapt", "report")
"""Methods of a performer that commands call."""

RESTORED = "the session was restored"  # why what waited was dropped


class Conductor(Decider):
    """A performer in time, with sections that were asked for.

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
        super().__init__(
            cue,
            performer,
            player,
            wanted,
            sample_rate=sample_rate,
            look_ahead_bars=look_ahead_bars,
        )
        self.departures: list[Departure] = []
        self.dropped: list[tuple[str, str]] = []  # command and reason, for the session to tell

    def _before_bar(self) -> None:
        for departure in [d for d in self.departures if not d.told]:
            self._tell_when_near(departure)
        if any(departure.told for departure in self.departures):
            self.loops.end(self.performer.world.bar_index, asked=False)

    def _rolled_back(self, index: int) -> None:
        for departure in self.departures:  # the state that is gone back to knows nothing of these
            departure.told &= departure.told_bar <= index

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
