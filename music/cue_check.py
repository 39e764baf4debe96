"""Reads a cue folder and finds every fault of it in one go."""

import os
import re
import tomllib
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from .cue import (
    ANY,
    MOOD_AXES,
    PHRASE_BARS,
    Binding,
    Cue,
    CueMarker,
    Layer,
    Parameter,
    Section,
    Stinger,
    Transition,
)
from .cue_schema import (
    REQUIRED_TABLES,
    RESERVED_NAMES,
    TABLES,
    Fault,
    FaultList,
    nearest,
    read_table,
)
from .cue_stems import check_keys, check_stem
from .errors import SegueError
from .events import MixSettings, Sidechain
from .files import read_whole
from .midi import read_midi
from .orchestra import ORCHESTRA
from .sample_names import SampleName, is_sample_name, sample_name
from .score import Notes, Score
from .soundfont_presets import is_kit_preset
from .tempo import Meter
from .theory import MODES, Chord, Key

TRACK_ROLES = ("melody", "track")
PITCHED_ROLES = ("melody", "harmony", "arpeggio", "bass")
KITS = tuple(name for name, player in ORCHESTRA.items() if player.is_kit)
REGISTER_SEMITONES = 12
"""How far the register knob may move a melody up or down; notes keep that far inside 0..127."""

Rows = list[dict[str, Any]]


SampleCheck = Callable[[SampleName], Iterable[str]]
"""Why a sampled instrument cannot be played: facts and ways out, with a semicolon between."""


def read_cue(
    folder: Path, *, decode: bool = False, samples: SampleCheck | None = None
) -> tuple[Cue | None, list[Fault]]:
    """The cue of a folder and its faults; there is a cue only if there are no faults.

    :param decode: read every stem to its end, which takes time
    :param samples: opens sampled instruments, of which else only the names are checked
    """
    faults = FaultList()
    document = _read_toml(folder, faults)
    if document is None:
        return None, faults
    reader = _CueReader(folder, document, faults, decode=decode, samples=samples)
    reader.check()
    return (None if faults else reader.build()), faults


def _read_toml(folder: Path, faults: FaultList) -> dict[str, Any] | None:
    if not (folder / "cue.toml").is_file():
        faults.report(
            "missing-file", "cue.toml", f"{folder} holds no cue.toml", "give the folder of a cue"
        )
        return None
    try:
        return tomllib.loads(read_whole(folder / "cue.toml").decode("utf-8"))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        place = f"cue.toml:{line[1]}" if line else "cue.toml"
        faults.report("toml-syntax", place, str(error), "correct the TOML there")
    except UnicodeDecodeError as error:
        faults.report("toml-syntax", "cue.toml", f"it is not UTF-8 ({error})", "save it as UTF-8")
    except SegueError as error:
        faults.report("unreadable-file", "cue.toml", str(error), "make it readable")
    return None


