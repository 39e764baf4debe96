"""The causal beat network as it is shipped: two frames and what it remembers in, both out."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..beat_spectrum import MEL_BANDS, SEMITONES
from .beat_net import BeatNet, Block

STEP = 2  # frames taken at once
_FORGET = 0.005  # of the tempo's memory, each step: it lasts eight seconds


class StreamNet(nn.Module):
    """A step of a causal `BeatNet`: (mel, semitones, state) to (frames, tempo, state).

    The state [shape=(1, n)] starts as zeros; its last number counts how full the memory is.
    """

    def __init__(self, net: BeatNet) -> None:
        super().__init__()
        if not net.causal:
            raise ValueError("the network looks ahead; train one with --causal")
        self.net = net
        self.width = net.frames.in_channels
        blocks = [cast(Block, block).wide for block in net.blocks]
        self.shapes: list[tuple[int, ...]] = [
            (1, 1, 2, MEL_BANDS),
            (1, net.attack1.out_channels, 2, MEL_BANDS // 4),
            (SEMITONES, 1, net.change1.reach),
            (SEMITONES, 1, net.change2.reach),
            *((1, self.width, conv.reach) for conv in blocks),
            (1, self.width * len(blocks)),
            (1,),
        ]
        self.sizes = [int(torch.tensor(shape).prod()) for shape in self.shapes]

    @property
    def state_size(self) -> int:
        """How many numbers are remembered."""
        return sum(self.sizes)

    def forward(self, mel: Tensor, semitones: Tensor, state: Tensor) -> tuple[Tensor, ...]:
        parts = torch.split(state[0], self.sizes)
        kept = [part.reshape(shape) for part, shape in zip(parts, self.shapes, strict=True)]
        net = self.net
        new: list[Tensor] = []

        first = torch.cat([kept[0], mel[:, None]], dim=2)
        new.append(first[:, :, -2:])
        x = functional.elu(net.attack1(first))
        second = torch.cat([kept[1], x], dim=2)
        new.append(second[:, :, -2:])
        x = functional.elu(net.attack2(second))
        attacks = net.attack_mix(x.transpose(2, 3).flatten(1, 2))

        rows = semitones.transpose(1, 2).reshape(SEMITONES, 1, STEP // 2)
        moved = []
        for conv, before in ((net.change1, kept[2]), (net.change2, kept[3])):
            whole = torch.cat([before, rows], dim=2)
            new.append(whole[:, :, -conv.reach :])
            moved.append(conv.conv(whole))
        change = torch.cat(moved, dim=1).abs()
        by_part = change.reshape(1, 3, SEMITONES // 3, -1, STEP // 2).mean(dim=2)
        changes = net.change_mix(by_part.flatten(1, 2)).repeat_interleave(2, dim=2)

        x = attacks + changes
        pooled = []
        for module, before in zip(net.blocks, kept[4:-2], strict=True):
            block = cast(Block, module)
            whole = torch.cat([before, x], dim=2)
            new.append(whole[:, :, -before.shape[2] :])
            hidden = functional.elu(block.wide.conv(whole))
            x = x + block.mix(hidden)
            pooled.append(hidden.mean(dim=2))
        mean = (1 - _FORGET) * kept[-2] + _FORGET * torch.cat(pooled, dim=1)
        full = (1 - _FORGET) * kept[-1] + _FORGET
        tempo = net.tempo(mean / full)
        new += [mean, full]
        flat = torch.cat([part.reshape(1, -1) for part in new], dim=1)
        return net.frames(functional.elu(x)), tempo, flat
