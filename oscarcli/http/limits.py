"""Answers within bounds: no server can fill this machine's memory, in plain or in compressed form.

The bounds are set where an answer begins, before any of its body is read; so they hold for answers, too,
that a login reads for itself.
"""

from __future__ import annotations

import codecs
import json
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

MIB = 1 << 20
# A document of ten thousand services with their scripts is some 30 MiB.
MAX_DOCUMENT_BYTES = 64 * MIB
# What a service computed, and what a job wrote.
MAX_RESULT_BYTES = 256 * MIB
# Of a failure's answer so much is read; the rest can say nothing that matters.
MAX_FAILURE_BYTES = MIB
# Lists of empty lists cost thirty times their text.
MAX_VALUES = 2_000_000
# Where a request says how large its answer may be.
EXTENSION = "oscarcli_largest"
PIECE_BYTES = MIB
# gzip with its own head, or zlib's; decided by the first bytes.
ANY_HEAD = 47
NO_HEAD = -15
# What else can come from a server or a proxy on the way; other names would choose decoders that are none
# of text.
CHARSETS = frozenset(["utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252", "utf-16"])


class BodyError(Exception):
    """An answer that is not taken; the text says why, to go on behind `the answer`."""


def limit_body(response: httpx.Response) -> None:
    """Bound an answer of which only the head was read. For the hook of an HTTP client.

    Reading the body decompresses it, raises BodyError when it is too large, and stops early when it is that
    of a failure.
    """
    largest = response.request.extensions.get(EXTENSION, MAX_DOCUMENT_BYTES)
    is_failure = not response.is_success
    stream = response.stream
    encodings = response.headers.get("content-encoding", "")
    # From here on the body is what the encodings have made of it.
    response.headers.pop("content-encoding", None)
    response.stream = _bounded_stream(
        stream, encodings, MAX_FAILURE_BYTES if is_failure else largest, is_failure
    )
    if _charset(response.charset_encoding) not in CHARSETS:
        response.encoding = "utf-8"


def _charset(name: str | None) -> str:
    try:
        return codecs.lookup(name or "utf-8").name
    except (LookupError, ValueError):
        return ""


def _bounded_stream(stream: Any, encodings: str, largest: int, is_failure: bool) -> httpx.SyncByteStream:
    import httpx

    class Bounded(httpx.SyncByteStream):
        """The decompressed body, up to its bound."""

        def __iter__(self) -> Iterator[bytes]:
            left = largest
            for data in _decoded(_up_to(stream, largest, is_failure), encodings):
                if len(data) > left:
                    if not is_failure:
                        raise _too_large(largest)
                    yield data[:left]
                    return
                left -= len(data)
                yield data

        def close(self) -> None:
            stream.close()

    return Bounded()


def _too_large(largest: int) -> BodyError:
    return BodyError(f"is larger than {largest // MIB} MiB")


def _up_to(stream: Any, largest: int, is_failure: bool) -> Iterator[bytes]:
    """Yield what comes over the wire, as far as it is bounded: it need not decompress to anything."""
    left = largest
    for data in stream:
        left -= len(data)
        if left < 0 and not is_failure:
            raise _too_large(largest)
        yield data
        if left < 0:
            return


def _decoded(stream: Iterator[bytes], encodings: str) -> Iterator[bytes]:
    for encoding in reversed([part.strip().lower() for part in encodings.split(",")]):
        if encoding in ("gzip", "x-gzip", "deflate"):
            stream = _inflated(stream, encoding)
        elif encoding not in ("", "identity"):
            raise BodyError(f'is compressed as "{encoding[:40]}", which was not asked for')
    return stream


def _inflated(stream: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Decompress in pieces: however much a few bytes stand for, no more than a piece is made at a time."""
    inflater: Any = None
    for data in stream:
        rest = data
        if inflater is None and rest:
            is_raw = encoding == "deflate" and not _has_zlib_head(rest)
            inflater = zlib.decompressobj(NO_HEAD if is_raw else ANY_HEAD)
        while rest and not inflater.eof:
            try:
                piece = inflater.decompress(rest, PIECE_BYTES)
            except zlib.error as error:
                raise BodyError(f"is no valid {encoding} data") from error
            rest = inflater.unconsumed_tail
            if piece:
                yield piece
    if inflater is not None and not inflater.eof:
        raise BodyError(f"is {encoding} data that ends too early")


def _has_zlib_head(data: bytes) -> bool:
    return data[0] & 0x0F == 8 and (len(data) < 2 or int.from_bytes(data[:2], "big") % 31 == 0)


def parsed(data: bytes) -> Any:
    """Return the document of a JSON text.

    Raises:
        ValueError: it is none, or has numbers that JSON does not know.
        RecursionError: it is nested too deeply.
    """
    if sum(map(data.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise ValueError("too many values")
    return json.loads(data, parse_constant=_refuse_number, parse_float=_finite)


def _refuse_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number
