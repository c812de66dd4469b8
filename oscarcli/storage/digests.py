"""What computes digests of a content: those of hashlib, and the checksums of zlib."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from typing import Protocol

# Those that a provider may name, by their size in bytes; the first one that is known is compared. That is the
# cheapest one but for Adler-32, which tells little of short contents.
DIGEST_BYTES = {"crc32": 4, "md5": 16, "sha1": 20, "adler32": 4}


# Content in memory, which may be in a buffer that is filled anew afterwards.
Content = bytes | memoryview


class Digest(Protocol):
    """A digest that is being computed."""

    def update(self, data: Content, /) -> object:
        """Take the next bytes."""
        ...

    def digest(self) -> bytes:
        """Return the digest of all bytes so far."""
        ...

    def hexdigest(self) -> str:
        """Return it in hexadecimal digits."""
        ...


class _Checksum:
    """A checksum of 32 bits.

    Args:
        compute: returns it for more bytes from what it was before.
        value: that of nothing.
    """

    def __init__(self, compute: Callable[[Content, int], int], value: int) -> None:
        self._compute, self._value = compute, value

    def update(self, data: Content, /) -> None:
        """Take the next bytes."""
        self._value = self._compute(data, self._value)

    def digest(self) -> bytes:
        """Return the checksum of all bytes so far."""
        return self._value.to_bytes(4, "big")

    def hexdigest(self) -> str:
        """Return it in eight digits."""
        return self.digest().hex()


def new_digest(algorithm: str) -> Digest:
    """Return what computes one of DIGEST_BYTES."""
    if algorithm == "crc32":
        return _Checksum(zlib.crc32, 0)
    if algorithm == "adler32":
        return _Checksum(zlib.adler32, 1)
    return hashlib.new(algorithm, usedforsecurity=False)


def md5() -> Digest:
    """Return what computes an MD5."""
    return new_digest("md5")
