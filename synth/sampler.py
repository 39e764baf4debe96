"""Sampled instruments: loaded by name, brought to one level, and played by `sample_voice`."""

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from ..music.sample_names import SampleName, sample_name
from .instrument import Instrument
from .sample_folder import folder_zones
from .sample_voice import SHAPE_FRAMES, SamplePatch, envelope_shape, shape_seconds
from .samples import Region, SampleSet, Zone, build
from .sfz import sfz_zones
from .soundfont import SoundFont
from .tape import Tape

KEPT_SETS = 8
LEVEL_WINDOW_SECONDS = 0.4
LEVEL_DB = -22.0  # of a note at full velocity, so that a line at 0.6 comes near -25 LUFS
LEVEL_PITCHES = range(36, 90, 6)
LEVEL_MARGIN = 4  # semitones that a recording is usually taken away from its own pitch
LEVEL_VELOCITY = 76  # 0.6 of full


def sampled_instrument(spec: str, sample_rate: int = 48_000) -> Instrument:
    """The instrument of a name such as `violin.sfz`, `samples/cello` or `band.sf2#0:48`.

    Raises SegueError if there is nothing of that name, or nothing in it that can be played.

    :param sample_rate: at which it is loaded to be looked at; an engine of another loads it again
    """
    samples = load_samples(spec, sample_rate)
    chokes = sorted({region.zone.choke for region in samples.regions if region.zone.choke})
    kinds = ["note", *(f"choke {group}" for group in chokes)]
    return SampledInstrument(
        {kind: partial(_voice, spec) for kind in kinds},
        level_db=even_level(samples),
        polyphony=12,
        shaped_by=("brightness", "attack"),
        caps={kind: 1 for kind in kinds[1:]},
        samples=samples,
    )


def _voice(spec: str, tape: Tape) -> SamplePatch:
    samples = tape.once(("samples", spec), lambda: load_samples(spec, tape.sample_rate))
    return SamplePatch(samples, tape)


@dataclass(frozen=True, kw_only=True)
class SampledInstrument(Instrument):
    """An instrument of recordings; notes that choke each other share a pool of one voice."""

    samples: SampleSet

    def kind(self, pitch: float) -> str:
        group = self.samples.choose(pitch, LEVEL_VELOCITY)[0].zone.choke
        return f"choke {group}" if group else "note"


def load_samples(spec: str, sample_rate: int) -> SampleSet:
    """The samples of a name, at a sample rate; the last few loaded are kept.

    Raises SegueError with file, line or preset, and the way out, for whatever cannot be played. A
    single missing or broken recording is replaced by its neighbour with a logged warning.
    """
    name = sample_name(spec)
    return _load(name, sample_rate, _changed(name.path))


def _changed(path: Path) -> int:
    """When a file, or a folder's content, last changed."""
    files = [path, *path.iterdir()] if path.is_dir() else [path]
    return max(file.stat().st_mtime_ns for file in files)


@lru_cache(maxsize=KEPT_SETS)
def _load(name: SampleName, sample_rate: int, changed: int) -> SampleSet:
    return build(str(name), read_zones(name), sample_rate)


def read_zones(name: SampleName) -> list[Zone]:
    """The zones of a file or folder; no recording is read yet."""
    if name.kind == ".sfz":
        return sfz_zones(name.path)
    if name.kind == ".sf2":
        font = SoundFont(name.path)
        return font.zones(font.find(name.preset))
    return folder_zones(name.path)


@lru_cache(maxsize=KEPT_SETS)
def even_level(samples: SampleSet) -> float:
    """The gain in dB that brings a set to the level of the other instruments."""
    roots = [region.zone.root_pitch for region in samples.regions]
    low = max(samples.lowest, min(roots) - LEVEL_MARGIN)
    high = min(samples.highest, max(roots) + LEVEL_MARGIN)
    powers = [
        sum(_power(region, samples.sample_rate) for region in samples.choose(key, LEVEL_VELOCITY))
        for key in dict.fromkeys(min(max(key, low), high) for key in LEVEL_PITCHES)
    ]
    levels = [10.0 * math.log10(power) for power in powers if power > 1e-9]
    return float(np.clip(LEVEL_DB - np.median(levels), -48.0, 36.0)) if levels else 0.0


def _power(region: Region, sample_rate: int) -> float:
    """Mean square of the loudest part of a region's first second, weighted as loudness meters do.

    The weights are the two filters of ITU-R BS.1770, drawn as gains by frequency.
    """
    zone, sound = region.zone, region.head[:sample_rate]
    if region.loop is not None and len(sound) < sample_rate:
        turns = np.arange(sample_rate - len(sound)) / region.loop_frames
        places = (turns % 1.0 * len(region.loop)).astype(np.intp)
        sound = np.concatenate([sound, region.loop[places]])
    time = np.arange(len(sound)) / sample_rate
    shape = np.interp(
        time / shape_seconds(zone), np.linspace(0, 1, SHAPE_FRAMES), envelope_shape(zone)
    )
    hz = np.fft.rfftfreq(len(sound), 1.0 / sample_rate)
    gain = np.sqrt(1.0 + 1.5 * hz**2 / (hz**2 + 1500.0**2)) * hz**2 / (hz**2 + 38.0**2)
    spectrum = np.fft.rfft(sound.mean(axis=1) * (shape + zone.sustain)) * gain
    square = np.cumsum(np.fft.irfft(spectrum, len(sound)) ** 2)
    size = min(round(LEVEL_WINDOW_SECONDS * sample_rate), len(square) - 1)
    loudest = float(np.max(square[size:] - square[:-size])) / (LEVEL_WINDOW_SECONDS * sample_rate)
    return float(loudest * 10.0 ** (zone.gain_db / 10.0))
