"""Trains the note model of `segue/Melody-v0` on the Nottingham collection.

    python -m segue.agents.melody.train_notes --data DIR

Phrases of four bars are learned, of tunes in bars of eight and of six eighth notes; the epoch is
chosen by the validation tunes.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ...analysis.cards import Card, Metric, Output, Source, save_model
from ...envs.melody.events import EVENTS
from ...envs.melody.note_model import (
    LONG_BAR,
    MODELS,
    PLACES,
    SHORT_BAR,
    NoteModel,
    piece_log_probs,
)
from ..statistics import interval
from .tunes import Tune, load_tunes, phrases

BATCH = 64
IGNORED = -100  # cross_entropy leaves such targets out
_FIRST_PLACE = {LONG_BAR: 0, SHORT_BAR: LONG_BAR * 4}


class NoteNet(nn.Module):
    """An LSTM over events and places; see `NoteModel`, which plays it."""

    def __init__(self, units: int, dropout: float) -> None:
        super().__init__()
        self.lstm = nn.LSTM(EVENTS + 1 + PLACES, units, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(units, EVENTS)

    def forward(self, phrases: Tensor, first_place: Tensor) -> Tensor:
        """Logits [n, steps, EVENTS] of phrases [n, 1 + steps], each event from those before it."""
        steps = phrases.shape[1] - 1
        before = phrases[:, :-1].clamp(min=0)
        place = (first_place[:, None] + torch.arange(steps)).clamp(max=PLACES - 1)
        inputs = torch.cat(
            [
                functional.one_hot(before, EVENTS + 1).float(),
                functional.one_hot(place, PLACES).float(),
            ],
            dim=2,
        )
        logits: Tensor = self.head(self.dropout(self.lstm(inputs)[0]))
        return logits

    def weights(self) -> dict[str, NDArray[Any]]:
        """What `NoteModel` takes, in half precision: the file is half as large."""
        lstm = {name: value.detach().numpy() for name, value in self.lstm.named_parameters()}
        table = lstm["weight_ih_l0"].T
        bias = lstm["bias_ih_l0"] + lstm["bias_hh_l0"]
        named = {
            "event": table[: EVENTS + 1] + bias,
            "place": table[EVENTS + 1 :],
            "hidden": lstm["weight_hh_l0"].T,
            "out": self.head.weight.detach().numpy().T,
            "bias": self.head.bias.detach().numpy(),
        }
        return {name: value.astype(np.float16) for name, value in named.items()}


def batches(tunes: list[Tune], split: str) -> tuple[Tensor, Tensor]:
    """Phrases of both kinds of bar [n, 33], short ones filled up, and their first places [n]."""
    long, short = (phrases(tunes, split, steps) for steps in (LONG_BAR, SHORT_BAR))
    filled = np.pad(short, ((0, 0), (0, long.shape[1] - short.shape[1])), constant_values=IGNORED)
    first = np.repeat([_FIRST_PLACE[LONG_BAR], _FIRST_PLACE[SHORT_BAR]], [len(long), len(short)])
    return torch.from_numpy(np.concatenate([long, filled])), torch.from_numpy(first)


def loss_of(net: NoteNet, rows: Tensor, first: Tensor) -> Tensor:
    """Mean negative log-probability of an event [nats]."""
    logits, events = net(rows, first), rows[:, 1:]
    return functional.cross_entropy(logits.flatten(0, 1), events.flatten(), ignore_index=IGNORED)


def primes(rows: Tensor) -> NDArray[np.float64]:
    """How often each event, or START, comes before a phrase [shape=(EVENTS + 1,)]."""
    counts = np.bincount(rows[:, 0].numpy(), minlength=EVENTS + 1)
    return np.asarray(counts / counts.sum())


def train(tunes: list[Tune], epochs: int, units: int, dropout: float, seed: int) -> NoteNet:
    """The network of the epoch that tells validation best."""
    torch.manual_seed(seed)
    net = NoteNet(units, dropout)
    events, first = batches(tunes, "train")
    checked = batches(tunes, "validation")
    optimiser = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=0.02)
    steps = epochs * (len(events) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    best, kept = np.inf, net.state_dict()
    for epoch in range(epochs):
        net.train()
        for rows in torch.randperm(len(events))[: len(events) // BATCH * BATCH].reshape(-1, BATCH):
            loss = loss_of(net, events[rows], first[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
        net.eval()
        with torch.no_grad():
            checks = float(loss_of(net, *checked))
        print(f"epoch {epoch + 1}: validation {checks:.4f} nats an event", flush=True)
        if checks < best:
            best = checks
            kept = {name: value.clone() for name, value in net.state_dict().items()}
    net.load_state_dict(kept)
    return net


def card_of(weights: dict[str, NDArray[Any]], tunes: list[Tune], command: str) -> Card:
    """The card of a trained model, with its log-probability on the test tunes."""
    told = piece_log_probs(NoteModel(weights), phrases(tunes, "test"))
    low, high = interval(told)
    units = len(weights["hidden"])
    where = f"{len(told)} phrases of four bars of the test tunes in bars of eight eighth notes"
    count = {split: sum(t.split == split for t in tunes) for split in ("train", "test")}
    return Card(
        name="notes",
        task="next event of a melody",
        version="1",
        summary=f"LSTM of {units} units over events and place in the phrase",
        inputs=("events before, on a grid of eighth notes", "place in a phrase of four bars"),
        outputs=(Output("log_probs", "nats, of hold, off and pitches 48..83"),),
        training_data=(
            Source(
                "Nottingham collection, github.com/jukedeck/nottingham-dataset",
                "GPL-3.0 (this edition); the tunes are traditional",
                "training, choice and test",
            ),
        ),
        commercial_use="the edition it learned from is under GPL-3.0",
        split=f"by CRC-32 of the tune's name: {count['train']} train, {count['test']} test tunes",
        metrics=(Metric("mean log-probability of an event", float(told.mean()), low, high, where),),
        command=command,
        weights="notes.npz",
        sha256="",
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="data folder; by default that of SEGUE_DATA")
    parser.add_argument("--out", type=Path, default=MODELS, help="folder of card and weights")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    tunes = load_tunes(options.data)
    net = train(tunes, options.epochs, options.units, options.dropout, options.seed)
    command = f"python -m segue.agents.melody.train_notes --epochs {options.epochs}"
    command += f" --units {options.units} --dropout {options.dropout} --seed {options.seed}"
    weights = net.weights() | {"prime": primes(batches(tunes, "train")[0])}
    card = card_of(weights, tunes, command)
    told = card.metrics[0]
    print(f"test: {told.value:.3f} ({told.low:.3f} to {told.high:.3f}) nats an event")
    options.out.mkdir(parents=True, exist_ok=True)
    save_model(options.out, card, weights)


if __name__ == "__main__":
    main()
