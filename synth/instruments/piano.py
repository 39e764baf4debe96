"""piano."""

from ..instrument import simple
from ..patches import Piano

INSTRUMENT = simple(Piano, level_db=-8.9, spread=0.6)
