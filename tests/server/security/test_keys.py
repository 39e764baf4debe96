"""Keys: files that nobody else can read, and who may come in with them."""

import json
import stat
from pathlib import Path

import pytest

from segue.client.errors import ClientError
from segue.client.keys import read_keys
from segue.music.errors import SegueError, UnknownNameError
from segue.server.security.keys import KeyFolder
from segue.server.security.private import write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_all_that_is_secret_is_for_its_owner_alone(keys: KeyFolder) -> None:
    laptop = keys.new("laptop", "steer")
    assert mode(keys.folder) == 0o700
    files = {path.name: mode(path) for path in keys.folder.iterdir()}
    names = {"server.key", "token.secret", "clients.json", "laptop.key"}
    assert files == dict.fromkeys(names, 0o600)
    assert laptop.name == "laptop.key"


def test_a_client_needs_its_one_file_and_the_server_only_the_public_part(keys: KeyFolder) -> None:
    held = read_keys(keys.new("laptop", "steer"))
    assert (held.name, held.rights, held.server_key) == ("laptop", "steer", keys.server.public_key)
    text = keys.clients_path.read_text()
    assert held.public_key in json.loads(text)["clients"]["laptop"].values()
    assert held.secret_key not in text


def test_the_servers_pair_stays_the_same(keys: KeyFolder) -> None:
    assert KeyFolder(keys.folder, make=True).server == keys.server
    assert KeyFolder(keys.folder).server == keys.server


def test_a_name_is_given_once_until_it_is_revoked(keys: KeyFolder) -> None:
    first = read_keys(keys.new("laptop", "play"))
    with pytest.raises(SegueError, match="segue keys revoke laptop"):
        keys.new("laptop", "admin")
    assert keys.revoke("laptop") and not keys.revoke("laptop")
    assert not (keys.folder / "laptop.key").exists()
    assert read_keys(keys.new("laptop", "play")).public_key != first.public_key


@pytest.mark.parametrize("name", ["", "server", "../up", "a/b", ".hidden", "x" * 65, "a b"])
def test_names_are_simple(keys: KeyFolder, name: str) -> None:
    with pytest.raises(SegueError, match="use letters"):
        keys.new(name, "play")


def test_rights_are_known(keys: KeyFolder) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'admin'"):
        keys.new("laptop", "admins")


def test_keys_that_others_can_read_are_not_used(keys: KeyFolder) -> None:
    (keys.folder / "server.key").chmod(0o640)
    with pytest.raises(SegueError, match="chmod 600"):
        KeyFolder(keys.folder)


def test_what_holds_no_keys_is_told(keys: KeyFolder, tmp_path: Path) -> None:
    with pytest.raises(SegueError, match="segue keys new"):
        KeyFolder(tmp_path / "nowhere")
    write_private(keys.folder / "server.key", b"\xff{")
    with pytest.raises(SegueError, match="holds no keys"):
        KeyFolder(keys.folder)
    for path in (tmp_path / "no.key", keys.folder / "server.key"):
        with pytest.raises(ClientError, match="segue keys new"):
            read_keys(path)


def test_a_failed_write_leaves_what_was_there(keys: KeyFolder) -> None:
    (keys.folder / "taken").mkdir()
    with pytest.raises(SegueError, match="cannot write"):
        write_private(keys.folder / "taken", b"x")
    names = {path.name for path in keys.folder.iterdir()}
    assert names == {"server.key", "token.secret", "taken"}
