"""The ears in numbers: how right and how fast they are, beside the libraries that others use.

All listen to the same files in one run: a development set of rendered pieces, and fifty real
recordings. Rendered sound flatters, as it is clean, in tune and in time, so the recordings stand
beside it. `docs/results.md` says what the results mean. Needs mir_eval (extra `bench`).
"""

import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..music.errors import MissingPartError, SegueError, UnknownNameError
from .analysis_forms import make_songs
from .analysis_material import Take, load_recordings, load_set
from .analysis_peers import LISTENERS, REAL_QUESTIONS
from .analysis_questions import Hearing, Reached, measure_question
from .analysis_scores import SCORERS
from .analysis_speed import measure_features, measure_hops, measure_whole
from .findings import Found, Rows, Tell

GOALS: dict[str, float] = {
    "tempo_acc1": 0.75,
    "tempo_acc2": 0.97,
    "beat_f": 0.87,
    "downbeat_f": 0.75,
    "chord_majmin": 0.88,
    "chord_sevenths": 0.80,
    "chord_x_realtime": 100.0,
    "key_mirex": 0.88,
    "f0_rpa": 0.82,
    "f0_x_realtime": 100.0,
    "onset_f1": 0.75,
    "onset_f1_piano": 0.90,
    "onset_offset_f1": 0.45,
    "features_ms": 25.0,
    "hop_us_p50": 100.0,
    "hop_us_p99": 200.0,
}
"""What is wanted of results that have a number of their own."""

WITHIN = 0.03
"""Of real recordings: above each of the permissively licensed, and so near to the best."""

FASTER_THAN_PEER = ("analyze_x_realtime",)

LESS_IS_BETTER = ("features_ms", "hop_us_p50", "hop_us_p99")

PARTS = (*SCORERS, "recordings", "features", "hops", "whole")
"""What can be measured, in this order."""


def _silent(what: str, share: float) -> None:
    """Nobody looks."""


def run(
    only: Sequence[str] = (),
    *,
    folder: str | Path | None = None,
    data: str | Path | None = None,
    peers: bool = True,
    keep: str | Path | None = None,
    tell: Tell = _silent,
) -> tuple[dict[str, float], dict[str, Rows]]:
    """Results by key and tables by title; what could not be measured stands in a table of its own.

    Raises UnknownNameError for a part that does not exist, MissingPartError without the development
    set or mir_eval.

    :param only: names of `PARTS`; none means all
    :param folder: of the development set, instead of SEGUE_MIR_SET
    :param data: the folder that holds gtzan, instead of SEGUE_DATA
    :param peers: whether others than Segue are measured
    :param keep: a folder in which answers of peers outlive a run: for work on the ears, not for
        results to be shown, as their times may come from another day
    :param tell: called with what is being measured and the share of the whole that is done
    """
    for name in only:
        if name not in PARTS:
            raise UnknownNameError("part of the benchmark", name, PARTS)
    if find_spec("mir_eval") is None:
        raise MissingPartError("the measures need mir_eval; pip install 'segue[bench]'")
    if keep is not None and not Path(keep).is_dir():
        raise SegueError(f"there is no folder {keep} to keep answers in; make it or leave it out")
    takes = load_set(folder)
    chosen = [name for name in PARTS if not only or name in only]
    found = Found()
    hearing = Hearing(peers, Path(keep) if keep else None, _silent)
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as made:
        for number, name in enumerate(chosen):

            def tell_part(what: str, share: float, number: int = number) -> None:
                tell(what, (number + share) / len(chosen))

            hearing.tell = tell_part
            found.add(_measure(name, takes, data, Path(made), hearing))
    if hearing.reached:
        found.tables = {"beside the best": compare(hearing.reached)} | found.tables
    if found.skipped:
        found.tables["not measured"] = found.skipped
    return found.results, found.tables


def _measure(
    name: str, takes: Sequence[Take], data: str | Path | None, made: Path, hearing: Hearing
) -> Found:
    """One part."""
    if name == "recordings":
        return _measure_recordings(data, made, hearing)
    if name == "form":
        takes = make_songs(takes, made)
    if name == "features":
        return measure_features(takes, hearing)
    if name == "hops":
        return measure_hops(takes, hearing)
    if name == "whole":
        return measure_whole(takes, made, hearing)
    return measure_question(name, LISTENERS[name], takes, hearing)


def _measure_recordings(data: str | Path | None, made: Path, hearing: Hearing) -> Found:
    """Rhythm and key of real recordings."""
    found = Found()
    try:
        clips = load_recordings(data, unpack_to=made)
    except MissingPartError as error:
        found.skip("recordings", str(error))
        return found
    for name in REAL_QUESTIONS:
        found.add(measure_question(name, LISTENERS[name], clips, hearing, real=True))
    return found


def compare(reached: Sequence[Reached]) -> Rows:
    """Each result of ours beside its goal and the best of the peers, of all and of the open ones.

    Peers that heard fewer pieces than half of the most are left to their own table.
    """
    rows: Rows = []
    for key in dict.fromkeys(one.key for one in reached):
        row: dict[str, object] = {"result": key, "segue": "", "goal": "", "met": ""}
        ours = next((one.value for one in reached if one.key == key and one.listener.ours), None)
        sign = -1.0 if key in LESS_IS_BETTER else 1.0
        peers = [one for one in reached if one.key == key and not one.listener.ours]
        most = max((one.pieces for one in peers), default=0)
        peers = [one for one in peers if 2 * one.pieces >= most]
        free = [one for one in peers if one.listener.open]
        best_free, best = (
            max(group, key=lambda one: sign * one.value, default=None) for group in (free, peers)
        )
        goal = GOALS.get(key)
        if key in FASTER_THAN_PEER and best:
            goal = best.value
        elif key.startswith("real_") and best:
            least_free = best_free.value if best_free else -np.inf
            goal = max(best.value - WITHIN, least_free)
        if ours is not None:
            row["segue"] = _short(ours)
        if goal is not None:
            row["goal"] = f"{'<=' if sign < 0 else '>='} {goal:.3g}"
            row["met"] = "" if ours is None else ("yes" if sign * ours >= sign * goal else "no")
        for name, one in (("best_open_peer", best_free), ("best_peer", best)):
            row[name] = f"{_short(one.value)} {one.listener.name}" if one else ""
        rows.append(row)
    return rows


def _short(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.0f}"
