"""Pooled voices: which one plays a note, and which gives way.

A pool has some voices more than may sound. When all that may sound do, the oldest released one
(or else the oldest) is faded out while a resting voice starts the new note at its exact frame, so
that stealing neither clicks nor delays.
"""

from dataclasses import dataclass, field

from .instrument import Patch, Sound

SPARE_VOICES = 6
RESTING, HELD, RELEASED, FADING = range(4)

Note = tuple[int, int, int, float, float]
"""Frame at which it begins, length in frames, channel, pitch, velocity."""


@dataclass(eq=False, slots=True)
class Voice:
    """What plays one note after the other."""

    state: int = RESTING
    serial: int = 0  # of the note, so that timers of earlier notes can be told
    note: Note = (0, 0, 0, 0.0, 0.0)
    sound: Sound = field(default_factory=lambda: Sound(()))
    on_frame: int = 0
    fade_from: int = 0  # frame where fading began
    slot: int = 0  # of `Voices`


class Pool:
    """Voices of one patch, of which at most `cap` sound besides those that fade."""

    def __init__(self, patch: Patch, cap: int) -> None:
        self.patch, self.cap = patch, cap
        self._voices = [Voice() for _ in range(cap + SPARE_VOICES)]

    def choose(self, frame: int) -> tuple[Voice, Voice | None]:
        """A voice for a note at `frame`, and the voice to fade for it if there is one."""
        sounding = [voice for voice in self._voices if voice.state in (HELD, RELEASED)]
        victim = None
        if len(sounding) >= self.cap:
            victim = min(sounding, key=lambda voice: (voice.state == HELD, voice.on_frame))
            if victim.on_frame == frame:  # has not sounded yet: take its place
                return victim, victim
        for voice in self._voices:
            if voice.state == RESTING:
                return voice, victim
        # every resting voice went within one fade time: cut what is left of the oldest fade
        fading = [voice for voice in self._voices if voice.state == FADING]
        return min(fading, key=lambda voice: voice.fade_from), victim
