"""Deciding bars ahead of the sound, and taking decisions back while nobody has heard of them.

The conductor keeps `look_ahead_bars` bars decided beyond the sounding one. A bar is settled once
its events are published; until then a wish that cannot wait (`go`, a dislike) rolls the performer
back to the state before it, speaks, and has it decided again.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..agents.live import Live
from ..agents.performing import make_performer
from ..music.cue import PHRASE_BARS, Cue
from ..music.errors import RangeError, SegueError, UnknownNameError
from ..music.events import Events
from ..music.mood import Mood
from ..music.world import Bar, World
from .expression import Players
from .timeline import GRIDS, Due, Slot, Timeline, Told

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
    told: bool = False  # the performer knows
    expires_frame: int | None = None  # it must have begun by then


class Player(Protocol):
    """Where notes go."""

    def bar(self, bar: Bar, start_frame: int, end_frame: int) -> None:
        """A bar lies between two frames; its notes come next."""

    def schedule(self, events: Events) -> None:
        """Play notes."""

    def cancel(self, from_frame: int) -> None:
        """Forget scheduled notes that begin at or after a frame."""


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
        self.timeline = Timeline(cue, sample_rate, lambda: performer.world.tempo)
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
        before = self.performer.snapshot()
        start_seconds = self.timeline.end_frame / self.timeline.sample_rate
        performed = self.performer.next_bar(self._wanted(start_seconds))
        slot = self.timeline.add(performed, before)
        self._remember(slot)
        self._place(slot, frame)

    def _remember(self, slot: Slot) -> None:
        """Keep what is needed to play a bar again."""
        bar = slot.performed.bar
        self._bookmarks[bar.index] = {
            "beat": bar.start_beats,
            "performer": slot.before,
            "bars": [{"wanted": slot.performed.wanted.axes, "told": []}],
        }
        for late in [index for index in self._bookmarks if index <= bar.index - MAX_BOOKMARKS]:
            del self._bookmarks[late]

    def bookmark(self, bar: int) -> dict[str, Any]:
        """A state for `restore` that begins with a played bar; RangeError if it is not kept."""
        last = self.timeline.slots[-1].performed.bar.index
        if bar not in self._bookmarks or bar > last:
            raise RangeError("bar to seek", bar, min(self._bookmarks), last)
        return self._bookmarks[bar]

    def _place(self, slot: Slot, from_frame: int) -> None:
        bar = slot.performed.bar
        self._player.bar(bar, slot.start_frame, slot.end_frame)
        events = self._players.play(bar, slot.start_frame, slot.end_frame)
        self._player.schedule(events[events["at_frame"] >= min(from_frame, slot.start_frame)])

    @property
    def unsettled(self) -> Slot | None:
        """The first bar that is decided and not settled."""
        slots = self.timeline.slots
        return slots[self._settled] if self._settled < len(slots) else None

    def settle(self) -> Slot:
        """The first bar that is not settled; from now on it stays as it is."""
        self._settled += 1
        return self.timeline.slots[self._settled - 1]

    # Going ------------------------------------------------------------------------------------

    def go(
        self, command: str, section: str, at: str, frame: int, expires_frame: int | None = None
    ) -> Departure:
        """Ask for a section; raises if the cue has no such section or, at once, no way there."""
        self.cue.section_index(section)
        if at not in AT_ONCE:
            bar = self._bar_of(at, section, frame)
            start = self.timeline.bar_start(bar).frame
            departure = Departure(command, section, bar, start, expires_frame=expires_frame)
            self.departures.append(departure)
            self.revise(frame)
            return departure
        departure = Departure(command, section, 0, 0, expires_frame=expires_frame)
        self.roll_back(frame)
        try:
            self._tell_go(departure)
        finally:
            self.decide(frame)
        departure.scheduled_frame = self.timeline.bar_start(departure.bar).frame
        self.departures.append(departure)
        return departure

    def _bar_of(self, at: str, section: str, frame: int) -> int:
        """Index of the bar at which a departure asked for later may begin."""
        timeline = self.timeline
        first = self._first_open(frame)
        before = timeline.slots[max(first - 1, 0)].performed.bar.section
        rule = self.cue.transition(before, section)
        earliest = timeline.slots[0].performed.bar.index + first
        earliest += rule is not None and rule.fill  # the bar before leads into it
        if at in GRIDS:
            return timeline.due(at, timeline.bar_start(earliest).frame).bar
        due = timeline.due(at, frame)
        inside = due.frame != timeline.bar_start(due.bar).frame
        return max(due.bar + inside, earliest)

    def _tell_when_near(self, departure: Departure) -> None:
        """Hand a departure on so that it begins at its bar: one before if a bar leads into it."""
        index, here = self.performer.world.bar_index, self.performer.world.section
        rule = self.cue.transition(here, departure.section)
        leads = rule is not None and (rule.fill or rule.at not in AT_ONCE)
        if index < departure.bar - leads:
            return
        try:
            self._tell_go(departure)
        except SegueError as error:
            self.departures.remove(departure)
            self.dropped.append((departure.command, str(error)))

    def _tell_go(self, departure: Departure) -> None:
        bar = first_entry(self.performer.world, departure.section)
        start, expires = self.timeline.bar_start(bar).frame, departure.expires_frame
        if expires is not None and start > expires:
            late_seconds = (start - expires) / self.timeline.sample_rate
            raise SegueError(
                f"section {departure.section!r} can begin {late_seconds:.2f} s after the command "
                "expires; give it more time"
            )
        self.performer.go(departure.section)
        departure.bar = bar
        departure.told = True
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
        del slots[first:]
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
        return {
            "beat": self.timeline.beat_of(max(frame, slots[0].start_frame)),
            "performer": slots[0].before,
            "bars": [
                {
                    "wanted": slot.performed.wanted.axes,
                    "told": [told.plain for told in slot.told],
                }
                for slot in slots
            ],
        }

    def rehearse(self, state: dict[str, Any]) -> None:
        """Play a snapshot on a stand-in, which raises if it cannot be played."""
        if not state["bars"] or not math.isfinite(state["beat"]):
            raise SegueError("the snapshot holds no bar; take another one")
        performer = make_performer(self.cue, self.performer.director_name, seed=self.performer.seed)
        performer.restore(state["performer"])
        for bar in state["bars"]:
            performer.next_bar(Mood(*bar["wanted"]))
            for told in map(_told, bar["told"]):
                getattr(performer, told.verb)(*told.names, **told.values)

    def restore(self, state: dict[str, Any], frame: int) -> None:
        """Take up the music of a snapshot that has been rehearsed, at `frame`."""
        self.performer.restore(state["performer"])
        self._player.cancel(frame)
        timeline = self.timeline
        timeline.slots.clear()
        self._settled = 0
        self.dropped += [(departure.command, RESTORED) for departure in self.departures]
        self.departures.clear()
        for number, bar in enumerate(state["bars"]):
            before = self.performer.snapshot()
            performed = self.performer.next_bar(Mood(*bar["wanted"]))
            if number == 0:
                timeline.offset_frames = 0
                timeline.offset_frames = frame - timeline.frame_of(state["beat"])
            slot = timeline.add(performed, before)
            self._place(slot, frame)
            for told in bar["told"]:
                self.tell(_told(told))
        self.decide(frame)

    def due_of(self, departure: Departure) -> Due:
        """When a departure is to begin."""
        return self.timeline.bar_start(departure.bar)


def first_entry(world: World, section: str) -> int:
    """Index of the first bar that can be of `section`, if it is asked for now."""
    target = world.check_go(section)
    here = world.cue.sections[world.cue.section_index(world.section)]
    rule = world.cue.transition(here.name, section)
    if rule is None or world.cue.sections[target] is here:
        return world.bar_index
    number = int(world.worlds.number[0])
    to_end = here.bars - number
    if rule.at in AT_ONCE:
        ahead = 1 if rule.fill else 0
    elif rule.at == "phrase":
        ahead = min(PHRASE_BARS - number % PHRASE_BARS, to_end)
    else:
        ahead = to_end
    return world.bar_index + ahead


def _told(plain: list[Any]) -> Told:
    command, verb, names, values = plain
    if verb not in SPOKEN:
        raise UnknownNameError("word to a performer", str(verb), SPOKEN)
    return Told(str(command), verb, tuple(names), dict(values))
