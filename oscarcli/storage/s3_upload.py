"""Uploads to S3: one request for small objects, parts for large ones, verified either way."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from oscarcli.errors import NotFoundError, OscarError, RefusedError
from oscarcli.storage.base import MD5_ETAG
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.location import Location
from oscarcli.storage.s3_failures import required
from oscarcli.storage.source import Section, Source
from oscarcli.storage.workers import work

if TYPE_CHECKING:
    from oscarcli.storage.s3 import S3Storage

MIB = 1 << 20
# Up to here one request; measured on loopback, the size of a part makes no difference from 8 MiB on.
PART = 16 * MIB
# S3 takes this many parts.
MOST_PARTS = 10_000
PARTS_AT_ONCE = 4
# Pieces of a stream are held in memory, one more than are being sent.
STREAM_PART = 8 * MIB
STREAM_PARTS_AT_ONCE = 2
# A body this small is sent without waiting for "100 Continue" first: one round trip less.
SENT_AT_ONCE = 1 * MIB


def upload(
    storage: S3Storage, location: Location, source: Source, content_type: str, cancellation: Cancellation
) -> None:
    """Store all of `source` under `location`. Raises the errors of `Storage`."""
    sections = source.sections(_part_size(source.size))
    ahead = list(islice(sections, 2))
    if len(ahead) == 1:
        _put(storage, location, ahead[0], content_type, cancellation)
    else:
        multipart = _Multipart(storage, location, content_type)
        multipart.send(source, chain(_taken_from(ahead), sections), cancellation)


def _taken_from(sections: list[Section]) -> Iterator[Section]:
    # The list must not keep what has been sent: it may be held in memory.
    while sections:
        yield sections.pop(0)


def _part_size(size: int | None) -> int:
    if size is None:
        return STREAM_PART
    smallest = -(-size // MOST_PARTS)
    return max(PART, -(-smallest // MIB) * MIB)


def _put(
    storage: S3Storage, location: Location, section: Section, content_type: str, cancellation: Cancellation
) -> None:
    doing = f'upload "{location}" to {storage.provider}'
    digest = section.md5()
    answer = storage.call(
        doing,
        "put_object",
        Bucket=location.bucket,
        Key=location.key,
        Body=_body(section),
        ContentMD5=base64.b64encode(digest).decode("ascii"),
        ContentType=content_type,
    )
    section.sent()
    cancellation.check()
    _compare(storage, location, answer, digest.hex(), len(section), doing)


def _body(section: Section) -> Section | bytes:
    return section.read() if len(section) <= SENT_AT_ONCE else section


def _compare(
    storage: S3Storage, location: Location, answer: dict[str, Any], etag: str, size: int, doing: str
) -> None:
    """Raise RefusedError when what is stored is not what was sent, by digest or else by size."""
    stored = str(answer.get("ETag", "")).strip('"')
    if stored == etag:
        return
    found = storage.stat(location)
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

    def __init__(self, storage: S3Storage, location: Location, content_type: str) -> None:
        self._storage = storage
        self._location = location
        self._content_type = content_type
        self._doing = f'upload "{location}" to {storage.provider}'
        self._target = {"Bucket": location.bucket, "Key": location.key}

    def send(self, source: Source, sections: Iterator[Section], cancellation: Cancellation) -> None:
        """Send all parts and complete the upload; abort it when anything fails."""
        answer = self._storage.call(
            self._doing, "create_multipart_upload", **self._target, ContentType=self._content_type
        )
        self._target["UploadId"] = required(answer, "UploadId", self._doing)
        with cancellation.undoing(self._abort):
            cancellation.check()
            at_once = PARTS_AT_ONCE if source.size is not None else STREAM_PARTS_AT_ONCE
            parts = self._send_parts(sections, at_once, cancellation)
            source.check_unchanged()
            cancellation.check()
            self._complete(parts)

    def _abort(self) -> None:
        self._storage.call(self._doing, "abort_multipart_upload", **self._target)

    def _send_parts(
        self, sections: Iterator[Section], at_once: int, cancellation: Cancellation
    ) -> list[_Part]:
        def send(numbered: tuple[int, Section]) -> _Part:
            number, section = numbered
            section.cancellation = sending
            return self._send_part(number, section)

        parts: list[_Part] = []
        with (
            cancellation.part() as sending,
            closing(work(enumerate(sections, 1), send, sending, workers=at_once)) as outcomes,
        ):
            for done in outcomes:
                if done.error is not None:
                    raise done.error
                assert done.answer is not None
                parts.append(done.answer)
        return sorted(parts, key=lambda part: part.number)

    def _send_part(self, number: int, section: Section) -> _Part:
        if number > MOST_PARTS:
            raise RefusedError(f"{self._doing}: a stream of more than {MOST_PARTS * STREAM_PART >> 30} GiB")
        digest = section.md5()
        answer = self._storage.call(
            self._doing,
            "upload_part",
            **self._target,
            PartNumber=number,
            Body=section,
            ContentMD5=base64.b64encode(digest).decode("ascii"),
        )
        section.sent()
        section.discard()
        return _Part(number, str(required(answer, "ETag", self._doing)), digest, len(section))

    def _complete(self, parts: list[_Part]) -> None:
        listed = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        answer: dict[str, Any] = {}
        try:
            answer = self._storage.call(
                self._doing, "complete_multipart_upload", **self._target, MultipartUpload={"Parts": listed}
            )
        except NotFoundError:
            # The answer to a first attempt may have been lost: then the object is there, whole.
            with suppress(OscarError):
                answer = {"ETag": self._storage.stat(self._location).etag}
            if answer.get("ETag") != _etag_of(parts):
                raise
        size = sum(part.size for part in parts)
        _compare(self._storage, self._location, answer, _etag_of(parts), size, self._doing)


def _etag_of(parts: list[_Part]) -> str:
    """Return what S3 and MinIO make of the digests of the parts."""
    joined = hashlib.md5(b"".join(part.digest for part in parts), usedforsecurity=False)
    return f"{joined.hexdigest()}-{len(parts)}"
