"""The content of an upload in one request, and whether what arrived is what was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oscarcli.errors import RefusedError
from oscarcli.storage.digests import Digest, new_digest
from oscarcli.storage.file_server.checksums import ALGORITHMS
from oscarcli.storage.source import Source, UploadPart
from oscarcli.storage.wire.connection import StreamedBody

# Pieces of a stream are held in memory, one at a time.
STREAM_PART_BYTES = 8 << 20
# What is computed of a stream, which cannot be read a second time.
STREAM_ALGORITHMS = ("adler32", "md5")


class SentContent:
    """What an upload sends.

    Args:
        source: a file is sent with its length, and again when that fails; a stream in chunks, once.

    Attributes:
        body: for the request.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._digests: dict[str, Digest] = {}
        self._count = 0
        self._part: UploadPart | None = None
        if source.size is None:
            self._digests = {name: new_digest(name) for name in STREAM_ALGORITHMS}
            self.body: UploadPart | StreamedBody = StreamedBody(
                self._counted(source.sections(STREAM_PART_BYTES))
            )
        else:
            self._part = self.body = next(source.sections(max(source.size, 1)))

    def _counted(self, parts: Iterator[UploadPart]) -> Iterator[UploadPart]:
        for part in parts:
            part.feed(*self._digests.values())
            self._count += len(part)
            yield part

    def sent(self) -> None:
        """Take note that all of it was taken, also where a server did not need to read it."""
        if self._part is not None:
            self._part.sent()

    def check(self) -> None:
        """Raise RefusedError when what was read cannot be one version of the content."""
        self._source.check_unchanged()

    def compare(self, size: int, checksums: Mapping[str, str], doing: str) -> None:
        """Raise RefusedError when what a server has is not what was sent, by size or by a digest.

        Args:
            size: of what it has, in bytes.
            checksums: its digests of it, by algorithm.
            doing: what was tried, for the message.
        """
        expected = self._count if self._part is None else len(self._part)
        if size != expected:
            raise RefusedError(f"{doing}: {expected} bytes were sent, the stored object has {size}")
        for algorithm in ALGORITHMS:
            ours = self._digest(algorithm) if algorithm in checksums else None
            if ours is not None:
                if ours != checksums[algorithm]:
                    raise RefusedError(f"{doing}: the stored object's digest is not that of what was sent")
                return

    def _digest(self, algorithm: str) -> str | None:
        """Return a digest of what was sent; `None` for one that a stream does not have any more."""
        if self._part is None:
            return self._digests[algorithm].hexdigest() if algorithm in self._digests else None
        return self._part.digest(algorithm).hex()
