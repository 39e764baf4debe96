"""Training of any algorithm of Stable-Baselines3 on any environment, by a configuration."""

from collections.abc import Callable
from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm

from ..analysis.cards import Card, Metric, Output
from ..envs import make_core
from ..envs.core import Core
from ..music.errors import SegueError
from .algorithms import (
    ModelPlayer,
    is_astray,
    load_model,
    make_model,
    player_of,
    use_one_thread,
)
from .callbacks import BEFORE, BEST, CURVE, LAST, Follower, load_checkpoint, save_checkpoint
from .config import Config, save_config, train_command
from .evaluate import play
from .policy import Policy
from .sb3 import CoreVecEnv
from .statistics import interval
from .study import Episodes

VALIDATION_SEED = 9_000
"""Validation episodes are drawn from this seed: always the same ones."""

_CHECK_PART = 8  # the checks on the way play so small a part of the validation episodes
_LEAST_CHECK = 32  # but so many at least


class DivergedError(SegueError):
    """A training whose weights grew beyond all bounds."""


Prepare = Callable[[BaseAlgorithm], None]
Report = Callable[[int, float], bool]


def train(
    config: Config,
    run: Path,
    *,
    resume: bool = False,
    quiet: bool = False,
    prepare: Prepare | None = None,
    report: Report | None = None,
    tell: Callable[[str], None] = print,
) -> Policy | ModelPlayer:
    """Train a policy and leave it in `run/policy.json` (its card) and `policy.npz`.

    The folder also holds `config.yaml`, checkpoints (see `callbacks`: at every check, and when
    interrupted), the curve with its picture and TensorBoard's logs. The policy is the one that
    earned most on validation at a check. What numpy cannot play (see `algorithms.export`) stays
    `best.zip`.

    :param config: see `config.load_config`
    :param run: the folder, which is made
    :param resume: go on from the last checkpoint to the same number of steps
    :param quiet: show no progress
    :param prepare: does what is to be done with a new model before it trains, such as giving it
        weights that were trained otherwise; it is then checked before the first step, too
    :param report: told of each check, with steps and validation reward; true: stop
    :param tell: shows a line that the user should read
    """
    use_one_thread()
    env = CoreVecEnv(make_core(config.environment, config.n_envs, **config.train), seed=config.seed)
    validation = validation_core(config, _check_episodes(config))
    follower = Follower(
        config,
        run,
        lambda model: float(_validate(model, config, validation).reward.mean()),
        quiet=quiet,
        report=report,
        check_first=prepare is not None and not resume,
    )
    if resume:
        model = load_checkpoint(config.algorithm, run, env, tell)
        _refill(model, config)
        follower.resume(model.num_timesteps)
    else:
        model = make_model(config, env, run)
        run.mkdir(parents=True, exist_ok=True)
        for name in (CURVE, LAST, BEFORE, BEST):  # of an earlier run
            (run / name).unlink(missing_ok=True)
        if prepare is not None:
            prepare(model)
    save_config(run / "config.yaml", config)
    _learn(model, config, run, follower, resume)
    if not (run / BEST).exists():
        raise SegueError(f"{run} holds no model that was validated; train without --resume")
    from .curves import draw_curves

    draw_curves([run], run / "curve.png")
    return _finish(config, run, follower.cpu_seconds_so_far)


def _learn(
    model: BaseAlgorithm, config: Config, run: Path, follower: Follower, resume: bool
) -> None:
    """Train to the end; an interrupt leaves a checkpoint, DivergedError tells of wild weights."""
    left = config.steps - model.num_timesteps
    try:
        if left > 0:
            model.learn(left, callback=follower, reset_num_timesteps=not resume, log_interval=4)
            follower.check()
    except KeyboardInterrupt:
        save_checkpoint(model, run)
        raise
    except (SegueError, ValueError) as error:
        if not is_astray(model):
            raise
        raise DivergedError(
            f"the training of {run} went astray at step {model.num_timesteps:,}: its weights grew "
            f"beyond all bounds ({str(error).splitlines()[0][:100]}); try a smaller learning_rate"
        ) from None
    finally:
        follower.close()


def validation_core(config: Config, episodes: int) -> Core:
    """The episodes on which a training is judged; the same for the same configuration."""
    return make_core(config.environment, episodes, **config.validation)


def _check_episodes(config: Config) -> int:
    fewer = max(config.validation_episodes // _CHECK_PART, _LEAST_CHECK)
    return min(fewer, config.validation_episodes)


def _validate(model: BaseAlgorithm, config: Config, core: Core) -> Episodes:
    return play(core, player_of(model, config), seed=VALIDATION_SEED)


def _refill(model: BaseAlgorithm, config: Config) -> None:
    """A resumed off-policy run fills its buffer anew before it learns on."""
    starts = getattr(model, "learning_starts", None)
    if starts is not None:
        first = int(config.hyper.get("learning_starts", starts))
        model.learning_starts = model.num_timesteps + first  # type: ignore[attr-defined]


def _finish(config: Config, run: Path, cpu_seconds: float) -> Policy | ModelPlayer:
    """The best of a run, with its card."""
    model = load_model(config.algorithm, run / BEST)
    player = player_of(model, config)
    if isinstance(player, Policy):
        core = validation_core(config, config.validation_episodes)
        played = play(core, player, seed=VALIDATION_SEED)
        card = policy_card(config, core, played, cpu_seconds, steps=model.num_timesteps)
        player.save(run, card)
    return player


def policy_card(
    config: Config, core: Core, played: Episodes, cpu_seconds: float, steps: int
) -> Card:
    """The card of a trained policy, with its reward on the validation split."""
    low, high = interval(played.reward)
    where = f"{len(played.reward)} episodes of the validation split"
    layers = config.policy.get("net_arch", "standard layers")
    return Card(
        name="policy",
        task=f"policy of {config.environment}",
        version="1",
        summary=f"{config.algorithm}, {steps:,} steps, {layers}",
        inputs=observation_names(core),
        outputs=tuple(Output(name, "action") for name in action_names(core)),
        training_data=config.card.training_data,
        commercial_use=config.card.commercial_use,
        split=config.card.split,
        metrics=(Metric("mean reward a step", float(played.reward.mean()), low, high, where),),
        command=train_command(config),
        weights="policy.npz",
        sha256="",
        notes=config.card.notes,
        environment=config.environment,
        train_cpu_seconds=round(cpu_seconds, 1),
    )


def observation_names(core: Core) -> tuple[str, ...]:
    """Names of the numbers of an observation, `obs_0 ...` where a core gives none."""
    size = 1
    for side in core.observation_space.shape:
        size *= side
    return core.OBSERVATION or tuple(f"obs_{at}" for at in range(size))


def action_names(core: Core) -> tuple[str, ...]:
    """Names of the numbers or choices of an action, `act_0 ...` where a core gives none."""
    size = getattr(core.action_space, "n", None) or (core.action_space.shape or (1,))[0]
    return core.ACTIONS or tuple(f"act_{at}" for at in range(int(size)))
