"""What is at a remote path: an object, and everything in the folder of that name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Protocol, runtime_checkable

from oscarcli.errors import NotFoundError
from oscarcli.storage.base import Storage, StoredObject
from oscarcli.storage.location import Location, cut_keys

# As many as a store tells with one answer.
MAX_LEVEL_KEYS = 1000
LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)


def objects_at(storage: Storage, location: Location) -> Iterator[StoredObject]:
    """Yield the object with exactly this key, then those below `key/`, page by page.

    A place with a trailing slash is a folder only. The folder's own marker, an object whose key is
    `key/`, is left out: it is no file.
    """
    if not location.is_folder:
        for found in storage.list(location.bucket, location.key, limit=1):
            # Of all keys that start with this one, it is the first itself.
            if found.location.key == location.key:
                yield found
    folder = location.as_folder().key if location.key else ""
    for found in storage.list(location.bucket, folder):
        if found.location.key != folder:
            yield found


@runtime_checkable
class LevelStorage(Protocol):
    """A storage that tells what is right below a place, without all that is below that."""

    def level(self, location: Location, limit: int) -> Sequence[str]:
        """Return at most `limit` keys that begin with a place's, up to their next slash, in their order."""
        ...


@runtime_checkable
class BrowsableStorage(LevelStorage, Protocol):
    """One that also tells what a path can begin with, by itself and not by the cluster's list of buckets."""

    def buckets(self) -> Sequence[str]:
        """Return the names of the first folders, or what takes their place, in their order."""
        ...


def level(storage: Storage, location: Location) -> Sequence[str]:
    """Return the keys that begin with a place's up to their next slash, folders once and with their slash.

    At most `MAX_LEVEL_KEYS`, by one request where the storage can tell folders by itself.
    """
    if isinstance(storage, LevelStorage):
        return storage.level(location, MAX_LEVEL_KEYS)
    found = storage.list(location.bucket, location.key, limit=MAX_LEVEL_KEYS)
    return cut_keys((one.location.key for one in found), location.key)


def buckets(storage: Storage) -> Sequence[str]:
    """Return what a path can begin with; nothing where only the cluster knows."""
    return storage.buckets() if isinstance(storage, BrowsableStorage) else ()


def relative_name(found: StoredObject, location: Location) -> str:
    """Return an object's name as seen from a folder; its whole key when it is not inside."""
    folder = location.as_folder().key if location.key else ""
    return found.location.key.removeprefix(folder)


def latest_at(storage: Storage, location: Location) -> tuple[StoredObject, int]:
    """Return the newest object at a place, and how many have the same time.

    Of several with the same time, which many providers keep in whole seconds, the one with the greatest
    key counts. Keys that end in a slash are markers of folders and do not count.

    Raises:
        NotFoundError: there is none.
    """
    candidates = (found for found in objects_at(storage, location) if not found.location.is_folder)
    newest, ties = _newest(candidates)
    if newest is None:
        raise NotFoundError(f'find the latest file in {storage.provider}: no files found under "{location}"')
    return newest, ties


def _newest(objects: Iterable[StoredObject]) -> tuple[StoredObject | None, int]:
    newest: StoredObject | None = None
    ties = 0
    for found in objects:
        if newest is None or _time_of(found) > _time_of(newest):
            newest, ties = found, 1
        elif _time_of(found) == _time_of(newest):
            ties += 1
            newest = max(newest, found, key=lambda one: one.location.key)
    return newest, ties


def _time_of(found: StoredObject) -> datetime:
    return found.modified or LONG_AGO
