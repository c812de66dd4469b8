"""Volumes: named directories that outlive the services that mount them. Nothing holds them to their size."""

from __future__ import annotations

import logging
import sqlite3
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oscarcli.local.answers import ApiError
from oscarcli.local.folder import remove_tree
from oscarcli.local.services.definition import NAMESPACE, Definition
from oscarcli.local.services.names import is_dns_label
from oscarcli.local.services.quantity import parse_quantity
from oscarcli.local.services.table import Services
from oscarcli.local.services.volume_checks import DELETE
from oscarcli.local.services.volume_use import exceeds
from oscarcli.local.state import State

log = logging.getLogger(__name__)

# `service` is the one a volume was created with, and `policy` what happens to it when that one goes.
SCHEMA = """
CREATE TABLE IF NOT EXISTS volumes (
    name TEXT PRIMARY KEY,
    size TEXT NOT NULL,
    service TEXT,
    policy TEXT
);
"""

READY, IN_USE, ERROR = "ready", "in_use", "error"
REMOVED_PREFIX = ".removed-"

MISSING = "Referenced volume does not exist in the caller namespace"
TAKEN = "A managed volume with the provided name already exists"
UNCHANGEABLE = "volume updates are not supported after service creation"

LOST = "the volume's folder is missing"


def volume_key(namespace: str, name: str) -> str:
    """Return what a volume is known by: its name, and before it the namespace of the user whose it is."""
    is_users = namespace.startswith(f"{NAMESPACE}-") and is_dns_label(namespace)
    return f"{namespace}/{name}" if is_users else name


@dataclass(frozen=True)
class Volume:
    """A volume. `service` and `policy` are `None` for one that was created by itself."""

    key: str
    size: str
    service: str | None = None
    policy: str | None = None

    @property
    def name(self) -> str:
        """The name in its namespace."""
        return self.key.rpartition("/")[2]

    @property
    def namespace(self) -> str:
        """The namespace that it is in."""
        return self.key.rpartition("/")[0] or NAMESPACE


@dataclass(frozen=True)
class Attachment:
    """A service that mounts a volume, and where."""

    service: str
    path: str


