"""The networks of `envs.accompany.network` in torch, for training: GRUs that hear all keys alike.

State and pitch-class inputs are blocks of twelve; weights depend on the interval between pitch
classes only. Here they are laid out as plain matrices in every forward pass, so that gradients of
all twelve keys meet in one kernel.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...envs.accompany.chords import CLASSES
from ...envs.accompany.perception import BLOCKS, OWN_BLOCKS, PLAIN_SIZE

_SPAN = torch.arange(CLASSES)
_INTERVALS = (_SPAN[None, :] - _SPAN[:, None]) % CLASSES


def circulant(kernel: Tensor) -> Tensor:
    """The matrix [shape=(outputs * 12, inputs * 12)] of a kernel [shape=(outputs, inputs, 12)]."""
    outputs, inputs, _ = kernel.shape
    return kernel[:, :, _INTERVALS].permute(0, 2, 1, 3).reshape(outputs * CLASSES, inputs * CLASSES)


def _kernels(network: nn.Module) -> dict[str, NDArray[np.float32]]:
    """The parameters of a network by name, as arrays."""
    named = network.named_parameters()
    return {name.removeprefix("gru."): p.detach().numpy().copy() for name, p in named}


def _kernel(outputs: int, inputs: int, fan_in: int) -> nn.Parameter:
    scale = fan_in**-0.5
    return nn.Parameter(torch.empty(outputs, inputs, CLASSES).uniform_(-scale, scale))


class TurningGRU(nn.Module):
    """A GRU over blocks of pitch classes and plain numbers; the state is in blocks too."""

    def __init__(self, channels: int, blocks: int = BLOCKS, plain: int = PLAIN_SIZE) -> None:
        super().__init__()
        self.channels = channels
        gates, fan = 3 * channels, channels * CLASSES
        self.blocks = _kernel(gates, blocks, fan)
        self.plain = nn.Parameter(torch.empty(gates, plain).uniform_(-(fan**-0.5), fan**-0.5))
        self.bias = nn.Parameter(torch.zeros(gates))
        self.state = _kernel(gates, channels, fan)
        self.state_bias = nn.Parameter(torch.zeros(gates))

    def matrices(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Weights and biases as torch lays out those of a GRU cell."""
        plain = self.plain.repeat_interleave(CLASSES, 0)
        return (
            torch.cat([circulant(self.blocks), plain], 1),
            circulant(self.state),
            self.bias.repeat_interleave(CLASSES),
            self.state_bias.repeat_interleave(CLASSES),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """States after each frame [shape=(n, frames, channels * 12)], of inputs [..., size]."""
        flat = list(self.matrices())
        start = inputs.new_zeros(1, inputs.shape[0], self.channels * CLASSES)
        states: Tensor
        states, _ = torch.gru(inputs, start, flat, True, 1, 0.0, False, False, True)
        return states


class ChordNetwork(nn.Module):
    """Chords from observations, one after the other: what `envs.accompany.network` plays."""

    def __init__(self, channels: int, extra_blocks: int = 0) -> None:
        super().__init__()
        self.gru = TurningGRU(channels, BLOCKS + extra_blocks)
        fan = channels * CLASSES
        self.out_state = _kernel(OWN_BLOCKS, channels, fan)
        self.out_blocks = nn.Parameter(torch.zeros(OWN_BLOCKS, BLOCKS + extra_blocks, CLASSES))
        self.out_plain = nn.Parameter(torch.zeros(OWN_BLOCKS, PLAIN_SIZE))
        self.out_bias = nn.Parameter(torch.zeros(OWN_BLOCKS))
        self.none_state = nn.Parameter(torch.zeros(channels))
        self.none_plain = nn.Parameter(torch.zeros(PLAIN_SIZE))
        self.none_bias = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [shape=(n, frames, 109)] and states [shape=(n, frames, channels * 12)]."""
        states = self.gru(inputs)
        weights = torch.cat(
            [circulant(self.out_blocks), self.out_plain.repeat_interleave(12, 0)], 1
        )
        chords = states @ circulant(self.out_state).T + inputs @ weights.T
        chords = chords + self.out_bias.repeat_interleave(CLASSES)
        pooled = states.unflatten(-1, (-1, CLASSES)).mean(-1)
        none = pooled @ self.none_state + inputs[..., -PLAIN_SIZE:] @ self.none_plain
        return torch.cat([chords, (none + self.none_bias)[..., None]], -1), states

    def kernels(self) -> dict[str, NDArray[np.float32]]:
        """What `envs.accompany.network.Network` takes."""
        return _kernels(self)

    @classmethod
    def from_kernels(cls, kernels: Mapping[str, NDArray[Any]]) -> "ChordNetwork":
        """The network that has these kernels."""
        made = cls(kernels["state"].shape[1])
        own = {name: name.removeprefix("gru.") for name, _ in made.named_parameters()}
        made.load_state_dict(
            {n: torch.as_tensor(kernels[k], dtype=torch.float32) for n, k in own.items()}
        )
        return made


class Foresight(nn.Module):
    """An offline model of chords: it also hears the melody backwards from the end of the clip."""

    def __init__(self, channels: int, ahead: int, melody_blocks: int, melody_plain: int) -> None:
        super().__init__()
        self.ahead = TurningGRU(ahead, melody_blocks, melody_plain)
        self.chords = ChordNetwork(channels, ahead)

    def forward(self, inputs: Tensor, coming: Tensor) -> Tensor:
        """Logits [shape=(n, frames, 109)] from observations and the frames themselves."""
        future = self.ahead(coming.flip(1)).flip(1)
        logits: Tensor
        logits, _ = self.chords(torch.cat([future, inputs], -1))
        return logits


class Judge(nn.Module):
    """How real a clip of melody and chords is: a logit; it hears all keys alike."""

    def __init__(self, channels: int, blocks: int, plain: int) -> None:
        super().__init__()
        self.gru = TurningGRU(channels, blocks, plain)
        self.verdict = nn.Parameter(torch.zeros(2 * channels))
        self.verdict_bias = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits [shape=(n,)] of clips [n, frames, size]."""
        states = self.gru(inputs).unflatten(-1, (-1, CLASSES))
        pooled = torch.cat([states.mean((1, 3)), states.amax(3).mean(1)], -1)
        return pooled @ self.verdict + self.verdict_bias

    def kernels(self) -> dict[str, NDArray[np.float32]]:
        """What `judge.Judge` takes."""
        return _kernels(self)
