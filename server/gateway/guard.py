"""Who may come in by HTTP and WebSocket: which pages, by which names, with which tokens.

A page of any site can make a browser call this machine. So a request that comes from a page is
taken from our own pages, and those that were named, alone. On the loopback interface the server
answers to no name but its own, or a foreign name that is made to point here (DNS rebinding) would
make a page ours.
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from ...client.errors import RequestError
from ..security.tokens import Claims, Tokens

SUBPROTOCOL = "segue.token."  # and the token: browsers can send no header with a WebSocket
NOBODY = Claims(name="", rights="admin", made=0.0, expires=float("inf"))


class WebGuard:
    """Checks a request or handshake.

    :param host: that the server listens on
    :param tokens: what checks tokens; None where none are needed
    :param pages: origins whose pages may ask, besides our own
    """

    def __init__(self, host: str, tokens: Tokens | None, pages: Collection[str] = ()) -> None:
        self._local = is_loopback(host)
        self._tokens, self.pages = tokens, frozenset(pages)

    def check_place(self, headers: Headers) -> None:
        """RequestError `forbidden` for a foreign name of this server, or a foreign page."""
        host = headers.get("host", "")
        if self._local and not is_loopback(_name(host)):
            raise RequestError("forbidden", f"this server is not {host[:64]!r}", "", _LOCAL_WAY)
        origin = headers.get("origin")
        if origin is None or origin in self.pages:
            return
        if urlsplit(origin).netloc != host:
            raise RequestError(
                "forbidden", f"a page of {origin[:64]!r} may not ask this server", "", _PAGE_WAY
            )

    def claims(self, connection: HTTPConnection) -> Claims:
        """Who asks; RequestError `forbidden` without a valid token where one is needed."""
        if self._tokens is None:
            return NOBODY
        return self._tokens.check(token_of(connection))

    @property
    def asks_tokens(self) -> bool:
        """Whether tokens are needed."""
        return self._tokens is not None


_LOCAL_WAY = "call it 127.0.0.1 or localhost"
_PAGE_WAY = "use the server's console or a program, or name the page: segue serve --page ORIGIN"


def token_of(connection: HTTPConnection) -> str:
    """From `?token=`, the header `Authorization: Bearer`, or the subprotocol; '' for none."""
    bearer, _, token = connection.headers.get("authorization", "").partition(" ")
    if bearer.lower() == "bearer":
        return token.strip()
    subprotocol = token_subprotocol(connection)
    if subprotocol is not None:
        return subprotocol.removeprefix(SUBPROTOCOL)
    return connection.query_params.get("token", "")


def token_subprotocol(connection: HTTPConnection) -> str | None:
    """The subprotocol that holds a token; the handshake has to name it."""
    offered: list[str] = connection.scope.get("subprotocols", [])
    return next((name for name in offered if name.startswith(SUBPROTOCOL)), None)


def is_loopback(name: str) -> bool:
    """Whether an address or name is this machine's own."""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """A `Host` header without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
