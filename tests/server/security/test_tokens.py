"""Tokens: signed, bounded in time, revocable."""

import base64
import json

import pytest

from segue.client.errors import RequestError
from segue.music.errors import RangeError, SegueError
from segue.server.security import tokens as tokens_module
from segue.server.security.keys import KeyFolder
from segue.server.security.tokens import Tokens


@pytest.fixture
def tokens(keys: KeyFolder) -> Tokens:
    return Tokens(keys.token_path)


def test_a_token_says_who_may_what(tokens: Tokens, keys: KeyFolder) -> None:
    claims = Tokens(keys.token_path).check(tokens.make("phone", "play", 8.0))
    assert (claims.name, claims.rights) == ("phone", "play")
    assert claims.expires - claims.made == pytest.approx(8 * 3600)


def test_a_changed_token_is_refused(tokens: Tokens) -> None:
    token = tokens.make("phone", "play", 8.0)
    kind, claims, signature = token.split(".")
    plain = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    more = base64.urlsafe_b64encode(json.dumps(plain | {"rights": "admin"}).encode())
    forged = [
        f"{kind}.{more.decode().rstrip('=')}.{signature}",
        f"{kind}.{claims}.{signature[:-2]}AA",
        f"{kind}.{claims}.",
        f"{kind}.{claims}",
        f"segue2.{claims}.{signature}",
        token + "A",
        token * 100,
        "",
        "..",
        "é" * 10,
        "\ud800",
    ]
    for text in forged:
        with pytest.raises(RequestError) as caught:
            tokens.check(text)
        assert caught.value.code == "forbidden", text


def test_every_byte_of_a_token_counts(tokens: Tokens) -> None:
    token = tokens.make("phone", "play", 8.0)
    for place, letter in enumerate(token[:-1]):
        changed = token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]
        with pytest.raises(RequestError, match="changed"):
            tokens.check(changed)


def test_another_servers_token_is_refused(tokens: Tokens, tmp_path: object) -> None:
    other = Tokens(KeyFolder(tmp_path / "other", make=True).token_path)
    with pytest.raises(RequestError, match="not made by this server"):
        tokens.check(other.make("phone", "admin", 8.0))


def test_a_token_expires(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.make("phone", "play", 1.0)
    end = tokens.check(token).expires
    monkeypatch.setattr(tokens_module.time, "time", lambda: end - 1.0)
    tokens.check(token)
    monkeypatch.setattr(tokens_module.time, "time", lambda: end)
    with pytest.raises(RequestError, match="expired"):
        tokens.check(token)


def test_tokens_of_a_revoked_name_count_no_more(tokens: Tokens, keys: KeyFolder) -> None:
    phone, pad = tokens.make("phone", "play", 8.0), tokens.make("pad", "play", 8.0)
    keys.revoke("phone")
    with pytest.raises(RequestError, match="revoked"):
        tokens.check(phone)
    assert tokens.check(pad).name == "pad"
    assert tokens.check(tokens.make("phone", "play", 8.0)).name == "phone"  # a new one


def test_what_a_token_cannot_be(tokens: Tokens) -> None:
    for name, rights, hours, error in (
        ("a/b", "play", 1.0, SegueError),
        ("phone", "rule", 1.0, SegueError),
        ("phone", "play", float("nan"), RangeError),
        ("phone", "play", 1e9, RangeError),
    ):
        with pytest.raises(error):
            tokens.make(name, rights, hours)
