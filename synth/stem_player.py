"""Plays one stem in time: segments in, blocks of audio out.

A segment says which beats of the stem belong to some frames. Segments that go on where the last one
ended are one voice, whatever their tempo; a jump is a second voice. Of two voices the new one rises
and the old one falls at constant power, and both are done when the new one's first beat comes, so
that it is heard in full: what sounds before it is the end of the loop, which leads there. A voice
that nothing follows falls likewise, and is silent when its last segment ends.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..music.errors import RangeError, SegueError
from ..music.stems import SEGMENT, Segments
from .stems import FloatArray, Stem
from .stretch import Course, Piece, Splicer

SHORTEST_FADE_SECONDS = 0.002  # where there is no time for more
TURN_FADE = 5  # times that: where what sounds has to end or come back at once
LONGEST_FADE = 0.75  # of the segment beside it, so that what follows is known by then
SPEEDS = (0.1, 10.0)  # of a stem by its own; cues keep within music.stems.STRETCH_RANGE
SAME_BEATS = 1e-3  # places in the stem so near are one

FORMAT = 1  # of snapshots


class StemPlayer:
    """A stem that runs at the same place as the music.

    What `render` gives depends on the segments alone, not on the size of the blocks, if each
    segment is scheduled before the one ahead of it has sounded a quarter. If a block does not begin
    where the last one ended, what is scheduled is taken up at the new place.

    :param fade_beats: length of cross-fades, of the music's beats
    """

    def __init__(self, stem: Stem, fade_beats: float = 2.0) -> None:
        self.stem, self.fade_beats = stem, fade_beats
        self._shortest = max(round(SHORTEST_FADE_SECONDS * stem.sample_rate), 1)
        self._head = 0
        self._voices: list[_Voice] = []  # in order of their beginnings

    @property
    def idle(self) -> bool:
        """Nothing sounds and nothing is scheduled."""
        return not self._voices

    def schedule(self, segments: Segments) -> None:
        """Play segments; SegueError for what is no `SEGMENT` or cannot be played.

        One takes the place of all that begins at or after its own beginning, and cuts short what
        sounds there.
        """
        for row in _checked(segments, self.stem.frames_per_beat):
            at, duration = int(row["at_frame"]), int(row["duration_frames"])
            length = float(row["length_beats"])
            if at + duration <= self._head:
                continue
            speed = length * self.stem.frames_per_beat / duration
            source = float(row["source_beats"]) * self.stem.frames_per_beat
            fade = min(round(self.fade_beats * duration / length), int(LONGEST_FADE * duration))
            self._add(Piece(at, at + duration, source, speed), max(fade, self._shortest))

    def _add(self, piece: Piece, fade: int) -> None:
        self.cancel(piece.at_frame)
        last = self._open
        if last is not None and last.leads_to(piece):
            last.extend(piece, fade, self._head)
            return
        for voice in self._voices:
            if voice.level.silent_at >= piece.at_frame:
                voice.end_at(piece.at_frame, fade, self._head)
        self._voices.append(_Voice(self.stem, piece, fade, self._head, self._shortest))

    @property
    def _open(self) -> "_Voice | None":
        """The voice that may still be continued."""
        return next((voice for voice in reversed(self._voices) if not voice.closed), None)

    def cancel(self, from_frame: int) -> None:
        """Forget segments that begin at or after a frame."""
        for voice in self._voices:
            voice.cancel(from_frame, self._head)
        self._drop_done()

    def release(self, frame: int) -> None:
        """Let all fall silent from a frame on, over `fade_beats`."""
        frame = max(frame, self._head)
        self.cancel(frame)
        for voice in self._voices:
            voice.close(frame, voice.fade_frames, self._head)
        self._drop_done()

    def render(self, head_frame: int, frames: int) -> FloatArray:
        """The next block [shape=(frames, 2)]; not to be changed, as it may lie in the stem.

        :param head_frame: of its first frame
        """
        if head_frame != self._head:
            self._follow(head_frame)
        self._head = head_frame + frames
        block: FloatArray | None = None
        done = False
        for voice in self._voices:
            if voice.level.starts_at < self._head:
                part = voice.read(head_frame, frames)
                block = part if block is None else block + part
                done = done or voice.level.silent_at <= self._head
        if done:
            self._drop_done()
        return np.zeros((frames, 2), np.float32) if block is None else block

    def seek(self, frame: int) -> None:
        """Go on at another frame: what sounds fades out, and all that is scheduled is dropped."""
        for voice in self._voices:
            voice.close(self._head, TURN_FADE * self._shortest, self._head)
        self._voices = [voice for voice in self._voices if voice.level.starts_at < self._head]
        for voice in self._voices:
            voice.shift(frame - self._head)
        self._head = frame

    def _follow(self, frame: int) -> None:
        """Take up what is scheduled at another frame."""
        unheard = max(frame, self._head)
        self._head = frame
        self._drop_done()
        for voice in self._voices:
            if voice.level.starts_at < unheard:
                voice.enter(frame)

    def _drop_done(self) -> None:
        self._voices = [voice for voice in self._voices if voice.level.silent_at > self._head]

    def snapshot(self) -> dict[str, Any]:
        """The state as plain JSON values."""
        voices = [voice.snapshot() for voice in self._voices]
        return {"format": FORMAT, "head": self._head, "voices": voices}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot of a player of the same stem; SegueError if it is none."""
        if state.get("format") != FORMAT:
            raise SegueError(
                f"a snapshot in format {state.get('format')!r} is no stem player's, which is "
                f"{FORMAT}; take another one"
            )
        self._head = int(state["head"])
        self._voices = [
            _Voice.restored(self.stem, voice, self._head, self._shortest)
            for voice in state["voices"]
        ]


