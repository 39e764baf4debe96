"""The events of a session: bars shortly before they sound, commands once done or dropped."""

import math
from typing import Any

from ..client import protocol as p
from ..music.cue import Stinger
from ..music.direction import KNOBS
from ..music.mood import Mood
from .conductor import Conductor
from .eventbook import EventBook
from .queue import Waiting
from .realise import duration_beats
from .timeline import Due, Slot

SETTLE_SECONDS = 0.25  # a bar is settled and told this long before it sounds


class Announcer:
    """Writes what happens in the music into a session's book of events."""

    def __init__(self, conductor: Conductor, book: EventBook) -> None:
        self._conductor, self._timeline, self._book = conductor, conductor.timeline, book
        self._settle_frames = round(SETTLE_SECONDS * self._timeline.sample_rate)
        self._section = ""  # of the last bar told
        self._from_frame = 0
        self._last: Slot | None = None  # that was logged

    def start_over(self, from_frame: int) -> None:
        """The music has been restored: tell nothing of what lies before a frame."""
        self._section = ""
        self._from_frame = from_frame
        self._last = None

    # Bars -------------------------------------------------------------------------------------

    def next_frame(self) -> int | None:
        """When the next bar is to be told."""
        slot = self._conductor.unsettled
        return slot.start_frame - self._settle_frames if slot is not None else None

    def bars(self, frame: int) -> None:
        """Settle the bars that begin soon after a frame, and tell what they hold."""
        while (told_frame := self.next_frame()) is not None and told_frame <= frame:
            slot = self._conductor.settle()
            if slot.end_frame > self._from_frame:
                self._bar(slot)
                self._keep(slot)
            self._section = slot.performed.bar.section
            self._arrivals(slot)

    def _bar(self, slot: Slot) -> None:
        """Section (if it changes), bar, direction and beats."""
        bar, cue = slot.performed.bar, self._conductor.cue
        at: dict[str, Any] = {
            "at_frame": slot.start_frame,
            "beat": bar.start_beats,
            "bar": bar.index,
        }
        if bar.section != self._section:
            self._book.add(p.SectionEvent(**at, name=bar.section, previous=self._section))
        self._book.add(
            p.BarEvent(
                **at,
                section=bar.section,
                bar_in_section=bar.bar_in_section,
                beats=bar.beats,
                bpm=bar.bpm,
                meter=str(cue.meter),
                key=str(bar.key),
                chords=list(bar.chords),
                fill=bar.fill,
                cadence=bar.cadence,
                activity={
                    layer.name: level for layer, level in zip(cue.layers, bar.levels, strict=False)
                },
            )
        )
        self._direction(at, slot)
        for number in range(math.ceil(bar.beats)):
            beat = bar.start_beats + number
            frame = self._timeline.frame_of(beat)
            if frame >= self._from_frame:
                self._book.add(
                    p.BeatEvent(
                        at_frame=frame, beat=beat, bar=bar.index, beat_in_bar=number, bpm=bar.bpm
                    )
                )

    def _direction(self, at: dict[str, Any], slot: Slot) -> None:
        performed = slot.performed
        if performed.fault:
            self._book.add(p.WarningEvent(**at, code="director", message=performed.fault))
        knobs = zip(KNOBS, performed.bar.direction.knobs, strict=True)
        self._book.add(
            p.DirectionEvent(
                **at,
                director=performed.director,
                knobs={name: float(value) for name, value in knobs},
                wanted=wire_mood(performed.wanted),
                heard=wire_mood(performed.heard),
                felt=wire_mood(performed.felt),
            )
        )

    def _keep(self, slot: Slot) -> None:
        """Log how the bar was decided, so that it can be decided again."""
        if self._last is None:
            self._book.note("performer", state=slot.before)
        performed, direction = slot.performed, slot.performed.bar.direction
        told = self._last.told if self._last is not None else []
        self._book.note(
            "decision",
            bar=performed.bar.index,
            wanted=performed.wanted.axes,
            told=[one.plain for one in told],
            section=direction.section,
            fill=direction.fill,
            director=performed.director,
            observation=performed.observation.tolist(),
            action=performed.action.tolist(),
            knobs=direction.knobs.tolist(),
        )
        self._last = slot

    def _arrivals(self, slot: Slot) -> None:
        bar = slot.performed.bar
        for departure in self._conductor.arrived(slot):
            self._book.add(
                p.ExecutedEvent(
                    at_frame=slot.start_frame,
                    beat=bar.start_beats,
                    bar=bar.index,
                    command=departure.command,
                    verb=p.Go.TYPE,
                    late_frames=max(slot.start_frame - departure.scheduled_frame, 0),
                )
            )

    # Commands ---------------------------------------------------------------------------------

    def executed(self, waiting: Waiting, frame: int) -> None:
        """A command has been done at a frame; a stinger is handed on ahead of its own."""
        due_frame = waiting.due.frame
        late_frames = max(frame - due_frame, 0)
        stinger = isinstance(waiting.content, p.Stinger)
        self._book.add(
            p.ExecutedEvent(
                **self._at(due_frame if stinger else due_frame + late_frames),
                command=waiting.id,
                verb=waiting.verb,
                late_frames=late_frames,
            )
        )

    def dropped(self, command: str, verb: str, reason: str, frame: int) -> None:
        """A command will not be done."""
        event = p.DroppedEvent(**self._at(frame), command=command, verb=verb, reason=reason)
        self._book.add(event)

    def dropped_departures(self, frame: int) -> None:
        """The departures that the conductor has given up since the last call."""
        for command, reason in self._conductor.dropped:
            self.dropped(command, p.Go.TYPE, reason, frame)
        self._conductor.dropped.clear()

    def stinger(self, stinger: Stinger, due: Due) -> None:
        """A stinger is about to sound."""
        bar = self._timeline.at_frame(due.frame).performed.bar
        self._book.add(
            p.StingerEvent(
                at_frame=due.frame,
                beat=due.beat,
                bar=bar.index,
                name=stinger.name,
                key=str(bar.key),
                duration_beats=duration_beats(stinger),
            )
        )

    def warning(self, code: str, message: str, frame: int) -> None:
        """A fault that the music goes on in spite of."""
        self._book.add(p.WarningEvent(**self._at(frame), code=code, message=message))

    def paused(self, paused: bool, frame: int) -> None:
        """The music stands, or goes on."""
        event = p.PausedEvent if paused else p.ResumedEvent
        self._book.add(event(**self._at(frame)))

    def closed(self, reason: str, frame: int) -> None:
        """The session ends."""
        self._book.add(p.ClosedEvent(**self._at(frame), reason=reason))

    def _at(self, frame: int) -> dict[str, Any]:
        """Fields that place an event at a frame."""
        bar = self._timeline.at_frame(frame).performed.bar
        beat = max(self._timeline.beat_of(frame), 0.0)
        return {"at_frame": frame, "beat": beat, "bar": bar.index}


def wire_mood(mood: Mood) -> p.Mood:
    """A mood as the protocol writes it."""
    return p.Mood(mood.valence, mood.arousal, mood.tension)
