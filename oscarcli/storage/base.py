"""The Storage protocol: stat, list, read, write, remove; every provider is one implementation of it.

All methods may be called from several threads at once, and raise:

- NotFoundError: the object or its bucket does not exist (the message says which of the two);
- AuthError: the keys are refused; ForbiddenError, a kind of it: they may not do this;
- UnreachableError: no usable answer: DNS, connection, TLS, timeout, a broken connection, 502 to 504; a store
  that is away for a while, as MinIO is when OSCAR restarts it, is waited for before;
- RefusedError: the provider understood and said no;
- OscarError: anything else it answered;
- Cancelled: the transfer was called off.

Messages name provider, bucket and key, and never hold a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.location import Location
from oscarcli.storage.source import Source

if TYPE_CHECKING:
    from oscarcli.storage.journal import TransferJournals

# What an ETag is when it is the MD5 of the content; one of a multipart upload has a suffix like "-12".
MD5_ETAG = re.compile(r"[0-9a-f]{32}")
# One for all objects: listings have many.
NO_DIGESTS: Mapping[str, str] = MappingProxyType({})


class PartSizes(Protocol):
    """How an object was cut that was sent in parts."""

    def size_of(self, number: int) -> int | None:
        """Return the size of a part in bytes, the first one's number being 1; `None` when nobody tells."""
        ...


@dataclass(frozen=True)
class StoredObject:
    """An object as its provider describes it.

    Args:
        location: where it is.
        size: in bytes.
        modified: time of the last change, with its zone; `None` where a provider reports none.
        etag: the provider's mark of this version of the content, without quotes.
        digests: those of the content that the provider names, in hexadecimal digits by algorithm, as
            `storage.digests` has them.
        parts: where the ETag was made of the MD5s of the parts, what tells how long these are.
    """

    location: Location
    size: int
    modified: datetime | None = None
    etag: str | None = None
    # Of one version not every answer tells all.
    digests: Mapping[str, str] = field(default_factory=lambda: NO_DIGESTS, compare=False)
    parts: PartSizes | None = field(default=None, compare=False, repr=False)

    @property
    def md5(self) -> str | None:
        """The MD5 of the content, where the provider gives a reliable one."""
        return self.digests.get("md5")


class Reader(Protocol):
    """The content of an object, or of a range of it, as it arrives."""

    @property
    def object(self) -> StoredObject:
        """The whole object, also when only a range is read."""
        ...

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, empty at the end.

        Raises:
            UnreachableError: the connection broke, or stood still for longer than the read timeout.
        """
        ...

    def interrupt(self) -> None:
        """Make a `read` that waits in another thread return or fail."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


@runtime_checkable
class BufferReader(Protocol):
    """A Reader that fills a buffer, for new memory for each piece costs as much as a copy."""

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer as far as that goes, and return how many bytes; 0 at the end.

        Raises:
            UnreachableError: as `Reader.read` does.
        """
        ...


class Storage(Protocol):
    """Objects in buckets at one provider."""

    @property
    def provider(self) -> str:
        """Its name in a service definition, such as "minio.default"."""
        ...

    @property
    def place(self) -> str:
        """Its address, which tells it from others of the same name."""
        ...

    @property
    def journals(self) -> TransferJournals | None:
        """Where unfinished transfers are remembered; `None` for nowhere."""
        ...

    def stat(self, location: Location, *, cancellation: Cancellation | None = None) -> StoredObject:
        """Return what is known about one object.

        Args:
            location: the object.
            cancellation: ends the waiting for a store that is away; needed in any thread but the main one.
        """
        ...

    def list(self, bucket: str, prefix: str, *, limit: int | None = None) -> Iterator[StoredObject]:
        """Yield the objects whose key starts with `prefix`, in the order of their keys, page by page.

        Args:
            bucket: the bucket; NotFoundError when it does not exist.
            prefix: plain text, not a folder: "in" also matches "input/x".
            limit: at most so many.
        """
        ...

    def read(
        self,
        location: Location,
        *,
        start: int = 0,
        length: int | None = None,
        etag: str | None = None,
        cancellation: Cancellation | None = None,
    ) -> Reader:
        """Open an object for reading.

        Args:
            location: the object.
            start: first byte.
            length: how many bytes, `None` for all that follow; a range of an empty object is refused.
            etag: RefusedError when the object is no longer this version.
            cancellation: as for `stat`.
        """
        ...

    def write(
        self, location: Location, source: Source, *, content_type: str, cancellation: Cancellation
    ) -> None:
        """Store an object: all of it under its key, or nothing.

        What arrived is verified by digest or, where there is none to compare, by size.
        """
        ...

    def remove(self, location: Location) -> None:
        """Delete one object; many providers do not say when there was none."""
        ...
