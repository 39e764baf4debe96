"""Small neural networks that the ears use: ONNX files with a card beside them, run on one core.

A network is trained by a module of `analysis.training` and shipped as `models/NAME.onnx` with
`models/NAME.json`. Playing one needs onnxruntime (extra `ears`), not torch.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cards import MODELS, Card, read_card, read_weights, save_card


class Network:
    """A network that is ready to run; threads may share it.

    Raises FileFormatError if its files are missing, damaged or not those that the card was written
    for, MissingPartError without onnxruntime.
    """

    def __init__(self, card_path: str | Path) -> None:
        self.card = read_card(card_path)
        weights = read_weights(card_path, self.card)
        onnxruntime = _onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            weights, options, providers=["CPUExecutionProvider"]
        )
        self.outputs: tuple[str, ...] = tuple(out.name for out in self._session.get_outputs())

    def run(self, **inputs: NDArray[np.generic]) -> tuple[NDArray[np.float32], ...]:
        """The outputs, in the order of `outputs`, for arrays by the names of the inputs."""
        return tuple(self._session.run(None, inputs))


@lru_cache(maxsize=32)
def load_network(name: str) -> Network:
    """The shipped network of that name, loaded once."""
    return Network(MODELS / f"{name}.json")


def save_network(folder: str | Path, card: Card, onnx: bytes) -> Card:
    """Write a network and its card into a folder; returns the card with the hash."""
    return save_card(folder, card, onnx)


def _onnxruntime() -> Any:
    import onnxruntime

    return onnxruntime
