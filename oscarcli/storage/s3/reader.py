"""What S3 tells of an object, and its content as it arrives."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from oscarcli.errors import OscarError
from oscarcli.storage.answer_parts import whole_size
from oscarcli.storage.base import MD5_ETAG, StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.digests import DIGEST_BYTES
from oscarcli.storage.etag import MULTIPART_ETAG
from oscarcli.storage.location import Location
from oscarcli.storage.s3.calls import S3Calls
from oscarcli.storage.s3.client import ObjectBody
from oscarcli.storage.s3.failures import failure, required


class S3Reader:
    """The body of a GET. See `Reader`.

    Args:
        location: the object.
        answer: of the GET.
        doing: what it is for, for messages.
        storage: where the object is.
        cancellation: ends the waiting for a store that is away.
    """

    def __init__(
        self,
        location: Location,
        answer: dict[str, Any],
        doing: str,
        storage: S3Calls,
        cancellation: Cancellation | None,
    ) -> None:
        self._body: ObjectBody = answer["Body"]
        self._doing = doing
        size = whole_size(str(answer.get("ContentRange", "")))
        size = int(required(answer, "ContentLength", doing)) if size is None else size
        self.object = described(location, answer, size, storage, cancellation)

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        try:
            return self._body.read(size)
        except Exception as error:
            raise failure(error, self._doing) from error

    def read_into(self, buffer: memoryview) -> int:
        """Fill a buffer with the next bytes."""
        try:
            return self._body.read_into(buffer)
        except Exception as error:
            raise failure(error, self._doing) from error

    def interrupt(self) -> None:
        """Shut the socket for reading."""
        self._body.interrupt()

    def close(self) -> None:
        """Close the body; a connection whose body was read to its end is used again."""
        self._body.close()


def described(
    location: Location,
    answer: dict[str, Any],
    size: int,
    storage: S3Calls,
    cancellation: Cancellation | None,
) -> StoredObject:
    """Return what the answer to a GET or a HEAD tells of an object.

    Args:
        location: the object.
        answer: by boto3's names.
        size: of the whole object, in bytes.
        storage: where it is.
        cancellation: ends the waiting when that is asked for the sizes of parts.
    """
    etag = str(answer.get("ETag", "")).strip('"') or None
    told = digest_told(answer)
    digests = _crc32(answer)
    if MD5_ETAG.fullmatch(told):
        digests["md5"] = told
    parts = _StoredParts(storage, location, told, cancellation) if MULTIPART_ETAG.fullmatch(told) else None
    modified: datetime | None = answer.get("LastModified")
    return StoredObject(location, size, modified, etag, digests, parts)


def digest_told(answer: Mapping[str, Any]) -> str:
    """Return the ETag of an answer, by boto3's names, where it was made of the content; empty where not."""
    # With these two it looks like a digest but is none.
    is_opaque = answer.get("SSECustomerAlgorithm") or "kms" in str(answer.get("ServerSideEncryption", ""))
    return "" if is_opaque else str(answer.get("ETag", "")).strip('"')


def _crc32(answer: dict[str, Any]) -> dict[str, str]:
    """Return the CRC-32 of the whole content: with a range or with parts it may be that of something else."""
    text = str(answer.get("ChecksumCRC32") or "")
    if "ContentRange" in answer or answer.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return {}
    try:
        value = base64.b64decode(text, validate=True)
    except ValueError:
        return {}
    return {"crc32": value.hex()} if len(value) == DIGEST_BYTES["crc32"] else {}


class _StoredParts:
    """The parts of a stored object. See `PartSizes`."""

    def __init__(
        self, storage: S3Calls, location: Location, etag: str, cancellation: Cancellation | None
    ) -> None:
        self._storage, self._location = storage, location
        self._etag, self._cancellation = etag, cancellation

    def size_of(self, number: int) -> int | None:
        """Return the size of a part; a store that knows no parts tells that of the object."""
        try:
            answer = self._storage.call(
                f'look up part {number} of "{self._location}" in {self._storage.provider}',
                "head_object",
                cancellation=self._cancellation,
                Bucket=self._location.bucket,
                Key=self._location.key,
                PartNumber=number,
                IfMatch=f'"{self._etag}"',
            )
        except OscarError:
            return None
        length = answer.get("ContentLength")
        return length if isinstance(length, int) else None
