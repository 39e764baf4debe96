"""Ships the beat network: measures it on the validation corpus, writes its ONNX file and card.

python -m segue.analysis.training.export_beats --corpus DIR --work DIR
"""

import argparse
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..cards import MODELS, Card, Metric, Output, Source
from ..networks import save_network
from ..rhythm import beats as finder
from ..rhythm.beat_spectrum import MEL_BANDS, SEMITONES, TEMPO_CLASSES, BeatChances
from .beat_data import Clip, load_clips
from .beat_net import BeatNet
from .train_beats import load

_BOOTSTRAPS = 1000
_SOURCES = (
    Source(
        "segue training corpus: POP909 arrangements",
        "MIT (data set)",
        "beats, downbeats, tempo; rendered anew",
    ),
    Source(
        "segue training corpus: invented bands",
        "own",
        "beats, downbeats, meter, tempo",
    ),
    Source(
        "Groove MIDI Dataset (drums that people played), training split",
        "CC BY 4.0",
        "drums of invented bands, and alone under other clips",
    ),
    Source(
        "segue training corpus: music21 corpus and When in Rome (chorales, chamber music, "
        "piano, songs, folk tunes)",
        "public domain works; encodings as stated by their collections",
        "beats, downbeats, meter",
    ),
    Source(
        "Nottingham folk tunes",
        "traditional; encoding GPL-3.0",
        "onsets only (no beats are taken from it)",
    ),
)


def onnx_bytes(module: torch.nn.Module, inputs: dict[str, Any], outputs: list[str]) -> bytes:
    """A module as an ONNX file for any number of frames."""
    buffer = io.BytesIO()
    dynamic = {"mel": {1: "frames"}, "semitones": {1: "rows"}, "frames": {2: "frames"}}
    torch.onnx.export(
        module,
        tuple(inputs.values()),
        buffer,  # type: ignore[arg-type]
        input_names=list(inputs),
        output_names=outputs,
        dynamic_axes=dynamic,
        opset_version=17,
        dynamo=False,
    )
    return buffer.getvalue()


def f_measure(reference: NDArray[np.floating], found: NDArray[np.floating]) -> float:
    """F of beats within 70 ms, the first 5 seconds left out."""
    import mir_eval

    trimmed = (mir_eval.beat.trim_beats(np.asarray(beats, float)) for beats in (reference, found))
    return float(mir_eval.beat.f_measure(*trimmed))


def chances_of(net: BeatNet, clip: Clip) -> BeatChances:
    """What a network makes of a clip."""
    mel = torch.from_numpy(clip.mel.astype(np.float32))[None]
    semitones = torch.from_numpy(clip.semitones.astype(np.float32))[None]
    with torch.no_grad():
        heard = net(mel, semitones)
    frames = torch.sigmoid(heard.frames)[0].numpy()
    tempo = torch.softmax(heard.tempo, 1).numpy()
    return BeatChances(frames[0], frames[1], frames[2], tempo)


def measure(net: BeatNet, clips: list[Clip]) -> tuple[Metric, ...]:
    """F of beats and downbeats and accuracy of the tempo on clips, with 95 % intervals."""
    rows = []
    for clip in clips:
        if len(clip.beats) < 12:
            continue
        beats = finder.beats_of(chances_of(net, clip))
        rows.append(
            (
                f_measure(clip.beats, beats.times_seconds),
                f_measure(clip.downbeats, beats.downbeat_times_seconds)
                if len(clip.downbeats) > 2
                else np.nan,
                float(abs(beats.tempo_bpm / clip.tempo - 1.0) <= 0.04),
            )
        )
    table = np.array(rows)
    random = np.random.default_rng(0)
    picks = random.integers(len(table), size=(_BOOTSTRAPS, len(table)))
    where = f"{len(table)} clips of the validation corpus"
    found = []
    for column, name in enumerate(("beat_f", "downbeat_f", "tempo_acc1")):
        means = np.nanmean(table[picks, column], axis=1)
        low, high = np.percentile(means, [2.5, 97.5])
        value = float(np.nanmean(table[:, column]))
        found.append(
            Metric(name, round(value, 4), round(float(low), 4), round(float(high), 4), where)
        )
    return tuple(found)


def card(metrics: tuple[Metric, ...], seconds: float) -> Card:
    """The card of a network that learned from so much sound."""
    command = "python -m segue.analysis.training.train_beats --corpus DIR --data DIR --work DIR"
    return Card(
        name="beats",
        task="beats",
        version="1",
        summary=(
            "Chance of a beat, a downbeat and an onset in each of 50 frames a second, and of the "
            "tempo; convolutions over time, five seconds to either side"
        ),
        inputs=(
            f"mel [1, frames, {MEL_BANDS}], semitones [1, frames / 2, {SEMITONES}] of "
            "analysis.rhythm.beat_spectrum",
        ),
        outputs=(
            Output("frames", "logits of beat, downbeat and onset in each frame"),
            Output(
                "tempo", f"logits of {len(TEMPO_CLASSES)} classes from 40 to 254 bpm, log spaced"
            ),
        ),
        training_data=_SOURCES,
        commercial_use="open",
        split=(
            f"{seconds / 3600:.1f} hours of rendered clips; validation of other works and sound "
            "fonts; nothing of the development set or of GTZAN"
        ),
        metrics=metrics,
        command=command,
        weights="beats.onnx",
        sha256="",
        notes=("learned from synthetic sound only; real recordings are harder than the metrics",),
    )


def main() -> None:
    """Measure and ship, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODELS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    net = load(options.work / "beats.pt")
    metrics = measure(net, load_clips(options.corpus / "valid", options.work / "spectra_valid"))
    learned = load_clips(options.corpus / "train", options.work / "spectra_train")
    seconds = sum(len(clip.mel) for clip in learned) / 50.0
    inputs = {"mel": torch.zeros(1, 800, MEL_BANDS), "semitones": torch.zeros(1, 400, SEMITONES)}
    onnx = onnx_bytes(net, inputs, ["frames", "tempo"])
    shipped = save_network(options.out, card(metrics, seconds), onnx)
    for metric in shipped.metrics:
        print(f"{metric.name} {metric.value} ({metric.low} to {metric.high})")


if __name__ == "__main__":
    main()
