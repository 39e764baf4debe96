"""The study of `segue/Accompany-v0`: who accompanies, and what is measured of it."""

from collections.abc import Sequence
from typing import cast

from ...envs import ACCOMPANY
from ...envs.accompany.chords import chord_number
from ...envs.accompany.core import AccompanyCore
from ...envs.accompany.prior import PRIOR
from ...envs.core import Core
from ..study import Episodes, Player, Study
from .baselines import Chance, Constant, Rule, Truth
from .judge import load_judge
from .players import MODELS, NetworkPlayer, load_network
from .scores import Played, recovery, set_scores

SEEDS = tuple(f"accompanist-{seed}" for seed in range(5))
BEST_SEED = 2
"""Of the seeds, the one that validation likes best; its model of played chords is the prior."""

AGENT = "accompanist"

PLAYERS = {
    "truth": "the chords of the song, which nobody can know",
    "random": "any chord, every frame anew",
    "constant": "E minor seventh all the time, the best chord for all",
    "rule": "the chord that holds most of what was heard lately",
    "rule-triads": "the same without sevenths",
    "prior": "the model of played chords, drawn at the agent's temperature",
    AGENT: "that model improved by reinforcement learning; the best seed on validation",
}

RULE_WEIGHTS = (1.0, 1.0, 1.0)
RULE_MARGIN = 0.05
"""Chosen on the validation split among weights of the memories and margins."""


def make_player(name: str, seed: int) -> Player:
    """A player by its name in `PLAYERS` or `SEEDS`, and a seed for what it draws."""
    if name == "truth":
        return Truth()
    if name == "random":
        return Chance(seed)
    if name == "constant":
        return Constant(chord_number(4, "m7"))
    if name in ("rule", "rule-triads"):
        return Rule(RULE_WEIGHTS, RULE_MARGIN, triads=name == "rule-triads")
    if name == "prior":
        return NetworkPlayer(load_network(PRIOR), seed=seed)
    file = SEEDS[BEST_SEED] if name == AGENT else name
    return NetworkPlayer(load_network(MODELS / f"{file}.json"), seed=seed)


def keep(core: Core) -> tuple[Played, bool]:
    """The clips and chords of a batch, and whether the melodies were transposed at beat 32."""
    core = cast(AccompanyCore, core)
    shifted = bool(core.settings.shift_semitones) and core.settings.shift_beat == 32.0
    return Played(core.clips, core.chords.copy()), shifted


def summary(played: Sequence[Episodes]) -> dict[str, float]:
    """Of each player, measures of all its clips (`scores.set_scores`), by `<player>_<measure>`.

    Where melodies were transposed at beat 32, also its recovery (`scores.recovery`). Those of the
    agent come without its name too, with `triad_gain_over_own_model` and `triad_gain_over_rule`.
    """
    prior, judge = load_network(PRIOR), load_judge()
    found: dict[str, float] = {}
    for one in played:
        whole = Played.joined([part for part, _ in one.kept])
        scores = set_scores(whole, prior, judge)
        if all(shifted for _, shifted in one.kept):
            scores |= recovery(whole)
        found |= {f"{one.player}_{name}": value for name, value in scores.items()}
        if one.player == AGENT:
            found |= scores
    triads = {one.player: one.metrics["triad_note_in_chord"].mean() for one in played}
    if AGENT in triads:
        for other, key in (("prior", "own_model"), ("rule-triads", "rule")):
            if other in triads:
                gain = triads[AGENT] - triads[other]
                found[f"triad_gain_over_{key}"] = float(gain)
    return found


STUDY = Study(
    environment=ACCOMPANY,
    players=PLAYERS,
    make=make_player,
    baseline="rule-triads",
    seeds=SEEDS,
    keep=keep,
    summary=summary,
)
