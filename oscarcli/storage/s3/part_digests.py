"""By which digests the parts of an upload are held against what the store has: CRC-32 or MD5.

CRC-32 costs a quarter of the work, and those of the parts make up that of the whole, which the store compares
and gives back with each download. Stores that do not know checksums of a whole object get MD5s.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from oscarcli.storage.base import StoredObject
from oscarcli.storage.etag import multipart_etag
from oscarcli.storage.integrity import combined_crc32
from oscarcli.storage.source import UploadPart

FULL_OBJECT = "FULL_OBJECT"
Parameters = dict[str, Any]


@dataclass(frozen=True)
class SentPart:
    """A part that has arrived: its number, what the server calls it, and what was sent."""

    number: int
    etag: str
    digest: bytes
    size: int


class PartDigests(Protocol):
    """Digests of one kind; parameters are those of boto3."""

    @property
    def name(self) -> str:
        """What journals call them."""

    def of(self, section: UploadPart) -> bytes:
        """Return the digest of a part."""

    def creation(self) -> Parameters:
        """Return what an upload is begun with."""

    def sending(self, digest: bytes) -> Parameters:
        """Return what a part is sent with."""

    def listed(self, digest: bytes) -> Parameters:
        """Return what a part is named with at the end."""

    def completion(self, parts: Sequence[SentPart]) -> Parameters:
        """Return what an upload is completed with."""

    def is_told(self, answer: Parameters, parts: Sequence[SentPart]) -> bool:
        """Tell whether the answer to a completion says that the whole is what was sent."""

    def is_of(self, found: StoredObject, parts: Sequence[SentPart]) -> bool | None:
        """Tell whether an object is what was sent; `None` when it has no such digest."""


class Md5Digests:
    """The MD5 of each part, and an ETag that is made of them. See `PartDigests`."""

    name = "md5"

    def of(self, section: UploadPart) -> bytes:
        """Return the MD5."""
        return section.digest(self.name)

    def creation(self) -> Parameters:
        """Nothing: every store takes them."""
        return {}

    def sending(self, digest: bytes) -> Parameters:
        """Return the header that the store compares."""
        return {"ContentMD5": _encoded(digest)}

    def listed(self, digest: bytes) -> Parameters:
        """Nothing: the ETag says it."""
        return {}

    def completion(self, parts: Sequence[SentPart]) -> Parameters:
        """Nothing: the ETags say it."""
        return {}

    def is_told(self, answer: Parameters, parts: Sequence[SentPart]) -> bool:
        """Compare the ETag."""
        return str(answer.get("ETag", "")).strip('"') == _etag(parts)

    def is_of(self, found: StoredObject, parts: Sequence[SentPart]) -> bool | None:
        """Compare the ETag; another one may be that of something encrypted."""
        return True if found.etag == _etag(parts) else None


class Crc32Digests:
    """The CRC-32 of each part and that of the whole. See `PartDigests`."""

    name = "crc32"

    def of(self, section: UploadPart) -> bytes:
        """Return the CRC-32, four bytes."""
        return section.digest(self.name)

    def creation(self) -> Parameters:
        """Ask the store to keep that of the whole."""
        return {"ChecksumAlgorithm": "CRC32", "ChecksumType": FULL_OBJECT}

    def sending(self, digest: bytes) -> Parameters:
        """Return the header that the store compares."""
        return {"ChecksumCRC32": _encoded(digest)}

    def listed(self, digest: bytes) -> Parameters:
        """Return what MinIO finds a part by."""
        return self.sending(digest)

    def completion(self, parts: Sequence[SentPart]) -> Parameters:
        """Return what the store compares the whole with."""
        return {"ChecksumType": FULL_OBJECT, **self.sending(_whole(parts))}

    def is_told(self, answer: Parameters, parts: Sequence[SentPart]) -> bool:
        """Compare the checksum of the whole."""
        return answer.get("ChecksumCRC32") == _encoded(_whole(parts))

    def is_of(self, found: StoredObject, parts: Sequence[SentPart]) -> bool | None:
        """Compare the checksum of the whole."""
        told = found.digests.get("crc32")
        return None if told is None else told == _whole(parts).hex()


def digests_named(name: str) -> PartDigests:
    """Return the kind that a journal names."""
    return Crc32Digests() if name == Crc32Digests.name else Md5Digests()


def _encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")


def _etag(parts: Sequence[SentPart]) -> str:
    return multipart_etag([part.digest for part in parts])


def _whole(parts: Sequence[SentPart]) -> bytes:
    return combined_crc32((int.from_bytes(part.digest, "big"), part.size) for part in parts)
