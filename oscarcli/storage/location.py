"""Where an object is: `bucket/key`, parsed once and in one way.

A key is what the user typed, to the letter: `d//e`, `./z` and `x/../y` are names of their own in S3. Only
what stands before the bucket's name, as in `./bucket/key`, means nothing. A trailing slash means a folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from oscarcli.errors import UsageError

BEFORE_BUCKET = re.compile(r"(?:\s|/|\./)*")
NO_BUCKETS = ("", ".", "..")


@dataclass(frozen=True)
class Location:
    """A bucket and a key in it.

    Args:
        bucket: name of the bucket, never empty.
        key: the object's key. Empty for the bucket itself; one that ends in `/` is a folder, or the object
            that marks one.
    """

    bucket: str
    key: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether this can hold objects but is none: the bucket itself, or a key ending in a slash."""
        return not self.key or self.key.endswith("/")

    @property
    def name(self) -> str:
        """The last segment of the key, of the bucket when there is no key."""
        return self.key.rstrip("/").rpartition("/")[2] or self.bucket

    def as_folder(self) -> Location:
        """Return the same place as a folder."""
        return self if self.is_folder else Location(self.bucket, self.key + "/")

    def parent(self) -> Location | None:
        """Return the folder that this is in, `None` for a bucket."""
        above, slash, _ = self.key.rstrip("/").rpartition("/")
        return Location(self.bucket, above + slash) if self.key else None

    def child(self, name: str) -> Location:
        """Return the place `name` inside this folder. Raises UsageError when it cannot be a key."""
        return place_in(self.bucket, self.as_folder().key + name)

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"


def parse_location(text: str) -> Location:
    """Return the place that `bucket`, `bucket/folder/` or `bucket/key` names.

    Raises:
        UsageError: no bucket is named, or the key is no UTF-8.
    """
    bucket, _, key = BEFORE_BUCKET.sub("", text, count=1).partition("/")
    if bucket.strip() in NO_BUCKETS:
        raise UsageError(
            f'the remote path "{text}" names no bucket', hint="a remote path has the form BUCKET/KEY"
        )
    return place_in(bucket.strip(), key)


def place_in(bucket: str, key: str) -> Location:
    """Return the place of a key in a bucket. Raises UsageError when no object can have this key."""
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f'"{key}" cannot be the name of an object: it is no UTF-8', hint="name the remote file"
        ) from error
    return Location(bucket, key)


def require_object(location: Location, *, is_key: bool) -> Location:
    """Return a place that is that of one object.

    Args:
        location: the place.
        is_key: whether a slash at the end belongs to the key of an object.

    Raises:
        UsageError: it is a bucket or, unless `is_key`, a folder.
    """
    if not location.key:
        raise UsageError(
            f'the remote path "{location.bucket}" names a bucket and no object in it',
            hint="a remote path has the form BUCKET/KEY",
        )
    if location.is_folder and not is_key:
        raise UsageError(
            f'the remote path "{location}" names a folder, not an object',
            hint="with --key it is the name of an object, such as the marker of a folder",
        )
    return location


def cut_keys(keys: Iterable[str], prefix: str) -> list[str]:
    """Return keys that begin with a prefix, each up to its next slash and once."""
    ends = ((key, key.find("/", len(prefix)) + 1) for key in keys)
    return list(dict.fromkeys(key[: end or None] for key, end in ends))