@dataclass
class _Level:
    """How far up a voice is, 0..1, by frame; `gain` is of that.

    It rises from `low` at `starts_at` to 1 at `full_at`, and falls from 1 at `falls_at` to 0 at
    `silent_at`; where both hold, the lower. It is 0 outside.
    """

    starts_at: int
    full_at: int
    falls_at: int
    silent_at: int
    low: float = 0.0

    def at(self, frames: NDArray[np.int64] | int) -> NDArray[np.float64]:
        """The level at frames [any shape]."""
        rise = self.low + (1.0 - self.low) * _share(frames, self.starts_at, self.full_at)
        level = np.minimum(rise, 1.0 - _share(frames, self.falls_at, self.silent_at))
        return np.where(np.asarray(frames) < self.starts_at, 0.0, level)

    def end(self, frame: int, fade: int, now: int, shortest: int) -> None:
        """Fall to 0 over the `fade` frames before a frame; without a step at the frame `now`."""
        level = float(self.at(now))
        if self.starts_at < now and level < 1.0:
            rest = max(self.full_at - now, round(TURN_FADE * shortest * (1.0 - level)), 1)
            self.starts_at, self.low, self.full_at = now, level, now + rest
        self.falls_at = max(frame - fade, self.starts_at, now)
        self.silent_at = max(frame, self.falls_at + shortest)


def gain(level: NDArray[np.float64]) -> FloatArray:
    """The gain of a level, which begins and ends to move gently, so that short fades do not click.

    It is the sine of a quarter turn times a raised cosine: of two levels whose sum is 1, the powers
    sum up to 1.
    """
    raised = 0.5 - 0.5 * np.cos(math.pi * level)
    return np.asarray(np.sin(0.5 * math.pi * raised), np.float32)


def _share(frames: NDArray[np.int64] | int, start: int, end: int) -> NDArray[np.float64]:
    """How much of the way from one frame to another is done, 0..1."""
    return np.clip((np.asarray(frames) - start) / (end - start), 0.0, 1.0)


