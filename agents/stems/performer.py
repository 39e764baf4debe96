"""One performance of recorded music in play: the live twin of `envs.stems.core.StemsCore`.

The same worlds, perception and directors, with a real game's moods and a real listener's ratings.
What a director asks is what any game could ask of the session: to go to a section, where the cue
has a way, and levels of layers. No knob moves, as none would change a recording.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...analysis.emotion.model import load_emotion_model
from ...envs.arrange.listener import ListenerSettings
from ...envs.stems.actions import masks, read_actions, sounding
from ...envs.stems.library import GAINS, MIX_LEVELS, NOWHERE, Library
from ...envs.stems.perception import OBSERVATION, Perception
from ...music.cue import Cue
from ...music.direction import KNOBS, Direction
from ...music.errors import check_range
from ...music.mood import MOOD_PER_SD, Mood
from ...music.world import Bar, World
from ..arrange.performer import Performed
from .players import make_player

FloatArray = NDArray[np.float64]

PREFIX = "stems"
"""Names of directors of recorded music begin with it: `stems` is the agent, `stems-table`, ..."""

FALLBACK = f"{PREFIX}-adaptive"
"""The director that takes over from one that fails."""


ACTIVITY = (0, 2, 4)
"""What a bar tells as the activity of a stem: off, soft, full."""


class StemsPerformer:
    """Decides one bar of a recorded cue after another; the `Scene` of its own director.

    A section that a person asks for goes before what the director wants. `held` are knobs that a
    person has taken over, which change no recording.

    :param cue: of stems alone, each with the track that holds its notes; else SegueError
    :param director: `stems`, or `stems-` and a name of `players.DIRECTORS`
    :param seed: of the world and of a director that draws
    """

    n = 1  # performances, as `Scene` asks
    OBSERVATION = OBSERVATION

    def __init__(self, cue: Cue, director: str = PREFIX, *, seed: int = 0) -> None:
        model = load_emotion_model("vgmidi")
        self.library = Library([cue], model, model)
        self.book = self.library.book
        self.world = World(cue, seed)
        self.worlds = self.world.worlds
        self.seed = seed
        self.switch(director)
        self.perception = Perception(1, ListenerSettings())
        self.perception.reset(self.library.presets[:1, 1], np.zeros((1, 2)))
        self.held: dict[str, float] = {}
        self._section: str | None = None
        self._fill = False

    def switch(self, director: str) -> None:
        """Let another director go on from here."""
        name = director.removeprefix(PREFIX).removeprefix("-")
        self.director = make_player(name or "agent", self.seed)
        self.director_name = director

    def direct(self, **changes: Any) -> None:
        """A person asks for a `section`, or for a `fill` in the next bar; knobs change nothing.

        Nothing is changed if one of them cannot be: see `Direction.with_changes` and `go`.
        """
        Direction().with_changes(**changes)  # checks names and ranges
        if (section := changes.pop("section", None)) is not None:
            self.go(section)
        self._fill = bool(changes.pop("fill", self._fill))
        self.held |= {name: float(value) for name, value in changes.items() if name in KNOBS}

    def release(self, *names: str) -> None:
        """Give knobs back; all if none is named."""
        for name in names or tuple(self.held):
            self.held.pop(name, None)

    def go(self, section: str) -> int:
        """Ask for a section; returns the index of the first bar at which it can begin."""
        self.world.check_go(section)
        self._section = section
        return self.world.bar_index + 1

    def ask(self, section: str | None, fill: bool) -> None:
        """The section and fill of the next bar, as a recording tells them."""
        self._section, self._fill = section, fill

    def rate(self, valence: float, arousal: float) -> None:
        """Take in a listener's rating of what they feel now, in mood units, each in [-1, 1]."""
        rating = [check_range("valence", valence, -1, 1), check_range("arousal", arousal, -1, 1)]
        self.perception.rate(np.array([rating]) / MOOD_PER_SD)

    def observe(self) -> FloatArray:
        """What a policy sees now [shape=(1, len(OBSERVATION))]."""
        return self.perception.observe(self.library, self.worlds)

    def action_masks(self) -> NDArray[np.bool_]:
        """Which actions are allowed [shape=(1, len(ACTIONS))]."""
        worlds, mix = self.worlds, self.perception.mix
        return masks(self.library, worlds.cue, worlds.section, worlds.pending, mix)

    def next_bar(self, wanted: Mood) -> Performed:
        """Decide the next bar for the mood wanted, and play it."""
        seen, library = self.perception, self.library
        target = np.array([[wanted.valence, wanted.arousal]]) / MOOD_PER_SD
        if self.world.bar_index == 0:
            seen.want_first(target)
        else:
            seen.want(target)
        observation = self.observe()[0]
        action, fault = self._decide()
        go, mix = read_actions(library, self.worlds.cue, self.worlds.section, seen.mix, action)
        section = self._section
        if section is None and go[0] != NOWHERE:
            section = self.world.cue.sections[int(go[0])].name
        direction = Direction(section=section, fill=self._fill).with_changes(**self.held)
        bar = self.world.advance(direction)
        if self.world.pending is None:
            self._section = None
        self._fill = False
        seen.mix = sounding(library, bar.bars.section, mix)
        bar = self._mixed(bar)
        row = library.row[bar.bars.section] + bar.bars.number
        impression = library.mood[row, seen.mix]
        seen.hear(impression)
        return Performed(
            bar,
            wanted,
            heard=_mood(impression[0]),
            felt=_mood(seen.felt[0]),
            director=self.director_name,
            observation=observation,
            action=action.astype(float),
            fault=fault,
        )

    def _mixed(self, bar: Bar) -> Bar:
        """The bar with its mix: stems of parts that are off do not sound, soft ones at half gain.

        What is off keeps its gain, so that a stem that enters rises before its bar.
        """
        parts, mix = self.library.parts[0], MIX_LEVELS[self.perception.mix[0]]
        layers = self.world.cue.layers
        level = [int(mix[parts.index(layer.track)]) for layer in layers]
        sounds = [not layer.sections or bar.section in layer.sections for layer in layers]
        gains = {
            layer.name: float(GAINS[found]) if found else 1.0
            for layer, found in zip(layers, level, strict=True)
        }
        activity = tuple(ACTIVITY[found] * here for found, here in zip(level, sounds, strict=True))
        return replace(bar, direction=replace(bar.direction, levels=gains), levels=activity)

    def _decide(self) -> tuple[NDArray[np.int64], str]:
        """The director's action [shape=(1,)]; from a fault on, the rules go on in its place."""
        try:
            action = np.asarray(self.director.act(self), np.int64)
            if self.action_masks()[0, action[0]]:
                return action, ""
            fault = f"director {self.director_name!r} asked for what the cue does not allow"
        except Exception as error:  # a model from outside may fail in any way; music must go on
            fault = f"director {self.director_name!r} failed: {error}"
        self.switch(FALLBACK)
        return self.director.act(self), f"{fault}; {FALLBACK!r} goes on in its place"

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain JSON values."""
        return {
            "director": self.director_name,
            "world": self.world.snapshot(),
            "perception": self.perception.snapshot(),
            "held": dict(self.held),
            "section": self._section,
            "fill": self._fill,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot of the same cue."""
        self.world.restore(snapshot["world"])
        self.perception.restore(snapshot["perception"])
        self.held = dict(snapshot["held"])
        self._section, self._fill = snapshot["section"], snapshot["fill"]
        self.switch(snapshot["director"])


def _mood(felt_sd: FloatArray) -> Mood:
    valence, arousal = np.clip(felt_sd * MOOD_PER_SD, -1.0, 1.0)
    return Mood(float(valence), float(arousal))
