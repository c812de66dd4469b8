"""The objects of a mounted folder, and those of the cluster's own store as an account may use them."""

from __future__ import annotations

import mimetypes
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from oscarcli.local.jobs.mounts.index import FolderKey
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import EventSource, ObjectRecord
from oscarcli.local.objects.names import check_key
from oscarcli.local.objects.s3.signatures import Accounts
from oscarcli.local.objects.store import ObjectStore

COPY_BLOCK = 1 << 18
PAGE_KEYS = 1000


@dataclass(frozen=True)
class MountedObject:
    """A version of an object: `content` names it, `size` in bytes, `modified_ns` since 1970."""

    content: str
    size: int
    modified_ns: int


class MountedObjects(Protocol):
    """Objects by their names below a folder.

    Every method raises S3Error or OSError, also for what is not allowed.
    """

    def exist(self) -> bool:
        """Tell whether the place is there where they are."""
        ...

    def all(self) -> Iterator[tuple[str, MountedObject]]:
        """Yield name and version of every object; the name of a folder ends with a slash."""
        ...

    def find(self, name: str) -> MountedObject | None:
        """Return an object's version, `None` when there is none."""
        ...

    def read(self, name: str, target: BinaryIO) -> MountedObject:
        """Write an object to a file and return which version it was."""
        ...

    def equals(self, name: str, file: BinaryIO) -> bool:
        """Tell whether a file has the bytes of an object."""
        ...

    def write(self, name: str, file: BinaryIO) -> MountedObject:
        """Store a file."""
        ...

    def remove(self, name: str, content: str) -> None:
        """Delete a version of an object; one that came after it stays."""
        ...


def type_of(name: str) -> str:
    """Return the type of a file by its name, as the sidecar of a real job has it."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def is_same(read: Callable[[int], bytes], file: BinaryIO) -> bool:
    """Tell whether a file has the bytes of what is read."""
    while block := read(COPY_BLOCK):
        if file.read(len(block)) != block:
            return False
    return not file.read(1)


class OwnObjects:
    """Those of the cluster's own store; announced when they are stored, as every upload is.

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

    def exist(self) -> bool:
        """Tell whether their bucket is there."""
        return self._store.bucket(self._key.bucket) is not None

    def all(self) -> Iterator[tuple[str, MountedObject]]:
        """Yield name and version of every object, in order of the names."""
        self._check()
        last, more = "", True
        while more:
            page = self._store.list_page(self._key.bucket, self._key.prefix, last, PAGE_KEYS)
            for record in page.objects:
                yield record.key.removeprefix(self._key.prefix), _version(record)
            last, more = page.last, page.truncated

    def find(self, name: str) -> MountedObject | None:
        """Return an object's version, `None` when there is none."""
        self._check()
        check_key(self._key.prefix + name)
        record = self._store.find(self._key.bucket, self._key.prefix + name)
        return None if record is None else _version(record)

    def read(self, name: str, target: BinaryIO) -> MountedObject:
        """Write an object to a file and return which version it was."""
        self._check()
        record, source = self._store.open(self._key.bucket, self._key.prefix + name)
        with source:
            shutil.copyfileobj(source, target, COPY_BLOCK)
        return _version(record)

    def equals(self, name: str, file: BinaryIO) -> bool:
        """Tell whether a file has the bytes of an object."""
        _, source = self._store.open(self._key.bucket, self._key.prefix + name)
        with source:
            return is_same(source.read, file)

    def write(self, name: str, file: BinaryIO) -> MountedObject:
        """Store a file."""
        self._check()
        event = EventSource(principal=self._key.account, user_agent="oscar-local mount")
        key = self._key.prefix + name
        return _version(self._store.put(self._key.bucket, key, file, type_of(name), event=event))

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


def _version(record: ObjectRecord) -> MountedObject:
    return MountedObject(record.content, record.size, record.modified_ns)


class _NewerVersionError(Exception):
    """Somebody has stored another version meanwhile."""
