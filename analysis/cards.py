"""Cards of learned models: what each is, what it learned from, how good it is, whose data it holds.

A model is two files in one folder: `NAME.json`, its card, and the weights that the card names: a
numpy archive without pickled objects (`save_model`), or an ONNX file (`networks.save_network`).
"""

import hashlib
from io import BytesIO
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..music.errors import FileFormatError, SegueError
from ..music.files import read_whole, write_whole

MODELS = Path(__file__).parent / "models"
"""The folder of the models of analysis."""


class Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number or class that a model gives out."""

    name: str
    unit: str  # with its zero and range


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A body of data that a model was fitted to."""

    name: str
    licence: str
    used_for: str


class Metric(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A measured quality and its 95 % confidence interval."""

    name: str
    value: float
    low: float
    high: float
    measured_on: str


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a model's card says; the last three fields are those of a policy."""

    name: str
    task: str
    version: str
    summary: str
    inputs: tuple[str, ...]
    outputs: tuple[Output, ...]
    training_data: tuple[Source, ...]
    commercial_use: str  # "open", or why not
    split: str
    metrics: tuple[Metric, ...]
    command: str  # that made the weights
    weights: str  # file name beside the card
    sha256: str  # of the weights
    notes: tuple[str, ...] = ()
    environment: str = ""  # that it acts in, with the version, e.g. segue/Arrange-v0
    network: dict[str, str] = {}  # how weights become actions, see `agents.policy`
    train_cpu_seconds: float = 0.0


def model_folders() -> list[Path]:
    """Every folder of models in the package."""
    root = Path(__file__).parents[1]
    found = (*root.glob("*/models"), *root.glob("*/*/models"))
    return sorted(folder for folder in found if (folder.parent / "__init__.py").exists())


def read_card(path: str | Path) -> Card:
    """The card in a file; FileFormatError if it is none."""
    try:
        return msgspec.json.decode(read_whole(path), type=Card)
    except msgspec.DecodeError as error:
        raise FileFormatError(
            f"{path} is not a model card: {error}; train the model again or restore the file"
        ) from None


def list_cards(*folders: str | Path, verify: bool = True) -> list[Card]:
    """The cards in some folders (by default those of analysis), by task, then name.

    With `verify`, raises FileFormatError where weights are not those the card was written for.
    """
    cards = []
    for folder in map(Path, folders or (MODELS,)):
        if not folder.is_dir():
            raise SegueError(f"there is no folder {folder}; give one that holds model cards")
        for path in sorted(folder.glob("*.json")):
            card = read_card(path)
            if verify:
                read_weights(path, card)
            cards.append(card)
    return sorted(cards, key=lambda card: (card.task, card.name))


def load_weights(path: str | Path) -> tuple[Card, dict[str, NDArray[np.float64]]]:
    """A card and its verified weights by name, from the path of the card."""
    card = read_card(path)
    try:
        with np.load(BytesIO(read_weights(path, card)), allow_pickle=False) as archive:
            return card, {name: archive[name] for name in archive.files}
    except ValueError as error:
        raise FileFormatError(
            f"weights {card.weights} cannot be read: {error}; train the model again"
        ) from None


def save_model(folder: str | Path, card: Card, weights: dict[str, NDArray[np.float64]]) -> Card:
    """Write weights and card into a folder; returns the card with the hash of the weights."""
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **weights)
    return save_card(folder, card, buffer.getvalue())


def save_card(folder: str | Path, card: Card, data: bytes) -> Card:
    """Write weights as bytes, and their card, into a folder; returns the card with the hash."""
    signed = msgspec.structs.replace(card, sha256=hashlib.sha256(data).hexdigest())
    write_whole(Path(folder) / signed.weights, data)
    text = msgspec.json.format(msgspec.json.encode(signed), indent=2)
    write_whole(Path(folder) / f"{signed.name}.json", text + b"\n")
    return signed


def read_weights(path: str | Path, card: Card) -> bytes:
    """The weights beside a card, checked against its hash; FileFormatError if they are others."""
    if Path(card.weights).name != card.weights:
        raise FileFormatError(
            f"{path} names weights {card.weights!r} in another folder; keep them beside the card"
        )
    data = read_whole(Path(path).parent / card.weights)
    found = hashlib.sha256(data).hexdigest()
    if found != card.sha256:
        raise FileFormatError(
            f"weights {card.weights} have the hash {found[:12]}..., but the card of {card.name!r} "
            f"says {card.sha256[:12]}...; restore both files or train the model again"
        )
    return data
