from __future__ import annotations

from pathlib import Path

import pytest

from oscarcli.cli.kit.local_paths import (
    latest_target,
    root_of,
    target_file,
)
from oscarcli.errors import RefusedError
from oscarcli.storage.safe_paths import path_inside, safe_name


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_object_goes_where_it_is_told(here: Path) -> None:
    (here / "folder").mkdir()
    assert target_file(None, "a.png") == Path("a.png")
    assert target_file("b.png", "a.png") == Path("b.png")
    assert target_file("folder", "a.png") == Path("folder/a.png")
    assert target_file("new/", "a.png") == Path("new/a.png")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (".", "a.png"),
        ("folder", "folder/a.png"),
        ("new/", "new/a.png"),
        ("new.dir/", "new.dir/a.png"),
        ("new", "new/a.png"),
        ("file.png", "file.png"),
        ("sub/file.png", "sub/file.png"),
        ("folder.d", "folder.d/a.png"),
        ("plain", "plain"),
    ],
)
def test_the_latest_goes_where_the_value_says(here: Path, value: str, expected: str) -> None:
    (here / "folder").mkdir()
    (here / "folder.d").mkdir()
    (here / "plain").touch()
    assert latest_target(value, "a.png") == Path(expected)


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "/etc/x", "..", "", ".", "a\\b", "..\\b", "a\0b", "x" * 256, "é" * 128]
)
def test_names_that_would_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(RefusedError, match="cannot be used as a file name"):
        safe_name(name)


def test_ordinary_names_stay_as_they_are() -> None:
    for name in ("a", "a/b.png", "..a", "a..b", ".hidden", "a b", "x" * 255):
        assert safe_name(name) == Path(name)


def test_a_name_of_no_text_is_refused() -> None:
    with pytest.raises(RefusedError, match="cannot be used as a file name"):
        safe_name("a/\ud800")


def test_a_servers_name_goes_below_the_folder() -> None:
    assert path_inside(Path("out"), "inner/a") == Path("out/inner/a")
    with pytest.raises(RefusedError):
        path_inside(Path("out"), "../a")


def test_a_folder_that_the_user_named_is_not_left_and_a_file_is_what_it_is(here: Path) -> None:
    (here / "folder").mkdir()
    for word, root in (
        (None, "."),
        ("folder", "folder"),
        ("new/", "new"),
        ("a.png", None),
        ("./a.png", None),
    ):
        found = root_of(target_file(word, "a.png"), word)
        assert found == (Path(root) if root else None)
    assert root_of(latest_target("new", "a.png"), "new") == Path("new")
    assert root_of(latest_target("file.png", "a.png"), "file.png") is None
