"""pad."""

from ..instrument import simple
from ..patches import Pad

INSTRUMENT = simple(Pad, level_db=-26.0, spread=0)