class _Voice:
    """One uninterrupted way through the stem."""

    def __init__(self, stem: Stem, piece: Piece, fade: int, head: int, shortest: int) -> None:
        self.stem, self.fade_frames, self._shortest = stem, fade, shortest
        self.closed = False  # no segment may follow
        start, full = max(piece.at_frame - fade, head), piece.at_frame
        if full - start < shortest:
            start = max(piece.at_frame - shortest, head)
            full = start + shortest
        self.level = _Level(start, full, full, full + shortest)
        self.course = Course([piece])
        self.splicer = Splicer(stem, self.course, start)
        self.end_at(piece.end_frame, fade, head)

    @property
    def last_frame(self) -> int:
        """Where its last piece ends."""
        return self.course.pieces[-1].end_frame

    def leads_to(self, piece: Piece) -> bool:
        """Whether a piece goes on just where this ends."""
        if self.last_frame != piece.at_frame:
            return False
        here = self.course.source_at(piece.at_frame)
        apart = math.remainder(here - piece.source, len(self.stem.frames))
        return abs(apart) < SAME_BEATS * self.stem.frames_per_beat

    def extend(self, piece: Piece, fade: int, head: int) -> None:
        """Go on with a piece."""
        piece.source = self.course.source_at(piece.at_frame)
        self.course.forget(min(head, self.last_frame - 1))
        self.course.pieces.append(piece)
        self.splicer.reconsider(piece.at_frame, head)
        self.end_at(piece.end_frame, fade, head)

    def end_at(self, frame: int, fade: int, head: int) -> None:
        """Be silent at a frame after a fall of `fade` frames."""
        self.fade_frames = fade
        self.level.end(frame, fade, head, self._shortest)

    def close(self, frame: int, fade: int, head: int) -> None:
        """Begin to fall at a frame, for good, unless it is silent by then anyway."""
        if self.level.silent_at > frame + fade:
            self.end_at(frame + fade, fade, head)
        self.closed = True

    def cancel(self, from_frame: int, head: int) -> None:
        """Forget the pieces that begin at or after a frame."""
        pieces = self.course.pieces
        kept = [piece for piece in pieces if piece.at_frame < from_frame]
        if self.closed or len(kept) == len(pieces):
            return
        if not kept:
            heard = self.level.starts_at < head
            self.close(head, TURN_FADE * self._shortest, head)
            if not heard:
                self.level.silent_at = head
            return
        pieces[:] = kept
        self.splicer.reconsider(self.last_frame, head)
        self.end_at(self.last_frame, self.fade_frames, head)

    def shift(self, frames: int) -> None:
        """Follow the clock, which has jumped by some frames."""
        level = self.level
        level.starts_at += frames
        level.full_at += frames
        level.falls_at += frames
        level.silent_at += frames
        for piece in self.course.pieces:
            piece.at_frame += frames
            piece.end_frame += frames
        self.splicer.shift(frames)

    def enter(self, frame: int) -> None:
        """Begin anew at a frame, or where its pieces begin if that is later."""
        start = max(frame, self.course.pieces[0].at_frame)
        self.level.starts_at, self.level.low = start, 0.0
        self.level.full_at = start + self._shortest
        self.splicer.jump_to(start)

    def read(self, frame: int, count: int) -> FloatArray:
        """The next `count` frames [shape=(count, 2)]; not to be changed."""
        level = self.level
        if level.full_at <= frame and frame + count <= level.falls_at:
            return self.splicer.read(frame, count)
        late = max(level.starts_at - frame, 0)
        audio = self.splicer.read(frame + late, count - late)
        if late:
            audio = np.concatenate([np.zeros((late, 2), np.float32), audio])
        return audio * gain(level.at(np.arange(frame, frame + count)))[:, None]

    def snapshot(self) -> dict[str, Any]:
        """The state as plain JSON values."""
        return {
            "closed": self.closed,
            "fade_frames": self.fade_frames,
            "level": asdict(self.level),
            "pieces": [asdict(piece) for piece in self.course.pieces],
            "splicer": self.splicer.snapshot(),
        }

    @classmethod
    def restored(cls, stem: Stem, state: dict[str, Any], head: int, shortest: int) -> "_Voice":
        """A voice from a snapshot."""
        pieces = [Piece(**piece) for piece in state["pieces"]]
        voice = cls(stem, pieces[0], int(state["fade_frames"]), head, shortest)
        voice.course.pieces[:] = pieces
        voice.level = _Level(**state["level"])
        voice.closed = bool(state["closed"])
        voice.splicer.restore(state["splicer"])
        return voice


def _checked(segments: Segments, frames_per_beat: float) -> Segments:
    """Segments in order, if all can be played."""
    if not isinstance(segments, np.ndarray) or segments.dtype != SEGMENT:
        kind = getattr(segments, "dtype", type(segments).__name__)
        raise SegueError(f"segments are {kind}, not an array of music.stems.SEGMENT; make such")
    with np.errstate(all="ignore"):
        speed = segments["length_beats"] * frames_per_beat / segments["duration_frames"]
    limits = {
        "at_frame": (segments["at_frame"], -(2.0**62), 2.0**62),
        "duration_frames": (segments["duration_frames"], 1, 2.0**62),
        "source_beats": (segments["source_beats"], -1e9, 1e9),
        "speed of the stem": (speed, *SPEEDS),
    }
    for name, (column, low, high) in limits.items():
        bad = np.flatnonzero(~((column >= low) & (column <= high)))  # true for NaN too
        if len(bad):
            what = f"{name} in segment {bad[0]}"
            raise RangeError(what, column[bad[0]].item(), low, high)
    return np.sort(segments, order="at_frame")
