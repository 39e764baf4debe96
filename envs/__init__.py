"""The worlds agents learn in: Gymnasium environments over music state.

Importing this registers them, so `gym.make("segue.envs:segue/Arrange-v0")` works anywhere.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gymnasium.envs.registration import register, registry

from ..music.errors import UnknownNameError

if TYPE_CHECKING:
    from .core import Core

ARRANGE = "segue/Arrange-v0"
ACCOMPANY = "segue/Accompany-v0"
MELODY = "segue/Melody-v0"
STEMS = "segue/Stems-v0"
TIMBRE = "segue/Timbre-v0"

ENVIRONMENTS = {  # id -> module and the start of the names of its classes
    ARRANGE: "segue.envs.arrange.env:Arrange",
    ACCOMPANY: "segue.envs.accompany.env:Accompany",
    MELODY: "segue.envs.melody.env:Melody",
    STEMS: "segue.envs.stems.env:Stems",
    TIMBRE: "segue.envs.timbre.env:Timbre",
}
"""Every environment: `...Env` is its single form, with its manual, `...VectorEnv` n at once."""

for _name, _place in ENVIRONMENTS.items():
    if _name not in registry:
        register(id=_name, entry_point=f"{_place}Env", vector_entry_point=f"{_place}VectorEnv")


def environment_id(name: str) -> str:
    """The id that `arrange`, `Arrange-v0` or `segue/Arrange-v0` mean; UnknownNameError if none."""
    for known in ENVIRONMENTS:
        if name.lower() in (known.lower(), known.lower().removeprefix("segue/"), short_name(known)):
            return known
    forms = ENVIRONMENTS if "-" in name else map(short_name, ENVIRONMENTS)
    raise UnknownNameError("environment", name, forms)


def short_name(environment: str) -> str:
    """`arrange` for `segue/Arrange-v0`."""
    return environment.rpartition("/")[2].partition("-")[0].lower()


def make_core(name: str, n: int, **options: Any) -> "Core":
    """n episodes of an environment, by any of its names, without a form round them.

    :param options: of the environment, as in its manual
    """
    module, _, stem = ENVIRONMENTS[environment_id(name)].partition(":")
    core: Core = getattr(import_module(module), f"{stem}Env").core_class(n, **options)
    return core
