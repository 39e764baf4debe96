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
from ...music.mood import Mood
from ...music.world import Bar
from ..live import Live, Performed, felt_mood
from .players import DIRECTORS, make_player
from .scene import Director

FloatArray = NDArray[np.float64]

PREFIX = "stems"
"""Names of directors of recorded music begin with it: `stems` is the agent, `stems-table`, ..."""

STEM_DIRECTORS = (PREFIX, *(f"{PREFIX}-{name}" for name in DIRECTORS if name != "agent"))

ACTIVITY = (0, 2, 4)
"""What a bar tells as the activity of a stem: off, soft, full."""


class StemsPerformer(Live):
    """Plays a recorded cue by its sections and parts; the `Scene` of its own director.

    A section that a person asks for goes before what the director wants. The decision in
    `Performed.action` [shape=(1,)] is an index into `envs.stems.actions.ACTIONS`.

    :param cue: of stems alone, each with the track that holds its notes; else SegueError
    :param director: `stems`, or `stems-` and a name of `players.DIRECTORS`
    :param seed: of the world and of a director that draws
    """

    DIRECTORS = STEM_DIRECTORS
    FALLBACK = f"{PREFIX}-adaptive"
    OBSERVATION = OBSERVATION
    OTHERS = tuple(f"{PREFIX}-{name}" for name in ("adaptive", "table", "hold"))

    def __init__(self, cue: Cue, director: str = PREFIX, *, seed: int = 0) -> None:
        model = load_emotion_model("vgmidi")
        self.library = Library([cue], model, model)
        super().__init__(cue, director, seed)
        self.perception: Perception = Perception(1, ListenerSettings())
        self.perception.reset(self.library.presets[:1, 1], self.library.bar_seconds)

    def make(self, director: str) -> Director:
        name = director.removeprefix(PREFIX).removeprefix("-")
        return make_player(name or "agent", self.seed)

    def observe(self) -> FloatArray:
        return self.perception.observe(self.library, self.worlds)

    def action_masks(self) -> NDArray[np.bool_]:
        """Which actions are allowed [shape=(1, len(ACTIONS))]."""
        worlds, mix = self.worlds, self.perception.mix
        return masks(self.library, worlds.cue, worlds.section, worlds.pending, mix)

    def next_bar(self, wanted: Mood, game: FloatArray | None = None) -> Performed:
        seen, library, worlds = self.perception, self.library, self.worlds
        self._take_in(wanted, game)
        observation = self.observe()[0]
        action, fault = self._decide()
        go, mix = read_actions(library, worlds.cue, worlds.section, seen.mix, action)
        section = self._section
        if section is None and go[0] != NOWHERE:
            section = self.world.cue.sections[int(go[0])].name
        direction = self._asked(section).with_changes(**self.held)
        bar = self._advance(direction)
        seen.mix = sounding(library, bar.bars.section, mix)
        impression = library.mood[library.row[bar.bars.section] + bar.bars.number, seen.mix]
        self._hear(impression, bar)
        return Performed(
            self._mixed(bar),
            wanted,
            heard=felt_mood(impression[0]),
            felt=felt_mood(seen.felt[0]),
            director=self.director_name,
            observation=observation,
            action=action.astype(float),
            impression=impression[0],
            fault=fault,
        )

    def choices(self, performed: Performed) -> dict[str, float]:
        """Level of each part: 0 off, 0.5 soft, 1 full."""
        levels: dict[str, float] = {}
        for layer, activity in zip(self.world.cue.layers, performed.bar.levels, strict=True):
            levels[layer.track] = max(levels.get(layer.track, 0.0), activity / ACTIVITY[-1])
        return levels

    def _chosen(self, action: NDArray[Any]) -> dict[str, float]:
        library, worlds = self.library, self.worlds
        go, mix = read_actions(library, worlds.cue, worlds.section, self.perception.mix, action)
        section = np.where(go == NOWHERE, worlds.section, go)
        levels = MIX_LEVELS[sounding(library, section, mix)[0]]
        parts = library.parts[0]
        return {part: float(levels[at]) / (len(ACTIVITY) - 1) for at, part in enumerate(parts)}

    def _hear(self, impression: FloatArray, bar: Bar) -> None:
        self.perception.hear(impression)

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

    def _unfit(self, action: NDArray[Any]) -> str:
        allowed = self.action_masks()[0]
        if action.shape == (1,) and np.isin(action[0], np.flatnonzero(allowed)):
            return ""
        return "asked for what the cue does not allow"
