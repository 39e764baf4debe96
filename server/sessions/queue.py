"""Commands that wait for their moment, and answers that are remembered."""

import heapq
import itertools
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from ...client.protocol import Accepted, Command
from ..performing.timeline import Due, Place

REMEMBERED = 4096
NOT_YET = 2**62


@dataclass(order=True)
class Waiting:
    """An accepted command, ordered by when it acts and then by when it came."""

    act_frame: int  # when it is done, `NOT_YET` while that is not known
    order: int
    id: str = field(compare=False)
    content: Command = field(compare=False)
    due: Due = field(compare=False)  # when it is to be heard, as far as is known
    ahead_frames: int = field(compare=False, default=0)  # it is done so long before that
    place: Place | None = field(compare=False, default=None)  # that is waited for
    expires_frame: int | None = field(compare=False, default=None)
    promised_frame: int = field(compare=False, default=0)

    @property
    def verb(self) -> str:
        """Its type on the wire."""
        return self.content.TYPE

    def put_at(self, due: Due) -> None:
        """Let it be heard at another moment than was foreseen."""
        self.due, self.act_frame = due, due.frame - self.ahead_frames


class CommandQueue:
    """Waiting commands in the order in which they act."""

    def __init__(self) -> None:
        self._heap: list[Waiting] = []
        self._orders = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def waiting(self, id: str, content: Command, due: Due, ahead_frames: int) -> Waiting:
        """A command with its place in the order."""
        item = Waiting(0, next(self._orders), id, content, due, ahead_frames)
        item.promised_frame = due.frame
        item.put_at(due)
        return item

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._heap)

    def reorder(self) -> None:
        """Some have been put elsewhere."""
        heapq.heapify(self._heap)

    def push(self, item: Waiting) -> None:
        """Let a command wait."""
        heapq.heappush(self._heap, item)

    def pop_due(self, frame: int) -> Waiting | None:
        """The next command that acts at or before a frame."""
        if self._heap and self._heap[0].act_frame <= frame:
            return heapq.heappop(self._heap)
        return None

    def pop_expired(self, frame: int) -> list[Waiting]:
        """Commands whose time has run out before they could act."""
        late = [w for w in self._heap if w.expires_frame is not None and w.expires_frame < frame]
        for item in late:
            self._remove(item)
        return late

    def cancel(self, id: str) -> Waiting | None:
        """Take a command out by its id."""
        for item in self._heap:
            if item.id == id:
                self._remove(item)
                return item
        return None

    def clear(self) -> list[Waiting]:
        """Take all commands out."""
        items, self._heap = sorted(self._heap), []
        return items

    @property
    def ids(self) -> list[str]:
        """Ids in the order in which they act."""
        return [item.id for item in sorted(self._heap)]

    def next_frame(self) -> int | None:
        """When something here is to be done next."""
        frames = [self._heap[0].act_frame] if self._heap else []
        frames += [w.expires_frame + 1 for w in self._heap if w.expires_frame is not None]
        return min(frames, default=None)

    def _remove(self, item: Waiting) -> None:
        self._heap.remove(item)
        heapq.heapify(self._heap)


class Answers:
    """The last answers by command id, so that a repeated command is done once."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._size = size
        self._answers: OrderedDict[str, Accepted] = OrderedDict()

    def get(self, id: str) -> Accepted | None:
        """The answer that a command got."""
        return self._answers.get(id)

    def put(self, answer: Accepted) -> None:
        """Remember an answer under its id."""
        self._answers[answer.id] = answer
        while len(self._answers) > self._size:
            self._answers.popitem(last=False)
