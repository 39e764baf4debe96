"""The music of a session: who decides it, how it is mixed, where it is, and how it is kept.

Frames are those of the session's clock; no clock runs here.
"""

import time
from typing import Any

from ...agents.live import Live
from ...client import protocol as p
from ...music.cue import Cue
from ...music.errors import SegueError, check_range
from ...music.mood import Mood
from ...music.parameters import Parameters
from ...music.performed import section_markers, session_score
from ...music.score import Marker, Score
from ...music.world import Bar
from ..sounding.mix import SHAPE_AHEAD_SECONDS, Mix
from ..sounding.sound import Sound
from .conductor import Conductor
from .departures import Departure
from .stage import Stage
from .timeline import Slot

SNAPSHOT_FORMAT = 2  # changes when older snapshots can no longer be read


class Performance:
    """A cue in performance; the first bars are decided when it is made.

    :param parameters: values in force before the first bar is decided
    :param frame: where the session's clock is
    :param start_frame: where the first bar begins
    :param look_ahead_bars: decided bars beyond the sounding one
    """

    def __init__(
        self,
        cue: Cue,
        performer: Live,
        sound: Sound,
        *,
        parameters: dict[str, float],
        frame: int,
        start_frame: int,
        look_ahead_bars: int,
    ) -> None:
        self.cue = cue
        self.sample_rate = sound.sample_rate
        self.began = False  # until then, nothing has sounded
        self.parameters = Parameters(cue)
        for name, value in parameters.items():
            self.parameters.set(name, value, 0.0, 0.0)
        self.mix = Mix(cue, self.parameters, sound)
        self.stage = Stage(sound)
        self.conductor = Conductor(
            cue,
            performer,
            self.stage,
            self.parameters.mood,
            sample_rate=sound.sample_rate,
            look_ahead_bars=look_ahead_bars,
        )
        self.timeline = self.conductor.timeline
        self.timeline.offset_frames = start_frame
        self._past: list[Bar] = []  # bars before the last restore
        self.conductor.decide(frame)

    def update_mix(self, frame: int) -> None:
        """Bring the layers' gains to where they are to be at a frame."""
        direction = self.timeline.at_frame(frame).performed.bar.direction
        self.mix.update(frame, direction, at_once=not self.began)
        ahead = frame + round(SHAPE_AHEAD_SECONDS * self.sample_rate)
        self.mix.shape(self.timeline.at_frame(ahead).performed.bar)

    def fade_in(self, slot: Slot, arrived: list[Departure]) -> None:
        """Let the layers fade in with a section that begins, where that was asked for."""
        beats = max((departure.fade_beats for departure in arrived), default=0.0)
        if beats:
            end = self.timeline.frame_of(slot.performed.bar.start_beats + beats)
            self.mix.fade_in(slot.start_frame, end)

    def next_frame(self, frame: int) -> int | None:
        """The next frame after `frame` at which a bar begins, or a duck begins or ends."""
        number = self.timeline.number_at(frame)
        frames = [slot.start_frame for slot in self.timeline.slots[number + 1 : number + 2]]
        edge = self.mix.next_frame(frame)
        return min([*frames, edge] if edge is not None else frames, default=None)

    def position(
        self, frame: int, *, pending: list[str], sequence: int, paused: bool
    ) -> p.Position:
        """Where the music is at a frame."""
        timeline = self.timeline
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
            director=self.conductor.performer.director_name,
            wanted=wire_mood(self.parameters.mood(seconds)),
            heard=wire_mood(performed.heard),
            felt=wire_mood(performed.felt),
            parameters=self.parameters.values(seconds),
            levels=self.mix.levels(seconds),
            pending=pending,
            sequence=sequence,
            paused=paused,
            loop_bars=self.conductor.loop_bars(frame),
        )

    # Keeping and returning --------------------------------------------------------------------

    def snapshot(self, frame: int) -> dict[str, Any]:
        """All that is needed to go on from a frame later, as plain JSON values."""
        return {
            "format": SNAPSHOT_FORMAT,
            "cue": self.cue.name,
            "music": self.conductor.snapshot(frame),
            "parameters": self.parameters.snapshot(),
            "levels": self.mix.targets(),
        }

    def check_snapshot(self, state: dict[str, Any]) -> None:
        """Raise SegueError unless a snapshot is whole, of this cue, and can be played."""
        try:
            if state["format"] != SNAPSHOT_FORMAT or state["cue"] != self.cue.name:
                raise SegueError(
                    f"the snapshot is of cue {state['cue']!r} in format {state['format']!r}, this "
                    f"session plays {self.cue.name!r} in format {SNAPSHOT_FORMAT}; open one that "
                    "fits"
                )
            Parameters(self.cue).restore(state["parameters"], 0.0)
            for layer, value in state["levels"].items():
                self.cue.layer_index(layer)
                check_range(f"level of layer {layer!r}", value, 0.0, 1.0)
            self.conductor.rehearse(state["music"])
        except SegueError:
            raise
        except Exception as error:  # it comes from outside and may be damaged in any way
            raise SegueError(f"the snapshot is not whole ({error!r}); take another one") from error

    def restore(self, state: dict[str, Any], frame: int) -> None:
        """Go on at a frame from a snapshot that has been checked."""
        at_seconds = frame / self.sample_rate
        self.parameters.restore(state["parameters"], at_seconds)
        for layer, value in state["levels"].items():
            self.mix.level(layer, float(value), at_seconds, 0.0)
        begun = self._begun(frame)
        self.stage.clear(frame, state["music"]["beat"])
        self.conductor.restore(state["music"], frame)
        first = self.timeline.slots[0].performed.bar.index
        self._past = [bar for bar in begun if bar.index < first]

    def seek(self, bar: int, frame: int) -> None:
        """Go on at a frame with a bar that has been played before."""
        state = self.conductor.bookmark(bar)
        begun = self._begun(frame)
        self.stage.clear(frame, state["beat"])
        self.conductor.restore(state, frame)
        self._past = [past for past in begun if past.index < bar]

    def score(self, frame: int) -> Score:
        """The music up to a frame: what led up to the last restore, and what was played since."""
        end_beat = self.timeline.beat_of(frame)
        begun, figures = self._begun(frame), self.stage.figures
        notes = [bar.notes for bar in begun]
        return session_score(
            self.cue,
            [bar[bar["onset_beats"] < end_beat] for bar in notes],
            [(figure.instrument, figure.notes) for figure in figures],
            self.conductor.performer.world.tempo,
            section_markers(begun)
            + [Marker(float(f.notes["onset_beats"][0]), f"stinger {f.name}") for f in figures],
        )

    def _begun(self, frame: int) -> list[Bar]:
        """The bars that began before a frame."""
        slots = self.timeline.slots
        return [*self._past, *(s.performed.bar for s in slots if s.start_frame < frame)]


def wire_mood(mood: Mood) -> p.Mood:
    """A mood as the protocol writes it."""
    return p.Mood(mood.valence, mood.arousal, mood.tension)
