"""Training of the game's forecast: `python -m segue.agents.arrange.train_forecast`.

Sessions of all kinds of games (recorded play most of all) go on by bars of varying length; at each
bar the network is to give the mood at the end of each of the next six, if the tempo stays. For some
sessions the features of the game are hidden from it, as they are where a game tells moods alone.
The loss is the negative log likelihood of a Laplace distribution, so its centre is a median.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...analysis.cards import Card, Metric, Output, Source, save_model
from ...envs.arrange.course import draw_course
from ...envs.games import forecast as shipped
from ...envs.games.forecast import BARS, INPUTS, TASK, Forecast, ForecastNetwork
from .forecast_report import SECONDS, draw_seconds, errors, play

Floats = NDArray[np.float32]

MODELS = Path(shipped.__file__).with_name("models")
_LEAST_LOG_SCALE = -4.0


@dataclass(frozen=True)
class ForecastSettings:
    """Hyper-parameters."""

    sessions: int = 6000
    bars: int = 64
    shares: tuple[tuple[str, float], ...] = (("traces", 0.7), ("generator", 0.2), ("sliders", 0.1))
    hidden_share: float = 0.25  # of sessions whose features nobody tells
    units: tuple[int, int] = (96, 64)
    dropout: float = 0.1
    epochs: int = 9
    batch: int = 1024
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    seed: int = 0


def make_examples(settings: ForecastSettings, split: str) -> tuple[Floats, Floats]:
    """Inputs [shape=(m, len(INPUTS))] and the changes that follow [m, BARS, 2]."""
    rng = np.random.default_rng([settings.seed, len(split)])
    read, change = [], []
    for targets, share in settings.shares:
        n, bars = int(share * settings.sessions), settings.bars
        seconds = draw_seconds(rng, n, bars)
        longest = (bars + BARS + 2) * SECONDS[1]
        course = draw_course(rng, n, 1, targets, split, longest)
        told = rng.random(n) >= settings.hidden_share
        forecast = Forecast(n, None)
        forecast.begin(course.mood, course.features, course.known & told)
        for lasting in seconds:
            read.append(_read(forecast, lasting))
            ahead = course.ahead(np.repeat(lasting[:, None, None], BARS, axis=2))[:, 0]
            change.append((ahead - course.mood[:, None]).astype(np.float32))
            course.advance(lasting)
            forecast.add(course.mood, course.features, course.known & told)
    return np.concatenate(read), np.concatenate(change)


def _read(forecast: Forecast, seconds: NDArray[np.float64]) -> Floats:
    return shipped.inputs(forecast.features, forecast.known, forecast.moods_so_far, seconds)


class _Network(nn.Module):
    def __init__(self, settings: ForecastSettings, mean: Floats, scale: Floats) -> None:
        super().__init__()
        self.mean, self.scale = torch.from_numpy(mean), torch.from_numpy(scale)
        wide, narrow = settings.units
        self.layers = nn.Sequential(
            nn.Linear(len(INPUTS), wide), nn.SiLU(), nn.Dropout(settings.dropout),
            nn.Linear(wide, narrow), nn.SiLU(), nn.Dropout(settings.dropout),
            nn.Linear(narrow, 2 * BARS * 2),
        )  # fmt: skip

    def forward(self, read: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.layers((read - self.mean) / self.scale).view(-1, 2, BARS, 2)
        return found[:, 0], found[:, 1].clamp(min=_LEAST_LOG_SCALE)


def fit(settings: ForecastSettings, read: Floats, change: Floats) -> dict[str, NDArray[Any]]:
    """Weights of the network, as `ForecastNetwork` takes them."""
    torch.manual_seed(settings.seed)
    mean, scale = read.mean(axis=0), np.maximum(read.std(axis=0), 1e-3)
    network = _Network(settings, mean, scale)
    total = settings.epochs * (len(read) // settings.batch)
    optimiser = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total)
    x, y = torch.from_numpy(read), torch.from_numpy(change)
    for _ in range(settings.epochs):
        order = torch.randperm(len(x))
        for start in range(0, len(x) - settings.batch + 1, settings.batch):
            chosen = order[start : start + settings.batch]
            median, log_scale = network(x[chosen])
            loss = (torch.abs(y[chosen] - median) / log_scale.exp() + log_scale).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    network.eval()
    linear = [layer for layer in network.layers if isinstance(layer, nn.Linear)]
    weights: dict[str, NDArray[Any]] = {"mean": mean, "scale": scale}
    for at, layer in enumerate(linear):
        weights[f"w{at}"] = layer.weight.detach().numpy().T.copy()
        weights[f"b{at}"] = layer.bias.detach().numpy().copy()
    with torch.no_grad():
        weights["change"] = network(x[:: max(len(x) // 20_000, 1)])[0].square().mean(0).numpy()
    return weights


def forecast_card(settings: ForecastSettings, metrics: Sequence[Metric]) -> Card:
    """The card of a trained forecast."""
    return Card(
        name="forecast",
        task=TASK,
        version="1",
        summary=f"network of {settings.units[0]} and {settings.units[1]} SiLU units; median and "
        "Laplace scale",
        inputs=INPUTS,
        outputs=tuple(
            Output(f"{kind}_{bar}_{axis}", unit)
            for kind, unit in (("change", "sd of listeners' ratings"), ("log_scale", "log of sd"))
            for bar in range(1, BARS + 1)
            for axis in ("valence", "arousal")
        ),
        training_data=(
            Source("recorded play, split train", "MIT, recorded by Segue", "training"),
            Source("made-up scenes and sliders", "MIT, made by Segue", "training"),
        ),
        commercial_use="open",
        split="games by episode",
        metrics=tuple(metrics),
        command=f"python -m segue.agents.arrange.train_forecast --seed {settings.seed}",
        weights="forecast.npz",
        sha256="",
        notes=("inputs of features are 0 where a game does not tell them",),
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=ForecastSettings.epochs)
    parser.add_argument("--folder", type=Path, default=MODELS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    settings = ForecastSettings(seed=arguments.seed, epochs=arguments.epochs)
    weights = fit(settings, *make_examples(settings, "train"))
    network = ForecastNetwork(weights)
    metrics = [
        Metric(f"mean error {ahead} ahead, sd", float(found.mean()), *interval, split)
        for split in ("validation", "test", "heldout")
        for played in [play(network, split)]
        for ahead in (1, 3, BARS)
        for found, interval in [errors(played, ahead)]
    ]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    save_model(arguments.folder, forecast_card(settings, metrics), weights)


if __name__ == "__main__":
    main()
