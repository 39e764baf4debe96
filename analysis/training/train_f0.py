"""Trains the networks that find a pitch: of one instrument (`f0`) and of a mix's melody (`melody`).

    python -m segue.analysis.training.train_f0 --corpus DIR [--corpus DIR ...] --cache DIR
        [--target melody] [--steps 3000] [--start CACHE/f0.pt]

A corpus is a folder with `train` and `valid`, each of recordings `NAME.flac` at 22,050 Hz with
`NAME.json`: its `family`, `notes` [[onset, offset, midi, velocity, program], ...] and, of family
`mono`, `f0` {hop: 0.01, hz: [...]}. `f0` learns from the family `mono`; `melody` from those in
which `melody_labels` knows the part that plays the tune.

The network looks at the levels of `pitch_spectrum`: a few filters over time and pitch, then the
harmonics of each pitch side by side (as R. Bittner et al., "Deep salience representations for F0
estimation in polyphonic music", ISMIR 2017), then what happens to each pitch over a quarter of a
second, so that a note that begins wins over one that rings on.
"""

import argparse
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import nn

from ..cards import MODELS, Card, Metric, Output, Source
from ..networks import save_network
from ..pitch.pitch_spectrum import BANDS, BANDS_PER_OCTAVE, FLOOR, LOW_HZ, PITCHES, pitch_spectra
from .melody_labels import melody_hz

FRAMES = 256  # of a training example
EDGE = 20  # frames at either end of an example that are not scored
HARMONICS = (0.5, 1, 2, 3, 4, 5, 6, 8)
SIZES = ((5, 1), (1, 5), (5, 1), (1, 5), (5, 1))  # of the filters, over time and pitch
RATE = 3e-3  # of learning, at its highest
WARM_STEPS, TOLD_STEPS = 100, 150
SPREAD_BANDS = 0.7  # of the target round the true pitch


@dataclass(frozen=True)
class Piece:
    """One recording: what the network sees and what it shall say."""

    levels: NDArray[np.uint8]  # [shape=(2, frames, BANDS)], FLOOR..0
    bands: NDArray[np.float32]  # [frames] of the pitch, -1 where there is none


