"""The cluster's own objects as a run reads and writes them."""

from __future__ import annotations

import shutil
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from oscarcli.local.jobs.staging import StageError
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import EventSource
from oscarcli.local.objects.store import ObjectStore

COPY_BLOCK = 1 << 18
# From this size on, the supervisor's S3 client uploads a file in parts.
MULTIPART_BYTES = 8 << 20


class ClusterStorage:
    """Objects of the local cluster; uploads are announced, so that one service's result starts another.

    Args:
        store: the object store.
        user: the access key, as it appears in events.
    """

    def __init__(self, store: ObjectStore, user: str) -> None:
        self._store = store
        self._user = user

    def download(self, bucket: str, key: str, target: BinaryIO) -> None:
        """Write an object to a file. Raises StageError, OSError."""
        try:
            _, source = self._store.open(bucket, key)
        except S3Error as error:
            # The supervisor's S3 client asks with HEAD first, whose answer has a status and no words.
            phrase = HTTPStatus(error.status).phrase
            raise StageError(str(error.status), phrase, "HeadObject") from error
        with source:
            shutil.copyfileobj(source, target, COPY_BLOCK)

    def upload(self, source: Path, bucket: str, key: str) -> None:
        """Store a file as an object. Raises StageError, OSError."""
        event = EventSource(principal=self._user, user_agent="oscar-local supervisor")
        with source.open("rb") as file:
            try:
                self._store.put(bucket, key, file, event=event)
            except S3Error as error:
                is_large = source.stat().st_size >= MULTIPART_BYTES
                operation = "CreateMultipartUpload" if is_large else "PutObject"
                raise StageError(error.code, error.message, operation) from error
