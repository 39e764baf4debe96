"""Written music for the training corpus: scores read once and kept as small JSON files.

Works come from music21's corpus and from the scores of When in Rome. The works of the development
set (`DEVELOPMENT`) are left out, whatever the collection. Times are in quarter notes here.

    python -m segue.analysis.training.corpus_scores --out DIR [--data DIR] [--groups chorale,mono]
"""

import argparse
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ...music.files import write_whole

DEVELOPMENT = (
    *(
        f"bach/bwv{number}"
        for number in "7.7 66.6 244.3 269 26.6 255 311 86.6 40.8 102.7 153.1 227.1 227.11".split()
    ),
    "mozart/k155/movement1*",
    "haydn/opus74no1/movement1*",
    "beethoven/opus18no1/movement1*",
    "joplin/maple_leaf_rag*",
    "chopin/*",
    "corelli/*",
    "schubert/*",
    "haydn/opus1no1/movement1*",
    "mozart/k545/*",
    "essenFolksong/altdeu10*",
    "essenFolksong/erk5*",
    *(
        f"ryansMammoth/{name}"
        for name in (
            "AldridgesHornpipe AcaciaReel AdmiralsHornpipe AfterTheHareReel AlbemarleHornpipe "
            "AllTheWayToGalwayReel"
        ).split()
    ),
    "airdsAirs/book1*",
    "*K545*",
    "*Op018_No1/1*",
    "*Op18*No1/1*",
    "*Winterreise*/*05*",
    "*Lindenbaum*",
    "*Chopin*",
)
"""Names, with wildcards, of what the development set is measured on: never to be learned from."""

_MUSIC21 = {
    "chorale": (("bach/bwv*", 1000),),
    "classical": (
        ("haydn/*", 30),
        ("mozart/*", 30),
        ("palestrina/*", 40),
        ("monteverdi/*", 40),
        ("josquin/*", 8),
        ("trecento/*", 16),
        ("handel/*", 4),
        ("schumann*/*", 12),
        ("cpebach/*", 2),
        ("weber/*", 2),
        ("beach/*", 2),
        ("verdi/*", 2),
        ("beethoven/opus18*", 12),
    ),
    "mono": (
        ("ryansMammoth/*", 220),
        ("essenFolksong/*", 30),
        ("airdsAirs/*", 6),
        ("oneills1850/*", 12),
    ),
}
_ROME = {
    "piano": ("Keyboard_Other/*", "Piano_Sonatas/*", "Variations_and_Grounds/*"),
    "classical": ("Quartets/*", "OpenScore-LiederCorpus/*"),
}
_TUNES_A_BOOK = 60  # of a collection in one file


@dataclass(frozen=True)
class Work:
    """A written piece: its parts, its bars and its key.

    :param parts: notes of each part as (onset, end, MIDI pitch), in quarter notes
    :param beats: (onset in quarter notes, number of the beat in its bar counted from 0)
    :param hint: which instruments it asks for: voices, strings, piano, song or tune
    """

    ident: str
    family: str
    hint: str
    parts: tuple[tuple[tuple[float, float, int], ...], ...]
    beats: tuple[tuple[float, int], ...]
    meter: int
    key: str | None


def save_work(folder: Path, work: Work) -> None:
    """Keep a work as one JSON file in a folder."""
    name = work.ident.replace("/", "+").replace(" ", "_")
    write_whole(folder / f"{name}.json", json.dumps(asdict(work)).encode())


def load_works(folder: Path) -> list[Work]:
    """All works of a folder, by name."""
    works = []
    for path in sorted(folder.glob("*.json")):
        raw = json.loads(path.read_text())
        raw["parts"] = tuple(tuple((a, b, int(p)) for a, b, p in part) for part in raw["parts"])
        raw["beats"] = tuple((a, int(b)) for a, b in raw["beats"])
        works.append(Work(**raw))
    return works


def is_reserved(name: str) -> bool:
    """Whether a work belongs to the development set."""
    return any(fnmatch(name, f"{pattern}") for pattern in DEVELOPMENT)


def read_work(score: Any, ident: str, family: str, hint: str) -> Work | None:
    """A music21 score as a work; None where it is too short or has no bars."""
    parts = list(score.parts) or [score]
    if family == "mono":
        parts = parts[:1]
    voices = tuple(_notes(part, single=family == "mono") for part in parts)
    voices = tuple(voice for voice in voices if voice)
    beats, meter = _beats(parts[0])
    if sum(map(len, voices)) < 24 or len(beats) < 8:
        return None
    return Work(ident, family, hint, voices, beats, meter, _key(score, voices, family))


def _notes(part: Any, single: bool) -> tuple[tuple[float, float, int], ...]:
    found = []
    for element in part.flatten().stripTies().notes:
        length = float(element.quarterLength)
        pitches = sorted(int(pitch.midi) for pitch in element.pitches)
        if length <= 0 or not pitches or "ChordSymbol" in element.classes:
            continue
        onset = float(element.offset)
        for pitch in pitches[-1:] if single else pitches:
            found.append((round(onset, 4), round(onset + length, 4), pitch))
    found.sort()
    if single:
        ends = [onset for onset, _, _ in found[1:]] + [float("inf")]
        found = [(a, min(b, end), p) for (a, b, p), end in zip(found, ends, strict=True) if end > a]
    return tuple(found)


