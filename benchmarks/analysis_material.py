"""What the benchmark of the ears listens to: the development set, and fifty real recordings.

The set is a folder of `ID.wav` with `ID.json`, which says what is in it: `family`, `tempo`,
`beats`, `downbeats`, `key`, `chords` as rows of start, end and label, `notes` as rows of start, end
and MIDI pitch, `f0` with `hop` and `hz`; what is not known is null or empty. The recordings are
clips of GTZAN (G. Tzanetakis and P. Cook, 2002) with the beats and tempo of U. Marchand et al.
(2015) and the keys of A. Lerch, from the folder that SEGUE_DATA names.
"""

import gzip
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..music.errors import FileFormatError, MissingPartError
from ..music.files import write_whole

SET_VARIABLE, DATA_VARIABLE = "SEGUE_MIR_SET", "SEGUE_DATA"
GTZAN_TONICS = ("A", "Bb", "B", "C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab")

Row = list[Any]


@dataclass(frozen=True)
class Take:
    """A sound and what is known of it; empty or None where nothing is."""

    name: str
    family: str
    path: str
    tempo_bpm: float | None = None
    beats_seconds: tuple[float, ...] = ()
    downbeats_seconds: tuple[float, ...] = ()
    key: str | None = None  # "Bb major"
    chords: tuple[Row, ...] = ()  # start and end in seconds, label as in mir_eval
    notes: tuple[Row, ...] = ()  # start and end in seconds, MIDI pitch
    pitch_hop_seconds: float = 0.0
    pitch_hz: tuple[float, ...] = ()  # 0 where no tone is
    sections: tuple[Row, ...] = ()  # start and end in seconds, letter
    piano: bool = False  # nothing but a piano plays


def load_set(folder: str | Path | None = None) -> list[Take]:
    """The takes of the development set, by name.

    Raises MissingPartError if no folder is named, here or by SEGUE_MIR_SET, or it holds no takes;
    FileFormatError if one of its files is not what it should be.
    """
    named = folder or os.environ.get(SET_VARIABLE)
    if not named:
        raise MissingPartError(
            f"the development set is not here; name its folder by --set or {SET_VARIABLE}. It is "
            "made by make_eval_set.py --out FOLDER --pop909 FOLDER, which renders 72 pieces of "
            "30 seconds with FluidSynth in about a minute"
        )
    paths = [path for path in sorted(Path(named).glob("*.json")) if path.stem != "manifest"]
    takes = [_take(path) for path in paths if path.with_suffix(".wav").is_file()]
    if not takes:
        raise MissingPartError(
            f"{named} holds no takes (ID.wav with ID.json); make them by make_eval_set.py --out "
            f"{named} --pop909 FOLDER"
        )
    return takes


def _take(path: Path) -> Take:
    try:
        known = json.loads(path.read_text())
        pitch = known.get("f0") or {"hop": 0.0, "hz": ()}
        return Take(
            name=known["id"],
            family=known["family"],
            path=str(path.with_suffix(".wav")),
            tempo_bpm=known["tempo"],
            beats_seconds=tuple(known["beats"]),
            downbeats_seconds=tuple(known["downbeats"]),
            key=known["key"],
            chords=tuple(known["chords"]),
            notes=tuple(known["notes"]),
            pitch_hop_seconds=pitch["hop"],
            pitch_hz=tuple(pitch["hz"]),
            piano=set(known.get("programs", ())) == {0},
        )
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise FileFormatError(
            f"{path} does not describe a take ({type(error).__name__}: {error}); make the set again"
        ) from None


def load_recordings(data: str | Path | None = None, *, unpack_to: Path) -> list[Take]:
    """The fifty real clips with tempo, beats and, where it is known, key.

    Raises MissingPartError if they are not in `gtzan` of `data` or SEGUE_DATA.

    :param unpack_to: an existing folder for the sounds, which lie in an archive
    """
    folder = Path(data or os.environ.get(DATA_VARIABLE, "")) / "gtzan"
    archive, labels = folder / "gtzan_audio50.zip", folder / "gtzan_annotations.jsonl.gz"
    if not archive.is_file() or not labels.is_file():
        raise MissingPartError(
            f"{folder} holds no {archive.name} with {labels.name}; set {DATA_VARIABLE} to the "
            "folder that holds gtzan"
        )
    with gzip.open(labels, "rt") as lines:
        known = {row["id"]: row for row in map(json.loads, lines)}
    takes = []
    with zipfile.ZipFile(archive) as sounds:
        for name in sorted(sounds.namelist()):
            if name.endswith(".ogg") and Path(name).stem in known:
                sound = unpack_to / f"{Path(name).stem}.wav"
                _decode(sounds.read(name), sound)
                takes.append(_recording(known[sound.stem], sound))
    return takes


def _decode(data: bytes, target: Path) -> None:
    """Write a sound as a wav file at the rate that all listeners get."""
    import io

    import soundfile
    import soxr

    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    buffer = io.BytesIO()
    soundfile.write(buffer, soxr.resample(samples, rate, 44_100), 44_100, format="WAV")
    write_whole(target, buffer.getvalue())


def _recording(known: dict[str, Any], sound: Path) -> Take:
    inside = [row for row in known["beats"] if row[0] < known["audio_seconds"]]
    number = known["key"]
    key = None
    if 0 <= number < 24:
        key = f"{GTZAN_TONICS[number % 12]} {'major' if number < 12 else 'minor'}"
    return Take(
        name=known["id"],
        family=known["genre"],
        path=str(sound),
        tempo_bpm=known["tempo"],
        beats_seconds=tuple(time for time, _ in inside),
        downbeats_seconds=tuple(time for time, place in inside if place == 1),
        key=key,
    )
