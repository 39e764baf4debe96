"""What the beat network learns from: spectra of the corpus, kept on disk, and random excerpts.

Each excerpt is a new one: the time is stretched, the spectrum tilted and cut, noise and other sound
mixed in, and drums of another clip laid under it, warped so that their beats fall together.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

from ..rhythm.beat_spectrum import FRAME_RATE, MEL_BANDS, TEMPO_CLASSES, beat_spectra
from ..spectra import Floats, to_mono

EXCERPT = 800  # frames

_STRETCH = 0.22  # at most, in log
_NOISY, _MIXED, _DRUMMED, _MASKED = 0.4, 0.3, 0.4, 0.4  # how often


@dataclass
class Clip:
    """Spectra and labels of a clip of the corpus; no beats where they are not known."""

    name: str
    family: str
    source: str
    mel: NDArray[np.float16]
    semitones: NDArray[np.float16]
    beats: NDArray[np.float64]
    downbeats: NDArray[np.float64]
    onsets: NDArray[np.float64]
    meter: int
    has_drums: bool

    @property
    def tempo(self) -> float:
        """Median tempo in bpm, 0 where there are no beats."""
        return 60.0 / float(np.median(np.diff(self.beats))) if len(self.beats) > 3 else 0.0


def load_clips(corpus: Path, cache: Path, known: Collection[str] = ()) -> list[Clip]:
    """All clips of a folder of the corpus that are not known yet, their spectra from the cache
    where they are there."""
    cache.mkdir(parents=True, exist_ok=True)
    clips = []
    for path in sorted(corpus.glob("*.json")):
        if path.stem in known:
            continue
        try:
            label = json.loads(path.read_text())
            clips.append(_clip(path, label, cache / f"{path.stem}.npz"))
        except (ValueError, OSError, RuntimeError) as error:  # a clip that is just being written
            print(f"{path.name} is left out: {error}", flush=True)
    return clips


def _clip(path: Path, label: dict, kept: Path) -> Clip:  # type: ignore[type-arg]
    if not kept.exists():
        samples, rate = sf.read(path.with_suffix(".flac"), dtype="float32")
        spectra = beat_spectra(to_mono(samples, rate))
        np.savez(
            kept,
            mel=spectra.mel.astype(np.float16),
            semitones=spectra.semitones.astype(np.float16),
        )
    with np.load(kept) as archive:
        mel, semitones = archive["mel"], archive["semitones"]
    starts = [note[0] for note in label["notes"]] + [hit[0] for hit in label["drums"]]
    beats, downbeats = np.array(label["beats"], float), np.array(label["downbeats"], float)
    return Clip(
        path.stem,
        label["family"],
        label["source"],
        mel,
        semitones,
        beats,
        downbeats,
        np.unique(np.round(np.array(starts, float), 3)),
        int(label.get("meter") or 0),
        len(label["drums"]) > 20,
    )


@dataclass
class Excerpt:
    """Inputs and targets of one example; a weight of 0 hides a target."""

    mel: Floats  # [shape=(EXCERPT, MEL_BANDS)]
    semitones: Floats  # [shape=(EXCERPT // 2, SEMITONES)]
    targets: Floats  # [shape=(3, EXCERPT)] beat, downbeat, onset
    weights: Floats  # [3]
    tempo: Floats  # [shape=(len(TEMPO_CLASSES),)] sums to 1, or all 0


class Sampler:
    """Random excerpts of clips.

    :param drums: clips in bars of four to lay under others
    :param plain: without any change, for validation
    """

    def __init__(
        self, clips: list[Clip], seed: int, drums: Sequence[Clip] = (), plain: bool = False
    ) -> None:
        self.clips = clips
        self.random = np.random.default_rng(seed)
        self.plain = plain
        self.drums = [clip for clip in drums if len(clip.beats) > 12]
        self.tempos = np.array([clip.tempo for clip in self.drums])
        self.odds = self._odds()

    def extend(self, clips: list[Clip]) -> None:
        """Take clips in that have been made meanwhile."""
        self.clips = self.clips + clips
        self.odds = self._odds()

    def _odds(self) -> Floats:
        """Clips without beats teach only onsets, drums alone little else: fewer of them."""
        odds = np.array([1.0 if len(clip.beats) > 8 else 0.15 for clip in self.clips])
        odds *= np.array([0.5 if clip.family == "drums" else 1.0 for clip in self.clips])
        return np.asarray(odds / odds.sum(), np.float64)

    def draw(self) -> Excerpt:
        """One random excerpt."""
        random = self.random
        clip = self.clips[int(random.choice(len(self.clips), p=self.odds))]
        stretch = 1.0 if self.plain else float(np.exp(random.uniform(-_STRETCH, _STRETCH)))
        length = EXCERPT * stretch
        start = random.uniform(0.0, max(0.0, len(clip.mel) - length))
        return self.excerpt(clip, start, stretch)

    def excerpt(self, clip: Clip, start: float, stretch: float) -> Excerpt:
        """The excerpt of a clip from a frame on, `stretch` of its frames for each of its own."""
        at = start + stretch * np.arange(EXCERPT)
        mel = np.expm1(_rows(clip.mel, at))
        semitones = np.expm1(_rows(clip.semitones, at[::2] / 2))
        onsets = clip.onsets
        if not self.plain:
            if self.random.random() < _MIXED:
                self._mix_other(mel, semitones)
            laid = self._lay_drums(clip, at, mel, semitones)
            if laid is not None:
                onsets = np.concatenate([onsets, laid])
            mel, semitones = self._changed(mel, semitones)
        beats = (clip.beats * FRAME_RATE - start) / stretch
        downs = (clip.downbeats * FRAME_RATE - start) / stretch
        inside = beats[(beats > -5) & (beats < EXCERPT + 5)]
        known = len(inside) >= 5
        tempo = np.zeros(len(TEMPO_CLASSES), np.float32)
        if known:
            bpm = 60.0 * FRAME_RATE / float(np.median(np.diff(inside)))
            tempo = np.exp(-0.5 * (np.log2(TEMPO_CLASSES / bpm) * 30.0 / 1.0) ** 2)
            tempo /= max(tempo.sum(), 1e-6)
        targets = np.stack(
            [_bumps(beats), _bumps(downs), _bumps((onsets * FRAME_RATE - start) / stretch)]
        )
        weights = np.array([known, known and len(clip.downbeats) > 2, len(onsets) > 0], np.float32)
        return Excerpt(
            np.log1p(mel).astype(np.float32),
            np.log1p(semitones).astype(np.float32),
            targets,
            weights,
            tempo.astype(np.float32),
        )

    def _mix_other(self, mel: Floats, semitones: Floats) -> None:
        """Other sound, quieter, that has nothing to do with the beat."""
        other = self.clips[int(self.random.integers(len(self.clips)))]
        gain = 10.0 ** (self.random.uniform(-24.0, -4.0) / 20.0)
        at = self.random.uniform(0, len(other.mel)) + np.arange(EXCERPT)
        mel += gain * np.expm1(_rows(other.mel, at % (len(other.mel) - 1)))
        half = (at[::2] / 2) % (len(other.semitones) - 1)
        semitones += gain * np.expm1(_rows(other.semitones, half))

    def _lay_drums(
        self, clip: Clip, at: Floats, mel: Floats, semitones: Floats
    ) -> NDArray[np.float64] | None:
        """Drums of another clip in the time of this one; their onsets in its seconds."""
        fits = (
            not clip.has_drums
            and len(clip.beats) > 8
            and len(clip.downbeats) > 2
            and clip.meter == 4
            and self.random.random() < _DRUMMED
        )
        if not fits or not self.drums:
            return None
        near = np.flatnonzero(np.abs(np.log2(self.tempos / clip.tempo)) < 0.4)
        if not len(near):
            return None
        drums = self.drums[int(self.random.choice(near))]
        first = _first_downbeat(clip)
        theirs = _first_downbeat(drums)
        if first is None or theirs is None:
            return None
        bars = (len(drums.beats) - theirs - 2) // 4
        if bars < 2:
            return None
        theirs += 4 * int(self.random.integers(max(1, bars - 4)))
        # beats of this clip, counted from its first downbeat, and the drums' beats under them
        count = np.arange(len(clip.beats)) - first
        span = 4 * max(1, (len(drums.beats) - theirs - 1) // 4)
        beat = np.interp(at, clip.beats * FRAME_RATE, count)
        outside = (at < clip.beats[0] * FRAME_RATE) | (at > clip.beats[-1] * FRAME_RATE)
        wrapped = beat % span
        frames = np.interp(
            wrapped, np.arange(len(drums.beats) - theirs), drums.beats[theirs:] * FRAME_RATE
        )
        gain = 10.0 ** (self.random.uniform(-10.0, 4.0) / 20.0) * ~outside[:, None]
        if self.random.random() < 0.2:  # drums that come in or leave
            cut = int(self.random.integers(EXCERPT))
            gain = gain * ((np.arange(EXCERPT) < cut) ^ (self.random.random() < 0.5))[:, None]
        mel += gain * np.expm1(_rows(drums.mel, frames))
        semitones += gain[::2] * np.expm1(_rows(drums.semitones, frames[::2] / 2))
        their_beat = np.interp(
            drums.onsets, drums.beats[theirs:], np.arange(len(drums.beats) - theirs), -1, -1
        )
        their_beat = their_beat[(their_beat >= 0) & (their_beat < span)]
        turns = np.arange(np.floor(beat.min() / span), np.ceil(beat.max() / span) + 1) * span
        all_beats = (turns[:, None] + their_beat).ravel()
        all_beats = all_beats[(all_beats >= count[0]) & (all_beats <= count[-1])]
        return np.asarray(np.interp(all_beats, count, clip.beats))

    def _changed(self, mel: Floats, semitones: Floats) -> tuple[Floats, Floats]:
        """As if heard through another room, desk and loudspeaker."""
        random = self.random
        level = 10.0 ** (random.uniform(-9.0, 9.0) / 20.0)
        points = np.linspace(0, 1, 5)
        shape = random.normal(0.0, 3.5, 5) + random.uniform(-6, 6) * (points - 0.5)
        curve = 10.0 ** (np.interp(np.linspace(0, 1, MEL_BANDS), points, shape) / 20.0)
        mel = mel * (level * curve)
        semitones = semitones * level * 10.0 ** (random.normal(0, 2.0) / 20.0)
        if random.random() < _NOISY:
            loud = np.exp(random.uniform(np.log(0.01), np.log(0.8)))
            hiss = random.rayleigh(loud, mel.shape) * 2.0 ** (-np.arange(MEL_BANDS) / 30.0)
            mel = np.asarray(mel + hiss, np.float32)
            rumble = random.rayleigh(loud, semitones.shape)
            semitones = np.asarray(semitones + rumble, np.float32)
        if random.random() < 0.2:
            top = int(random.integers(30, MEL_BANDS))
            mel[:, top:] *= 0.02
        if random.random() < 0.2:
            low = int(random.integers(1, 6))
            mel[:, :low] *= 0.1
            semitones[:, : 2 * low] *= 0.1
        if random.random() < _MASKED:
            for _ in range(2):
                wide = int(random.integers(1, 12))
                place = int(random.integers(MEL_BANDS - wide))
                mel[:, place : place + wide] = 0.0
        if random.random() < 0.15:
            long = int(random.integers(5, 80))
            place = int(random.integers(EXCERPT - long))
            mel[place : place + long] *= 0.05
            semitones[place // 2 : (place + long) // 2] *= 0.05
        move = int(random.integers(-5, 6))
        if move:
            semitones = np.roll(semitones, move, axis=1)
        if random.random() < 0.5:
            power = random.uniform(0.8, 1.25)
            mel = np.expm1(np.log1p(mel) * power)
        return mel, semitones


def _rows(spectrum: NDArray[np.floating], at: NDArray[np.floating]) -> Floats:
    """Rows between rows."""
    at = np.clip(at, 0, len(spectrum) - 1.001)
    low = at.astype(int)
    share = (at - low)[:, None].astype(np.float32)
    return np.asarray(
        spectrum[low].astype(np.float32) * (1 - share)
        + spectrum[low + 1].astype(np.float32) * share
    )


def _bumps(frames: NDArray[np.floating]) -> Floats:
    """1 on the frame of each time, a half on those beside it."""
    found = np.zeros(EXCERPT + 4, np.float32)
    inside = frames[(frames > -1.4) & (frames < EXCERPT + 0.4)]
    middle = np.round(inside).astype(int) + 2
    for step, height in ((-1, 0.5), (1, 0.5), (0, 1.0)):
        np.maximum.at(found, middle + step, height)
    return found[2:-2]


def _first_downbeat(clip: Clip) -> int | None:
    """Which beat is the first downbeat."""
    if not len(clip.downbeats):
        return None
    near = int(np.abs(clip.beats - clip.downbeats[0]).argmin())
    return near if abs(clip.beats[near] - clip.downbeats[0]) < 0.03 else None
