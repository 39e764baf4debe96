"""The study of `segue/Arrange-v0`: who directs, and what is measured of it.

The measure is `gap_closed`: how much of the way from the adaptive rule, the best that a studio
could tune without learning, to the oracle, who knows listener and future, somebody comes. What is
not known cannot be closed: `python -m segue.agents.arrange.report limit` tells how much that is.
"""

from collections.abc import Sequence

import numpy as np

from ...envs import ARRANGE
from ..statistics import interval, mean
from ..study import Episodes, Study
from .directors import AGENTS, DIRECTORS, ORACLE, POLICIES, PPO_AGENTS, make_director

BASELINE, PLANNER = "adaptive", "planner"

GAPS = ("informed", "mpc", "planner", "bayes")
"""Players whose share of the gap is told one by one."""

SEEDS = {"": AGENTS, "policy_": POLICIES, "ppo_": PPO_AGENTS}
"""Seeds of a training, by the beginning of what is told of them; "": the shipped agents."""


def summarise(played: Sequence[Episodes]) -> dict[str, float]:
    """Numbers over all players; those whose players did not play are left out.

    * `gap_closed`: mean over the seeds of the shipped agent; `gap_closed_worst`: its worst seed;
      `policy_gap_closed`: of the policies alone; `ppo_gap_closed`: of policies trained by PPO from
      scratch; `NAME_gap_closed`: of other players
    * `gain_over_planner`: of the shipped agent over the planner that minds its doubts, paired, with
      its 95 % interval; `policy_gain_over_planner`: of the policy alone
    * `settle_bars`: mean over the seeds
    * `decision_ms`, `decision_ms_p99`: of the shipped agent; `policy_decision_ms` of its policy;
      `decision_share_of_planner`: of the time that the planner takes, the policy's
    """
    by_name = {one.player: one for one in played}
    found: dict[str, float] = {}
    if {BASELINE, ORACLE} <= by_name.keys():
        rule = by_name[BASELINE].reward.mean()
        gap = by_name[ORACLE].reward.mean() - rule
        for key, names in SEEDS.items():
            if set(names) <= by_name.keys():
                shares = [float((by_name[name].reward.mean() - rule) / gap) for name in names]
                found[f"{key}gap_closed"] = float(np.mean(shares))
                found[f"{key}gap_closed_worst"] = min(shares)
        for name in GAPS:
            if name in by_name:
                found[f"{name}_gap_closed"] = float((by_name[name].reward.mean() - rule) / gap)
    for key, name in (("", "agent"), ("policy_", "policy")):
        if {name, PLANNER} <= by_name.keys():
            gain = by_name[name].reward - by_name[PLANNER].reward
            low, high = interval(gain)
            found[f"{key}gain_over_planner"] = float(gain.mean())
            found[f"{key}gain_over_planner_low"] = low
            found[f"{key}gain_over_planner_high"] = high
        if name in by_name and len(taken := by_name[name].decision_seconds):
            found[f"{key}decision_ms"] = 1e3 * float(np.median(taken))
            found[f"{key}decision_ms_p99"] = 1e3 * float(np.quantile(taken, 0.99))
            if PLANNER in by_name and len(others := by_name[PLANNER].decision_seconds):
                share = float(np.median(taken) / np.median(others))
                found[f"{key}decision_share_of_planner"] = share
    if set(AGENTS) <= by_name.keys():
        settled = [mean(by_name[name].metrics["settle_bars"]) for name in AGENTS]
        found["settle_bars"] = float(np.mean(settled))
    return found


STUDY = Study(
    environment=ARRANGE,
    players=DIRECTORS
    | {ORACLE: "six-bar search that knows the listener and the future"}
    | {name: "the training of agent, with this seed" for name in AGENTS}
    | {name: "its policy alone" for name in POLICIES}
    | {name: "PPO from scratch, with this seed" for name in PPO_AGENTS},
    make=make_director,
    baseline=BASELINE,
    seeds=AGENTS,
    splits=("train", "validation", "test", "heldout"),
    summary=summarise,
)
