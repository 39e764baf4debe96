"""Fits the components of `envs.arrange.response`: `python -m segue.agents.arrange.train_response`.

On the themes of the training split alone.
"""

import argparse
from pathlib import Path

import numpy as np

from ...analysis.cards import Card, Output, Source, save_model
from ...analysis.emotion.model import load_emotion_model
from ...envs.arrange import response
from ...envs.arrange.response import COMPONENTS, fit_basis, impressions, presets
from ...envs.arrange.settings import THEMES, library

MODELS = Path(response.__file__).with_name("models")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=MODELS)
    folder = parser.parse_args().folder
    found = impressions(*library("train", ()), load_emotion_model("vgmidi"))
    weights = fit_basis(found)
    left = (found - weights["mean"]) @ weights["components"]
    scale = np.linalg.norm(weights["components"], axis=0)
    told = float(((left / scale) ** 2).sum() / ((found - weights["mean"]) ** 2).sum())
    card = Card(
        name="response",
        task="response of a bar to the knobs",
        version="1",
        summary=f"{COMPONENTS} principal components of impressions under {len(presets())} settings",
        inputs=tuple(f"impression_{number}" for number in range(found.shape[1])),
        outputs=tuple(Output(f"response_{n}", "spread 1, mean 0") for n in range(COMPONENTS)),
        training_data=(
            Source(f"{len(THEMES['train'])} composed themes", "MIT, made by Segue", "fit"),
            Source("emotion model vgmidi", "see its card", "impressions"),
        ),
        commercial_use="not cleared: from a model fitted to ratings without a licence",
        split="themes by seed",
        metrics=(),
        command="python -m segue.agents.arrange.train_response",
        weights="response.npz",
        sha256="",
        notes=(f"the components tell {told:.3f} of the variance of the training themes",),
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_model(folder, card, weights)


if __name__ == "__main__":
    main()
