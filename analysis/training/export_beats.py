"""Ships the beat networks: measures them on the validation corpus, writes ONNX files and cards.

python -m segue.analysis.training.export_beats --corpus DIR --work DIR [--causal]
"""

import argparse
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import beats as finder
from ..beat_spectrum import MEL_BANDS, SEMITONES, TEMPO_CLASSES, BeatChances
from ..cards import MODELS, Card, Metric, Output, Source
from ..networks import save_network
from .beat_data import Clip, load_clips
from .beat_net import BeatNet
from .beat_stream import STEP, StreamNet
from .train_beats import heard_live, load

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
    """A module as an ONNX file; every input's second axis may be of any length but the state's."""
    buffer = io.BytesIO()
    dynamic = (
        {"mel": {1: "frames"}, "semitones": {1: "rows"}, "frames": {2: "frames"}}
        if "state" not in inputs
        else None
    )
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
        heard = heard_live(net, mel, semitones) if net.causal else net(mel, semitones)
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


def card(causal: bool, metrics: tuple[Metric, ...], seconds: float) -> Card:
    """The card of a network that learned from so much sound."""
    name = "beats_live" if causal else "beats"
    command = "python -m segue.analysis.training.train_beats --corpus DIR --data DIR --work DIR"
    return Card(
        name=name,
        task="beats",
        version="1",
        summary=(
            "Chance of a beat, a downbeat and an onset in each of 50 frames a second, and of the "
            "tempo; convolutions over time, "
            + ("causal, 40 ms at a time" if causal else "ten seconds to either side")
        ),
        inputs=(
            f"mel [1, frames, {MEL_BANDS}], semitones [1, frames / 2, {SEMITONES}] of "
            "analysis.beat_spectrum" + (f"; {STEP} frames and a state" if causal else ""),
        ),
        outputs=(
            Output("frames", "logits of beat, downbeat and onset in each frame"),
            Output(
                "tempo", f"logits of {len(TEMPO_CLASSES)} classes from 40 to 254 bpm, log spaced"
            ),
            *((Output("state_out", "what is remembered"),) if causal else ()),
        ),
        training_data=_SOURCES,
        commercial_use="open",
        split=(
            f"{seconds / 3600:.1f} hours of rendered clips; validation of other works and sound "
            "fonts; nothing of the development set or of GTZAN"
        ),
        metrics=metrics,
        command=command + (" --causal" if causal else "") + " && ... export_beats",
        weights=f"{name}.onnx",
        sha256="",
        notes=("learned from synthetic sound only; real recordings are harder than the metrics",),
    )


def main() -> None:
    """Measure and ship, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--causal", action="store_true")
    parser.add_argument("--out", type=Path, default=MODELS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    name = "beats_live" if options.causal else "beats"
    net = load(options.work / f"{name}.pt")
    metrics = measure(net, load_clips(options.corpus / "valid", options.work / "spectra_valid"))
    learned = load_clips(options.corpus / "train", options.work / "spectra_train")
    seconds = sum(len(clip.mel) for clip in learned) / 50.0
    inputs = {"mel": torch.zeros(1, 800, MEL_BANDS), "semitones": torch.zeros(1, 400, SEMITONES)}
    module: torch.nn.Module = net
    outputs = ["frames", "tempo"]
    if options.causal:
        stream = StreamNet(net).eval()
        inputs = {
            "mel": torch.zeros(1, STEP, MEL_BANDS),
            "semitones": torch.zeros(1, STEP // 2, SEMITONES),
            "state": torch.zeros(1, stream.state_size),
        }
        module, outputs = stream, [*outputs, "state_out"]
    shipped = save_network(
        options.out, card(options.causal, metrics, seconds), onnx_bytes(module, inputs, outputs)
    )
    for metric in shipped.metrics:
        print(f"{metric.name} {metric.value} ({metric.low} to {metric.high})")


if __name__ == "__main__":
    main()
