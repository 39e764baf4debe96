"""pluck."""

from ..instrument import simple
from ..patches import Pluck

INSTRUMENT = simple(Pluck, level_db=-18.5, spread=0.7)
