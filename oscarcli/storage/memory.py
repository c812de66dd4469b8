"""Objects in this process's memory, for tests of whatever uses a Storage."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from itertools import islice

from oscarcli.errors import NotFoundError, RefusedError
from oscarcli.storage.base import StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.journal import TransferJournals
from oscarcli.storage.location import Location
from oscarcli.storage.source import Source

SECTION_BYTES = 1 << 20


class MemoryStorage:
    """A provider that forgets. See `Storage` for what its methods promise.

    Args:
        provider: its name, for messages.
        buckets: names of the buckets that exist.
        journals: where unfinished downloads are remembered.
    """

    place = "memory:"

    def __init__(
        self,
        provider: str = "memory.default",
        buckets: tuple[str, ...] = (),
        journals: TransferJournals | None = None,
    ) -> None:
        self.journals = journals
        self._provider = provider
        self._lock = threading.Lock()
        self._buckets: dict[str, dict[str, tuple[StoredObject, bytes]]] = {name: {} for name in buckets}

    @property
    def provider(self) -> str:
        """Its name."""
        return self._provider

    def stat(self, location: Location, *, cancellation: Cancellation | None = None) -> StoredObject:
        """Return what is known about one object."""
        return self._find(location, "look up")[0]

    def list(self, bucket: str, prefix: str, *, limit: int | None = None) -> Iterator[StoredObject]:
        """Yield objects in the order of their keys as UTF-8."""
        entries = self._bucket(bucket, f'list "{bucket}/{prefix}" in')
        with self._lock:
            keys = sorted((key for key in entries if key.startswith(prefix)), key=str.encode)
            found = [entries[key][0] for key in keys]
        return islice(found, limit)

    def read(
        self,
        location: Location,
        *,
        start: int = 0,
        length: int | None = None,
        etag: str | None = None,
        cancellation: Cancellation | None = None,
    ) -> MemoryReader:
        """Open an object, or a range of it."""
        known, content = self._find(location, "download")
        if etag and etag != known.etag:
            raise RefusedError(
                f'download "{location}" from {self.provider}: the object was changed in the meantime'
            )
        if (start or length is not None) and start >= len(content):
            raise RefusedError(f'download "{location}" from {self.provider}: the range is beyond the end')
        return MemoryReader(known, content[start : None if length is None else start + length])

    def write(
        self, location: Location, source: Source, *, content_type: str, cancellation: Cancellation
    ) -> None:
        """Store an object."""
        entries = self._bucket(location.bucket, f'upload "{location}" to')
        pieces = []
        for section in source.sections(SECTION_BYTES):
            cancellation.check()
            section.sending = True
            pieces.append(section.read())
        content = b"".join(pieces)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        with self._lock:
            now = datetime.now(timezone.utc)
            entries[location.key] = (StoredObject(location, len(content), now, md5, {"md5": md5}), content)

    def remove(self, location: Location) -> None:
        """Delete an object, if it is there."""
        entries = self._bucket(location.bucket, f'delete "{location}" from')
        with self._lock:
            entries.pop(location.key, None)

    def _bucket(self, name: str, doing: str) -> dict[str, tuple[StoredObject, bytes]]:
        if name not in self._buckets:
            raise NotFoundError(f"{doing} {self.provider}: the bucket does not exist")
        return self._buckets[name]

    def _find(self, location: Location, verb: str) -> tuple[StoredObject, bytes]:
        preposition = "from" if verb == "download" else "in"
        entry = self._bucket(location.bucket, f'{verb} "{location}" {preposition}').get(location.key)
        if entry is None:
            raise NotFoundError(f'{verb} "{location}" {preposition} {self.provider}: there is no such object')
        return entry


class MemoryReader:
    """Content that is already there."""

    def __init__(self, known: StoredObject, content: bytes) -> None:
        self.object = known
        self._content = content
        self._position = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        data = self._content[self._position : self._position + size]
        self._position += len(data)
        return data

    def interrupt(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing to give back."""
