"""Time-stretching of a stem as it plays: whole stretches of it as recorded, joined by splices.

The stem plays unchanged, at its own speed. Where the music is slower or faster, what sounds drifts
away from what should sound, and every so often a cross-fade takes it back: a splice. A free splice
goes where the drift reaches its limit, to the place near the limit's other side where the waveform
fits best (waveform similarity: Verhelst and Roelands, ICASSP 1993). An onset is pinned: the splice
before it ends with the onset at its exact frame, and lies where the two sounds differ least. No
splice touches an attack. At the stem's own tempo nothing drifts, and all frames are as recorded.

Why not a library: Signalsmith Stretch (python-stretch 0.3.1) costs 70 to 95 us for 256 frames even
at ratio 1, spreads a click over up to 9 frames up to 32 frames from its place, and gives other
samples for other block sizes. This costs 1 to 4 us unstretched and 7 to 40 us at 0.8 to 2 times the
tempo, follows tempo changes at any frame, and keeps attacks to the sample. The price: dense
sustained sound wavers a little, as a splice joins phases that cannot all fit. Of steady chords of
5 and 20 tones, all but the tones lies 34 to 43 dB down at 0.9 and 29 to 41 dB at 0.8 and 1.25 times
the tempo; of Signalsmith's, 55 to 62 and 17 to 35 dB. Nor is a bar stretched as a whole when it is
scheduled: that is a bar's work within one block, and the seams lie on the bar lines, where the
attacks are.
"""

import math
from bisect import bisect_right
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from .stems import FloatArray, Stem, correlation, fade_out, mixed

DRIFT_SECONDS = 0.02  # how far what is free may be from its place
FADE_SECONDS = 0.02  # length of a free splice
STEADY_SECONDS = 0.05  # both, of a steady stem: longer waves find a fit
PIN_FADE_SECONDS = 0.01  # length of a splice that leads to an onset, if there is room
SHORTEST_FADE_SECONDS = 0.001
BEFORE_SECONDS, AFTER_SECONDS = 0.0015, 0.008  # of an onset: no splice there
TOLERANCE_SECONDS = 0.0004  # an onset this near to its place is let be
HORIZON_SECONDS = 0.25  # how far ahead of a splice the music must be known
SEARCH_SECONDS = 0.1  # in which the place of a splice before an onset is chosen
_COARSE = 8  # a splice is first looked for in steps of so many frames


@dataclass
class Piece:
    """Some of the way through a stem at one speed."""

    at_frame: int
    end_frame: int
    source: float  # frame of the stem at `at_frame`, counted on round the loop
    speed: float  # stem frames for each frame of the music

    def source_at(self, frame: float) -> float:
        """Frame of the stem that belongs to a frame."""
        return self.source + (frame - self.at_frame) * self.speed


class Course:
    """Pieces one after another; the first and the last one hold beyond their ends."""

    def __init__(self, pieces: list[Piece]) -> None:
        self.pieces = pieces

    def _piece(self, frame: float) -> Piece:
        return self.pieces[
            max(bisect_right(self.pieces, frame, key=lambda piece: piece.at_frame) - 1, 0)
        ]

    def source_at(self, frame: float) -> float:
        """Frame of the stem that belongs to a frame of the music."""
        return self._piece(frame).source_at(frame)

    def frame_of(self, source: float) -> int:
        """The frame of the music nearest to where a frame of the stem belongs."""
        at = bisect_right(self.pieces, source, key=lambda piece: piece.source) - 1
        piece = self.pieces[max(at, 0)]
        return round(piece.at_frame + (source - piece.source) / piece.speed)

    def drifted(self, offset: int, from_frame: int, to_frame: int, limit: float) -> int:
        """The first frame at which `frame + offset` is `limit` off its place, else `to_frame`."""
        frame = from_frame
        while frame < to_frame:
            piece = self._piece(frame)
            last = piece is self.pieces[-1]
            end = to_frame if last else min(to_frame, self._following(piece).at_frame)
            drift, growth = frame + offset - piece.source_at(frame), 1.0 - piece.speed
            if abs(drift) >= limit:
                return frame
            if growth != 0.0:
                reach = frame + math.ceil((math.copysign(limit, growth) - drift) / growth)
                if reach < end:
                    return reach
            frame = end
        return to_frame

    def _following(self, piece: Piece) -> Piece:
        return self.pieces[self.pieces.index(piece) + 1]

    def forget(self, frame: int) -> None:
        """Drop pieces that ended before a frame."""
        while len(self.pieces) > 1 and self.pieces[1].at_frame <= frame:
            del self.pieces[0]