class _CueReader:
    """Values of a document that are sound by themselves, then checked against each other."""

    def __init__(
        self,
        folder: Path,
        document: dict[str, Any],
        faults: FaultList,
        *,
        decode: bool,
        samples: SampleCheck | None,
    ) -> None:
        self.folder, self.faults = folder, faults
        self.decode, self.samples = decode, samples
        self.heard: dict[SampleName, list[str]] = {}
        for name in document:
            if name not in TABLES:
                faults.report_unknown("table", name, TABLES, name)
        for name in REQUIRED_TABLES:
            if not document.get(name):
                heading = "[cue]" if name == "cue" else f"[[{name}]]"
                faults.report("missing-table", name, "there is none", f"add {heading}")
        head = document.get("cue")
        self.head = read_table(head, "cue", "cue", faults) if head else {}
        mix = document.get("mix")
        self.mix = read_table(mix, "mix", "mix", faults) if mix else {}
        self.sidechains = self._rows(document, "sidechains")
        self.layers = self._rows(document, "layers")
        self.sections = self._rows(document, "sections")
        self.transitions = self._rows(document, "transitions")
        self.markers = self._rows(document, "markers")
        self.stingers = self._rows(document, "stingers")
        self.parameters = self._rows(document, "parameters")
        self.bindings = self._rows(document, "bindings")
        self.key = self._parsed(Key.parse, "key", "bad-key", Key())
        self.meter = self._parsed(Meter.parse, "meter", "bad-meter", Meter())
        self.theme = self._read_theme()

    def check(self) -> None:
        """Report the faults that lie between values."""
        self._check_head()
        self._check_layers()
        self._check_sidechains()
        self._check_sections()
        self._check_transitions()
        self._check_markers()
        self._check_stingers()
        self._check_parameters()
        self._check_bindings()

    def build(self) -> Cue:
        """The cue of a document without faults."""
        head = dict(self.head)
        head.pop("theme", None)
        head |= {"key": self.key, "meter": self.meter, "modes": tuple(head["modes"])}
        ways = [{"source": w.pop("from"), "target": w.pop("to"), **w} for w in self.transitions]
        return Cue(
            name=self.folder.resolve().name,
            layers=tuple(Layer(**row) for row in self.layers),
            sections=tuple(Section(**row) for row in self.sections),
            transitions=tuple(Transition(**way) for way in ways),
            markers=tuple(CueMarker(**row) for row in self.markers),
            stingers=tuple(Stinger(**row) for row in self.stingers),
            parameters=tuple(Parameter(**row) for row in self.parameters),
            bindings=tuple(Binding(**row) for row in self.bindings),
            tracks={track.name: track.notes for track in self.theme.tracks} if self.theme else {},
            mix=MixSettings(
                **self.mix, sidechains=tuple(Sidechain(**row) for row in self.sidechains)
            ),
            folder=str(self.folder.resolve()),
            **head,
        )

    def _rows(self, document: dict[str, Any], name: str) -> Rows:
        rows = document.get(name, [])
        if not isinstance(rows, list):
            self.faults.report("wrong-type", name, "it is not a list", f"write [[{name}]]")
            return []
        read = [
            read_table(row, name, f"{name}[{index}]", self.faults) for index, row in enumerate(rows)
        ]
        self._check_names(name, read)
        return read

    def _check_names(self, table: str, rows: Rows) -> None:
        seen: set[str] = set()
        for index, row in enumerate(rows):
            if (name := row.get("name")) is None:
                continue
            place = f"{table}[{index}].name"
            if name in RESERVED_NAMES:
                self.faults.report(
                    "reserved-name", place, f"{name!r} stands for any section", "name it otherwise"
                )
            if name in seen:
                self.faults.report(
                    "duplicate-name", place, f"{name!r} is taken", "give each its own name"
                )
            seen.add(name)

    def _parsed(self, parse: Any, key: str, code: str, otherwise: Any) -> Any:
        if key not in self.head:
            return otherwise
        try:
            return parse(self.head[key])
        except SegueError as error:
            self.faults.report(code, f"cue.{key}", str(error), f"correct the {key}")
            return otherwise

    def _read_theme(self) -> Score | None:
        """The score of the theme file, None if there is none or it cannot be read."""
        name = self.head.get("theme", "")
        if not name:
            return None
        inside = (self.folder / name).resolve().is_relative_to(self.folder.resolve())
        if not inside or not (self.folder / name).is_file():
            message = f"{name!r} is no file of the cue's folder"
            self.faults.report("missing-file", "cue.theme", message, "put the MIDI file there")
            return None
        try:
            score = read_midi(self.folder / name)
        except SegueError as error:
            self.faults.report("bad-midi", "cue.theme", str(error), "replace the file")
            return None
        if score.meter != self.meter:
            message = f"{name} is in {score.meter}, the cue in {self.meter}"
            self.faults.report("meter-mismatch", "cue.meter", message, "make them agree")
        return score

    def _check_head(self) -> None:
        slow, fast = self.head.get("tempo_bpm", (0, 1))
        if slow > fast:
            message = f"{slow:g} is faster than {fast:g}"
            self.faults.report("order", "cue.tempo_bpm", message, "write the slower tempo first")
        modes = self.head.get("modes")
        if modes is None:
            return
        if len(set(modes)) < len(modes) or sorted(modes, key=list(MODES).index) != list(modes):
            remedy = f"keep the order {', '.join(mode for mode in MODES if mode in modes)}"
            self.faults.report("order", "cue.modes", "they do not go from dark to bright", remedy)
        if "key" in self.head and self.key.mode not in modes:
            message = f"the mode of the key {self.key} is not among them"
            self.faults.report("missing-mode", "cue.modes", message, f"add {self.key.mode!r}")

    def _check_layers(self) -> None:
        names = [track.name for track in self.theme.tracks] if self.theme else []
        for index, row in enumerate(self.layers):
            place = f"layers[{index}]"
            role, track = row.get("role"), row.get("track")
            check_keys(row, place, self.faults)
            if role == "stem":
                self._check_stem(row, place)
            if role in TRACK_ROLES and not track:
                message = f"role {role} plays a track of the theme, but it names none"
                self.faults.report("missing-key", place, message, "add track = ...")
            if role and role not in (*TRACK_ROLES, "stem") and track:
                message = f"role {role} is arranged and plays no track"
                self.faults.report("unused-track", f"{place}.track", message, "leave track out")
            kit = row.get("kit") if role == "stem" else self._check_instrument(row, place)
            if (role == "drums" and kit is False) or (role in PITCHED_ROLES and kit):
                self._report_unfit(row, kit, f"{place}.instrument")
            if track and not self.head.get("theme"):
                message = f"it plays track {track!r}, but the cue has no theme file"
                self.faults.report("unknown-track", f"{place}.track", message, "add cue.theme")
            elif track and self.theme and names.count(track) != 1:
                self._report_track(track, names, f"{place}.track")
            elif track and self.theme and not kit and role != "stem":
                self._check_pitches(row, self.theme.track(track).notes, f"{place}.octave")

    def _check_instrument(self, row: dict[str, Any], place: str) -> bool | None:
        """Whether a layer's instrument is a drum kit; None if nothing can be said.

        Fills in `kit`, and the slash of a folder of samples that was named without one.
        """
        name = row.get("instrument")
        if not name:
            return None
        if name in ORCHESTRA:
            if "kit" in row:
                message = f"{name!r} is no samples, and known to be a kit or none"
                self.faults.report("unused-key", f"{place}.kit", message, "leave kit out")
            return ORCHESTRA[name].is_kit
        if not is_sample_name(name):
            if name in (".", "..") or not os.path.isdir(self.folder / name):
                self._report_instrument(name, f"{place}.instrument")
                return None
            name = row["instrument"] = f"{name}/"
        try:
            samples = sample_name(name, self.folder)
        except SegueError as error:
            remedy = "put the samples into the cue's folder"
            self.faults.report("missing-file", f"{place}.instrument", str(error), remedy)
            return None
        self._open_samples(samples, f"{place}.instrument")
        if "kit" not in row and is_kit_preset(samples):
            row["kit"] = True
        return bool(row.get("kit", row.get("role") == "drums"))

    def _open_samples(self, name: SampleName, place: str) -> None:
        if self.samples is None:
            return
        if name not in self.heard:
            self.heard[name] = list(self.samples(name))
        for told in self.heard[name]:
            fact, _, remedy = told.rpartition("; ")
            self.faults.report("bad-samples", place, fact or told, remedy if fact else "mend it")

    def _report_instrument(self, name: str, place: str) -> None:
        message = f"no instrument is called {name!r}, and no folder beside cue.toml"
        remedy = f"{nearest(name, ORCHESTRA)}; or put a folder of samples there"
        self.faults.report("unknown-instrument", place, message, remedy)

    def _report_unfit(self, row: dict[str, Any], kit: bool | None, place: str) -> None:
        message = f"role {row['role']} does not suit instrument {row['instrument']!r}"
        remedy = "give a drum kit to the role drums, the others a pitched instrument"
        if is_sample_name(row["instrument"]):
            message += f", which is {'a kit' if kit else 'no kit'}"
            remedy += f"; or write kit = {str(not kit).lower()}"
        self.faults.report("unfit-instrument", place, message, remedy)

    def _check_sidechains(self) -> None:
        names = [row["name"] for row in self.layers if "name" in row]
        for index, row in enumerate(self.sidechains):
            place = f"sidechains[{index}]"
            for end in ("source", "target"):
                if end in row and row[end] not in names:
                    self.faults.report_unknown("layer", row[end], names, f"{place}.{end}")
            if "source" in row and row.get("source") == row.get("target"):
                message = f"layer {row['source']!r} is its own side chain"
                self.faults.report("own-sidechain", place, message, "name another as source")

    def _check_stem(self, row: dict[str, Any], place: str) -> None:
        sections = [section["name"] for section in self.sections if "name" in section]
        check_stem(
            row,
            place,
            self.faults,
            folder=self.folder,
            sections=sections,
            tempo_bpm=self.head.get("tempo_bpm"),
            decode=self.decode,
        )

    def _report_track(self, track: str, names: list[str], place: str) -> None:
        if track not in names:
            self.faults.report_unknown("track", track, names, place)
            return
        message = f"the theme has {names.count(track)} tracks called {track!r}"
        self.faults.report("duplicate-name", place, message, "rename them in the MIDI file")

    def _check_pitches(self, row: dict[str, Any], notes: Notes, place: str) -> None:
        if not len(notes):
            return
        shift = 12 * row.get("octave", 0)
        low, high = int(notes["pitch"].min()) + shift, int(notes["pitch"].max()) + shift
        if low < REGISTER_SEMITONES or high > 127 - REGISTER_SEMITONES:
            message = f"its notes lie at {low}..{high}, the register knob would push them out"
            remedy = f"keep them in {REGISTER_SEMITONES}..{127 - REGISTER_SEMITONES}"
            self.faults.report("pitch-range", place, message, remedy)

    def _check_sections(self) -> None:
        """Parse chords in place, fill in `bars` and `start_bar`, keep sections inside the theme."""
        next_bar = 0
        theme_bars = self.theme.end_beats / self.meter.bar_beats if self.theme else 0.0
        for index, row in enumerate(self.sections):
            place = f"sections[{index}]"
            if "chords" in row:
                row["chords"] = self._parse_chords(row["chords"], f"{place}.chords")
                bars = row.setdefault("bars", len(row["chords"]))
                if bars != len(row["chords"]):
                    message = f"it has chords for {len(row['chords'])} bars, but {bars} bars"
                    remedy = "write one bar of chords a bar, '|' between them"
                    self.faults.report("chord-bars", f"{place}.chords", message, remedy)
            start = row.setdefault("start_bar", next_bar)
            next_bar = start + row.get("bars", 0)
            last_heard = max(start, next_bar - PHRASE_BARS)  # a section may end in silence
            if self.theme and last_heard >= theme_bars and "bars" in row:
                message = f"its bars {start}..{next_bar - 1} leave the theme of {theme_bars:.1f}"
                remedy = "lengthen the theme or move the section; bars count from 0"
                self.faults.report("outside-theme", f"{place}.start_bar", message, remedy)

    def _parse_chords(self, text: str, place: str) -> tuple[tuple[Chord, ...], ...]:
        bars = []
        for index, bar in enumerate(text.strip().strip("|").split("|")):
            chords = []
            for name in bar.split():
                try:
                    chords.append(Chord.parse(name))
                except SegueError as error:
                    message = f"bar {index}: {error}"
                    self.faults.report("bad-chord", place, message, "correct the chord")
            if not bar.strip():
                message = f"bar {index} holds no chord"
                self.faults.report("bad-chord", place, message, "write one, e.g. the last again")
            bars.append(tuple(chords))
        return tuple(bars)

    def _check_transitions(self) -> None:
        known = [row["name"] for row in self.sections if "name" in row]
        seen: set[tuple[Any, Any]] = set()
        for index, row in enumerate(self.transitions):
            place = f"transitions[{index}]"
            for end in ("from", "to"):
                if end in row and row[end] not in (*known, ANY):
                    self.faults.report_unknown("section", row[end], known, f"{place}.{end}")
            way = (row.get("from"), row.get("to"))
            if None not in way and way in seen:
                message = f"{way[0]} -> {way[1]} is written twice"
                self.faults.report("duplicate-name", place, message, "leave one of them out")
            seen.add(way)
        reached = self._reached(known)
        for index, row in enumerate(self.sections):
            if "name" in row and row["name"] not in reached:
                message = f"no way leads from {known[0]!r} to {row['name']!r}"
                remedy = f'add [[transitions]] from = "*", to = "{row["name"]}"'
                self.faults.report("unreachable-section", f"sections[{index}]", message, remedy)

    def _reached(self, known: list[str]) -> set[str]:
        """The sections that can be reached from the first."""
        reached: set[str] = set()
        pending = known[:1]
        while pending:
            here = pending.pop()
            reached.add(here)
            targets = {w.get("to") for w in self.transitions if w.get("from") in (here, ANY)}
            pending += [name for name in known if {name, ANY} & targets and name not in reached]
        return reached

    def _check_markers(self) -> None:
        bars = {row["name"]: row.get("bars", 0) for row in self.sections if "name" in row}
        for index, row in enumerate(self.markers):
            place, name = f"markers[{index}]", row.get("section")
            if name is not None and name not in bars:
                self.faults.report_unknown("section", name, list(bars), f"{place}.section")
            elif name is not None and row.get("bar", 0) >= bars[name] > 0:
                message = f"bar {row['bar']} is not in section {name!r} of {bars[name]} bars"
                remedy = f"write a number from 0 to {bars[name] - 1}"
                self.faults.report("out-of-range", f"{place}.bar", message, remedy)

    def _check_stingers(self) -> None:
        for index, row in enumerate(self.stingers):
            degrees, durations = row.get("degrees"), row.get("durations_beats")
            if degrees and durations and len(degrees) != len(durations):
                message = f"it has {len(degrees)} degrees and {len(durations)} durations"
                remedy = "write a duration for each degree"
                place = f"stingers[{index}].durations_beats"
                self.faults.report("wrong-length", place, message, remedy)
            tonic = 12 * (row.get("octave", 5) + 1) + self.key.tonic
            pitches = [tonic + 12 * (d // 7) + MODES[self.key.mode][d % 7] for d in degrees or ()]
            if pitches and (min(pitches) < 1 or max(pitches) > 126):
                message = f"its notes lie at {min(pitches)}..{max(pitches)}"
                place = f"stingers[{index}].octave"
                self.faults.report("pitch-range", place, message, "keep them in 1..126")
            if row.get("instrument") in KITS:
                message = "a figure in the key needs pitches, drums have none"
                place = f"stingers[{index}].instrument"
                self.faults.report("unfit-instrument", place, message, "choose another instrument")

    def _check_parameters(self) -> None:
        for index, row in enumerate(self.parameters):
            low, high = row.get("minimum", 0.0), row.get("maximum", 1.0)
            place = f"parameters[{index}]"
            if low >= high:
                message = f"minimum {low:g} is not below maximum {high:g}"
                self.faults.report("order", f"{place}.minimum", message, "swap or widen them")
            elif not low <= row.get("default", 0.0) <= high:
                message = f"default {row.get('default', 0.0):g} is not in {low:g}..{high:g}"
                self.faults.report(
                    "out-of-range", f"{place}.default", message, "choose one in that range"
                )

    def _check_bindings(self) -> None:
        parameters = {row["name"]: row for row in self.parameters if "name" in row}
        layers = [row["name"] for row in self.layers if "name" in row]
        targets = [*MOOD_AXES, *(f"level.{name}" for name in layers)]
        for index, row in enumerate(self.bindings):
            place = f"bindings[{index}]"
            name, to, points = row.get("parameter"), row.get("to"), row.get("points", ())
            if name is not None and name not in parameters:
                self.faults.report_unknown(
                    "parameter", name, list(parameters), f"{place}.parameter"
                )
            if to is not None and to not in targets:
                message = f"nothing is called {to!r}"
                remedy = nearest(to, targets)
                self.faults.report("unknown-target", f"{place}.to", message, remedy)
            self._check_points(points, to or "", parameters.get(name or "", {}), f"{place}.points")

    def _check_points(
        self,
        points: tuple[tuple[float, float], ...],
        to: str,
        parameter: dict[str, Any],
        place: str,
    ) -> None:
        inputs = [point[0] for point in points]
        if any(left >= right for left, right in pairwise(inputs)):
            message = f"{inputs} do not increase"
            self.faults.report("order", place, message, "sort the points by parameter value")
        low, high = parameter.get("minimum", 0.0), parameter.get("maximum", 1.0)
        if parameter and any(not low <= value <= high for value in inputs):
            message = f"{inputs} leave the parameter's range {low:g}..{high:g}"
            self.faults.report("out-of-range", place, message, "keep the points inside it")
        floor = 0.0 if to.startswith("level.") else -1.0
        for _, value in points:
            if not floor <= value <= 1.0:
                message = f"contribution {value:g} is not in {floor:g}..1"
                self.faults.report("out-of-range", place, message, "write one in that range")
