"""The CRC of two texts in a row from those of each: what lets several threads compute the CRC of one file."""

from __future__ import annotations

from functools import lru_cache


class CrcCombination:
    """How CRCs of one kind are combined; reflected ones with all-ones start and final inversion.

    Args:
        width: bits, such as 32 or 64.
        polynomial: in reflected form.

    Attributes:
        bytes: of a CRC.
    """

    def __init__(self, width: int, polynomial: int) -> None:
        self.bytes = width // 8
        self._table = [_entry(index, polynomial) for index in range(256)]

    def combine(self, first: int, second: int, length: int) -> int:
        """Return the CRC of two texts in a row, from their CRCs and the length of the second in bytes."""
        return self._advance(first, length) ^ second

    def _advance(self, crc: int, length: int) -> int:
        """Return what `crc` becomes when `length` zero bytes follow, without start and final inversion."""
        power = 0
        while length:
            if length & 1:
                crc = _times(self._matrix(power), crc)
            length >>= 1
            power += 1
        return crc

    @lru_cache(maxsize=64)  # noqa: B019 -- instances live as long as the process
    def _matrix(self, power: int) -> list[int]:
        """Return the images of the single bits under 2**power zero bytes."""
        if power == 0:
            bits = [1 << bit for bit in range(8 * self.bytes)]
            return [self._table[bit & 0xFF] ^ (bit >> 8) for bit in bits]
        half = self._matrix(power - 1)
        return [_times(half, column) for column in half]


def _entry(index: int, polynomial: int) -> int:
    for _ in range(8):
        index = (index >> 1) ^ (polynomial if index & 1 else 0)
    return index


def _times(matrix: list[int], vector: int) -> int:
    result = 0
    for column in matrix:
        if vector & 1:
            result ^= column
        vector >>= 1
    return result


CRC32_POLYNOMIAL = 0xEDB88320