class Over(nn.Module):
    """A filter over time and pitch whose output is added to its input."""

    def __init__(self, channels: int, over_time: int, over_pitch: int) -> None:
        super().__init__()
        around = (over_time // 2, over_pitch // 2)
        self.filter = nn.Conv2d(channels, channels, (over_time, over_pitch), padding=around)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = x + torch.relu(self.filter(x))
        return out


class SalienceNet(nn.Module):
    """Levels [shape=(n, 2, frames, BANDS)] to pitch logits and whether there is one.

    :return: [shape=(n, frames, PITCHES)] and [shape=(n, frames)]; frames must be even
    """

    def __init__(self, first: int = 8, channels: int = 16) -> None:
        super().__init__()
        self.shifts = [round(float(np.log2(h)) * BANDS_PER_OCTAVE) for h in HARMONICS]
        self.begin = nn.Conv2d(2, first, (5, 3), (2, 1), (2, 1))
        self.stack = nn.Conv2d(first * len(HARMONICS), channels, 1)
        self.body = nn.Sequential(*(Over(channels, *size) for size in SIZES))
        self.pitch = nn.Conv2d(channels, 2, 1)
        self.whole = nn.Sequential(
            nn.Conv1d(2 * channels, 24, 5, padding=2), nn.ReLU(), nn.Conv1d(24, 2, 1)
        )

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.relu(self.begin(x / 2.0 + 1.0))
        low = -min(self.shifts)
        x = nn.functional.pad(x, (low, max(self.shifts) + PITCHES - BANDS))
        x = torch.cat([x[..., low + k : low + k + PITCHES] for k in self.shifts], 1)
        x = self.body(torch.relu(self.stack(x)))
        pitch = self.pitch(x).permute(0, 2, 1, 3).flatten(1, 2)
        pooled = torch.cat([x.mean(3), x.amax(3)], 1)
        voiced = self.whole(pooled).permute(0, 2, 1).flatten(1, 2)
        return pitch, voiced


def load_pieces(
    folders: list[Path], split: str, target: str, cache: Path, most: int = 10_000
) -> list[Piece]:
    """The first recordings of a split that hold what is to be learned."""
    pieces: list[Piece] = []
    for folder in folders:
        for path in sorted((folder / split).glob("*.json")):
            if len(pieces) == most:
                return pieces
            about = json.loads(path.read_text())
            hz = pitch_of(about, target)
            if hz is None or not path.with_suffix(".flac").exists():
                continue
            pieces.append(_piece(path, hz, cache / f"{folder.name}-{split}-{path.stem}.npy"))
    return pieces


def pitch_of(about: dict[str, Any], target: str) -> NDArray[np.float64] | None:
    """What shall be found, a value each 10 ms, 0 for nothing; None where it is not known."""
    if target == "f0":
        return np.array(about["f0"]["hz"]) if about["family"] == "mono" else None
    return melody_hz(about)


def _piece(path: Path, hz: NDArray[np.float64], kept: Path) -> Piece:
    if not kept.exists():
        sound, _ = soundfile.read(path.with_suffix(".flac"), dtype="float32")
        levels = pitch_spectra(sound, 0, len(hz))[0]
        np.save(kept, np.rint((levels - FLOOR) / -FLOOR * 255).clip(0, 255).astype(np.uint8))
    levels8 = np.load(kept, mmap_mode=None)
    count = min(levels8.shape[1], len(hz))
    safe = np.maximum(hz[:count], 1e-3)
    bands = np.where(hz[:count] > 0, BANDS_PER_OCTAVE * np.log2(safe / LOW_HZ), -1.0)
    bands[bands > PITCHES - 0.5] = -1.0
    return Piece(levels8[:, :count], bands.astype(np.float32))


def batches(
    pieces: list[Piece], size: int, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless examples: levels at a random loudness, and bands."""
    rng = np.random.default_rng(seed)
    weights = np.array([piece.levels.shape[1] for piece in pieces], float)
    weights /= weights.sum()
    while True:
        levels, bands = [], []
        for index in rng.choice(len(pieces), size, p=weights):
            piece = pieces[index]
            start = int(rng.integers(0, max(piece.levels.shape[1] - FRAMES, 1)))
            part = piece.levels[:, start : start + FRAMES].astype(np.float32)
            part = part * (-FLOOR / 255.0) + FLOOR + rng.uniform(-1.2, 0.3)
            tilt = rng.normal(0.0, 0.15) * np.linspace(-1.0, 1.0, BANDS, dtype=np.float32)
            levels.append(np.maximum(part + tilt, FLOOR).astype(np.float32))
            bands.append(piece.bands[start : start + FRAMES])
        yield torch.from_numpy(np.stack(levels)), torch.from_numpy(np.stack(bands))


def loss_of(
    pitch: torch.Tensor, voiced: torch.Tensor, bands: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross entropy of the pitch where there is one, and of whether there is one."""
    pitch, voiced, bands = (x[:, EDGE:-EDGE] for x in (pitch, voiced, bands))
    sung = bands >= 0
    wanted = torch.exp(-0.5 * ((torch.arange(PITCHES) - bands[sung][:, None]) / SPREAD_BANDS) ** 2)
    wanted = wanted / wanted.sum(1, keepdim=True).clamp(min=1e-6)
    of_pitch = -(wanted * torch.log_softmax(pitch[sung], 1)).sum(1).mean()
    of_voice = nn.functional.binary_cross_entropy_with_logits(voiced, sung.float())
    return of_pitch, of_voice


def accuracy(net: SalienceNet, pieces: list[Piece]) -> list[tuple[float, float, float]]:
    """Of each piece: raw pitch accuracy, voicing recall, voicing false alarm."""
    rows = []
    net.eval()
    with torch.no_grad():
        for piece in pieces:
            even = piece.levels.shape[1] // 2 * 2
            x = piece.levels[None, :, :even].astype(np.float32) * (-FLOOR / 255.0) + FLOOR
            pitch, voiced = net(torch.from_numpy(x))
            found, bands = pitch[0].argmax(1).numpy(), piece.bands[:even]
            sung, told = bands >= 0, voiced[0].numpy() > 0
            right = np.abs(found - bands)[sung] <= BANDS_PER_OCTAVE / 24
            false = told[~sung].mean() if (~sung).any() else 0.0
            share = [float(x.mean()) if sung.any() else np.nan for x in (right, told[sung])]
            rows.append((share[0], share[1], float(false)))
    net.train()
    return rows


def train(
    net: SalienceNet, pieces: list[Piece], valid: list[Piece], steps: int, kept: Path, seed: int
) -> None:
    """Train for some steps; the state is kept now and then."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-4)
    shown = np.zeros(2)
    for step, (levels, bands) in zip(range(steps), batches(pieces, 6, seed), strict=False):
        fade = 0.5 * (1.0 + np.cos(np.pi * step / steps))
        for group in optimiser.param_groups:
            group["lr"] = RATE * min((step + 1) / WARM_STEPS, 1.0) * fade + 1e-5
        pitch, voiced = net(levels)
        of_pitch, of_voice = loss_of(pitch, voiced, bands)
        optimiser.zero_grad()
        (of_pitch + 0.5 * of_voice).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        shown += of_pitch.item(), of_voice.item()
        if step % TOLD_STEPS == TOLD_STEPS - 1:
            torch.save(net.state_dict(), kept)
            rows = np.nanmean(accuracy(net, valid[::7]), axis=0).round(3)
            print(step + 1, (shown / TOLD_STEPS).round(4), *rows, flush=True)
            shown[:] = 0.0
    torch.save(net.state_dict(), kept)


def to_onnx(net: SalienceNet) -> bytes:
    """The network as ONNX; frames may be of any even number."""
    net.eval()
    buffer = io.BytesIO()
    torch.onnx.export(
        net,
        (torch.zeros(1, 2, 64, BANDS),),
        buffer,  # type: ignore[arg-type]
        dynamo=False,
        input_names=["levels"],
        output_names=["pitch", "voiced"],
        dynamic_axes={"levels": {2: "frames"}, "pitch": {1: "frames"}, "voiced": {1: "frames"}},
    )
    return buffer.getvalue()


def ship(net: SalienceNet, target: str, rows: NDArray[np.float64], learned_from: int) -> Card:
    """Write the network and its card into the models of analysis."""
    rng = np.random.default_rng(0)
    rows = rows[np.isfinite(rows[:, 0])]
    means = rows[rng.integers(0, len(rows), (2000, len(rows))), 0].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    what = "one instrument" if target == "f0" else "the melody of a mix"
    card = Card(
        name=target,
        task="pitch",
        version="1",
        summary=f"Which third of a semitone {what} plays in each 10 ms, and whether it does.",
        inputs=(f"levels: log10 magnitudes [1, 2, frames (even), {BANDS}], see pitch_spectrum",),
        outputs=(
            Output("pitch", f"logits of {PITCHES} bands of 33 cents from 27.5 Hz"),
            Output("voiced", "logit that there is a pitch"),
        ),
        training_data=SOURCES[target],
        commercial_use="open",
        split="by work; the corpus also by sound font",
        metrics=(
            Metric(
                "raw pitch accuracy within 50 cents",
                float(rows[:, 0].mean()),
                float(low),
                float(high),
                f"{len(rows)} pieces of the validation part, {learned_from} to learn from",
            ),
        ),
        command=COMMANDS[target],
        weights=f"{target}.onnx",
        sha256="",
        notes=("Rendered sound flatters; real recordings are harder.", RUNS[target]),
    )
    return save_network(MODELS, card, to_onnx(net))


_OWN = Source(
    "single lines made by analysis.training.mono_tunes",
    "own tunes; played by TimGM6mb (GPL-2.0), GMbank and OPL-3 FM 128M, whose sounds are not "
    "contained",
    "training and validation",
)
_CORPUS = Source(
    "sound rendered by analysis.training.corpus: folk tunes for f0, POP909 songs and own band "
    "music for melody",
    "scores: public domain, MIT, own; played by sound fonts whose sounds are not contained",
    "training and validation",
)
_COMMAND = "python -m segue.analysis.training.train_f0 --cache CACHE --corpus CORPUS"
COMMANDS = {
    "f0": "python -m segue.analysis.training.mono_tunes OWN; "
    f"{_COMMAND} --corpus OWN --steps 1800 --ship",
    "melody": f"{_COMMAND} --target melody --start CACHE/f0.pt --pieces 300 --steps 1050 --ship",
}
RUNS = {
    "f0": "It learned in two runs of 600 and 1200 steps, the second with noise beside the tunes, "
    "from tunes of an earlier form of mono_tunes.",
    "melody": "It learned in two runs of 450 and 600 steps, from the first 140 and 300 pieces; "
    "which part of a piece is its melody was told by rule (melody_labels).",
}
SOURCES = {"f0": (_OWN, _CORPUS), "melody": (_CORPUS,)}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, action="append", required=True)
    parser.add_argument("--cache", type=Path, required=True, help="for spectra and states")
    parser.add_argument("--target", choices=("f0", "melody"), default="f0")
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--pieces", type=int, default=10_000, help="to learn from at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="state to begin with, as kept in a cache")
    parser.add_argument("--ship", action="store_true", help="write the model and its card")
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    given.cache.mkdir(parents=True, exist_ok=True)
    pieces = load_pieces(given.corpus, "train", given.target, given.cache, given.pieces)
    valid = load_pieces(given.corpus, "valid", given.target, given.cache, given.pieces // 4)
    print(len(pieces), "pieces to learn from,", len(valid), "to judge by", flush=True)
    net = SalienceNet()
    kept = given.cache / f"{given.target}.pt"
    if given.start:
        net.load_state_dict(torch.load(given.start))
    train(net, pieces, valid, given.steps, kept, given.seed)
    rows = np.array(accuracy(net, valid))
    print("raw pitch accuracy, voicing recall, false alarm:", *np.nanmean(rows, axis=0).round(4))
    if given.ship:
        ship(net, given.target, rows, len(pieces))


if __name__ == "__main__":
    main()
