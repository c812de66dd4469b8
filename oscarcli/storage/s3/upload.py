"""Uploads to S3: one request for small objects, parts for large ones, verified either way."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from oscarcli.errors import RefusedError
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.location import Location
from oscarcli.storage.s3.calls import S3Calls, compare_stored
from oscarcli.storage.s3.multipart import MAX_PARTS, PartsUpload
from oscarcli.storage.s3.resumed_upload import upload_journal
from oscarcli.storage.source import Source, UploadPart
from oscarcli.storage.wire.client import MAX_UNASKED_BYTES

MIB = 1 << 20
# Up to here one request; measured on loopback, the size of a part makes no difference from 8 MiB on.
PART_BYTES = 16 * MIB
# Pieces of a stream are held in memory, one more than are being sent.
STREAM_PART_BYTES = 8 * MIB


def upload_object(
    storage: S3Calls, location: Location, source: Source, content_type: str, cancellation: Cancellation
) -> None:
    """Store all of `source` under `location`. Raises the errors of `Storage`.

    When a file that goes in parts stops on the way, what has arrived stays there for another run.
    """
    part_size = _part_size(source.size)
    try:
        if source.size is not None:
            if source.size > part_size:
                _send_file(storage, location, source, part_size, content_type, cancellation)
            else:
                section = next(source.sections(part_size))
                _put(storage, location, source, section, content_type, cancellation)
            return
        sections = source.sections(part_size)
        ahead = list(islice(sections, 2))
        if len(ahead) == 1:
            _put(storage, location, source, ahead.pop(), content_type, cancellation)
        else:
            with upload_journal(storage, location, source, part_size) as journal:
                multipart = PartsUpload(storage, location, content_type, journal)
                multipart.send(source, chain(_taken_from(ahead), sections), cancellation)
    except RefusedError:
        # What looks damaged on the way may have been changed here while it was sent.
        source.check_unchanged()
        raise


def _send_file(
    storage: S3Calls,
    location: Location,
    source: Source,
    part_size: int,
    content_type: str,
    cancellation: Cancellation,
) -> None:
    with upload_journal(storage, location, source, part_size) as journal:
        multipart = PartsUpload(storage, location, content_type, journal)
        if not multipart.resume(source, cancellation):
            multipart.send(source, source.sections(journal.part_size), cancellation)


def _taken_from(sections: list[UploadPart]) -> Iterator[UploadPart]:
    # The list must not keep what has been sent: it may be held in memory.
    while sections:
        yield sections.pop(0)


def _part_size(size: int | None) -> int:
    if size is None:
        return STREAM_PART_BYTES
    smallest = -(-size // MAX_PARTS)
    return max(PART_BYTES, -(-smallest // MIB) * MIB)


def _put(
    storage: S3Calls,
    location: Location,
    source: Source,
    section: UploadPart,
    content_type: str,
    cancellation: Cancellation,
) -> None:
    doing = f'upload "{location}" to {storage.provider}'
    body = section.read() if len(section) <= MAX_UNASKED_BYTES else section
    digest = section.digest("md5") if isinstance(body, UploadPart) else _md5(body)
    source.check_unchanged()
    parameters = put_parameters(location, body, digest, content_type)
    answer = storage.call(doing, "put_object", cancellation=cancellation, **parameters)
    section.sent()
    cancellation.check()
    if str(answer.get("ETag", "")).strip('"') != digest.hex():
        compare_put(storage, location, len(section), digest.hex(), cancellation)


def put_parameters(
    location: Location, body: bytes | UploadPart, md5: bytes, content_type: str
) -> dict[str, Any]:
    """Return what an object is stored with by one request, by boto3's names."""
    return {
        "Bucket": location.bucket,
        "Key": location.key,
        "Body": body,
        "ContentMD5": base64.b64encode(md5).decode("ascii"),
        "ContentType": content_type,
    }


def compare_put(
    storage: S3Calls, location: Location, size: int, md5: str, cancellation: Cancellation | None = None
) -> None:
    """Ask for what was stored by one request whose answer does not tell, as where the store encrypts it.

    Args:
        storage: where it is.
        location: the object.
        size: of what was sent, in bytes.
        md5: of what was sent, in hexadecimal digits.
        cancellation: ends the waiting for a store that is away.

    Raises:
        RefusedError: what is stored is not what was sent.
        OscarError: as for `Storage`.
    """
    found = storage.stat(location, cancellation=cancellation)
    is_same = None if found.md5 is None else found.md5 == md5
    compare_stored(found, size, is_same, f'upload "{location}" to {storage.provider}')


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
