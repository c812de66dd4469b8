from __future__ import annotations

import hashlib
import os
import stat
import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from oscarcli.errors import OscarError, RefusedError, UnreachableError, UsageError
from oscarcli.storage import download as module
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation, Cancelled
from oscarcli.storage.download import Download
from oscarcli.storage.location import Location
from oscarcli.storage.memory import MemoryReader, MemoryStorage
from oscarcli.storage.source import FileSource

PLACE = Location("b", "out/a.bin")
CONTENT = os.urandom(100_000)


class BrokenReader(MemoryReader):
    """Gives so many bytes and then fails as a broken connection does."""

    def __init__(self, whole: MemoryReader, limit: int, failure: Callable[[], Exception] | None) -> None:
        super().__init__(whole.object, whole.read(limit))
        self._failure = failure

    def read(self, size: int) -> bytes:
        data = super().read(size)
        if not data and self._failure is not None:
            raise self._failure()
        return data


class Storage(MemoryStorage):
    """A storage whose readers break off as long as `limits` has entries: after so many bytes each."""

    def __init__(self) -> None:
        super().__init__(buckets=("b",))
        self.limits: list[int] = []
        self.failure: Callable[[], Exception] | None = lambda: UnreachableError("the connection broke")
        self.starts: list[tuple[int, int | None]] = []
        self._counting = threading.Lock()

    def read(
        self,
        location: Location,
        *,
        start: int = 0,
        length: int | None = None,
        etag: str | None = None,
        cancellation: Cancellation | None = None,
    ) -> MemoryReader:
        reader = super().read(location, start=start, length=length, etag=etag)
        with self._counting:
            self.starts.append((start, length))
            limit = self.limits.pop(0) if self.limits else None
        return reader if limit is None else BrokenReader(reader, limit, self.failure)

    def store(self, path: Path, content: bytes) -> StoredObject:
        path.write_bytes(content)
        with FileSource(path, lambda _: None, Cancellation()) as source:
            self.write(PLACE, source, content_type="", cancellation=Cancellation())
        return self.stat(PLACE)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(module, "READ_BLOCK_BYTES", 10_000)


@pytest.fixture
def storage() -> Storage:
    return Storage()


