"""A client's keys: one file, as `segue keys new` writes it, proves who it is to a server."""

from pathlib import Path
from typing import Any

import msgspec
import zmq

from .errors import ClientError


class ClientKeys(msgspec.Struct, kw_only=True, frozen=True):
    """A pair of CURVE keys and the server's public one, as Z85 texts."""

    server_key: str
    public_key: str
    secret_key: str
    name: str = ""
    rights: str = ""


def read_keys(path: str | Path) -> ClientKeys:
    """Read a file of keys; ClientError if it is none."""
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=ClientKeys)
    except OSError as error:
        fact = f"cannot read the keys {path}: {error.strerror}"
    except (msgspec.DecodeError, UnicodeDecodeError):
        fact = f"{path} holds no keys"
    raise ClientError(f"{fact}; give the file that `segue keys new NAME` wrote")


def use_keys(socket: "zmq.Socket[Any]", keys: ClientKeys | None) -> None:
    """Let a socket that is not yet connected prove who it is; without keys it proves nothing."""
    if keys is None:
        return
    try:
        socket.curve_serverkey = keys.server_key.encode()
        socket.curve_publickey = keys.public_key.encode()
        socket.curve_secretkey = keys.secret_key.encode()
    except zmq.ZMQError:
        raise ClientError("these are no CURVE keys; make new ones: segue keys new NAME") from None
