"""A session: one listener's performance, without any socket.

Commands come in, are answered with a promise, and are done at their frame; bars are decided ahead
of the sound; events tell what will sound before it does. Everything happens in `_tick`, which is
called at exact frames when the clock is moved by hand and often when it is real time, so that the
same commands at the same frames give the same music, faster than real time or live.

The session keeps the clock and the files. Its music is a `Performance`, its commands are kept by
`Commands` and done by an `Executor`, and an `Announcer` tells of all that.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from ...agents.live import Live
from ...agents.performing import make_performer
from ...client import protocol as p
from ...client.verbs import Verbs, new_id
from ...music.cue import Cue
from ...music.errors import SegueError, UnknownNameError, check_range
from ...music.files import check_writable
from ...music.midi import write_midi
from ...music.parameters import Parameters
from ...synth.stream import Stream
from ..performing.performance import Performance
from ..performing.timeline import LEAST_GRID_BEATS, MOST_GRID_BEATS
from ..sounding.mix import SMOOTH_SECONDS
from ..sounding.sound import BLOCK_FRAMES, CLOCKS, Sound, open_sound
from .announce import Announcer
from .asked import Asked
from .catalogue import find_cue
from .commands import Commands
from .eventbook import EventBook
from .gauge import MAX_METER_HZ, Gauge
from .queue import NOT_YET
from .recording import SessionLog

MAX_ADVANCE_SECONDS = 3600.0
Made = TypeVar("Made")
AHEAD_FRAMES = 2 * BLOCK_FRAMES  # in real time, events are told at least so long ahead
MAX_FADE_SECONDS = 60.0
PUMP_SECONDS = 0.005  # of real time, between two looks at what is due
START_SECONDS = 0.2  # real time: the first bar begins this long after opening
GRID_SECONDS = 0.05  # manual clock: gains follow their ramps in steps of this


class Session(Asked, Verbs[p.Accepted]):
    """One listener's performance; `Session.open` makes one.

    Verbs (`set`, `mood`, `go`, `stinger`, `feedback`, `direct`, `tempo`, `loop`, `level`, ...) are
    described in `client.verbs` and `docs/protocol.md`. Safe to call from several threads.
    """

    def __init__(
        self,
        cue: Cue,
        performer: Live,
        sound: Sound,
        *,
        clock: str = "manual",
        parameters: dict[str, float] | None = None,
        look_ahead_bars: int = 1,
        midi: Path | None = None,
        log: SessionLog | None = None,
        grid_beats: float = 0.0,
        meter_hz: float = 0.0,
        id: str = "local",
    ) -> None:
        self.cue, self.id, self.clock = cue, id, clock
        self.sample_rate = sound.sample_rate
        self.realtime = clock == "realtime"
        self.closed = self.paused = False
        self._reason = ""  # why it was closed
        self._grid_frames = round(GRID_SECONDS * self.sample_rate)
        live = clock != "manual"
        self._start_frames = round(START_SECONDS * self.sample_rate) if live else 0
        self._sound, self._midi = sound, midi
        self._log = log or SessionLog(None)
        self._lock = threading.RLock()
        self._frame = self._target = self._ticked = sound.frame
        self._music_due: int | None = None  # when a bar or a duck is due next, once reckoned
        self._performance = Performance(
            cue,
            performer,
            sound,
            parameters=parameters or {},
            frame=self._frame,
            start_frame=self._frame + self._start_frames,
            look_ahead_bars=look_ahead_bars,
        )
        self._conductor = self._performance.conductor
        self._book = EventBook(id, self._log)
        self._announcer = Announcer(
            self._conductor,
            self._book,
            grid_beats=grid_beats,
            ahead_frames=AHEAD_FRAMES if live else 0,
        )
        self._gauge = Gauge(sound, cue, self._announcer, meter_hz)
        self._commands = Commands(self._performance, self._announcer, self._log, realtime=live)
        self._log.add(
            "session",
            protocol=p.PROTOCOL_VERSION,
            cue=cue.name,
            fingerprint=self.fingerprint,
            key=str(cue.key),
            director=performer.director_name,
            seed=performer.seed,
            clock=clock,
            sample_rate=self.sample_rate,
            parameters=parameters or {},
            look_ahead_bars=look_ahead_bars,
            frame=self._frame,
        )
        self._log.check()

    @classmethod
    def open(
        cls,
        cue: str | Path | Cue,
        *,
        director: str = "agent",
        output: str | Stream = "none",
        seed: int = 0,
        clock: str = "manual",
        parameters: dict[str, float] | None = None,
        look_ahead_bars: int = 1,
        midi: str | Path | None = None,
        log: str | Path | None = None,
        voices: int = 0,
        grid_beats: float = 0.0,
        meter_hz: float = 0.0,
        id: str = "local",
    ) -> Self:
        """Open a session.

        :param cue: name of a shipped cue, a cue folder, or a `Cue`
        :param director: one of `agents.performing.DIRECTORS`
        :param output: none (events only), null (an engine that nobody hears), file:PATH.wav, midi,
            midi:PORT or midi:PORT?OPTIONS (docs/midi.md), or a device: auto, jack, portaudio
        :param seed: of everything that is drawn; same seed and commands, same music
        :param clock: manual (time moves by `advance`, faster than real time), realtime, or replay
            (moved by `advance`, with the rules of real time)
        :param parameters: values in force before the first bar is decided
        :param look_ahead_bars: 1..8, decided bars beyond the sounding one
        :param midi: file for the music, written at `close`
        :param log: file for the session log (lines of JSON), written at `close`
        :param voices: 1..64, the most notes that sound at once on a layer; 0: what each instrument
            takes
        :param grid_beats: a `grid` event at each multiple of so many beats; 0: none
        :param meter_hz: `meter` events a second, of a session with an engine; 0: none

        Raises SegueError (or a child) for what cannot be had; nothing is left behind then.
        """
        if clock not in CLOCKS:
            raise UnknownNameError("clock", clock, CLOCKS)
        ahead = int(check_range("look_ahead_bars", look_ahead_bars, 1, 8))
        check_range("voices", voices, 0, 64)
        check_range("meter_hz", meter_hz, 0.0, MAX_METER_HZ)
        if grid_beats:
            check_range("grid_beats", grid_beats, LEAST_GRID_BEATS, MOST_GRID_BEATS)
        loaded = cue if isinstance(cue, Cue) else find_cue(cue)
        for name, value in (parameters or {}).items():
            Parameters(loaded).check(name, value)
        midi_path, book = (check_writable(midi) if midi else None), SessionLog(log)
        # Made as an engine starts.
        performer = _begin(lambda: make_performer(loaded, director, seed=seed))
        sound = open_sound(
            output, loaded, seed=seed, realtime=clock == "realtime", voices=int(voices)
        )
        try:
            return cls(
                loaded,
                performer.result(),
                sound,
                clock=clock,
                parameters=parameters,
                look_ahead_bars=ahead,
                midi=midi_path,
                log=book,
                grid_beats=grid_beats,
                meter_hz=meter_hz,
                id=id,
            )
        except BaseException:  # what went wrong first is what is told
            with suppress(SegueError):
                sound.discard()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:  # what went wrong first is what is told
            with suppress(SegueError):
                self.close()

    # Commands ---------------------------------------------------------------------------------

    def command(
        self, content: p.Command, id: str | None = None, *, later: bool = False
    ) -> p.Accepted:
        """Accept a command, or raise and change nothing.

        :param later: what is to be done now is done by `finish`, so that who asked can be answered
            first (real time)
        """
        with self._lock:
            self._check_open()
            frame = self._now()
            if self.realtime and self._overdue(frame):
                self._tick(frame)  # what was due before the command is done before it
            return self._commands.accept(content, id or new_id(), frame, later=later)

    def finish(self) -> None:
        """Do what `command` has left for later."""
        with self._lock:
            if not self.closed:
                self._commands.do_due(self._frame)

    def cancel(self, command: str) -> None:
        """Take back a command that waits; a `dropped` event tells. Raises if it does not wait."""
        with self._lock:
            self._check_open()
            self._commands.cancel(command, self._frame)
            self._log.add("cancel", at_frame=self._frame, command=command)

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
            if self.paused:
                raise SegueError("the session is paused; resume it to move on")
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
                for notice in self._sound.take_notices():
                    self._announcer.warning("engine", notice, frame)

    def _now(self) -> int:
        if self.realtime:
            self._frame = max(self._sound.frame, self._frame)
        return self._frame

    def _next_tick(self) -> int:
        """The next frame at which something is to be done (manual clock)."""
        if not self._performance.began:
            return self._frame
        frames = (
            (self._frame // self._grid_frames + 1) * self._grid_frames,
            self._commands.next_frame(),
            self._performance.next_frame(self._frame),
            self._announcer.next_frame(),
            self._gauge.next_frame,
        )
        return max(min(frame for frame in frames if frame is not None), self._frame + 1)

    def _overdue(self, frame: int) -> bool:
        """Whether something is due since the last tick."""
        if self._music_due is None:
            frames = (self._performance.next_frame(self._ticked), self._announcer.next_frame())
            self._music_due = min((due for due in frames if due is not None), default=NOT_YET)
        command_due = self._commands.next_frame()
        return frame >= self._music_due or (command_due is not None and command_due <= frame)

    def _tick(self, frame: int) -> None:
        """Everything that is due at or before a frame, in order."""
        self._performance.began = True
        self._ticked, self._music_due = frame, None
        self._commands.do_due(frame)
        self._conductor.decide(frame, self._start_frames)
        self._announcer.dropped_departures(frame)
        settled = self._announcer.bars(frame)
        for slot, arrived in settled:
            self._performance.fade_in(slot, arrived)
            self._commands.reached(slot)
        self._commands.follow()
        if settled:
            self._commands.do_due(frame)
        self._performance.update_mix(frame)
        self._gauge.tell(frame, wait=not self.realtime)

    # Events -----------------------------------------------------------------------------------

    def events(self) -> list[p.Event]:
        """The events since the last call, oldest first; of very many, the newest are kept."""
        with self._lock:
            return self._book.unread()

    def events_after(self, sequence: int) -> list[p.Event]:
        """The kept events with a higher sequence number."""
        with self._lock:
            return self._book.after(sequence)

    @property
    def sequence(self) -> int:
        """Number of the newest event."""
        return self._book.sequence

    @property
    def oldest(self) -> int:
        """Number of the oldest event that is kept."""
        return self._book.oldest

    # State ------------------------------------------------------------------------------------

    @property
    def fingerprint(self) -> str:
        """Tells one version of the cue's music from another."""
        return self._conductor.performer.book.arrangements[0].fingerprint

    @property
    def directors(self) -> tuple[str, ...]:
        """The directors that this session can switch to."""
        return self._conductor.performer.DIRECTORS

    def snapshot(self) -> dict[str, Any]:
        """All that is needed to go on from here later, as plain JSON values."""
        with self._lock:
            self._check_open()
            return self._performance.snapshot(self._now())

    def restore(self, state: dict[str, Any]) -> p.Position:
        """Go on from a snapshot of a session with the same cue, at the very beat.

        Commands that wait are dropped. Raises SegueError and changes nothing if the snapshot is not
        whole or of another cue.
        """
        with self._lock:
            self._check_open()
            self._performance.check_snapshot(state)
            frame = self._now() + self._start_frames
            self._log.add("restore", at_frame=self._frame, state=state)
            self._performance.restore(state, frame)
            self._after_jump(frame)
            return self.position()

    def pause(self) -> p.Position:
        """Fade out within 10 ms and let the music stand; a manual clock stands by itself."""
        return self._stand(True)

    def resume(self) -> p.Position:
        """Go on from where `pause` stopped."""
        return self._stand(False)

    def _stand(self, paused: bool) -> p.Position:
        with self._lock:
            self._check_open()
            if paused != self.paused:
                self.paused = paused
                (self._sound.pause if paused else self._sound.resume)()
                self._announcer.paused(paused, self._now())
            return self.position()

    def seek(self, bar: int) -> p.Position:
        """Play again from a bar that was played before; the music decides anew from there.

        Commands that wait are dropped. Raises RangeError for a bar that is not kept.
        """
        with self._lock:
            self._check_open()
            frame = self._now() + self._start_frames
            self._performance.seek(bar, frame)
            self._log.add("seek", at_frame=self._frame, bar=bar)
            self._after_jump(frame)
            return self.position()

    def _after_jump(self, frame: int) -> None:
        """The music begins elsewhere at a frame: what waited is dropped."""
        self._commands.restored(self._frame)
        self._announcer.start_over(frame)
        if self._performance.began:
            self._tick(self._frame)

    # Ending -----------------------------------------------------------------------------------

    def close(self, reason: str = "closed", *, fade_seconds: float = 0.0) -> list[str]:
        """End the music and write the files asked for; their paths. A second call does nothing.

        :param fade_seconds: in real time, the music fades out first, in 60 seconds at most
        """
        check_range("fade_seconds", fade_seconds, 0.0, MAX_FADE_SECONDS)
        if fade_seconds and self.fade_out(fade_seconds):
            self._go_on(fade_seconds + SMOOTH_SECONDS)
        with self._lock:
            if self.closed:
                return []
            frame = self._now()
            self._log.add("end", at_frame=frame, reason=reason)
            self._commands.ended(frame)
            self._announcer.closed(reason, frame)
            self.closed, self._reason = True, reason
            return self._write_files()

    def fade_out(self, seconds: float) -> bool:
        """Begin to fade out before the end, in real time; whether anything sounds."""
        with self._lock:
            sounds = self.realtime and not (self.closed or self.paused)
            if sounds:
                self._performance.mix.fade_out(self._now() / self.sample_rate, seconds)
            return sounds

    def _go_on(self, seconds: float) -> None:
        """Let real time pass, doing what is due."""
        until, pause = time.monotonic() + seconds, threading.Event()
        while time.monotonic() < until:
            self.pump()
            pause.wait(PUMP_SECONDS)

    def settle(self) -> None:
        """Return when the sound is rendered up to here; raise what went wrong, so that there is
        still time to `discard`."""
        with self._lock:
            self._check_open()
            self._sound.settle()

    def discard(self) -> None:
        """End the music and write nothing; files of those names stay as they were."""
        with self._lock:
            if not self.closed:
                self.closed, self._reason = True, "discarded"
                self._sound.discard()
                self._log.discard()

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
        write_midi(self.score(), self._midi)
        return [str(self._midi)]

    def _check_open(self) -> None:
        if self.closed:
            raise SegueError(f"session {self.id!r} has ended ({self._reason}); open another")


def _begin(make: Callable[[], Made]) -> Future[Made]:
    """What is being made by a thread of its own, which holds up no program's end."""
    future: Future[Made] = Future()

    def run() -> None:
        try:
            future.set_result(make())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="segue-open", daemon=True).start()
    return future
