"""Search for hyper-parameters on the validation split, by Optuna.

T. Akiba et al., "Optuna: a next-generation hyperparameter optimization framework", KDD 2019. Trials
are drawn by its tree-structured Parzen estimator and stopped early where their validation reward is
below the median of the others at the same check.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from ..music.errors import SegueError
from .callbacks import read_curve
from .config import Config, Range, save_config
from .train import DivergedError, train

BEST_CONFIG = "best.yaml"
"""The best settings found, a configuration, in the folder of a search."""

_STARTUP_TRIALS = 5  # that are drawn at random and never stopped early

Told = Callable[[int, float | None], None]


def tune(
    config: Config, run: Path, trials: int, *, quiet: bool = True, told: Told | None = None
) -> Config:
    """Search until a folder holds so many trials; it goes on from what is there.

    Each trial trains with `config` and the seed of its number; its worth is the best validation
    reward of its checks. The test splits are not touched. The folder holds each trial's run,
    `best.yaml` and `history.png`.

    :param config: with a `search` of at least one range, see `config.Config`
    :param run: folder of the search
    :param trials: in all, those of earlier calls among them
    :param quiet: show no progress of single trainings
    :param told: of each trial that is over, with its number and worth (None: stopped early)
    :return: the configuration with the best settings
    """
    if not config.search:
        raise SegueError(
            f"the configuration for {config.environment} has no search; add one, for example "
            "search: {learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}}"
        )
    run.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    log = str(run / "trials.log")
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(log, lock_obj=JournalFileOpenLock(log))),
        study_name=config.environment,
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=config.seed, n_startup_trials=_STARTUP_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=1),
    )
    for _ in range(trials - sum(trial.state.is_finished() for trial in study.trials)):
        trial = study.ask()
        worth = _try(trial, config, run, quiet)
        state = optuna.trial.TrialState
        study.tell(trial, worth, state=state.PRUNED if worth is None else state.COMPLETE)
        if told is not None:
            told(trial.number, worth)
    if not any(trial.value is not None for trial in study.trials):
        raise SegueError(f"no trial in {run} came to an end; allow more trials or other ranges")
    best = _with_settings(config, study.best_params)
    save_config(run / BEST_CONFIG, best)
    from .curves import draw_history

    draw_history([trial.value for trial in study.trials], run / "history.png")
    return best


def _try(trial: optuna.Trial, config: Config, run: Path, quiet: bool) -> float | None:
    """The worth of one trial; None if it was stopped early or went astray."""
    settings = {name: _suggest(trial, name, range_) for name, range_ in config.search.items()}
    chosen = msgspec.structs.replace(_with_settings(config, settings), seed=trial.number)
    pruned = False

    def report(steps: int, reward: float) -> bool:
        nonlocal pruned
        trial.report(reward, len(read_curve(folder)))
        pruned = trial.should_prune()
        return pruned

    folder = run / f"trial{trial.number}"
    try:
        train(chosen, folder, quiet=quiet, report=report)
    except DivergedError:
        return None
    if pruned:
        return None
    return max(line["validation_reward"] for line in read_curve(folder))


def _suggest(trial: optuna.Trial, name: str, within: Range) -> Any:
    """One value for a range; choices that are lists are kept as text, as Optuna stores them."""
    if within.choices:
        texts = [msgspec.json.encode(choice).decode() for choice in within.choices]
        return trial.suggest_categorical(name, texts)
    low, high = within.low, within.high
    assert low is not None and high is not None  # as `Range` has checked
    if low == int(low) and high == int(high) and not within.log:
        return trial.suggest_int(name, int(low), int(high))
    return trial.suggest_float(name, low, high, log=within.log)


def _with_settings(config: Config, settings: dict[str, Any]) -> Config:
    """A configuration with values as `_suggest` gives them, by name."""
    hyper, policy = dict(config.hyper), dict(config.policy)
    fields: dict[str, Any] = {}
    for name, value in settings.items():
        plain = msgspec.json.decode(value) if isinstance(value, str) else value
        if name.startswith("policy."):
            policy[name.removeprefix("policy.")] = plain
        elif name == "n_envs":
            fields[name] = plain
        else:
            hyper[name] = plain
    return msgspec.structs.replace(config, hyper=hyper, policy=policy, **fields)
