"""Folders that nothing written into them leaves, whatever is planted there, before or meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oscarcli.errors import OscarError, RefusedError, UsageError
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.download import Download
from oscarcli.storage.location import Location
from oscarcli.storage.memory import MemoryStorage
from oscarcli.storage.safe_paths import opened_folder, write_inside
from oscarcli.storage.source import FileSource

PLACE = Location("b", "k")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder, and beside it one that must stay empty."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def elsewhere(root: Path) -> Path:
    return root.parent / "elsewhere"


@pytest.fixture
def storage(tmp_path: Path) -> MemoryStorage:
    storage = MemoryStorage(buckets=("b",))
    (tmp_path / "source").write_bytes(b"content")
    with FileSource(tmp_path / "source", lambda _: None, Cancellation()) as source:
        storage.write(PLACE, source, content_type="", cancellation=Cancellation())
    return storage


def fetch(storage: MemoryStorage, target: Path, root: Path) -> None:
    found: StoredObject = storage.stat(PLACE)
    Download(storage, found, lambda _: None, Cancellation()).to_file(target, root=root)


def test_folders_are_made_and_files_replaced(storage: MemoryStorage, root: Path) -> None:
    for _ in range(2):
        fetch(storage, root / "a" / "b" / "c.bin", root)
        write_inside(root, root / "a" / "d.bin", b"other")
    assert (root / "a" / "b" / "c.bin").read_bytes() == b"content"
    assert (root / "a" / "d.bin").read_bytes() == b"other"
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == ["c.bin", "d.bin"]


def test_a_folder_of_the_name_stays_and_nothing_is_asked_for(
    storage: MemoryStorage, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "read", lambda *_, **__: pytest.fail("the object was asked for"))
    (root / "a" / "inner").mkdir(parents=True)
    with pytest.raises(UsageError, match=r'a" is a folder$'):
        fetch(storage, root / "a", root)
    assert [path.name for path in root.rglob("*")] == ["a", "inner"]


def test_the_folder_itself_may_be_a_link_and_may_not_be_there_yet(
    storage: MemoryStorage, root: Path, elsewhere: Path
) -> None:
    (root / "link").symlink_to(elsewhere)
    fetch(storage, root / "link" / "a", root / "link")
    assert (elsewhere / "a").read_bytes() == b"content"
    fetch(storage, root / "new" / "er" / "a", root / "new" / "er")
    assert (root / "new" / "er" / "a").read_bytes() == b"content"


@pytest.mark.parametrize("aim", ["..", "../elsewhere", "/", "nowhere", "inner"])
def test_a_link_in_the_way_is_refused_wherever_it_leads(
    storage: MemoryStorage, root: Path, elsewhere: Path, aim: str
) -> None:
    (root / "inner").mkdir()
    (root / "link").symlink_to(aim)
    (root / "inner" / "file").symlink_to(elsewhere / "victim")
    for target in (root / "link" / "a", root / "link", root / "inner" / "file"):
        with pytest.raises(OscarError, match=r"is a symbolic link|is a folder"):
            fetch(storage, target, root)
        with pytest.raises(RefusedError, match="is a symbolic link"):
            write_inside(root, target, b"x")
    assert not list(elsewhere.iterdir())
    assert os.readlink(root / "link") == aim  # noqa: PTH115 -- the text of the link


def test_a_link_that_comes_while_the_content_does_is_replaced_and_not_followed(
    storage: MemoryStorage, root: Path, elsewhere: Path
) -> None:
    (elsewhere / "victim").write_bytes(b"precious")

    def plant(_: int) -> None:
        if not (root / "sub" / "a").is_symlink():
            (root / "sub" / "a").symlink_to(elsewhere / "victim")

    Download(storage, storage.stat(PLACE), plant, Cancellation()).to_file(root / "sub" / "a", root=root)
    assert (elsewhere / "victim").read_bytes() == b"precious"
    assert not (root / "sub" / "a").is_symlink()
    assert (root / "sub" / "a").read_bytes() == b"content"


def test_a_folder_that_becomes_a_link_while_the_content_comes_leads_nowhere(
    storage: MemoryStorage, root: Path, elsewhere: Path
) -> None:
    def plant(_: int) -> None:
        if (root / "sub").is_dir() and not (root / "sub").is_symlink():
            (root / "sub").rename(root / "moved")
            (root / "sub").symlink_to(elsewhere)

    Download(storage, storage.stat(PLACE), plant, Cancellation()).to_file(root / "sub" / "a", root=root)
    assert not list(elsewhere.iterdir())
    assert (root / "moved" / "a").read_bytes() == b"content"


def test_a_pipe_is_replaced_and_not_written_to(storage: MemoryStorage, root: Path) -> None:
    """Nobody reads from it: to open it would take for ever."""
    os.mkfifo(root / "pipe")
    fetch(storage, root / "pipe", root)
    assert (root / "pipe").read_bytes() == b"content"


def test_what_is_no_folder_is_said_and_nothing_is_left(storage: MemoryStorage, root: Path) -> None:
    (root / "file").touch()
    (root / "folder").mkdir()
    with pytest.raises(OscarError, match="Not a directory"):
        fetch(storage, root / "file" / "a", root)
    with pytest.raises(IsADirectoryError):
        write_inside(root, root / "folder", b"x")
    with pytest.raises(OscarError, match="File name too long"):
        fetch(storage, root / ("x" * 300), root)
    assert sorted(path.name for path in root.iterdir()) == ["file", "folder"]


def test_no_descriptor_stays_open(storage: MemoryStorage, root: Path) -> None:
    (root / "link").symlink_to("..")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for target in ("a/b/c", "link/a", "link"):
        try:
            with opened_folder(root / target, root):
                pass
        except RefusedError:
            continue
    assert len(list(Path("/proc/self/fd").iterdir())) == before
