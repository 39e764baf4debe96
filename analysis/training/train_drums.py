"""Trains the network that `analysis.notes.drums` plays, on the training corpus.

    python -m segue.analysis.training.train_drums --corpus DIR --data DIR [--minutes 18] [--seed 0]

Drums are also laid over clips that have none, to hear many kits under much music.

Writes `models/drums.onnx` with its card and prints the thresholds to put into
`analysis.notes.drums`.
"""

import argparse
import io
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..cards import MODELS, Card, Metric, Output, Source
from ..networks import save_network
from ..notes.drums import BANDS, CLASSES, HOP, drum_features, peaks
from ..spectra import RATE, Floats, to_mono
from . import corpus_grooves as grooves
from .corpus_effects import process
from .corpus_kit import playable
from .corpus_piece import Hit
from .corpus_render import pick_font, render

_CLASS_OF = {
    35: 0, 36: 0, 37: 1, 38: 1, 39: 1, 40: 1, 42: 2, 44: 2, 46: 2, 22: 2, 26: 2, 41: 3, 43: 3,
    45: 3, 47: 3, 48: 3, 50: 3, 49: 4, 51: 4, 52: 4, 53: 4, 55: 4, 57: 4, 59: 4,
}  # fmt: skip
_LIKE = {70: 2, 54: 2, 69: 2, 60: 3, 61: 3, 62: 3, 63: 3, 64: 3, 65: 3, 66: 3}  # not to be judged
_OPEN, _RIDES = 46, (51, 53, 59)
_SEGMENT = 600  # frames
_BATCH = 12
_TOLERANCE_SECONDS = 0.05


class DrumNet(nn.Module):
    """Convolutions over time and bands, then wider and wider ones over time."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.bands = nn.Sequential(
            _layer(2, 16), nn.MaxPool2d((1, 2)),
            _layer(16, 24), nn.MaxPool2d((1, 2)),
            _layer(24, 32), nn.MaxPool2d((1, 2)),
        )  # fmt: skip
        self.mix = nn.Sequential(nn.Linear(32 * (BANDS // 8), width), nn.ReLU())
        self.time = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
            for dilation in (1, 2, 4, 8)
        )
        self.onset = nn.Linear(width, len(CLASSES))
        self.detail = nn.Linear(width, len(CLASSES) + 2)

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of strokes (batch, frames, 5) and of velocities, open and ride (…, 7)."""
        before = torch.cat([features[:, :1], features[:, :-1]], dim=1)
        both = torch.stack([features, torch.relu(features - before)], dim=1)
        x = self.bands(both).permute(0, 2, 1, 3).flatten(2)
        x = self.mix(x).transpose(1, 2)
        for layer in self.time:
            x = x + torch.relu(layer(x))
        x = x.transpose(1, 2)
        return self.onset(x), self.detail(x)


