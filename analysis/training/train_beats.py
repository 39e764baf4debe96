"""Trains the network of `analysis.rhythm.beats`.

    python -m segue.analysis.training.train_beats --corpus DIR --data DIR --work DIR
        [--minutes 20]

Learns from the train part of the corpus, stops on its valid part, and keeps checkpoints in the work
folder, so that a run can be cut and gone on with. `export_beats` then ships the network.
"""

import argparse
import time
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .beat_data import EXCERPT, Clip, Excerpt, Sampler, load_clips
from .beat_drums import drum_clips
from .beat_net import BeatNet, Heard

_DRUM_CLIPS = 240
_LOSSES = (1.0, 1.0, 0.3)  # of beat, downbeat and onset
_TEMPO_LOSS = 0.04


def batch(excerpts: list[Excerpt]) -> tuple[Tensor, ...]:
    """Excerpts as tensors."""
    return tuple(
        torch.from_numpy(np.ascontiguousarray(x, np.float32))
        for x in (
            np.stack([e.mel for e in excerpts]),
            np.stack([e.semitones for e in excerpts]),
            np.stack([e.targets for e in excerpts]),
            np.stack([e.weights for e in excerpts]),
            np.stack([e.tempo for e in excerpts]),
        )
    )


def losses(heard: Heard, targets: Tensor, weights: Tensor, tempo: Tensor) -> Tensor:
    """Mean losses of beat, downbeat, onset and tempo [shape=(4,)]."""
    frames = functional.binary_cross_entropy_with_logits(heard.frames, targets, reduction="none")
    shares = weights / weights.sum(0).clamp(min=1.0)
    by_head = (frames.mean(2) * shares).sum(0)
    known = tempo.sum(1)
    cross = -(tempo * functional.log_softmax(heard.tempo, 1)).sum(1)
    return torch.cat([by_head, (cross.sum() / known.sum().clamp(min=1.0))[None]])


def total(parts: Tensor) -> Tensor:
    """The sum that is made small."""
    return (parts * torch.tensor([*_LOSSES, _TEMPO_LOSS])).sum()


def fixed_excerpts(clips: list[Clip]) -> list[Excerpt]:
    """One plain excerpt of each clip."""
    sampler = Sampler(clips, 0, plain=True)
    return [
        sampler.excerpt(clip, max(0.0, (len(clip.mel) - EXCERPT) / 2), 1.0)
        for clip in clips
        if len(clip.beats) > 8
    ]


def measure(net: BeatNet, excerpts: list[Excerpt]) -> NDArray[np.float32]:
    """Mean losses over excerpts."""
    size = 16
    net.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(excerpts), size):
            mel, semitones, targets, weights, tempo = batch(excerpts[start : start + size])
            found.append(losses(net(mel, semitones), targets, weights, tempo).numpy())
    net.train()
    return np.asarray(np.mean(found, axis=0), np.float32)


def save(path: Path, net: BeatNet) -> None:
    """Keep a network with what it takes to make it again."""
    shape = {"width": net.frames.in_channels, "blocks": len(net.blocks)}
    torch.save({"net": net.state_dict(), **shape}, path)


def load(path: Path) -> BeatNet:
    """A network that was kept."""
    state = torch.load(path, weights_only=True)
    weights = state.pop("net")
    net = BeatNet(state["width"], state.get("blocks", 8))
    net.load_state_dict(weights)
    return net.eval()


def train(
    corpus: Path,
    data: Path,
    work: Path,
    minutes: float,
    *,
    size: int = 8,
    rate: float = 1.5e-3,
    seed: int = 0,
    width: int = 40,
) -> None:
    """Train for some minutes of time, from the last checkpoint if there is one."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    work.mkdir(parents=True, exist_ok=True)
    clips = load_clips(corpus / "train", work / "spectra_train")
    held = load_clips(corpus / "valid", work / "spectra_valid")
    print(f"{len(clips)} clips to learn from, {len(held)} held out", flush=True)
    net = BeatNet(width=width)
    kept = work / "beats.pt"
    best = np.inf
    if kept.exists():
        net.load_state_dict(load(kept).state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), rate, weight_decay=1e-3)
    average = AveragedModel(
        net,
        multi_avg_fn=get_ema_multi_avg_fn(0.995),  # type: ignore[no-untyped-call]
    )
    drums = drum_clips(data, work / "drums", _DRUM_CLIPS)
    sampler = Sampler(clips + drums, seed + int(time.time()), drums)
    checks = fixed_excerpts(held)
    start, step, checked, running = time.monotonic(), 0, time.monotonic(), np.zeros(4)
    while (passed := (time.monotonic() - start) / (60.0 * minutes)) < 1.0:
        warm = min(1.0, (step + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = rate * warm * max(0.5 * (1 + np.cos(np.pi * passed)), 0.01)
        drawn = [sampler.draw() for _ in range(size)]
        mel, semitones, targets, weights, tempo = batch(drawn)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            heard = net(mel, semitones)
        heard = Heard(heard.frames.float(), heard.tempo.float())
        parts = losses(heard, targets, weights, tempo)
        optimiser.zero_grad()
        total(parts).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(net)
        running = 0.98 * running + 0.02 * parts.detach().numpy()
        step += 1
        if time.monotonic() - checked > 90.0:
            found = measure(cast(BeatNet, average.module), checks)
            print(
                f"{passed:.2f} step {step} learning {running.round(4)} held out {found.round(4)}, "
                f"{len(sampler.clips)} clips",
                flush=True,
            )
            score = float(total(torch.from_numpy(found)))
            if score < best:
                best = score
                save(kept, cast(BeatNet, average.module))
            fresh = load_clips(
                corpus / "train", work / "spectra_train", {clip.name for clip in sampler.clips}
            )
            sampler.extend(fresh)
            checked = time.monotonic()
    found = measure(cast(BeatNet, average.module), checks)
    print(f"end, step {step}: held out {found.round(4)}", flush=True)
    if float(total(torch.from_numpy(found))) < best:
        save(kept, cast(BeatNet, average.module))


def main() -> None:
    """Train, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--width", type=int, default=40)
    options = parser.parse_args()
    train(
        options.corpus,
        options.data,
        options.work,
        options.minutes,
        rate=options.rate,
        width=options.width,
    )


if __name__ == "__main__":
    main()
