"""How an object becomes visible: its row, its event and the end of what it replaces, in one transaction."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from oscarcli.local.objects import index, piece_index
from oscarcli.local.objects.blobs import Blobs, Draft, ordered_identifier
from oscarcli.local.objects.body_reader import BodyReader
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import (
    Attributes,
    Checksum,
    EventSource,
    ObjectCreated,
    ObjectRecord,
    Piece,
)
from oscarcli.local.objects.reading import BlobReferences
from oscarcli.local.state import State

log = logging.getLogger(__name__)

CreatedHook = Callable[[sqlite3.Connection, ObjectCreated], bool]
"""Tells whether it has left something that somebody waits for."""
Condition = Callable[[ObjectRecord | None], None]
"""Asked with the object that would be replaced, raises S3Error to prevent it."""


class NewObject(NamedTuple):
    """An object about to become visible; the time is set when it does."""

    bucket: str
    key: str
    size: int
    etag: str
    attributes: Attributes
    checksum: Checksum | None
    content: str


def take_in(bucket: str, key: str, intake: BodyReader, attributes: Attributes, draft: Draft) -> NewObject:
    """Take in the bytes of an object, and return what is known of it then. Raises as `Draft.receive`."""
    draft.receive(intake)
    return NewObject(bucket, key, intake.size, intake.etag, attributes, intake.checksum, ordered_identifier())


class Writer:
    """What puts, copies and multipart uploads have in common.

    Args:
        state: the database.
        folder: of the blobs.
        on_created: called inside the transaction that makes an announced object visible; what it raises
            undoes the object as well.
        committed: called after such a transaction was committed, if the hook has left something there.
        limit_of: returns the bytes that a bucket may hold, `None` where nothing limits it.
    """

    def __init__(
        self,
        state: State,
        folder: Path,
        on_created: CreatedHook | None,
        committed: Callable[[], None] | None,
        limit_of: Callable[[str], int | None] | None = None,
    ) -> None:
        self.state = state
        self.blobs = Blobs(folder)
        self.holds = BlobReferences(self.blobs)
        self._on_created = on_created
        self._committed = committed
        self._limit_of = limit_of
        self._newest_ns = 0

    def now_ns(self) -> int:
        """Return the time in ns, more than ever before; only to be called inside a transaction."""
        self._newest_ns = max(time.time_ns(), self._newest_ns + 1)
        return self._newest_ns

    def add_piece(
        self, connection: sqlite3.Connection, content: str, piece: Piece, draft: Draft
    ) -> list[str]:
        """Add a draft as a piece; returns the blobs that are not needed any more."""
        old = piece_index.get_blobs(connection, content, piece.number)
        if old:
            piece_index.remove_numbers(connection, content, [piece.number])
        self.add_only_piece(connection, content, piece, draft)
        return old

    def add_only_piece(
        self, connection: sqlite3.Connection, content: str, piece: Piece, draft: Draft
    ) -> None:
        """Add a draft as a piece of a content that has none of its number."""
        piece_index.add_piece(connection, content, piece)
        if draft.small:
            piece_index.add_small_blob(connection, draft.name, draft.small)

    def _check_limit(self, connection: sqlite3.Connection, new: NewObject) -> None:
        limit = self._limit_of(new.bucket) if self._limit_of is not None and new.size else None
        if limit is not None and index.get_usage(connection, new.bucket)[0] > limit:
            raise S3Error("XMinioAdminBucketQuotaExceeded")

    def publish(
        self,
        connection: sqlite3.Connection,
        new: NewObject,
        event_name: str,
        event: EventSource | None,
    ) -> ObjectRecord:
        """Make an object visible whose pieces are there, replace the old one, announce it for an `event`."""
        stored = ObjectRecord(
            bucket=new.bucket,
            key=new.key,
            size=new.size,
            etag=new.etag,
            modified_ns=self.now_ns(),
            attributes=new.attributes,
            checksum=new.checksum,
            content=new.content,
        )
        self._put(connection, stored)
        self._check_limit(connection, new)
        if event is not None:
            self._announce(connection, ObjectCreated(stored, event_name, event))
        return stored

    def _put(self, connection: sqlite3.Connection, stored: ObjectRecord) -> None:
        """Store the row of an object, in place of the one of its key. Raises S3Error("NoSuchBucket")."""
        try:
            if index.add_object(connection, stored):
                return
        except sqlite3.IntegrityError:
            # Its bucket is the one thing that a row depends on.
            require_bucket(connection, stored.bucket)
            raise
        old = index.get_object(connection, stored.bucket, stored.key)
        index.put_object(connection, stored)
        if old is not None:
            self.forget(connection, old.content)

    def forget(self, connection: sqlite3.Connection, content: str) -> None:
        """Drop the pieces of a content; its blobs are removed once that is committed."""
        blobs = piece_index.remove_pieces(connection, content)
        self.state.after_commit(lambda: self.holds.discard(content, blobs))

    def sweep(self) -> int:
        """Remove blobs that nothing names; returns how many."""
        with self.state.transaction(is_large=True) as connection:
            piece_index.remove_unowned_pieces(connection)

        def named(start: str, stop: str) -> set[str]:
            return piece_index.blobs_between(self.state.read(), start, stop) | self.holds.waiting()

        return self.blobs.sweep(named)

    def _announce(self, connection: sqlite3.Connection, created: ObjectCreated) -> None:
        if self._on_created is not None and self._on_created(connection, created):
            self.state.after_commit(self._tell)

    def _tell(self) -> None:
        if self._committed is None:
            return
        try:
            self._committed()
        except Exception:
            # The object is stored and acknowledged whatever happens to the listener.
            log.exception("the listener for committed objects failed")


def require_bucket(connection: sqlite3.Connection, name: str) -> None:
    """Raise S3Error("NoSuchBucket") when there is no such bucket."""
    if not index.has_bucket(connection, name):
        raise S3Error("NoSuchBucket")
