"""brass."""

from ..instrument import simple
from ..patches import Brass

INSTRUMENT = simple(Brass, level_db=-17.8, spread=0.2)
