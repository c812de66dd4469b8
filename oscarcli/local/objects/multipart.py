"""Multipart uploads: parts are blobs of their own, and stay that when the object is complete."""

from __future__ import annotations

import hashlib
import sqlite3
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from oscarcli.local.objects import checksums, index, listing, names, piece_index
from oscarcli.local.objects.body_reader import MAX_OBJECT_BYTES, BodyReader
from oscarcli.local.objects.errors import S3Error, full_disk_named
from oscarcli.local.objects.model import (
    EVENT_COMPLETE,
    Attributes,
    Checksum,
    EventSource,
    MultipartUpload,
    ObjectRecord,
    Piece,
)
from oscarcli.local.objects.writing import Condition, NewObject, Writer, require_bucket

MIN_PART_BYTES = 5 << 20
MAX_PARTS = 10_000


@dataclass(frozen=True)
class PartReference:
    """A part as the completing client names it; `checksums` by algorithm, in base64."""

    number: int
    etag: str
    checksums: Mapping[str, str]


def check_part_number(number: int) -> int:
    """Return the number. Raises S3Error("InvalidArgument") when no part can have it."""
    if not 1 <= number <= MAX_PARTS:
        message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
        raise S3Error("InvalidArgument", message)
    return number


class MultipartUploads:
    """Uploads in parts, each of which is durable once it was acknowledged."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._state = writer.state

    def start(
        self, bucket: str, key: str, attributes: Attributes, *, algorithm: str = "", kind: str = ""
    ) -> MultipartUpload:
        """Begin an upload.

        Args:
            bucket: must exist.
            key: of the object to be.
            attributes: of the object to be.
            algorithm: additional checksum that every part will carry.
            kind: COMPOSITE or FULL_OBJECT, how the object's checksum follows from the parts'.
        """
        names.check_key(key)
        kind = checksums.upload_kind(algorithm, kind) if algorithm else ""
        with full_disk_named(), self._state.transaction() as connection:
            require_bucket(connection, bucket)
            upload = MultipartUpload(
                uuid.uuid4().hex, bucket, key, time.time_ns(), attributes, algorithm, kind
            )
            piece_index.add_upload(connection, upload)
        return upload

    def get(self, bucket: str, key: str, identifier: str) -> MultipartUpload:
        """Return an unfinished upload. Raises S3Error: NoSuchBucket, NoSuchUpload."""
        connection = self._state.read()
        upload = piece_index.get_upload(connection, identifier)
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            require_bucket(connection, bucket)
            raise S3Error("NoSuchUpload")
        return upload

    def put_part(self, upload: MultipartUpload, number: int, intake: BodyReader) -> Piece:
        """Store a part, in place of the one of that number. Raises S3Error."""
        check_part_number(number)
        with full_disk_named(), self._writer.blobs.draft() as draft:
            draft.receive(intake)
            checksum = intake.checksum
            value = "" if checksum is None else checksum.value
            with self._state.transaction() as connection:
                if piece_index.get_upload(connection, upload.identifier) is None:
                    raise S3Error("NoSuchUpload")
                self._state.after_commit(draft.keep)
                piece = Piece(number, draft.name, intake.size, intake.etag, value, self._writer.now_ns())
                old = self._writer.add_piece(connection, upload.identifier, piece, draft)
                self._state.after_commit(lambda: self._writer.holds.discard(upload.identifier, old))
        return piece

    def parts(
        self, upload: MultipartUpload, *, after: int = 0, limit: int = 1000
    ) -> tuple[list[Piece], bool]:
        """Return (parts by number, truncated)."""
        pieces = piece_index.get_pieces(self._state.read(), upload.identifier, after=after, limit=limit + 1)
        return pieces[:limit], len(pieces) > limit > 0

    def unfinished(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> tuple[list[MultipartUpload], list[str], bool]:
        """Return (uploads by key, common prefixes, truncated). Raises S3Error: NoSuchBucket."""
        connection = self._state.read()
        require_bucket(connection, bucket)
        return listing.list_uploads(
            connection, bucket, prefix=prefix, delimiter=delimiter, after=after, limit=limit
        )

    def complete(
        self,
        bucket: str,
        key: str,
        identifier: str,
        references: Sequence[PartReference],
        *,
        event: EventSource | None = None,
        condition: Condition | None = None,
        expected: Checksum | None = None,
    ) -> ObjectRecord:
        """Make the named parts, in order, the object; parts not named are dropped.

        Asked again after it was done (the answer may have been lost), it gives the object again.

        Raises:
            S3Error: NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall, EntityTooLarge,
                XAmzContentChecksumMismatch when `expected` is not what the parts make.
        """
        with full_disk_named(), self._state.transaction() as connection:
            done = index.get_object(connection, bucket, key)
            if done is not None and done.content == identifier:
                return done
            upload = self.get(bucket, key, identifier)
            if condition is not None:
                condition(done)
            stored_parts = {piece.number: piece for piece in piece_index.get_pieces(connection, identifier)}
            chosen = _choose(upload, references, stored_parts)
            checksum = _checksum(upload, chosen, expected)
            self._drop_others(connection, identifier, stored_parts, {piece.number for piece in chosen})
            piece_index.remove_upload(connection, identifier)
            size = sum(piece.size for piece in chosen)
            new = NewObject(bucket, key, size, _etag(chosen), upload.attributes, checksum, identifier)
            return self._writer.publish(connection, new, EVENT_COMPLETE, event)

    def _drop_others(
        self, connection: sqlite3.Connection, identifier: str, stored: Mapping[int, Piece], chosen: set[int]
    ) -> None:
        unused = stored.keys() - chosen
        piece_index.remove_numbers(connection, identifier, unused)
        blobs = [stored[number].blob for number in unused]
        self._state.after_commit(lambda: self._writer.blobs.remove(blobs))

    def abort(self, bucket: str, key: str, identifier: str) -> None:
        """Give an upload up and drop its parts. Raises S3Error: NoSuchBucket, NoSuchUpload.

        AWS refuses every upload that is not there, MinIO only an identifier that can be none of its own.
        """
        with full_disk_named(), self._state.transaction() as connection:
            self.get(bucket, key, identifier)
            piece_index.remove_upload(connection, identifier)
            self._writer.forget(connection, identifier)

    def abort_stale(self, seconds: float) -> None:
        """Give up uploads that were begun more than so many seconds ago."""
        oldest = time.time_ns() - int(seconds * 1e9)
        with self._state.transaction() as connection:
            for identifier in piece_index.uploads_before(connection, oldest):
                piece_index.remove_upload(connection, identifier)
                self._writer.forget(connection, identifier)


def _choose(
    upload: MultipartUpload, references: Sequence[PartReference], stored: Mapping[int, Piece]
) -> list[Piece]:
    if not references:
        raise S3Error("InvalidRequest", "You must specify at least one part")
    numbers = [reference.number for reference in references]
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise S3Error("InvalidPartOrder")
    chosen = []
    for reference in references:
        piece = stored.get(reference.number)
        if piece is None or piece.etag != reference.etag.strip('"'):
            raise S3Error("InvalidPart")
        if not _checksum_agrees(upload, reference, piece):
            raise S3Error("InvalidPart")
        chosen.append(piece)
    if any(piece.size < MIN_PART_BYTES for piece in chosen[:-1]):
        raise S3Error("EntityTooSmall")
    if sum(piece.size for piece in chosen) > MAX_OBJECT_BYTES:
        raise S3Error("EntityTooLarge")
    return chosen


def _checksum_agrees(upload: MultipartUpload, reference: PartReference, piece: Piece) -> bool:
    said = reference.checksums.get(upload.checksum_algorithm)
    if said is None:
        # A digest over digests is only as good as the client's word for each of them.
        return upload.checksum_kind != checksums.COMPOSITE
    return said == piece.checksum


def _checksum(upload: MultipartUpload, chosen: Sequence[Piece], expected: Checksum | None) -> Checksum | None:
    if not upload.checksum_algorithm:
        return None
    parts = [(piece.checksum, piece.size) for piece in chosen]
    checksum = checksums.of_parts(upload.checksum_algorithm, upload.checksum_kind, parts)
    if expected is None or expected.algorithm != checksum.algorithm:
        return checksum
    # The number of parts, after the dash, may be left out.
    if expected.value.partition("-")[0] != checksum.value.partition("-")[0]:
        raise S3Error("XAmzContentChecksumMismatch")
    return checksum


def _etag(chosen: Sequence[Piece]) -> str:
    digests = b"".join(bytes.fromhex(piece.etag) for piece in chosen)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(chosen)}"
