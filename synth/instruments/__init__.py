"""The instruments, one file each, under the names of `music.orchestra`.

Each module holds `INSTRUMENT`; its docstring says what it is, its range and its sound.
"""

from importlib import import_module

from ...music.errors import UnknownNameError
from ...music.orchestra import ORCHESTRA
from ...music.sample_names import is_sample_name
from ..instrument import Instrument
from ..sampler import sampled_instrument


def instrument(name: str) -> Instrument:
    """The instrument of that name or of those samples; UnknownNameError names the nearest."""
    if is_sample_name(name):
        return sampled_instrument(name)
    if name not in ORCHESTRA:
        raise UnknownNameError("instrument", name, ORCHESTRA)
    found: Instrument = import_module(f".{name}", __name__).INSTRUMENT
    return found