class Volumes:
    """Volumes by name, each with a directory. Changes join the caller's transaction.

    Args:
        state: the database; its schema includes `SCHEMA`.
        folder: where the directories are.
        services: the table of services, which says who mounts what.
    """

    def __init__(self, state: State, folder: Path, services: Services) -> None:
        self._state = state
        self._folder = folder
        self._services = services

    def prepare(self) -> None:
        """Bring the directories in order; nothing else may be using them."""
        for entry in self._folder.glob(f"{REMOVED_PREFIX}*"):
            _remove(entry)
        for volume in self.all():
            # What is in the way may be a link to a disk that is not there at the moment; its status tells.
            with suppress(OSError):
                self.directory(volume.key).mkdir(mode=0o700, parents=True, exist_ok=True)

    def directory(self, key: str) -> Path:
        """Return where a volume's files are, or would be."""
        namespace, _, name = key.rpartition("/")
        # No volume's name begins so.
        return self._folder / f"_{namespace}" / name if namespace else self._folder / name

    def directory_of(self, definition: Definition) -> Path:
        """Return where the files of a service's volume are."""
        return self.directory(_key_of(definition))

    def get(self, key: str) -> Volume | None:
        """Return a volume, or `None`."""
        row = self._state.read().execute("SELECT * FROM volumes WHERE name = ?", (key,)).fetchone()
        return None if row is None else _volume(row)

    def of(self, namespace: str) -> list[Volume]:
        """Return the volumes of a namespace by name."""
        return [volume for volume in self.all() if volume.namespace == namespace]

    def all(self) -> list[Volume]:
        """Return all volumes by name."""
        return [_volume(row) for row in self._state.read().execute("SELECT * FROM volumes ORDER BY name")]

    def overfull(self, definition: Definition) -> Volume | None:
        """Return a service's volume when there is more in it than its size, `None` otherwise."""
        volume = self.get(_key_of(definition)) if definition.get("volume") else None
        if volume is None or not exceeds(self.directory(volume.key), int(parse_quantity(volume.size))):
            return None
        return volume

    def attachments(self, key: str) -> list[Attachment]:
        """Return the services that mount a volume, by name."""
        return [
            Attachment(definition["name"], volume["mount_path"])
            for definition in self._services.all()
            if (volume := definition.get("volume")) and _key_of(definition) == key
        ]

    def is_whole(self, key: str) -> bool:
        """Tell whether a volume has its directory; somebody else may have removed it."""
        return self.directory(key).is_dir()

    def create(self, volume: Volume) -> None:
        """Create a volume whose name is free, with its directory.

        Raises:
            ApiError: 500 when there are files in its place that no volume has.
        """
        directory = self.directory(volume.key)
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_free = not any(directory.iterdir())
        except OSError as error:
            raise ApiError(500, f"the volume's folder cannot be made: {error}") from error
        if not is_free:
            raise ApiError(
                500, f"{directory} has files of no volume in it; move them away, then create the volume"
            )
        with self._state.transaction() as connection:
            connection.execute(
                "INSERT INTO volumes (name, size, service, policy) VALUES (?, ?, ?, ?)",
                (volume.key, volume.size, volume.service, volume.policy),
            )

    def delete(self, key: str) -> None:
        """Delete a volume with its files; nothing happens when there is none."""
        with self._state.transaction() as connection:
            deleted = connection.execute("DELETE FROM volumes WHERE name = ?", (key,))
            if deleted.rowcount:
                self._state.after_commit(lambda: self._discard(key))

    def _discard(self, key: str) -> None:
        # Away from its name at once: a script that still writes there must not leave files for the next
        # volume of that name.
        doomed = self._folder / f"{REMOVED_PREFIX}{uuid.uuid4()}"
        try:
            self.directory(key).rename(doomed)
        except FileNotFoundError:
            return
        except OSError as error:
            log.error('the files of volume "%s" cannot be removed: %s', key, error)
            return
        _remove(doomed)

    # -- what services want ----------------------------------------------------------------------

    def require(self, definition: Definition) -> None:
        """Make sure that a service that is being created can have its volume.

        Raises:
            ApiError: there is one already, or none.
        """
        wanted = definition.get("volume")
        if wanted is None:
            return
        found = self.get(_key_of(definition))
        if wanted.get("size") and found is not None:
            raise ApiError(409, TAKEN)
        if not wanted.get("size") and found is None:
            raise ApiError(400, MISSING)

    def provide(self, definition: Definition) -> None:
        """Create the volume of a service that is being created, unless it attaches one that is there."""
        wanted = definition.get("volume")
        if wanted is not None and wanted.get("size"):
            self.create(
                Volume(_key_of(definition), wanted["size"], definition["name"], wanted["lifecycle_policy"])
            )

    def release(self, definition: Definition) -> None:
        """Delete the volume of a service that is gone, when it came with it and is to go with it."""
        if definition.get("volume") is None:
            return
        volume = self.get(_key_of(definition))
        if volume is None or (volume.service, volume.policy) != (definition["name"], DELETE):
            return
        others = [attachment.service for attachment in self.attachments(volume.key)]
        if others:
            log.warning(
                'volume "%s" stays after service "%s": %s uses it too',
                volume.name,
                definition["name"],
                ", ".join(others),
            )
            return
        self.delete(volume.key)

    def loss(self, definition: Definition) -> str | None:
        """Return a sentence when the folder of a service's volume is missing."""
        if definition.get("volume") is None:
            return None
        key = _key_of(definition)
        return None if self.get(key) is None or self.is_whole(key) else f"{LOST}: {self.directory(key)}"

    def status_of(self, definition: Definition) -> dict[str, Any]:
        """Return what a service's document says of its volume."""
        wanted = definition.get("volume")
        if wanted is None:
            return {"enabled": False}
        status = {"enabled": True, "name": wanted["name"]}
        if self.is_whole(_key_of(definition)):
            return {**status, "phase": IN_USE}
        return {**status, "phase": ERROR, "error": LOST}


def _key_of(definition: Definition) -> str:
    return volume_key(definition["namespace"], definition["volume"]["name"])


def _volume(row: sqlite3.Row) -> Volume:
    return Volume(row["name"], row["size"], row["service"], row["policy"])


def _remove(directory: Path) -> None:
    if directory.is_symlink():
        # Whoever put a volume on another disk keeps what is there.
        directory.unlink(missing_ok=True)
    else:
        remove_tree(directory)
