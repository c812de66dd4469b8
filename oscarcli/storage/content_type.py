"""The media type of a file, from its name."""

from __future__ import annotations

import mimetypes
from functools import cache

DEFAULT_CONTENT_TYPE = "application/octet-stream"
# "a.tar.gz" is a gzip file, whatever is inside.
COMPRESSED_TYPES = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


def content_type_of(name: str) -> str:
    """Guess the media type of a file from its name."""
    stem, _, ending = name.rpartition(".")
    return _type_of(ending) if stem.strip(".") else DEFAULT_CONTENT_TYPE


@cache
def _type_of(ending: str) -> str:
    kind, encoding = mimetypes.guess_type(f"x.{ending}")
    if encoding is not None:
        return COMPRESSED_TYPES.get(encoding, DEFAULT_CONTENT_TYPE)
    return kind or DEFAULT_CONTENT_TYPE
