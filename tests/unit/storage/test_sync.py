from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from oscarcli.errors import OscarError
from oscarcli.storage.base import StoredObject
from oscarcli.storage.local_tree import LocalFile
from oscarcli.storage.location import Location
from oscarcli.storage.memory import MemoryStorage
from oscarcli.storage.patterns import NameFilter
from oscarcli.storage.sync import ActionKind, Sync, SyncRequest
from oscarcli.storage.sync_compare import difference
from oscarcli.timestamps import nanoseconds

NOON = datetime(2026, 6, 12, 12, tzinfo=timezone.utc)
REQUEST = SyncRequest(Path("nowhere"), Location("b", "in/"), is_upload=False, names=NameFilter())


def unexpected(error: OscarError) -> None:
    raise AssertionError(error)


class Listed(MemoryStorage):
    """A store that lists these keys, in this order."""

    def __init__(self, *keys: str) -> None:
        super().__init__(buckets=("b",))
        self._keys = keys

    def list(self, bucket: str, prefix: str, *, limit: int | None = None) -> Iterator[StoredObject]:
        return iter([StoredObject(Location(bucket, key), 1, NOON) for key in self._keys])


def test_a_list_in_no_order_is_never_taken_for_files_that_are_missing(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    request = replace(REQUEST, local=tmp_path, deletes=True)
    sync = Sync(Listed("in/b", "in/a"), request, unexpected)
    with pytest.raises(OscarError, match="keys come in no order"):
        list(sync.actions())


def test_keys_that_no_file_can_have_are_told_and_make_it_incomplete() -> None:
    errors: list[OscarError] = []
    keys = ("in/../x", "in/./e", "in//d", "in/a\\b", "in/ok", "in/" + "x" * 256)
    sync = Sync(Listed(*keys), REQUEST, errors.append)
    assert [(action.kind, action.name) for action in sync.actions()] == [(ActionKind.DOWNLOAD, "ok")]
    assert (len(errors), sync.is_complete) == (5, False)
    upload = replace(REQUEST, is_upload=True, local=Path(), names=NameFilter(["ok"]))
    assert list(Sync(Listed(*keys), upload, unexpected).actions()) == []


@pytest.mark.parametrize(
    ("seconds", "is_upload", "expected"),
    [
        (0.0, True, None),
        (0.0, False, None),
        # The file is older than the object.
        (-60.0, True, None),
        (-60.0, False, "time"),
        # The file is newer.
        (60.0, True, "time"),
        (60.0, False, "time"),
        # Too near to tell: the content, which is another one here, decides.
        (-1.0, True, "time"),
        (0.001, False, "time"),
    ],
)
def test_times_are_compared_for_the_direction(
    tmp_path: Path, seconds: float, is_upload: bool, expected: str | None
) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"here")
    stored = StoredObject(Location("b", "f"), 4, NOON, etag="0" * 32)
    file = LocalFile("f", path, 4, nanoseconds(NOON + timedelta(seconds=seconds)))
    assert difference(file, stored, is_upload=is_upload, checks_content=False) == expected
    same = replace(stored, etag=hashlib.md5(b"here").hexdigest())
    near = None if abs(seconds) < 2 else expected
    assert difference(file, same, is_upload=is_upload, checks_content=False) == near
    assert difference(file, same, is_upload=is_upload, checks_content=True) is None
    assert difference(file, stored, is_upload=is_upload, checks_content=True) == "checksum"
    assert difference(file, replace(same, size=5), is_upload=is_upload, checks_content=True) == "size"


def test_what_has_no_time_and_no_digest_is_copied(tmp_path: Path) -> None:
    file = LocalFile("f", tmp_path / "gone", 4, 0)
    stored = StoredObject(Location("b", "f"), 4)
    assert difference(file, stored, is_upload=True, checks_content=False) == "time"
    assert difference(file, stored, is_upload=True, checks_content=True) == "checksum"
    assert difference(file, replace(stored, etag="0" * 32), is_upload=True, checks_content=True) == "checksum"
