"""Uploads to S3: one request for small objects, parts for large ones, verified either way."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Protocol

from oscarcli.errors import NotFoundError, OscarError, RefusedError
from oscarcli.storage.base import MD5_ETAG, StoredObject
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.location import Location
from oscarcli.storage.outage import Outage
from oscarcli.storage.s3_failures import required
from oscarcli.storage.source import Source, UploadPart
from oscarcli.storage.system_limits import affordable
from oscarcli.storage.workers import run_parallel

MIB = 1 << 20
# Up to here one request; measured on loopback, the size of a part makes no difference from 8 MiB on.
PART = 16 * MIB
# S3 takes this many parts.
MAX_PARTS = 10_000
PARTS_AT_ONCE = 4
# Pieces of a stream are held in memory, one more than are being sent.
STREAM_PART = 8 * MIB
STREAM_PARTS_AT_ONCE = 2
# A body this small is sent without waiting for "100 Continue" first: one round trip less.
SENT_AT_ONCE = 1 * MIB


class S3Calls(Protocol):
    """What an upload needs of its storage."""

    outage: Outage

    @property
    def provider(self) -> str:
        """The provider's name, for messages."""

    def call(
        self,
        doing: str,
        operation: str,
        *,
        cancellation: Cancellation | None = None,
        outage: Outage | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Call an operation, again and again while the store is away."""

    def stat(self, location: Location, *, cancellation: Cancellation | None = None) -> StoredObject:
        """Ask for one object."""


def upload(
    storage: S3Calls, location: Location, source: Source, content_type: str, cancellation: Cancellation
) -> None:
    """Store all of `source` under `location`. Raises the errors of `Storage`."""
    sections = source.sections(_part_size(source.size))
    ahead = list(islice(sections, 2))
    try:
        if len(ahead) == 1:
            _put(storage, location, source, ahead.pop(), content_type, cancellation)
        else:
            multipart = _Multipart(storage, location, content_type)
            multipart.send(source, chain(_taken_from(ahead), sections), cancellation)
    except RefusedError:
        # What looks damaged on the way may have been changed here while it was sent.
        source.check_unchanged()
        raise


def _taken_from(sections: list[UploadPart]) -> Iterator[UploadPart]:
    # The list must not keep what has been sent: it may be held in memory.
    while sections:
        yield sections.pop(0)


def _part_size(size: int | None) -> int:
    if size is None:
        return STREAM_PART
    smallest = -(-size // MAX_PARTS)
    return max(PART, -(-smallest // MIB) * MIB)


def _put(
    storage: S3Calls,
    location: Location,
    source: Source,
    section: UploadPart,
    content_type: str,
    cancellation: Cancellation,
) -> None:
    doing = f'upload "{location}" to {storage.provider}'
    body = section.read() if len(section) <= SENT_AT_ONCE else section
    digest = section.md5() if isinstance(body, UploadPart) else _md5(body)
    source.check_unchanged()
    answer = storage.call(
        doing,
        "put_object",
        cancellation=cancellation,
        Bucket=location.bucket,
        Key=location.key,
        Body=body,
        ContentMD5=base64.b64encode(digest).decode("ascii"),
        ContentType=content_type,
    )
    section.sent()
    cancellation.check()
    _compare(storage, location, answer, digest.hex(), len(section), doing, cancellation)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _compare(
    storage: S3Calls,
    location: Location,
    answer: dict[str, Any],
    etag: str,
    size: int,
    doing: str,
    cancellation: Cancellation,
) -> None:
    """Raise RefusedError when what is stored is not what was sent, by digest or else by size."""
    stored = str(answer.get("ETag", "")).strip('"')
    if stored == etag:
        return
    found = storage.stat(location, cancellation=cancellation)
    if found.size != size:
        raise RefusedError(f"{doing}: {size} bytes were sent, the stored object has {found.size}")
    if found.md5 and MD5_ETAG.fullmatch(etag) and found.md5 != etag:
        raise RefusedError(f"{doing}: the stored object's digest is not that of what was sent")


@dataclass(frozen=True)
class _Part:
    """A part that has arrived: its number, what the server calls it, and what was sent."""

    number: int
    etag: str
    digest: bytes
    size: int


class _Multipart:
    """One multipart upload."""

    def __init__(self, storage: S3Calls, location: Location, content_type: str) -> None:
        self._storage = storage
        self._location = location
        self._content_type = content_type
        self._doing = f'upload "{location}" to {storage.provider}'
        self._target: dict[str, Any] = {"Bucket": location.bucket, "Key": location.key}

    def send(self, source: Source, sections: Iterator[UploadPart], cancellation: Cancellation) -> None:
        """Send all parts and complete the upload; abort it when anything fails."""
        answer = self._storage.call(
            self._doing,
            "create_multipart_upload",
            cancellation=cancellation,
            **self._target,
            ContentType=self._content_type,
        )
        self._target["UploadId"] = required(answer, "UploadId", self._doing)
        with cancellation.on_failure(lambda: self._abort(cancellation)):
            cancellation.check()
            at_once = affordable(PARTS_AT_ONCE if source.size is not None else STREAM_PARTS_AT_ONCE, 1)
            parts = self._send_parts(sections, at_once, cancellation)
            source.check_unchanged()
            cancellation.check()
            self._complete(parts, cancellation)

    def _abort(self, cancellation: Cancellation) -> None:
        # However long the store was away before, this has as much time of its own: what is left of the upload
        # takes up room and is seen by nobody. Only the user who ends the program does not wait for it.
        self._storage.call(
            f'abort the unfinished upload of "{self._location}" to {self._storage.provider}',
            "abort_multipart_upload",
            cancellation=cancellation,
            outage=self._storage.outage.another(),
            **self._target,
        )

    def _send_parts(
        self, sections: Iterator[UploadPart], at_once: int, cancellation: Cancellation
    ) -> list[_Part]:
        def send(numbered: tuple[int, UploadPart]) -> _Part:
            number, section = numbered
            section.cancellation = sending
            return self._send_part(number, section, sending)

        parts: list[_Part] = []
        with (
            cancellation.part() as sending,
            closing(run_parallel(enumerate(sections, 1), send, sending, workers=at_once)) as outcomes,
        ):
            for done in outcomes:
                if done.error is not None:
                    raise done.error
                assert done.answer is not None
                parts.append(done.answer)
        return sorted(parts, key=lambda part: part.number)

    def _send_part(self, number: int, section: UploadPart, cancellation: Cancellation) -> _Part:
        if number > MAX_PARTS:
            raise RefusedError(f"{self._doing}: a stream of more than {MAX_PARTS * STREAM_PART >> 30} GiB")
        digest = section.md5()
        answer = self._storage.call(
            self._doing,
            "upload_part",
            cancellation=cancellation,
            **self._target,
            PartNumber=number,
            Body=section,
            ContentMD5=base64.b64encode(digest).decode("ascii"),
        )
        section.sent()
        section.discard()
        return _Part(number, str(required(answer, "ETag", self._doing)), digest, len(section))

    def _complete(self, parts: list[_Part], cancellation: Cancellation) -> None:
        listed = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        answer: dict[str, Any] = {}
        try:
            answer = self._storage.call(
                self._doing,
                "complete_multipart_upload",
                cancellation=cancellation,
                **self._target,
                MultipartUpload={"Parts": listed},
            )
        except NotFoundError:
            # The answer to a first attempt may have been lost: then the object is there, whole.
            with suppress(OscarError):
                answer = {"ETag": self._storage.stat(self._location, cancellation=cancellation).etag}
            if answer.get("ETag") != _etag_of(parts):
                raise
        size = sum(part.size for part in parts)
        etag = _etag_of(parts)
        _compare(self._storage, self._location, answer, etag, size, self._doing, cancellation)


def _etag_of(parts: list[_Part]) -> str:
    """Return what S3 and MinIO make of the digests of the parts."""
    joined = hashlib.md5(b"".join(part.digest for part in parts), usedforsecurity=False)
    return f"{joined.hexdigest()}-{len(parts)}"
