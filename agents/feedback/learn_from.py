"""Learning from recorded sessions: `segue learn-from LOGS`.

The sessions tell who listens: their biases are fitted as a population (`population`). The candidate
is the policy with that population as its prior, and if asked for trained further, by analytic
gradients, for such listeners. It is kept only if all say so:

* an **off-policy estimate**: in sessions that had no part in fitting it (each fifth is left out in
  turn), played again for the listeners they tell of, it does better (`hindsight`);
* a **simulated re-run** on the validation split: with listeners of that population it does better
  on the whole (with less certainty: an episode is long, and the policy soon knows who listens),
  and with the usual ones not worse by more than `TOLERANCE`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...analysis.cards import Metric, Source
from ...envs.arrange.core import ArrangeCore
from ...envs.arrange.listener import ListenerSettings
from ...envs.arrange.settings import ArrangeSettings
from ...music.errors import SegueError
from ..arrange.directors import load_policy
from ..arrange.prior import prior_of, with_prior
from ..evaluate import play
from ..policy import Policy
from ..statistics import interval
from .hindsight import Session, crowd_of, gains, listeners_like, look_back, population_of
from .population import Population, fit_population
from .recorded import read_recording

FloatArray = NDArray[np.float64]
Candidate = tuple[Policy, ListenerSettings]

FOLDS = 5
LEAST_SESSIONS = 3
"""With fewer sessions nobody can say whether a candidate is better."""

TOLERANCE = 0.05
"""What a candidate may lose with the usual listeners [reward a bar]."""

RERUN_EPISODES = 256
RERUN_SEED = 9_500


@dataclass(frozen=True)
class Lesson:
    """What came of learning; intervals are of 95 %, gains in reward a bar."""

    sessions: int
    bars: int
    population: Population
    gain: float  # off-policy estimate over the sessions
    gain_low: float
    gain_high: float
    rerun: float  # in simulation, with listeners like those
    rerun_low: float
    rerun_high: float
    usual: float  # in simulation, with the usual listeners
    usual_low: float
    usual_high: float
    kept: bool
    why: str
    path: Path | None  # of the kept policy's card


def learn_from(
    logs: Sequence[Path],
    out: Path,
    *,
    director: str = "policy",
    updates: int = 0,
    cues: Mapping[str, str] | None = None,
    on_stage: Callable[[str, float], None] = lambda stage, share: None,
) -> Lesson:
    """Fit a policy to those who listened in recorded sessions.

    Raises SegueError for logs that are too few, too short, without feedback, or of another version
    of their cue.

    :param logs: session logs
    :param out: folder for the policy, if it is kept
    :param director: the policy to begin with: `policy`, or the path of a card
    :param updates: of further training by analytic gradients (needs torch); 0: the prior alone
    :param cues: folders of those that are not shipped, by name
    :param on_stage: told what is done and how much of it is, 0 to 1
    """
    policy = load_policy(director)
    present = (policy, prior_of(policy))
    sessions, bars = _read(logs, cues or {}, present[1], on_stage)
    usual = population_of(present[1])
    crowd = crowd_of(sessions)
    gained = np.zeros(len(sessions))
    folds = [np.arange(at, len(sessions), FOLDS) for at in range(min(FOLDS, len(sessions)))]
    for number, held_out in enumerate(folds):
        on_stage("estimating off-policy", number / len(folds))
        rest = [one for at, one in enumerate(sessions) if at not in held_out]
        candidate = _candidate(present, rest, updates, number)
        gained[held_out] = gains([sessions[at] for at in held_out], crowd, candidate, present)
    on_stage("fitting to all", 0.0)
    final = _candidate(present, sessions, updates, FOLDS)
    on_stage("simulating again", 0.0)
    rerun = _rerun(final, final[1]) - _rerun(present, final[1])
    on_stage("simulating again", 0.5)
    elsewhere = _rerun(final, present[1]) - _rerun(present, present[1])
    on_stage("simulating again", 1.0)
    low, high = interval(gained)
    rerun_low, rerun_high = interval(rerun)
    usual_low, usual_high = interval(elsewhere)
    why = _refusal(low, float(rerun.mean()), usual_low)
    return Lesson(
        len(sessions),
        bars,
        fit_population([one.listener for one in sessions], usual),
        float(gained.mean()),
        low,
        high,
        float(rerun.mean()),
        rerun_low,
        rerun_high,
        float(elsewhere.mean()),
        usual_low,
        usual_high,
        kept=not why,
        why=why or "better in the recorded sessions, and not worse elsewhere",
        path=None if why else _keep(final[0], out, len(sessions), float(gained.mean()), low, high),
    )


def _read(
    logs: Sequence[Path],
    cues: Mapping[str, str],
    assumed: ListenerSettings,
    on_stage: Callable[[str, float], None],
) -> tuple[list[Session], int]:
    if len(logs) < LEAST_SESSIONS:
        raise SegueError(
            f"of logs there are {len(logs)}; at least {LEAST_SESSIONS} sessions are "
            "needed to say whether what was learned is better"
        )
    found, bars = [], 0
    for number, log in enumerate(logs):
        on_stage("reading logs", number / len(logs))
        recording = read_recording(log)
        place = cues.get(recording.start.cue, recording.start.cue)
        found.append(look_back(recording, place, assumed))
        bars += recording.bars
    return found, bars


def _candidate(
    present: Candidate, sessions: Sequence[Session], updates: int, seed: int
) -> Candidate:
    policy, assumed = present
    population = fit_population([one.listener for one in sessions], population_of(assumed))
    listener = listeners_like(population, assumed)
    if updates:
        from .further import train_further  # needs torch

        policy = train_further(policy, listener, updates, seed=seed)
    return with_prior(policy, listener), listener


def _rerun(candidate: Candidate, listener: ListenerSettings) -> FloatArray:
    """Reward a bar in each validation episode [shape=(episodes,)].

    :param candidate: who takes listeners to be those of its prior, whoever they are
    :param listener: who listens
    """
    policy, assumed = candidate
    core = ArrangeCore(RERUN_EPISODES, ArrangeSettings(split="validation", listener=listener))
    core.perception.belief.settings = assumed
    return play(core, policy, seed=RERUN_SEED).reward


def _refusal(gain_low: float, rerun: float, usual_low: float) -> str:
    """Why a candidate is not kept; empty if it is."""
    if gain_low <= 0.0:
        return (
            f"in the recorded sessions it may be no better (the interval begins at {gain_low:+.3f})"
        )
    if rerun <= 0.0:
        return f"in simulation, with listeners like those, it is no better ({rerun:+.4f} a bar)"
    if usual_low < -TOLERANCE:
        return (
            f"with the usual listeners it may lose more than {TOLERANCE:g} a bar (the interval "
            f"begins at {usual_low:+.3f})"
        )
    return ""


def _keep(policy: Policy, out: Path, sessions: int, gain: float, low: float, high: float) -> Path:
    assert policy.card is not None  # for the type checker: it was loaded from one
    where = f"{sessions} recorded sessions, played again by a model, each left out in turn"
    source = Source(f"{sessions} recorded sessions", "the user's own", "fitting to listeners")
    card = msgspec.structs.replace(
        policy.card,
        name="policy",
        weights="policy.npz",
        metrics=(Metric("gain in reward a bar over the policy before", gain, low, high, where),),
        training_data=(*policy.card.training_data, source),
        command=f"segue learn-from LOGS (from {policy.card.name})",
    )
    out.mkdir(parents=True, exist_ok=True)
    policy.save(out, card)
    return out / "policy.json"
