"""Makes a training run the shipped accompanists: `python -m segue.agents.accompany.ship --run RUN`.

Each seed's player becomes `accompanist-N` with what it reaches on the test split on its card; the
model of played chords of the seed that validation likes best becomes the environment's prior. The
test split chooses nothing.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...analysis.cards import Card, Metric, Output, Source, save_model
from ...envs import ACCOMPANY
from ...envs.accompany.clips import Clips, fixed_clips
from ...envs.accompany.corpus import load_songs
from ...envs.accompany.measures import note_in_chord
from ...envs.accompany.network import Network
from ...envs.accompany.perception import OBSERVATION
from ...envs.accompany.prior import MODELS as PRIOR_MODELS
from ...envs.accompany.prior import PRIOR, TASK
from ..statistics import interval
from .judge import Judge, other_chords
from .players import MODELS, TEMPERATURE, play_clips
from .report import FIRST_SEED, seed_scores
from .scores import Played, clip_log_probabilities
from .train import BENCHMARK, Kernels, read_kernels

SOURCES = (
    Source("POP909, songs whose number ends in 2 to 9", "MIT (arrangements)", "training"),
    Source("Nottingham, jukedeck's edition, by hash of the name", "GPL-3.0", "training"),
)
SPLIT = "by song: POP909 by number mod 10, Nottingham by hash of the name; validation chose"
USE = "not cleared: learned from an edition under GPL-3.0 and arrangements of copyrighted songs"
COMMAND = "python -m segue.agents.accompany.train --run RUN"
JUDGE_NAME = "accompany-judge"

Model = tuple[Card, dict[str, NDArray[Any]]]


def ship(
    run: Path,
    seeds: list[int],
    *,
    corpus: str = BENCHMARK,
    folder: Path = MODELS,
    prior_folder: Path = PRIOR_MODELS,
) -> list[Card]:
    """Write the models of a run into the folders of shipped models; returns the players' cards."""
    validation, clips = (fixed_clips(load_songs(corpus, name)) for name in ("validation", "test"))
    liked = {
        seed: seed_scores(run, seed, validation, TEMPERATURE)[0]["triad_note_in_chord"]
        for seed in seeds
    }
    best = max(seeds, key=lambda seed: liked[seed])
    cards = [save_model(folder, *_player(run, seed, clips, seed == best)) for seed in seeds]
    save_model(prior_folder, *_prior(run, best, clips))
    save_model(folder, *_judge(run, clips))
    return cards


def _outputs() -> tuple[Output, ...]:
    return (Output("logits", "of the 109 chords of envs.accompany.chords, for the coming frame"),)


def _half(kernels: Kernels) -> dict[str, NDArray[Any]]:
    """Half precision: what ships is half as large and plays alike."""
    return {name: value.astype(np.float16) for name, value in kernels.items()}


def _seconds(run: Path, *names: str) -> float:
    return sum(float(json.loads((run / f"{n}.json").read_text())["cpu_seconds"]) for n in names)


def _player(run: Path, seed: int, clips: Clips, best: bool) -> Model:
    scores, _ = seed_scores(run, seed, clips, TEMPERATURE)
    kernels = read_kernels(run / f"player-{seed}.npz")
    rng = np.random.default_rng(FIRST_SEED + seed)
    chords = play_clips(Network(kernels), clips, rng, TEMPERATURE)
    low, high = interval(note_in_chord(clips.melody, chords, triads=True))
    where = f"{len(clips)} clips of the test split, temperature {TEMPERATURE}"
    headline = Metric("triad note-in-chord", scores["triad_note_in_chord"], low, high, where)
    seconds = _seconds(run, f"prior-{seed}", f"player-{seed}")
    told = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
    card = Card(
        name=f"accompanist-{seed}",
        task=TASK,
        version="1",
        summary="a GRU that hears all keys alike: maximum likelihood, then policy gradients over "
        "all chords in hindsight with a divergence from the first",
        inputs=OBSERVATION,
        outputs=_outputs(),
        training_data=SOURCES,
        commercial_use=USE,
        split=SPLIT,
        metrics=(headline,),
        command=f"{COMMAND} --seeds {seed}",
        weights=f"accompanist-{seed}.npz",
        sha256="",
        notes=(
            f"on the same clips: {told}",
            *(("of the seeds, the one that validation likes best",) if best else ()),
        ),
        environment=ACCOMPANY,
        train_cpu_seconds=seconds,
    )
    return card, _half(kernels)


def _prior(run: Path, seed: int, clips: Clips) -> Model:
    kernels = read_kernels(run / f"prior-{seed}.npz")
    _, own = seed_scores(run, seed, clips, TEMPERATURE)
    told = clip_log_probabilities(Network(kernels), Played(clips, clips.chords))
    low, high = interval(told)
    where = f"true chords of {len(clips)} clips of the test split"
    card = Card(
        name=PRIOR.stem,
        task=TASK,
        version="1",
        summary="a GRU that hears all keys alike, fitted to played chords by maximum likelihood",
        inputs=OBSERVATION,
        outputs=_outputs(),
        training_data=SOURCES,
        commercial_use=USE,
        split=SPLIT,
        metrics=(Metric("log-probability a frame, nats", float(told.mean()), low, high, where),),
        command=f"{COMMAND} --seeds {seed}",
        weights=f"{PRIOR.stem}.npz",
        sha256="",
        notes=(
            f"drawn at temperature {TEMPERATURE}: triad note-in-chord "
            f"{own['triad_note_in_chord']:.3f}",
            f"training took {_seconds(run, f'prior-{seed}'):.0f} CPU seconds",
        ),
    )
    return card, _half(kernels)


def _judge(run: Path, clips: Clips) -> Model:
    kernels = read_kernels(run / "judge.npz")
    judge, rng = Judge(kernels), np.random.default_rng(0)
    true = judge.realism(clips, clips.chords) > 0.5
    wrong = judge.realism(clips, other_chords(clips, rng)) < 0.5
    right = np.concatenate([true, wrong]).astype(float)
    low, high = interval(right)
    where = f"{len(clips)} true pairs of the test split and as many with chords of another clip"
    card = Card(
        name=JUDGE_NAME,
        task="whether chords belong to a melody",
        version="1",
        summary="a GRU that hears all keys alike, told true pairs from those of another clip",
        inputs=("melody, its onsets and chords in blocks of pitch classes, rests and meter",),
        outputs=(Output("realism", "probability that the pair is true"),),
        training_data=SOURCES,
        commercial_use=USE,
        split=SPLIT,
        metrics=(Metric("accuracy", float(right.mean()), low, high, where),),
        command=COMMAND,
        weights=f"{JUDGE_NAME}.npz",
        sha256="",
        notes=(f"true pairs right {true.mean():.3f}, others {wrong.mean():.3f}",),
    )
    return card, _half(kernels)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("runs/accompany"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    given = parser.parse_args()
    for card in ship(given.run, given.seeds):
        print(f"{card.name}: {card.metrics[0].value:.3f}; {'; '.join(card.notes)}")


if __name__ == "__main__":
    main()
