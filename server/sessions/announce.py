"""The events of a session: bars shortly before they sound, commands once done or dropped."""

import math
from typing import Any

from ...client import protocol as p
from ...music.cue import Stinger
from ...music.direction import KNOBS
from ...music.events import Events
from ...music.world import Bar
from ..performing.conductor import Conductor
from ..performing.departures import Departure
from ..performing.performance import wire_mood
from ..performing.realise import duration_beats
from ..performing.timeline import Due, Slot
from ..security.faults import without_folders
from ..sounding.sound import session_channels
from .eventbook import EventBook
from .queue import Waiting

SETTLE_SECONDS = 0.25  # a bar is settled and told this long before it sounds


class Announcer:
    """Writes what happens in the music into a session's book of events.

    :param grid_beats: an event at each multiple of so many beats; 0: none
    :param ahead_frames: what is told later than so long before its sound counts in `late_events`
    """

    def __init__(
        self,
        conductor: Conductor,
        book: EventBook,
        *,
        grid_beats: float = 0.0,
        ahead_frames: int = 0,
    ) -> None:
        self._conductor, self._timeline, self._book = conductor, conductor.timeline, book
        self._settle_frames = round(SETTLE_SECONDS * self._timeline.sample_rate)
        self._section = ""  # of the last bar told
        self._from_frame = 0
        self._last: Slot | None = None  # that was logged
        self._grid_beats, self._ahead_frames = grid_beats, ahead_frames
        self._channels = [channel.name for channel in session_channels(conductor.cue)]
        self._looping = False  # as far as was told
        self.late_events = self.dropped_commands = 0

    def start_over(self, from_frame: int) -> None:
        """The music has been restored: tell nothing of what lies before a frame."""
        self._section = ""
        self._looping = self._conductor.loop_bars(from_frame) > 0
        self._from_frame = from_frame
        self._last = None

    # Bars -------------------------------------------------------------------------------------

    def next_frame(self) -> int | None:
        """When the next bar is to be told."""
        slot = self._conductor.unsettled
        return slot.start_frame - self._settle_frames if slot is not None else None

    def bars(self, frame: int) -> list[tuple[Slot, list[Departure]]]:
        """Settle the bars that begin soon after a frame, and tell what they hold.

        :return: those bars, with the departures that have arrived in them
        """
        settled = []
        while (told_frame := self.next_frame()) is not None and told_frame <= frame:
            slot = self._conductor.settle()
            if slot.end_frame > self._from_frame:
                self._bar(slot, frame)
                self._keep(slot)
            self._section = slot.performed.bar.section
            settled.append((slot, self._arrivals(slot)))
        return settled

    def _ahead(self, event: p.Event, frame: int) -> None:
        """Tell of something that is going to sound."""
        self.late_events += event.at_frame < frame + self._ahead_frames
        self._book.add(event)

    def _bar(self, slot: Slot, frame: int) -> None:
        """What begins with a bar, and what lies in it."""
        bar, cue = slot.performed.bar, self._conductor.cue
        at: dict[str, Any] = {
            "at_frame": slot.start_frame,
            "beat": bar.start_beats,
            "bar": bar.index,
        }
        if bar.section != self._section:
            self._ahead(p.SectionEvent(**at, name=bar.section, previous=self._section), frame)
        if self._looping and not self._conductor.loops.bars_at(bar.index):
            self._looping = False
            self._ahead(p.LoopEvent(**at, bars=0), frame)
        self._ahead(
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
            ),
            frame,
        )
        self._direction(at, slot, frame)
        for marker in cue.markers_at(*slot.place):
            self._ahead(p.MarkerEvent(**at, name=marker.name), frame)
        self._beats(bar, frame)
        self._notes(at, slot.events, frame)

    def _beats(self, bar: Bar, frame: int) -> None:
        """The beats and grid lines of a bar."""
        for number in range(math.ceil(bar.beats)):
            beat = bar.start_beats + number
            at: dict[str, Any] = {"at_frame": self._timeline.frame_of(beat), "bar": bar.index}
            if at["at_frame"] >= self._from_frame:
                event = p.BeatEvent(**at, beat=beat, beat_in_bar=number, bpm=bar.bpm)
                self._ahead(event, frame)
        step = self._grid_beats
        line = math.ceil(bar.start_beats / step - 1e-9) if step else 0
        while step and line * step < bar.start_beats + bar.beats - 1e-9:
            at_frame = self._timeline.frame_of(line * step)
            if at_frame >= self._from_frame:
                where: dict[str, Any] = {"at_frame": at_frame, "bar": bar.index}
                self._ahead(p.GridEvent(**where, beat=line * step, line=line), frame)
            line += 1

    def _notes(self, at: dict[str, Any], events: Events, frame: int, name: str = "") -> None:
        """The notes of a bar, by their layers, or of a stinger of that name."""
        heard = events[events["at_frame"] >= self._from_frame]
        if len(heard):
            notes = [
                (
                    name or self._channels[channel],
                    round(pitch),
                    at_frame,
                    frames,
                    round(velocity, 4),
                )
                for at_frame, frames, pitch, velocity, channel in heard.tolist()
            ]
            self._ahead(p.NotesEvent(**at, notes=notes), frame)

    def _direction(self, at: dict[str, Any], slot: Slot, frame: int) -> None:
        performed = slot.performed
        if performed.fault:
            self._book.add(
                p.WarningEvent(**at, code="director", message=without_folders(performed.fault))
            )
        knobs = zip(KNOBS, performed.bar.direction.knobs, strict=True)
        self._ahead(
            p.DirectionEvent(
                **at,
                director=performed.director,
                knobs={name: float(value) for name, value in knobs},
                wanted=wire_mood(performed.wanted),
                heard=wire_mood(performed.heard),
                felt=wire_mood(performed.felt),
            ),
            frame,
        )

    def _keep(self, slot: Slot) -> None:
        """Log how the bar was decided, so that it can be decided again."""
        if self._last is None:
            sources = self._conductor.loop_sources()
            self._book.note("performer", state=slot.before, sources=sources)
        performed, direction = slot.performed, slot.performed.bar.direction
        told = self._last.told if self._last is not None else []
        self._book.note(
            "decision",
            bar=performed.bar.index,
            wanted=performed.wanted.axes,
            told=[one.plain for one in told],
            section=direction.section,
            fill=direction.fill,
            lead=direction.lead,
            entry=direction.entry,
            repeats=slot.repeats,
            director=performed.director,
            observation=performed.observation.tolist(),
            action=performed.action.tolist(),
            knobs=direction.knobs.tolist(),
        )
        self._last = slot

    def _arrivals(self, slot: Slot) -> list[Departure]:
        bar, there = slot.performed.bar, self._conductor.arrived(slot)
        for departure in there:
            self._book.add(
                p.ExecutedEvent(
                    at_frame=slot.start_frame,
                    beat=bar.start_beats,
                    bar=bar.index,
                    command=departure.command,
                    verb=p.Go.TYPE,
                    late_frames=slot.start_frame - departure.scheduled_frame,
                )
            )
        return there

    # Commands ---------------------------------------------------------------------------------

    def executed(self, waiting: Waiting, frame: int) -> None:
        """A command has been done at a frame; what is done ahead is heard when it is due."""
        heard_frame = max(frame, waiting.due.frame)
        self._book.add(
            p.ExecutedEvent(
                **self._at(heard_frame),
                command=waiting.id,
                verb=waiting.verb,
                late_frames=heard_frame - waiting.promised_frame,
            )
        )

    def dropped(self, command: str, verb: str, reason: str, frame: int) -> None:
        """A command will not be done."""
        event = p.DroppedEvent(**self._at(frame), command=command, verb=verb, reason=reason)
        self._book.add(event)
        self.dropped_commands += 1

    def dropped_departures(self, frame: int) -> None:
        """The departures that the conductor has given up since the last call."""
        for command, reason in self._conductor.dropped:
            self.dropped(command, p.Go.TYPE, reason, frame)
        self._conductor.dropped.clear()

    def stinger(self, stinger: Stinger, due: Due, events: Events, frame: int) -> None:
        """A stinger is about to sound."""
        bar = self._timeline.at_frame(due.frame).performed.bar
        at: dict[str, Any] = {"at_frame": due.frame, "beat": due.beat, "bar": bar.index}
        length = duration_beats(stinger)
        event = p.StingerEvent(**at, name=stinger.name, key=str(bar.key), duration_beats=length)
        self._ahead(event, frame)
        self._notes(at, events, frame, stinger.name)

    def loop(self, bars: int, due: Due, frame: int) -> None:
        """Bars go round from a bar line on, or the music goes on there."""
        self._looping = bars > 0
        at: dict[str, Any] = {"at_frame": due.frame, "beat": due.beat, "bar": due.bar}
        self._ahead(p.LoopEvent(**at, bars=bars), frame)

    def meter(self, meters: p.Meters, frame: int) -> None:
        """How loud it is."""
        self._book.add(
            p.MeterEvent(
                **self._at(frame),
                peak_db=meters.peak_db,
                rms_db=meters.rms_db,
                lufs=meters.lufs,
                layers=meters.layers,
                voices=meters.voices,
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
