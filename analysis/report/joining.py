"""Joining what was found in pieces of one recording.

Times are moved by where a piece begins. What is told once for a recording is that of the pieces on
average, or of the piece that is surest of it, each weighed by how much of it there is.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..sound.features import Features, Summary

if TYPE_CHECKING:
    from ...music.theory import Key
    from ..form.sections import Form
    from ..harmony.chords import Chords
    from ..harmony.key import KeyTrack
    from ..notes.polyphonic import HeardNotes
    from ..pitch.tuning import Tuning
    from ..rhythm.beats import Beats
    from ..rhythm.onsets import Onsets
    from ..rhythm.swing import Swing

_COLUMNS = 1_500  # of an outline, about


@dataclass(frozen=True)
class Outline:
    """Curves of a recording in at most some 1500 columns, for a picture."""

    times_seconds: NDArray[np.float64]  # [shape=(n,)] starts
    rms: NDArray[np.float32]  # [n]
    log_mel_db: NDArray[np.float32]  # [n, bands]
    chroma: NDArray[np.float32]  # [n, 12]


class OutlineMaker:
    """Keeps means over some frames.

    :param frames: of the whole recording, about
    """

    def __init__(self, frames: float) -> None:
        self._parts: list[Outline] = []
        self._step = max(int(np.ceil(frames / _COLUMNS)), 1)

    def add(self, features: Features, offset_seconds: float) -> None:
        """The next piece."""
        if not len(features):
            return
        starts = np.arange(0, len(features), self._step)
        counts = np.diff(np.append(starts, len(features)))

        def means(values: NDArray[np.float32]) -> NDArray[np.float32]:
            return np.asarray((np.add.reduceat(values, starts).T / counts).T, np.float32)

        self._parts.append(
            Outline(
                features.times_seconds[starts] + offset_seconds,
                means(features.rms),
                means(features.log_mel_db),
                means(features.chroma),
            )
        )

    def made(self) -> Outline | None:
        """The outline of all pieces; None of nothing."""
        if not self._parts:
            return None
        columns = zip(*(vars(part).values() for part in self._parts), strict=True)
        return Outline(*(np.concatenate(column) for column in columns))


class SummaryJoiner:
    """Joins summaries; means and spreads exactly, percentiles as means of those of the pieces."""

    def __init__(self) -> None:
        self._parts: list[tuple[dict[str, Summary], int]] = []

    def add(self, summary: dict[str, Summary], frames: int) -> None:
        """The next piece."""
        if frames or not self._parts:
            self._parts.append((summary, frames))

    def joined(self) -> dict[str, Summary]:
        """The summary of all pieces."""
        if len(self._parts) < 2:
            return self._parts[0][0] if self._parts else {}
        weights = np.array([frames for _, frames in self._parts], float)
        weights /= weights.sum()
        found = {}
        for name in self._parts[0][0]:
            several = [summary[name] for summary, _ in self._parts]
            mean, low, median, high = (
                sum(
                    weight * getattr(one, what)
                    for weight, one in zip(weights, several, strict=True)
                )
                for what in ("mean", "low", "median", "high")
            )
            square = sum(
                weight * (np.square(one.sd) + np.square(one.mean - mean))
                for weight, one in zip(weights, several, strict=True)
            )
            found[name] = Summary(mean, np.sqrt(square), low, median, high)
        return found


class Joiner:
    """Takes the results of pieces in order, and gives those of the whole; None where none came."""

    def __init__(self) -> None:
        self._numbers: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._beats: list[Beats] = []
        self._onsets: list[Onsets] = []
        self._swings: list[Swing] = []
        self._tunings: list[tuple[Tuning, float]] = []
        self._keys: list[tuple[KeyTrack, float]] = []
        self._chords: list[Chords] = []
        self._forms: list[Form] = []
        self._notes: list[HeardNotes] = []

    def add_number(self, name: str, value: float, weight: float) -> None:
        self._numbers[name].append((value, weight))

    def number(self, name: str) -> float | None:
        """Weighted mean; 0 where all weights are."""
        if name not in self._numbers:
            return None
        whole = sum(weight for _, weight in self._numbers[name])
        total = sum(value * weight for value, weight in self._numbers[name])
        return total / whole if whole > 0.0 else 0.0

    def add_beats(self, beats: "Beats", offset: float) -> None:
        self._beats.append(replace(beats, times_seconds=beats.times_seconds + offset))

    def beats(self) -> "Beats | None":
        """Tempo and meter are those of the piece that is surest over most beats."""
        if len(self._beats) < 2:
            return self._beats[0] if self._beats else None
        best = max(self._beats, key=lambda one: one.tempo_confidence * len(one))
        return replace(
            best,
            times_seconds=np.concatenate([one.times_seconds for one in self._beats]),
            numbers=np.concatenate([one.numbers for one in self._beats]),
            confidence=np.concatenate([one.confidence for one in self._beats]),
            tempo_curve_bpm=np.concatenate([one.tempo_curve_bpm for one in self._beats]),
        )

    def add_onsets(self, onsets: "Onsets", offset: float) -> None:
        self._onsets.append(replace(onsets, times_seconds=onsets.times_seconds + offset))

    def onsets(self) -> "Onsets | None":
        if len(self._onsets) < 2:
            return self._onsets[0] if self._onsets else None
        names = ("times_seconds", "strengths", "confidence")
        parts = {
            name: np.concatenate([getattr(one, name) for one in self._onsets]) for name in names
        }
        return replace(self._onsets[0], **parts)

    def add_swing(self, swing: "Swing") -> None:
        self._swings.append(swing)

    def swing(self) -> "Swing | None":
        return max(self._swings, key=lambda one: one.confidence, default=None)

    def add_tuning(self, tuning: "Tuning", seconds: float) -> None:
        self._tunings.append((tuning, seconds))

    def tuning(self) -> "Tuning | None":
        """That of the piece that is surest."""
        best = max(self._tunings, key=lambda one: one[0].confidence * one[1], default=None)
        return best[0] if best else None

    def add_key(self, track: "KeyTrack", offset: float, weight: float) -> None:
        local = tuple(
            replace(
                stretch,
                start_seconds=stretch.start_seconds + offset,
                end_seconds=stretch.end_seconds + offset,
            )
            for stretch in track.local
        )
        self._keys.append((replace(track, local=local), weight))

    def key(self) -> "KeyTrack | None":
        """Probabilities of keys are means over the pieces in which there is one."""
        if len(self._keys) < 2:
            return self._keys[0][0] if self._keys else None
        chances: dict[Key, float] = defaultdict(float)
        whole = sum(weight for track, weight in self._keys if track.key is not None)
        for track, weight in self._keys:
            for key, chance in track.candidates:
                chances[key] += chance * weight / max(whole, 1e-9)
        ranked = tuple(sorted(chances.items(), key=lambda item: -item[1])[:5])
        local = tuple(stretch for track, _ in self._keys for stretch in track.local)
        first = self._keys[0][0]
        if not ranked:
            return replace(first, local=local)
        return replace(
            first, key=ranked[0][0], confidence=ranked[0][1], candidates=ranked, local=local
        )

    def add_chords(self, chords: "Chords", offset: float) -> None:
        self._chords.append(
            replace(
                chords,
                start_seconds=chords.start_seconds + offset,
                end_seconds=chords.end_seconds + offset,
            )
        )

    def chords(self) -> "Chords | None":
        if len(self._chords) < 2:
            return self._chords[0] if self._chords else None
        starts, ends, sure = (
            np.concatenate([getattr(one, name) for one in self._chords])
            for name in ("start_seconds", "end_seconds", "confidence")
        )
        several = tuple(chord for one in self._chords for chord in one.chords)
        return replace(
            self._chords[0],
            start_seconds=starts,
            end_seconds=ends,
            chords=several,
            confidence=sure,
        )

    def add_form(self, form: "Form", offset: float) -> None:
        """Sections move; letters go on being those of their piece."""
        sections = [section for before in self._forms for section in before.sections]
        first_bar = sections[-1].start_bar + sections[-1].bars if sections else 0
        moved = tuple(
            replace(
                section,
                start_seconds=section.start_seconds + offset,
                end_seconds=section.end_seconds + offset,
                start_bar=section.start_bar + first_bar,
            )
            for section in form.sections
        )
        repeats = tuple(
            replace(pair, first=pair.first + len(sections), second=pair.second + len(sections))
            for pair in form.repeats
        )
        self._forms.append(replace(form, sections=moved, repeats=repeats))

    def form(self) -> "Form | None":
        if len(self._forms) < 2:
            return self._forms[0] if self._forms else None
        return replace(
            self._forms[0],
            sections=tuple(one for form in self._forms for one in form.sections),
            repeats=tuple(one for form in self._forms for one in form.repeats),
        )

    def add_notes(self, notes: "HeardNotes", offset: float) -> None:
        self._notes.append(
            replace(
                notes,
                onset_seconds=notes.onset_seconds + offset,
                offset_seconds=notes.offset_seconds + offset,
            )
        )

    def notes(self) -> "HeardNotes | None":
        if len(self._notes) < 2:
            return self._notes[0] if self._notes else None
        columns = zip(*(vars(one).values() for one in self._notes), strict=True)
        return type(self._notes[0])(*(np.concatenate(column) for column in columns))
