"""What the object store holds, as values that pass between its rooms and its callers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from types import MappingProxyType
from typing import NamedTuple, Protocol

# What MinIO stores for an upload that names no type; it does not look at the key's extension.
DEFAULT_CONTENT_TYPE = "binary/octet-stream"

_NOTHING: Mapping[str, str] = MappingProxyType({})

EVENT_PUT = "s3:ObjectCreated:Put"
EVENT_POST = "s3:ObjectCreated:Post"
EVENT_COPY = "s3:ObjectCreated:Copy"
EVENT_COMPLETE = "s3:ObjectCreated:CompleteMultipartUpload"


class Readable(Protocol):
    """A source of bytes, for example an open file."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, empty at the end."""
        ...


class Checksum(NamedTuple):
    """A digest of the kind newer S3 clients send beside the MD5.

    `algorithm` is CRC32, CRC32C, CRC64NVME, SHA1 or SHA256; `value` is base64; `kind` is FULL_OBJECT, or
    COMPOSITE for a digest over the digests of the parts.
    """

    algorithm: str
    value: str
    kind: str = "FULL_OBJECT"


@dataclass(frozen=True)
class Bucket:
    """A bucket: its name, when it was created (ns since 1970) and its tags."""

    name: str
    created_ns: int
    tags: Mapping[str, str]

    @property
    def created(self) -> datetime:
        """Creation time, UTC."""
        return as_time(self.created_ns)


class Attributes(NamedTuple):
    """What an uploader says about an object besides its bytes.

    `headers` are the kept ones (Cache-Control and the like) by lower-case name, `metadata` the
    `x-amz-meta-*` ones by lower-case name without that prefix.
    """

    content_type: str = DEFAULT_CONTENT_TYPE
    headers: Mapping[str, str] = _NOTHING
    metadata: Mapping[str, str] = _NOTHING
    tags: Mapping[str, str] = _NOTHING


class ObjectRecord(NamedTuple):
    """An object as the index knows it. `etag` has no quotes; `modified_ns` is ns since 1970."""

    bucket: str
    key: str
    size: int
    etag: str
    modified_ns: int
    attributes: Attributes
    checksum: Checksum | None
    content: str
    """Names the bytes: it changes with every write, so equal contents mean the very same version."""

    @property
    def content_type(self) -> str:
        """The media type, never empty."""
        return self.attributes.content_type

    @property
    def metadata(self) -> Mapping[str, str]:
        """User metadata by lower-case name, without `x-amz-meta-`."""
        return self.attributes.metadata

    @property
    def modified(self) -> datetime:
        """Time of the last write, UTC."""
        return as_time(self.modified_ns)


class Piece(NamedTuple):
    """A blob that holds one consecutive part of an object or upload."""

    number: int
    blob: str
    size: int
    etag: str
    checksum: str
    modified_ns: int


@dataclass(frozen=True)
class MultipartUpload:
    """A multipart upload that is not finished."""

    identifier: str
    bucket: str
    key: str
    started_ns: int
    attributes: Attributes
    checksum_algorithm: str
    checksum_kind: str

    @property
    def started(self) -> datetime:
        """When it was begun, UTC."""
        return as_time(self.started_ns)


class EventSource(NamedTuple):
    """Who caused a write; given, the write is announced as an event."""

    principal: str
    source_ip: str = "127.0.0.1"
    user_agent: str = ""
    request_id: str = ""


class ObjectCreated(NamedTuple):
    """What the created-hook is told, inside the transaction that makes the object visible.

    The time of the object grows with every write of the store and is the event's sequencer.
    """

    stored: ObjectRecord
    event_name: str
    source: EventSource


@dataclass(frozen=True)
class Page:
    """Consecutive entries of a bucket in UTF-8 order of their names.

    `last` is the name (key or common prefix) to continue after; it is empty when nothing was found.
    """

    objects: tuple[ObjectRecord, ...]
    prefixes: tuple[str, ...]
    truncated: bool
    last: str


def as_time(nanoseconds: int) -> datetime:
    """Return the UTC time of a count of nanoseconds since 1970."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=rest // 1000)
