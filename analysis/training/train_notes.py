"""Train the network of notes on the corpus, and write it with its card.

    python -m segue.analysis.training.train_notes CORPUS --work DIR --minutes 25

Training goes on where the last run in DIR stopped. The minutes are processor time of one core, of a
planned `--planned` in all, by which the learning rate falls. What ships is the running mean of the
weights.
"""

import argparse
import copy
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..cards import MODELS, Card, Metric, Output, Source
from ..networks import save_network
from ..notes.note_spectrum import LONG_BANDS, SHORT_BANDS
from .note_data import OFFSET, ONSET, SOUNDING, VELOCITY, Crops, Piece, load_pieces
from .note_net import NoteNet

_BATCH, _FRAMES = 4, 128
_RATE, _LAST_RATE, _WARM_STEPS = 3e-3, 3e-5, 100
_LOOK_STEPS = 200
_MEAN_STEPS = 250  # of the running mean of the weights, at most
_SHARES = {ONSET: 2.0, SOUNDING: 1.0, OFFSET: 0.5}
_VELOCITY_SHARE = 0.3


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of onsets, sounding and offsets, and squared error of velocity at onsets."""
    loss = torch.zeros(())
    for row, share in _SHARES.items():
        loss = loss + share * functional.binary_cross_entropy_with_logits(
            logits[:, row], targets[:, row]
        )
    at = (targets[:, ONSET] > 0.4).float()
    error = (torch.sigmoid(logits[:, VELOCITY]) - targets[:, VELOCITY]).square()
    return loss + _VELOCITY_SHARE * (error * at).sum() / at.sum().clamp(min=1.0) * 0.1


class Training:
    """The state of a training that can stop and go on."""

    def __init__(self, work: Path) -> None:
        torch.manual_seed(0)
        self.net: NoteNet = NoteNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.mean = copy.deepcopy(self.net).eval()
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=_RATE, weight_decay=0.01)
        self.steps, self.seconds = 0, 0.0
        self._path = work / "training.pt"
        if self._path.exists():
            state = torch.load(self._path, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.mean.load_state_dict(state["mean"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.steps, self.seconds = state["steps"], state["seconds"]

    def save(self) -> None:
        """Keep everything, so that a later run goes on from here."""
        state: dict[str, Any] = {"steps": self.steps, "seconds": self.seconds}
        state["net"], state["mean"] = self.net.state_dict(), self.mean.state_dict()
        state["optimizer"] = self.optimizer.state_dict()
        part = self._path.with_suffix(".part")
        torch.save(state, part)
        part.replace(self._path)

    def step(self, batch: tuple[np.ndarray[Any, Any], ...], progress: float) -> float:
        """One step of learning; the loss."""
        rate = _LAST_RATE + (_RATE - _LAST_RATE) * 0.5 * (1.0 + np.cos(np.pi * min(progress, 1.0)))
        for group in self.optimizer.param_groups:
            group["lr"] = float(rate) * min(1.0, (self.steps + 1) / _WARM_STEPS)
        long, short, targets = map(torch.from_numpy, batch)
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.net(long, short)
        loss = loss_of(logits.float(), targets)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.steps += 1
        self._follow()
        return float(loss.detach())

    def _follow(self) -> None:
        """Move the running mean."""
        share = 1.0 / min(self.steps, _MEAN_STEPS)
        with torch.no_grad():
            now = self.net.state_dict()
            for name, mean in self.mean.state_dict().items():
                if mean.dtype.is_floating_point:
                    mean.lerp_(now[name], share)


def train(corpus: Path, work: Path, minutes: float, planned: float) -> Training:
    """Train for some minutes; progress is printed."""
    work.mkdir(parents=True, exist_ok=True)
    training, pieces, losses = Training(work), list[Piece](), list[float]()
    begun, before = time.process_time(), training.seconds
    training.net.train()
    while training.seconds - before < 60.0 * minutes:
        if not pieces or training.steps % _LOOK_STEPS == 0:  # the corpus may still grow
            known = frozenset(piece.name for piece in pieces)
            pieces += load_pieces(corpus / "train", work / "levels", known)
            crops = Crops(pieces, _FRAMES, seed=training.steps)
        losses.append(training.step(crops.batch(_BATCH), training.seconds / (60.0 * planned)))
        training.seconds = before + time.process_time() - begun
        if training.steps % 50 == 0:
            print(
                f"{len(pieces)} pieces, {training.steps} steps, {training.seconds / 60.0:.1f} "
                f"minutes, loss {np.mean(losses):.4f}",
                flush=True,
            )
            losses = []
            training.save()
    training.save()
    return training


class _Played(nn.Module):
    """The network as it ships: probabilities [batch, 4, time, pitches]."""

    def __init__(self, net: NoteNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, long: Tensor, short: Tensor) -> Tensor:
        return torch.sigmoid(self.net(long, short))


def to_onnx(net: NoteNet) -> bytes:
    """The network as an ONNX file with any number of frames."""
    import warnings

    buffer = BytesIO()
    played = _Played(copy.deepcopy(net)).eval()
    example = (torch.zeros(1, 64, LONG_BANDS), torch.zeros(1, 64, SHORT_BANDS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            played,
            example,
            buffer,  # type: ignore[arg-type]
            input_names=["long", "short"],
            output_names=["heard"],
            dynamic_axes={"long": {1: "time"}, "short": {1: "time"}, "heard": {2: "time"}},
            dynamo=False,
        )
    return buffer.getvalue()


def card_of(training: Training, metrics: tuple[Metric, ...], sources: tuple[Source, ...]) -> Card:
    """What the card says."""
    return Card(
        name="notes",
        task="notes",
        version="1",
        summary="Onsets, sounding, offsets and velocities of 88 pitches from 43 spectra a second; "
        "fully convolutional, any instruments, with or without drums.",
        inputs=(
            "long: levels 0 (-100 dB) to 1 (full scale) of 312 bands, 36 to an octave, window 4096",
            "short: the same of 104 bands, 12 to an octave, window 1024; frames every 512 samples "
            "at 22050 Hz",
        ),
        outputs=(
            Output("onset", "1 at the frame of an onset, falling to 0 within two frames"),
            Output("sounding", "probability 0..1 that the key is held"),
            Output("offset", "as onset, where the key is let go"),
            Output("velocity", "0..1, at onsets"),
        ),
        training_data=sources,
        commercial_use="open",
        split="by piece and, where possible, by sound font: `train` and `valid` of the corpus",
        metrics=metrics,
        command="python -m segue.analysis.training.train_notes CORPUS --work DIR "
        f"--minutes {training.seconds / 60.0:.0f} && "
        "python -m segue.analysis.training.measure_notes CORPUS",
        weights="notes.onnx",
        sha256="",
        notes=(
            "Trained on rendered sound only; real recordings are harder.",
            "The pitched sound font of the validation part shares samples with one of training.",
            "The first 650 steps had batches of eight crops, and --planned was 60, then 18.8, then "
            "25.8 minutes: another run gives somewhat other weights.",
            "The decoder's thresholds were chosen on the validation part.",
        ),
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--planned", type=float, default=25.0)
    parser.add_argument("--models", type=Path, default=MODELS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    training = train(given.corpus, given.work, given.minutes, given.planned)
    save_network(given.models, card_of(training, (), ()), to_onnx(training.mean))


if __name__ == "__main__":
    main()
