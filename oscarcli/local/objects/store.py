"""The store's Python face: used by the S3 wire, by the REST API and by the job supervisor."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path

from oscarcli.local.commit_group import PendingCommit, PostponedChange
from oscarcli.local.objects import index, listing, names, piece_index
from oscarcli.local.objects.blobs import Draft, ordered_identifier
from oscarcli.local.objects.body_reader import BodyReader, DeclaredBody
from oscarcli.local.objects.bucket_store import BucketStore
from oscarcli.local.objects.errors import S3Error, full_disk_named
from oscarcli.local.objects.model import (
    DEFAULT_CONTENT_TYPE,
    EVENT_COPY,
    EVENT_PUT,
    Attributes,
    EventSource,
    ObjectRecord,
    Page,
    Piece,
    Readable,
)
from oscarcli.local.objects.multipart import MultipartUploads
from oscarcli.local.objects.reading import ObjectReader
from oscarcli.local.objects.writing import Condition, CreatedHook, NewObject, Writer, require_bucket, take_in
from oscarcli.local.state import State

STALE_UPLOAD_SECONDS = 24 * 3600


class ObjectStore(BucketStore):
    """Buckets and objects, safe to use from many threads.

    An object is visible, and its event handed over, exactly when the call that stores it returns; a crash
    before leaves neither. Every method may also be called inside `State.transaction()`, and is then
    committed or undone with it.

    Args:
        state: the database, opened with `index.SCHEMA`.
        folder: where the blobs are; created when absent.
        on_created: called with the connection and an `ObjectCreated` inside the transaction that makes an
            announced object visible. What it raises undoes the object and reaches the caller.
        committed: called without arguments after such a transaction was committed, if the hook has told that
            there is something for others.
        limit_of: returns the bytes that a bucket may hold, `None` where nothing limits it.

    Every method raises S3Error with S3's code for what is refused, `XMinioStorageFull` for a full disk.
    """

    def __init__(
        self,
        state: State,
        folder: Path,
        *,
        on_created: CreatedHook | None = None,
        committed: Callable[[], None] | None = None,
        limit_of: Callable[[str], int | None] | None = None,
    ) -> None:
        super().__init__(state, Writer(state, folder, on_created, committed, limit_of))
        self.uploads = MultipartUploads(self._writer)

    def put(
        self,
        bucket: str,
        key: str,
        stream: Readable,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        event: EventSource | None = None,
        *,
        attributes: Attributes | None = None,
        condition: Condition | None = None,
        event_name: str = EVENT_PUT,
    ) -> ObjectRecord:
        """Store everything `stream` gives as an object, in place of the one of that key.

        Args:
            bucket: must exist.
            key: any text of 1 to 1024 bytes of UTF-8.
            stream: read to its end in blocks; an `BodyReader` also says what is expected of it.
            content_type: media type.
            metadata: user metadata by name without `x-amz-meta-`.
            event: announce the object, as caused by this; `None` stores it silently.
            attributes: all of content type, metadata, headers and tags, instead of the two above.
            condition: asked with the object that would be replaced (or None), raises S3Error to refuse.
            event_name: how it is announced.

        Raises:
            S3Error: refused; nothing was stored.
            Exception: what `stream` or the created-hook raised; nothing was stored.
        """
        names.check_key(key)
        said = attributes or Attributes(content_type or DEFAULT_CONTENT_TYPE, metadata=dict(metadata or {}))
        intake = stream if isinstance(stream, BodyReader) else BodyReader(stream)
        self._ask_before(bucket, key, condition, intake)
        turn = self._state.work.held() if intake.is_here else nullcontext()
        with full_disk_named(), turn, self._writer.blobs.draft() as draft:
            new = take_in(bucket, key, intake, said, draft)
            # A file is removed on leaving unless its row is committed by then.
            return self._commit(new, draft, event_name, event, condition)

    def put_later(
        self,
        bucket: str,
        key: str,
        stream: BodyReader,
        attributes: Attributes,
        event: EventSource,
        condition: Condition | None,
        postponed: PostponedChange,
    ) -> NewObject:
        """Take in an object, whose few bytes are here, and have it stored by a later change; see `put`."""
        names.check_key(key)
        self._ask_before(bucket, key, condition, stream)
        with self._writer.blobs.draft() as draft:
            new = take_in(bucket, key, stream, attributes, draft)
        # The draft has them all: of so few it makes no file, which it would have removed by now.
        postponed.postpone(lambda pending: self._commit(new, draft, EVENT_PUT, event, condition, pending))
        return new

    def _ask_before(self, bucket: str, key: str, condition: Condition | None, intake: BodyReader) -> None:
        """Refuse before the bytes come, which spares the sender a long upload; the transaction asks again."""
        if condition is not None or not intake.is_here:
            # Where there is no bucket, no condition is asked.
            require_bucket(self._state.read(), bucket)
        if condition is not None:
            condition(self.find(bucket, key))

    def is_held_up(self) -> bool:
        """Tell whether somebody is changing something that takes long, which all uploads wait for."""
        return self._state.is_held_up()

    def put_marker(self, bucket: str, key: str) -> ObjectRecord:
        """Store an empty object, such as `folder/`, without announcing it."""
        return self.put(bucket, key, io.BytesIO())

    def copy(
        self,
        source: tuple[str, str],
        bucket: str,
        key: str,
        *,
        decide: Callable[[ObjectRecord], Attributes] | None = None,
        algorithm: str = "",
        event: EventSource | None = None,
        condition: Condition | None = None,
    ) -> ObjectRecord:
        """Copy an object; where it can be, without copying bytes.

        Args:
            source: bucket and key.
            bucket: of the copy.
            key: of the copy.
            decide: gives the attributes of the copy, or raises S3Error to refuse this source; as the
                source's when absent.
            algorithm: additional checksum to compute; the source's is kept when empty.
            event: as for `put`.
            condition: as for `put`.
        """
        names.check_key(key)
        original, reader = self.open(*source)
        with reader, full_disk_named(), ExitStack() as stack:
            attributes = original.attributes if decide is None else decide(original)
            link = None
            if len(reader.pieces) == 1 and "-" not in original.etag and not algorithm:
                # The same bytes under a second name: no time, no space.
                link = self._writer.blobs.link(reader.pieces[0].blob)
            if link is not None:
                draft = stack.enter_context(link)
                known = (original.size, original.etag, attributes, original.checksum)
                new = NewObject(bucket, key, *known, ordered_identifier())
            else:
                kept = original.checksum.algorithm if original.checksum else ""
                intake = BodyReader(reader, DeclaredBody(algorithm=algorithm or kept))
                draft = stack.enter_context(self._writer.blobs.draft())
                new = take_in(bucket, key, intake, attributes, draft)
            return self._commit(new, draft, EVENT_COPY, event, condition)

    def _commit(
        self,
        new: NewObject,
        draft: Draft,
        event_name: str,
        event: EventSource | None,
        condition: Condition | None,
        pending: PendingCommit | None = None,
    ) -> ObjectRecord:
        with self._state.transaction(pending=pending) as connection:
            if condition is not None:
                require_bucket(connection, new.bucket)
                condition(index.get_object(connection, new.bucket, new.key))
            # First of the actions: nothing may come between the commit and the end of the draft.
            self._state.after_commit(draft.keep)
            if new.size:
                piece = Piece(1, draft.name, new.size, new.etag, "", 0)
                self._writer.add_only_piece(connection, new.content, piece, draft)
            return self._writer.publish(connection, new, event_name, event)

    def find(self, bucket: str, key: str) -> ObjectRecord | None:
        """Return an object's description, or None."""
        return index.get_object(self._state.read(), bucket, key)

    def stat(self, bucket: str, key: str) -> ObjectRecord:
        """Return an object's description. Raises S3Error: NoSuchBucket, NoSuchKey."""
        stored = self.find(bucket, key)
        if stored is None:
            require_bucket(self._state.read(), bucket)
            raise S3Error("NoSuchKey")
        return stored

    def open(self, bucket: str, key: str) -> tuple[ObjectRecord, ObjectReader]:
        """Return an object's description and a reader, which the caller closes.

        The reader gives the bytes of that very version, whatever happens to the object meanwhile.
        Raises S3Error: NoSuchBucket, NoSuchKey.
        """
        found = piece_index.get_small_object(self._state.read(), bucket, key)
        if found is not None:
            stored, piece, data = found
            return stored, ObjectReader(self._writer.blobs, None, stored, [piece], {piece.blob: data})
        return self._open_pieces(bucket, key)

    def _open_pieces(self, bucket: str, key: str) -> tuple[ObjectRecord, ObjectReader]:
        stored = None
        while True:
            previous, stored = stored, self.stat(bucket, key)
            self._writer.holds.hold(stored.content)
            # Asked after the hold: pieces that are there now stay until it is released.
            pieces, small = piece_index.get_pieces_with_data(self._state.read(), stored.content)
            if pieces or not stored.size:
                return stored, ObjectReader(self._writer.blobs, self._writer.holds, stored, pieces, small)
            self._writer.holds.release(stored.content)
            if previous is not None and previous.content == stored.content:
                raise S3Error("InternalError", "The index names an object without bytes.")

    def delete(self, bucket: str, key: str, *, condition: Condition | None = None) -> bool:
        """Delete an object; tells whether it was there. Raises S3Error: NoSuchBucket."""
        return bool(self.delete_all(bucket, [key], condition=condition))

    def delete_all(
        self, bucket: str, keys: Iterable[str], *, condition: Condition | None = None
    ) -> list[str]:
        """Delete objects together; returns the keys that were there. Raises S3Error: NoSuchBucket."""
        deleted = []
        with full_disk_named(), self._state.transaction() as connection:
            require_bucket(connection, bucket)
            for key in keys:
                old = index.get_object(connection, bucket, key)
                if condition is not None:
                    condition(old)
                if old is not None:
                    index.remove_object(connection, bucket, key)
                    self._writer.forget(connection, old.content)
                    deleted.append(key)
        return deleted

    def set_object_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of an object. Raises S3Error: NoSuchBucket, NoSuchKey, InvalidTag."""
        checked = names.check_tags(tags.items(), names.OBJECT_TAGS)
        with full_disk_named(), self._state.transaction() as connection:
            require_bucket(connection, bucket)
            stored = index.get_object(connection, bucket, key)
            if stored is None:
                raise S3Error("NoSuchKey")
            index.set_object_tags(connection, stored, checked)

    def list_page(
        self, bucket: str, prefix: str = "", after_key: str = "", limit: int = 1000, delimiter: str = ""
    ) -> Page:
        """Return the next entries in UTF-8 order of their names. Raises S3Error: NoSuchBucket.

        Args:
            bucket: to look into.
            prefix: only keys that begin so.
            after_key: only entries after this name: `page.last` of the page before.
            limit: most entries.
            delimiter: fold keys that contain it after the prefix into common prefixes.
        """
        connection = self._state.read()
        require_bucket(connection, bucket)
        return listing.list_objects(
            connection, bucket, prefix=prefix, delimiter=delimiter, after=after_key, limit=limit
        )

    def sweep(self, *, stale_after: float = STALE_UPLOAD_SECONDS) -> int:
        """Remove what a crash left behind; returns how many blobs. To be called once at start.

        Args:
            stale_after: uploads that were begun more than so many seconds ago and not finished are
                aborted, after a day as MinIO does.
        """
        self.uploads.abort_stale(stale_after)
        return self._writer.sweep()
