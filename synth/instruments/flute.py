"""flute."""

from ..instrument import simple
from ..patches import Flute

INSTRUMENT = simple(Flute, level_db=-13.2, spread=0.1)
