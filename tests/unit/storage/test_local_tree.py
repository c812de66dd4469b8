from __future__ import annotations

from pathlib import Path

import pytest

from oscarcli.errors import OscarError, UsageError
from oscarcli.storage.local_tree import LocalTree
from oscarcli.storage.patterns import NameFilter

EVERYTHING = NameFilter()


def unexpected(error: OscarError) -> None:
    raise AssertionError(error)


def test_files_come_in_the_order_of_their_whole_names(tmp_path: Path) -> None:
    names = ["a/b", "a-b", "a.txt", "a0", "a/b/c", "a/b-c", "b/ä", "b/\uffee", "b/\U0001f600", "Z"]
    names.remove("a/b")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    found = list(LocalTree(tmp_path, EVERYTHING, unexpected).files())
    assert [file.name for file in found] == sorted(names, key=str.encode)
    assert [file.size for file in found] == [len(file.name.encode()) for file in found]
    assert all(file.modified_ns == file.path.stat().st_mtime_ns for file in found)


def test_what_is_excluded_is_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "a").touch()
    tree = LocalTree(tmp_path, NameFilter(exclude=["locked", "loop"]), unexpected, follow_symlinks=True)
    assert [file.name for file in tree.files()] == ["a"]


def test_a_folder_that_vanishes_meanwhile_is_told_and_the_rest_comes(tmp_path: Path) -> None:
    for name in ("a", "b/x", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    errors: list[OscarError] = []
    files = LocalTree(tmp_path, EVERYTHING, errors.append).files()
    assert next(files).name == "a"
    (tmp_path / "b/x").unlink()
    (tmp_path / "b").rmdir()
    (tmp_path / "c").unlink()
    assert list(files) == []
    assert [error.message for error in errors] == [
        f'local folder "{tmp_path}/b" cannot be read: No such file or directory',
        f'local file "{tmp_path}/c" cannot be read: No such file or directory',
    ]


def test_links_that_lead_back_up_are_not_followed_twice(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/up").symlink_to(tmp_path / "a")
    (tmp_path / "a/b/x").touch()
    # Another way to the same folder is no loop.
    (tmp_path / "again").symlink_to("a")
    errors: list[OscarError] = []
    tree = LocalTree(tmp_path, EVERYTHING, errors.append, follow_symlinks=True)
    assert [file.name for file in tree.files()] == ["a/b/x", "again/b/x"]
    assert [error.message for error in errors] == [
        f'"{tmp_path}/{name}" is a link to a folder that it is in: it is not followed'
        for name in ("a/b/up", "again/b/up")
    ]


def test_no_folder_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file or directory"):
        list(LocalTree(tmp_path / "nowhere", EVERYTHING, unexpected).files())
