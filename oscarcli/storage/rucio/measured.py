"""A source whose digests Rucio's catalogue is told."""

from __future__ import annotations

from collections.abc import Iterator

from oscarcli.storage.digests import Digest, new_digest
from oscarcli.storage.rucio.documents import FILE, RucioFile
from oscarcli.storage.source import Origin, Source, UploadPart

ALGORITHMS = ("adler32", "md5")


class MeasuredSource:
    """A source that is measured: a file before it is sent, a stream on its way. See `Source`.

    Args:
        source: what is sent.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._digests: dict[str, Digest] = {name: new_digest(name) for name in ALGORITHMS}
        self._count = 0
        if source.size is not None:
            self._feed(next(source.sections(max(source.size, 1))))

    @property
    def origin(self) -> Origin | None:
        """Which file it is."""
        return self._source.origin

    @property
    def size(self) -> int | None:
        """Bytes in it; `None` for a stream."""
        return self._source.size

    @property
    def count(self) -> int:
        """Bytes that were measured: all, when a stream has come to its end."""
        return self._count

    @property
    def digests(self) -> dict[str, str]:
        """Hexadecimal digests of what was measured, by algorithm."""
        return {name: digest.hexdigest() for name, digest in self._digests.items()}

    def is_content_of(self, file: RucioFile) -> bool:
        """Tell whether a file has what was measured; of one without digests nobody knows."""
        known = file.checksums.items()
        is_same = file.size == self.count and known <= self.digests.items()
        return file.kind == FILE and bool(known) and is_same

    def sections(self, length: int) -> Iterator[UploadPart]:
        """Yield the pieces."""
        for part in self._source.sections(length):
            if self._source.size is None:
                self._feed(part)
            yield part

    def check_unchanged(self) -> None:
        """Raise RefusedError when the file was written to since it was opened."""
        self._source.check_unchanged()

    def _feed(self, part: UploadPart) -> None:
        part.feed(*self._digests.values())
        self._count += len(part)
