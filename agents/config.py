"""What a training is: settings in YAML, one file for each environment in `configs/`."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from ..analysis.cards import Source
from ..envs import environment_id, short_name
from ..music.errors import FileFormatError, SegueError, UnknownNameError
from ..music.files import read_whole, write_whole

CONFIGS = Path(__file__).parent / "configs"
"""The folder of the configurations that are shipped, `NAME.yaml`."""

ALGORITHMS = {  # name in a configuration -> module, class, policy
    "ppo": ("stable_baselines3", "PPO", "MlpPolicy"),
    "a2c": ("stable_baselines3", "A2C", "MlpPolicy"),
    "recurrent_ppo": ("sb3_contrib", "RecurrentPPO", "MlpLstmPolicy"),
    "maskable_ppo": ("sb3_contrib", "MaskablePPO", "MlpPolicy"),
    "sac": ("stable_baselines3", "SAC", "MlpPolicy"),
    "tqc": ("sb3_contrib", "TQC", "MlpPolicy"),
    "dqn": ("stable_baselines3", "DQN", "MlpPolicy"),
    "qr_dqn": ("sb3_contrib", "QRDQN", "MlpPolicy"),
}
"""The algorithms of Stable-Baselines3 and sb3-contrib that can be named."""

Count = Annotated[int, msgspec.Meta(ge=1)]


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where `segue tune` looks for one number, or among a few choices."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.choices) == (self.low is not None and self.high is not None):
            raise ValueError("a range has either low and high, or choices")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low is {self.low:g} and high {self.high:g}; swap them")


class CardText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the card of a trained policy says beside what is measured."""

    training_data: tuple[Source, ...] = ()
    commercial_use: str = "open"
    split: str = "episodes by the environment's own splits"
    notes: tuple[str, ...] = ()


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A training of one algorithm of Stable-Baselines3 or sb3-contrib on one environment."""

    environment: str
    algorithm: str  # a name of `ALGORITHMS`
    steps: Count  # of all environments together
    n_envs: Count
    seed: int = 0
    hyper: dict[str, Any] = {}  # keyword arguments of the algorithm, named as in its paper
    schedule: str = "constant"  # of the learning rate; or linear: falls to 0 over the run
    policy: dict[str, Any] = {}  # keyword arguments of the policy: net_arch, activation_fn, ...
    train: dict[str, Any] = {}  # options of the environment
    validation: dict[str, Any] = msgspec.field(default_factory=lambda: {"split": "validation"})
    validation_episodes: Count = 256  # for the card and the choice of the best
    checks: Count = 10  # validations and checkpoints of a run, evenly apart
    patience: int = 0  # checks without a better one until the run stops; 0: never
    sample: bool = False  # the policy draws its discrete actions instead of taking the best
    search: dict[str, Range] = {}  # of `segue tune`: name of a hyper-parameter, or policy.NAME
    card: CardText = CardText()

    def __post_init__(self) -> None:
        if self.schedule not in ("constant", "linear"):
            raise ValueError(f"schedule is {self.schedule!r}; known: constant, linear")


def config_path(name: str) -> Path:
    """The file of a configuration by its path, the name of a shipped one, or an environment."""
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    known = {path.stem: path for path in sorted(CONFIGS.glob("*.yaml"))}
    if name in known:
        return known[name]
    short = short_name(environment_id(name))
    if short in known:
        return known[short]
    raise UnknownNameError("configuration", name, known)


def shipped_configs() -> dict[str, Config]:
    """All configurations that are shipped, by name."""
    return {path.stem: load_config(path.stem) for path in sorted(CONFIGS.glob("*.yaml"))}


def load_config(name: str, **changes: Any) -> Config:
    """Read a configuration, see `config_path`.

    :param changes: fields to set otherwise than the file does
    :return: checked; FileFormatError names the file and the key that is wrong
    """
    path = config_path(name)
    import_module("yaml")  # which msgspec needs: fails by the name of what is missing
    data = read_whole(path)
    with naming(path):
        try:
            given = _numbers(msgspec.yaml.decode(data))
            if isinstance(given, dict):
                _check_keys(given)
            config = msgspec.convert(given, Config)
        except msgspec.DecodeError as error:
            said = " ".join(str(error).split())
            raise FileFormatError(f"{said}; docs/environments.md shows the form") from None
        if config.algorithm not in ALGORITHMS:
            raise UnknownNameError("algorithm", config.algorithm, ALGORITHMS)
        environment = environment_id(config.environment)
    return replace(config, environment=environment, **changes)


def train_command(config: Config) -> str:
    """The command that trains by a configuration, if it is a shipped one or one with options."""
    short = short_name(config.environment)
    words = ["segue", "train", short]
    neutral = {"steps": 1, "seed": 0, "train": {}}
    for name, shipped in shipped_configs().items():
        if replace(shipped, **neutral) == replace(config, **neutral):
            words += ["--config", name] if name != short else []
            words += [
                f"--set {key}={value}"
                for key, value in config.train.items()
                if shipped.train.get(key) != value
            ]
            break
    else:
        words.append("--config FILE")
    return " ".join([*words, f"--steps {config.steps} --seed {config.seed}"])


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """An error of the user's within says in which file it is."""
    try:
        yield
    except SegueError as error:
        raise FileFormatError(f"{path}: {error}") from None


def save_config(path: Path, config: Config) -> None:
    """Write a configuration, whole or not at all."""
    write_whole(path, msgspec.yaml.encode(config))


def _check_keys(given: dict[str, Any]) -> None:
    known = Config.__struct_fields__
    for key in given:
        if key not in known:
            raise UnknownNameError("key", str(key), known)


def _numbers(value: Any) -> Any:
    """Numbers such as 3e-4 as numbers: YAML 1.1 reads them as text, as they have no point."""
    if isinstance(value, dict):
        return {key: _numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    if isinstance(value, str) and value[:1] in "+-.0123456789" and value:
        try:
            return float(value)
        except ValueError:
            return value
    return value
