"""Reading objects that may be replaced or deleted meanwhile.

A reader *holds* the content it reads: blobs of a held content that the index has given up are only removed
when the last reader is done. A crash in between leaves orphans, which the next start sweeps.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO, FileIO
from types import TracebackType

from oscarcli.local.objects.blobs import BLOCK_BYTES, Blobs
from oscarcli.local.objects.model import ObjectRecord, Piece


class BlobReferences:
    """Who reads what, and which blobs wait for that to end."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._readers: Counter[str] = Counter()
        self._waiting: dict[str, list[str]] = {}

    def hold(self, content: str) -> None:
        """Keep the blobs of `content` until `release`."""
        with self._lock:
            self._readers[content] += 1

    def release(self, content: str) -> None:
        """End one `hold`."""
        with self._lock:
            self._readers[content] -= 1
            if self._readers[content]:
                return
            del self._readers[content]
            blobs = self._waiting.pop(content, [])
        self._blobs.remove(blobs)

    def discard(self, content: str, blobs: Iterable[str]) -> None:
        """Remove blobs the index does not name any more, now or after the last reader."""
        with self._lock:
            if content in self._readers:
                self._waiting.setdefault(content, []).extend(blobs)
                return
        self._blobs.remove(blobs)

    def waiting(self) -> set[str]:
        """Return the blobs that are only there for a reader."""
        with self._lock:
            return {blob for blobs in self._waiting.values() for blob in blobs}


class ObjectReader:
    """Reads an object in order: a file-like object, and an iterable of blocks.

    Args:
        blobs: where the pieces are.
        holds: has a hold on this content, which `close` releases; `None` if no piece is a file.
        stored: the version that is read.
        pieces: all of its pieces, in order.
        small: the bytes of those blobs that are no files.
    """

    def __init__(
        self,
        blobs: Blobs,
        holds: BlobReferences | None,
        stored: ObjectRecord,
        pieces: Sequence[Piece],
        small: Mapping[str, bytes],
    ) -> None:
        self.pieces = pieces
        self._blobs = blobs
        self._holds = holds
        self._content = stored.content
        self._next = iter(pieces)
        self._skip = 0
        self._left = stored.size
        self._small = small
        self._file: BytesIO | FileIO | None = None

    def narrow(self, start: int, length: int) -> None:
        """Read only `length` bytes from `start` on; to be called before the first read."""
        self._skip = start
        self._left = length

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes (all that are left when negative), empty at the end. Raises OSError."""
        if size < 0:
            return b"".join(self)
        data = b""
        while size > 0 and self._left > 0 and not data:
            if self._file is None:
                self._file = self._open_next()
            data = self._file.read(min(size, self._left)) or b""
            if not data:
                self._close_file()
        self._left -= len(data)
        return data

    def _open_next(self) -> BytesIO | FileIO:
        for piece in self._next:
            if self._skip >= piece.size:
                self._skip -= piece.size
                continue
            data = self._small.get(piece.blob)
            file = self._blobs.open(piece.blob) if data is None else BytesIO(data)
            file.seek(self._skip)
            self._skip = 0
            return file
        raise OSError(f"{self._left} bytes of the object are missing")

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Let go of the object; harmless when repeated."""
        self._close_file()
        if self._holds is not None:
            holds, self._holds = self._holds, None
            holds.release(self._content)

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(BLOCK_BYTES), b"")

    def __enter__(self) -> ObjectReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
