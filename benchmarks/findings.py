"""What the parts of a benchmark find, and how they are measured one after another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..music.errors import MissingPartError, UnknownNameError

Rows = list[dict[str, Any]]
Tell = Callable[[str, float], None]
"""Called with what is being measured and the share of its part that is done, 0 to 1."""


@dataclass
class Found:
    """What a part has measured."""

    results: dict[str, float] = field(default_factory=dict)
    tables: dict[str, Rows] = field(default_factory=dict)
    skipped: Rows = field(default_factory=list)  # what could not be measured, and the way out

    def skip(self, what: str, why: str) -> None:
        """Note that something could not be measured."""
        self.skipped.append({"not_measured": what, "why": why})

    def add(self, other: "Found") -> None:
        """Take in what another part has found."""
        self.results |= other.results
        self.tables |= other.tables
        self.skipped += other.skipped


Part = Callable[[Tell, bool], Found]
"""Called with what tells how far it is, and whether it may take long."""


def silent(what: str, share: float) -> None:
    """Nobody looks."""


def measure_parts(
    parts: Mapping[str, Part], only: Sequence[str], *, long: bool, tell: Tell
) -> tuple[dict[str, float], dict[str, Rows]]:
    """Results by key and tables by title.

    Raises UnknownNameError for a part that does not exist. What a part needs and this machine lacks
    stands in the table "not measured".

    :param only: names of `parts`; none means all
    :param tell: called with what is being measured and the share of the whole that is done
    """
    for name in only:
        if name not in parts:
            raise UnknownNameError("part of the benchmark", name, parts)
    chosen = [name for name in parts if not only or name in only]
    found = Found()
    for number, name in enumerate(chosen):

        def tell_part(what: str, share: float, number: int = number) -> None:
            tell(what, (number + share) / len(chosen))

        tell_part(name, 0.0)
        try:
            found.add(parts[name](tell_part, long))
        except MissingPartError as error:
            found.skip(name, str(error))
    if found.skipped:
        found.tables["not measured"] = found.skipped
    return found.results, found.tables
