"""Which session an OSC peer means, as OSC has no connections."""

from collections import OrderedDict

from ...client import protocol as p
from ...client.errors import RequestError
from .link import Link

Address = tuple[str, int]  # host, port
MAX_REMEMBERED = 1024


class Steering:
    """The session that an address has named last, or else its host (as many programs send each
    message from another port), or else the first open one."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._named: OrderedDict[Address | str, str] = OrderedDict()
        self._first = ""

    def choose(self, peer: Address, session: str) -> None:
        """From now on this peer means this session."""
        for who in (peer, peer[0]):
            self._named[who] = session
            self._named.move_to_end(who)
        while len(self._named) > MAX_REMEMBERED:
            self._named.popitem(last=False)

    def forget(self, session: str) -> None:
        """A session has ended: whoever meant it means another."""
        for who in [who for who, named in self._named.items() if named == session]:
            del self._named[who]
        if self._first == session:
            self._first = ""

    async def session_of(self, peer: Address) -> str:
        """RequestError `unknown_session` if no session is open."""
        named = self._named.get(peer) or self._named.get(peer[0])
        if named:
            return named
        if not self._first:
            sessions = (await self._link.ask(p.List())).read(p.Listing).sessions
            if not sessions:
                way = "open one: /segue/open dungeon"
                raise RequestError("unknown_session", "no session is open", "", way)
            self._first = sessions[0]
        return self._first
