"""One question put to all listeners: how right their answers are, and what each reached."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

from ..music.errors import SegueError
from .analysis_material import Take
from .analysis_peers import Heard, Listener, listen
from .analysis_scores import SCORERS, Scores, interval
from .findings import Found, Rows, Tell

KEYS: dict[str, dict[str, str]] = {
    "rhythm": {
        "acc1": "tempo_acc1",
        "acc2": "tempo_acc2",
        "beat_f": "beat_f",
        "downbeat_f": "downbeat_f",
    },
    "key": {"mirex": "key_mirex"},
    "chords": {"majmin": "chord_majmin", "sevenths": "chord_sevenths"},
    "notes": {
        "onset_f1": "onset_f1",
        "onset_f1_piano": "onset_f1_piano",
        "onset_offset_f1": "onset_offset_f1",
    },
    "f0": {"rpa": "f0_rpa"},
    "form": {
        "boundary_f": "form_boundary_f",
        "boundary_f_3s": "form_boundary_f_3s",
        "pair_f": "form_pair_f",
    },
}
"""Keys of results by question and score."""

SPEED_KEYS = {
    "rhythm": "rhythm_x_realtime",
    "key": "key_x_realtime",
    "chords": "chord_x_realtime",
    "notes": "notes_x_realtime",
    "f0": "f0_x_realtime",
    "form": "form_x_realtime",
}
FAMILY_SCORES = {"rhythm": "beat_f", "chords": "majmin", "notes": "onset_f1", "key": "mirex"}
"""The score that is shown for each family of pieces."""

_KNOWN: dict[str, Callable[[Take], bool]] = {
    "rhythm": lambda take: bool(take.tempo_bpm),
    "key": lambda take: take.key is not None,
    "chords": lambda take: len(take.chords) > 2,
    "notes": lambda take: bool(take.notes),
    "f0": lambda take: any(take.pitch_hz),
    "form": lambda take: bool(take.sections),
}


@dataclass(frozen=True)
class Reached:
    """What a listener reached of a result."""

    key: str
    listener: Listener
    value: float
    pieces: int


@dataclass
class Hearing:
    """How listeners are asked in a run, and what they have reached so far."""

    peers: bool  # whether others than ours are asked
    keep: Path | None  # where their answers outlive the run
    tell: Tell
    reached: list[Reached] = field(default_factory=list)

    def each(
        self, listeners: Sequence[Listener], takes: Sequence[Take], found: Found, rate: int = 44_100
    ) -> list[tuple[Listener, list[Heard]]]:
        """The answers of all that can answer; of the others, `found` says why not."""
        asked = [listener for listener in listeners if self.peers or listener.ours]
        answers = []
        for number, listener in enumerate(asked):

            def tell(what: str, share: float, number: int = number) -> None:
                self.tell(what, (number + share) / len(asked))

            tell(listener.name, 0.0)
            try:
                answers.append((listener, listen(listener, takes, tell, self.keep, rate)))
            except SegueError as error:
                about = listener.function.rpartition(":")[2]
                found.skip(f"{listener.name} ({about})", str(error))
        return answers

    def note(self, found: Found, key: str, listener: Listener, value: float, pieces: int) -> None:
        """Keep what a listener reached; of ours, as a result too."""
        self.reached.append(Reached(key, listener, value, pieces))
        if listener.ours:
            found.results[key] = value


def measure_question(
    name: str,
    listeners: Sequence[Listener],
    takes: Sequence[Take],
    hearing: Hearing,
    *,
    real: bool = False,
) -> Found:
    """How right listeners are about the takes of which the truth is known.

    :param name: one of `SCORERS`
    :param real: the takes are recordings: keys begin with `real_`
    """
    found = Found()
    known = [take for take in takes if _KNOWN[name](take)]
    if not known:
        found.skip(name, "the truth is known of no take here; make the set again")
        return found
    rows: Rows = []
    families: Rows = []
    for listener, heard in hearing.each(listeners, known, found):
        scored = [(one.take, SCORERS[name](one.take, one.answer)) for one in heard]
        row = {"listener": listener.name, "licence": listener.licence, "pieces": len(scored)}
        row |= _means(name, listener, scored, hearing, found, "real_" if real else "")
        sound = sum(one.sound_seconds for one in heard)
        speed = sound / max(sum(one.processor_seconds for one in heard), 1e-9)
        if not real:
            hearing.note(found, SPEED_KEYS[name], listener, speed, len(scored))
        rows.append(row | {"times_real_time": round(speed, 1)})
        if name in FAMILY_SCORES:
            families.append(_by_family(listener, scored, FAMILY_SCORES[name]))
    where = "real recordings" if real else "rendered pieces"
    found.tables[f"{name}, {where}: mean [95 % interval]"] = rows
    if families:
        score = KEYS[name][FAMILY_SCORES[name]]
        found.tables[f"{score} by {'genre' if real else 'family'}, {where}"] = families
    return found


def _means(
    name: str,
    listener: Listener,
    scored: Sequence[tuple[Take, Scores]],
    hearing: Hearing,
    found: Found,
    prefix: str,
) -> dict[str, str]:
    """Each score's mean with its interval, as text."""
    row = {}
    for score, key in KEYS[name].items():
        values = [scores[score] for _, scores in scored if score in scores]
        row[key] = ""
        if values:
            middle = interval(values)
            row[key] = str(middle)
            hearing.note(found, f"{prefix}{key}", listener, middle.mean, len(values))
            if listener.ours:
                found.results[f"{prefix}{key}_low"] = middle.low
                found.results[f"{prefix}{key}_high"] = middle.high
    return row


def _by_family(
    listener: Listener, scored: Sequence[tuple[Take, Scores]], score: str
) -> dict[str, str | float]:
    row: dict[str, str | float] = {"listener": listener.name}
    for family in dict.fromkeys(take.family for take, _ in scored):
        values = [s[score] for take, s in scored if take.family == family and score in s]
        row[family] = round(mean(values), 3) if values else ""
    return row
