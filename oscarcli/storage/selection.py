"""What a remote path stands for: one object, a folder, or all that a pattern matches.

A path is taken to the letter first: a key with a `*` in it stays within reach, whatever else a pattern of
that name would match.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from oscarcli.errors import NotFoundError, UsageError
from oscarcli.storage.base import Storage, StoredObject
from oscarcli.storage.listing import objects_at, relative_name
from oscarcli.storage.location import Location
from oscarcli.storage.patterns import compiled, fixed_folder, fixed_prefix, has_magic


@dataclass(frozen=True)
class ObjectGroup:
    """Several objects below a folder.

    Args:
        folder: the folder that names are seen from.
        text: what the user named.
        pattern: what keys have to match; `None` for everything in the folder.
        prefix: what they begin with.
    """

    folder: Location
    text: str
    pattern: re.Pattern[str] | None = None
    prefix: str = ""

    def objects(self, storage: Storage) -> Iterator[StoredObject]:
        """Yield the objects in the order of their keys, page by page."""
        if self.pattern is None:
            yield from objects_at(storage, self.folder)
            return
        for found in storage.list(self.folder.bucket, self.prefix):
            if self.pattern.fullmatch(found.location.key):
                yield found

    def name_of(self, found: StoredObject) -> str:
        """Return an object's name as seen from the folder."""
        return relative_name(found, self.folder)


def select(storage: Storage, location: Location, *, is_key: bool = False) -> StoredObject | ObjectGroup:
    """Return the object of a place, else the folder, else what it matches as a pattern.

    Args:
        storage: where to look.
        location: the place; one without a key is a whole bucket.
        is_key: whether it is that of one object and nothing else.

    Raises:
        NotFoundError: no object and no folder is there, and it is no pattern.
        UsageError: the bucket is a pattern.
    """
    _refuse_pattern_of_buckets(location)
    if is_key:
        return storage.stat(location)
    missing: NotFoundError | None = None
    if not location.is_folder:
        try:
            return storage.stat(location)
        except NotFoundError as error:
            missing = error
    folder = location.as_folder()
    if missing is None and not has_magic(location.key):
        return ObjectGroup(folder, str(location))
    if next(storage.list(folder.bucket, folder.key, limit=1), None) is not None:
        return ObjectGroup(folder, str(location))
    if has_magic(location.key):
        return matching(location)
    assert missing is not None
    raise missing


def matching(location: Location) -> ObjectGroup:
    """Return the objects that a place matches as a pattern. Raises UsageError when the bucket is one."""
    _refuse_pattern_of_buckets(location)
    return ObjectGroup(
        Location(location.bucket, fixed_folder(location.key)),
        str(location),
        compiled(location.key),
        fixed_prefix(location.key),
    )


def _refuse_pattern_of_buckets(location: Location) -> None:
    if has_magic(location.bucket):
        raise UsageError(
            f'"{location}" has a pattern in the place of the bucket', hint="name the bucket, as BUCKET/*.txt"
        )
