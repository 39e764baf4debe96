"""Trains the network that hears chords and keys, and the moves of its decoder.

    python -m segue.analysis.training.train_chords --corpus DIR --cache DIR --minutes 25

The first part of the corpus is learned from, settings are chosen on the second.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..harmony.chord_decoder import NO_CHORD, QUALITIES, majmin_of
from ..harmony.chroma import FINE
from .chord_data import Clip, load, prepare
from .chord_net import ChordNet, export

CROP = 384  # frames, 18 seconds
BATCH = 8
_SHIFT = 4  # semitones that a crop is moved by at most, either way
_SEVENTHS = ("maj", "min", "7", "maj7", "min7")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--front", type=int, default=16)
    parser.add_argument("--start", type=Path, help="checkpoint to go on from")
    parser.add_argument("--blind", action="store_true", help="do not check at the end")
    parser.add_argument("--prepare-only", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for split in ("valid", "train"):
        made = prepare(options.corpus, options.cache, split)
        print(f"{split}: {made} clips made to frames", flush=True)
    if not options.prepare_only:
        train(options)


def train(options: argparse.Namespace) -> None:
    """Learn for so many minutes, with the rate falling to zero; writes checkpoints."""
    random = np.random.default_rng(options.seed)
    torch.manual_seed(options.seed)
    clips = load(options.cache, "train")
    valid = [] if options.blind else load(options.cache, "valid")
    seconds = sum(len(clip.chord) for clip in clips) * 1024 / 22_050
    print(f"{len(clips)} clips, {seconds / 3600:.1f} hours; {len(valid)} to check", flush=True)
    net = ChordNet(options.front, options.width)
    if options.start:
        net.load_state_dict(torch.load(options.start, weights_only=True)["net"])
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=0.01)
    options.out.mkdir(parents=True, exist_ok=True)
    began, step, told = time.monotonic(), 0, 0.0
    losses: list[list[float]] = []
    while (done := (time.monotonic() - began) / (60 * options.minutes)) < 1.0:
        warm = min(1.0, (step + 1) / 50)
        for group in optimiser.param_groups:
            group["lr"] = options.rate * warm * (0.01 + 0.99 * math.cos(math.pi / 2 * done) ** 2)
        net.train()
        parts = loss_of(net, batch_of(clips, random))
        optimiser.zero_grad()
        torch.autograd.backward(torch.stack(parts).sum())
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        losses.append([float(part.detach()) for part in parts])
        step += 1
        if done - told > 0.2:
            told = done
            print(f"step {step}", flush=True)
            save(net, options)
    save(net, options)
    if valid:
        report(net, valid, step, losses[-200:])


def save(net: ChordNet, options: argparse.Namespace) -> None:
    """Write the checkpoint and the network as ONNX."""
    shape = {"front": options.front, "width": options.width}
    torch.save({"net": net.state_dict(), "shape": shape}, options.out / "chords.pt")
    (options.out / "chords.onnx").write_bytes(export(net))


def chord_net(folder: Path) -> ChordNet:
    """The network of a folder of checkpoints."""
    kept = torch.load(folder / "chords.pt", weights_only=True)
    net = ChordNet(**kept["shape"])
    net.load_state_dict(kept["net"])
    return net.eval()


Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def batch_of(clips: list[Clip], random: np.random.Generator) -> Batch:
    """Crops of random clips, each moved, equalised and made louder or softer."""
    bands = clips[0].loudness.shape[2]
    loudness = np.zeros((BATCH, CROP, 2, bands), np.float32)
    chord, bass = np.full((BATCH, CROP), -1, np.int64), np.full((BATCH, CROP), -1, np.int64)
    pitch = np.zeros((BATCH, CROP, bands // FINE), np.float32)
    key = np.full(BATCH, -1, np.int64)
    for row, index in enumerate(random.choice(len(clips), BATCH)):
        clip = clips[index]
        start = int(random.integers(0, max(1, len(clip.chord) - CROP + 1)))
        taken = slice(start, start + CROP)
        length = len(clip.chord[taken])
        shift = int(random.integers(-_SHIFT, _SHIFT + 1))
        loudness[row, :length] = _moved(clip.loudness[taken], shift * FINE)
        loudness[row] = _equalised(loudness[row], random)
        pitch[row, :length] = _moved(clip.pitch[taken], shift)
        chord[row, :length] = _moved_chord(clip.chord[taken].astype(np.int64), shift)
        low = clip.bass[taken].astype(np.int64)
        bass[row, :length] = np.where((low >= 0) & (low < 12), (low + shift) % 12, low)
        if clip.key >= 0:
            key[row] = (clip.key % 12 + shift) % 12 + clip.key // 12 * 12
    return (
        torch.from_numpy(loudness),
        torch.from_numpy(chord),
        torch.from_numpy(bass),
        torch.from_numpy(pitch),
        torch.from_numpy(key),
    )


def _moved(rows: np.ndarray, shift: int) -> np.ndarray:
    moved = np.zeros_like(rows)
    if shift >= 0:
        moved[..., shift:] = rows[..., : rows.shape[-1] - shift]
    else:
        moved[..., :shift] = rows[..., -shift:]
    return moved


def _moved_chord(chord: np.ndarray, shift: int) -> np.ndarray:
    sounding = (chord >= 0) & (chord < NO_CHORD)
    return np.where(sounding, (chord + shift * len(QUALITIES)) % NO_CHORD, chord)


def _equalised(loudness: np.ndarray, random: np.random.Generator) -> np.ndarray:
    bands = loudness.shape[-1]
    at = np.linspace(0, bands - 1, 6)
    decibels = random.normal(0.0, 4.0, 6) + random.normal(-2.0, 5.0)
    gain = 10.0 ** (np.interp(np.arange(bands), at, decibels) / 20.0)
    return np.asarray(np.log1p(np.expm1(loudness) * gain.astype(np.float32)))


def loss_of(net: ChordNet, batch: Batch) -> list[Tensor]:
    """The parts of the loss: chord, bass, pitch classes, pitches, key."""
    loudness, chord, bass, pitch, key = batch
    with torch.autocast("cpu", torch.bfloat16):
        outputs = net(loudness)
    chords, basses, actives, keys, pitches = (output.float() for output in outputs)
    classes = pitch.reshape(*pitch.shape[:2], -1, 12).amax(2)
    known = (key >= 0).any()
    return [
        functional.cross_entropy(chords.flatten(0, 1), chord.flatten(), ignore_index=-1),
        0.3 * functional.cross_entropy(basses.flatten(0, 1), bass.flatten(), ignore_index=-1),
        0.5 * functional.binary_cross_entropy_with_logits(actives, classes),
        2.0 * functional.binary_cross_entropy_with_logits(pitches, pitch),
        0.2 * functional.cross_entropy(keys.mean(1), key, ignore_index=-1)
        if known
        else keys.sum() * 0.0,
    ]


@torch.no_grad()
def posteriors(net: ChordNet, clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """(log probabilities of the chords, sum of the logits of the keys) of a clip."""
    net.eval()
    even = len(clip.loudness) // 2 * 2
    chord, _, _, key, _ = net(torch.from_numpy(clip.loudness[None, :even].astype(np.float32)))
    return torch.log_softmax(chord[0], 1).numpy(), key[0].mean(0).numpy()


def report(net: ChordNet, valid: list[Clip], step: int, losses: list[list[float]]) -> None:
    """Print how well each frame and each key of the clips to check is heard."""
    rows: dict[str, list[list[float]]] = {}
    for clip in valid:
        logs, key = posteriors(net, clip)
        right = frame_scores(logs.argmax(1), clip.chord[: len(logs)])
        mirex = key_score(int(key.argmax()), clip.key) if clip.key >= 0 else math.nan
        for name in ("all", clip.family):
            rows.setdefault(name, []).append([*right, mirex])
    parts = " ".join(f"{sum(part) / len(losses):.3f}" for part in zip(*losses, strict=True))
    print(f"step {step} loss {parts}", flush=True)
    for name, found in rows.items():
        table = np.array(found)
        means = np.nansum(table, axis=0) / np.maximum((~np.isnan(table)).sum(axis=0), 1)
        print(
            f"  {name:10} majmin {means[0]:.3f} sevenths {means[1]:.3f} key {means[2]:.3f} "
            f"of {len(found)}",
            flush=True,
        )


def frame_scores(found: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Shares of the frames whose triad, and whose triad or seventh, is right; NaN of none."""
    majmin = majmin_of()
    plain = np.array([QUALITIES[c % len(QUALITIES)] in _SEVENTHS for c in range(NO_CHORD)] + [True])
    known = true >= 0
    triads = known & (majmin[true] >= 0)
    sevenths = known & plain[true]
    return (
        float((majmin[found] == majmin[true])[triads].mean()) if triads.any() else math.nan,
        float((found == true)[sevenths].mean()) if sevenths.any() else math.nan,
    )


def key_score(found: int, true: int) -> float:
    """The score of MIREX: 1 right, 0.5 a fifth off, 0.3 relative, 0.2 parallel."""
    if found == true:
        return 1.0
    if found // 12 == true // 12:
        return 0.5 if (found - true) % 12 == 7 else 0.0
    if found % 12 == true % 12:
        return 0.2
    minor, major = (found, true) if found >= 12 else (true, found)
    return 0.3 if (minor % 12 - major) % 12 == 9 else 0.0


if __name__ == "__main__":
    main()
