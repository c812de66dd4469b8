"""Whether a folder may be written to, found out without leaving anything in it."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from oscarcli.storage.base import Storage
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.location import Location
from oscarcli.storage.source import FileSource

if TYPE_CHECKING:
    from oscarcli.storage.s3.storage import S3Storage

BINARY = "application/octet-stream"


def check_writable(storage: Storage, folder: Location) -> bool:
    """Try to write to a folder.

    In S3 an upload in parts is begun and given up, which no service takes notice of. Elsewhere an empty file
    with a hidden name comes and goes.

    Args:
        storage: where the folder is.
        folder: to be written to; it has to exist where folders are more than parts of names.

    Returns:
        Whether that could be tried: what is once registered in Rucio stays so.

    Raises:
        OscarError: it may not be written to, or not now.
    """
    from oscarcli.storage.rucio.storage import RucioStorage
    from oscarcli.storage.s3.storage import S3Storage

    if isinstance(storage, RucioStorage):
        return False
    name = folder.as_folder().child(f".oscar-cli-{secrets.token_hex(8)}")
    if isinstance(storage, S3Storage):
        _begin_upload(storage, name)
    else:
        _write_nothing(storage, name)
    return True


def _begin_upload(storage: S3Storage, name: Location) -> None:
    from oscarcli.storage.s3.failures import required

    doing = f'write to "{name.bucket}" in {storage.provider}'
    bucket, key = name.bucket, name.key
    answer = storage.call(doing, "create_multipart_upload", Bucket=bucket, Key=key)
    upload = required(answer, "UploadId", doing)
    storage.call(doing, "abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload)


def _write_nothing(storage: Storage, name: Location) -> None:
    cancellation = Cancellation()
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder, "empty")
        empty.touch()
        with FileSource(empty, lambda _count: None, cancellation) as source:
            storage.write(name, source, content_type=BINARY, cancellation=cancellation)
    storage.remove(name)
