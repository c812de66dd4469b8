"""What answers of S3 and of servers of files have in common: documents, times, and ranges of a content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree as Xml

from oscarcli.errors import UnreachableError


def parsed_document(document: bytes) -> Xml.Element | None:
    """Return the root of an XML document, `None` for what is none."""
    try:
        # The parser of the system's library bounds what entities grow to.
        return Xml.fromstring(document)  # noqa: S314
    except (Xml.ParseError, ValueError, LookupError):
        return None


def json_fields(document: bytes) -> Mapping[str, Any] | None:
    """Return the members of a document of JSON, `None` for what is none."""
    try:
        fields = json.loads(document)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


@lru_cache(maxsize=256)
def http_time(text: str) -> datetime | None:
    """Return a time as HTTP writes it, `None` for what is none."""
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


def byte_range(start: int, length: int | None) -> str | None:
    """Return the header that asks for a range, `None` when all of a content is wanted.

    Args:
        start: first byte.
        length: how many bytes, `None` for all that follow.
    """
    if not start and length is None:
        return None
    end = "" if length is None else str(start + length - 1)
    return f"bytes={start}-{end}"


def whole_size(content_range: str) -> int | None:
    """Return the size of the whole, of which an answer has a range; `None` when it does not say."""
    # "bytes 0-9/1234": behind the slash is the size of the whole.
    whole = content_range.rpartition("/")[2]
    return int(whole) if whole.isdigit() else None


def require_range(content_range: str, start: int, doing: str) -> None:
    """Raise UnreachableError when an answer does not begin with the byte that was asked for."""
    if start and not content_range.startswith(f"bytes {start}-"):
        raise UnreachableError(f"{doing}: the server does not give the range that was asked for")


def plain_etag(text: str) -> str | None:
    """Return an ETag without its quotes, `None` for none."""
    return text.strip().replace('"', "") or None
