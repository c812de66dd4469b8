"""The head of a request, read as RFC 9112 has it; what that does not allow is refused.

cheroot's own reader lets much through, and takes longer than all that a small upload costs besides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# Blanks and control characters would let two programs see two different requests in the same bytes.
_REQUEST_LINE = re.compile(rf"({_NAME}) ([^\x00-\x20\x7f]+) HTTP/([0-9]\.[0-9])\r\n")
_FIELD_LINE = re.compile(rf"({_NAME}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")
_LENGTH = re.compile(r"[0-9]{1,18}")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~%!$&'()*+,;=-]+)(:[0-9]{0,5})?")
# Of these a second one is a second opinion about who is asked, by whom, or where the request ends.
_SINGLE = frozenset(("host", "content-length", "transfer-encoding", "authorization", "origin"))
# A second one of these goes on with the list that the first one began; of others the last one counts.
_LISTS = frozenset(
    (
        *("accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection"),
        *("content-encoding", "content-language", "expect", "if-match", "if-none-match", "pragma", "te"),
        *("trailer", "upgrade", "via", "warning"),
    )
)


class MalformedHead(ValueError):  # noqa: N818 -- a fact about the request
    """The head is not HTTP, or not of the kind that is served; the text says what is wrong.

    Args:
        text: what.
        status: of the answer.
    """

    def __init__(self, text: str, status: str = "400 Bad Request") -> None:
        super().__init__(text)
        self.status = status


class Head(NamedTuple):
    """The head of a request.

    Attributes:
        method: in capitals.
        target: as it was sent.
        version: "1.0" or "1.1".
        headers: by lower-case name.
        length: of the body in bytes, `None` when it comes in chunks.
        is_last: whether the client wants no further request on this connection.
    """

    method: str
    target: str
    version: str
    headers: Mapping[str, str]
    length: int | None
    is_last: bool

    @property
    def awaits_interim_answer(self) -> bool:
        """Whether the client sends the body only when it is told to."""
        return self.headers.get("expect", "").lower() == "100-continue"


def parse_head(data: bytes) -> Head:
    """Return the head in the bytes up to its empty line. Raises MalformedHead."""
    text = data.decode("latin-1")
    line = _REQUEST_LINE.match(text)
    if line is None:
        raise MalformedHead("Malformed Request-Line")
    method, target, version = line.groups()
    _check_request_line(method, target, version)
    headers = _headers(text, line.end())
    _check_host(headers, version)
    length = _length(headers, version)
    words = headers.get("connection", "").lower()
    # Mostly there is none, or one word.
    options = {word.strip() for word in words.split(",")} if words else ()
    is_last = "close" in options if version == "1.1" else "keep-alive" not in options
    return Head(method, target, version, headers, length, is_last)


def check_field_line(line: bytes) -> None:
    """Raise MalformedHead unless the line is one of a header, such as those behind a body in chunks."""
    if _FIELD_LINE.fullmatch(line.decode("latin-1")) is None:
        raise MalformedHead("Malformed header line")


def _check_request_line(method: str, target: str, version: str) -> None:
    if version not in ("1.1", "1.0"):
        raise MalformedHead(
            "Only the versions 1.0 and 1.1 of HTTP are spoken here", "505 HTTP Version Not Supported"
        )
    if not method.isupper():
        raise MalformedHead("Malformed method name: it has to be in capitals")
    if method == "CONNECT":
        raise MalformedHead("This is no proxy", "405 Method Not Allowed")
    is_path = target.startswith("/") and not target.startswith("//") and "#" not in target
    if not is_path and (method, target) != ("OPTIONS", "*"):
        raise MalformedHead("The target has to be a path that begins with one slash, without a fragment")


def _headers(text: str, position: int) -> dict[str, str]:
    """Return the header lines from a position to the empty line at the end."""
    headers: dict[str, str] = {}
    # Each is looked for where the last one ended: to search for one would be slow in what is none.
    while (line := _FIELD_LINE.match(text, position)) is not None:
        position = line.end()
        name, value = line[1].lower(), line[2].rstrip(" \t")
        if name in headers:
            if name in _SINGLE:
                raise MalformedHead(f"More than one {name.title()} header")
            if name in _LISTS and headers[name]:
                value = f"{headers[name]}, {value}"
        headers[name] = value
    if text[position:] != "\r\n":
        raise MalformedHead("Malformed header line")
    return headers


def _check_host(headers: Mapping[str, str], version: str) -> None:
    host = headers.get("host")
    if host is None:
        if version == "1.1":
            raise MalformedHead("The Host header is missing")
    elif not _HOST.fullmatch(host):
        raise MalformedHead("Malformed Host header")


def _length(headers: Mapping[str, str], version: str) -> int | None:
    length, encoding = headers.get("content-length"), headers.get("transfer-encoding")
    if length is not None and not _LENGTH.fullmatch(length):
        raise MalformedHead("Malformed Content-Length Header.")
    if encoding is None:
        return int(length or 0)
    if length is not None:
        raise MalformedHead("Content-Length together with Transfer-Encoding")
    words = [word.strip().lower() for word in encoding.split(",")]
    if version != "1.1" or words[-1] == "":
        raise MalformedHead("Transfer-Encoding in HTTP/1.0, or an empty one")
    if "chunked" in words[:-1]:
        raise MalformedHead("Malformed Transfer-Encoding")
    if words != ["chunked"]:
        raise MalformedHead("Only bodies in chunks are decoded here", "501 Not Implemented")
    return None
