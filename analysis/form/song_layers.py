"""A recording taken apart into layers that can be played together: what is held, what is struck.

Method: as `harmonic_percussive`, at the recording's own rate and with both channels; the two layers
add up to the recording.
"""

import numpy as np
from numpy.typing import NDArray

from ...music.errors import SegueError, check_range
from ..sound.running_median import running_median
from ..spectra import Floats, hann

_MEDIAN_SECONDS, _MEDIAN_HZ = 0.4, 180.0
_AT_ONCE_SECONDS = 30.0
_LEAST = 1e-20
_OVERLAP = 4  # hops of a window


def split_strokes(samples: NDArray[np.floating], sample_rate: int) -> tuple[Floats, Floats]:
    """What is held and what is struck, each as the samples [shape=(frames, channels)].

    Raises SegueError for samples of another shape.
    """
    check_range("sample rate in Hz", sample_rate, 8_000, 384_000)
    sound = np.asarray(samples, np.float32)
    if sound.ndim != 2:
        raise SegueError(f"samples have the shape {sound.shape}; give (frames, channels)")
    window = 2 ** round(np.log2(0.093 * sample_rate))
    hop = window // _OVERLAP
    piece = round(_AT_ONCE_SECONDS * sample_rate) // hop * hop
    around = _odd(_MEDIAN_SECONDS * sample_rate / hop) // 2 * hop + window
    struck = np.zeros_like(sound)
    for start in range(0, len(sound), piece):
        stop = min(start + piece, len(sound))
        first, last = max(start - around, 0), min(stop + around, len(sound))
        part = _strokes(sound[first:last], sample_rate, window, hop)
        struck[start:stop] = part[start - first : stop - first]
    return sound - struck, struck


def _odd(length: float) -> int:
    return min(max(round(length) // 2 * 2 + 1, 3), 63)


def _strokes(sound: Floats, sample_rate: int, window: int, hop: int) -> Floats:
    """What is struck, of some seconds."""
    from scipy.fft import irfft, rfft

    shape = hann(window)
    padded = np.pad(sound, ((window, 2 * window), (0, 0)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window, axis=0)[::hop]
    spectrum = rfft(frames * shape, axis=2)  # [frames, channels, bins]
    magnitude = np.sqrt(np.square(np.abs(spectrum)).mean(axis=1)).astype(np.float32)
    held = np.square(running_median(magnitude, _odd(_MEDIAN_SECONDS * sample_rate / hop), 0))
    strokes = np.square(running_median(magnitude, _odd(_MEDIAN_HZ * window / sample_rate), 1))
    mask = strokes / np.maximum(held + strokes, _LEAST)
    pieces = irfft(spectrum * mask[:, None], window, axis=2) * shape
    struck = np.zeros((len(padded) + window, sound.shape[1]), np.float32)
    weight = np.zeros(len(struck), np.float32)
    for at, piece in enumerate(pieces):
        struck[at * hop : at * hop + window] += piece.T
        weight[at * hop : at * hop + window] += np.square(shape)
    struck /= np.maximum(weight, 1e-3 * weight.max())[:, None]
    return np.asarray(struck[window : window + len(sound)], np.float32)
