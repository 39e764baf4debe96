"""bells."""

from ..instrument import simple
from ..patches import Bells

INSTRUMENT = simple(Bells, level_db=-14.3, spread=0.6)