@dataclass(frozen=True)
class Splice:
    """A cross-fade to another place of the stem."""

    at_frame: int
    count: int  # frames that it lasts
    offset: int  # stem frame less frame, from there on
    likeness: float  # correlation of the two, 0..1

    @property
    def end_frame(self) -> int:
        """The first frame that only the new place sounds at."""
        return self.at_frame + self.count


class Splicer:
    """Reads a stem along a course.

    What it reads does not depend on how it is asked for, if the course is known
    `HORIZON_SECONDS` ahead.

    :param course: where in the stem the music is; may be changed beyond what was read, if
        `reconsider` is called
    :param frame: from which it is read
    """

    def __init__(self, stem: Stem, course: Course, frame: int) -> None:
        self.stem, self.course = stem, course
        self._rate = stem.sample_rate
        self._drift = self._frames(STEADY_SECONDS if stem.steady else DRIFT_SECONDS)
        self._fade = self._frames(STEADY_SECONDS if stem.steady else FADE_SECONDS)
        self._onsets = stem.onsets.tolist()
        self.jump_to(frame)

    def _frames(self, seconds: float) -> int:
        return round(seconds * self._rate)

    def jump_to(self, frame: int) -> None:
        """Go to the exact place for a frame, without a splice."""
        self._offset = round(self.course.source_at(frame)) - frame
        self._free_from = frame  # no splice before
        self._splice: Splice | None = None
        self._checked_to = frame  # no splice is needed before
        self._horizon = frame  # what was planned depends on the course up to here

    def reconsider(self, changed_from: int, frame: int) -> None:
        """The course has changed from one frame on, and another frame is to be read next."""
        untouched = changed_from >= self._horizon
        if untouched or (self._splice is not None and self._splice.at_frame < frame):
            return
        self._splice = None
        self._checked_to = min(self._checked_to, max(frame, self._free_from))
        self._horizon = self._checked_to

    def shift(self, frames: int) -> None:
        """Follow the clock, which has jumped by some frames, as has the course."""
        self._offset -= frames
        self._free_from += frames
        self._checked_to += frames
        self._horizon += frames
        if self._splice is not None:
            at, offset = self._splice.at_frame + frames, self._splice.offset - frames
            self._splice = replace(self._splice, at_frame=at, offset=offset)

    def read(self, frame: int, count: int) -> FloatArray:
        """The next `count` frames [shape=(count, 2)]; not to be changed."""
        end = frame + count
        if self._splice is None and end <= self._checked_to:
            return self.stem.read(frame + self._offset, count)
        parts = []
        while frame < end:
            splice = self._splice
            if splice is None and frame >= self._checked_to:
                self._plan()
                continue
            if splice is None or frame < splice.at_frame:
                stop = min(end, self._checked_to if splice is None else splice.at_frame)
                parts.append(self.stem.read(frame + self._offset, stop - frame))
            else:
                stop = min(end, splice.end_frame)
                parts.append(self._faded(splice, frame, stop - frame))
                if stop == splice.end_frame:
                    self._take(splice)
            frame = stop
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _faded(self, splice: Splice, frame: int, count: int) -> FloatArray:
        first = frame - splice.at_frame
        fall = fade_out(splice.count)[first : first + count]
        old = self.stem.read(frame + self._offset, count)
        new = self.stem.read(frame + splice.offset, count)
        return mixed(old, new, fall, splice.likeness)

    def _take(self, splice: Splice) -> None:
        self._offset = splice.offset
        self._splice = None
        self._free_from = self._checked_to = splice.end_frame

    # Planning ---------------------------------------------------------------------------------

    def _plan(self) -> None:
        """Find the next splice, or how far none is needed."""
        start = max(self._checked_to, self._free_from)
        horizon = self._horizon = start + self._frames(HORIZON_SECONDS)
        limit = self.course.drifted(self._offset, start, horizon, self._drift)
        margin = self._fade + self._drift
        number = self._first_onset_after(start + self._offset)
        while True:
            onset = self._onset(number)
            at = None if onset is None else self.course.frame_of(onset)
            if onset is None or at is None or at > horizon or at > limit + 2 * margin:
                break
            if abs(onset - at - self._offset) > self._frames(TOLERANCE_SECONDS):
                last = self._latest_end(onset, at) - self._frames(PIN_FADE_SECONDS)
                if limit + margin >= last:
                    self._splice = self._pin(onset, at, start)
                    return
                break
            if at <= limit + margin:  # it sounds from here, and no splice may touch it
                start = max(start, at + self._frames(AFTER_SECONDS))
            number += 1
        if limit < horizon:
            self._splice = self._free(max(limit, start))
        else:
            self._checked_to += (horizon - self._checked_to) // 2

    def _first_onset_after(self, source: int) -> int:
        """Number of the first onset after a stem frame, counted on round the loop."""
        rounds, place = divmod(source, len(self.stem.frames))
        return rounds * len(self._onsets) + bisect_right(self._onsets, place)

    def _onset(self, number: int) -> int | None:
        """The stem frame of an onset by its number, None if the stem has none."""
        if not self._onsets:
            return None
        rounds, at = divmod(number, len(self._onsets))
        return int(rounds * len(self.stem.frames) + self._onsets[at])

    def _latest_end(self, onset: int, at: int) -> int:
        """The frame by which a splice to an onset ends: before it sounds from either place."""
        return min(at, onset - self._offset) - self._frames(BEFORE_SECONDS)

    def _pin(self, onset: int, at: int, start: int) -> Splice:
        """The splice that brings an onset to its frame `at`, where it is heard least."""
        offset, end = onset - at, self._latest_end(onset, at)
        shortest = self._frames(SHORTEST_FADE_SECONDS)
        count = max(min(self._frames(PIN_FADE_SECONDS), end - start), shortest)
        first = max(start, end - self._frames(SEARCH_SECONDS))
        places = end - count - first + 1
        if places <= 1:
            return self._joined(max(end - count, self._checked_to), count, offset)
        span = places + count - 1
        old = self.stem.read(first + self._offset, span)
        new = self.stem.read(first + offset, span)
        unlike = np.square(new - old)
        total = np.concatenate([[0.0], np.cumsum(unlike[:, 0] + unlike[:, 1], dtype=np.float64)])
        best = first + int(np.argmin(total[count:] - total[:-count]))
        return self._joined(best, count, offset)

    def _free(self, frame: int) -> Splice:
        """A splice at a frame to where the stem is most like what would go on sounding."""
        source = frame + self._offset
        number = self._first_onset_after(source)
        room = 2 * self._drift
        if source > self.course.source_at(frame):  # back, but no onset is to sound twice
            onset = self._onset(number - 1)
            if onset is not None:
                room = min(room, source - onset - self._frames(AFTER_SECONDS))
            nearest, farthest = -(self._drift // 2), -room
        else:  # on, but no onset is to be skipped
            onset = self._onset(number)
            if onset is not None:
                room = min(room, onset - source - self._fade - self._frames(BEFORE_SECONDS))
            nearest, farthest = self._drift // 2, room
        if room <= self._drift // 2:
            move = farthest if room > 0 else 0
        else:
            move = self._best_move(source, min(nearest, farthest), max(nearest, farthest))
        return self._joined(frame, self._fade, self._offset + move)

    def _best_move(self, source: int, low: int, high: int) -> int:
        """The move from `low` to `high` after which the stem is most like it is at `source`."""
        count, steps = self._fade, (high - low) // _COARSE + 1
        wanted = _thinned(self.stem.read(source, count))
        around = _thinned(self.stem.read(source + low, steps * _COARSE + count))
        best = low + _COARSE * _most_like(wanted, around[: len(wanted) + steps - 1])
        near = self.stem.read(source + best - _COARSE, 2 * _COARSE + count)
        return best - _COARSE + _most_like(self.stem.read(source, count), near)

    def _joined(self, frame: int, count: int, offset: int) -> Splice:
        old = self.stem.read(frame + self._offset, count)
        return Splice(frame, count, offset, correlation(old, self.stem.read(frame + offset, count)))

    # Keeping and returning --------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """The state as plain JSON values."""
        return {
            "offset": self._offset,
            "free_from": self._free_from,
            "checked_to": self._checked_to,
            "horizon": self._horizon,
            "splice": None if self._splice is None else asdict(self._splice),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot; the course has to be the same."""
        self._offset, self._free_from = int(state["offset"]), int(state["free_from"])
        self._checked_to, self._horizon = int(state["checked_to"]), int(state["horizon"])
        self._splice = None if state["splice"] is None else Splice(**state["splice"])


def _thinned(audio: FloatArray) -> FloatArray:
    """Means of `_COARSE` frames each."""
    whole = len(audio) // _COARSE * _COARSE
    thinned: FloatArray = audio[:whole].reshape(-1, _COARSE, 2).mean(axis=1)
    return thinned


def _most_like(wanted: FloatArray, around: FloatArray) -> int:
    """Where `wanted` [shape=(k, 2)] fits best into a longer signal, by normalised correlation."""
    match = sum(np.correlate(around[:, side], wanted[:, side], "valid") for side in (0, 1))
    square = np.square(around)
    power = np.concatenate([[0.0], np.cumsum(square[:, 0] + square[:, 1], dtype=np.float64)])
    window = power[len(wanted) :] - power[: -len(wanted)]
    return int(np.argmax(match / np.sqrt(np.maximum(window, 1e-12))))
