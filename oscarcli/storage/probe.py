"""Whether a folder may be written to, found out without leaving anything at its provider."""

from __future__ import annotations

import secrets
from enum import Enum
from typing import TYPE_CHECKING, Protocol, cast

from oscarcli.errors import NotFoundError
from oscarcli.storage.base import Storage
from oscarcli.storage.location import Location

if TYPE_CHECKING:
    from oscarcli.storage.s3.storage import S3Storage


class WriteCheck(Enum):
    """What was found out about a folder that may be written to."""

    TRIED = "tried"
    # What is once registered in Rucio stays so.
    NOT_TRIED = "not tried"
    # It is not there, and a job makes it with its first result.
    MADE_BY_RESULTS = "made by results"


class FolderStorage(Protocol):
    """A storage in which folders are more than parts of names."""

    def has_folder(self, folder: Location) -> bool:
        """Tell whether a folder is there.

        Raises:
            RefusedError: a file is in its place.
            NotFoundError: nor is what a first folder would be made in.
        """
        ...

    def try_write(self, folder: Location, name: str) -> None:
        """Put an empty file of a name that nothing has into a folder that is there, and delete it."""
        ...


def check_writable(storage: Storage, folder: Location) -> WriteCheck:
    """Try to write to a folder as jobs do.

    In S3 an upload in parts is begun and given up, which no service takes notice of. In a folder of WebDAV or
    Onedata an empty file with a hidden name comes and goes. One that is missing is not made: the folder above
    is tried in its place.

    Args:
        storage: where the folder is.
        folder: to be written to.

    Raises:
        NotFoundError: there is no such folder, and jobs do not make it.
        OscarError: it may not be written to, or not now.
    """
    from oscarcli.storage.rucio.storage import RucioStorage
    from oscarcli.storage.s3.storage import S3Storage

    if isinstance(storage, RucioStorage):
        # The scope has to be there, at least.
        next(iter(storage.list(folder.bucket, folder.key, limit=1)), None)
        return WriteCheck.NOT_TRIED
    name = f".oscar-cli-{secrets.token_hex(8)}"
    if isinstance(storage, S3Storage):
        _begin_upload(storage, folder.child(name))
        return WriteCheck.TRIED
    return _try_folder(storage, folder.as_folder(), name)


def _begin_upload(storage: S3Storage, name: Location) -> None:
    from oscarcli.storage.s3.failures import required

    doing = f'write to "{name.bucket}" in {storage.provider}'
    bucket, key = name.bucket, name.key
    answer = storage.call(doing, "create_multipart_upload", Bucket=bucket, Key=key)
    upload = required(answer, "UploadId", doing)
    storage.call(doing, "abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload)


def _try_folder(storage: Storage, folder: Location, name: str) -> WriteCheck:
    from oscarcli.storage.webdav.storage import WebDavStorage

    folders = cast("FolderStorage", storage)
    present: Location | None = folder
    while present is not None and not folders.has_folder(present):
        # OSCAR's supervisor makes all folders in Onedata, and with WebDAV the last one alone.
        if isinstance(storage, WebDavStorage) and present != folder:
            raise NotFoundError(
                f'write to "{folder}" in {storage.provider}: there is no folder "{present}"',
                hint="jobs make the last folder of a path, but none above it",
            )
        present = present.parent()
    if present is not None:
        folders.try_write(present, name)
    return WriteCheck.TRIED if present == folder else WriteCheck.MADE_BY_RESULTS
