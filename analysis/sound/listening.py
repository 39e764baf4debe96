"""Numbers that a musician or mixing engineer would judge a piece of sound by.

`listen` measures dynamics, the balance of the spectrum, the stereo image and faults; with the score
it adds what `writing.measure_writing` finds in the notes. `TYPICAL` and `TYPICAL_OCTAVE_DB` say
where most recordings lie, so that `findings` can point at what does not.

Levels in dB relative to full scale, loudness in LUFS, frequencies in Hz.

References: EBU R 128, 2020 (loudness and true peak); ITU-R BS.1770-4, 2015; the typical spectrum
was measured over 50 recordings of GTZAN (Tzanetakis and Cook, "Musical genre classification of
audio signals", IEEE Transactions on Speech and Audio Processing 10, 2002; ten genres) and eight of
librosa's examples; the typical numbers of the notes were over 90 songs of
POP909 (Wang et al., ISMIR 2020), the pieces of VGMIDI (Ferreira and Whitehead, ISMIR 2019) and
Bach's chorales.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...music.errors import SegueError
from ...music.score import Score
from ..scores.writing import ChordSpan, Writing, measure_writing
from .audio import FLOOR_DB, FloatArray, check_audio, find_clipping, measure_audio
from .loudness import loudness_curve

OCTAVES = ("31.5", "63", "125", "250", "500", "1000", "2000", "4000", "8000")
"""Centres in Hz of the octaves whose levels are compared."""

TYPICAL_OCTAVE_DB: dict[str, tuple[float, float, float]] = {
    "31.5": (-39.2, -25.3, -16.1),
    "63": (-15.9, -7.6, -4.1),
    "125": (-13.4, -7.4, -5.0),
    "250": (-11.9, -8.6, -5.2),
    "500": (-13.2, -9.0, -5.4),
    "1000": (-14.0, -9.6, -5.4),
    "2000": (-17.5, -11.2, -8.1),
    "4000": (-20.3, -15.7, -10.3),
    "8000": (-31.2, -19.7, -14.1),
}
"""Level of each octave against all of them: 10th percentile, median and 90th of 58 recordings."""

OCTAVE_NAMES = {
    "31.5": "rumble",
    "63": "sub bass",
    "125": "bass",
    "250": "low mids: mud if high, thin if low",
    "500": "mids: boxy if high, hollow if low",
    "1000": "mids: nasal if high",
    "2000": "upper mids: hard if high, distant if low",
    "4000": "presence: harsh if high, dull if low",
    "8000": "brilliance: sharp if high, dull if low",
}

TYPICAL: dict[str, tuple[float, float, str]] = {
    "loudness_lufs": (-17.0, -15.0, "the level of all shipped cues is -16 LUFS"),
    "loudness_range_lu": (2.0, 15.0, "flat below, too much to follow above"),
    "true_peak_db": (-12.0, -1.0, "more may distort in a player or a codec"),
    "peak_to_loudness_db": (9.0, 20.0, "squashed below, loose peaks above"),
    "clipped_runs": (0, 0, "samples stand still at full scale"),
    "clicks": (0, 0, "lone jumps of the wave"),
    "offset": (0.0, 0.002, "a constant voltage costs headroom and clicks at the ends"),
    "silence_share": (0.0, 0.1, "of blocks of 50 ms below -60 dB"),
    "correlation": (0.2, 0.95, "nearly mono above, hollow in mono below"),
    "width_db": (-18.0, -2.0, "power of the sides against that of the middle"),
    "low_correlation": (0.8, 1.0, "below 150 Hz the two sides should agree"),
    "mono_loss_db": (-0.1, 2.5, "loudness lost when both sides are added"),
    "balance_db": (-1.5, 1.5, "right louder above 0"),
    "voices": (1.5, 5.0, "thin below, crowded above"),
    "doubled_share": (0.0, 0.3, "notes that two layers play alike: a thicker sound, not a fuller"),
    "rough_share": (0.0, 0.3, "semitones, tritones and major sevenths held"),
    "clash_share": (0.0, 0.1, "the same with a note that is foreign to the chord"),
    "crowded_low_share": (0.0, 0.02, "intervals narrower than a fifth below C3 make mud"),
    "velocity_sd": (0.05, 0.2, "mechanical below, uneven above"),
    "repeated_bar_share": (0.0, 0.1, "bars that equal the one before"),
    "bar_similarity": (0.2, 0.7, "mean likeness to the likest of 16 bars before"),
}
"""Where good music mostly lies, low and high, and what that number tells."""

_SILENT_POWER = 1e-12
_LOW_HZ = 150.0
_WINDOW = 8192


@dataclass(frozen=True)
class Finding:
    """One number of a `Listening`, and between what it mostly lies in good music."""

    name: str
    value: float
    low: float
    high: float
    meaning: str  # '' where nothing is usual

    @property
    def excess(self) -> float:
        """How far it lies above (> 0) or below (< 0) the usual."""
        return max(self.value - self.high, 0.0) + min(self.value - self.low, 0.0)


@dataclass(frozen=True)
class Stereo:
    """The image of two channels."""

    correlation: float  # of left and right, -1..1
    width_db: float  # power of left minus right over that of left plus right
    low_correlation: float  # the same below 150 Hz
    mono_loss_db: float  # loudness of both channels less that of their mix to mono
    balance_db: float  # power of right over that of left


@dataclass(frozen=True)
class Listening:
    """What a listener with good ears and meters would write down."""

    duration_seconds: float
    loudness_lufs: float  # integrated; `audio.FLOOR_DB` for silence
    loudness_range_lu: float
    momentary_max_lufs: float  # the loudest 0.4 s
    true_peak_db: float
    crest_db: float  # true peak over RMS
    peak_to_loudness_db: float  # true peak over integrated loudness
    clipped_runs: int
    clicks: int
    offset: float  # largest mean of a channel, full scale 1
    silence_share: float  # of blocks of 50 ms below -60 dB
    octave_db: dict[str, float]  # level of each octave of `OCTAVES` against all of them
    stereo: Stereo | None  # of two channels
    writing: Writing | None  # with a score

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def findings(self) -> list[Finding]:
        """Every number with what is usual, in the order of the fields, octaves last."""
        found = []
        for part in (self, self.stereo, self.writing):
            for name, value in vars(part).items() if part is not None else ():
                if isinstance(value, int | float):
                    usual = TYPICAL.get(name, (-np.inf, np.inf, ""))
                    found.append(Finding(name, float(value), *usual))
        for name, level in self.octave_db.items():
            low, _, high = TYPICAL_OCTAVE_DB[name]
            found.append(Finding(f"octave_{name}_hz_db", level, low, high, OCTAVE_NAMES[name]))
        return found


def listen(
    samples: NDArray[np.floating],
    sample_rate: int,
    score: Score | None = None,
    chords: Sequence[ChordSpan] = (),
) -> Listening:
    """Measure at least 0.4 seconds of sound, or raise SegueError.

    :param samples: full scale 1 [shape=(frames,) or (frames, channels)]
    :param score: the notes that are heard, channel 9 unpitched
    :param chords: the chords they are meant to fit, in order; none: clashes are not counted
    """
    sound = check_audio(samples, sample_rate)
    measures = measure_audio(sound, sample_rate)
    curve = loudness_curve(sound, sample_rate)
    loudness = max(measures.loudness_lufs, FLOOR_DB)
    return Listening(
        duration_seconds=measures.duration_seconds,
        loudness_lufs=loudness,
        loudness_range_lu=curve.range_lu,
        momentary_max_lufs=float(curve.momentary_lufs.max()),
        true_peak_db=measures.true_peak_db,
        crest_db=measures.true_peak_db - measures.rms_db,
        peak_to_loudness_db=measures.true_peak_db - loudness,
        clipped_runs=len(find_clipping(sound, sample_rate)),
        clicks=len(measures.clicks),
        offset=measures.offset,
        silence_share=measures.silence_share,
        octave_db=octave_levels(sound, sample_rate),
        stereo=measure_stereo(sound, sample_rate) if sound.shape[1] == 2 else None,
        writing=measure_writing(score, chords) if score is not None else None,
    )


def octave_levels(samples: NDArray[np.floating], sample_rate: int) -> dict[str, float]:
    """Power of each octave of `OCTAVES` over that of all of them in dB, at least `FLOOR_DB`.

    Octaves that reach beyond half the sample rate are left out.
    """
    sound = check_audio(samples, sample_rate)
    hz = np.fft.rfftfreq(_WINDOW, 1.0 / sample_rate)
    power = np.sum([_cross_spectrum(channel, channel) for channel in sound.T], axis=0)
    levels: dict[str, float] = {}
    for name in OCTAVES:
        low, high = float(name) / np.sqrt(2.0), float(name) * np.sqrt(2.0)
        if high <= sample_rate / 2:
            levels[name] = float(power[(hz >= low) & (hz < high)].sum())
    whole = sum(levels.values())
    return {name: _ratio_db(level, whole) for name, level in levels.items()}


def measure_stereo(samples: NDArray[np.floating], sample_rate: int) -> Stereo:
    """The image of two channels [shape=(frames, 2)]; silence counts as in accord."""
    sound = check_audio(samples, sample_rate)
    if sound.shape[1] != 2:
        raise SegueError(f"audio has {sound.shape[1]} channels; an image needs two: left and right")
    left, right = sound.T
    powers = np.mean(left * left), np.mean(right * right)
    product = np.mean(left * right)
    low = np.fft.rfftfreq(_WINDOW, 1.0 / sample_rate) < _LOW_HZ
    pairs = ((left, right), (left, left), (right, right))
    low_product, *low_powers = (_cross_spectrum(*pair)[low].sum() for pair in pairs)
    return Stereo(
        correlation=_correlation(product, *powers),
        width_db=_ratio_db(sum(powers) - 2.0 * product, sum(powers) + 2.0 * product),
        low_correlation=_correlation(low_product, *low_powers),
        mono_loss_db=_ratio_db(sum(powers), sum(powers) / 2.0 + product),
        balance_db=_ratio_db(powers[1], powers[0]),
    )


def _cross_spectrum(one: FloatArray, other: FloatArray) -> FloatArray:
    """Mean product of the spectra of two channels [shape=(bins,)], what is in phase.

    Of a channel with itself it is the power. Hann windows overlap by half.
    """
    shape = np.hanning(_WINDOW)
    windows = [
        sliding_window_view(np.pad(channel, _WINDOW // 2), _WINDOW)[:: _WINDOW // 2]
        for channel in (one, other)
    ]
    total = np.zeros(_WINDOW // 2 + 1)
    for start in range(0, len(windows[0]), 256):  # an hour of sound must fit into memory
        first, second = (np.fft.rfft(part[start : start + 256] * shape, axis=1) for part in windows)
        total += (first * second.conj()).real.sum(axis=0)
    return np.asarray(total / len(windows[0]))


def _correlation(product: float, power: float, other: float) -> float:
    scale = np.sqrt(power * other)
    return float(product / scale) if scale > _SILENT_POWER else 1.0


def _ratio_db(power: float, other: float) -> float:
    """One power over another in dB, within +-`FLOOR_DB`; 0 of silence."""
    if max(power, other) <= _SILENT_POWER:
        return 0.0
    ratio = 10.0 * np.log10(max(power, 1e-24) / max(other, 1e-24))
    return float(np.clip(ratio, FLOOR_DB, -FLOOR_DB))
