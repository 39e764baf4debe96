"""A session: one listener's performance, without any socket.

Commands come in, are answered with a promise, and are done at their frame; bars are decided ahead
of the sound; events tell what will sound before it does. Everything happens in `_tick`, which is
called at exact frames when the clock is moved by hand and often when it is real time, so that the
same commands at the same frames give the same music, faster than real time or live.
"""

import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..agents.performer import Performer
from ..client import protocol as p
from ..client.verbs import Verbs, new_id
from ..music.cue import Cue
from ..music.errors import SegueError, UnknownNameError, check_range
from ..music.midi import write_midi
from ..music.parameters import Parameters
from ..music.world import Bar
from .announce import bar_events, wire_mood
from .catalogue import find_cue
from .checks import SNAPSHOT_FORMAT, check_command, check_snapshot, mood_axes
from .conductor import Conductor
from .eventbook import EventBook
from .mix import Mix
from .queue import Answers, CommandQueue, Waiting
from .realise import duration_beats, note_events, stinger_notes
from .recording import SessionLog, check_writable, session_score
from .sound import CLOCKS, Sound, open_sound, session_channels, stinger_channel
from .stage import Figure, Stage
from .timeline import Due, Told

MAX_ADVANCE_SECONDS = 3600.0
MAX_WAITING = 4096  # commands
SETTLE_SECONDS = 0.25  # a bar is settled and told this long before it sounds
STINGER_SECONDS = 0.1  # a stinger is handed on this long before it sounds
MARGIN_SECONDS = 0.02  # nothing can be made to sound earlier than this from now
START_SECONDS = 0.2  # real time: the first bar begins this long after opening
GRID_SECONDS = 0.05  # manual clock: gains follow their ramps in steps of this
MOVE_ON = ":elsewhere"  # added to the id of a dislike, names the move that it causes


