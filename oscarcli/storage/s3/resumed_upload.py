"""Uploads in parts that another run goes on with: what its journal says, and what is done about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from oscarcli.storage.journal import Journal, TransferIdentity
from oscarcli.storage.location import Location
from oscarcli.storage.resume import HOW_TO_GO_ON, amount_text
from oscarcli.storage.s3.calls import S3Calls
from oscarcli.storage.source import Source


@dataclass(frozen=True)
class UploadRecord:
    """What the header of an upload's journal says.

    Args:
        kind: "upload".
        place: the provider's address.
        provider: its name.
        bucket, key: the object.
        path: of the local file.
        size: in bytes.
        modified: its time of the last change, in nanoseconds.
        file: numbers of the device and of the file on it.
        part_size: in bytes.
        upload_id: what the provider calls it.
        started: in Unix seconds.
        digests: the kind that its parts are sent with.
    """

    kind: str
    place: str
    provider: str
    bucket: str
    key: str
    path: str
    size: int
    modified: int
    file: tuple[int, int]
    part_size: int
    upload_id: str
    started: float
    digests: str = "md5"


def upload_record(header: dict[str, Any]) -> UploadRecord | None:
    """Return what a header says, `None` when it is none of an upload."""
    try:
        record = UploadRecord(**header)
        numbers = (record.size, record.modified, record.part_size)
        texts = [record.place, record.provider, record.bucket, record.key, record.path]
        texts += [record.upload_id, record.digests]
        record = UploadRecord(**{**header, "file": (int(header["file"][0]), int(header["file"][1]))})
    except (TypeError, ValueError, KeyError, IndexError):
        return None
    is_intact = (
        record.kind == "upload"
        and all(isinstance(number, int) for number in numbers)
        and all(isinstance(text, str) and text for text in texts)
        and isinstance(record.started, (int, float))
        and record.part_size > 0
    )
    return record if is_intact else None


class UploadJournal:
    """The journal of one upload in parts.

    Args:
        journal: where it is written; `None` where nothing is kept.
        storage: where the object goes.
        location: the object.
        source: the file.
        part_size: that of a new upload, in bytes.
    """

    def __init__(
        self, journal: Journal | None, storage: S3Calls, location: Location, source: Source, part_size: int
    ) -> None:
        self._journal = journal
        self._location, self._origin = location, source.origin
        self._storage = storage
        self._lock = threading.Lock()
        self._arrived: dict[int, int] = {}
        self.size = source.size or 0
        self.earlier = upload_record(journal.header) if journal is not None else None
        self.part_size = part_size
        # Whether the upload is of no use to another run.
        self.is_useless = False

    @property
    def is_of_this_file(self) -> bool:
        """Whether what an earlier run sent is of the file as it is now."""
        earlier, origin = self.earlier, self._origin
        if earlier is None or origin is None:
            return False
        then = (earlier.size, earlier.modified, earlier.file)
        return then == (origin.size, origin.modified, origin.file)

    @property
    def was_completing(self) -> bool:
        """Whether an earlier run had all parts, and had asked the provider to put them together."""
        return self._journal is not None and ["completing"] in self._journal.lines

    def digest_of(self, number: int, etag: str) -> str | None:
        """Return the digest of what an earlier run sent as a part that the provider calls so, if it said."""
        lines = self._journal.lines if self._journal is not None else []
        found = [line[2] for line in lines if line[:2] == [number, etag] and len(line) == 3]
        return str(found[-1]) if found else None

    def go_on(self, arrived: dict[int, int]) -> None:
        """Take the parts as an earlier run made them, and the sizes of those that the provider has."""
        assert self.earlier is not None
        self.part_size = self.earlier.part_size
        self._arrived = dict(arrived)

    def begin(self, upload_id: str, digests: str) -> None:
        """Remember an upload that was just begun, and the kind of digests that its parts are sent with."""
        if self._journal is None or self._origin is None:
            return
        record = UploadRecord(
            "upload",
            self._storage.place,
            self._storage.provider,
            self._location.bucket,
            self._location.key,
            self._origin.path,
            self._origin.size,
            self._origin.modified,
            self._origin.file,
            self.part_size,
            upload_id,
            time.time(),
            digests,
        )
        self._journal.begin(asdict(record))

    def add(self, number: int, etag: str, digest: str) -> None:
        """Remember a part that has arrived: what the provider calls it, and the digest of what was sent."""
        if self._journal is not None:
            self._journal.add(number, etag, digest)

    def count(self, number: int, size: int) -> None:
        """Take note of a part that the provider has, and its size in bytes."""
        with self._lock:
            self._arrived[number] = size

    @property
    def arrived_text(self) -> str:
        """How much of it has arrived."""
        with self._lock:
            return amount_text(sum(self._arrived.values()), self.size)

    def completing(self) -> None:
        """Remember that all parts are there."""
        if self._journal is not None:
            self._journal.add("completing")

    def forget(self) -> None:
        """Remember nothing of it any more."""
        if self._journal is not None:
            self._journal.remove()

    @property
    def kept(self) -> str | None:
        """What to say when the upload stops here; `None` when nothing of it is worth keeping."""
        if self._journal is None or self._origin is None or self.is_useless or not self._arrived:
            return None
        return f'{self.arrived_text} of "{self._origin.path}" have arrived and stay there: {HOW_TO_GO_ON}'


@contextmanager
def upload_journal(
    storage: S3Calls, location: Location, source: Source, part_size: int
) -> Iterator[UploadJournal]:
    """Give the journal of an upload in parts, one that keeps nothing where none can be.

    Args:
        storage: where the object goes.
        location: the object.
        source: the content; of a stream nothing is kept.
        part_size: that of a new upload, in bytes.
    """
    origin, journal = source.origin, None
    if storage.journals is not None and origin is not None:
        identity = TransferIdentity("upload", storage.place, location.bucket, location.key, origin.path)
        journal = storage.journals.open(identity)
    try:
        yield UploadJournal(journal, storage, location, source, part_size)
    finally:
        if journal is not None:
            journal.leave()