@pytest.fixture
def wanted(storage: Storage, tmp_path: Path) -> StoredObject:
    return storage.store(tmp_path / "source", CONTENT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fetch(storage: Storage, wanted: StoredObject, target: Path, streams: int = 4) -> list[int]:
    steps: list[int] = []
    Download(storage, wanted, steps.append, Cancellation()).to_file(target, streams=streams)
    return steps


def test_an_object_becomes_a_file(storage: Storage, wanted: StoredObject, folder: Path) -> None:
    steps = fetch(storage, wanted, folder / "new" / "a.bin")
    assert (folder / "new" / "a.bin").read_bytes() == CONTENT
    assert sum(steps) == len(CONTENT)
    assert names_in(folder / "new") == ["a.bin"]


def test_an_empty_object_becomes_an_empty_file(storage: Storage, folder: Path) -> None:
    fetch(storage, storage.store(folder / "source", b""), folder / "a.bin")
    assert (folder / "a.bin").read_bytes() == b""


def test_a_large_object_comes_in_ranges(
    storage: Storage, wanted: StoredObject, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MIN_RANGED_BYTES", 50_000)
    monkeypatch.setattr(module, "MIN_RANGE_BYTES", 30_000)
    steps = fetch(storage, wanted, folder / "a.bin", streams=4)
    assert (folder / "a.bin").read_bytes() == CONTENT
    assert sum(steps) == len(CONTENT)
    assert sorted(storage.starts) == [(0, 30_000), (30_000, 30_000), (60_000, 30_000), (90_000, 10_000)]


@pytest.mark.parametrize("failure", [None, lambda: UnreachableError("the connection broke")])
def test_a_broken_stream_is_continued_where_it_broke(
    storage: Storage, wanted: StoredObject, folder: Path, failure: Callable[[], Exception] | None
) -> None:
    storage.limits, storage.failure = [25_000, 30_000], failure
    fetch(storage, wanted, folder / "a.bin")
    assert (folder / "a.bin").read_bytes() == CONTENT
    assert storage.starts == [(0, None), (25_000, 75_000), (55_000, 45_000)]


def test_a_stream_that_breaks_again_and_again_is_given_up(
    storage: Storage, wanted: StoredObject, folder: Path
) -> None:
    storage.limits = [25_000, 10, 10, 10]
    with pytest.raises(UnreachableError, match="the connection broke after 25020 of 100000 bytes"):
        fetch(storage, wanted, folder / "a.bin")
    assert names_in(folder) == []


def test_one_broken_range_calls_the_others_off(
    storage: Storage, wanted: StoredObject, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MIN_RANGED_BYTES", 0)
    monkeypatch.setattr(module, "MIN_RANGE_BYTES", 20_000)
    storage.limits = [0] * 15
    with pytest.raises(UnreachableError):
        fetch(storage, wanted, folder / "a.bin", streams=4)
    assert names_in(folder) == []


@pytest.mark.parametrize("streams", [1, 4])
@pytest.mark.parametrize("algorithm", ["md5", "sha1", "crc32", "adler32"])
def test_damage_on_the_way_is_noticed(
    storage: Storage,
    wanted: StoredObject,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    algorithm: str,
    streams: int,
) -> None:
    monkeypatch.setattr(module, "MIN_RANGED_BYTES", 0)
    storage._buckets["b"][PLACE.key] = (replace(wanted, digests={}), CONTENT)
    right = {
        "md5": hashlib.md5(CONTENT).hexdigest(),
        "sha1": hashlib.sha1(CONTENT).hexdigest(),
        "crc32": f"{zlib.crc32(CONTENT):08x}",
        "adler32": f"{zlib.adler32(CONTENT):08x}",
    }[algorithm]
    one = Download(storage, replace(wanted, digests={algorithm: right}), lambda _: None, Cancellation())
    one.to_file(folder / "whole", streams=streams)
    assert (one.is_verified, (folder / "whole").read_bytes()) == (True, CONTENT)
    (folder / "whole").unlink()
    (folder / "a.bin").write_bytes(b"older")
    wrong = {algorithm: "0" * len(right)}
    with pytest.raises(OscarError, match="damaged"):
        fetch(storage, replace(wanted, digests=wrong), folder / "a.bin", streams=streams)
    assert (folder / "a.bin").read_bytes() == b"older"
    assert names_in(folder) == ["a.bin"]


def test_the_digest_of_the_answer_counts_when_the_listing_had_none(
    storage: Storage, wanted: StoredObject, folder: Path
) -> None:
    storage._buckets["b"][PLACE.key] = (replace(wanted, digests={"md5": "0" * 32}), CONTENT)
    with pytest.raises(OscarError, match="damaged"):
        fetch(storage, replace(wanted, digests={}), folder / "a.bin")


def test_an_object_that_changed_is_refused(storage: Storage, wanted: StoredObject, folder: Path) -> None:
    storage.store(folder / "a.bin", b"newer")
    with pytest.raises(RefusedError, match="changed"):
        fetch(storage, wanted, folder / "a.bin")
    with pytest.raises(RefusedError, match="changed"):
        fetch(storage, replace(wanted, etag=None), folder / "a.bin")
    assert (folder / "a.bin").read_bytes() == b"newer"


def test_an_older_file_keeps_its_permissions_and_a_new_one_gets_the_usual(
    storage: Storage, wanted: StoredObject, folder: Path
) -> None:
    (folder / "old").write_bytes(b"older")
    (folder / "old").chmod(0o600)
    fetch(storage, wanted, folder / "old")
    fetch(storage, wanted, folder / "new")
    (folder / "usual").touch()
    assert stat.S_IMODE((folder / "old").stat().st_mode) == 0o600
    assert (folder / "new").stat().st_mode == (folder / "usual").stat().st_mode


def test_a_link_stays_and_the_file_behind_it_is_replaced(
    storage: Storage, wanted: StoredObject, folder: Path
) -> None:
    (folder / "real").write_bytes(b"older")
    (folder / "link").symlink_to("real")
    fetch(storage, wanted, folder / "link")
    assert (folder / "link").is_symlink()
    assert (folder / "real").read_bytes() == CONTENT


def test_a_pipe_is_written_to_directly(storage: Storage, wanted: StoredObject, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append((folder / "pipe").read_bytes()))
    reader.start()
    fetch(storage, wanted, folder / "pipe")
    reader.join()
    assert received == [CONTENT]
    assert names_in(folder) == ["pipe"]


def test_the_name_may_be_as_long_as_names_can_be(
    storage: Storage, wanted: StoredObject, folder: Path
) -> None:
    fetch(storage, wanted, folder / ("é" * 127))
    assert (folder / ("é" * 127)).read_bytes() == CONTENT


def test_reads_end_at_multiples_of_a_block_however_little_comes_at_first(
    storage: Storage, wanted: StoredObject, folder: Path
) -> None:
    storage.limits = [3_000]
    steps = fetch(storage, wanted, folder / "a.bin")
    assert steps[:4] == [3_000, 7_000, 10_000, 10_000]
    assert (folder / "a.bin").read_bytes() == CONTENT


def test_a_folder_is_no_file(storage: Storage, wanted: StoredObject, folder: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        fetch(storage, wanted, folder)


def test_a_full_disk_is_said(storage: Storage, wanted: StoredObject) -> None:
    with pytest.raises(OscarError, match='"/dev/full" cannot be written: No space left'):
        fetch(storage, wanted, Path("/dev/full"))


def test_a_file_in_the_way_of_a_folder_is_said(storage: Storage, wanted: StoredObject, folder: Path) -> None:
    (folder / "a").touch()
    with pytest.raises(OscarError, match="cannot be written"):
        fetch(storage, wanted, folder / "a" / "b")


def test_calling_off_leaves_the_older_file(storage: Storage, wanted: StoredObject, folder: Path) -> None:
    (folder / "a.bin").write_bytes(b"older")
    cancellation = Cancellation()

    def advance(_: int) -> None:
        cancellation.cancel()

    with pytest.raises(Cancelled):
        Download(storage, wanted, advance, cancellation).to_file(folder / "a.bin")
    assert (folder / "a.bin").read_bytes() == b"older"
    assert names_in(folder) == ["a.bin"]
