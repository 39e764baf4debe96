"""Which client may ask what: `play` asks and rates, `steer` commands, `admin` may do everything."""

from ...client import protocol as p
from ...client.errors import RequestError
from ...music.errors import UnknownNameError

RIGHTS = ("play", "steer", "admin")  # each includes those before it

PLAY = frozenset(
    kind.TYPE
    for kind in (
        p.Hello,
        p.Ping,
        p.List,
        p.Join,
        p.GetPosition,
        p.GetEvents,
        p.GetSnapshot,
        p.Explain,
        p.GetTimeTo,
        p.GetWhy,
        p.GetMeters,
        p.GetMetrics,
        p.Subscribe,
        p.Feedback,
        p.Unlearn,
        p.GetFunctions,
        p.GetLibrary,
        p.GetCards,
        p.GetJob,
        p.GetJobs,
        p.GetResult,
    )
)
ADMIN = frozenset({p.Shutdown.TYPE})
"""Everything else is `steer`; what is not known is told as that, not as forbidden."""

_REFUSED: dict[str, frozenset[str]] = {
    "": frozenset({*p.REQUESTS, *p.MODEL_REQUESTS}),
    "play": frozenset({*p.REQUESTS, *p.MODEL_REQUESTS}) - PLAY,
    "steer": ADMIN,
    "admin": frozenset(),
}


def check_rights(type: str, rights: str) -> None:
    """Raise RequestError `forbidden` unless a client's rights ('' for none) reach so far."""
    if type in _REFUSED[rights]:
        raise RequestError(
            "forbidden",
            f"{type!r} needs the rights {needed(type)!r}; this client has {rights or 'none'!r}",
            "$.header.type",
            f"ask who runs the server for keys with --rights {needed(type)}",
        )


def needed(type: str) -> str:
    """The least rights that a type of request needs."""
    return "play" if type in PLAY else "admin" if type in ADMIN else "steer"


def check_known(rights: str) -> str:
    """These rights, or UnknownNameError."""
    if rights not in RIGHTS:
        raise UnknownNameError("rights", rights, RIGHTS)
    return rights
