"""What is in objects: the beginning of one, or all of it piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

from oscarcli.storage.base import Reader, Storage
from oscarcli.storage.location import Location

PIECE_BYTES = 1 << 20


def first_bytes(storage: Storage, location: Location, most: int) -> bytes:
    """Return so many of an object's first bytes, or all that it has. Raises OscarError."""
    count = min(most, storage.stat(location).size)
    if not count:
        # A range of an empty object is refused.
        return b""
    with closing(storage.read(location, length=count)) as reader:
        return b"".join(pieces_of(reader))


def pieces(storage: Storage, location: Location, opened: Callable[[Reader], None]) -> Iterator[bytes]:
    """Yield all of an object.

    Args:
        storage: where it is.
        location: the object.
        opened: given what it is read with, to be able to interrupt it.

    Raises:
        OscarError: it cannot be read to its end.
    """
    with closing(storage.read(location)) as reader:
        opened(reader)
        yield from pieces_of(reader)


def pieces_of(reader: Reader) -> Iterator[bytes]:
    """Yield what a reader has."""
    while piece := reader.read(PIECE_BYTES):
        yield piece
