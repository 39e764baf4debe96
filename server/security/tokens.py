"""Tokens of WebSocket clients: who may come until when, signed with HMAC-SHA256 (RFC 2104).

A token is `segue1.CLAIMS.SIGNATURE`: a map of JSON and 32 bytes, both in base64url without padding.
"""

import base64
import hmac
import math
import time
from pathlib import Path

import msgspec

from ...client.errors import RequestError
from ...music.errors import check_range
from .keys import CLIENTS_FILE, check_name, read_clients
from .private import read_private
from .rights import check_known

KIND = "segue1"
MAX_HOURS = 24.0 * 366
MAX_CHARACTERS = 1024


class Claims(msgspec.Struct, frozen=True):
    """What a token says."""

    name: str
    rights: str
    made: float  # seconds since 1970
    expires: float


class Tokens:
    """Makes and checks tokens.

    :param secret_path: file of the secret, in a folder of keys
    """

    def __init__(self, secret_path: str | Path) -> None:
        path = Path(secret_path)
        self._secret = read_private(path).strip()
        self._clients_path = path.with_name(CLIENTS_FILE)

    def make(self, name: str, rights: str, hours: float) -> str:
        """A token for a client that is called so."""
        check_known(rights)
        check_name(name)
        check_range("hours", hours, 0.0, MAX_HOURS)
        now = time.time()
        claims = Claims(name, rights, now, now + 3600.0 * hours)
        body = f"{KIND}.{_text(msgspec.json.encode(claims))}"
        return f"{body}.{_text(self._sign(body))}"

    def check(self, token: str) -> Claims:
        """What a token says; RequestError `forbidden` if it is false, too old or revoked."""
        body, _, signature = token.rpartition(".")
        if len(token) > MAX_CHARACTERS or not token.isascii():
            raise _refused("this is no token")
        if not hmac.compare_digest(_text(self._sign(body)), signature):
            raise _refused("this token was not made by this server, or has been changed")
        try:
            claims = msgspec.json.decode(_bytes(body.removeprefix(f"{KIND}.")), type=Claims)
        except (msgspec.DecodeError, ValueError):
            raise _refused("this token is of another version") from None
        if time.time() >= claims.expires:
            raise _refused("this token has expired")
        if claims.made <= read_clients(self._clients_path).revoked.get(claims.name, -math.inf):
            raise _refused("this token has been revoked")
        return claims

    def _sign(self, body: str) -> bytes:
        return hmac.digest(self._secret, body.encode(), "sha256")


def _refused(fact: str) -> RequestError:
    return RequestError(
        "forbidden", fact, "", "ask who runs the server for another: segue keys token NAME"
    )


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
