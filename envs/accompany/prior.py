"""The model of played chords that ships with `segue/Accompany-v0`: online, maximum likelihood.

It is what an accompanist should stay near to, and the unit of "log-probability under the prior".
"""

from functools import lru_cache
from pathlib import Path

from ...analysis.cards import load_weights
from .network import Network

MODELS = Path(__file__).parent / "models"
PRIOR = MODELS / "prior.json"

TASK = "chords to a melody, online"
"""The task of such models on their cards."""


@lru_cache(maxsize=1)
def load_prior() -> Network:
    """The shipped network; its card names what it learned from."""
    return Network(load_weights(PRIOR)[1])
