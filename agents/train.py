"""Training of the arranger with Stable-Baselines3's PPO (Schulman et al., arXiv:1707.06347)."""

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from ..analysis.cards import Card, Metric, Output, Source
from ..envs.arrange.core import ArrangeCore
from ..envs.arrange.perception import OBSERVATION
from ..envs.arrange.settings import ArrangeSettings
from ..music.direction import KNOBS
from ..music.errors import SegueError
from ..music.files import write_whole
from .evaluate import interval, play_episodes
from .policy import TASK, Policy
from .sb3 import CoreVecEnv

VALIDATION_SEED = 9_000


@dataclass(frozen=True)
class TrainSettings:
    """Hyper-parameters, named as in the PPO paper."""

    steps: int = 4_000_000  # bars, over all environments
    n_envs: int = 128
    n_steps: int = 64  # bars of a rollout: one episode
    batch_size: int = 2048
    n_epochs: int = 5
    learning_rate: float = 6e-4  # falls to 0 over the run
    gamma: float = 0.92
    gae_lambda: float = 0.9
    hidden: int = 128  # units of each of two tanh layers
    log_std_init: float = -1.1
    seed: int = 0
    validation_episodes: int = 512  # for the card; an eighth of them on the way
    threads: int = 1  # of torch; more does not help such small networks


def train(
    run: Path,
    settings: TrainSettings | None = None,
    *,
    resume: bool = False,
    quiet: bool = False,
    **options: Any,
) -> Policy:
    """Train a policy and leave it in `run/policy.json` (its card) and `policy.npz`.

    The folder also holds `settings.json`, checkpoints (`model.zip`, after every tenth of the run,
    and when interrupted) and TensorBoard's logs. `resume` goes on from the last checkpoint to the
    same number of steps. `options` are those of `segue/Arrange-v0`.
    """
    settings = settings or TrainSettings()
    torch.set_num_threads(settings.threads)
    run.mkdir(parents=True, exist_ok=True)
    checkpoint = run / "model.zip"
    env = CoreVecEnv(ArrangeCore(settings.n_envs, **options), seed=settings.seed)
    if resume:
        if not checkpoint.exists():
            raise SegueError(f"{run} holds no checkpoint to resume from; train without --resume")
        model = PPO.load(checkpoint, env=env, device="cpu")
    else:
        model = _new_model(env, settings, run)
        described = {"settings": asdict(settings), "options": options}
        write_whole(run / "settings.json", (json.dumps(described, indent=2) + "\n").encode())
    left = settings.steps - model.num_timesteps
    follower = _Follower(settings, checkpoint, run, quiet)
    try:
        if left > 0:
            model.learn(left, callback=follower, reset_num_timesteps=not resume, log_interval=4)
    except KeyboardInterrupt:
        save_checkpoint(model, checkpoint)
        raise
    finally:
        follower.close()
        env.close()
    save_checkpoint(model, checkpoint)
    policy = export(model)
    policy.save(run, policy_card(policy, settings, options))
    return policy


def _new_model(env: CoreVecEnv, settings: TrainSettings, run: Path) -> PPO:
    start = settings.learning_rate
    return PPO(
        "MlpPolicy",
        env,
        learning_rate=lambda left: start * left,
        n_steps=settings.n_steps,
        batch_size=settings.batch_size,
        n_epochs=settings.n_epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        ent_coef=0.0,
        policy_kwargs={
            "net_arch": [settings.hidden] * 2,
            "activation_fn": torch.nn.Tanh,
            "log_std_init": settings.log_std_init,
        },
        tensorboard_log=str(run),
        seed=settings.seed,
        device="cpu",
    )


def save_checkpoint(model: PPO, path: Path) -> None:
    """Write a checkpoint whole or not at all, so that the last one is never lost."""
    buffer = io.BytesIO()
    model.save(buffer)
    write_whole(path, buffer.getvalue())


def export(model: PPO) -> Policy:
    """The mean network of a trained model, as numpy arrays."""
    state = {name: value.detach().numpy() for name, value in model.policy.state_dict().items()}
    layers = ("mlp_extractor.policy_net.0", "mlp_extractor.policy_net.2", "action_net")
    weights = {}
    for number, layer in enumerate(layers):
        weights[f"w{number}"] = state[f"{layer}.weight"].T.copy()
        weights[f"b{number}"] = state[f"{layer}.bias"].copy()
    return Policy(weights)


class _Follower(BaseCallback):
    """Progress, validation and checkpoints, ten times a run."""

    def __init__(self, settings: TrainSettings, checkpoint: Path, run: Path, quiet: bool) -> None:
        super().__init__()
        self.settings = settings
        self.checkpoint = checkpoint
        self.curve = run / "validation.jsonl"
        self.every = max(settings.steps // 10, settings.n_envs * settings.n_steps)
        self.next_check = self.every
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:>9,}/{task.total:,} bars"),
            TimeRemainingColumn(),
            disable=quiet,
        )
        self.task = self.bar.add_task("training", total=settings.steps)

    def _on_training_start(self) -> None:
        self.bar.start()
        self.next_check = (self.num_timesteps // self.every + 1) * self.every

    def _on_step(self) -> bool:
        self.bar.update(self.task, completed=self.num_timesteps)
        return True

    def _on_rollout_start(self) -> None:
        if self.num_timesteps < self.next_check:
            return
        self.next_check += self.every
        assert isinstance(self.model, PPO)  # for the type checker: the only model this follows
        save_checkpoint(self.model, self.checkpoint)
        episodes = max(self.settings.validation_episodes // 8, 1)
        played = play_episodes(
            "", export(self.model), episodes=episodes, seed=VALIDATION_SEED, split="validation"
        )
        reward = float(played.reward.mean())
        self.logger.record("validation/reward", reward)
        with self.curve.open("a") as lines:
            lines.write(json.dumps({"bars": self.num_timesteps, "reward": round(reward, 4)}) + "\n")
        self.bar.update(self.task, description=f"training, validation {reward:+.3f}")

    def close(self) -> None:
        """Put the progress bar away."""
        self.bar.stop()


def policy_card(policy: Policy, settings: TrainSettings, options: dict[str, Any]) -> Card:
    """The card of a trained policy, with its reward on the validation split."""
    episodes = settings.validation_episodes
    played = play_episodes("", policy, episodes=episodes, seed=VALIDATION_SEED, split="validation")
    low, high = interval(played.reward)
    where = f"{episodes} episodes of the validation split"
    reward = Metric("mean reward a bar", float(played.reward.mean()), low, high, where)
    targets = options.get("targets", ArrangeSettings.targets)
    return Card(
        name="policy",
        task=TASK,
        version="1",
        summary=f"PPO, {settings.steps:,} bars, two tanh layers of {settings.hidden}",
        inputs=OBSERVATION,
        outputs=tuple(Output(name, "movement of the knob, -1..1") for name in KNOBS),
        training_data=(
            Source("composed themes, seeds 0 to 15", "MIT, made by Segue", "training"),
            Source(f"moods: {targets} (envs/games/recorded)", "MIT, Segue's own", "training"),
            Source("emotion model vgmidi", "see its card", "reward and observation"),
        ),
        commercial_use="not cleared: rewarded by a model fitted to ratings without a licence",
        split="games by episode, themes by seed; validation chose among seeds",
        metrics=(reward,),
        command=f"segue train --steps {settings.steps} --seed {settings.seed} --targets {targets}",
        weights="policy.npz",
        sha256="",
    )
