"""What each command does when its moment has come."""

from typing import Any

from ...client import protocol as p
from ...envs.games.game import feature_list
from ..performing.performance import Performance
from ..performing.realise import note_events, stinger_notes
from ..performing.stage import Figure
from ..performing.tempo_follow import tempo_knob
from ..performing.timeline import Due, Told
from ..sounding.sound import session_channels, stinger_channel
from .announce import Announcer
from .checks import mood_axes
from .queue import Waiting

MOVE_ON = ":elsewhere"  # added to the id of a dislike, names the move that it causes


MIXED = (p.Level, p.Duck, p.Stinger)
"""Commands that move the layers' gains at once; parameters move them along their ramps."""


class Executor:
    """Does commands in a performance and has them announced.

    :param realtime: somebody brings the gains to where they are to be every few milliseconds
    """

    def __init__(self, performance: Performance, announcer: Announcer, *, realtime: bool) -> None:
        self._performance, self._announcer = performance, announcer
        self._realtime = realtime
        self._conductor = performance.conductor
        self._channels = [channel.name for channel in session_channels(performance.cue)]

    def do(self, waiting: Waiting, frame: int) -> None:
        """Do a command now and tell."""
        content, due, music = waiting.content, waiting.due, self._performance
        at_seconds = due.frame / music.sample_rate
        match content:
            case p.Set():
                for name, value in content.parameters.items():
                    ramp = content.ramp_seconds
                    music.parameters.set(name, value, at_seconds, ramp, content.curve)
            case p.SetMood():
                axes, ramp = mood_axes(content), content.ramp_seconds
                music.parameters.set_mood(axes, at_seconds, ramp, content.curve)
            case p.Stinger():
                self._play_stinger(content, due, frame)
            case p.Feedback():
                self._hear_feedback(waiting.id, content, frame)
            case p.Game():
                self._tell(waiting.id, "report", values={"game": feature_list(content.features)})
            case p.Unlearn():
                self._tell(waiting.id, "unlearn")
            case p.Learning():
                self._tell(waiting.id, "adapt", values={"on": content.on})
            case p.Direct():
                self._tell(waiting.id, "direct", values=content.changes)
            case p.Release():
                self._tell(waiting.id, "release", tuple(content.names))
            case p.Level():
                ramp = content.ramp_seconds
                music.mix.level(content.layer, content.value, at_seconds, ramp, content.curve)
            case p.Control():
                music.mix.control(content.name, content.value, content.ramp_seconds)
            case p.Duck():
                end = due.frame + round(content.seconds * music.sample_rate)
                music.mix.duck(content.depth_db, due.frame, end)
            case p.Switch():
                self._tell(waiting.id, "switch", (content.director,))
            case p.Tempo():
                self._hold_tempo(waiting.id, content.bpm)
            case p.Loop():
                self._loop(content.bars, due, frame)
        self._announcer.executed(waiting, frame)
        if not self._realtime or isinstance(content, MIXED):
            music.update_mix(frame)

    def _tell(
        self, id: str, verb: str, names: tuple[str, ...] = (), values: dict[str, Any] | None = None
    ) -> None:
        self._conductor.tell(Told(id, verb, names, dict(values or {})))

    def _hold_tempo(self, id: str, bpm: float | None) -> None:
        if bpm is None:
            self._tell(id, "release", ("tempo",))
        else:
            self._tell(id, "direct", values={"tempo": tempo_knob(self._performance.cue, bpm)})

    def _loop(self, bars: int, due: Due, frame: int) -> None:
        if bars:
            self._conductor.loop(due.bar, bars, frame)
        else:  # what is settled is played
            open_bar = self._conductor.first_open(frame)
            due = self._performance.timeline.bar_start(max(due.bar, open_bar))
            self._conductor.end_loop(due.bar, frame)
        self._announcer.loop(bars, due, frame)

    def _play_stinger(self, content: p.Stinger, due: Due, frame: int) -> None:
        music = self._performance
        stinger = music.cue.stinger(content.name)
        bar = music.timeline.at_frame(due.frame).performed.bar
        notes = stinger_notes(stinger, bar.key, due.beat)
        channel = self._channels.index(stinger_channel(stinger.instrument))
        start = (due.beat, due.frame)
        events = note_events(notes, channel, start, bar.bpm, music.sample_rate)
        music.stage.play(Figure(stinger.name, stinger.instrument, notes, events))
        end = int(events["at_frame"][-1] + events["duration_frames"][-1])
        duck_db = stinger.duck_db if content.duck_db is None else content.duck_db
        music.mix.duck(duck_db, due.frame, end)
        self._announcer.stinger(stinger, due, events, frame)

    def _hear_feedback(self, id: str, content: p.Feedback, frame: int) -> None:
        if content.valence is not None and content.arousal is not None:
            values = {"valence": content.valence, "arousal": content.arousal}
            self._tell(id, "rate", values=values)
        if content.value:
            self._tell(id, "thumb", values={"value": content.value})
        if content.value is not None and content.value > 0:
            self._stay(frame)
        elif content.value is not None and content.value < 0:
            self._move_on(id, frame)

    def _stay(self, frame: int) -> None:
        """Take back the moves that dislikes have caused and that have not begun."""
        moves = [d.command for d in self._conductor.departures if d.command.endswith(MOVE_ON)]
        for command in moves:
            if self._conductor.withdraw(command):
                self._announcer.dropped(command, p.Go.TYPE, "the listener likes it here", frame)

    def _move_on(self, id: str, frame: int) -> None:
        """Go to another section, unless the music is moving on already."""
        target = self._conductor.elsewhere()
        if target is not None and not self._conductor.departures:
            self._conductor.go(id + MOVE_ON, target, "phrase", frame)
            self._announcer.dropped_departures(frame)
