"""The notes of an engine: which are to come, which sound, and when each is released and at rest."""

import heapq
from collections.abc import Sequence
from typing import Any

from ..music.events import Events
from .mixer import Strip
from .voices import HELD, RELEASED, RESTING, Note, Voice

EFFECT_TAIL_SECONDS = 0.2
RELEASE, REST = range(2)  # what a timer does to its voice


class Notes:
    """Starts, releases and rests voices, block by block, in order of time."""

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._events: list[tuple[int, int, Note]] = []
        self._timers: list[tuple[int, int, int, int, Voice]] = []
        self._awake: list[Voice] = []
        self._serial = 0
        self._releasing = False
        self.played = self.late = self.cancelled = self.stolen = self.peak = 0

    # what is to come

    def schedule(self, events: Events) -> None:
        """Take events that have been checked."""
        queue = self._events
        for at, length, pitch, velocity, channel in events.tolist():
            self._serial += 1
            queue.append((at, self._serial, (at, length, channel, pitch, velocity)))
        heapq.heapify(queue)

    def cancel(self, from_frame: int) -> int:
        """Drop what has not begun at or after a frame; returns how many."""
        kept = [event for event in self._events if event[0] < from_frame]
        dropped = len(self._events) - len(kept)
        heapq.heapify(kept)
        self._events = kept
        self.cancelled += dropped
        return dropped

    @property
    def pending(self) -> list[Note]:
        """The notes to come, in order."""
        return [note for _, _, note in sorted(self._events)]

    def release_all(self) -> None:
        """Release all that sounds at the start of the next block."""
        self._releasing = True

    def forget(self) -> None:
        """Drop the voices: their graph is gone."""
        self._timers.clear()
        self._awake.clear()

    def jump(self, frames: int, head: int) -> None:
        """The clock jumps by some frames: what sounds fades out, what was to come is dropped.

        :param head: event time of the next block, before the jump
        """
        self.cancel(0)
        for voice in self._awake:
            if voice.state in (HELD, RELEASED):
                self._fade(voice, 0, head)
            voice.shift(frames)
        self._timers = [
            (at + frames, number, serial, action, voice)
            for at, number, serial, action, voice in self._timers
        ]

    # what sounds

    @property
    def sounding(self) -> int:
        """Voices that are held or ring."""
        return sum(voice.state in (HELD, RELEASED) for voice in self._awake)

    @property
    def awake(self) -> int:
        """Voices that are computed."""
        return len(self._awake)

    @property
    def held(self) -> list[Note]:
        """The notes whose gates are open and that last as long as they are held."""
        return [
            voice.note
            for voice in self._awake
            if voice.state == HELD and voice.patch.ring_seconds(voice.note[3]) is None
        ]

    def run(self, strips: Sequence[Strip], head: int, frames: int) -> None:
        """Do all that falls into the block of `frames` frames from `head` on."""
        for voice in self._awake:
            voice.hold(head)
        if self._releasing:
            self._releasing = False
            for voice in self._awake:
                if voice.state == HELD:
                    self._release(voice, 0, head)
        events, timers, end = self._events, self._timers, head + frames
        while True:
            event_frame = events[0][0] if events else end
            timer_frame = timers[0][0] if timers else end
            if timer_frame < end and timer_frame <= event_frame:
                frame, _, serial, action, voice = heapq.heappop(timers)
                if voice.serial == serial:
                    self._run_timer(voice, action, frame, head)
            elif event_frame < end:
                _, serial, note = heapq.heappop(events)
                self._start(strips[note[2]], serial, note, head)
            else:
                break

    def settle(self, strips: Sequence[Strip], head: int) -> None:
        """Stop the graphs of voices at rest, and of strips whose effects have rung out."""
        for voice in self._awake:
            voice.settle()
        tired = [voice for voice in self._awake if voice.state == RESTING]
        for voice in tired:
            voice.sleep()
        if tired:
            self._awake = [voice for voice in self._awake if voice.state != RESTING]
        self.peak = max(self.peak, len(self._awake))
        tail = round(EFFECT_TAIL_SECONDS * self._sample_rate)
        for strip in strips:
            strip.rest_after(head, tail)

    def _run_timer(self, voice: Voice, action: int, frame: int, head: int) -> None:
        if action == RELEASE and voice.state == HELD:
            self._release(voice, frame - head, frame)
        elif action == REST:
            voice.end()

    def _start(self, strip: Strip, serial: int, note: Note, head: int) -> None:
        at, length, _, pitch, velocity = note
        frame = max(at, head)
        self.late += at < head
        self.played += 1
        voice, victim = strip.pool_for(pitch).choose(frame)
        if victim is not None:
            self.stolen += 1
            if victim is not voice:
                self._fade(victim, frame - head, frame)
        if not voice.awake:
            self._awake.append(voice)
        voice.serial, voice.note = serial, note
        touch, levels = strip.touch(pitch, velocity), strip.instrument.levels(pitch, velocity)
        voice.start(frame - head, frame, touch, levels)
        end, rest = self._ends(voice, frame, at + length)
        strip.wake(rest)
        self._time(end, voice, RELEASE)

    def _ends(self, voice: Voice, frame: int, gate_end: int) -> tuple[int, int]:
        """When the gate of a voice closes, and when it is silent."""
        patch, rate = voice.patch, self._sample_rate
        shortest = frame + round(patch.attack_seconds * rate)
        end = max(gate_end, shortest)
        ring = patch.ring_seconds(voice.note[3])
        if ring is not None:
            ring_end = max(frame + round(ring * rate), shortest)
            end = ring_end if patch.one_shot else min(end, ring_end)
        return end, end + round(patch.release_seconds * rate)

    def _release(self, voice: Voice, offset: int, frame: int) -> None:
        voice.release(offset)
        tail = round(voice.patch.release_seconds * self._sample_rate)
        self._time(frame + tail + 2, voice, REST)

    def _fade(self, voice: Voice, offset: int, frame: int) -> None:
        voice.fade(offset, frame)
        self._time(frame + voice.fade_frames, voice, REST)

    def _time(self, frame: int, voice: Voice, action: int) -> None:
        self._serial += 1
        heapq.heappush(self._timers, (frame, self._serial, voice.serial, action, voice))

    def counts(self) -> dict[str, Any]:
        """What has happened so far."""
        return {
            "events_played": self.played,
            "events_late": self.late,
            "events_cancelled": self.cancelled,
            "events_pending": len(self._events),
            "voices_stolen": self.stolen,
            "voices_active": self.sounding,
            "voices_peak": self.peak,
        }
