"""A form with a file, as browsers send it (`multipart/form-data`, RFC 7578): fields first, then the file.

The file is not read here but handed on as a stream, so that memory stays bounded whatever its size.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from email.utils import collapse_rfc2231_value

from oscarcli.local.http.messages import Request
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import Readable

MEDIA_TYPE = "multipart/form-data"
FILE_FIELD = "file"

# All fields together, with their headers, in bytes; and how many. S3 takes 20 KB.
MAX_FIELDS_BYTES = 1 << 20
MAX_FIELDS = 1000
_MAX_BOUNDARY = 70
_READ_BLOCK = 1 << 16


@dataclass(frozen=True)
class Form:
    """What came before the file, and the file.

    `fields` are by lower-case name, as text; `repeated` names those that were sent more than once, of which
    the first counts. `file_name` has no folders.
    """

    fields: Mapping[str, str]
    repeated: frozenset[str]
    file_name: str
    file: Readable


def is_form(request: Request) -> bool:
    """Tell whether the request's body is a form with files."""
    return request.headers.get("content-type", "").lower().startswith(MEDIA_TYPE)


def read_form(request: Request) -> Form:
    """Read a form up to its file. What follows the file is ignored, as S3 does.

    Raises:
        S3Error: MalformedPOSTRequest.
        ConnectionLost: the sender went away.
    """
    body = _Parts(request.body, _boundary(request))
    fields: dict[str, str] = {}
    repeated: set[str] = set()
    while (head := body.next_head()) is not None:
        name = _parameter(head, "name").lower()
        if name == FILE_FIELD:
            file_name = re.split(r"[/\\]", _parameter(head, "filename"))[-1]
            return Form(fields, frozenset(repeated), file_name, body)
        value = body.value()
        if name in fields:
            repeated.add(name)
        elif name:
            fields[name] = value
    raise malformed("the file is missing")


def malformed(reason: str) -> S3Error:
    """Return the error for a form that is none."""
    message = f"The body of your POST request is not well-formed multipart/form-data. ({reason})"
    return S3Error("MalformedPOSTRequest", message)


class _Parts:
    """Cuts a body at its boundaries; `read` gives the content of the part that was begun last."""

    def __init__(self, stream: Readable, boundary: bytes) -> None:
        self._stream = stream
        self._delimiter = b"\r\n--" + boundary
        # The first boundary need not follow a line break.
        self._buffer = b"\r\n"
        self._fields_bytes = 0
        self._count = 0

    def next_head(self) -> Message | None:
        """Go on to the next part and return its headers, None after the last."""
        self._count += 1
        if self._count > MAX_FIELDS:
            raise malformed("too many fields")
        self._drain()
        self._buffer = self._buffer[len(self._delimiter) :]
        if self._buffer.startswith(b"--"):
            return None
        self._line()
        lines = list(iter(self._line, b""))
        return HeaderParser().parsestr(b"\r\n".join([*lines, b"", b""]).decode(errors="replace"))

    def value(self) -> str:
        """Return the whole content of a small part."""
        return self._drain().decode(errors="replace")

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes of the content, empty at its end."""
        while (end := self._end()) is None:
            self._fill()
        data = self._buffer[: min(size, end)]
        self._buffer = self._buffer[len(data) :]
        return data

    def _end(self) -> int | None:
        """Return how far the buffer surely is content, 0 at a boundary, None when more must be read."""
        start = 0
        while (found := self._buffer.find(self._delimiter, start)) >= 0:
            after = self._buffer[found + len(self._delimiter) :][:2]
            if after == b"--" or after[:1] in (b" ", b"\t", b"\r"):
                return found
            if len(after) < 2:
                return found or None
            # What goes on otherwise is content that begins like a boundary.
            start = found + 1
        return max(len(self._buffer) - len(self._delimiter), 0) or None

    def _drain(self) -> bytes:
        return b"".join(iter(lambda: self._counted(self.read(_READ_BLOCK)), b""))

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > MAX_FIELDS_BYTES:
                raise malformed("its fields are too long")
            self._fill()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return self._counted(line)

    def _counted(self, data: bytes) -> bytes:
        self._fields_bytes += len(data)
        if self._fields_bytes > MAX_FIELDS_BYTES:
            raise malformed("its fields are too long")
        return data

    def _fill(self) -> None:
        data = self._stream.read(_READ_BLOCK)
        if not data:
            raise malformed("it breaks off")
        self._buffer += data


def _boundary(request: Request) -> bytes:
    head = Message()
    head["Content-Type"] = request.headers.get("content-type", "")
    boundary = head.get_param("boundary", "")
    text = boundary if isinstance(boundary, str) else ""
    if not 0 < len(text) <= _MAX_BOUNDARY:
        raise malformed("no boundary")
    return text.encode("latin-1", "replace")


def _parameter(head: Message, name: str) -> str:
    """Return a parameter of the Content-Disposition, "" for none."""
    return collapse_rfc2231_value(head.get_param(name, "", "content-disposition") or "")
