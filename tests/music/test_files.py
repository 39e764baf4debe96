"""Folders that are filled whole or not at all."""

from pathlib import Path

import pytest

from segue.music.errors import SegueError
from segue.music.files import copy_whole, fill_folder


def content(folder: Path) -> dict[str, str]:
    """Every file of a folder by its name, hidden ones too; folders as empty texts."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else ""
        for path in folder.rglob("*")
    }


@pytest.fixture
def old(tmp_path: Path) -> Path:
    (tmp_path / "old" / "sub").mkdir(parents=True)
    for name in ("a", "b", "sub/c"):
        (tmp_path / "old" / name).write_text(f"old {name}")
    return tmp_path / "old"


def test_a_new_folder_is_there_at_the_end(tmp_path: Path) -> None:
    with fill_folder(tmp_path / "deep" / "new") as made:
        (made / "sub").mkdir()
        (made / "sub" / "x").write_text("x")
        assert not (tmp_path / "deep").exists()
    assert content(tmp_path) == {
        "deep": "",
        "deep/new": "",
        "deep/new/sub": "",
        "deep/new/sub/x": "x",
    }
    plain = tmp_path / "plain"
    plain.mkdir()
    assert (tmp_path / "deep" / "new").stat().st_mode == plain.stat().st_mode


def test_files_of_other_names_stay(old: Path) -> None:
    with fill_folder(old) as made:
        (made / "more" / "deep").mkdir(parents=True)
        for name in ("b", "more/deep/d"):
            (made / name).write_text(f"new {name}")
        assert (old / "b").read_text() == "old b"
    assert content(old) == {
        "a": "old a",
        "b": "new b",
        "sub": "",
        "sub/c": "old sub/c",
        "more": "",
        "more/deep": "",
        "more/deep/d": "new more/deep/d",
    }


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, SegueError, OSError])
@pytest.mark.parametrize("name", ["old", "deep/new"])
def test_a_stopped_filling_leaves_what_was_there(
    old: Path, name: str, stopped: type[BaseException]
) -> None:
    before = content(old.parent)
    with pytest.raises(stopped), fill_folder(old.parent / name) as made:
        (made / "a").write_text("new")
        raise stopped
    assert content(old.parent) == before


def test_a_file_that_cannot_be_placed_takes_all_back(old: Path) -> None:
    before = content(old)
    with pytest.raises(SegueError, match=r"cannot make the folder .*old: .*sub is a folder"):
        with fill_folder(old) as made:
            (made / "new").mkdir()
            for name in ("a", "new/d", "sub"):  # a is replaced first
                (made / name).write_text("new")
    assert content(old) == before


def test_where_no_folder_can_be_nothing_is_begun(old: Path) -> None:
    for target in (old / "a", old / "a" / "deeper"):
        with pytest.raises(SegueError, match="cannot make the folder"), fill_folder(target):
            pytest.fail("it began")
    assert (old / "a").read_text() == "old a"


def test_a_copy_is_whole_or_not_there(old: Path) -> None:
    copy_whole(old / "a", old / "copy")
    assert (old / "copy").read_text() == "old a"
    with pytest.raises(SegueError, match=r"cannot copy .*gone to .*: No such file"):
        copy_whole(old / "gone", old / "lost")
    with pytest.raises(SegueError, match=r"cannot copy .*sub to"):
        copy_whole(old / "sub", old / "lost")
    assert not (old / "lost").exists()
