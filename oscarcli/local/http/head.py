"""The head of a request: the forms that RFC 9112 refuses and cheroot lets through.

cheroot parses; here its lines are looked at before, and what it made of them after.
"""

from __future__ import annotations

import re
from typing import Any

from cheroot.server import HeaderReader

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# Blanks and control characters would let two programs see two different requests in the same bytes.
_REQUEST_LINE = re.compile(_TOKEN + rb" [^\x00-\x20\x7f]+ HTTP/[0-9]\.[0-9]\r\n")
_FIELD_LINE = re.compile(b"(" + _TOKEN + rb"):[^\x00-\x08\x0a-\x1f\x7f]*\r\n")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~%!$&'()*+,;=-]+)(:[0-9]{0,5})?")
# Of these a second one is a second opinion about who is asked, by whom, or where the request ends.
_SINGLE = frozenset((b"host", b"content-length", b"transfer-encoding", b"authorization", b"origin"))
_EMPTY_LINE = b"\r\n"


class MalformedHead(ValueError):  # noqa: N818 -- a fact about the request; cheroot answers 400 to a ValueError
    """The head is not HTTP; the text says what is wrong."""


def check_field_line(line: bytes) -> bytes:
    """Return the lower-case name in one header line. Raises MalformedHead."""
    match = _FIELD_LINE.fullmatch(line)
    if match is None:
        raise MalformedHead("Malformed header line")
    return match[1].lower()


class CheckedHead:
    """The lines of one request's head, each looked at before cheroot reads it.

    Args:
        file: what cheroot reads the head from; it limits the length.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._lines = 0
        self._started = False
        self._seen: set[bytes] = set()

    def readline(self) -> bytes:
        """Return the next line. Raises MalformedHead."""
        line = bytes(self._file.readline())
        self._lines += 1
        if not self._started:
            # One empty line before a request is allowed, and an end instead of one.
            if not line or (line == _EMPTY_LINE and self._lines == 1):
                return line
            self._started = True
            if not _REQUEST_LINE.fullmatch(line):
                raise MalformedHead("Malformed Request-Line")
        elif line != _EMPTY_LINE:
            self._check(line)
        return line

    def _check(self, line: bytes) -> None:
        name = check_field_line(line)
        if name in _SINGLE and name in self._seen:
            raise MalformedHead(f"More than one {name.decode().title()} header")
        self._seen.add(name)


class CheckedHeaders(HeaderReader):
    """Reads headers as cheroot does, and looks at those that say where the request ends.

    It also keeps cheroot from answering `Expect: 100-continue` before the request was looked at. cheroot
    compares the value letter by letter, so another spelling of the same value does it; the body sends the
    interim answer when it is first read.
    """

    def __call__(self, rfile: Any, hdict: Any = None) -> Any:
        """Return the headers. Raises MalformedHead."""
        headers = super().__call__(rfile, hdict)
        length, encoding = headers.get(b"Content-Length"), headers.get(b"Transfer-Encoding")
        if length is not None and not _LENGTH.fullmatch(length):
            raise MalformedHead("Malformed Content-Length Header.")
        if encoding is not None:
            if length is not None:
                raise MalformedHead("Content-Length together with Transfer-Encoding")
            words = [word.strip().lower() for word in encoding.split(b",")]
            if words.count(b"chunked") > 1 or (b"chunked" in words and words[-1] != b"chunked"):
                raise MalformedHead("Malformed Transfer-Encoding")
        if headers.get(b"Expect", b"").lower() == b"100-continue":
            headers[b"Expect"] = b"100-Continue"
        return headers


def check_request(request: Any) -> None:
    """Check what depends on the protocol's version, once cheroot has read the head. Raises MalformedHead."""
    headers = request.inheaders
    if b"Transfer-Encoding" in headers and not request.chunked_read:
        raise MalformedHead("Transfer-Encoding in HTTP/1.0, or an empty one")
    host = headers.get(b"Host")
    if host is None:
        if request.response_protocol == "HTTP/1.1":
            raise MalformedHead("The Host header is missing")
    elif not _HOST.fullmatch(host):
        raise MalformedHead("Malformed Host header")
