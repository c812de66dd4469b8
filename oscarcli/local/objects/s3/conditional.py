"""Conditional requests: If-Match and its relatives, in the order MinIO looks at them."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import format_datetime, parsedate_to_datetime

from oscarcli.local.objects.errors import NotModified, S3Error
from oscarcli.local.objects.model import ObjectRecord
from oscarcli.local.objects.writing import Condition

_COPY = "x-amz-copy-source-"


def http_date(stored: ObjectRecord) -> str:
    """Return the time of the last write as HTTP writes it."""
    return format_datetime(stored.modified, usegmt=True)


def validators(stored: ObjectRecord) -> dict[str, str]:
    """Return the headers a client needs to ask conditionally."""
    return {"ETag": f'"{stored.etag}"', "Last-Modified": http_date(stored)}


def check_read(stored: ObjectRecord, headers: Mapping[str, str]) -> None:
    """Raise NotModified or S3Error("PreconditionFailed") when the object is not to be sent."""
    match = _header(headers, "if-match")
    if _fails_match(stored, match):
        raise _failed(stored)
    if _matches(stored, _header(headers, "if-none-match")) or _not_newer(
        stored, headers.get("if-modified-since")
    ):
        raise NotModified(validators(stored))
    if match is None and _newer(stored, headers.get("if-unmodified-since")):
        raise _failed(stored)


def check_copy(stored: ObjectRecord, headers: Mapping[str, str]) -> None:
    """Raise S3Error("PreconditionFailed") when the source of a copy is not what was asked for."""
    match = _header(headers, f"{_COPY}if-match")
    refused = (
        _fails_match(stored, match)
        or _matches(stored, _header(headers, f"{_COPY}if-none-match"))
        or _not_newer(stored, headers.get(f"{_COPY}if-modified-since"))
        or (match is None and _newer(stored, headers.get(f"{_COPY}if-unmodified-since")))
    )
    if refused:
        raise _failed(stored)


def write_condition(headers: Mapping[str, str]) -> Condition | None:
    """Return what checks If-Match and If-None-Match against the object that would be replaced."""
    match = _header(headers, "if-match")
    none_match = _header(headers, "if-none-match")
    if match is None and none_match is None:
        return None

    def check(stored: ObjectRecord | None) -> None:
        if stored is None:
            if match is not None:
                raise S3Error("NoSuchKey")
        elif _fails_match(stored, match) or _matches(stored, none_match):
            raise _failed(stored)

    return check


def delete_condition(headers: Mapping[str, str]) -> Condition | None:
    """Return what checks If-Match against the object to be deleted; an absent one is deleted already."""
    match = _header(headers, "if-match")
    if match is None:
        return None

    def check(stored: ObjectRecord | None) -> None:
        if stored is not None and _fails_match(stored, match):
            raise _failed(stored)

    return check


def _header(headers: Mapping[str, str], name: str) -> str | None:
    """Return a condition, None for an empty one, which counts as absent."""
    return headers.get(name, "").strip() or None


def _fails_match(stored: ObjectRecord, value: str | None) -> bool:
    return value is not None and not _names(stored, value, is_strong=True)


def _matches(stored: ObjectRecord, value: str | None) -> bool:
    return value is not None and _names(stored, value, is_strong=False)


def _names(stored: ObjectRecord, value: str, *, is_strong: bool) -> bool:
    """Tell whether a list of ETags has the object's; a weak one (`W/"..."`) is never strongly equal."""
    words = [word.strip() for word in value.split(",")]
    if not is_strong:
        words = [word.removeprefix("W/") for word in words]
    return value == "*" or stored.etag in [word.strip('"') for word in words]


def _newer(stored: ObjectRecord, date: str | None) -> bool:
    seconds = _seconds(date)
    return seconds is not None and stored.modified_ns // 1_000_000_000 > seconds


def _not_newer(stored: ObjectRecord, date: str | None) -> bool:
    seconds = _seconds(date)
    return seconds is not None and stored.modified_ns // 1_000_000_000 <= seconds


def _seconds(date: str | None) -> int | None:
    """Return an HTTP date as seconds since 1970; a malformed one counts as absent."""
    if date is None:
        return None
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def _failed(stored: ObjectRecord) -> S3Error:
    return S3Error("PreconditionFailed", headers=validators(stored))
