"""What is uploaded: pieces of a file or of a stream, each readable more than once.

A piece is hashed, signed and sent, and sent again after a broken connection, without being held in memory
when it comes from a file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from oscarcli.errors import OscarError, RefusedError
from oscarcli.storage.cancel import Cancellation
from oscarcli.storage.digests import Digest, new_digest

HASH_BLOCK_BYTES = 1 << 20

Advance = Callable[[int], None]
ReadAt = Callable[[int, int], bytes]


class OpenFile(Protocol):
    """A file that the system may read by itself."""

    def fileno(self) -> int:
        """Return its descriptor, which is none of a file any more once it is closed."""
        ...


class UploadPart:
    """A piece of a source as a binary file: `read`, `seek`, `tell` and `len`.

    Args:
        read_at: gives `length` bytes from `offset` of the piece, fewer only where the source ends.
        length: of the piece, in bytes.
        advance: told how many bytes were sent, as a negative number when they have to be sent again.
        cancellation: checked at every read; whoever sends pieces on their own may set another one.
        file: the open file that the piece is in, and where it starts there; `None` when it is in memory.
    """

    def __init__(
        self,
        read_at: ReadAt,
        length: int,
        advance: Advance,
        cancellation: Cancellation,
        file: tuple[OpenFile, int] | None = None,
    ) -> None:
        self.file = file
        self._read_at = read_at
        self._length = length
        self._advance = advance
        self.cancellation = cancellation
        self._position = 0
        self._reported = 0
        # Whoever signs a request reads the body as well; only what is read for sending is progress.
        self.sending = False

    def __len__(self) -> int:
        return self._length

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes, at most `size`. Raises RefusedError when the source became shorter."""
        self.cancellation.check()
        left = self._length - self._position
        wanted = left if size is None or size < 0 else min(size, left)
        data = self._read_at(self._position, wanted) if wanted else b""
        if len(data) < wanted:
            raise RefusedError("the local file became shorter while it was read")
        self._position += len(data)
        if self.sending:
            self._report(self._position)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to `offset` as of `whence` and return the new position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def report_sent(self) -> None:
        """Count what is before the position as sent."""
        self._report(self._position)

    def sent(self) -> None:
        """Count the whole piece as sent, however it was read."""
        self._report(self._length)

    def discard(self) -> None:
        """Let go of the content; the piece cannot be read any more."""
        self._read_at = _nothing

    def feed(self, *digests: Digest) -> None:
        """Add the whole piece to digests and go back to its start, without counting that as progress."""
        self.sending = False
        self.seek(0)
        while block := self.read(HASH_BLOCK_BYTES):
            for digest in digests:
                digest.update(block)
        self.seek(0)

    def digest(self, algorithm: str) -> bytes:
        """Return a digest of the whole piece, one of DIGEST_BYTES, and go back to its start."""
        digest = new_digest(algorithm)
        self.feed(digest)
        return digest.digest()

    def _report(self, position: int) -> None:
        if position != self._reported:
            self._advance(position - self._reported)
            self._reported = position


def _nothing(_offset: int, _size: int) -> bytes:
    return b""


@dataclass(frozen=True)
class Origin:
    """Which version of which file a source is.

    Args:
        path: a whole one.
        size: in bytes.
        modified: time of the last change, in nanoseconds.
        file: numbers of the device and of the file on it.
    """

    path: str
    size: int
    modified: int
    file: tuple[int, int]


class Source(Protocol):
    """Something to upload."""

    @property
    def origin(self) -> Origin | None:
        """Where it comes from; `None` when it cannot be read again."""
        ...

    @property
    def size(self) -> int | None:
        """How many bytes, `None` when only the end will tell."""
        ...

    def sections(self, length: int) -> Iterator[UploadPart]:
        """Yield pieces of `length` bytes in order, the last one shorter; one empty piece for no content."""
        ...

    def check_unchanged(self) -> None:
        """Raise RefusedError when what was read cannot be one version of the content."""
        ...


class FileSource:
    """A file on disk; pieces read it independently of each other. Use it as a context manager.

    Args:
        path: an existing regular file.
        advance: told how many bytes were sent.
        cancellation: of the transfer.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path, advance: Advance, cancellation: Cancellation) -> None:
        self._path = path
        self._advance = advance
        self._cancellation = cancellation
        # Pieces are read at their own places.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._state = os.fstat(self._descriptor)

    def __enter__(self) -> FileSource:
        return self

    def __exit__(self, *_: object) -> None:
        # Forgotten first: a thread that was left behind must not read what is opened next in its place.
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)

    def fileno(self) -> int:
        """Return the descriptor, -1 once it is closed."""
        return self._descriptor

    @property
    def origin(self) -> Origin:
        """The file as it was when it was opened."""
        state = self._state
        path = os.path.realpath(self._path)
        return Origin(path, state.st_size, state.st_mtime_ns, (state.st_dev, state.st_ino))

    @property
    def size(self) -> int:
        """Bytes in the file when it was opened."""
        return self._state.st_size

    def sections(self, length: int) -> Iterator[UploadPart]:
        """Yield the pieces of the file."""
        for start in range(0, max(self.size, 1), length):
            yield self._section(start, min(length, self.size - start))

    def _section(self, start: int, length: int) -> UploadPart:
        def read_at(offset: int, size: int) -> bytes:
            try:
                return os.pread(self._descriptor, size, start + offset)
            except OSError as error:
                # Under a class of its own: among errors of the connection it would look like one.
                raise OscarError(f'read "{self._path}": {error.strerror}') from error

        return UploadPart(read_at, length, self._advance, self._cancellation, (self, start))

    def check_unchanged(self) -> None:
        """Raise RefusedError when the file was written to since it was opened."""
        now = os.fstat(self._descriptor)
        if (now.st_size, now.st_mtime_ns) != (self._state.st_size, self._state.st_mtime_ns):
            raise RefusedError(f'the local file "{self._path}" was changed while it was read')


class StreamSource:
    """A stream that can be read once, such as standard input; each piece is held in memory.

    Args:
        descriptor: of the stream. Not a file object: its lock, held by a thread that waits for input, would
            keep the interpreter from ending.
        advance: told how many bytes were sent.
        cancellation: of the transfer.
    """

    size = None
    origin = None

    def __init__(self, descriptor: int, advance: Advance, cancellation: Cancellation) -> None:
        self._descriptor = descriptor
        self._advance = advance
        self._cancellation = cancellation

    def sections(self, length: int) -> Iterator[UploadPart]:
        """Yield the pieces of the stream."""
        section = self._next(length)
        while True:
            is_full = len(section) == length
            yield section
            # Not two pieces at the same time: each one is a good part of the memory that is used.
            del section
            if not is_full:
                return
            section = self._next(length)
            if not len(section):
                return

    def _next(self, length: int) -> UploadPart:
        data = bytearray(length)
        filled = 0
        while filled < length:
            self._cancellation.check()
            count = os.readv(self._descriptor, [memoryview(data)[filled:]])
            if not count:
                break
            filled += count
        del data[filled:]

        def read_at(offset: int, size: int) -> bytes:
            return bytes(memoryview(data)[offset : offset + size])

        return UploadPart(read_at, filled, self._advance, self._cancellation)

    def check_unchanged(self) -> None:
        """A stream has no second version."""
