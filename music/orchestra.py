"""The orchestra: the instruments that every engine offers, and what a score may ask of them.

How they sound is in `synth.instruments`, a file for each of the names here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Player:
    """One instrument as a score sees it."""

    family: str
    program: int  # the nearest of General MIDI (0..127), for files and ports; of kits, the kit's
    lowest: int  # MIDI pitches of its range; other pitches sound, but no longer like it
    highest: int
    bank: int = 0

    @property
    def is_kit(self) -> bool:
        """Whether pitches are General MIDI percussion numbers."""
        return self.family == "drums"


ORCHESTRA = {
    "piano": Player("keys", 0, 21, 108),
    "epiano": Player("keys", 4, 28, 100),
    "harpsichord": Player("keys", 6, 29, 89),
    "organ": Player("keys", 19, 24, 100),
    "celesta": Player("mallets", 8, 60, 108),
    "marimba": Player("mallets", 12, 36, 96),
    "vibraphone": Player("mallets", 11, 48, 89),
    "bells": Player("bells", 14, 48, 100),
    "tubular": Player("bells", 14, 53, 84),
    "pluck": Player("plucked", 45, 36, 96),
    "harp": Player("plucked", 46, 24, 103),
    "guitar": Player("plucked", 24, 40, 84),
    "lute": Player("plucked", 105, 36, 84),
    "koto": Player("plucked", 107, 43, 88),
    "pizzicato": Player("plucked", 45, 36, 93),
    "bass": Player("bass", 33, 28, 60),
    "synthbass": Player("bass", 38, 24, 60),
    "subbass": Player("bass", 39, 24, 55),
    "strings": Player("strings", 48, 28, 96),
    "cello": Player("strings", 42, 36, 76),
    "violin": Player("strings", 40, 55, 100),
    "brass": Player("brass", 61, 34, 84),
    "horn": Player("brass", 60, 34, 77),
    "flute": Player("woodwind", 73, 60, 96),
    "clarinet": Player("woodwind", 71, 50, 91),
    "oboe": Player("woodwind", 68, 58, 91),
    "choir": Player("choir", 52, 40, 84),
    "lead": Player("leads", 81, 36, 96),
    "pad": Player("pads", 89, 36, 96),
    "glass": Player("pads", 92, 48, 100),
    "arp": Player("arps", 80, 36, 100),
    "texture": Player("textures", 95, 36, 96),
    "timpani": Player("timpani", 47, 36, 60),
    "drums": Player("drums", 0, 35, 81),
    "drums_electronic": Player("drums", 24, 35, 81),
    "drums_orchestral": Player("drums", 48, 35, 81),
}
"""The players by name."""

FAMILIES = tuple(dict.fromkeys(player.family for player in ORCHESTRA.values()))
