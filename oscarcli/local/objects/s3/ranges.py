"""Byte ranges of an object."""

from __future__ import annotations

import re
from collections.abc import Sequence

from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import Piece
from oscarcli.local.objects.s3.numbers import MAX_NUMBER

Span = tuple[int, int]
"""First byte and number of bytes."""

# A number that MinIO cannot hold makes the header malformed.
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)
_COPY_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{1,19})", re.ASCII)


def parse_range(header: str | None, size: int) -> Span | None:
    """Return what a Range header asks for, None for the whole object.

    A malformed header, another unit or several ranges mean the whole object, as with MinIO.
    Raises S3Error("InvalidRange") when no byte of the object is asked for.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[0] == "bytes=-" or _is_too_large(match):
        return None
    first, last = match[1], match[2]
    if not first:
        length = min(int(last), size)
        start = size - length
    else:
        start = int(first)
        length = min(int(last), size - 1) - start + 1 if last else size - start
    if length <= 0:
        details = {"ActualObjectSize": str(size), "RangeRequested": f"{first}-{last}"}
        raise S3Error("InvalidRange", details=details, headers={"Content-Range": f"bytes */{size}"})
    return start, length


def parse_copy_range(header: str | None, size: int) -> Span:
    """Return the part of the source a part-copy asks for. Raises S3Error: InvalidArgument, InvalidRange."""
    if header is None:
        return 0, size
    match = _COPY_RANGE.fullmatch(header)
    if match is None or _is_too_large(match):
        raise S3Error(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are "
            "the zero-based offsets of the first and last bytes to copy",
        )
    first, last = int(match[1]), int(match[2])
    if first <= last and first >= size:
        details = {"ActualObjectSize": str(size), "RangeRequested": f"{first}-{last}"}
        raise S3Error("InvalidRange", details=details)
    if first > last or last >= size:
        raise S3Error("InvalidArgument", "Range specified is not valid for source object")
    return first, last - first + 1


def _is_too_large(match: re.Match[str]) -> bool:
    return any(int(number or 0) > MAX_NUMBER for number in match.groups())


def part_span(pieces: Sequence[Piece], size: int, number: int) -> tuple[Span, Piece | None]:
    """Return where a part lies and which it is; an object that was not uploaded in parts is part 1.

    Raises S3Error("InvalidPartNumber") when there is no such part.
    """
    start = 0
    for piece in pieces:
        if piece.number == number:
            return (start, piece.size), piece
        start += piece.size
    if not pieces and number == 1:
        return (0, size), None
    raise S3Error("InvalidPartNumber")
