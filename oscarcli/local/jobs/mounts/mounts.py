"""The folders that jobs mount, by what they show."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from oscarcli.local.folder import remove_tree
from oscarcli.local.jobs.mounts.folder import FILES, MountedFolder
from oscarcli.local.jobs.mounts.index import FolderKey, MountIndex
from oscarcli.local.jobs.mounts.objects import MountedObjects, OwnObjects
from oscarcli.local.jobs.mounts.schema import MountError, Note
from oscarcli.local.objects.s3.signatures import Accounts
from oscarcli.local.objects.store import ObjectStore
from oscarcli.local.services.definition import S3_KINDS, Definition
from oscarcli.local.services.mounts import Mount, mount_of
from oscarcli.local.state import State

log = logging.getLogger(__name__)

AccountOf = Callable[[Definition], str]
"""Returns the access key whose rights a service's jobs have."""


@dataclass(frozen=True)
class MountVisit:
    """A job's use of a mounted folder, from a time in ns on."""

    mount: Mount
    folder: MountedFolder
    since: int


class Mounts:
    """Mounted folders, each made when it is first needed and removed when no service needs it.

    Args:
        state: the database; its schema includes that of the index.
        folder: where they are.
        store: the object store.
        accounts: say who may use which bucket.
        account_of: says who a service is to them.
    """

    def __init__(
        self, state: State, folder: Path, store: ObjectStore, accounts: Accounts, account_of: AccountOf
    ) -> None:
        self._folder = folder
        self._store = store
        self._accounts = accounts
        self._account_of = account_of
        self._index = MountIndex(state)
        self._lock = threading.Lock()
        self._open: dict[str, MountedFolder] = {}

    def root_of(self, definition: Definition) -> Path | None:
        """Return where the files of a service's mount are, or would be; `None` when it has none."""
        key = self._key(definition)
        return None if key is None else self._folder / _name(key) / FILES

    def _key(self, definition: Definition) -> FolderKey | None:
        mount = mount_of(definition)
        if mount is None:
            return None
        place = mount.place
        if mount.is_own:
            return FolderKey(self._account_of(definition), place.bucket, place.prefix, mount.read_only)
        kind, identifier = place.provider
        settings = definition["storage_providers"][kind][identifier]
        provider = json.dumps([kind, settings], sort_keys=True)
        return FolderKey("", place.bucket, place.prefix, mount.read_only, provider)

    def enter(self, definition: Definition, note: Note, check: Callable[[], None]) -> MountVisit | None:
        """Bring a service's mount up to date for a job; `None` when it has none.

        Args:
            definition: the service.
            note: the job's log.
            check: called while files are fetched; an exception from it ends the work.

        Raises:
            MountError: the files cannot be had.
        """
        mount, key = mount_of(definition), self._key(definition)
        if mount is None or key is None:
            return None
        since = None
        while since is None:
            folder = self._opened(_name(key), key)
            since = folder.enter(note, check)
        return MountVisit(mount, folder, since)

    def _opened(self, name: str, key: FolderKey) -> MountedFolder:
        with self._lock:
            if name not in self._open:
                home = self._folder / name
                home.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._index.add(name, key)
                objects = self._objects(key)
                self._open[name] = MountedFolder(name, home, self._index, objects, read_only=key.read_only)
            return self._open[name]

    def _objects(self, key: FolderKey) -> MountedObjects:
        if not key.provider:
            return OwnObjects(self._store, self._accounts, key)
        # A server starts without what other providers need.
        kind, settings = json.loads(key.provider)
        if kind in S3_KINDS:
            from oscarcli.local.jobs.mounts.s3_objects import ObjectsElsewhere

            return ObjectsElsewhere(kind, settings, key)
        from oscarcli.local.jobs.mounts.webdav_files import WebDavFiles

        return WebDavFiles(settings, key)

    def recover(self, services: Iterable[Definition]) -> None:
        """Store what interrupted jobs have left, and remove what no service needs; nothing else runs."""
        folders = self._index.folders()
        for name, key in folders.items():
            try:
                self._opened(name, key).store_leftovers()
            except MountError as error:
                log.error("the mount of bucket %s: %s", key.bucket, error)
        for entry in self._folder.iterdir() if self._folder.is_dir() else ():
            if entry.name not in folders:
                remove_tree(entry)
        self.release_unused(services)

    def release_unused(self, services: Iterable[Definition]) -> None:
        """Remove the folders of which no service and no job has need any more."""
        keys = map(self._key, services)
        needed = {_name(key) for key in keys if key is not None}
        for name, key in self._index.folders().items():
            if name not in needed:
                self._discard(name, key)

    def _discard(self, name: str, key: FolderKey) -> None:
        folder = self._opened(name, key)
        with self._lock:
            try:
                if folder.discard():
                    del self._open[name]
            except MountError as error:
                log.error("the mount of bucket %s stays: %s", key.bucket, error)


def _name(key: FolderKey) -> str:
    parts = [key.account, key.bucket, key.prefix, str(key.read_only)]
    text = "\0".join([*parts, key.provider] if key.provider else parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
