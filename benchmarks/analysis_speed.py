"""What hearing costs: features of a clip, a hop of a stream, and the whole of `segue analyze`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np

from ..music.errors import SegueError
from .analysis_material import Take
from .analysis_peers import (
    FEATURE_LISTENERS,
    HOP_LISTENERS,
    OURS,
    Listener,
    check_present,
    interpreter,
)
from .analysis_questions import Hearing
from .findings import Found, Rows
from .synth_peers import processor_seconds

CLIPS = 12
RATE = 22_050  # Hz, of the clips of which features are taken
WHOLE_SECONDS = 180.0
REPEATS = 3

WHOLE_OURS = Listener("segue", "", "segue", "segue", "permissive")
WHOLE_PEER = Listener(
    "essentia MusicExtractor", "", "essentia", "essentia==2.1b6.dev1389", "GPL or AGPL"
)
_EXTRACT = (
    "import sys, essentia\n"
    "essentia.log.infoActive = essentia.log.warningActive = False\n"
    "import essentia.standard as es\n"
    "es.MusicExtractor()(sys.argv[1])"
)


def _clips(takes: Sequence[Take]) -> list[Take]:
    """Some takes of all families."""
    return list(takes[:: max(len(takes) // CLIPS, 1)][:CLIPS])


def measure_features(takes: Sequence[Take], hearing: Hearing) -> Found:
    """`features_ms`: milliseconds of one core for the features of 30 seconds, decoded at 22 kHz."""
    found = Found()
    rows: Rows = []
    clips = _clips(takes)
    for listener, heard in hearing.each(FEATURE_LISTENERS, clips, found, rate=RATE):
        cost = [30e3 * one.processor_seconds / one.sound_seconds for one in heard]
        hearing.note(found, "features_ms", listener, median(cost), len(cost))
        rows.append(
            {
                "listener": listener.name,
                "licence": listener.licence,
                "clips": len(cost),
                "milliseconds": median(cost),
                "fastest": min(cost),
                "slowest": max(cost),
                "times_real_time": round(30e3 / median(cost), 1),
            }
        )
    found.tables["features of 30 s"] = rows
    return found


def measure_hops(takes: Sequence[Take], hearing: Hearing) -> Found:
    """`hop_us_p50`, `hop_us_p99`: wall microseconds for each 512 samples at 44.1 kHz.

    The middle over clips, of the middle and of what one hop in a hundred exceeds.
    """
    found = Found()
    rows: Rows = []
    for listener, heard in hearing.each(HOP_LISTENERS, _clips(takes), found):
        row = {"listener": listener.name, "licence": listener.licence, "clips": len(heard)}
        for name in ("p50", "p99"):
            value = median(one.answer[name] for one in heard)
            if listener.name == OURS or not listener.ours:  # more than features is another thing
                hearing.note(found, f"hop_us_{name}", listener, value, len(heard))
            row[f"{name}_microseconds"] = round(value, 1)
        rows.append(row)
    found.tables["a hop of 11.6 ms, live"] = rows
    return found


def measure_whole(takes: Sequence[Take], made: Path, hearing: Hearing) -> Found:
    """`analyze_x_realtime`: `segue analyze` of three minutes as a user starts it, start included.

    Processor seconds of the process; the peer's extractor gets the same file, in a process too.

    :param made: an existing folder for the file
    """
    found = Found()
    path = made / "three-minutes.wav"
    _write_long(takes, path)
    rows: Rows = []
    commands = {
        WHOLE_OURS: [sys.executable, "-m", "segue", "analyze", str(path)],
        WHOLE_PEER: ["", "-c", _EXTRACT, str(path)],
    }
    for listener, command in commands.items():
        if not (listener.ours or hearing.peers):
            continue
        hearing.tell(listener.name, 0.0 if listener.ours else 0.5)
        try:
            check_present(listener)
            costs = [
                processor_seconds([interpreter(listener), *command[1:]]) for _ in range(REPEATS)
            ]
        except SegueError as error:
            found.skip("analyze_x_realtime", str(error))
            continue
        speed = WHOLE_SECONDS / median(costs)
        hearing.note(found, "analyze_x_realtime", listener, speed, 1)
        rows.append(
            {
                "listener": listener.name,
                "licence": listener.licence,
                "processor_seconds": median(costs),
                "fastest": min(costs),
                "slowest": max(costs),
                "times_real_time": round(speed, 1),
            }
        )
    found.tables["three minutes, from the command to the answer"] = rows
    return found


def _write_long(takes: Sequence[Take], path: Path) -> None:
    """Takes with a band first, one after another, as 16 bits at 44.1 kHz."""
    import soundfile
    import soxr

    parts: list[np.ndarray] = []
    missing = round(WHOLE_SECONDS * 44_100)
    ordered = sorted(takes, key=lambda take: take.family != "band")
    for take in ordered * (1 + missing // len(ordered)):
        samples, rate = soundfile.read(take.path, dtype="float32")
        part = soxr.resample(samples, rate, 44_100)[:missing]
        parts.append(part)
        missing -= len(part)
        if not missing:
            break
    soundfile.write(path, np.concatenate(parts), 44_100, subtype="PCM_16")
