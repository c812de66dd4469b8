"""What a client sends: received in blocks, counted, digested, and compared with what was announced."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from oscarcli.local.http.messages import Request
from oscarcli.local.objects import checksums
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import Checksum, Readable
from oscarcli.local.objects.s3.authorization import Authorization
from oscarcli.local.objects.s3.chunked import FORMS, ChunkedBody
from oscarcli.local.objects.s3.signatures import UNSIGNED_PAYLOAD

# The largest object, and the largest single upload: more goes in parts.
OBJECT_LIMIT = 5 << 40
UPLOAD_LIMIT = 5 << 30
DOCUMENT_LIMIT = 4 << 20
# More digits than any length in bytes has, so that a number of thousands of digits is never read.
_MAX_LENGTH_DIGITS = 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Announced:
    """What a sender said about the bytes; `None` and empty where nothing was said.

    `size` is in bytes, `md5` raw, `sha256` hex. With an `algorithm` that checksum is computed, and compared
    with what `checksum()` gives at the end (a trailing header may carry it), unless that is empty.
    """

    size: int | None = None
    md5: bytes | None = None
    sha256: str | None = None
    algorithm: str = ""
    checksum: Callable[[], str] = str


class Intake:
    """A stream being received. The end of it is only reported when everything announced was true.

    Args:
        stream: where the bytes come from.
        announced: what they are compared with.
        limit: most bytes taken.
    """

    def __init__(
        self, stream: Readable, announced: Announced | None = None, limit: int = OBJECT_LIMIT
    ) -> None:
        self._stream = stream
        self._announced = announced or Announced()
        self._limit = limit
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if self._announced.sha256 else None
        algorithm = self._announced.algorithm
        self._hasher = checksums.new(algorithm) if algorithm else None
        self.size = 0

    @property
    def announced(self) -> Announced:
        """What the sender said."""
        return self._announced

    @property
    def etag(self) -> str:
        """MD5 in hex, of all bytes so far."""
        return self._md5.hexdigest()

    @property
    def checksum(self) -> Checksum | None:
        """The additional checksum of all bytes so far, where one was asked for."""
        if self._hasher is None:
            return None
        return Checksum(self._announced.algorithm, checksums.encoded(self._hasher))

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, empty at the end.

        Raises:
            S3Error: EntityTooLarge, or at the end what was not as announced.
            ConnectionLost: the sender went away.
        """
        data = self._stream.read(size)
        if not data:
            self._check()
            return b""
        self.size += len(data)
        if self.size > self._limit:
            raise S3Error("EntityTooLarge")
        self._md5.update(data)
        if self._sha256 is not None:
            self._sha256.update(data)
        if self._hasher is not None:
            self._hasher.update(data)
        return data

    def read_all(self) -> bytes:
        """Return everything, to be used with a small limit."""
        return b"".join(iter(lambda: self.read(1 << 16), b""))

    def _check(self) -> None:
        announced = self._announced
        if announced.size is not None and announced.size != self.size:
            raise S3Error("IncompleteBody")
        if announced.md5 is not None and announced.md5 != self._md5.digest():
            raise S3Error("BadDigest")
        if self._sha256 is not None and announced.sha256 != self._sha256.hexdigest():
            raise S3Error("XAmzContentSHA256Mismatch")
        expected = announced.checksum()
        if self._hasher is not None and expected and expected != checksums.encoded(self._hasher):
            raise S3Error("XAmzContentChecksumMismatch")


def receive(
    request: Request, authorization: Authorization, *, limit: int = UPLOAD_LIMIT, checksum: bool = True
) -> Intake:
    """Return the request's body as an intake that holds it to all the headers promise.

    Args:
        request: with the body.
        authorization: says how the body is signed.
        limit: most bytes.
        checksum: whether x-amz-checksum-* headers speak of this body; when completing an upload they speak
            of the object.

    Raises:
        S3Error: a header is malformed, or the announced length is over `limit` bytes.
    """
    word = authorization.payload_hash
    chunked = None
    size = request.content_length
    if word in FORMS and authorization.chunks is not None:
        chunked = ChunkedBody(request.body, word, authorization.chunks)
        size = _decoded_length(request)
    elif word.startswith("STREAMING-"):
        raise S3Error("NotImplemented", f"Bodies of the form {word} are not supported.")
    elif word != UNSIGNED_PAYLOAD and not _SHA256.fullmatch(word):
        raise S3Error(
            "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-..., or a valid sha256 value.",
        )
    if size is not None and size > limit:
        raise S3Error("EntityTooLarge")
    algorithm, expected = _announced_checksum(request, chunked) if checksum else ("", str)
    announced = Announced(
        size=size,
        md5=_content_md5(request),
        sha256=word if _SHA256.fullmatch(word) else None,
        algorithm=algorithm,
        checksum=expected,
    )
    return Intake(chunked or request.body, announced, limit)


def _decoded_length(request: Request) -> int:
    text = request.headers.get("x-amz-decoded-content-length", "")
    if not text.isascii() or not text.isdigit() or len(text) > _MAX_LENGTH_DIGITS:
        raise S3Error("MissingContentLength")
    return int(text)


def _content_md5(request: Request) -> bytes | None:
    text = request.headers.get("content-md5")
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise S3Error("InvalidDigest") from error
    if len(digest) != 16:
        raise S3Error("InvalidDigest")
    return digest


def _announced_checksum(request: Request, chunked: ChunkedBody | None) -> tuple[str, Callable[[], str]]:
    """Return the algorithm of the body's checksum ("" for none) and how to learn the expected value."""
    names = {checksums.header_name(algorithm): algorithm for algorithm in checksums.ALGORITHMS}
    direct = [name for name in names if name in request.headers]
    trailing = [word.strip().lower() for word in request.headers.get("x-amz-trailer", "").split(",")]
    trailing = [word for word in trailing if word in names]
    if len(direct) + len(trailing) > 1:
        raise checksums.invalid()
    if direct:
        algorithm = names[direct[0]]
        value = checksums.check_value(algorithm, request.headers[direct[0]])
        return algorithm, lambda: value
    if trailing:
        algorithm = names[trailing[0]]
        return algorithm, lambda: _checksum_of_trailer(algorithm, chunked)
    named = request.headers.get("x-amz-checksum-algorithm", "")
    if named:
        checksums.check_algorithm(named)
    return "", str


def _checksum_of_trailer(algorithm: str, chunked: ChunkedBody | None) -> str:
    trailers = {} if chunked is None else chunked.trailers
    value = trailers.get(checksums.header_name(algorithm))
    if value is None:
        raise S3Error("MalformedTrailerError")
    return checksums.check_value(algorithm, value)