class Session(Verbs):
    """One listener's performance; `Session.open` makes one.

    Verbs (`set`, `mood`, `go`, `stinger`, `feedback`, `direct`, `release`, `level`, `switch`) are
    described in `client.verbs` and `docs/protocol.md`. Safe to call from several threads.
    """

    def __init__(
        self,
        cue: Cue,
        performer: Performer,
        sound: Sound,
        *,
        clock: str = "manual",
        parameters: dict[str, float] | None = None,
        look_ahead_bars: int = 1,
        midi: Path | None = None,
        log: SessionLog | None = None,
        id: str = "local",
    ) -> None:
        self.cue, self.id, self.clock = cue, id, clock
        self.sample_rate = rate = sound.sample_rate
        self._settle_frames = round(SETTLE_SECONDS * rate)
        self._stinger_frames = round(STINGER_SECONDS * rate)
        self._margin_frames = round(MARGIN_SECONDS * rate)
        self._grid_frames = round(GRID_SECONDS * rate)
        self._start_frames = round(START_SECONDS * rate) if clock == "realtime" else 0
        self.realtime = clock == "realtime"
        self.closed = False
        self._reason = ""  # why it was closed
        self._sound, self._midi = sound, midi
        self._log = log or SessionLog(None)
        self._events = EventBook(id, self._log)
        self._lock = threading.RLock()
        self._frame = self._target = sound.frame
        self._began = False
        self._parameters = Parameters(cue)
        for name, value in (parameters or {}).items():
            self._parameters.set(name, value, 0.0, 0.0)
        self._channels = [channel.name for channel in session_channels(cue)]
        self._mix = Mix(cue, self._parameters, sound)
        self._queue, self._answers = CommandQueue(), Answers()
        self._stage = Stage(sound)
        self._past: list[Bar] = []  # bars before the last restore
        self._section = ""  # of the last bar told
        self._from_frame = 0  # nothing is told of what lies before
        self._conductor = Conductor(
            cue,
            performer,
            self._stage,
            self._parameters.mood,
            sample_rate=rate,
            look_ahead_bars=look_ahead_bars,
        )
        self._timeline = self._conductor.timeline
        self._timeline.offset_frames = self._frame + self._start_frames
        self._log.add(
            "session",
            protocol=p.PROTOCOL_VERSION,
            cue=cue.name,
            director=performer.director_name,
            seed=performer.seed,
            clock=clock,
            sample_rate=rate,
        )
        self._conductor.decide(self._frame)

    @classmethod
    def open(
        cls,
        cue: str | Path | Cue,
        *,
        director: str = "agent",
        output: str = "none",
        seed: int = 0,
        clock: str = "manual",
        parameters: dict[str, float] | None = None,
        look_ahead_bars: int = 1,
        midi: str | Path | None = None,
        log: str | Path | None = None,
        id: str = "local",
    ) -> Self:
        """Open a session.

        :param cue: name of a shipped cue, a cue folder, or a `Cue`
        :param director: one of `agents.directors.DIRECTORS`
        :param output: none (events only), null (an engine that nobody hears), file:PATH.wav, or a
            device: auto, jack, portaudio
        :param seed: of everything that is drawn; same seed and commands, same music
        :param clock: manual (time moves by `advance`, faster than real time) or realtime
        :param parameters: values in force before the first bar is decided
        :param look_ahead_bars: 1..8, decided bars beyond the sounding one
        :param midi: file for the music, written at `close`
        :param log: file for the session log (lines of JSON), written at `close`

        Raises SegueError (or a child) for what cannot be had; nothing is left behind then.
        """
        if clock not in CLOCKS:
            raise UnknownNameError("clock", clock, CLOCKS)
        ahead = int(check_range("look_ahead_bars", look_ahead_bars, 1, 8))
        loaded = cue if isinstance(cue, Cue) else find_cue(cue)
        for name, value in (parameters or {}).items():
            Parameters(loaded).check(name, value)
        midi_path, book = (check_writable(midi) if midi else None), SessionLog(log)
        performer = Performer(loaded, director, seed=seed)
        sound = open_sound(output, loaded, seed=seed, realtime=clock == "realtime")
        try:
            return cls(
                loaded,
                performer,
                sound,
                clock=clock,
                parameters=parameters,
                look_ahead_bars=ahead,
                midi=midi_path,
                log=book,
                id=id,
            )
        except BaseException:
            sound.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:  # what went wrong first is what is told
            with suppress(SegueError):
                self.close()

    # Commands ---------------------------------------------------------------------------------

    def command(self, content: p.Command, id: str | None = None) -> p.Accepted:
        """Accept a command, or raise and change nothing."""
        with self._lock:
            self._check_open()
            name = id or new_id()
            known = self._answers.get(name)
            if known is not None:
                return known
            check_command(content, self.cue, self._parameters)
            if len(self._queue) >= MAX_WAITING:
                raise SegueError(f"{MAX_WAITING} commands wait already; cancel some, or wait")
            frame = self._now()
            self._log.add("command", id=name, verb=content.TYPE, at_frame=frame, content=content)
            due = self._take(name, content, frame)
            answer = p.Accepted(
                id=name,
                scheduled_frame=due.frame,
                scheduled_beat=due.beat,
                scheduled_bar=due.bar,
                eta_seconds=max(due.frame - frame, 0) / self.sample_rate,
                estimated=due.estimated,
            )
            self._answers.put(answer)
            return answer

    def _take(self, id: str, content: p.Command, frame: int) -> Due:
        expires = None
        if content.expires_seconds is not None:
            expires = frame + round(content.expires_seconds * self.sample_rate)
        if isinstance(content, p.Go):
            return self._take_go(id, content, frame, expires)
        margin = self._margin_frames if isinstance(content, p.Stinger) else 0
        due = self._timeline.due(content.at, frame + margin)
        act_frame = due.frame - (self._stinger_frames if isinstance(content, p.Stinger) else 0)
        waiting = self._queue.waiting(id, content, due, act_frame, expires)
        if act_frame > frame:
            self._queue.push(waiting)
            return due
        self._do(waiting, frame)
        if not self._began and not self.realtime:  # nothing has sounded: let it count from bar 0
            self._conductor.revise(frame)
        return due

    def _take_go(self, id: str, content: p.Go, frame: int, expires: int | None) -> Due:
        departure = self._conductor.go(id, content.section, content.at, frame, expires)
        self._tell_dropped()
        return self._conductor.due_of(departure)

    def cancel(self, command: str) -> None:
        """Take back a command that waits; a `dropped` event tells. Raises if it does not wait."""
        with self._lock:
            self._check_open()
            waiting = self._queue.cancel(command)
            if waiting is not None:
                self._drop(command, waiting.verb, "cancelled")
            elif self._conductor.withdraw(command):
                self._drop(command, p.Go.TYPE, "cancelled")
            else:
                raise SegueError(
                    f"no command {command!r} waits here; it has been done, dropped or handed to "
                    "the director, or never came: `position` lists what waits"
                )

    def _do(self, waiting: Waiting, frame: int) -> None:
        """Do a command now and tell."""
        content, due = waiting.content, waiting.due
        at_seconds = due.frame / self.sample_rate
        match content:
            case p.Set():
                for name, value in content.parameters.items():
                    self._parameters.set(name, value, at_seconds, content.ramp_seconds)
            case p.SetMood():
                self._parameters.set_mood(mood_axes(content), at_seconds, content.ramp_seconds)
            case p.Stinger():
                self._play_stinger(content.name, due)
            case p.Feedback():
                self._hear_feedback(waiting.id, content, frame)
            case p.Direct():
                self._tell(waiting.id, "direct", values=content.changes)
            case p.Release():
                self._tell(waiting.id, "release", tuple(content.names))
            case p.Level():
                self._mix.level(content.layer, content.value, at_seconds, content.ramp_seconds)
            case p.Switch():
                self._tell(waiting.id, "switch", (content.director,))
        done_frame = due.frame if isinstance(content, p.Stinger) else max(frame, due.frame)
        self._events.add(
            p.ExecutedEvent(
                **self._at(done_frame),
                command=waiting.id,
                verb=waiting.verb,
                late_frames=max(done_frame, frame) - due.frame,
            )
        )
        self._mix_now(frame)

    def _tell(
        self, id: str, verb: str, names: tuple[str, ...] = (), values: dict[str, Any] | None = None
    ) -> None:
        self._conductor.tell(Told(id, verb, names, dict(values or {})))

    def _play_stinger(self, name: str, due: Due) -> None:
        stinger = self.cue.stinger(name)
        bar = self._timeline.at_frame(due.frame).performed.bar
        notes = stinger_notes(stinger, bar.key, due.beat)
        channel = self._channels.index(stinger_channel(stinger.instrument))
        start = (due.beat, due.frame)
        events = note_events(notes, channel, start, bar.bpm, self.sample_rate)
        self._stage.play(Figure(stinger.instrument, notes, events))
        end = int(events["at_frame"][-1] + events["duration_frames"][-1])
        self._mix.duck(stinger.duck_db, due.frame, end)
        self._events.add(
            p.StingerEvent(
                at_frame=due.frame,
                beat=due.beat,
                bar=bar.index,
                name=name,
                key=str(bar.key),
                duration_beats=duration_beats(stinger),
            )
        )

    def _hear_feedback(self, id: str, content: p.Feedback, frame: int) -> None:
        if content.valence is not None and content.arousal is not None:
            values = {"valence": content.valence, "arousal": content.arousal}
            self._tell(id, "rate", values=values)
        if content.value is None or content.value == 0:
            return
        if content.value > 0:
            for departure in self._conductor.departures:
                if departure.command.endswith(MOVE_ON) and self._conductor.withdraw(
                    departure.command
                ):
                    self._drop(departure.command, p.Go.TYPE, "the listener likes it here")
            return
        target = self._conductor.elsewhere()
        if target is not None and not self._conductor.departures:  # else it moves on already
            self._conductor.go(id + MOVE_ON, target, "phrase", frame)
            self._tell_dropped()

    # Time -------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> p.Position:
        """Move the manual clock on, rendering on the way; where the music then is."""
        self.begin_advance(seconds)
        while not self.work():
            pass
        return self.position()

    def begin_advance(self, seconds: float) -> None:
        """Set how far the manual clock is to go; `work` goes there."""
        with self._lock:
            self._check_open()
            if self.realtime:
                raise SegueError(
                    "advance moves a manual clock, but this session runs in real time; open it "
                    "with clock='manual'"
                )
            number = check_range("seconds to advance", seconds, 0.0, MAX_ADVANCE_SECONDS)
            self._target += round(number * self.sample_rate)

    def work(self, budget_frames: int = 48_000) -> bool:
        """Go towards the target of `begin_advance`, at most `budget_frames`; True once there."""
        with self._lock:
            if self.closed:
                return True
            stop = min(self._target, self._frame + budget_frames)
            while (due := self._next_tick()) <= stop:
                self._sound.advance_to(due)
                self._frame = due
                self._tick(due)
            self._sound.advance_to(stop)
            self._frame = stop
            return stop == self._target

    def pump(self) -> None:
        """Real time: do what is due; called every few milliseconds by whoever holds the session."""
        with self._lock:
            if self.realtime and not self.closed:
                frame = self._now()
                self._tick(frame)
                self._sound.advance_to(frame)

    def _now(self) -> int:
        if self.realtime:
            self._frame = max(self._sound.frame, self._frame)
        return self._frame

    def _next_tick(self) -> int:
        """The next frame at which something is to be done (manual clock)."""
        if not self._began:
            return self._frame
        after = self._frame + 1
        frames = [(self._frame // self._grid_frames + 1) * self._grid_frames]
        frames += [f for f in (self._queue.next_frame(), self._mix.next_frame(self._frame)) if f]
        number = self._timeline.number_at(self._frame)
        frames += [slot.start_frame for slot in self._timeline.slots[number + 1 : number + 2]]
        settled = self._conductor.settled
        for slot in self._timeline.slots[settled : settled + 1]:
            frames.append(slot.start_frame - self._settle_frames)
        return max(min(frames), after)

    def _tick(self, frame: int) -> None:
        """Everything that is due at or before a frame, in order."""
        self._began = True
        for late in self._queue.pop_expired(frame):
            self._drop(late.id, late.verb, "expired before its moment came")
        for departure in self._conductor.expired(frame):
            self._drop(departure.command, p.Go.TYPE, "expired before its moment came")
        while (waiting := self._queue.pop_due(frame)) is not None:
            try:
                self._do(waiting, frame)
            except SegueError as error:
                self._drop(waiting.id, waiting.verb, str(error))
        self._conductor.decide(frame, self._start_frames)
        self._tell_dropped()
        self._publish(frame)
        self._mix_now(frame)

    def _mix_now(self, frame: int) -> None:
        direction = self._timeline.at_frame(frame).performed.bar.direction
        self._mix.update(frame, direction, at_once=not self._began)

    # Events -----------------------------------------------------------------------------------

    def events(self) -> list[p.Event]:
        """The events since the last call, oldest first; of very many, the newest are kept."""
        with self._lock:
            return self._events.unread()

    def events_after(self, sequence: int) -> list[p.Event]:
        """The kept events with a higher sequence number."""
        with self._lock:
            return self._events.after(sequence)

    @property
    def sequence(self) -> int:
        """Number of the newest event."""
        return self._events.sequence

    @property
    def oldest(self) -> int:
        """Number of the oldest event that is kept."""
        return self._events.oldest

    def _drop(self, command: str, verb: str, reason: str) -> None:
        at = self._at(self._frame)
        self._events.add(p.DroppedEvent(**at, command=command, verb=verb, reason=reason))

    def _at(self, frame: int) -> dict[str, Any]:
        """Fields that place an event at a frame."""
        bar = self._timeline.at_frame(frame).performed.bar
        beat = max(self._timeline.beat_of(frame), 0.0)
        return {"at_frame": frame, "beat": beat, "bar": bar.index}

    def _tell_dropped(self) -> None:
        for command, reason in self._conductor.dropped:
            self._drop(command, p.Go.TYPE, reason)
        self._conductor.dropped.clear()

    def _publish(self, frame: int) -> None:
        """Settle the bars that begin soon, and tell what they hold."""
        conductor, slots = self._conductor, self._timeline.slots
        while conductor.settled < len(slots):
            slot = slots[conductor.settled]
            if slot.start_frame - self._settle_frames > frame:
                return
            conductor.settled += 1
            director = conductor.performer.director_name
            for event in bar_events(
                slot, self._section, self.cue, self._timeline, director, self._from_frame
            ):
                self._events.add(event)
            bar = slot.performed.bar
            self._section = bar.section
            for departure in conductor.arrived(slot):
                self._events.add(
                    p.ExecutedEvent(
                        at_frame=slot.start_frame,
                        beat=bar.start_beats,
                        bar=bar.index,
                        command=departure.command,
                        verb=p.Go.TYPE,
                        late_frames=max(slot.start_frame - departure.scheduled_frame, 0),
                    )
                )

    # State ------------------------------------------------------------------------------------

    def position(self) -> p.Position:
        """Where the music is."""
        with self._lock:
            frame, timeline = self._now(), self._timeline
            slot = timeline.at_frame(frame)
            performed, bar = slot.performed, slot.performed.bar
            beat = max(timeline.beat_of(frame), bar.start_beats)
            seconds = frame / self.sample_rate
            next_beat = timeline.due("beat", frame + 1).frame
            return p.Position(
                frame=frame,
                seconds=seconds,
                ts_ns=time.monotonic_ns(),
                beat=beat,
                bar=bar.index,
                beat_in_bar=beat - bar.start_beats,
                section=bar.section,
                bar_in_section=bar.bar_in_section,
                bpm=bar.bpm,
                meter=str(self.cue.meter),
                key=str(bar.key),
                decided_bars=timeline.slots[-1].performed.bar.index + 1,
                next_beat_seconds=(next_beat - frame) / self.sample_rate,
                next_bar_seconds=max(slot.end_frame - frame, 0) / self.sample_rate,
                director=self._conductor.performer.director_name,
                wanted=wire_mood(self._parameters.mood(seconds)),
                heard=wire_mood(performed.heard),
                felt=wire_mood(performed.felt),
                parameters=self._parameters.values(seconds),
                levels=self._mix.levels(seconds),
                pending=self._queue.ids + [d.command for d in self._conductor.departures],
                sequence=self._events.sequence,
            )

    def snapshot(self) -> dict[str, Any]:
        """All that is needed to go on from here later, as plain JSON values."""
        with self._lock:
            self._check_open()
            frame = self._now()
            return {
                "format": SNAPSHOT_FORMAT,
                "cue": self.cue.name,
                "music": self._conductor.snapshot(frame),
                "parameters": self._parameters.snapshot(),
                "levels": self._mix.targets(),
            }

    def restore(self, state: dict[str, Any]) -> p.Position:
        """Go on from a snapshot of a session with the same cue, at the very beat.

        Commands that wait are dropped. Raises SegueError and changes nothing if the snapshot is not
        whole or of another cue.
        """
        with self._lock:
            self._check_open()
            frame = self._now() + self._start_frames
            try:
                check_snapshot(state, self.cue)
                self._conductor.rehearse(state["music"])
            except SegueError:
                raise
            except Exception as error:  # it comes from outside and may be damaged in any way
                raise SegueError(
                    f"the snapshot is not whole ({error!r}); take another one"
                ) from error
            self._restore(state, frame)
            for waiting in self._queue.clear():
                self._drop(waiting.id, waiting.verb, "the session was restored")
            self._section = ""
            if self._began:
                self._tick(self._frame)
            return self.position()

    def _restore(self, state: dict[str, Any], frame: int) -> None:
        at_seconds = frame / self.sample_rate
        self._parameters.restore(state["parameters"], at_seconds)
        for layer, value in state["levels"].items():
            self._mix.level(layer, float(value), at_seconds, 0.0)
        begun = [slot.performed.bar for slot in self._timeline.slots if slot.start_frame < frame]
        self._stage.clear(frame, state["music"]["beat"])
        self._conductor.restore(state["music"], frame)
        first = self._timeline.slots[0].performed.bar.index
        self._past = [bar for bar in [*self._past, *begun] if bar.index < first]
        self._from_frame = frame

    def close(self, reason: str = "closed") -> list[str]:
        """End the music and write the files asked for; their paths. A second call does nothing."""
        with self._lock:
            if self.closed:
                return []
            frame = self._now()
            self._events.add(p.ClosedEvent(**self._at(frame), reason=reason))
            self.closed, self._reason = True, reason
            return self._write_files()

    def discard(self) -> None:
        """End the music and write nothing; files of those names stay as they were."""
        with self._lock:
            if not self.closed:
                self.closed, self._reason = True, "discarded"
                self._sound.discard()

    def _write_files(self) -> list[str]:
        files: list[str] = []
        faults: list[SegueError] = []
        for write in (self._sound.close, self._write_midi, self._log.close):
            try:
                files += write()
            except SegueError as error:
                faults.append(error)
        if faults:
            raise faults[0]
        return files

    def _write_midi(self) -> list[str]:
        if self._midi is None:
            return []
        end_beat = self._timeline.beat_of(self._frame)
        begun = [s.performed.bar for s in self._timeline.slots if s.start_frame < self._frame]
        notes = [bar.notes for bar in [*self._past, *begun]]
        score = session_score(
            self.cue,
            [bar[bar["onset_beats"] < end_beat] for bar in notes],
            [(figure.instrument, figure.notes) for figure in self._stage.figures],
            self._conductor.performer.world.tempo,
        )
        write_midi(score, self._midi)
        return [str(self._midi)]

    def _check_open(self) -> None:
        if self.closed:
            raise SegueError(f"session {self.id!r} has ended ({self._reason}); open another")
