"""The network that hears notes: fully convolutional over time and pitch, the same at every pitch.

A pitch shows in a spectrum with logarithmic frequency as the same pattern wherever it lies, with
partials at fixed distances. So the spectrum is stacked with itself shifted by these distances
(R. M. Bittner et al., "A lightweight instrument-agnostic model for polyphonic note transcription",
ICASSP 2022), and later layers may look again at what was found an octave, a twelfth, ... away, to
explain a partial by the note that it belongs to. Outputs as in C. Hawthorne et al., "Onsets and
frames" (ISMIR 2018).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..notes.note_spectrum import BANDS_PER_SEMITONE, PITCHES

CHANNELS = 48
DILATIONS = (1, 2, 4, 8, 2)  # of the time convolutions, in frames
_STACK = (-36, 0, 36, 57, 72, 84, 93, 108)  # bands: half, once, twice, ... eight times the pitch
_SHORT_STACK = (0, 12, 19, 24)  # semitones
_DISTANCES = (0, -24, -19, -12, 12, 19, 24, 28, 31, 36)  # semitones
_SHORT_CHANNELS, _ASIDE = 16, 8  # from the short window, and for the looks at other pitches

CONTEXT = 1 + sum(DILATIONS)
"""Frames before and after one that its outputs depend on."""


class NoteNet(nn.Module):
    """Levels of both windows, as `note_spectrum` makes them, to logits.

    forward: long [batch, time, LONG_BANDS] and short [batch, time, SHORT_BANDS], both 0 to 1, to
    [batch, 4, time, PITCHES]: onset, sounding, offset, velocity.
    """

    def __init__(self) -> None:
        super().__init__()
        own = CHANNELS - _SHORT_CHANNELS
        step = BANDS_PER_SEMITONE
        self.long = nn.Conv2d(len(_STACK), own, (3, 5), stride=(1, step), padding=(1, 1))
        self.short = nn.Conv2d(len(_SHORT_STACK), _SHORT_CHANNELS, 3, padding=1)
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.place = nn.Parameter(torch.zeros(1, CHANNELS, 1, PITCHES))
        self.blocks = nn.ModuleList(_Block(dilation) for dilation in DILATIONS)
        self.out = nn.Conv2d(CHANNELS, 4, 1, bias=False)
        self.usual = nn.Parameter(torch.tensor([-4.0, -3.0, -4.0, 0.0])[:, None, None])

    def forward(self, long: Tensor, short: Tensor) -> Tensor:
        """Logits [batch, 4, time, PITCHES]."""
        stacked = _shifted(long[:, None], _STACK, PITCHES * BANDS_PER_SEMITONE)
        brief = _shifted(short[:, None], _SHORT_STACK, PITCHES)
        found = torch.cat([self.long(stacked), self.short(brief)], 1)
        found = functional.relu(self.norm(found) + self.place)
        for block in self.blocks:
            found = block(found)
        logits: Tensor = self.out(found) + self.usual
        return logits


class _Block(nn.Module):
    """Looks along time, at neighbouring pitches, at related pitches and at the whole frame."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.time = nn.Conv2d(
            CHANNELS, CHANNELS, (3, 1), dilation=(dilation, 1), padding=(dilation, 0)
        )
        self.time_norm = nn.BatchNorm2d(CHANNELS)
        self.near = nn.Conv2d(CHANNELS, CHANNELS, (1, 3), padding=(0, 1))
        self.aside = nn.Conv2d(CHANNELS, _ASIDE, 1)
        self.related = nn.Conv2d(_ASIDE * len(_DISTANCES), CHANNELS, 1, bias=False)
        self.frame = nn.Conv2d(_ASIDE, CHANNELS, 1, bias=False)
        self.norm = nn.BatchNorm2d(CHANNELS)

    def forward(self, found: Tensor) -> Tensor:
        inner = functional.relu(self.time_norm(self.time(found)))
        aside = self.aside(inner)
        inner = self.near(inner) + self.related(_shifted(aside, _DISTANCES, PITCHES))
        inner = inner + self.frame(aside.mean(3, keepdim=True))
        return functional.relu(found + self.norm(inner))


def _shifted(values: Tensor, steps: tuple[int, ...], width: int) -> Tensor:
    """Channels of `values` beside each other, each time shifted along frequency; 0 beyond."""
    before = -min(*steps, 0)
    after = max(0, max(steps) + width - values.shape[3])
    padded = functional.pad(values, (before, after))
    return torch.cat([padded[..., before + step : before + step + width] for step in steps], 1)