def _layer(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class _Played(nn.Module):
    """The network as it is shipped: probabilities instead of logits."""

    def __init__(self, net: DrumNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        onset, detail = self.net(features)
        return torch.sigmoid(onset), torch.sigmoid(detail)


@dataclass(frozen=True)
class Clip:
    """What is learned from one clip: rows are frames.

    :param targets: 1 at a stroke, a half beside it [shape=(frames, 5)]
    :param known: 0 where something like a class sounds that is not counted as one
    :param detail: velocity, open, ride at strokes, -1 elsewhere [shape=(frames, 7)]
    :param times: true strokes in seconds by class
    """

    features: NDArray[np.float16]
    targets: NDArray[np.float16]
    known: NDArray[np.float16]
    detail: NDArray[np.float16]
    times: tuple[NDArray[np.float64], ...]


def read_clips(
    folder: Path, rng: random.Random, others: float, data: Path | None = None, over: float = 0.0
) -> Iterator[Clip]:
    """Clips with drums and a share of those without.

    :param others: share of the clips without drums that are taken as they are
    :param over: share of them that drums are laid over, those of Groove MIDI in `data` too
    """
    import soundfile

    for path in sorted(folder.glob("*.json")):
        labels = json.loads(path.read_text())
        drums = labels["drums"]
        chance = rng.random()
        if not drums and chance > others + over:
            continue
        samples, rate = soundfile.read(path.with_suffix(".flac"), dtype="float32")
        mono = to_mono(samples, rate)
        if not drums and chance > others:
            mono, drums = lay_over(rng, mono, data)
        features = drum_features(mono)
        if len(features) > _SEGMENT:
            yield clip_of(features, drums)


def lay_over(rng: random.Random, mono: Floats, data: Path | None) -> tuple[Floats, list[Hit]]:
    """Music with drums of another tempo over it, and their hits in seconds."""
    seconds = len(mono) / RATE
    if data is not None and rng.random() < 0.5:
        take = grooves.read_take(data, rng.choice(grooves.takes(data, "train")))
        bpm, hits = take.bpm * rng.uniform(0.9, 1.12), list(take.hits)
    else:
        bpm, hits = min(190.0, max(60.0, rng.gauss(112.0, 34.0))), []
        thirds = rng.random() < 0.15
        pair = [grooves.invent(rng, 4, thirds) for _ in range(2)]
        for bar in range(round(seconds * bpm / 240) + 1):
            hits += grooves.play_bar(rng, pair[bar // 4 % 2], 4.0 * bar, 0.0)
            if rng.random() < 0.25:
                hits += grooves.fill(rng, 4, rng.choice((1, 2, 4)), 4.0 * bar, thirds)
    late = rng.uniform(0.0, 1.0)
    played = [
        (at * 60 / bpm + late + abs(rng.gauss(0.0, 0.004)), drum, velocity)
        for at, drum, velocity in hits
    ]
    kit = pick_font(rng, "train", drums=True)
    played = sorted(hit for hit in played if 0.0 <= hit[0] < seconds - 0.1)
    if kit.is_kit:
        played = playable(kit.path, played)
    sound, _ = process(rng, render(rng, [], played, seconds, kit, kit, 0.0))
    level = 10 ** (rng.uniform(-8.0, 8.0) / 20) * np.sqrt(np.square(mono).mean())
    level /= max(1e-6, float(np.sqrt(np.square(sound).mean())))
    return mono[: len(sound)] + sound[: len(mono)] * np.float32(level), played


def clip_of(features: Floats, drums: Sequence[Sequence[float]]) -> Clip:
    """A clip from its features and its labels (seconds, General MIDI drum, velocity)."""
    count = len(features)
    targets = np.zeros((count, len(CLASSES)), np.float16)
    known = np.ones((count, len(CLASSES)), np.float16)
    detail = np.full((count, len(CLASSES) + 2), -1.0, np.float16)
    times: list[list[float]] = [[] for _ in CLASSES]
    for at, drum, velocity in drums:
        frame = min(count - 1, round(at * RATE / HOP))
        like = _LIKE.get(int(drum))
        if like is not None:
            known[max(0, frame - 3) : frame + 4, like] = 0.0
        index = _CLASS_OF.get(int(drum))
        if index is None:
            continue
        if not times[index] or at - times[index][-1] > 0.02:
            times[index].append(at)
        for near in (frame - 1, frame + 1):
            if 0 <= near < count:
                targets[near, index] = max(targets[near, index], 0.5)
        targets[frame, index] = 1.0
        detail[frame, index] = max(detail[frame, index], velocity / 127)
        if index == 2:
            detail[frame, 5] = float(drum == _OPEN)
        if index == 4:
            detail[frame, 6] = float(drum in _RIDES)
    known = np.maximum(known, (targets > 0).astype(np.float16))
    return Clip(features.astype(np.float16), targets, known, detail, tuple(map(np.array, times)))


def loss_of(net: DrumNet, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Cross-entropy of strokes, and of the details where strokes are."""
    features, targets, known, detail = batch
    onset, more = net(features)
    cross = nn.functional.binary_cross_entropy_with_logits
    weight = known * (1.0 + 2.0 * targets)
    stroke = (cross(onset, targets, reduction="none") * weight).mean()
    there = (detail >= 0).float()
    finer = (cross(more, detail.clamp(min=0.0), reduction="none") * there).sum()
    return stroke + 0.02 * finer / there.sum().clamp(min=1.0)


def _batch(rng: random.Random, clips: list[Clip]) -> tuple[torch.Tensor, ...]:
    """Random pieces of random clips, half of them darkened or brightened."""
    parts: list[list[NDArray[np.float32]]] = [[], [], [], []]
    for clip in rng.choices(clips, k=_BATCH):
        start = rng.randrange(len(clip.features) - _SEGMENT)
        inside = slice(start, start + _SEGMENT)
        features = clip.features[inside].astype(np.float32)
        if rng.random() < 0.5:
            tilt = np.linspace(1.0 + rng.uniform(-0.2, 0.2), 1.0 + rng.uniform(-0.2, 0.2), BANDS)
            features = features * tilt.astype(np.float32)
        if rng.random() < 0.3:
            features = np.maximum(features - np.float32(rng.uniform(0.0, 0.7)), 0.0)
        labels = (rows[inside] for rows in (clip.targets, clip.known, clip.detail))
        for part, rows in zip(parts, (features, *labels), strict=True):
            part.append(np.asarray(rows, np.float32))
    return tuple(torch.from_numpy(np.stack(part)) for part in parts)


def train(clips: list[Clip], minutes: float, seed: int, kept: Path | None = None) -> DrumNet:
    """A network trained for so many minutes; the learning rate falls to nothing by then.

    :param kept: file in which the state is kept now and then, and from which training goes on
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = random.Random(seed)
    net = DrumNet()
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=1e-3)
    before, step, total = 0.0, 0, 0.0
    if kept is not None and kept.exists():
        state = torch.load(kept, weights_only=True)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        before, step = state["share"], state["step"]
    began = time.process_time()
    while (share := before + (time.process_time() - began) / (60 * minutes)) < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * min(1.0, (step + 1) / 50) * (0.5 + 0.5 * np.cos(np.pi * share))
        optimizer.zero_grad()
        loss = loss_of(net, _batch(rng, clips))
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step, total = step + 1, total + float(loss.detach())
        if step % 100 == 0:
            print(f"{step} steps, {share:.0%}: loss {total / 100:.4f}", flush=True)
            total = 0.0
            if kept is not None:
                state = {"net": net.state_dict(), "optimizer": optimizer.state_dict()}
                torch.save({**state, "share": share, "step": step}, kept)
    return net.eval()


def counts(onsets: NDArray[np.float32], clip: Clip, thresholds: list[float]) -> NDArray[np.int64]:
    """(hits, found, true) of each class [shape=(5, 3)], matched within 50 ms (mir_eval)."""
    from mir_eval.util import match_events

    found = np.zeros((len(CLASSES), 3), np.int64)
    for index, (times, threshold) in enumerate(zip(clip.times, thresholds, strict=True)):
        told = peaks(onsets[:, index], threshold) * HOP / RATE
        hits = len(match_events(times, told, _TOLERANCE_SECONDS)) if len(times) and len(told) else 0
        found[index] = hits, len(told), len(times)
    return found


def f_measure(found: NDArray[np.int64]) -> NDArray[np.float64]:
    """F of each class from summed counts [shape=(..., 3)]."""
    return np.asarray(2.0 * found[..., 0] / np.maximum(found[..., 1] + found[..., 2], 1))


def predict(net: DrumNet, clips: list[Clip]) -> list[NDArray[np.float32]]:
    """Stroke probabilities of each clip."""
    with torch.no_grad():
        return [
            torch.sigmoid(net(torch.from_numpy(clip.features.astype(np.float32))[None])[0])[
                0
            ].numpy()
            for clip in clips
        ]


def tune(onsets: list[NDArray[np.float32]], clips: list[Clip]) -> list[float]:
    """The threshold of each class with the best F over all clips."""
    grid = np.arange(0.1, 0.85, 0.05)
    scores = np.stack(
        [
            f_measure(
                np.sum(
                    [counts(o, c, [float(t)] * 5) for o, c in zip(onsets, clips, strict=True)],
                    axis=0,
                )
            )
            for t in grid
        ]
    )
    return [round(float(grid[i]), 2) for i in scores.argmax(axis=0)]


def metrics_of(
    onsets: list[NDArray[np.float32]], clips: list[Clip], thresholds: list[float], measured_on: str
) -> tuple[Metric, ...]:
    """F of each class and of all strokes, with 95 % intervals over clips, and false strokes."""
    drummed = [bool(sum(map(len, clip.times))) for clip in clips]
    every = np.array([counts(o, c, thresholds) for o, c in zip(onsets, clips, strict=True)])
    with_drums = every[np.array(drummed)]
    with_drums = np.concatenate([with_drums, with_drums.sum(axis=1, keepdims=True)], axis=1)
    draws = np.random.default_rng(0).integers(len(with_drums), size=(1000, len(with_drums)))
    spread = np.array([f_measure(with_drums[draw].sum(axis=0)) for draw in draws])
    low, high = np.percentile(spread, (2.5, 97.5), axis=0)
    value = f_measure(with_drums.sum(axis=0))
    metrics = [
        _metric(f"F {name}", value[i], low[i], high[i], measured_on)
        for i, name in enumerate((*CLASSES, "all"))
    ]
    without = every[~np.array(drummed)][:, :, 1].sum(axis=1)
    if len(without):
        minutes = np.array([len(c.features) for c, d in zip(clips, drummed, strict=True) if not d])
        rate = without / (minutes * HOP / RATE / 60)
        drawn = np.random.default_rng(0).choice(rate, (1000, len(rate))).mean(axis=1)
        ends = np.percentile(drawn, (2.5, 97.5))
        metrics.append(
            _metric(
                "false strokes a minute without drums", rate.mean(), ends[0], ends[1], measured_on
            )
        )
    return tuple(metrics)


def _metric(name: str, value: float, low: float, high: float, measured_on: str) -> Metric:
    return Metric(
        name, round(float(value), 4), round(float(low), 4), round(float(high), 4), measured_on
    )


def export(net: DrumNet) -> bytes:
    """The network as ONNX: features (1, frames, 64) to onsets (…, 5) and detail (…, 7)."""
    buffer = io.BytesIO()
    torch.onnx.export(
        _Played(net).eval(),
        (torch.zeros(1, 500, BANDS),),
        buffer,  # type: ignore[arg-type]
        input_names=["features"],
        output_names=["onsets", "detail"],
        dynamic_axes={name: {1: "frames"} for name in ("features", "onsets", "detail")},
        dynamo=False,
    )
    return buffer.getvalue()


def card_of(
    metrics: tuple[Metric, ...], clips: int, hours: float, command: str, notes: Any
) -> Card:
    """The card of the network."""
    return Card(
        name="drums",
        task="drum transcription",
        version="1",
        summary="Strokes of kick, snare, hat, toms and cymbals in recordings, with velocities.",
        inputs=(f"features: float32 (1, frames, {BANDS}), `analysis.notes.drums.drum_features`",),
        outputs=(
            *(
                Output(f"onsets: {name}", "probability of a stroke, each 9.98 ms")
                for name in CLASSES
            ),
            *(Output(f"detail: velocity of {name}", "share of 127") for name in CLASSES),
            Output("detail: open", "probability that a hat is open"),
            Output("detail: ride", "probability that a cymbal is a ride"),
        ),
        training_data=(
            Source(
                "training corpus, family band: invented grooves with drum kits of Debian's "
                "hydrogen-drumkits, avldrums and General MIDI fonts",
                "own scores; kits GPL-2.0, CC BY-SA 3.0, CC BY 3.0, CC0, fonts GPL-2.0",
                f"training, {clips} clips, {hours:.1f} h",
            ),
            Source("Groove MIDI Dataset", "CC BY 4.0", "drum parts of half of the clips"),
            Source(
                "POP909, chorales and the like", "MIT, public domain", "what drums are laid over"
            ),
        ),
        commercial_use="open",
        split="by take, song and kit; validation: sf_GMbank, Red Zeppelin, GMRockKit, VariBreaks",
        metrics=metrics,
        command=command,
        weights="drums.onnx",
        sha256="",
        notes=notes,
    )


def main() -> None:
    """Train, tune the thresholds, measure, and write network and card."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="holds groove_midi")
    parser.add_argument("--out", type=Path, default=MODELS)
    parser.add_argument("--minutes", type=float, default=18.0, help="of one core")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="file of the state, to go on after a stop")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    clips = list(read_clips(options.corpus / "train", rng, 0.08, options.data, 0.27))
    valid = list(read_clips(options.corpus / "valid", rng, 0.5))
    hours = sum(len(clip.features) for clip in clips) * HOP / RATE / 3600
    print(f"{len(clips)} clips, {hours:.2f} h, {len(valid)} for validation", flush=True)
    net = train(clips, options.minutes, options.seed, options.keep)
    onsets = predict(net, valid)
    thresholds = tune(onsets, valid)
    drummed = sum(bool(sum(map(len, clip.times))) for clip in valid)
    measured_on = (
        f"validation part, {drummed} clips with drums, {len(valid) - drummed} without; "
        "strokes within 50 ms"
    )
    metrics = metrics_of(onsets, valid, thresholds, measured_on)
    for metric in metrics:
        print(f"{metric.name}: {metric.value} ({metric.low} to {metric.high})")
    print(f"THRESHOLDS = {tuple(thresholds)}")
    command = (
        "python -m segue.analysis.training.train_drums --corpus DIR --data DIR "
        f"--minutes {options.minutes:g} --seed {options.seed}"
    )
    notes = (
        "thresholds were tuned on the same clips that the metrics are measured on: five numbers",
        "rendered sound flatters; no recorded set with drum labels was at hand",
        "side sticks and claps count as snares; shakers, congas and the like are not transcribed",
    )
    save_network(options.out, card_of(metrics, len(clips), hours, command, notes), export(net))


if __name__ == "__main__":
    main()
