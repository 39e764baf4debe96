"""What a cue gets when nobody has said otherwise: the parameters that all cues share, and more."""

from .cue import ANY, Binding, Parameter, Stinger, Transition

PARAMETERS = (
    Parameter("danger", default=0.0),
    Parameter("health", default=1.0),
    Parameter("action", default=0.2),
)
"""The parameters that every shipped cue understands, each 0..1."""

BINDINGS = (
    Binding("danger", "mood.valence", ((0.0, 0.25), (1.0, -0.6))),
    Binding("danger", "mood.tension", ((0.0, -0.4), (0.5, 0.1), (1.0, 0.7))),
    Binding("danger", "mood.arousal", ((0.0, 0.0), (1.0, 0.3))),
    Binding("health", "mood.valence", ((0.0, -0.4), (0.5, 0.0), (1.0, 0.2))),
    Binding("health", "mood.tension", ((0.0, 0.3), (0.5, 0.0), (1.0, 0.0))),
    Binding("action", "mood.arousal", ((0.0, -0.6), (0.5, 0.1), (1.0, 0.7))),
)

TRANSITIONS = (Transition(ANY, ANY, at="phrase", fill=True, weight=1.0),)

STINGERS = (
    Stinger("victory", (0, 2, 4, 7), (0.5, 0.5, 0.5, 2.0), "brass"),
    Stinger("danger", (7, 6, 5, 4), (0.25, 0.25, 0.25, 1.5), "strings", octave=4),
    Stinger("discovery", (4, 7, 8, 11), (0.25, 0.25, 0.25, 1.5), "bells"),
)


def section_name(index: int) -> str:
    """Names for sections without one: a..z, a1..z1, ..."""
    turn, letter = divmod(index, 26)
    return f"{chr(ord('a') + letter)}{turn or ''}"
