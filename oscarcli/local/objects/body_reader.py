"""A stream being received: in blocks, counted, digested, and compared with what was announced."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from oscarcli.local.objects import checksums
from oscarcli.local.objects.errors import S3Error
from oscarcli.local.objects.model import Checksum, Readable

# The largest object, and the largest single upload: more goes in parts.
MAX_OBJECT_BYTES = 5 << 40
MAX_UPLOAD_BYTES = 5 << 30
MAX_DOCUMENT_BYTES = 4 << 20
# For more at a time a hasher offers the interpreter's lock to other threads, ...
PIECE_BYTES = 2047
# ... which is worth it from here on: to get it back takes as long as to digest a few thousand bytes.
MAX_UNSHARED_BYTES = 1 << 15


class DeclaredBody(NamedTuple):
    """What a sender said about the bytes; `None` and empty where nothing was said.

    `size` is in bytes, `md5` raw, `sha256` hex. With an `algorithm` that checksum is computed, and compared
    with what `checksum()` gives at the end (a trailing header may carry it), unless that is empty.
    """

    size: int | None = None
    md5: bytes | None = None
    sha256: str | None = None
    algorithm: str = ""
    checksum: Callable[[], str] = str


class BodyReader:
    """A stream being received. The end of it is only reported when everything announced was true.

    Args:
        stream: where the bytes come from.
        announced: what they are compared with.
        limit: most bytes taken.
        is_here: whether it is small, and reading it waits for nobody.
    """

    def __init__(
        self,
        stream: Readable,
        announced: DeclaredBody | None = None,
        limit: int = MAX_OBJECT_BYTES,
        *,
        is_here: bool = False,
    ) -> None:
        self.is_here = is_here
        self._stream = stream
        self._announced = announced or DeclaredBody()
        self._limit = limit
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if self._announced.sha256 else None
        algorithm = self._announced.algorithm
        self._hasher = checksums.new(algorithm) if algorithm else None
        self.size = 0

    @property
    def announced(self) -> DeclaredBody:
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
        for hasher in (self._md5, self._sha256, self._hasher):
            if hasher is not None:
                _digest(hasher, data)
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


def _digest(hasher: checksums.Hasher, data: bytes) -> None:
    if len(data) > MAX_UNSHARED_BYTES:
        hasher.update(data)
        return
    for start in range(0, len(data), PIECE_BYTES):
        hasher.update(data[start : start + PIECE_BYTES])
