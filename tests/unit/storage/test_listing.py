from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from oscarcli.errors import NotFoundError
from oscarcli.storage.base import StoredObject
from oscarcli.storage.listing import latest_at, objects_at, relative_name
from oscarcli.storage.location import Location, parse_location
from oscarcli.storage.memory import MemoryStorage

NOON = datetime(2026, 6, 12, 12, tzinfo=timezone.utc)


class Listed(MemoryStorage):
    """A storage whose listing is given: pairs of key and minutes after noon."""

    def __init__(self, *entries: tuple[str, float | None]) -> None:
        super().__init__("minio.default")
        self._entries = [
            StoredObject(Location("b", key), 1, None if at is None else NOON + timedelta(minutes=at))
            for key, at in entries
        ]

    def list(self, bucket: str, prefix: str, *, limit: int | None = None) -> Iterator[StoredObject]:
        found = sorted(self._entries, key=lambda one: one.location.key.encode())
        matching = [one for one in found if one.location.key.startswith(prefix)]
        return iter(matching[:limit])


KEYS = ("in", "in-between/x", "in/", "in/a", "in/sub/", "in/sub/b", "input/c", "other")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("b/in", ["in", "in/a", "in/sub/", "in/sub/b"]),
        ("b/in/", ["in/a", "in/sub/", "in/sub/b"]),
        ("b/in/sub", ["in/sub/b"]),
        ("b/inp", []),
        ("b/input", ["input/c"]),
        ("b/other", ["other"]),
        ("b", list(KEYS)),
        ("b/", list(KEYS)),
    ],
)
def test_a_path_is_an_object_and_a_folder_but_never_a_prefix(path: str, expected: list[str]) -> None:
    storage = Listed(*((key, 0) for key in KEYS))
    assert [one.location.key for one in objects_at(storage, parse_location(path))] == expected


@pytest.mark.parametrize(
    ("path", "key", "name"),
    [
        ("b/in", "in/a", "a"),
        ("b/in/", "in/sub/b", "sub/b"),
        ("b/in", "in", "in"),
        ("b/out/a.png", "out/a.png", "out/a.png"),
        ("b", "in/a", "in/a"),
    ],
)
def test_names_are_those_inside_the_folder(path: str, key: str, name: str) -> None:
    assert relative_name(StoredObject(Location("b", key), 1), parse_location(path)) == name


def test_the_latest_is_the_newest_by_time() -> None:
    storage = Listed(("out/a", 1), ("out/b", 5), ("out/c", 3), ("output/d", 9))
    found, ties = latest_at(storage, Location("b", "out"))
    assert (found.location.key, ties) == ("out/b", 1)


def test_of_several_with_the_same_time_the_last_by_name_counts() -> None:
    storage = Listed(("out/a", 5), ("out/z", 5), ("out/c", 5), ("out/old", 1))
    found, ties = latest_at(storage, Location("b", "out"))
    assert (found.location.key, ties) == ("out/z", 3)


def test_markers_of_folders_are_never_the_latest() -> None:
    storage = Listed(("out/a", 1), ("out/sub/", 9))
    assert latest_at(storage, Location("b", "out"))[0].location.key == "out/a"


def test_objects_without_a_time_are_the_oldest() -> None:
    storage = Listed(("out/a", 1), ("out/z", None))
    assert latest_at(storage, Location("b", "out"))[0].location.key == "out/a"


def test_nothing_there_is_said() -> None:
    with pytest.raises(NotFoundError, match='no files found under "b/out"'):
        latest_at(Listed(("out/", 1), ("output/a", 1)), Location("b", "out"))
