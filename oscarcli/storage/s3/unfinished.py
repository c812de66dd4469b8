"""Uploads in parts that nobody has completed: they take up room, and no listing of objects shows them.

What a store lists of them is not all: MinIO knows those that were begun since it was started, and finds older
ones under their whole name alone. So the journals of this machine are asked, too, and a name that is given.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from oscarcli.errors import ForbiddenError, NotFoundError
from oscarcli.storage.location import Location
from oscarcli.storage.s3.calls import S3Calls, list_parts
from oscarcli.storage.s3.failures import required
from oscarcli.storage.s3.resumed_upload import UploadRecord, upload_record


@dataclass(frozen=True)
class UnfinishedUpload:
    """An upload that was begun and neither completed nor aborted.

    Args:
        bucket, key: the object that it would become.
        upload_id: what the provider calls it.
        started: when it was begun.
        sent_bytes: how much has arrived, `None` when that is not shown.
        record: what the journal of this machine says, `None` when it was not begun here.
        is_active: whether a process of this machine is sending it now.
    """

    bucket: str
    key: str
    upload_id: str
    started: datetime | None
    sent_bytes: int | None
    record: UploadRecord | None
    is_active: bool


class UnfinishedUploads:
    """The unfinished uploads at one provider.

    Args:
        storage: the provider.
    """

    def __init__(self, storage: S3Calls) -> None:
        self._storage = storage
        self._journals = storage.journals

    def remembered(self) -> list[tuple[UploadRecord, bool]]:
        """Return what journals tell of uploads to this provider, and whether they are being sent now."""
        found = []
        for header, journal in self._journals.left() if self._journals is not None else ():
            if journal is not None:
                journal.close()
            record = upload_record(header)
            if record is not None and record.place == self._storage.place:
                found.append((record, journal is None))
        return found

    def of(self, bucket: str, key: str = "") -> list[UnfinishedUpload]:
        """Return those of a bucket, or of one object, in the order of their keys.

        Raises:
            NotFoundError: there is no such bucket.
            OscarError: as for `Storage`.
        """
        found: dict[tuple[str, str], UnfinishedUpload] = {}
        known = {
            record.upload_id: (record, is_active)
            for record, is_active in self.remembered()
            if record.bucket == bucket and key in ("", record.key)
        }
        for entry in self._listed(bucket, key):
            record, is_active = known.get(str(entry["UploadId"]), (None, False))
            upload = self._described(bucket, entry, record, is_active)
            found[upload.key, upload.upload_id] = upload
        for record, is_active in known.values():
            if (record.key, record.upload_id) in found:
                continue
            entry = {"Key": record.key, "UploadId": record.upload_id}
            upload = self._described(bucket, entry, record, is_active)
            if upload.sent_bytes is not None:
                found[upload.key, upload.upload_id] = upload
        return sorted(found.values(), key=lambda one: (one.key.encode(), one.upload_id))

    def _listed(self, bucket: str, key: str) -> Iterator[dict[str, Any]]:
        doing = f'list the unfinished uploads of "{bucket}" in {self._storage.provider}'
        markers: dict[str, Any] = {}
        while True:
            answer = self._storage.call(doing, "list_multipart_uploads", Bucket=bucket, Prefix=key, **markers)
            for entry in answer.get("Uploads") or []:
                if key in ("", entry.get("Key")):
                    required(entry, "UploadId", doing)
                    yield entry
            following = {
                "KeyMarker": answer.get("NextKeyMarker") or key,
                "UploadIdMarker": answer.get("NextUploadIdMarker") or "",
            }
            if not answer.get("IsTruncated") or following == markers:
                return
            markers = following

    def _described(
        self, bucket: str, entry: dict[str, Any], record: UploadRecord | None, is_active: bool
    ) -> UnfinishedUpload:
        started = entry.get("Initiated")
        if started is None and record is not None:
            started = datetime.fromtimestamp(record.started, timezone.utc)
        key, upload_id = str(entry["Key"]), str(entry["UploadId"])
        sent = self._sent_bytes(bucket, key, upload_id)
        return UnfinishedUpload(bucket, key, upload_id, started, sent, record, is_active)

    def _sent_bytes(self, bucket: str, key: str, upload_id: str) -> int | None:
        location = Location(bucket, key)
        doing = f'look at the unfinished upload of "{location}" in {self._storage.provider}'
        try:
            return sum(size for _, _, size in list_parts(self._storage, doing, location, upload_id))
        except (NotFoundError, ForbiddenError):
            return None

    def abort(self, upload: UnfinishedUpload) -> None:
        """Give an upload up: the provider drops what has arrived. One that is gone by now is no failure."""
        doing = f'abort the unfinished upload of "{upload.bucket}/{upload.key}" to {self._storage.provider}'
        with suppress(NotFoundError):
            self._storage.call(
                doing,
                "abort_multipart_upload",
                Bucket=upload.bucket,
                Key=upload.key,
                UploadId=upload.upload_id,
            )
        self._forget(upload)

    def abort_lost(self, location: Location, since: float, own: str | None) -> None:
        """Abort uploads of one object whose begin was asked for here and whose name never arrived.

        A store does not tell who began an upload. It is one of these when it was begun since we asked, has no
        part, and no journal of this machine knows it: what another one begins for the same object in the same
        seconds and has sent nothing of could be taken for it.

        Args:
            location: the object.
            since: when it was asked for first, in seconds since the epoch.
            own: the upload that goes on, if one does.

        Raises:
            OscarError: as for `Storage`.
        """
        listed = list(self._listed(location.bucket, location.key))
        begun = {str(entry["UploadId"]): _seconds(entry.get("Initiated")) for entry in listed}
        if own in begun:
            # By the store's clock: ours may go wrong.
            since += begun[own] - time.time()
        known = {record.upload_id for record, _ in self.remembered()} | {own}
        for upload_id, seconds in begun.items():
            # Stores tell whole seconds, some of them.
            if upload_id in known or seconds < int(since):
                continue
            if self._sent_bytes(location.bucket, location.key, upload_id) == 0:
                self.abort(
                    UnfinishedUpload(location.bucket, location.key, upload_id, None, 0, None, is_active=False)
                )

    def _forget(self, upload: UnfinishedUpload) -> None:
        for header, journal in self._journals.left() if self._journals is not None else ():
            if journal is None:
                continue
            record = upload_record(header)
            if record is not None and record.upload_id == upload.upload_id:
                journal.remove()
            else:
                journal.close()


def _seconds(when: datetime | None) -> float:
    return when.timestamp() if when is not None else 0.0
