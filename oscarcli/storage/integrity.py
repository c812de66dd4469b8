"""Whether what arrived is what was stored: by the digest of the whole, or by those of its parts.

In S3 an object that was sent in one request has the MD5 of its content for an ETag; some providers name a
CRC-32, grid storage an Adler-32, Nextcloud a SHA-1. The ETag of one that was sent in parts is the MD5 of the
parts' MD5s: it tells as much for whoever knows where the parts end. Digests are computed as the bytes arrive,
each part's by the thread that receives it; only what came out of order, or in an earlier run, is read once
more from the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Protocol

from oscarcli.crc_combination import CRC32_POLYNOMIAL, CrcCombination
from oscarcli.storage.base import PartSizes, StoredObject
from oscarcli.storage.digests import DIGEST_BYTES, Content, Digest, md5, new_digest
from oscarcli.storage.etag import multipart_etag, part_sizes

MIB = 1 << 20
CRC32_BYTES = DIGEST_BYTES["crc32"]
# Stretches of the content whose CRC-32s are computed each by itself, in any order.
CRC32_UNIT_BYTES = 16 * MIB

ReadAt = Callable[[int, int], bytes]


@cache
def _crc32_combination() -> CrcCombination:
    return CrcCombination(8 * CRC32_BYTES, CRC32_POLYNOMIAL)


def combined_crc32(units: Iterable[tuple[int, int]]) -> bytes:
    """Return the CRC-32 of a content, four bytes, from CRC-32 and size of each stretch, in order."""
    value, combine = 0, _crc32_combination().combine
    for checksum, size in units:
        value = combine(value, checksum, size)
    return value.to_bytes(CRC32_BYTES, "big")


class _Unit:
    """A stretch of the content with a digest of its own, and how far that has come."""

    def __init__(self, start: int, end: int, running: Digest) -> None:
        self.position, self.end, self.running = start, end, running

    def take(self, data: Content) -> None:
        self.running.update(data)
        self.position += len(data)


class UnitDigests:
    """Digests of stretches of one length, the last one shorter. Threads may hand over different stretches.

    Args:
        size: of the content, in bytes.
        length: of a stretch.
        new: gives what computes a digest.

    Attributes:
        sizes: of the stretches, in bytes.
    """

    def __init__(self, size: int, length: int, new: Callable[[], Digest]) -> None:
        self._length = length
        self._units = [_Unit(at, min(at + length, size), new()) for at in range(0, size, length)]
        self.sizes = [unit.end - unit.position for unit in self._units]

    def update(self, data: Content, position: int) -> None:
        """Take bytes that arrived; those that do not follow what came before in their stretch are left."""
        while data:
            unit = self._units[position // self._length]
            block, data = data[: unit.end - position], data[unit.end - position :]
            if unit.position == position:
                unit.take(block)
            position += len(block)

    def digests(self, read: ReadAt | None) -> list[bytes]:
        """Return all digests.

        Args:
            read: gives at most so many bytes from a position of the content; `None` where it cannot be read
                again.
        """
        for unit in self._units:
            while read is not None and unit.position < unit.end:
                block = read(unit.position, min(MIB, unit.end - unit.position))
                if not block:
                    break
                unit.take(block)
        return [unit.running.digest() for unit in self._units]


class ContentCheck(Protocol):
    """Compares what arrives with what a provider told of it."""

    def update(self, data: Content, position: int) -> None:
        """Take bytes that arrived."""
        ...

    def is_intact(self, read: ReadAt | None) -> bool | None:
        """Tell whether all is as it was stored; `None` when that cannot be told.

        Args:
            read: as for `UnitDigests.digests`.
        """
        ...


class WholeCheck:
    """By a digest of the whole content.

    Args:
        size: of the content, in bytes.
        digest: what it has to be.
        new: gives what computes it.
    """

    def __init__(self, size: int, digest: bytes, new: Callable[[], Digest]) -> None:
        self._wanted = digest
        self._digests = UnitDigests(size, size, new)
        self.update = self._digests.update

    def is_intact(self, read: ReadAt | None) -> bool:
        """Tell whether all is as it was stored."""
        return self._digests.digests(read) == [self._wanted]


class PieceChecksums(Protocol):
    """Whoever computes CRC-32s of the pieces that arrive, for a purpose of its own."""

    def crc32s(self) -> list[tuple[int, int]] | None:
        """Return CRC-32 and size of each piece, in their order; `None` when not all of them are known."""
        ...


class Crc32Check:
    """By the CRC-32 of the whole content, made up of those of pieces.

    Args:
        size: of the content, in bytes.
        checksum: what it has to be, four bytes.
        pieces: who computes those of the pieces; `None` for nobody.
    """

    def __init__(self, size: int, checksum: bytes, pieces: PieceChecksums | None) -> None:
        self._wanted = checksum
        self._pieces = pieces
        self._digests = UnitDigests(size, CRC32_UNIT_BYTES, partial(new_digest, "crc32"))

    def update(self, data: Content, position: int) -> None:
        """Take bytes that arrived."""
        if self._pieces is None:
            self._digests.update(data, position)

    def is_intact(self, read: ReadAt | None) -> bool:
        """Tell whether all is as it was stored."""
        known = self._pieces.crc32s() if self._pieces is not None else None
        if known is None:
            values = (int.from_bytes(digest, "big") for digest in self._digests.digests(read))
            known = list(zip(values, self._digests.sizes, strict=True))
        return combined_crc32(known) == self._wanted


class PartsCheck:
    """By an ETag that was made of the MD5s of the parts.

    Args:
        size: of the content, in bytes.
        etag: such as "...-12".
        parts: asked how long the parts are, when that is not clear, or does not seem to be true.
    """

    def __init__(self, size: int, etag: str, parts: PartSizes) -> None:
        self._size, self._etag, self._parts = size, etag, parts
        self._count = int(etag.rpartition("-")[2])
        likely = part_sizes(size, self._count)
        self._is_asked = len(likely) != 1
        self._length = self._asked() if self._is_asked else likely[0]
        self._digests = UnitDigests(size, self._length, md5) if self._length else None

    def update(self, data: Content, position: int) -> None:
        """Take bytes that arrived."""
        if self._digests is not None:
            self._digests.update(data, position)

    def is_intact(self, read: ReadAt | None) -> bool | None:
        """Tell whether all is as it was stored; `None` when nobody knows where the parts end."""
        if self._digests is None:
            return None
        if multipart_etag(self._digests.digests(read)) == self._etag:
            return True
        length = self._length if self._is_asked else self._asked()
        if length == self._length:
            return False
        if not length or read is None:
            return None
        return multipart_etag(UnitDigests(self._size, length, md5).digests(read)) == self._etag

    def _asked(self) -> int:
        """Return how long the parts are, as far as the first and the last one tell; 0 for unknown."""
        first = self._parts.size_of(1)
        if not first or -(-self._size // first) != self._count:
            return 0
        last = first if self._count == 1 else self._parts.size_of(self._count)
        return first if last == self._size - (self._count - 1) * first else 0


def content_check(*told: StoredObject, pieces: PieceChecksums | None = None) -> ContentCheck | None:
    """Return the cheapest check that is possible, `None` when there is no digest to compare with.

    Args:
        told: what answers told of one object, the latest one last.
        pieces: who computes CRC-32s of the pieces anyway; `None` for nobody.
    """
    size = told[0].size
    if not size:
        return None
    # What was looked up first is what was asked for.
    digests = {name: value for one in reversed(told) for name, value in one.digests.items()}
    algorithm = next((name for name in DIGEST_BYTES if name in digests), None)
    if algorithm == "crc32":
        return Crc32Check(size, bytes.fromhex(digests[algorithm]), pieces)
    if algorithm is not None:
        return WholeCheck(size, bytes.fromhex(digests[algorithm]), partial(new_digest, algorithm))
    cut = next((one for one in reversed(told) if one.parts is not None), None)
    return None if cut is None or cut.parts is None else PartsCheck(size, str(cut.etag), cut.parts)
