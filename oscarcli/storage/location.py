"""Where an object is: `bucket/key`, parsed once and in one way.

A trailing slash means a folder. Blanks and slashes around the text and `.` segments mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from oscarcli.errors import UsageError


@dataclass(frozen=True)
class Location:
    """A bucket and a key in it.

    Args:
        bucket: name of the bucket, never empty.
        key: the object's key, never with a slash at the start. Empty for the bucket itself; one that ends
            in `/` is a folder.
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

    def child(self, name: str) -> Location:
        """Return the place `name` inside this folder."""
        return Location(self.bucket, self.as_folder().key + name)

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"


def parse_location(text: str) -> Location:
    """Return the place that `bucket`, `bucket/folder/` or `bucket/key` names.

    Raises:
        UsageError: no bucket is named, or a segment is `..`.
    """
    trimmed = text.strip()
    # Empty segments inside a key are kept: S3 allows them, so an object may have such a name.
    segments = [segment for segment in trimmed.strip("/").split("/") if segment != "."]
    if ".." in segments:
        raise UsageError(f'the remote path "{text}" is not usable: ".." has no meaning in an object store')
    bucket, _, key = "/".join(segments).lstrip("/").partition("/")
    if not bucket:
        raise UsageError(
            f'the remote path "{text}" names no bucket', hint="a remote path has the form BUCKET/KEY"
        )
    key = key.lstrip("/")
    if key and trimmed.endswith(("/", "/.")):
        key += "/"
    return Location(bucket, key)


def parse_object(text: str) -> Location:
    """Return the place of one object. Raises UsageError when the text names a bucket or a folder."""
    location = parse_location(text)
    if not location.key:
        raise UsageError(
            f'the remote path "{text}" names a bucket and no object in it',
            hint="a remote path has the form BUCKET/KEY",
        )
    if location.is_folder:
        raise UsageError(f'the remote path "{text}" names a folder, not an object')
    return location
