"""The notes of an engine: which are to come, which sound, and when each is released and at rest."""

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

from ..music.events import Events
from .instrument import Instrument, Sound
from .mixer import Strip
from .pools import FADING, HELD, RELEASED, RESTING, Note, Pool, Voice
from .pyo_host import Samples
from .tape import Tape
from .voices import Voices

RELEASE, REST = range(2)  # what a timer does to its voice


class Notes:
    """Starts, releases and rests voices, block by block, in order of time.

    :param instruments: by the number of their channel
    :param voices: that may sound at once on a channel; None leaves it to each instrument
    """

    def __init__(
        self, tape: Tape, instruments: Mapping[int, Instrument], voices: int | None
    ) -> None:
        self._sample_rate, self._frames = tape.sample_rate, tape.block_frames
        self._instruments = instruments
        self._pools = {n: _pools(i, tape, voices) for n, i in instruments.items()}
        self._voices = Voices(tape)
        self._events: list[tuple[int, int, Note]] = []
        self._timers: list[tuple[int, int, int, int, Voice]] = []
        self._awake: list[Voice] = []
        self._tired = False  # a voice came to rest in this block
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

    def jump(self, frames: int, head: int) -> None:
        """The clock jumps by some frames: what sounds fades out, what was to come is dropped.

        :param head: event time of the next block, before the jump
        """
        self.cancel(0)
        for voice in self._awake:
            if voice.state in (HELD, RELEASED):
                self._fade(voice, head, head)
            voice.on_frame += frames
            voice.fade_from += frames
        self._voices.shift(frames)
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
            if voice.state == HELD and voice.sound.ring_seconds is None
        ]

    def run(self, strips: Sequence[Strip], head: int, sound: Samples) -> None:
        """Do all that falls into the block from `head` on, and write what sounds.

        :param sound: left and right of each channel [shape=(2 n, frames)]
        """
        if self._releasing:
            self._releasing = False
            for voice in self._awake:
                if voice.state == HELD:
                    self._release(voice, head, head)
        events, timers, end = self._events, self._timers, head + self._frames
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
        self._voices.render(sound)
        self.peak = max(self.peak, len(self._awake))
        if self._tired:
            self._tired = False
            self._awake = [voice for voice in self._awake if voice.state != RESTING]

    def _run_timer(self, voice: Voice, action: int, frame: int, head: int) -> None:
        if action == RELEASE and voice.state == HELD:
            self._release(voice, frame, head)
        elif action == REST and voice.state != RESTING:
            self._voices.end(voice.slot)
            voice.state, self._tired = RESTING, True

    def _start(self, strip: Strip, serial: int, note: Note, head: int) -> None:
        at, length, channel, pitch, velocity = note
        frame = max(at, head)
        self.late += at < head
        self.played += 1
        instrument = self._instruments[channel]
        pool = self._pools[channel][instrument.kind(pitch)]
        voice, victim = pool.choose(frame)
        if victim is not None:
            self.stolen += 1
            if victim is not voice:
                self._fade(victim, frame, head)
        if voice.state != RESTING:
            self._voices.cut(voice.slot)
        elif voice not in self._awake:
            self._awake.append(voice)
        voice.serial, voice.note, voice.on_frame, voice.state = serial, note, frame, HELD
        voice.sound = pool.patch.sound(strip.touch(pitch, velocity))
        levels = instrument.levels(pitch, velocity)
        voice.slot = self._voices.begin(channel, voice.sound, levels, frame, frame - head)
        end = self._gate_end(voice.sound, frame, at + length)
        strip.wake(end + round(voice.sound.release * self._sample_rate))
        self._time(end, voice, RELEASE)

    def _gate_end(self, sound: Sound, frame: int, gate_end: int) -> int:
        """When the gate of a note that begins at `frame` closes."""
        rate = self._sample_rate
        end = max(gate_end, frame + round(sound.shortest_seconds * rate))
        if sound.ring_seconds is None:
            return end
        ring_end = frame + round(max(sound.ring_seconds, sound.shortest_seconds) * rate)
        return ring_end if sound.one_shot else min(end, ring_end)

    def _release(self, voice: Voice, frame: int, head: int) -> None:
        voice.state = RELEASED
        self._voices.release(voice.slot, frame, frame - head)
        self._time(frame + round(voice.sound.release * self._sample_rate) + 1, voice, REST)

    def _fade(self, voice: Voice, frame: int, head: int) -> None:
        voice.state, voice.fade_from = FADING, frame
        self._voices.fade(voice.slot, frame - head)
        self._time(frame + self._voices.fade_frames, voice, REST)

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


def _pools(instrument: Instrument, tape: Tape, voices: int | None) -> dict[str, Pool]:
    """The voices of each kind of an instrument."""
    cap = instrument.polyphony if voices is None else voices
    return {
        kind: Pool(patch(tape), min(cap, instrument.caps.get(kind, cap)))
        for kind, patch in instrument.patches.items()
    }
