"""The cluster's own objects as a run reads and writes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from oscarcli.local.jobs.staging import RunStorage, StageError
from oscarcli.local.objects.blobs import MAX_SMALL_BYTES
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import EventSource
from oscarcli.local.objects.s3.signatures import Accounts
from oscarcli.local.objects.store import ObjectStore
from oscarcli.local.services.definition import Definition

COPY_BLOCK = 1 << 18
# From this size on, the supervisor's S3 client uploads a file in parts.
MULTIPART_BYTES = 8 << 20


class ClusterStorage:
    """Objects of the local cluster; uploads are announced, so that one service's result starts another.

    Args:
        store: the object store.
        accounts: say what the owners of services may do.
        root: the access key of the cluster's own account, whose are all services that are no user's.
    """

    def __init__(self, store: ObjectStore, accounts: Accounts, root: str) -> None:
        self._store = store
        self._accounts = accounts
        self._root = root

    def account_of(self, definition: Definition) -> str:
        """Return the access key whose rights the runs of a service have."""
        owner: str = definition["owner"]
        return owner if self._accounts.find(owner) is not None else self._root

    def of(self, definition: Definition) -> RunStorage:
        """Return what the runs of a service may read and write."""
        user = self.account_of(definition)
        return _ServiceStorage(self._store, self._accounts, user, definition["bucket_list"])


class _ServiceStorage:
    """The objects as a service's owner may use them, and those in the buckets of its single users."""

    def __init__(self, store: ObjectStore, accounts: Accounts, user: str, isolated: Sequence[str]) -> None:
        self._store = store
        self._accounts = accounts
        self._user = user
        self._isolated = isolated

    def _check(self, bucket: str) -> None:
        if bucket not in self._isolated and not self._accounts.may_use(self._user, bucket):
            raise S3Error("AccessDenied")

    def download(self, bucket: str, key: str, target: BinaryIO, before_long: Callable[[], None]) -> None:
        """Write an object to a file; see `RunStorage.download`."""
        try:
            self._check(bucket)
            stored, source = self._store.open(bucket, key)
        except S3Error as error:
            # The supervisor's S3 client asks with HEAD first, whose answer has a status and no words.
            phrase = HTTPStatus(error.status).phrase
            raise StageError(str(error.status), phrase, "HeadObject") from error
        with source:
            if stored.size <= MAX_SMALL_BYTES:
                target.write(source.read())
                return
            before_long()
            shutil.copyfileobj(source, target, COPY_BLOCK)

    def upload(self, source: Path, bucket: str, key: str) -> None:
        """Store a file as an object. Raises StageError, OSError."""
        event = EventSource(principal=self._user, user_agent="oscar-local supervisor")
        with source.open("rb") as file:
            try:
                self._check(bucket)
                self._store.put(bucket, key, file, event=event)
            except S3Error as error:
                is_large = source.stat().st_size >= MULTIPART_BYTES
                operation = "CreateMultipartUpload" if is_large else "PutObject"
                raise StageError(error.code, error.message, operation) from error
