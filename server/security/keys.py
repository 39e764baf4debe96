"""The folder of keys of a server: its own pair, and the clients it knows.

keys/server.key      the server's pair
keys/token.secret    signs the tokens of WebSocket clients
keys/clients.json    public key and rights of each client; whose tokens count no more
keys/NAME.key        what the client NAME needs, and the server does not: move it there
"""

import re
import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import TypeVar

import msgspec
import zmq

from ...client.keys import ClientKeys
from ...music.errors import SegueError
from .private import make_private_folder, read_private, write_private
from .rights import check_known

DEFAULT_FOLDER = Path("keys")
SERVER_FILE, TOKEN_FILE, CLIENTS_FILE = "server.key", "token.secret", "clients.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

T = TypeVar("T")


class ServerPair(msgspec.Struct, frozen=True):
    """The server's own CURVE keys, as Z85 texts."""

    public_key: str
    secret_key: str


class KnownClient(msgspec.Struct, frozen=True):
    """What a server knows of a client."""

    public_key: str
    rights: str
    made: float  # seconds since 1970


class Clients(msgspec.Struct):
    """All that a server knows of its clients, by their names."""

    clients: dict[str, KnownClient] = {}
    revoked: dict[str, float] = {}  # tokens of that name made up to this moment do not count


class KeyFolder:
    """A folder of keys; with `make`, what is missing of the server's own is made."""

    def __init__(self, folder: str | Path, *, make: bool = False) -> None:
        self.folder = Path(folder)
        if make:
            make_private_folder(self.folder)
            self._make(SERVER_FILE, _new_server_pair)
            self._make(TOKEN_FILE, lambda: token_hex(32).encode())
        self.server = _decode(self.folder / SERVER_FILE, ServerPair)

    @property
    def clients_path(self) -> Path:
        """Of the list of clients."""
        return self.folder / CLIENTS_FILE

    @property
    def token_path(self) -> Path:
        """Of the secret that signs tokens."""
        return self.folder / TOKEN_FILE

    def clients(self) -> Clients:
        """The clients as they are known now."""
        return read_clients(self.clients_path)

    def new(self, name: str, rights: str) -> Path:
        """Make keys for a client; the file that it needs. Raises if the name is taken."""
        check_known(rights)
        check_name(name)
        book = self.clients()
        path = self.folder / f"{name}.key"
        if name in book.clients or path.exists():
            raise SegueError(
                f"there are keys for {name!r} already; choose another name, or first: "
                f"segue keys revoke {name}"
            )
        public, secret = curve_pair()
        keys = ClientKeys(
            server_key=self.server.public_key,
            public_key=public,
            secret_key=secret,
            name=name,
            rights=rights,
        )
        write_private(path, _encode(keys))
        book.clients[name] = KnownClient(public, rights, time.time())
        write_private(self.clients_path, _encode(book))
        return path

    def revoke(self, name: str) -> bool:
        """Let a client in no more, by key or by any token made up to now; whether it had a key."""
        check_name(name)
        book = self.clients()
        known = book.clients.pop(name, None) is not None
        book.revoked[name] = time.time()
        write_private(self.clients_path, _encode(book))
        (self.folder / f"{name}.key").unlink(missing_ok=True)
        return known

    def _make(self, name: str, make: Callable[[], bytes]) -> None:
        if not (self.folder / name).exists():
            write_private(self.folder / name, make())


def read_clients(path: Path) -> Clients:
    """The clients that a file tells of; none if it is not there."""
    return _decode(path, Clients) if path.exists() else Clients()


def curve_pair() -> tuple[str, str]:
    """A new public and secret key, as Z85 texts."""
    public, secret = zmq.curve_keypair()
    return public.decode(), secret.decode()


def _new_server_pair() -> bytes:
    return _encode(ServerPair(*curve_pair()))


def check_name(name: str) -> None:
    """Raise SegueError unless a client can be called so."""
    if not NAME.fullmatch(name) or name == "server":
        raise SegueError(
            f"{name[:64]!r} cannot be a client's name; use letters, digits, '-', '_' and '.', at "
            "most 64, and not 'server'"
        )


def _encode(value: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"


def _decode(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(read_private(path), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SegueError(
            f"{path} holds no keys: {error}; make new ones in another folder"
        ) from None
