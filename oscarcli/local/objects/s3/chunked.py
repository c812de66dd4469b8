"""The `aws-chunked` encoding: a body in chunks with lengths, signatures and trailing headers of its own.

It lies inside HTTP's own framing, whichever that is. Three forms are in use: chunks without signatures
followed by a trailing checksum, signed chunks, and signed chunks followed by a signed trailer. Source:
"Signature calculations: transferring payload in multiple chunks" of the S3 API reference.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import Readable
from oscarcli.local.objects.s3.authorization import ChunkSigner

if TYPE_CHECKING:
    from hashlib import _Hash

UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
FORMS = (UNSIGNED_TRAILER, SIGNED, SIGNED_TRAILER)

_MAX_LINE_BYTES = 4096
_READ_BLOCK = 1 << 18
_SIGNATURE = "chunk-signature="
_TRAILER_SIGNATURE = "x-amz-trailer-signature"


class ChunkedBody:
    """Decodes an aws-chunked body. `trailers` is filled, by lower-case name, once the end was read.

    Args:
        stream: the body as HTTP delivers it.
        form: one of `FORMS`.
        signer: checks signatures, for the signed forms.

    A chunk is handed on while it is read, before its signature can be checked: the reader must not use
    anything until the end was reached without an error.
    """

    def __init__(self, stream: Readable, form: str, signer: ChunkSigner) -> None:
        self._stream = stream
        self._signer = None if form == UNSIGNED_TRAILER else signer
        self._has_trailer = form != SIGNED
        self._buffer = b""
        self._position = 0
        self._left = 0
        self._digest: _Hash | None = None
        self._signature = ""
        self._finished = False
        self.trailers: Mapping[str, str] = {}

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes of content, empty at the end. Raises S3Error."""
        if not self._left and not self._finished:
            self._next_chunk()
        if self._finished:
            return b""
        data = self._take(min(size, self._left))
        self._left -= len(data)
        if self._digest is not None:
            self._digest.update(data)
        if not self._left:
            self._end_chunk()
        return data

    def _next_chunk(self) -> None:
        size, _, extension = self._line().partition(";")
        try:
            self._left = int(size, 16)
        except ValueError as error:
            raise _malformed() from error
        if self._left < 0:
            raise _malformed()
        if self._signer is not None:
            if not extension.strip().startswith(_SIGNATURE):
                raise _malformed()
            self._signature = extension.strip()[len(_SIGNATURE) :]
            self._digest = hashlib.sha256()
        if not self._left:
            self._check_signature()
            self._finished = True
            self._read_trailer()

    def _end_chunk(self) -> None:
        if self._line():
            raise _malformed()
        self._check_signature()

    def _check_signature(self) -> None:
        if self._signer is not None and self._digest is not None:
            self._signer.check_chunk(self._digest.hexdigest(), self._signature)

    def _read_trailer(self) -> None:
        trailers: dict[str, str] = {}
        for line in self._last_lines():
            name, separator, value = line.partition(":")
            if not separator or not self._has_trailer or len(trailers) > 10:
                raise S3Error("MalformedTrailerError")
            trailers[name.strip().lower()] = value.strip()
        signature = trailers.pop(_TRAILER_SIGNATURE, "")
        if self._signer is not None and self._has_trailer:
            text = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
            self._signer.check_trailer(text.encode("latin-1"), signature)
        self.trailers = trailers

    def _last_lines(self) -> Iterator[str]:
        r"""Give what follows the last chunk, without blank lines.

        Only the end of the body ends it, for clients differ in where they put those: minio-go writes
        `name:value\n\r\nx-amz-trailer-signature:...`, others no blank line at all.
        """
        while self._buffered() or self._fill():
            if line := self._line():
                yield line

    def _line(self) -> str:
        while (end := self._buffer.find(b"\n", self._position)) < 0:
            if self._buffered() > _MAX_LINE_BYTES:
                raise _malformed()
            if not self._fill():
                raise S3Error("IncompleteBody")
        if end - self._position > _MAX_LINE_BYTES:
            raise _malformed()
        line = self._buffer[self._position : end]
        self._position = end + 1
        return line.rstrip(b"\r").decode("latin-1")

    def _take(self, size: int) -> bytes:
        if self._buffered():
            data = self._buffer[self._position : self._position + size]
            self._position += len(data)
        else:
            # Large chunks pass through in the reader's own block size.
            data = self._stream.read(size)
        if not data:
            raise S3Error("IncompleteBody")
        return data

    def _buffered(self) -> int:
        return len(self._buffer) - self._position

    def _fill(self) -> bool:
        data = self._stream.read(_READ_BLOCK)
        self._buffer = self._buffer[self._position :] + data
        self._position = 0
        return bool(data)


def _malformed() -> S3Error:
    return S3Error("InvalidRequest", "The aws-chunked body is not well-formed.")
