"""Segue: agent-based adaptive music.

`import segue` loads neither torch nor pyo nor zmq; `segue.open("dungeon")` opens a session in this
process, and `segue.client.Client` one in a server.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .server.sessions.embedded import open_session as open

__version__ = "0.1.0"
__all__ = ["__version__", "open"]


def __getattr__(name: str) -> Any:
    if name == "open":
        from .server.sessions.embedded import open_session

        return open_session
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
