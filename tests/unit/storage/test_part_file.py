"""Downloads in ranges by several threads, called off and taken up again."""

from __future__ import annotations

import os
import random
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from oscarcli.errors import OscarError, UnreachableError
from oscarcli.storage import download, part_file
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation, Cancelled
from oscarcli.storage.download import Download
from oscarcli.storage.journal import TransferJournals
from oscarcli.storage.location import Location
from oscarcli.storage.memory import MemoryReader, MemoryStorage
from oscarcli.storage.source import FileSource

PIECE = 1000
PLACE = Location("b", "out/a.bin")
CONTENT = random.Random(5).randbytes(25 * PIECE + 137)
WORKERS = 4


class Counting(MemoryStorage):
    """Notes the ranges that were read."""

    def __init__(self, journals: TransferJournals) -> None:
        super().__init__(buckets=("b",), journals=journals)
        self.lengths: list[int] = []

    def read(
        self,
        location: Location,
        *,
        start: int = 0,
        length: int | None = None,
        etag: str | None = None,
        cancellation: Cancellation | None = None,
    ) -> MemoryReader:
        self.lengths.append(len(CONTENT) - start if length is None else length)
        return super().read(location, start=start, length=length, etag=etag)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def storage(tmp_path: Path, told: list[str]) -> Counting:
    return Counting(TransferJournals(tmp_path / "journals", told.append))


@pytest.fixture
def wanted(storage: Counting, tmp_path: Path) -> StoredObject:
    (tmp_path / "source").write_bytes(CONTENT)
    with FileSource(tmp_path / "source", lambda _: None, Cancellation()) as source:
        storage.write(PLACE, source, content_type="", cancellation=Cancellation())
    return storage.stat(PLACE)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_file, "PIECE_BYTES", PIECE)
    monkeypatch.setattr(download, "READ_BLOCK_BYTES", 300)
    monkeypatch.setattr(download, "MIN_RANGED_BYTES", 5 * PIECE)
    monkeypatch.setattr(download, "MIN_RANGE_BYTES", PIECE // 2)


def fetch(storage: Counting, wanted: StoredObject, target: Path, stop_after: int | None = None) -> int:
    """Download; call it off after so many bytes. Return how many arrived."""
    cancellation = Cancellation()
    lock = threading.Lock()
    arrived = 0

    def advance(count: int) -> None:
        nonlocal arrived
        with lock:
            arrived += count
            if stop_after is not None and arrived >= stop_after:
                cancellation.cancel()

    try:
        Download(storage, wanted, advance, cancellation).to_file(target, streams=WORKERS)
    except Cancelled:
        cancellation.rollback()
    return arrived


def test_a_thread_that_was_left_behind_writes_to_no_other_file(
    storage: Counting, wanted: StoredObject, tmp_path: Path
) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    with part_file.part_file(storage, wanted, folder, tmp_path / "a.bin", Cancellation()) as part:
        descriptor, write = part.descriptor, part.writer()
    # As the system does: a number that is free is given again.
    with (tmp_path / "next").open("w+b") as other:
        os.dup2(other.fileno(), descriptor)
        with pytest.raises(OSError, match="Bad file descriptor"):
            write(b"late", 0)
        assert other.read() == b""
        os.close(descriptor)
    os.close(folder)


@pytest.mark.parametrize("stop_after", [1500, 5000, 12_000, 24_000, 25_100])
def test_at_most_one_piece_a_worker_is_fetched_again(
    storage: Counting, wanted: StoredObject, tmp_path: Path, stop_after: int
) -> None:
    target = tmp_path / "target" / "a.bin"
    before = fetch(storage, wanted, target, stop_after)
    assert not target.exists()
    storage.lengths.clear()
    assert fetch(storage, wanted, target) == len(CONTENT)
    assert target.read_bytes() == CONTENT
    assert sum(storage.lengths) <= len(CONTENT) - before + WORKERS * PIECE
    assert [path.name for path in target.parent.iterdir()] == ["a.bin"]
    assert list((tmp_path / "journals").iterdir()) == []


def test_what_is_there_is_not_asked_for(
    storage: Counting, wanted: StoredObject, tmp_path: Path, told: list[str]
) -> None:
    target = tmp_path / "target" / "a.bin"
    for stop_after in range(3000, 25_000, 4000):
        fetch(storage, wanted, target, stop_after)
    storage.lengths.clear()
    fetch(storage, wanted, target)
    assert target.read_bytes() == CONTENT
    assert sum(storage.lengths) < len(CONTENT) / 2
    assert any("goes on" in line for line in told)


def test_an_object_without_a_version_is_not_kept(
    storage: Counting, wanted: StoredObject, tmp_path: Path
) -> None:
    target = tmp_path / "target" / "a.bin"
    fetch(storage, replace(wanted, etag=None), target, 12_000)
    assert list(target.parent.iterdir()) == []
    assert not list((tmp_path / "journals").glob("*"))


def test_of_what_is_damaged_nothing_is_kept(storage: Counting, wanted: StoredObject, tmp_path: Path) -> None:
    target = tmp_path / "target" / "a.bin"
    with pytest.raises(OscarError, match="damaged"):
        fetch(storage, replace(wanted, digests={"md5": "0" * 32}), target)
    assert list(target.parent.iterdir()) == []
    assert list((tmp_path / "journals").iterdir()) == []


def test_a_connection_that_breaks_for_good_keeps_what_came(
    storage: Counting, wanted: StoredObject, tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target" / "a.bin"
    fetch(storage, wanted, target, 12_000)

    def broken(*_: object, **__: object) -> MemoryReader:
        raise UnreachableError("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(storage, "read", broken)
        with pytest.raises(UnreachableError):
            fetch(storage, wanted, target)
    assert told[-1].endswith("--restart begins anew")
    fetch(storage, wanted, target)
    assert target.read_bytes() == CONTENT
