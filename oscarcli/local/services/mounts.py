"""The bucket that a service sees as a folder: what its definition says of it (`oscar-api` 4.9, 5.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from oscarcli.local.answers import ApiError
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.names import check_bucket_name, check_key
from oscarcli.local.services.definition import (
    INVALID,
    MINIO_DEFAULT,
    S3_KINDS,
    BucketFolder,
    Definition,
    bucket_folder,
)

# Where the sidecar of a real job puts what it mounts.
PLACE = "/mnt"
READ_ONLY = "--read-only"
_OPTIONS = re.compile(r"[A-Za-z0-9\-_.:=,/ ]*")


@dataclass(frozen=True)
class Mount:
    """A folder of a store that jobs see as a folder of files.

    Args:
        place: the bucket, or the first folder of a file server, and the folder in it.
        read_only: whether nothing that a script does there is stored.
        ignored: the options of the real sidecar's program that mean nothing here.
    """

    place: BucketFolder
    read_only: bool
    ignored: tuple[str, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether it is in the cluster's own store."""
        return self.place.provider == MINIO_DEFAULT

    @property
    def path(self) -> str:
        """Where scripts find it."""
        return f"{PLACE}/{self.place.bucket}/{self.place.folder}".rstrip("/")


def mount_of(definition: Definition) -> Mount | None:
    """Return what a service mounts, `None` when it mounts nothing: without a provider a path is nothing."""
    entry = definition["mount"]
    if not entry["storage_provider"].strip():
        return None
    options = str(entry.get("options", "")).split()
    path = str(entry["path"]).strip(" /")
    return Mount(
        bucket_folder({**entry, "path": path}),
        any(option in (READ_ONLY, f"{READ_ONLY}=true") for option in options),
        tuple(option for option in options if not option.startswith(READ_ONLY)),
    )


def _check_path(path: str) -> None:
    """Refuse a path of a file server that could be no folder of this machine, or another one."""
    parts = path.removeprefix(f"{PLACE}/").split("/")
    if ":" in path or any(part in ("", ".", "..") for part in parts):
        raise ApiError(
            400, f"{INVALID}mount.path: it has a part that is no folder's name; write FOLDER/FOLDER"
        )


def check_mount(definition: Definition) -> None:
    """Refuse a mount that no real cluster makes, or whose folder could not be one of this machine.

    Raises:
        ApiError: 400 without a bucket, 500 for names, as the manager only learns of them from MinIO.
    """
    mount = mount_of(definition)
    if mount is None:
        return
    place = mount.place
    if not _OPTIONS.fullmatch(str(definition["mount"].get("options", ""))):
        raise ApiError(500, "mount options contain invalid characters")
    if not place.bucket:
        raise ApiError(400, f"{INVALID}mount.path: it names no bucket; write BUCKET or BUCKET/FOLDER")
    if place.provider[0] not in S3_KINDS:
        _check_path(mount.path)
        return
    try:
        check_bucket_name(place.bucket)
        if place.folder:
            check_key(place.folder)
    except S3Error as error:
        raise ApiError(500, f'error creating bucket "{place.bucket}": {error.message}') from error
    if "//" in place.folder or ":" in place.folder:
        raise ApiError(
            500,
            f'error creating folder "{place.folder}/" in bucket "{place.bucket}": it is no folder\'s name',
        )
