"""The cluster's own objects as a run reads and writes them."""

from __future__ import annotations

import shutil
from pathlib import Path

from oscarcli.local.jobs.staging import StageError
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import EventSource
from oscarcli.local.objects.store import ObjectStore

COPY_BLOCK = 1 << 18


class ClusterStorage:
    """Objects of the local cluster; uploads are announced, so that one service's result starts another.

    Args:
        store: the object store.
        user: the access key, as it appears in logs and events.
    """

    def __init__(self, store: ObjectStore, user: str) -> None:
        self._store = store
        self.user = user

    def download(self, bucket: str, key: str, target: Path) -> None:
        """Write an object to a new file. Raises StageError, OSError."""
        try:
            _, source = self._store.open(bucket, key)
        except S3Error as error:
            raise StageError(str(error)) from error
        with source, target.open("wb") as file:
            shutil.copyfileobj(source, file, COPY_BLOCK)

    def upload(self, source: Path, bucket: str, key: str, content_type: str | None) -> None:
        """Store a file as an object. Raises StageError, OSError."""
        event = EventSource(principal=self.user, user_agent="oscar-local supervisor")
        try:
            with source.open("rb") as file:
                self._store.put(bucket, key, file, content_type=content_type, event=event)
        except S3Error as error:
            raise StageError(str(error)) from error
