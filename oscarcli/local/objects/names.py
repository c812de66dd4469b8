"""The rules for names: buckets, keys, tags and metadata."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping

from oscarcli.local.objects.errors import S3Error

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# MinIO answers its own pages below this name.
_RESERVED = frozenset({"minio"})
KEY_BYTES = 1024
# MinIO keeps each segment of a key as the name of a file.
_SEGMENT_BYTES = 255
METADATA_BYTES = 2048
OBJECT_TAGS = 10
BUCKET_TAGS = 50
_TAG_KEY_LENGTH = 128
_TAG_VALUE_LENGTH = 256


def check_bucket_name(name: str) -> None:
    """Raise S3Error("InvalidBucketName") unless `name` may be given to a new bucket."""
    usable = _BUCKET.fullmatch(name) and name not in _RESERVED
    if not usable or ".." in name or ".-" in name or "-." in name or _is_address(name):
        raise S3Error("InvalidBucketName")


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def check_key(key: str) -> None:
    """Raise an S3Error unless `key` can name an object as MinIO has them.

    These are 1 to 1024 bytes of UTF-8 without NUL, and none of the segments is too long for a file, or "." or
    "..". MinIO has no empty segments either; S3 has, and here they are kept.
    """
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise S3Error("XMinioInvalidObjectName") from error
    if length > KEY_BYTES:
        raise S3Error("KeyTooLongError")
    too_long = length > _SEGMENT_BYTES and any(
        len(segment.encode()) > _SEGMENT_BYTES for segment in key.split("/")
    )
    if not key or "\0" in key or too_long or has_dot_segment(key):
        raise S3Error("XMinioInvalidObjectName")


def canonical_key(key: str) -> str:
    """Return a key without its leading slashes, as MinIO takes every key that comes from a client.

    It goes on as Go's `path.Clean` then, so that slashes behind them become one where a leading one was.

    Raises:
        S3Error: nothing else is in it.
    """
    if not key.startswith("/"):
        return key
    segments = [segment for segment in key.split("/") if segment]
    if not segments:
        raise S3Error("XMinioInvalidObjectName")
    return "/".join(segments) + ("/" if key.endswith("/") else "")


def has_dot_segment(path: str) -> bool:
    """Tell whether a segment of a path is "." or "..", with blanks around it or not.

    MinIO has no such keys: to its file system, and to many a program behind it, they are other keys. It takes
    a backslash for a separator, too.
    """
    if "." not in path:
        return False
    return any(segment.strip() in (".", "..") for segment in path.replace("\\", "/").split("/"))


def check_metadata(metadata: Mapping[str, str]) -> None:
    """Raise S3Error("MetadataTooLarge") when names and values together exceed S3's 2 KiB."""
    total = sum(len(name.encode()) + len(value.encode()) for name, value in metadata.items())
    if total > METADATA_BYTES:
        raise S3Error("MetadataTooLarge")


def check_tags(pairs: Iterable[tuple[str, str]], limit: int) -> dict[str, str]:
    """Return the tags as a mapping. Raises S3Error when they break S3's rules.

    Args:
        pairs: names with their values, in order.
        limit: most tags allowed, `OBJECT_TAGS` or `BUCKET_TAGS`.
    """
    tags: dict[str, str] = {}
    for name, value in pairs:
        if not 0 < len(name) <= _TAG_KEY_LENGTH:
            raise S3Error("InvalidTag", "The TagKey you have provided is invalid")
        if len(value) > _TAG_VALUE_LENGTH:
            raise S3Error("InvalidTag", "The TagValue you have provided is invalid")
        if name in tags:
            raise S3Error("InvalidTag", "Cannot provide multiple Tags with the same key")
        tags[name] = value
    if len(tags) > limit:
        raise S3Error("BadRequest", f"Tags cannot be more than {limit}")
    return tags
