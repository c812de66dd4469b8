from __future__ import annotations

from pathlib import Path

import pytest

from oscarcli.cli.kit.sync_sides import SyncSides, parse_sides
from oscarcli.errors import UsageError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("data", "other", "a:b"):
        Path(name).mkdir()
    Path("file").touch()


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("data", "svc:", SyncSides(Path("data"), "svc", "", is_upload=True)),
        ("svc:", "data", SyncSides(Path("data"), "svc", "", is_upload=False)),
        ("svc:b/in", "new/deep", SyncSides(Path("new/deep"), "svc", "b/in", is_upload=False)),
        ("./a:b", "svc:", SyncSides(Path("a:b"), "svc", "", is_upload=True)),
        ("data", "other:x:y", SyncSides(Path("data"), "other", "x:y", is_upload=True)),
        # Without a colon: what is no local folder is the name, and of two that are not there the first.
        ("data", "svc", SyncSides(Path("data"), "svc", "", is_upload=True)),
        ("svc", "data", SyncSides(Path("data"), "svc", "", is_upload=False)),
        ("svc", "new", SyncSides(Path("new"), "svc", "", is_upload=False)),
        ("svc", "new/", SyncSides(Path("new"), "svc", "", is_upload=False)),
        (".", "svc", SyncSides(Path(), "svc", "", is_upload=True)),
    ],
)
def test_the_order_of_the_words_is_the_direction(source: str, target: str, expected: SyncSides) -> None:
    assert parse_sides(source, target, "service") == expected


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("a:", "b:x", "are both remote"),
        ("data", "other", "which one is the service cannot be told"),
        ("./data", "other/", "are both local folders"),
        ("nothere", "svc:", 'local folder "nothere" does not exist'),
        ("file", "svc:", '"file" is a file, and a folder is needed'),
        ("svc:", "file", '"file" is a file, and a folder is needed'),
        ("", "svc:", "is empty"),
    ],
)
def test_what_cannot_be_told_is_refused(source: str, target: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_sides(source, target, "service")
