"""One performance in play, bar by bar: what those of all kinds of cue have in common.

`arrange.performer` plays cues of notes by their knobs, `stems.performer` recorded ones by sections
and parts. A session drives either; what it tells a performance are the methods here.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..envs.arrange.belief import Belief
from ..envs.arrange.feedback import Answers
from ..envs.games.game import N_FEATURES
from ..music.cue import Cue
from ..music.direction import KNOBS, Direction
from ..music.errors import SegueError, check_range
from ..music.mood import MOOD_PER_SD, Mood
from ..music.world import Bar, World

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Performed:
    """A bar, and what is known of its effect."""

    bar: Bar
    wanted: Mood
    heard: Mood  # what the bar expresses by itself
    felt: Mood  # what this listener feels by then, as far as is known
    director: str  # who decided it
    observation: FloatArray  # that it was decided on [shape=(len(OBSERVATION),)]
    action: FloatArray  # the decision [shape=(numbers of an action,)]
    impression: FloatArray  # valence and arousal that the bar expresses, sd [shape=(2,)]
    fault: str = ""  # why the director that was asked for could not decide


class Perceives(Protocol):
    """What a performance knows of its listener and its game."""

    belief: Belief

    @property
    def felt(self) -> FloatArray: ...

    def rate(self, rating: FloatArray) -> None: ...

    def answer(self, answers: Answers) -> None: ...

    def want_first(self, mood: FloatArray, features: FloatArray | None = None) -> None: ...

    def want(self, mood: FloatArray, features: FloatArray | None = None) -> None: ...

    def snapshot(self) -> dict[str, Any]: ...

    def restore(self, snapshot: dict[str, Any]) -> None: ...


class Live(ABC):
    """Decides and realises one bar after another; the scene of its own director.

    `held` are the knobs that a person has taken over, with their values in [0, 1].

    :param cue: what is played
    :param director: who decides
    :param seed: of the world and of a director that draws
    """

    DIRECTORS: ClassVar[tuple[str, ...]]
    """Those that `switch` knows by name."""

    FALLBACK: ClassVar[str]
    """The director that takes over from one that fails."""

    OBSERVATION: ClassVar[tuple[str, ...]]
    """Names of the numbers that its directors see."""

    OTHERS: ClassVar[tuple[str, ...]]
    """Directors that others are compared with."""

    n = 1  # performances, as scenes ask
    director: Any
    director_name: str
    perception: Perceives

    def __init__(self, cue: Cue, director: str, seed: int) -> None:
        self.world = World(cue, seed)
        self.worlds = self.world.worlds
        self.book = self.world.book
        self.seed = seed
        self.held: dict[str, float] = {}
        self._section: str | None = None
        self._lead: bool | None = None
        self._entry = "start"
        self._fill = False
        self._learning = True
        self._thumbs: list[float] = []  # since the last bar was decided
        self._reports: list[list[float]] = []  # of the game, since then
        self._unlearned: dict[str, Any] | None = None  # belief before the last answer
        self.switch(director)

    @abstractmethod
    def make(self, director: str) -> Any:
        """A director by name; UnknownNameError if there is none."""

    @abstractmethod
    def observe(self) -> FloatArray:
        """What a policy sees now [shape=(1, len(OBSERVATION))]."""

    @abstractmethod
    def next_bar(self, wanted: Mood, game: FloatArray | None = None) -> Performed:
        """Decide the next bar for the mood wanted, and play it.

        :param wanted: the mood wanted by now
        :param game: features of the game since the bar before [shape=(F,)], as `GameMeter.take`
            gives them; None: what `report` told, if anything. SegueError if they are not such
            numbers
        """

    @abstractmethod
    def choices(self, performed: Performed) -> dict[str, float]:
        """What a bar's decision came to, by name, each in [0, 1]."""

    @abstractmethod
    def _chosen(self, action: NDArray[Any]) -> dict[str, float]:
        """What an action would come to, by the names of `choices`."""

    @abstractmethod
    def _hear(self, impression: FloatArray, bar: Bar) -> None:
        """Take in the impression [shape=(1, 2), sd] of a bar that is to sound."""

    def again(self, performed: Performed, wanted: Mood) -> Performed:
        """Play a bar once more, note by note; nothing is decided.

        :param wanted: the mood wanted by now
        """
        self._take_in(wanted, None)
        bar = self.world.again(performed.bar)
        self._hear(performed.impression[None], bar)
        felt = felt_mood(self.perception.felt[0], performed.heard.tension)
        return replace(performed, bar=bar, wanted=wanted, felt=felt, fault="")

    def decide_again(self, sources: Sequence[dict[str, Any]]) -> dict[int, Performed]:
        """Bars by their indices, each decided again; the last one's end is where this then is.

        :param sources: of each its `bar`, the `performer` just before it and the mood `wanted`
        """
        played = {}
        for source in sources:
            self.restore(source["performer"])
            played[int(source["bar"])] = self.next_bar(Mood(*source["wanted"]))
        return played

    def would(
        self, before: dict[str, Any], wanted: Mood, directors: Sequence[str]
    ) -> dict[str, dict[str, float]]:
        """What other directors would choose in a state, by their names; nothing is changed.

        :param before: a snapshot
        :param wanted: the mood wanted of the bar that follows it
        """
        kept, name, director = self.snapshot(), self.director_name, self.director
        try:
            self.restore(before)
            self._take_in(wanted, None)
            found = {}
            for other in directors:
                self.switch(other)
                found[other] = self._chosen(np.asarray(self.director.act(self)))
        finally:
            self.restore(kept)
            self.director_name, self.director = name, director
        return found

    def switch(self, director: str) -> None:
        """Let another director go on from here."""
        self.director = self.make(director)
        self.director_name = director

    def direct(self, **changes: Any) -> None:
        """A person takes knobs over until `release`.

        Nothing is changed if one of them cannot be: see `Direction.with_changes` and `go`.

        :param changes: knobs; `section`, which is gone to; `fill`, for the next bar only
        """
        Direction().with_changes(**changes)  # checks names and ranges
        if (section := changes.pop("section", None)) is not None:
            self.go(section)
        self._fill = bool(changes.pop("fill", self._fill))
        self.held |= {name: float(value) for name, value in changes.items() if name in KNOBS}

    def release(self, *names: str) -> None:
        """Give knobs back to the director; all if none is named."""
        for name in names or tuple(self.held):
            self.held.pop(name, None)

    def go(self, section: str, lead: bool | None = None, entry: str = "start") -> int:
        """Ask for a section; returns the index of the first bar at which it can begin.

        :param lead: whether a filler bar leads into it; None: as the transition says
        :param entry: start, or same: at the bar at which the old one is left
        """
        self.world.check_go(section)
        self._section, self._lead, self._entry = section, lead, entry
        return self.world.bar_index + 1

    def ask(
        self, section: str | None, fill: bool, lead: bool | None = None, entry: str = "start"
    ) -> None:
        """The section and fill of the next bar, as a recording tells them."""
        self._section, self._fill, self._lead, self._entry = section, fill, lead, entry

    def rate(self, valence: float, arousal: float) -> None:
        """Take in a listener's rating of what they feel now, in mood units, each in [-1, 1]."""
        rating = [check_range("valence", valence, -1, 1), check_range("arousal", arousal, -1, 1)]
        if self._learning:
            self._unlearned = self.perception.belief.snapshot()
            self.perception.rate(np.array([rating]) / MOOD_PER_SD)

    def thumb(self, value: float) -> None:
        """Take in a like (1) or dislike (-1); between them it counts for less.

        It is learned from when the next bar is decided, by the mood that is wanted then.
        """
        thumb = check_range("value", value, -1, 1)
        if self._learning:
            self._thumbs.append(thumb)

    def report(self, game: Sequence[float]) -> None:
        """What happened in the game since the last report [N_FEATURES].

        It is taken in when the next bar is decided: the mean of the reports since the bar before.
        """
        self._reports.append(_checked_features(game).tolist())

    def unlearn(self) -> None:
        """Take the listener's last answer back; only one can be."""
        if self._thumbs:
            self._thumbs.pop()
        elif self._unlearned is not None:
            self.perception.belief.restore(self._unlearned)
            self._unlearned = None

    def adapt(self, on: bool) -> None:
        """Learn from answers, or let what is believed of the listener stay as it is."""
        self._learning = bool(on)

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain JSON values."""
        return {
            "director": self.director_name,
            "world": self.world.snapshot(),
            "perception": self.perception.snapshot(),
            "held": dict(self.held),
            "section": self._section,
            "lead": self._lead,
            "entry": self._entry,
            "fill": self._fill,
            "learning": self._learning,
            "thumbs": list(self._thumbs),
            "reports": list(self._reports),
            "unlearned": self._unlearned,
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot of the same cue."""
        self.world.restore(snapshot["world"])
        self.perception.restore(snapshot["perception"])
        self.held = dict(snapshot["held"])
        self._section, self._fill = snapshot["section"], snapshot["fill"]
        self._lead, self._entry = snapshot.get("lead"), snapshot.get("entry", "start")
        self._learning, self._thumbs = snapshot["learning"], list(snapshot["thumbs"])
        self._unlearned, self._reports = snapshot["unlearned"], list(snapshot["reports"])
        self.switch(snapshot["director"])

    def _take_in(self, wanted: Mood, game: FloatArray | None) -> None:
        """What is known before a bar is decided: the mood wanted, the game, thumbs."""
        seen = self.perception
        target = np.array([[wanted.valence, wanted.arousal]]) / MOOD_PER_SD
        if game is None and self._reports:
            game = np.mean(self._reports, axis=0)
        self._reports.clear()
        features = None if game is None else _checked_features(game)[None]
        if self.world.bar_index == 0:
            seen.want_first(target, features)
        else:
            seen.want(target, features)
        for thumb in self._thumbs:
            self._unlearned = seen.belief.snapshot()
            seen.answer(Answers(thumbs=np.array([thumb])))
        self._thumbs.clear()

    def _decide(self) -> tuple[NDArray[Any], str]:
        """The director's action [shape=(1, ...)]; from a fault on, the rules go on in its place."""
        try:
            action = np.asarray(self.director.act(self))
            fault = self._unfit(action)
            if not fault:
                return action, ""
            fault = f"director {self.director_name!r} {fault}"
        except Exception as error:  # a model from outside may fail in any way; music must go on
            fault = f"director {self.director_name!r} failed: {error}"
        self.switch(self.FALLBACK)
        action = np.asarray(self.director.act(self))
        return action, f"{fault}; {self.FALLBACK!r} goes on in its place"

    def _unfit(self, action: NDArray[Any]) -> str:
        """What is wrong with an action, in words that follow the director's name; '' if nothing."""
        return "" if np.isfinite(action).all() else "answered with numbers that are not finite"

    def _asked(self, section: str | None) -> Direction:
        """A direction with what was asked for, and the section to go to."""
        return Direction(section=section, lead=self._lead, entry=self._entry, fill=self._fill)

    def _advance(self, direction: Direction) -> Bar:
        """Play the next bar; what was asked for it is done with."""
        bar = self.world.advance(direction)
        if self.world.pending is None:
            self._section, self._lead, self._entry = None, None, "start"
        self._fill = False
        return bar


def _checked_features(game: ArrayLike) -> FloatArray:
    features = np.asarray(game, float)
    if features.shape != (N_FEATURES,) or not np.isfinite(features).all():
        raise SegueError(
            f"the features of a game are {N_FEATURES} finite numbers, not {features}; give what "
            "GameMeter.take gives, or None"
        )
    return features


def felt_mood(felt_sd: FloatArray, strain: float = 0.0) -> Mood:
    """A mood from valence and arousal in sd [shape=(2,)], and a tension."""
    valence, arousal = np.clip(felt_sd * MOOD_PER_SD, -1.0, 1.0)
    return Mood(float(valence), float(arousal), float(np.clip(strain, -1.0, 1.0)))
