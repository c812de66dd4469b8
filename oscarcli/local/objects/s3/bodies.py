"""What a client sends, held to all that the headers of its request promise."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from oscarcli.local.http.messages import Request
from oscarcli.local.objects import checksums
from oscarcli.local.objects.blobs import MAX_SMALL_BYTES
from oscarcli.local.objects.body_reader import MAX_UPLOAD_BYTES, BodyReader, DeclaredBody
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.s3.authorization import Authorization
from oscarcli.local.objects.s3.chunked import FORMS, ChunkedBody
from oscarcli.local.objects.s3.signatures import UNSIGNED_PAYLOAD

# More digits than any length in bytes has, so that a number of thousands of digits is never read.
_MAX_LENGTH_DIGITS = 20
# The algorithm of each.
_CHECKSUM_HEADERS = {checksums.header_name(algorithm): algorithm for algorithm in checksums.ALGORITHMS}
_SHA256 = re.compile(r"[0-9a-f]{64}")


def receive(
    request: Request, authorization: Authorization, *, limit: int = MAX_UPLOAD_BYTES, checksum: bool = True
) -> BodyReader:
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
    is_digest = _SHA256.fullmatch(word) is not None
    chunked = None
    size = request.content_length
    if word in FORMS and authorization.chunks is not None:
        chunked = ChunkedBody(request.body, word, authorization.chunks)
        size = _decoded_length(request)
    elif word.startswith("STREAMING-"):
        raise S3Error("NotImplemented", f"Bodies of the form {word} are not supported.")
    elif word != UNSIGNED_PAYLOAD and not is_digest:
        raise S3Error(
            "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-..., or a valid sha256 value.",
        )
    if size is not None and size > limit:
        raise S3Error("EntityTooLarge")
    algorithm, expected = _announced_checksum(request, chunked) if checksum else ("", str)
    announced = DeclaredBody(
        size=size,
        md5=_content_md5(request),
        sha256=word if is_digest else None,
        algorithm=algorithm,
        checksum=expected,
    )
    is_here = request.body_is_here and (size or 0) <= MAX_SMALL_BYTES
    return BodyReader(chunked or request.body, announced, limit, is_here=is_here)


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
    direct = [name for name in _CHECKSUM_HEADERS if name in request.headers]
    words = request.headers.get("x-amz-trailer", "").lower().split(",")
    trailing = [word for word in map(str.strip, words) if word in _CHECKSUM_HEADERS]
    if len(direct) + len(trailing) > 1:
        raise checksums.invalid()
    if direct:
        algorithm = _CHECKSUM_HEADERS[direct[0]]
        value = checksums.check_value(algorithm, request.headers[direct[0]])
        return algorithm, lambda: value
    if trailing:
        algorithm = _CHECKSUM_HEADERS[trailing[0]]
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
