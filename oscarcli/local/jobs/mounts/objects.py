"""The objects of a mounted folder as an account may use them."""

from __future__ import annotations

import mimetypes
import shutil
from collections.abc import Iterator
from typing import BinaryIO

from oscarcli.local.jobs.mounts.index import FolderKey
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import EventSource, ObjectRecord
from oscarcli.local.objects.names import check_key
from oscarcli.local.objects.s3.signatures import Accounts
from oscarcli.local.objects.store import ObjectStore

COPY_BLOCK = 1 << 18
PAGE_KEYS = 1000


class MountedObjects:
    """Objects by their names below a prefix. Every method raises S3Error, also for what is not allowed.

    Args:
        store: the object store.
        accounts: say who may use which bucket.
        key: whose view of which objects it is.
    """

    def __init__(self, store: ObjectStore, accounts: Accounts, key: FolderKey) -> None:
        self._store = store
        self._accounts = accounts
        self._key = key

    def _check(self) -> None:
        if not self._accounts.may_use(self._key.account, self._key.bucket):
            raise S3Error("AccessDenied" if self._store.bucket(self._key.bucket) else "NoSuchBucket")

    @property
    def exist(self) -> bool:
        """Whether their bucket is there."""
        return self._store.bucket(self._key.bucket) is not None

    def all(self) -> Iterator[tuple[str, ObjectRecord]]:
        """Yield name and description of every object, in order of the names."""
        self._check()
        last, more = "", True
        while more:
            page = self._store.list_page(self._key.bucket, self._key.prefix, last, PAGE_KEYS)
            for record in page.objects:
                yield record.key.removeprefix(self._key.prefix), record
            last, more = page.last, page.truncated

    def find(self, name: str) -> ObjectRecord | None:
        """Return an object's description, `None` when there is none."""
        self._check()
        check_key(self._key.prefix + name)
        return self._store.find(self._key.bucket, self._key.prefix + name)

    def read(self, name: str, target: BinaryIO) -> ObjectRecord:
        """Write an object to a file and return which version it was."""
        self._check()
        record, source = self._store.open(self._key.bucket, self._key.prefix + name)
        with source:
            shutil.copyfileobj(source, target, COPY_BLOCK)
        return record

    def equals(self, name: str, file: BinaryIO) -> bool:
        """Tell whether a file has the bytes of an object."""
        _, source = self._store.open(self._key.bucket, self._key.prefix + name)
        with source:
            while block := source.read(COPY_BLOCK):
                if file.read(len(block)) != block:
                    return False
        return not file.read(1)

    def write(self, name: str, file: BinaryIO) -> ObjectRecord:
        """Store a file, announced as every upload is; its type is that of its name, as the sidecar has it."""
        self._check()
        event = EventSource(principal=self._key.account, user_agent="oscar-local mount")
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return self._store.put(self._key.bucket, self._key.prefix + name, file, kind, event=event)

    def remove(self, name: str, content: str) -> None:
        """Delete a version of an object; one that came after it stays."""
        self._check()

        def is_still_that(record: ObjectRecord | None) -> None:
            if record is not None and record.content != content:
                raise _NewerVersionError

        try:
            self._store.delete(self._key.bucket, self._key.prefix + name, condition=is_still_that)
        except _NewerVersionError:
            return


class _NewerVersionError(Exception):
    """Somebody has stored another version meanwhile."""
