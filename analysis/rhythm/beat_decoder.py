"""The most likely beats and bars for a network's chances of a beat in each frame.

A bar pointer walks through bars of a few beats at a tempo that changes little from beat to beat;
the best walk is found by dynamic programming. As in F. Krebs, S. Böck and G. Widmer, "An efficient
state-space model for joint tempo and meter tracking", ISMIR 2015, the tempo may change only on a
beat. Between beats nothing is decided, so a walk is kept as its beats alone: the score of a beat is
the best of its predecessors' one interval earlier. As no interval is shorter than the fastest, that
many frames are worked out at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
AnyArray = NDArray[np.floating]
IntArray = NDArray[np.intp]

_NEVER = np.float32(-1e9)
_RESCALE = 2_000.0
_BEGUN = np.int8(127)  # in place of a step
_RAISED = 5.0  # at most, of the chance of downbeats
_SPREAD = 8  # how many intervals up or down the tempo may go at one beat
_KEPT_SECONDS = 20.0  # of a walk that are still open when the older part of it is settled


@dataclass(frozen=True)
class DecoderSettings:
    """What the walk thinks of tempo and bars; the defaults were chosen on the validation corpus."""

    rate: int = 100  # frames a second
    slowest_bpm: float = 48.0
    fastest_bpm: float = 216.0
    meters: tuple[int, ...] = (2, 3, 4)
    meter_costs: tuple[float, ...] = (8.0, 0.0, 0.0)  # of beginning in it
    tempo_stiffness: float = 35.0  # cost of a change of the interval by a factor e
    jitter_cost: float = 0.2  # of a change by one frame, which is rounding
    rest_chance: float = 0.14  # of a beat in a frame where none is
    down_share: float = 0.28  # of the beats that begin a bar
    floor: float = 0.002  # least chance of a beat
    reach: int = 2  # frames to either side of a beat that count for it
    tempo_weight: float = 1.0  # of the log prior of the tempo, for each second


@dataclass(frozen=True)
class Walk:
    """Beats in frames of the decoder."""

    frames: IntArray  # [shape=(n,)]
    numbers: IntArray  # [n] position in the bar, 1 = downbeat
    meters: IntArray  # [n] beats of the bar
    intervals: FloatArray  # [n] frames to the next beat
    score: float  # log likelihood against no beat at all


class BeatDecoder:
    """Finds beats for chances; keeps what it needs between blocks of frames, so that live sound
    and files of any length take the same way.

    :param prior: log prior of each interval of `intervals` a second [shape=(len(intervals),)]
    """

    def __init__(self, settings: DecoderSettings | None = None) -> None:
        self.settings = settings = settings or DecoderSettings()
        shortest = int(np.floor(60.0 * settings.rate / settings.fastest_bpm))
        longest = int(np.ceil(60.0 * settings.rate / settings.slowest_bpm))
        self.intervals = np.arange(shortest, longest + 1)
        self._changes = self._change_costs()
        meter = [(m, beat) for m in settings.meters for beat in range(m)]
        self.state_meters = np.array([m for m, _ in meter])
        self.state_numbers = np.array([beat + 1 for _, beat in meter])
        states = len(meter)
        self._before = np.array([i - 1 if beat else i + m - 1 for i, (m, beat) in enumerate(meter)])
        costs = dict(zip(settings.meters, settings.meter_costs, strict=True))
        self._entry = -np.array([costs[m] for m, _ in meter], np.float32)
        self._kinds = (self.state_numbers == 1).astype(np.intp)
        self._seconds = (self.intervals / settings.rate).astype(np.float32)
        self.prior = np.zeros(len(self.intervals), np.float32)
        self._passing = self.prior
        self.at = 0  # frames taken so far
        # scores of the last `longest` frames and of those of one block, newest last
        self._past = np.full((longest, states, len(self.intervals)), _NEVER, np.float32)
        back = longest + np.arange(shortest)[:, None] - self.intervals
        self._sources = (back[:, None] * states + self._before[:, None]) * len(self.intervals)
        self._sources += np.arange(len(self.intervals))
        self._links: list[NDArray[np.int8]] = []  # steps of the interval at each beat
        self._offset = 0.0  # taken off all scores
        self._linked_from = 0  # frame of the first link

    @property
    def block(self) -> int:
        """How many frames can be taken at once."""
        return int(self.intervals[0])

    def set_tempo_prior(self, bpm: AnyArray, log_prior: AnyArray) -> None:
        """Prefer tempos: a log prior a second over rising tempos in bpm [shape=(n,) each]."""
        own = 60.0 * self.settings.rate / self.intervals
        self.prior = np.interp(own, bpm, log_prior).astype(np.float32)
        self._passing = self.prior * self._seconds * np.float32(self.settings.tempo_weight)

    def push(self, gains: FloatArray) -> None:
        """Take at most `block` frames of `beat_gains` [shape=(n, 2)]."""
        count, width = len(gains), len(self.intervals)
        # what arrives after each interval: [frames, states, intervals]
        arrived = self._past.ravel()[self._sources[:count]]
        arrived += self._passing
        begins = self.at < len(self._past)
        if begins:
            first = (self.at + np.arange(count))[:, None] < self.intervals
            start = np.where(first, 0.5 * self.prior, _NEVER)[:, None] + self._entry[:, None]
            np.maximum(arrived, start, out=arrived)
        best, steps = self._best_ways(arrived)
        best += gains[:, self._kinds, None]
        if begins:  # where a walk begins, no link leads back
            chosen = (np.arange(width) + steps).clip(0, width - 1)
            begun = np.take_along_axis(start, chosen, axis=2)
            steps[np.take_along_axis(arrived, chosen, axis=2) <= begun] = _BEGUN
        self._links.append(steps)
        self._past = np.concatenate([self._past[count:], best])
        self.at += count
        top = float(best.max())
        if abs(top) > _RESCALE:  # so that hours do not cost precision
            self._past -= np.float32(top)
            self._offset += top

    def _best_ways(self, arrived: FloatArray) -> tuple[FloatArray, NDArray[np.int8]]:
        """The best score over the interval before, and how many steps that is from the new one."""
        count = arrived.shape[2]
        padded = np.pad(arrived, ((0, 0), (0, 0), (_SPREAD, _SPREAD)), constant_values=_NEVER)
        best, steps = arrived.copy(), np.zeros(arrived.shape, np.int8)
        for step in range(-_SPREAD, _SPREAD + 1):
            if not step:
                continue
            start = step + _SPREAD
            way = padded[:, :, start : start + count] + self._changes[:, start]
            better = way > best
            np.copyto(best, way, where=better)
            np.copyto(steps, np.int8(step), where=better)
        return best, steps

    def _change_costs(self) -> FloatArray:
        """Log chance of each step of the interval [shape=(intervals, 2 * _SPREAD + 1)], by where
        it leads to."""
        settings = self.settings
        steps = np.arange(-_SPREAD, _SPREAD + 1)  # former less new, in frames
        new = self.intervals[:, None].astype(np.float64)
        former = np.maximum(new + steps, 1.0)
        beyond = np.maximum(np.abs(steps) - 1.0, 0.0)
        stretch = np.log1p(beyond / np.minimum(new, former))
        cost = settings.tempo_stiffness * stretch + settings.jitter_cost * np.abs(steps)
        return np.asarray(-cost, np.float32)

    def best_state(self) -> tuple[int, int, int]:
        """(frame, state, interval index) of the last beat of the best walk up to now."""
        longest = len(self._past)
        age = longest - np.arange(longest)  # frames from a beat to the next frame to come
        open_ = age[:, None] <= self.intervals[None, :]
        elapsed = self.prior * self.settings.tempo_weight
        ahead = age[:, None] * elapsed[None, :] / self.settings.rate
        scores = np.where(
            open_[:, None, :], self._past + ahead[:, None, :].astype(np.float32), _NEVER
        )
        flat = int(scores.argmax())
        row, state, interval = np.unravel_index(flat, scores.shape)
        return int(self.at - longest + row), int(state), int(interval)

    def trace(self, since: int = 0) -> Walk:
        """The best walk up to now, its beats from a frame on."""
        frame, state, interval = self.best_state()
        score = float(self._past[frame - self.at + len(self._past), state, interval])
        links = np.concatenate(self._links) if self._links else np.zeros((0, 1, 1), np.int8)
        self._links = [links] if len(links) else []
        beats = []
        while frame >= max(since, self._linked_from) and score > _NEVER / 2:
            beats.append((frame, state, interval))
            step = int(links[frame - self._linked_from, state, interval])
            if step == _BEGUN:
                break
            interval += step
            state = int(self._before[state])
            frame -= int(self.intervals[interval])
        found = np.array(beats[::-1], int).reshape(-1, 3)
        return Walk(
            found[:, 0],
            self.state_numbers[found[:, 1]] if len(found) else found[:, 1],
            self.state_meters[found[:, 1]] if len(found) else found[:, 1],
            self.intervals[found[:, 2]].astype(np.float32)
            if len(found)
            else np.zeros(0, np.float32),
            score + self._offset,
        )

    def forget(self, before: int) -> None:
        """Drop the way back to what lies before a frame."""
        links = np.concatenate(self._links)
        cut = max(0, before - self._linked_from)
        self._links = [links[cut:]]
        self._linked_from += cut


def balanced(chances: FloatArray, share: float) -> FloatArray:
    """Chances [shape=(n, 2)] with those of downbeats raised to what share of the beats they should
    have, where a network is shy of them; else a walk would put every downbeat off."""
    beats, downs = float(chances[:, 0].sum()), float(chances[:, 1].sum())
    raised = float(np.clip(share * beats / max(downs, 1e-6), 1.0, _RAISED))
    down = np.minimum(chances[:, 1] * raised, np.maximum(0.9 * chances[:, 0], chances[:, 1]))
    return np.stack([chances[:, 0], down], axis=1)


def beat_gains(chances: FloatArray, settings: DecoderSettings) -> FloatArray:
    """Log likelihood of a plain beat and of a downbeat in each frame against none [shape=(n, 2)].

    :param chances: of any beat and of a downbeat [shape=(n, 2)], at the decoder's rate
    """
    floor = settings.floor
    down = np.clip(chances[:, 1], floor, 1.0 - floor)
    plain = np.clip(chances[:, 0] - down, floor, 1.0 - floor)
    rest = np.clip(1.0 - np.maximum(chances[:, 0], down), floor, 1.0)
    # by Bayes: what is common needs more of a chance to be likely
    plain, down = plain / (1.0 - settings.down_share), down / settings.down_share
    single = np.stack([np.log(plain / rest), np.log(down / rest)], axis=1)
    single -= np.log(settings.rest_chance / (1 - settings.rest_chance))
    size = 2 * settings.reach + 1
    padded = np.pad(single, ((settings.reach, settings.reach), (0, 0)), mode="edge")
    return np.asarray(sliding_window_view(padded, size, axis=0).mean(axis=2), np.float32)


def decode(
    chances: FloatArray,
    settings: DecoderSettings | None = None,
    tempo_prior: tuple[AnyArray, AnyArray] | None = None,
) -> Walk:
    """Beats for chances [shape=(n, 2)] of a whole recording, in memory that does not grow with it
    beyond the beats themselves."""
    decoder = BeatDecoder(settings)
    if tempo_prior is not None:
        decoder.set_tempo_prior(*tempo_prior)
    gains = beat_gains(chances, decoder.settings)
    kept = round(_KEPT_SECONDS * decoder.settings.rate)
    settled: list[Walk] = []
    since = 0
    for start in range(0, len(gains), decoder.block):
        decoder.push(gains[start : start + decoder.block])
        if decoder.at - since > 4 * kept:
            walk = decoder.trace(since)
            until = decoder.at - kept
            settled.append(_before(walk, until))
            decoder.forget(until - kept)
            since = until
    settled.append(decoder.trace(since))
    return join_walks(settled)


def _before(walk: Walk, frame: int) -> Walk:
    stop = int(np.searchsorted(walk.frames, frame))
    return Walk(
        walk.frames[:stop],
        walk.numbers[:stop],
        walk.meters[:stop],
        walk.intervals[:stop],
        walk.score,
    )


def join_walks(walks: Sequence[Walk]) -> Walk:
    """Walks one after the other as one."""
    return Walk(
        np.concatenate([walk.frames for walk in walks]),
        np.concatenate([walk.numbers for walk in walks]),
        np.concatenate([walk.meters for walk in walks]),
        np.concatenate([walk.intervals for walk in walks]),
        walks[-1].score,
    )
