"""What an engine or a MIDI port plays: notes at exact audio frames on numbered channels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EVENT = np.dtype(
    [
        ("at_frame", np.int64),
        ("duration_frames", np.int64),
        ("pitch", np.float32),  # MIDI note number, may be fractional; of drums the drum's number
        ("velocity", np.float32),  # (0, 1]
        ("channel", np.uint8),  # index into the list of channels
    ]
)
"""One sounding note."""

Events = NDArray[np.void]
"""A structured array [shape=(n,)] of dtype `EVENT`."""

INSTRUMENTS = ("piano", "strings", "pad", "pluck", "bass", "flute", "brass", "bells", "drums")
"""The instruments every engine offers; `drums` reads pitches as General MIDI percussion numbers."""

PROGRAMS = {
    "piano": 0,
    "strings": 48,
    "pad": 89,
    "pluck": 45,
    "bass": 33,
    "flute": 73,
    "brass": 61,
    "bells": 14,
    "drums": 0,
}
"""The General MIDI program (0..127) nearest to each instrument, for files and ports."""


@dataclass(frozen=True)
class Channel:
    """One mixer channel: an instrument and its place in the mix."""

    name: str
    instrument: str  # one of INSTRUMENTS
    gain_db: float = 0.0
    pan: float = 0.0  # -1 left .. 1 right
    reverb: float = 0.2  # send to the shared room, 0..1
