"""bass."""

from ..instrument import simple
from ..patches import Bass

INSTRUMENT = simple(Bass, level_db=-21.3, spread=0)
