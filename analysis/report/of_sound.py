"""The analysis of one sound file of any length.

It is read once, block by block. Loudness is measured on its channels; the rest hears one channel at
`spectra.RATE`, in pieces of at most `PIECE_SECONDS`, whose results are joined, so memory does not
grow with its length but by the results. Parts that share a spectrum or a network hear it once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...music.errors import SegueError
from ..sound.features import HOP
from ..sound.sound_file import MonoPieces, SoundInfo, SoundReader
from ..spectra import RATE, Floats
from .analysis import Analysis, Progress
from .joining import Joiner, OutlineMaker, SummaryJoiner

if TYPE_CHECKING:
    from ..harmony.harmony_frames import HarmonyFrames
    from ..pitch.tuning import Tuning
    from ..rhythm.beat_spectrum import BeatChances
    from ..rhythm.beats import Beats

PIECE_SECONDS = 600.0

_BLOCK_SECONDS = 10.0
_READING, _HEARING = 0.15, 0.85  # shares of the time
_FULL_SCALE = 32766 / 32768  # of 16 bits, either way round


class SoundAnalysis:
    """The analysis of one sound file."""

    def __init__(self, path: Path, wanted: frozenset[str], outline: bool, tell: Progress) -> None:
        self.path, self.wanted, self.tell = path, wanted, tell
        self.missing: dict[str, list[str]] = {}  # parts, by why they are
        self.joiner = Joiner()
        self.summaries = SummaryJoiner()
        self.wants_outline = outline
        self.outline: OutlineMaker | None = None
        self.pieces = 0

    def run(self) -> Analysis:
        with SoundReader(self.path) as reader:
            info = reader.info
            found = Analysis(self.path, "sound", info.duration_seconds, info)
            level = _Level(info, measure="loudness" in self.wanted)
            pieces = MonoPieces(info.sample_rate, PIECE_SECONDS)
            if self.wants_outline:
                self.outline = OutlineMaker(info.duration_seconds * RATE / HOP)
            done = 0
            hears = bool(self.wanted - {"loudness"}) or self.outline is not None
            for block in reader.blocks(max(int(_BLOCK_SECONDS * info.sample_rate), 1)):
                level.push(block)
                done += len(block)
                share = min(done / info.frames, 1.0)
                self.tell(_READING * share, "reading")
                for piece in pieces.push(block) if hears else ():
                    self._hear(piece, info, share)
            found.duration_seconds = done / info.sample_rate
        for piece in pieces.finish() if hears else ():
            self._hear(piece, info, 1.0)
        level.finish(found)
        self._gather(found)
        self.tell(1.0, "done")
        return found

    def _hear(self, mono: Floats, info: SoundInfo, share: float) -> None:
        """Find all that is wanted in the next piece."""
        piece = _Piece(mono)
        steps = [
            (name, step)
            for name, step in (
                ("features", self._features),
                ("roughness", self._roughness),
                ("tempo", self._rhythm),
                ("tuning", self._tuning),
                ("key", self._key),
                ("chords", self._chords),
                ("sections", self._sections),
                ("notes", self._notes),
            )
            if name in self.wanted or (name == "features" and self.outline)
        ]
        start = self.pieces * PIECE_SECONDS / max(info.duration_seconds, 1e-9)
        for number, (name, step) in enumerate(steps):
            inside = start + (min(share, 1.0) - start) * number / len(steps)
            self.tell(_READING + _HEARING * max(inside, 0.0), name)
            with self._part(name):
                step(piece)
        self.pieces += 1

    @contextmanager
    def _part(self, name: str) -> Iterator[None]:
        """A part that lacks something is remembered; the others go on."""
        try:
            yield
        except ImportError as error:
            package = (error.name or str(error)).partition(".")[0]
            self._miss(name, f"needs the package {package}: pip install 'segue[ears]' brings it")
        except SegueError as error:
            self._miss(name, str(error))

    def _miss(self, name: str, why: str) -> None:
        names = self.missing.setdefault(why, [])
        if name not in names:
            names.append(name)

    def _features(self, piece: "_Piece") -> None:
        from ..sound.features import extract_features
        from ..sound.harmonic_percussive import separate_harmonic

        tuning = piece.tuning_cents if "tuning" in self.wanted else 0.0
        features = extract_features(piece.mono, RATE, tuning_cents=tuning)
        self.summaries.add(features.summary(), len(features))
        struck = separate_harmonic(piece.mono, RATE, hop=1024)
        power = float(struck.harmonic_power.sum() + struck.percussive_power.sum())
        self.joiner.add_number("percussive", struck.percussive_share, power)
        if self.outline:
            self.outline.add(features, self.pieces * PIECE_SECONDS)

    def _roughness(self, piece: "_Piece") -> None:
        from ..sound.roughness import find_roughness

        rough = find_roughness(piece.mono, RATE)
        self.joiner.add_number("roughness", rough.mean, float(rough.level.sum()))

    def _rhythm(self, piece: "_Piece") -> None:
        from ..rhythm.onsets import find_onsets
        from ..rhythm.swing import find_swing

        beats = piece.beats
        onsets = find_onsets(piece.mono, RATE, chances=piece.chances)
        offset = self.pieces * PIECE_SECONDS
        self.joiner.add_beats(beats, offset)
        self.joiner.add_onsets(onsets, offset)
        self.joiner.add_swing(find_swing(beats, onsets))

    def _tuning(self, piece: "_Piece") -> None:
        self.joiner.add_tuning(piece.tuning, len(piece.mono) / RATE)

    def _key(self, piece: "_Piece") -> None:
        from ..harmony.key import key_of

        self.joiner.add_key(key_of(piece.harmony), self.pieces * PIECE_SECONDS, len(piece.mono))

    def _chords(self, piece: "_Piece") -> None:
        from ..harmony.chords import chords_of

        self.joiner.add_chords(chords_of(piece.harmony), self.pieces * PIECE_SECONDS)

    def _sections(self, piece: "_Piece") -> None:
        from ..form.sections import find_form

        try:
            beats = piece.beats
        except (ImportError, SegueError):  # in steps of two seconds then
            from ..rhythm.beats import NO_BEATS as beats  # noqa: N811
        self.joiner.add_form(find_form(piece.mono, RATE, beats), self.pieces * PIECE_SECONDS)

    def _notes(self, piece: "_Piece") -> None:
        from ..notes.polyphonic import find_notes

        self.joiner.add_notes(find_notes(piece.mono, RATE), self.pieces * PIECE_SECONDS)

    def _gather(self, found: Analysis) -> None:
        joined = self.joiner
        found.features = self.summaries.joined() if "features" in self.wanted else {}
        found.roughness = joined.number("roughness")
        found.percussive_share = joined.number("percussive")
        found.tuning, found.beats, found.onsets = joined.tuning(), joined.beats(), joined.onsets()
        found.swing, found.key, found.chords = joined.swing(), joined.key(), joined.chords()
        found.form, found.notes = joined.form(), joined.notes()
        found.outline = self.outline.made() if self.outline else None
        for why, names in self.missing.items():
            found.remarks.append(f"without {', '.join(names)}: {why}")
        if found.sound and found.sound.promised_share < 1.0:
            share = found.sound.promised_share
            found.remarks.append(
                f"the file breaks off: it holds {100 * share:.0f} % of the sound that its header "
                "announces"
            )
        if self.pieces > 1:
            found.remarks.append(
                f"heard in {self.pieces} pieces of {PIECE_SECONDS / 60:.0f} minutes; percentiles "
                "and letters of sections hold within a piece"
            )


class _Piece:
    """A stretch of sound and what several parts need of it, found once."""

    def __init__(self, mono: Floats) -> None:
        self.mono = mono

    @cached_property
    def chances(self) -> "BeatChances":
        from ..rhythm.beat_spectrum import hear_beats

        return hear_beats(self.mono)

    @cached_property
    def beats(self) -> "Beats":
        from ..rhythm.beats import find_beats

        return find_beats(self.mono, RATE, chances=self.chances)

    @cached_property
    def harmony(self) -> "HarmonyFrames":
        from ..harmony.harmony_frames import hear_harmony

        return hear_harmony(self.mono, RATE)

    @cached_property
    def tuning(self) -> "Tuning":
        from ..pitch.tuning import find_tuning

        return find_tuning(self.mono, RATE)

    @property
    def tuning_cents(self) -> float:
        """0 where it cannot be found."""
        try:
            return float(np.clip(self.tuning.cents, -100.0, 100.0))
        except (ImportError, SegueError):
            return 0.0


class _Level:
    """Loudness, peak and clipping of the channels as they are."""

    def __init__(self, info: SoundInfo, *, measure: bool) -> None:
        from ..sound.loudness_meter import MOST_CHANNELS, LoudnessMeter

        self._peak, self._full, self._count = 0.0, 0, 0
        self._measure = measure
        self._channels = min(info.channels, MOST_CHANNELS)
        self._meter = LoudnessMeter(info.sample_rate, self._channels) if measure else None

    def push(self, block: Floats) -> None:
        if self._meter is None:
            return
        self._meter.push(block[:, : self._channels])
        self._peak = max(self._peak, float(block.max()), -float(block.min()))
        if self._peak >= _FULL_SCALE:
            self._full += int(np.count_nonzero(np.abs(block) >= _FULL_SCALE))
        self._count += block.size

    def finish(self, found: Analysis) -> None:
        from ..sound.audio import decibels

        if self._meter is None:
            return
        found.loudness_lufs = self._meter.integrated_lufs()
        found.loudness_range_lu = self._meter.curve().range_lu
        found.peak_db = decibels(self._peak)
        found.clipped_share = self._full / max(self._count, 1)
