"""Which MIDI channel a note goes to: one a layer, or a zone of MPE with a channel for each note.

In an MPE zone a synthesizer hears every note on a channel of its own, so that each can be bent by
itself. The lower zone has its master on channel 1 and members from 2 up, the upper zone its master
on 16 and members from 15 down. A zone plays one layer; the others keep a channel each, drums the
tenth (General MIDI). Channels are counted from 0 here.

Reference: MIDI Polyphonic Expression 1.0 (RP-053); General MIDI level 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..music.errors import SegueError, UnknownNameError
from ..music.events import Channel
from ..music.midi import DRUM_CHANNEL
from ..music.orchestra import ORCHESTRA

CHANNELS = 16
LOWER_MASTER, UPPER_MASTER = 0, 15
MEMBER_BEND_SEMITONES = 48.0  # what the specification sets for members
PLAIN_BEND_SEMITONES = 2.0  # what General MIDI sets
_UPPER_MEMBERS = 5  # where there are two zones


@dataclass
class Place:
    """Where the notes of a layer go.

    :param master: the channel of what is said to the whole layer
    :param members: channels of notes; for a plain channel the master alone
    """

    master: int
    members: tuple[int, ...]
    bend_semitones: float = PLAIN_BEND_SEMITONES  # what a whole bend of a member means
    sounding: dict[int, int] = field(default_factory=dict)  # notes of each member
    ended: dict[int, int] = field(default_factory=dict)  # serial of the last end on each member

    @property
    def is_zone(self) -> bool:
        """Whether each note has a channel of its own."""
        return self.members != (self.master,)

    def choose(self) -> int:
        """The member for a new note: the quietest, and of those the one that ended first."""
        return min(
            self.members,
            key=lambda member: (self.sounding.get(member, 0), self.ended.get(member, -1)),
        )

    def begin(self, member: int) -> None:
        """A note begins on a member."""
        self.sounding[member] = self.sounding.get(member, 0) + 1

    def end(self, member: int, serial: int) -> None:
        """A note ends on a member."""
        self.sounding[member] = max(self.sounding.get(member, 0) - 1, 0)
        self.ended[member] = serial


def is_kit(channel: Channel) -> bool:
    """Whether a layer's pitches are percussion numbers."""
    player = ORCHESTRA.get(channel.instrument)
    return channel.kit if player is None else player.is_kit


def lay_out(channels: Sequence[Channel], zones: Sequence[str] = ()) -> list[Place]:
    """The place of each layer.

    :param zones: names of one layer, for the lower zone, or two, the second for the upper one

    Raises UnknownNameError for a layer that is not there, SegueError for more than two zones, for
    drums in a zone, or for more layers than there are channels.
    """
    names = [channel.name for channel in channels]
    for name in zones:
        if name not in names:
            raise UnknownNameError("layer for MPE", name, names)
        if is_kit(channels[names.index(name)]):
            raise SegueError(f"layer {name!r} is percussion, which has no MPE; choose another")
    if len(zones) > 2 or len(set(zones)) < len(zones):
        raise SegueError(
            f"MPE was asked for layers {', '.join(zones)}; there is a lower and an upper zone, "
            "name one layer or two"
        )
    plain = [name for name, c in zip(names, channels, strict=True) if not is_kit(c)]
    plain = [name for name in plain if name not in zones]
    drummed = any(map(is_kit, channels))
    free = _free_channels(len(zones), drums=drummed)
    least = bool(zones)  # a zone needs a member
    if len(plain) > len(free) - least:
        raise SegueError(
            f"{len(plain)} layers besides drums and MPE zones do not fit into the "
            f"{len(free) - least} channels left for them; use fewer layers or zones"
        )
    places = {name: Place(number, (number,)) for name, number in zip(plain, free, strict=False)}
    if zones:
        end = DRUM_CHANNEL if drummed else CHANNELS
        lower = range(1, 1 + max(number for number in free[len(plain) :] if number < end))
        places[zones[0]] = Place(LOWER_MASTER, tuple(lower), MEMBER_BEND_SEMITONES)
    if len(zones) == 2:
        upper = tuple(range(UPPER_MASTER - 1, UPPER_MASTER - 1 - _UPPER_MEMBERS, -1))
        places[zones[1]] = Place(UPPER_MASTER, upper, MEMBER_BEND_SEMITONES)
    drums = Place(DRUM_CHANNEL, (DRUM_CHANNEL,))
    return [drums if is_kit(c) else places[c.name] for c in channels]


def _free_channels(zones: int, *, drums: bool) -> list[int]:
    """Channels for plain layers, those to be taken first in front."""
    numbers = [number for number in range(CHANNELS) if not (drums and number == DRUM_CHANNEL)]
    if zones == 0:
        return numbers
    if zones == 1:
        return [number for number in reversed(numbers) if number != LOWER_MASTER]
    return [n for n in reversed(numbers) if LOWER_MASTER < n < UPPER_MASTER - _UPPER_MEMBERS]
