"""The study of `segue/Arrange-v0`: who directs, and what is measured of it.

The measure is `gap_closed`: how much of the way from the adaptive rule, the best that a studio
could tune without learning, to the oracle, who knows listener and future, somebody comes. What is
not known cannot be closed: `python -m segue.agents.arrange.ablations` tells how much that is.
"""

from collections.abc import Sequence

import numpy as np

from ...envs import ARRANGE
from ..study import Episodes, Study
from .directors import AGENTS, DIRECTORS, ORACLE, PPO_AGENTS, make_director

BASELINE = "adaptive"

GAPS = ("informed", "mpc", "planner", "bayes", "agent", "agent+search")
"""Players whose share of the gap is told one by one."""


def summarise(played: Sequence[Episodes]) -> dict[str, float]:
    """Numbers over all players; those whose players did not play are left out.

    * `gap_closed`: mean over the seeds of the shipped training; `gap_closed_worst`: its worst seed;
      `ppo_gap_closed`: mean over those trained by PPO from scratch; `NAME_gap_closed`: others
    * `gain_over_planner`: of the shipped agent, paired, with its 95 % interval
    * `settle_bars`: mean over the seeds; `decision_ms`, `decision_ms_p99`: of the shipped agent
    """
    by_name = {one.player: one for one in played}
    found: dict[str, float] = {}
    if {BASELINE, ORACLE} <= by_name.keys():
        rule = by_name[BASELINE].reward.mean()
        gap = by_name[ORACLE].reward.mean() - rule

        def closed(name: str) -> float:
            return float((by_name[name].reward.mean() - rule) / gap)

        for key, names in (("", AGENTS), ("ppo_", PPO_AGENTS)):
            if set(names) <= by_name.keys():
                shares = [closed(name) for name in names]
                found[f"{key}gap_closed"] = float(np.mean(shares))
                found[f"{key}gap_closed_worst"] = min(shares)
        found |= {f"{name}_gap_closed": closed(name) for name in GAPS if name in by_name}
    if {"agent", "planner"} <= by_name.keys():
        gain = by_name["agent"].reward - by_name["planner"].reward
        half = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else float("nan")
        found["gain_over_planner"] = float(gain.mean())
        found["gain_over_planner_low"] = float(gain.mean() - half)
        found["gain_over_planner_high"] = float(gain.mean() + half)
    if set(AGENTS) <= by_name.keys():
        settled = [np.nanmean(by_name[name].metrics["settle_bars"]) for name in AGENTS]
        found["settle_bars"] = float(np.mean(settled))
    if "agent" in by_name and len(taken := by_name["agent"].decision_seconds):
        found["decision_ms"] = 1e3 * float(np.median(taken))
        found["decision_ms_p99"] = 1e3 * float(np.quantile(taken, 0.99))
    return found


STUDY = Study(
    environment=ARRANGE,
    players=DIRECTORS
    | {ORACLE: "six-bar search that knows the listener and the future"}
    | {name: "the training of agent, with this seed" for name in AGENTS},
    make=make_director,
    baseline=BASELINE,
    seeds=AGENTS,
    splits=("train", "validation", "test", "heldout"),
    summary=summarise,
)
