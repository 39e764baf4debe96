"""Who performs a cue, bar by bar: what a session needs of it, and how it is chosen."""

from typing import Any, Protocol

from ..music.book import Book
from ..music.cue import Cue
from ..music.mood import Mood
from ..music.world import World
from .arrange.performer import Performed, Performer
from .stems.performer import PREFIX, StemsPerformer


class Performs(Protocol):
    """Decides and realises one bar of a cue after another."""

    world: World
    book: Book
    seed: int
    director_name: str
    held: dict[str, float]

    def switch(self, director: str) -> None:
        """Let another director go on from here."""

    def direct(self, **changes: Any) -> None:
        """A person takes over what the changes name."""

    def release(self, *names: str) -> None:
        """Give it back to the director; all if none is named."""

    def go(self, section: str) -> int:
        """Ask for a section; returns the index of the first bar at which it can begin."""

    def ask(self, section: str | None, fill: bool) -> None:
        """The section and fill of the next bar, as a recording tells them."""

    def rate(self, valence: float, arousal: float) -> None:
        """Take in a listener's rating of what they feel now, in mood units."""

    def next_bar(self, wanted: Mood) -> Performed:
        """Decide the next bar for the mood wanted, and play it."""

    def snapshot(self) -> dict[str, Any]:
        """The whole state as plain JSON values."""

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a snapshot of the same cue."""


def make_performer(cue: Cue, director: str = "agent", *, seed: int = 0) -> Performs:
    """Who performs a cue with a director: of the arranger's, or of recorded music's (`stems...`).

    :param director: a name of `arrange.directors.DIRECTORS`; `stems`, or `stems-` and one of
        `stems.players.DIRECTORS`
    """
    kind = StemsPerformer if director.partition("-")[0] == PREFIX else Performer
    return kind(cue, director, seed=seed)