def _beats(part: Any) -> tuple[tuple[tuple[float, int], ...], int]:
    """The beats of all bars, an upbeat counted from its end, and the usual beats a bar."""
    found: list[tuple[float, int]] = []
    counts: list[int] = []
    signature = None
    for measure in part.getElementsByClass("Measure"):
        signature = measure.timeSignature or signature
        if signature is None:
            return (), 0
        step = float(signature.beatDuration.quarterLength)
        full = float(signature.barDuration.quarterLength)
        length = float(measure.duration.quarterLength)
        skipped = float(measure.paddingLeft or 0.0)
        if measure.number == 0 and skipped == 0:
            skipped = max(0.0, full - length)
        counts.append(round(full / step))
        for index in range(round(full / step)):
            at = index * step - skipped
            if -1e-6 <= at < length - 1e-6:
                found.append((round(float(measure.offset) + at, 4), index))
    return tuple(found), max(set(counts), key=counts.count) if counts else 0


_NAMES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")


def _key(
    score: Any, voices: tuple[tuple[tuple[float, float, int], ...], ...], family: str
) -> str | None:
    """The key that is written, or that of the signature whose tonic ends the bass; else None."""
    signatures = list(score.recurse().getElementsByClass("KeySignature"))
    if not signatures or len({signature.sharps for signature in signatures}) > 1:
        return None
    first = signatures[0]
    if family == "mono" and getattr(first, "mode", None) in ("major", "minor"):
        return f"{_NAMES[first.tonic.pitchClass]} {first.mode}"
    major = first.sharps * 7 % 12
    last = max(voices[-1])[2] % 12
    if last == major:
        return f"{_NAMES[major]} major"
    return f"{_NAMES[last]} minor" if last == (major + 9) % 12 else None


def from_music21(group: str) -> Iterator[Work]:
    """The works of one group in music21's corpus, a thinned selection of the large collections."""
    from music21 import converter, corpus

    root = next(p for p in map(Path, corpus.getCorePaths()) if "corpus" in p.parts)
    root = Path(*root.parts[: len(root.parts) - root.parts[::-1].index("corpus")])
    names = {
        str(path.relative_to(root).with_suffix("")): path
        for path in map(Path, corpus.getCorePaths())
    }
    for pattern, most in _MUSIC21[group]:
        fitting = sorted(n for n in names if fnmatch(n, pattern) and not is_reserved(n))
        step = max(1.0, len(fitting) / most)
        for index in range(min(most, len(fitting))):
            name = fitting[int(index * step)]
            try:
                parsed = converter.parse(names[name])
            except Exception as error:
                print(f"{name} cannot be read: {error}", file=sys.stderr)
                continue
            yield from _works(parsed, name, group)


def _works(parsed: Any, name: str, group: str) -> Iterator[Work]:
    scores = list(getattr(parsed, "scores", []) or [])
    hint = {"chorale": "voices", "mono": "tune"}.get(group, "strings")
    if name.split("/")[0] in ("palestrina", "monteverdi", "josquin", "trecento"):
        hint = "voices"
    if name.startswith("schumann") or name.startswith(("beach", "weber", "verdi")):
        hint = "song"
    for number, score in enumerate(scores[:_TUNES_A_BOOK] if scores else [parsed]):
        try:
            work = read_work(score, f"{name}_{number}" if scores else name, group, hint)
        except Exception as error:
            print(f"{name} {number} cannot be used: {error}", file=sys.stderr)
            continue
        if work is not None:
            yield work


def from_when_in_rome(data: Path, group: str) -> Iterator[Work]:
    """The scores of When in Rome that belong to a group."""
    from music21 import converter

    with zipfile.ZipFile(data / "when_in_rome" / "scores.zip") as archive:
        for member in sorted(archive.namelist()):
            name = str(Path(member).parent)
            fits = any(fnmatch(name, pattern) for pattern in _ROME.get(group, ()))
            if not member.endswith(".mxl") or not fits or is_reserved(name):
                continue
            hint = "piano" if group == "piano" else ("song" if "Lieder" in name else "strings")
            try:
                with zipfile.ZipFile(archive.open(member)) as inner:
                    score = next(
                        n for n in inner.namelist() if n.endswith(".xml") and "META" not in n
                    )
                    parsed = converter.parseData(inner.read(score).decode(), format="musicxml")
                work = read_work(parsed, name, group, hint)
            except Exception as error:
                print(f"{name} cannot be used: {error}", file=sys.stderr)
                continue
            if work is not None:
                yield work


def main() -> None:
    """Read the groups that are asked for into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--groups", default="chorale,mono,piano,classical")
    options = parser.parse_args()
    for group in options.groups.split(","):
        folder = options.out / group
        folder.mkdir(parents=True, exist_ok=True)
        if group in _MUSIC21:
            for work in from_music21(group):
                save_work(folder, work)
        if options.data and group in _ROME:
            for work in from_when_in_rome(options.data, group):
                save_work(folder, work)
        print(f"{group}: {len(list(folder.glob('*.json')))} works", flush=True)


if __name__ == "__main__":
    main()
